module attributes {weft.batch = 2 : i64, weft.microbatches = 1 : i64, weft.model = "tiny.onnx"} {
  weft.param @transformer.wte.weight : tensor<32x16xf32> trainable decay = #weft.normal<2.000000e-02 : f64>
  weft.param @transformer.wpe.weight : tensor<8x16xf32> trainable decay = #weft.normal<2.000000e-02 : f64>
  weft.param @transformer.h.0.ln_1.weight : tensor<16xf32> trainable decay = #weft.constant<1.000000e+00 : f64>
  weft.param @transformer.h.0.ln_1.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64>
  weft.param @transformer.h.0.attn.c_attn.weight : tensor<16x48xf32> trainable decay = #weft.normal<2.000000e-02 : f64>
  weft.param @transformer.h.0.attn.c_attn.bias : tensor<48xf32> trainable decay = #weft.constant<0.000000e+00 : f64>
  weft.param @transformer.h.0.attn.c_proj.weight : tensor<16x16xf32> trainable decay = #weft.normal<2.000000e-02 : f64>
  weft.param @transformer.h.0.attn.c_proj.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64>
  weft.param @transformer.h.0.ln_2.weight : tensor<16xf32> trainable decay = #weft.constant<1.000000e+00 : f64>
  weft.param @transformer.h.0.ln_2.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64>
  weft.param @transformer.h.0.mlp.c_fc.weight : tensor<16x64xf32> trainable decay = #weft.normal<2.000000e-02 : f64>
  weft.param @transformer.h.0.mlp.c_fc.bias : tensor<64xf32> trainable decay = #weft.constant<0.000000e+00 : f64>
  weft.param @transformer.h.0.mlp.c_proj.weight : tensor<64x16xf32> trainable decay = #weft.normal<2.000000e-02 : f64>
  weft.param @transformer.h.0.mlp.c_proj.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64>
  weft.param @transformer.ln_f.weight : tensor<16xf32> trainable decay = #weft.constant<1.000000e+00 : f64>
  weft.param @transformer.ln_f.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64>
  weft.state hyper @hyper : tensor<16xf64> = 0.000000e+00
  weft.state step @step : tensor<i64> = 0.000000e+00 checkpointed
  weft.state metric @loss_sum : tensor<f64> = 0.000000e+00
  weft.state metric @loss_count : tensor<f64> = 0.000000e+00
  weft.state metric @eval_loss_sum : tensor<f64> = 0.000000e+00
  weft.state metric @eval_loss_count : tensor<f64> = 0.000000e+00
  weft.state metric @grad_norm : tensor<f64> = 0.000000e+00
  weft.state metric @lr : tensor<f64> = 0.000000e+00
  weft.state moment @"adamw.m/transformer.wte.weight" : tensor<32x16xf32> = 0.000000e+00 of @transformer.wte.weight checkpointed
  weft.state moment @"adamw.v/transformer.wte.weight" : tensor<32x16xf32> = 0.000000e+00 of @transformer.wte.weight checkpointed
  weft.state moment @"adamw.m/transformer.wpe.weight" : tensor<8x16xf32> = 0.000000e+00 of @transformer.wpe.weight checkpointed
  weft.state moment @"adamw.v/transformer.wpe.weight" : tensor<8x16xf32> = 0.000000e+00 of @transformer.wpe.weight checkpointed
  weft.state moment @"adamw.m/transformer.h.0.ln_1.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_1.weight checkpointed
  weft.state moment @"adamw.v/transformer.h.0.ln_1.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_1.weight checkpointed
  weft.state moment @"adamw.m/transformer.h.0.ln_1.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_1.bias checkpointed
  weft.state moment @"adamw.v/transformer.h.0.ln_1.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_1.bias checkpointed
  weft.state moment @"adamw.m/transformer.h.0.attn.c_attn.weight" : tensor<16x48xf32> = 0.000000e+00 of @transformer.h.0.attn.c_attn.weight checkpointed
  weft.state moment @"adamw.v/transformer.h.0.attn.c_attn.weight" : tensor<16x48xf32> = 0.000000e+00 of @transformer.h.0.attn.c_attn.weight checkpointed
  weft.state moment @"adamw.m/transformer.h.0.attn.c_attn.bias" : tensor<48xf32> = 0.000000e+00 of @transformer.h.0.attn.c_attn.bias checkpointed
  weft.state moment @"adamw.v/transformer.h.0.attn.c_attn.bias" : tensor<48xf32> = 0.000000e+00 of @transformer.h.0.attn.c_attn.bias checkpointed
  weft.state moment @"adamw.m/transformer.h.0.attn.c_proj.weight" : tensor<16x16xf32> = 0.000000e+00 of @transformer.h.0.attn.c_proj.weight checkpointed
  weft.state moment @"adamw.v/transformer.h.0.attn.c_proj.weight" : tensor<16x16xf32> = 0.000000e+00 of @transformer.h.0.attn.c_proj.weight checkpointed
  weft.state moment @"adamw.m/transformer.h.0.attn.c_proj.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.attn.c_proj.bias checkpointed
  weft.state moment @"adamw.v/transformer.h.0.attn.c_proj.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.attn.c_proj.bias checkpointed
  weft.state moment @"adamw.m/transformer.h.0.ln_2.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_2.weight checkpointed
  weft.state moment @"adamw.v/transformer.h.0.ln_2.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_2.weight checkpointed
  weft.state moment @"adamw.m/transformer.h.0.ln_2.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_2.bias checkpointed
  weft.state moment @"adamw.v/transformer.h.0.ln_2.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_2.bias checkpointed
  weft.state moment @"adamw.m/transformer.h.0.mlp.c_fc.weight" : tensor<16x64xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_fc.weight checkpointed
  weft.state moment @"adamw.v/transformer.h.0.mlp.c_fc.weight" : tensor<16x64xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_fc.weight checkpointed
  weft.state moment @"adamw.m/transformer.h.0.mlp.c_fc.bias" : tensor<64xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_fc.bias checkpointed
  weft.state moment @"adamw.v/transformer.h.0.mlp.c_fc.bias" : tensor<64xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_fc.bias checkpointed
  weft.state moment @"adamw.m/transformer.h.0.mlp.c_proj.weight" : tensor<64x16xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_proj.weight checkpointed
  weft.state moment @"adamw.v/transformer.h.0.mlp.c_proj.weight" : tensor<64x16xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_proj.weight checkpointed
  weft.state moment @"adamw.m/transformer.h.0.mlp.c_proj.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_proj.bias checkpointed
  weft.state moment @"adamw.v/transformer.h.0.mlp.c_proj.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_proj.bias checkpointed
  weft.state moment @"adamw.m/transformer.ln_f.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.ln_f.weight checkpointed
  weft.state moment @"adamw.v/transformer.ln_f.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.ln_f.weight checkpointed
  weft.state moment @"adamw.m/transformer.ln_f.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.ln_f.bias checkpointed
  weft.state moment @"adamw.v/transformer.ln_f.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.ln_f.bias checkpointed
  func.func @task_step(%arg0: tensor<2x8xi64> {weft.limit = 32 : i64, weft.name = "input_ids", weft.role = "tokens"}, %arg1: tensor<2x8xi64> {weft.ignore = -100 : i64, weft.limit = 32 : i64, weft.name = "labels", weft.role = "labels"}) {
    %cst = arith.constant dense<1> : tensor<i64>
    %cst_0 = arith.constant dense<9.9999999999999995E-7> : tensor<f64>
    %cst_1 = arith.constant dense<1.000000e+00> : tensor<f64>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<f64>
    %cst_3 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %cst_4 = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %cst_5 = arith.constant dense<0.000000e+00> : tensor<2x8xf32>
    %cst_6 = arith.constant dense<1.000000e+00> : tensor<2x8x32xf32>
    %cst_7 = arith.constant dense<1.000000e+00> : tensor<2x8xf32>
    %cst_8 = arith.constant dense<-100> : tensor<2x8xi64>
    %0 = weft.read @transformer.wte.weight : tensor<32x16xf32>
    %1 = weft.read @transformer.wpe.weight : tensor<8x16xf32>
    %2 = weft.read @transformer.h.0.ln_1.weight : tensor<16xf32>
    %3 = weft.read @transformer.h.0.ln_1.bias : tensor<16xf32>
    %4 = weft.read @transformer.h.0.attn.c_attn.weight : tensor<16x48xf32>
    %5 = weft.read @transformer.h.0.attn.c_attn.bias : tensor<48xf32>
    %6 = weft.read @transformer.h.0.attn.c_proj.weight : tensor<16x16xf32>
    %7 = weft.read @transformer.h.0.attn.c_proj.bias : tensor<16xf32>
    %8 = weft.read @transformer.h.0.ln_2.weight : tensor<16xf32>
    %9 = weft.read @transformer.h.0.ln_2.bias : tensor<16xf32>
    %10 = weft.read @transformer.h.0.mlp.c_fc.weight : tensor<16x64xf32>
    %11 = weft.read @transformer.h.0.mlp.c_fc.bias : tensor<64xf32>
    %12 = weft.read @transformer.h.0.mlp.c_proj.weight : tensor<64x16xf32>
    %13 = weft.read @transformer.h.0.mlp.c_proj.bias : tensor<16xf32>
    %14 = weft.read @transformer.ln_f.weight : tensor<16xf32>
    %15 = weft.read @transformer.ln_f.bias : tensor<16xf32>
    %16 = weft.gather %0[%arg0] axis 0 : tensor<32x16xf32>, tensor<2x8xi64> -> tensor<2x8x16xf32>
    %17 = weft.broadcast %1 dims [1, 2] : tensor<8x16xf32> -> tensor<2x8x16xf32>
    %18 = arith.addf %16, %17 : tensor<2x8x16xf32>
    %19 = weft.layer_norm %18 gamma %2 beta %3 eps 9.9999997473787516E-6 : (tensor<2x8x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<2x8x16xf32>
    %20 = weft.dot_general %19, %4 batch [] x [] contract [2] x [0] : tensor<2x8x16xf32>, tensor<16x48xf32> -> tensor<2x8x48xf32>
    %21 = weft.broadcast %5 dims [2] : tensor<48xf32> -> tensor<2x8x48xf32>
    %22 = arith.addf %20, %21 : tensor<2x8x48xf32>
    %23 = weft.slice %22 offsets [0, 0, 0] strides [1, 1, 1] : tensor<2x8x48xf32> -> tensor<2x8x16xf32>
    %24 = weft.slice %22 offsets [0, 0, 16] strides [1, 1, 1] : tensor<2x8x48xf32> -> tensor<2x8x16xf32>
    %25 = weft.slice %22 offsets [0, 0, 32] strides [1, 1, 1] : tensor<2x8x48xf32> -> tensor<2x8x16xf32>
    %26 = weft.reshape %23 : tensor<2x8x16xf32> -> tensor<2x8x2x8xf32>
    %27 = weft.reshape %24 : tensor<2x8x16xf32> -> tensor<2x8x2x8xf32>
    %28 = weft.reshape %25 : tensor<2x8x16xf32> -> tensor<2x8x2x8xf32>
    %out, %lse = weft.attention %26, %27, %28 scale 0.35355338454246521 causal : (tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>) -> (tensor<2x8x2x8xf32>, tensor<2x2x8xf32>)
    %29 = weft.reshape %out : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %30 = weft.dot_general %29, %6 batch [] x [] contract [2] x [0] : tensor<2x8x16xf32>, tensor<16x16xf32> -> tensor<2x8x16xf32>
    %31 = weft.broadcast %7 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %32 = arith.addf %30, %31 : tensor<2x8x16xf32>
    %33 = arith.addf %32, %18 : tensor<2x8x16xf32>
    %34 = weft.layer_norm %33 gamma %8 beta %9 eps 9.9999997473787516E-6 : (tensor<2x8x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<2x8x16xf32>
    %35 = weft.dot_general %34, %10 batch [] x [] contract [2] x [0] : tensor<2x8x16xf32>, tensor<16x64xf32> -> tensor<2x8x64xf32>
    %36 = weft.broadcast %11 dims [2] : tensor<64xf32> -> tensor<2x8x64xf32>
    %37 = arith.addf %35, %36 : tensor<2x8x64xf32>
    %38 = weft.gelu %37 tanh : tensor<2x8x64xf32> -> tensor<2x8x64xf32>
    %39 = weft.dot_general %38, %12 batch [] x [] contract [2] x [0] : tensor<2x8x64xf32>, tensor<64x16xf32> -> tensor<2x8x16xf32>
    %40 = weft.broadcast %13 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %41 = arith.addf %39, %40 : tensor<2x8x16xf32>
    %42 = arith.addf %33, %41 : tensor<2x8x16xf32>
    %43 = weft.layer_norm %42 gamma %14 beta %15 eps 9.9999997473787516E-6 : (tensor<2x8x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<2x8x16xf32>
    %44 = weft.dot_general %43, %0 batch [] x [] contract [2] x [1] : tensor<2x8x16xf32>, tensor<32x16xf32> -> tensor<2x8x32xf32>
    %45 = weft.cross_entropy %44, %arg1 : tensor<2x8x32xf32>, tensor<2x8xi64> -> tensor<2x8xf32>
    %46 = arith.cmpi ne, %arg1, %cst_8 : tensor<2x8xi64>
    %47 = arith.extf %45 : tensor<2x8xf32> to tensor<2x8xf64>
    %48 = weft.reduce sum %47 dims [0, 1] : tensor<2x8xf64> -> tensor<f64>
    %49 = arith.uitofp %46 : tensor<2x8xi1> to tensor<2x8xf64>
    %50 = weft.reduce sum %49 dims [0, 1] : tensor<2x8xf64> -> tensor<f64>
    %51 = weft.reduce max %44 dims [2] : tensor<2x8x32xf32> -> tensor<2x8xf32>
    %52 = weft.broadcast %51 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x32xf32>
    %53 = arith.subf %44, %52 : tensor<2x8x32xf32>
    %54 = math.exp %53 : tensor<2x8x32xf32>
    %55 = weft.reduce sum %54 dims [2] : tensor<2x8x32xf32> -> tensor<2x8xf32>
    %56 = math.log %55 : tensor<2x8xf32>
    %57 = arith.addf %56, %51 : tensor<2x8xf32>
    %58 = weft.broadcast %57 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x32xf32>
    %59 = arith.subf %44, %58 : tensor<2x8x32xf32>
    %60 = math.exp %59 : tensor<2x8x32xf32>
    %61 = arith.trunci %arg1 : tensor<2x8xi64> to tensor<2x8xi32>
    %62 = weft.iota dim 2 : tensor<2x8x32xi32>
    %63 = weft.broadcast %61 dims [0, 1] : tensor<2x8xi32> -> tensor<2x8x32xi32>
    %64 = arith.cmpi eq, %62, %63 : tensor<2x8x32xi32>
    %65 = arith.subf %60, %cst_6 : tensor<2x8x32xf32>
    %66 = arith.select %64, %65, %60 : tensor<2x8x32xi1>, tensor<2x8x32xf32>
    %67 = arith.cmpi eq, %arg1, %cst_8 : tensor<2x8xi64>
    %68 = arith.select %67, %cst_5, %cst_7 : tensor<2x8xi1>, tensor<2x8xf32>
    %69 = weft.broadcast %68 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x32xf32>
    %70 = arith.mulf %66, %69 : tensor<2x8x32xf32>
    %71 = weft.dot_general %70, %0 batch [] x [] contract [2] x [0] : tensor<2x8x32xf32>, tensor<32x16xf32> -> tensor<2x8x16xf32>
    %72 = weft.dot_general %70, %43 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x32xf32>, tensor<2x8x16xf32> -> tensor<32x16xf32>
    %73 = weft.reduce sum %42 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %74 = arith.mulf %73, %cst_4 : tensor<2x8xf32>
    %75 = weft.broadcast %74 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %76 = arith.subf %42, %75 : tensor<2x8x16xf32>
    %77 = arith.mulf %76, %76 : tensor<2x8x16xf32>
    %78 = weft.reduce sum %77 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %79 = arith.mulf %78, %cst_4 : tensor<2x8xf32>
    %80 = arith.addf %79, %cst_3 : tensor<2x8xf32>
    %81 = math.rsqrt %80 : tensor<2x8xf32>
    %82 = weft.broadcast %81 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %83 = arith.mulf %76, %82 : tensor<2x8x16xf32>
    %84 = weft.broadcast %14 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %85 = arith.mulf %71, %84 : tensor<2x8x16xf32>
    %86 = weft.reduce sum %85 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %87 = arith.mulf %86, %cst_4 : tensor<2x8xf32>
    %88 = weft.broadcast %87 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %89 = arith.mulf %85, %83 : tensor<2x8x16xf32>
    %90 = weft.reduce sum %89 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %91 = arith.mulf %90, %cst_4 : tensor<2x8xf32>
    %92 = weft.broadcast %91 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %93 = arith.mulf %83, %92 : tensor<2x8x16xf32>
    %94 = arith.subf %85, %88 : tensor<2x8x16xf32>
    %95 = arith.subf %94, %93 : tensor<2x8x16xf32>
    %96 = arith.mulf %82, %95 : tensor<2x8x16xf32>
    %97 = arith.mulf %71, %83 : tensor<2x8x16xf32>
    %98 = weft.reduce sum %97 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %99 = arith.mulf %98, %98 : tensor<16xf32>
    %100 = weft.reduce sum %99 dims [0] : tensor<16xf32> -> tensor<f32>
    %101 = arith.extf %100 : tensor<f32> to tensor<f64>
    %102 = weft.reduce sum %71 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %103 = arith.mulf %102, %102 : tensor<16xf32>
    %104 = weft.reduce sum %103 dims [0] : tensor<16xf32> -> tensor<f32>
    %105 = arith.extf %104 : tensor<f32> to tensor<f64>
    %106 = weft.reduce sum %96 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %107 = arith.mulf %106, %106 : tensor<16xf32>
    %108 = weft.reduce sum %107 dims [0] : tensor<16xf32> -> tensor<f32>
    %109 = arith.extf %108 : tensor<f32> to tensor<f64>
    %110 = weft.dot_general %96, %12 batch [] x [] contract [2] x [1] : tensor<2x8x16xf32>, tensor<64x16xf32> -> tensor<2x8x64xf32>
    %111 = weft.dot_general %38, %96 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x64xf32>, tensor<2x8x16xf32> -> tensor<64x16xf32>
    %112 = arith.mulf %111, %111 : tensor<64x16xf32>
    %113 = weft.reduce sum %112 dims [1] : tensor<64x16xf32> -> tensor<64xf32>
    %114 = arith.extf %113 : tensor<64xf32> to tensor<64xf64>
    %115 = weft.reduce sum %114 dims [0] : tensor<64xf64> -> tensor<f64>
    %116 = weft.gelu_grad %110, %37 tanh : (tensor<2x8x64xf32>, tensor<2x8x64xf32>) -> tensor<2x8x64xf32>
    %117 = weft.reduce sum %116 dims [0, 1] : tensor<2x8x64xf32> -> tensor<64xf32>
    %118 = arith.mulf %117, %117 : tensor<64xf32>
    %119 = weft.reduce sum %118 dims [0] : tensor<64xf32> -> tensor<f32>
    %120 = arith.extf %119 : tensor<f32> to tensor<f64>
    %121 = weft.dot_general %116, %10 batch [] x [] contract [2] x [1] : tensor<2x8x64xf32>, tensor<16x64xf32> -> tensor<2x8x16xf32>
    %122 = weft.dot_general %34, %116 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x16xf32>, tensor<2x8x64xf32> -> tensor<16x64xf32>
    %123 = arith.mulf %122, %122 : tensor<16x64xf32>
    %124 = weft.reduce sum %123 dims [1] : tensor<16x64xf32> -> tensor<16xf32>
    %125 = arith.extf %124 : tensor<16xf32> to tensor<16xf64>
    %126 = weft.reduce sum %125 dims [0] : tensor<16xf64> -> tensor<f64>
    %127 = weft.reduce sum %33 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %128 = arith.mulf %127, %cst_4 : tensor<2x8xf32>
    %129 = weft.broadcast %128 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %130 = arith.subf %33, %129 : tensor<2x8x16xf32>
    %131 = arith.mulf %130, %130 : tensor<2x8x16xf32>
    %132 = weft.reduce sum %131 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %133 = arith.mulf %132, %cst_4 : tensor<2x8xf32>
    %134 = arith.addf %133, %cst_3 : tensor<2x8xf32>
    %135 = math.rsqrt %134 : tensor<2x8xf32>
    %136 = weft.broadcast %135 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %137 = arith.mulf %130, %136 : tensor<2x8x16xf32>
    %138 = weft.broadcast %8 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %139 = arith.mulf %121, %138 : tensor<2x8x16xf32>
    %140 = weft.reduce sum %139 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %141 = arith.mulf %140, %cst_4 : tensor<2x8xf32>
    %142 = weft.broadcast %141 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %143 = arith.mulf %139, %137 : tensor<2x8x16xf32>
    %144 = weft.reduce sum %143 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %145 = arith.mulf %144, %cst_4 : tensor<2x8xf32>
    %146 = weft.broadcast %145 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %147 = arith.mulf %137, %146 : tensor<2x8x16xf32>
    %148 = arith.subf %139, %142 : tensor<2x8x16xf32>
    %149 = arith.subf %148, %147 : tensor<2x8x16xf32>
    %150 = arith.mulf %136, %149 : tensor<2x8x16xf32>
    %151 = arith.mulf %121, %137 : tensor<2x8x16xf32>
    %152 = weft.reduce sum %151 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %153 = arith.mulf %152, %152 : tensor<16xf32>
    %154 = weft.reduce sum %153 dims [0] : tensor<16xf32> -> tensor<f32>
    %155 = arith.extf %154 : tensor<f32> to tensor<f64>
    %156 = weft.reduce sum %121 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %157 = arith.mulf %156, %156 : tensor<16xf32>
    %158 = weft.reduce sum %157 dims [0] : tensor<16xf32> -> tensor<f32>
    %159 = arith.extf %158 : tensor<f32> to tensor<f64>
    %160 = arith.addf %96, %150 : tensor<2x8x16xf32>
    %161 = weft.reduce sum %160 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %162 = arith.mulf %161, %161 : tensor<16xf32>
    %163 = weft.reduce sum %162 dims [0] : tensor<16xf32> -> tensor<f32>
    %164 = arith.extf %163 : tensor<f32> to tensor<f64>
    %165 = weft.dot_general %160, %6 batch [] x [] contract [2] x [1] : tensor<2x8x16xf32>, tensor<16x16xf32> -> tensor<2x8x16xf32>
    %166 = weft.dot_general %29, %160 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x16xf32>, tensor<2x8x16xf32> -> tensor<16x16xf32>
    %167 = arith.mulf %166, %166 : tensor<16x16xf32>
    %168 = weft.reduce sum %167 dims [1] : tensor<16x16xf32> -> tensor<16xf32>
    %169 = arith.extf %168 : tensor<16xf32> to tensor<16xf64>
    %170 = weft.reduce sum %169 dims [0] : tensor<16xf64> -> tensor<f64>
    %171 = weft.reshape %165 : tensor<2x8x16xf32> -> tensor<2x8x2x8xf32>
    %dq, %dk, %dv = weft.attention_grad %171, %26, %27, %28, %out, %lse scale 0.35355338454246521 causal : (tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x2x8xf32>) -> (tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>)
    %172 = weft.reshape %dv : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %173 = weft.reshape %dk : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %174 = weft.reshape %dq : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %175 = weft.concat %174, %173, %172 dim 2 : tensor<2x8x16xf32>, tensor<2x8x16xf32>, tensor<2x8x16xf32> -> tensor<2x8x48xf32>
    %176 = weft.reduce sum %175 dims [0, 1] : tensor<2x8x48xf32> -> tensor<48xf32>
    %177 = arith.mulf %176, %176 : tensor<48xf32>
    %178 = weft.reduce sum %177 dims [0] : tensor<48xf32> -> tensor<f32>
    %179 = arith.extf %178 : tensor<f32> to tensor<f64>
    %180 = weft.dot_general %175, %4 batch [] x [] contract [2] x [1] : tensor<2x8x48xf32>, tensor<16x48xf32> -> tensor<2x8x16xf32>
    %181 = weft.dot_general %19, %175 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x16xf32>, tensor<2x8x48xf32> -> tensor<16x48xf32>
    %182 = arith.mulf %181, %181 : tensor<16x48xf32>
    %183 = weft.reduce sum %182 dims [1] : tensor<16x48xf32> -> tensor<16xf32>
    %184 = arith.extf %183 : tensor<16xf32> to tensor<16xf64>
    %185 = weft.reduce sum %184 dims [0] : tensor<16xf64> -> tensor<f64>
    %186 = weft.reduce sum %18 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %187 = arith.mulf %186, %cst_4 : tensor<2x8xf32>
    %188 = weft.broadcast %187 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %189 = arith.subf %18, %188 : tensor<2x8x16xf32>
    %190 = arith.mulf %189, %189 : tensor<2x8x16xf32>
    %191 = weft.reduce sum %190 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %192 = arith.mulf %191, %cst_4 : tensor<2x8xf32>
    %193 = arith.addf %192, %cst_3 : tensor<2x8xf32>
    %194 = math.rsqrt %193 : tensor<2x8xf32>
    %195 = weft.broadcast %194 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %196 = arith.mulf %189, %195 : tensor<2x8x16xf32>
    %197 = weft.broadcast %2 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %198 = arith.mulf %180, %197 : tensor<2x8x16xf32>
    %199 = weft.reduce sum %198 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %200 = arith.mulf %199, %cst_4 : tensor<2x8xf32>
    %201 = weft.broadcast %200 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %202 = arith.mulf %198, %196 : tensor<2x8x16xf32>
    %203 = weft.reduce sum %202 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %204 = arith.mulf %203, %cst_4 : tensor<2x8xf32>
    %205 = weft.broadcast %204 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %206 = arith.mulf %196, %205 : tensor<2x8x16xf32>
    %207 = arith.subf %198, %201 : tensor<2x8x16xf32>
    %208 = arith.subf %207, %206 : tensor<2x8x16xf32>
    %209 = arith.mulf %195, %208 : tensor<2x8x16xf32>
    %210 = arith.mulf %180, %196 : tensor<2x8x16xf32>
    %211 = weft.reduce sum %210 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %212 = arith.mulf %211, %211 : tensor<16xf32>
    %213 = weft.reduce sum %212 dims [0] : tensor<16xf32> -> tensor<f32>
    %214 = arith.extf %213 : tensor<f32> to tensor<f64>
    %215 = weft.reduce sum %180 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %216 = arith.mulf %215, %215 : tensor<16xf32>
    %217 = weft.reduce sum %216 dims [0] : tensor<16xf32> -> tensor<f32>
    %218 = arith.extf %217 : tensor<f32> to tensor<f64>
    %219 = arith.addf %160, %209 : tensor<2x8x16xf32>
    %220 = weft.reduce sum %219 dims [0] : tensor<2x8x16xf32> -> tensor<8x16xf32>
    %221 = arith.mulf %220, %220 : tensor<8x16xf32>
    %222 = weft.reduce sum %221 dims [1] : tensor<8x16xf32> -> tensor<8xf32>
    %223 = arith.extf %222 : tensor<8xf32> to tensor<8xf64>
    %224 = weft.reduce sum %223 dims [0] : tensor<8xf64> -> tensor<f64>
    %225 = weft.scatter_add %219[%arg0] axis 0 : tensor<2x8x16xf32>, tensor<2x8xi64> -> tensor<32x16xf32>
    %226 = arith.addf %72, %225 : tensor<32x16xf32>
    %227 = arith.mulf %226, %226 : tensor<32x16xf32>
    %228 = weft.reduce sum %227 dims [1] : tensor<32x16xf32> -> tensor<32xf32>
    %229 = arith.extf %228 : tensor<32xf32> to tensor<32xf64>
    %230 = weft.reduce sum %229 dims [0] : tensor<32xf64> -> tensor<f64>
    weft.write @loss_sum, %48 : tensor<f64>
    weft.write @loss_count, %50 : tensor<f64>
    %231 = weft.read @hyper : tensor<16xf64>
    %232 = weft.read @step : tensor<i64>
    %233 = arith.cmpf olt, %cst_2, %50 : tensor<f64>
    %234 = arith.select %233, %50, %cst_1 : tensor<i1>, tensor<f64>
    %235 = arith.addf %101, %105 : tensor<f64>
    %236 = arith.addf %235, %109 : tensor<f64>
    %237 = arith.addf %236, %115 : tensor<f64>
    %238 = arith.addf %237, %120 : tensor<f64>
    %239 = arith.addf %238, %126 : tensor<f64>
    %240 = arith.addf %239, %155 : tensor<f64>
    %241 = arith.addf %240, %159 : tensor<f64>
    %242 = arith.addf %241, %164 : tensor<f64>
    %243 = arith.addf %242, %170 : tensor<f64>
    %244 = arith.addf %243, %179 : tensor<f64>
    %245 = arith.addf %244, %185 : tensor<f64>
    %246 = arith.addf %245, %214 : tensor<f64>
    %247 = arith.addf %246, %218 : tensor<f64>
    %248 = arith.addf %247, %224 : tensor<f64>
    %249 = arith.addf %248, %230 : tensor<f64>
    %250 = math.sqrt %249 : tensor<f64>
    %251 = arith.divf %250, %234 : tensor<f64>
    %252 = weft.slice %231 offsets [9] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %253 = weft.reshape %252 : tensor<1xf64> -> tensor<f64>
    %254 = arith.addf %251, %cst_0 : tensor<f64>
    %255 = arith.divf %253, %254 : tensor<f64>
    %256 = arith.minimumf %255, %cst_1 : tensor<f64>
    %257 = arith.cmpf olt, %cst_2, %253 : tensor<f64>
    %258 = arith.select %257, %256, %cst_1 : tensor<i1>, tensor<f64>
    %259 = weft.slice %231 offsets [10] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %260 = weft.reshape %259 : tensor<1xf64> -> tensor<f64>
    %261 = arith.divf %258, %234 : tensor<f64>
    %262 = arith.mulf %261, %260 : tensor<f64>
    %263 = weft.learning_rate %232, %231 : (tensor<i64>, tensor<16xf64>) -> tensor<f64>
    %264 = weft.read @"adamw.m/transformer.ln_f.weight" : tensor<16xf32>
    %265 = weft.read @"adamw.v/transformer.ln_f.weight" : tensor<16xf32>
    %newParam, %newM, %newV = weft.adam %14, %98, %264, %265 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.ln_f.weight, %newParam : tensor<16xf32>
    weft.write @"adamw.m/transformer.ln_f.weight", %newM : tensor<16xf32>
    weft.write @"adamw.v/transformer.ln_f.weight", %newV : tensor<16xf32>
    %266 = weft.read @"adamw.m/transformer.ln_f.bias" : tensor<16xf32>
    %267 = weft.read @"adamw.v/transformer.ln_f.bias" : tensor<16xf32>
    %newParam_9, %newM_10, %newV_11 = weft.adam %15, %102, %266, %267 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.ln_f.bias, %newParam_9 : tensor<16xf32>
    weft.write @"adamw.m/transformer.ln_f.bias", %newM_10 : tensor<16xf32>
    weft.write @"adamw.v/transformer.ln_f.bias", %newV_11 : tensor<16xf32>
    %268 = weft.read @"adamw.m/transformer.h.0.mlp.c_proj.bias" : tensor<16xf32>
    %269 = weft.read @"adamw.v/transformer.h.0.mlp.c_proj.bias" : tensor<16xf32>
    %newParam_12, %newM_13, %newV_14 = weft.adam %13, %106, %268, %269 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.mlp.c_proj.bias, %newParam_12 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.mlp.c_proj.bias", %newM_13 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.mlp.c_proj.bias", %newV_14 : tensor<16xf32>
    %270 = weft.read @"adamw.m/transformer.h.0.mlp.c_proj.weight" : tensor<64x16xf32>
    %271 = weft.read @"adamw.v/transformer.h.0.mlp.c_proj.weight" : tensor<64x16xf32>
    %newParam_15, %newM_16, %newV_17 = weft.adam %12, %111, %270, %271 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<64x16xf32>, tensor<64x16xf32>, tensor<64x16xf32>, tensor<64x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<64x16xf32>, tensor<64x16xf32>, tensor<64x16xf32>)
    weft.write @transformer.h.0.mlp.c_proj.weight, %newParam_15 : tensor<64x16xf32>
    weft.write @"adamw.m/transformer.h.0.mlp.c_proj.weight", %newM_16 : tensor<64x16xf32>
    weft.write @"adamw.v/transformer.h.0.mlp.c_proj.weight", %newV_17 : tensor<64x16xf32>
    %272 = weft.read @"adamw.m/transformer.h.0.mlp.c_fc.bias" : tensor<64xf32>
    %273 = weft.read @"adamw.v/transformer.h.0.mlp.c_fc.bias" : tensor<64xf32>
    %newParam_18, %newM_19, %newV_20 = weft.adam %11, %117, %272, %273 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
    weft.write @transformer.h.0.mlp.c_fc.bias, %newParam_18 : tensor<64xf32>
    weft.write @"adamw.m/transformer.h.0.mlp.c_fc.bias", %newM_19 : tensor<64xf32>
    weft.write @"adamw.v/transformer.h.0.mlp.c_fc.bias", %newV_20 : tensor<64xf32>
    %274 = weft.read @"adamw.m/transformer.h.0.mlp.c_fc.weight" : tensor<16x64xf32>
    %275 = weft.read @"adamw.v/transformer.h.0.mlp.c_fc.weight" : tensor<16x64xf32>
    %newParam_21, %newM_22, %newV_23 = weft.adam %10, %122, %274, %275 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>)
    weft.write @transformer.h.0.mlp.c_fc.weight, %newParam_21 : tensor<16x64xf32>
    weft.write @"adamw.m/transformer.h.0.mlp.c_fc.weight", %newM_22 : tensor<16x64xf32>
    weft.write @"adamw.v/transformer.h.0.mlp.c_fc.weight", %newV_23 : tensor<16x64xf32>
    %276 = weft.read @"adamw.m/transformer.h.0.ln_2.weight" : tensor<16xf32>
    %277 = weft.read @"adamw.v/transformer.h.0.ln_2.weight" : tensor<16xf32>
    %newParam_24, %newM_25, %newV_26 = weft.adam %8, %152, %276, %277 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.ln_2.weight, %newParam_24 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.ln_2.weight", %newM_25 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.ln_2.weight", %newV_26 : tensor<16xf32>
    %278 = weft.read @"adamw.m/transformer.h.0.ln_2.bias" : tensor<16xf32>
    %279 = weft.read @"adamw.v/transformer.h.0.ln_2.bias" : tensor<16xf32>
    %newParam_27, %newM_28, %newV_29 = weft.adam %9, %156, %278, %279 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.ln_2.bias, %newParam_27 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.ln_2.bias", %newM_28 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.ln_2.bias", %newV_29 : tensor<16xf32>
    %280 = weft.read @"adamw.m/transformer.h.0.attn.c_proj.bias" : tensor<16xf32>
    %281 = weft.read @"adamw.v/transformer.h.0.attn.c_proj.bias" : tensor<16xf32>
    %newParam_30, %newM_31, %newV_32 = weft.adam %7, %161, %280, %281 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.attn.c_proj.bias, %newParam_30 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.attn.c_proj.bias", %newM_31 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.attn.c_proj.bias", %newV_32 : tensor<16xf32>
    %282 = weft.read @"adamw.m/transformer.h.0.attn.c_proj.weight" : tensor<16x16xf32>
    %283 = weft.read @"adamw.v/transformer.h.0.attn.c_proj.weight" : tensor<16x16xf32>
    %newParam_33, %newM_34, %newV_35 = weft.adam %6, %166, %282, %283 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>)
    weft.write @transformer.h.0.attn.c_proj.weight, %newParam_33 : tensor<16x16xf32>
    weft.write @"adamw.m/transformer.h.0.attn.c_proj.weight", %newM_34 : tensor<16x16xf32>
    weft.write @"adamw.v/transformer.h.0.attn.c_proj.weight", %newV_35 : tensor<16x16xf32>
    %284 = weft.read @"adamw.m/transformer.h.0.attn.c_attn.bias" : tensor<48xf32>
    %285 = weft.read @"adamw.v/transformer.h.0.attn.c_attn.bias" : tensor<48xf32>
    %newParam_36, %newM_37, %newV_38 = weft.adam %5, %176, %284, %285 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<48xf32>, tensor<48xf32>, tensor<48xf32>, tensor<48xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<48xf32>, tensor<48xf32>, tensor<48xf32>)
    weft.write @transformer.h.0.attn.c_attn.bias, %newParam_36 : tensor<48xf32>
    weft.write @"adamw.m/transformer.h.0.attn.c_attn.bias", %newM_37 : tensor<48xf32>
    weft.write @"adamw.v/transformer.h.0.attn.c_attn.bias", %newV_38 : tensor<48xf32>
    %286 = weft.read @"adamw.m/transformer.h.0.attn.c_attn.weight" : tensor<16x48xf32>
    %287 = weft.read @"adamw.v/transformer.h.0.attn.c_attn.weight" : tensor<16x48xf32>
    %newParam_39, %newM_40, %newV_41 = weft.adam %4, %181, %286, %287 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16x48xf32>, tensor<16x48xf32>, tensor<16x48xf32>, tensor<16x48xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x48xf32>, tensor<16x48xf32>, tensor<16x48xf32>)
    weft.write @transformer.h.0.attn.c_attn.weight, %newParam_39 : tensor<16x48xf32>
    weft.write @"adamw.m/transformer.h.0.attn.c_attn.weight", %newM_40 : tensor<16x48xf32>
    weft.write @"adamw.v/transformer.h.0.attn.c_attn.weight", %newV_41 : tensor<16x48xf32>
    %288 = weft.read @"adamw.m/transformer.h.0.ln_1.weight" : tensor<16xf32>
    %289 = weft.read @"adamw.v/transformer.h.0.ln_1.weight" : tensor<16xf32>
    %newParam_42, %newM_43, %newV_44 = weft.adam %2, %211, %288, %289 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.ln_1.weight, %newParam_42 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.ln_1.weight", %newM_43 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.ln_1.weight", %newV_44 : tensor<16xf32>
    %290 = weft.read @"adamw.m/transformer.h.0.ln_1.bias" : tensor<16xf32>
    %291 = weft.read @"adamw.v/transformer.h.0.ln_1.bias" : tensor<16xf32>
    %newParam_45, %newM_46, %newV_47 = weft.adam %3, %215, %290, %291 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.ln_1.bias, %newParam_45 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.ln_1.bias", %newM_46 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.ln_1.bias", %newV_47 : tensor<16xf32>
    %292 = weft.read @"adamw.m/transformer.wpe.weight" : tensor<8x16xf32>
    %293 = weft.read @"adamw.v/transformer.wpe.weight" : tensor<8x16xf32>
    %newParam_48, %newM_49, %newV_50 = weft.adam %1, %220, %292, %293 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>)
    weft.write @transformer.wpe.weight, %newParam_48 : tensor<8x16xf32>
    weft.write @"adamw.m/transformer.wpe.weight", %newM_49 : tensor<8x16xf32>
    weft.write @"adamw.v/transformer.wpe.weight", %newV_50 : tensor<8x16xf32>
    %294 = weft.read @"adamw.m/transformer.wte.weight" : tensor<32x16xf32>
    %295 = weft.read @"adamw.v/transformer.wte.weight" : tensor<32x16xf32>
    %newParam_51, %newM_52, %newV_53 = weft.adam %0, %226, %294, %295 scale %262 lr %263 step %232 hyper %231 decay decoupled : (tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>)
    weft.write @transformer.wte.weight, %newParam_51 : tensor<32x16xf32>
    weft.write @"adamw.m/transformer.wte.weight", %newM_52 : tensor<32x16xf32>
    weft.write @"adamw.v/transformer.wte.weight", %newV_53 : tensor<32x16xf32>
    weft.write @grad_norm, %251 : tensor<f64>
    weft.write @lr, %263 : tensor<f64>
    %296 = arith.addi %232, %cst : tensor<i64>
    weft.write @step, %296 : tensor<i64>
    return
  }
  func.func @task_eval(%arg0: tensor<2x8xi64> {weft.limit = 32 : i64, weft.name = "input_ids", weft.role = "tokens"}, %arg1: tensor<2x8xi64> {weft.ignore = -100 : i64, weft.limit = 32 : i64, weft.name = "labels", weft.role = "labels"}) {
    %cst = arith.constant dense<-100> : tensor<2x8xi64>
    %0 = weft.read @transformer.wte.weight : tensor<32x16xf32>
    %1 = weft.read @transformer.wpe.weight : tensor<8x16xf32>
    %2 = weft.read @transformer.h.0.ln_1.weight : tensor<16xf32>
    %3 = weft.read @transformer.h.0.ln_1.bias : tensor<16xf32>
    %4 = weft.read @transformer.h.0.attn.c_attn.weight : tensor<16x48xf32>
    %5 = weft.read @transformer.h.0.attn.c_attn.bias : tensor<48xf32>
    %6 = weft.read @transformer.h.0.attn.c_proj.weight : tensor<16x16xf32>
    %7 = weft.read @transformer.h.0.attn.c_proj.bias : tensor<16xf32>
    %8 = weft.read @transformer.h.0.ln_2.weight : tensor<16xf32>
    %9 = weft.read @transformer.h.0.ln_2.bias : tensor<16xf32>
    %10 = weft.read @transformer.h.0.mlp.c_fc.weight : tensor<16x64xf32>
    %11 = weft.read @transformer.h.0.mlp.c_fc.bias : tensor<64xf32>
    %12 = weft.read @transformer.h.0.mlp.c_proj.weight : tensor<64x16xf32>
    %13 = weft.read @transformer.h.0.mlp.c_proj.bias : tensor<16xf32>
    %14 = weft.read @transformer.ln_f.weight : tensor<16xf32>
    %15 = weft.read @transformer.ln_f.bias : tensor<16xf32>
    %16 = weft.gather %0[%arg0] axis 0 : tensor<32x16xf32>, tensor<2x8xi64> -> tensor<2x8x16xf32>
    %17 = weft.broadcast %1 dims [1, 2] : tensor<8x16xf32> -> tensor<2x8x16xf32>
    %18 = arith.addf %16, %17 : tensor<2x8x16xf32>
    %19 = weft.layer_norm %18 gamma %2 beta %3 eps 9.9999997473787516E-6 : (tensor<2x8x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<2x8x16xf32>
    %20 = weft.dot_general %19, %4 batch [] x [] contract [2] x [0] : tensor<2x8x16xf32>, tensor<16x48xf32> -> tensor<2x8x48xf32>
    %21 = weft.broadcast %5 dims [2] : tensor<48xf32> -> tensor<2x8x48xf32>
    %22 = arith.addf %20, %21 : tensor<2x8x48xf32>
    %23 = weft.slice %22 offsets [0, 0, 0] strides [1, 1, 1] : tensor<2x8x48xf32> -> tensor<2x8x16xf32>
    %24 = weft.slice %22 offsets [0, 0, 16] strides [1, 1, 1] : tensor<2x8x48xf32> -> tensor<2x8x16xf32>
    %25 = weft.slice %22 offsets [0, 0, 32] strides [1, 1, 1] : tensor<2x8x48xf32> -> tensor<2x8x16xf32>
    %26 = weft.reshape %23 : tensor<2x8x16xf32> -> tensor<2x8x2x8xf32>
    %27 = weft.reshape %24 : tensor<2x8x16xf32> -> tensor<2x8x2x8xf32>
    %28 = weft.reshape %25 : tensor<2x8x16xf32> -> tensor<2x8x2x8xf32>
    %out, %lse = weft.attention %26, %27, %28 scale 0.35355338454246521 causal : (tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>) -> (tensor<2x8x2x8xf32>, tensor<2x2x8xf32>)
    %29 = weft.reshape %out : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %30 = weft.dot_general %29, %6 batch [] x [] contract [2] x [0] : tensor<2x8x16xf32>, tensor<16x16xf32> -> tensor<2x8x16xf32>
    %31 = weft.broadcast %7 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %32 = arith.addf %30, %31 : tensor<2x8x16xf32>
    %33 = arith.addf %32, %18 : tensor<2x8x16xf32>
    %34 = weft.layer_norm %33 gamma %8 beta %9 eps 9.9999997473787516E-6 : (tensor<2x8x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<2x8x16xf32>
    %35 = weft.dot_general %34, %10 batch [] x [] contract [2] x [0] : tensor<2x8x16xf32>, tensor<16x64xf32> -> tensor<2x8x64xf32>
    %36 = weft.broadcast %11 dims [2] : tensor<64xf32> -> tensor<2x8x64xf32>
    %37 = arith.addf %35, %36 : tensor<2x8x64xf32>
    %38 = weft.gelu %37 tanh : tensor<2x8x64xf32> -> tensor<2x8x64xf32>
    %39 = weft.dot_general %38, %12 batch [] x [] contract [2] x [0] : tensor<2x8x64xf32>, tensor<64x16xf32> -> tensor<2x8x16xf32>
    %40 = weft.broadcast %13 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %41 = arith.addf %39, %40 : tensor<2x8x16xf32>
    %42 = arith.addf %33, %41 : tensor<2x8x16xf32>
    %43 = weft.layer_norm %42 gamma %14 beta %15 eps 9.9999997473787516E-6 : (tensor<2x8x16xf32>, tensor<16xf32>, tensor<16xf32>) -> tensor<2x8x16xf32>
    %44 = weft.dot_general %43, %0 batch [] x [] contract [2] x [1] : tensor<2x8x16xf32>, tensor<32x16xf32> -> tensor<2x8x32xf32>
    %45 = weft.cross_entropy %44, %arg1 : tensor<2x8x32xf32>, tensor<2x8xi64> -> tensor<2x8xf32>
    %46 = arith.cmpi ne, %arg1, %cst : tensor<2x8xi64>
    %47 = arith.extf %45 : tensor<2x8xf32> to tensor<2x8xf64>
    %48 = weft.reduce sum %47 dims [0, 1] : tensor<2x8xf64> -> tensor<f64>
    %49 = arith.uitofp %46 : tensor<2x8xi1> to tensor<2x8xf64>
    %50 = weft.reduce sum %49 dims [0, 1] : tensor<2x8xf64> -> tensor<f64>
    weft.write @eval_loss_sum, %48 : tensor<f64>
    weft.write @eval_loss_count, %50 : tensor<f64>
    return
  }
}

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
    %cst_3 = arith.constant dense<1.341450e-01> : tensor<2x8x64xf32>
    %cst_4 = arith.constant dense<0.797884583> : tensor<2x8x64xf32>
    %cst_5 = arith.constant dense<4.471500e-02> : tensor<2x8x64xf32>
    %cst_6 = arith.constant dense<1.000000e+00> : tensor<2x8x64xf32>
    %cst_7 = arith.constant dense<5.000000e-01> : tensor<2x8x64xf32>
    %cst_8 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %cst_9 = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %cst_10 = arith.constant dense<0.000000e+00> : tensor<2x8xf32>
    %cst_11 = arith.constant dense<1.000000e+00> : tensor<2x8x32xf32>
    %cst_12 = arith.constant dense<1.000000e+00> : tensor<2x8xf32>
    %cst_13 = arith.constant dense<-100> : tensor<2x8xi64>
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
    %46 = arith.cmpi ne, %arg1, %cst_13 : tensor<2x8xi64>
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
    %65 = arith.subf %60, %cst_11 : tensor<2x8x32xf32>
    %66 = arith.select %64, %65, %60 : tensor<2x8x32xi1>, tensor<2x8x32xf32>
    %67 = arith.cmpi eq, %arg1, %cst_13 : tensor<2x8xi64>
    %68 = arith.select %67, %cst_10, %cst_12 : tensor<2x8xi1>, tensor<2x8xf32>
    %69 = weft.broadcast %68 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x32xf32>
    %70 = arith.mulf %66, %69 : tensor<2x8x32xf32>
    %71 = weft.dot_general %70, %0 batch [] x [] contract [2] x [0] : tensor<2x8x32xf32>, tensor<32x16xf32> -> tensor<2x8x16xf32>
    %72 = weft.dot_general %70, %43 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x32xf32>, tensor<2x8x16xf32> -> tensor<32x16xf32>
    %73 = weft.reduce sum %42 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %74 = arith.mulf %73, %cst_9 : tensor<2x8xf32>
    %75 = weft.broadcast %74 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %76 = arith.subf %42, %75 : tensor<2x8x16xf32>
    %77 = arith.mulf %76, %76 : tensor<2x8x16xf32>
    %78 = weft.reduce sum %77 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %79 = arith.mulf %78, %cst_9 : tensor<2x8xf32>
    %80 = arith.addf %79, %cst_8 : tensor<2x8xf32>
    %81 = math.rsqrt %80 : tensor<2x8xf32>
    %82 = weft.broadcast %81 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %83 = arith.mulf %76, %82 : tensor<2x8x16xf32>
    %84 = weft.broadcast %14 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %85 = arith.mulf %71, %84 : tensor<2x8x16xf32>
    %86 = weft.reduce sum %85 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %87 = arith.mulf %86, %cst_9 : tensor<2x8xf32>
    %88 = weft.broadcast %87 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %89 = arith.mulf %85, %83 : tensor<2x8x16xf32>
    %90 = weft.reduce sum %89 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %91 = arith.mulf %90, %cst_9 : tensor<2x8xf32>
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
    %116 = arith.mulf %37, %37 : tensor<2x8x64xf32>
    %117 = arith.mulf %116, %cst_5 : tensor<2x8x64xf32>
    %118 = arith.addf %117, %cst_6 : tensor<2x8x64xf32>
    %119 = arith.mulf %37, %118 : tensor<2x8x64xf32>
    %120 = arith.mulf %119, %cst_4 : tensor<2x8x64xf32>
    %121 = arith.mulf %116, %cst_3 : tensor<2x8x64xf32>
    %122 = arith.addf %121, %cst_6 : tensor<2x8x64xf32>
    %123 = arith.mulf %122, %cst_4 : tensor<2x8x64xf32>
    %124 = math.tanh %120 : tensor<2x8x64xf32>
    %125 = arith.mulf %124, %124 : tensor<2x8x64xf32>
    %126 = arith.subf %cst_6, %125 : tensor<2x8x64xf32>
    %127 = arith.mulf %126, %123 : tensor<2x8x64xf32>
    %128 = arith.mulf %37, %127 : tensor<2x8x64xf32>
    %129 = arith.addf %124, %cst_6 : tensor<2x8x64xf32>
    %130 = arith.addf %129, %128 : tensor<2x8x64xf32>
    %131 = arith.mulf %130, %cst_7 : tensor<2x8x64xf32>
    %132 = arith.mulf %110, %131 : tensor<2x8x64xf32>
    %133 = weft.reduce sum %132 dims [0, 1] : tensor<2x8x64xf32> -> tensor<64xf32>
    %134 = arith.mulf %133, %133 : tensor<64xf32>
    %135 = weft.reduce sum %134 dims [0] : tensor<64xf32> -> tensor<f32>
    %136 = arith.extf %135 : tensor<f32> to tensor<f64>
    %137 = weft.dot_general %132, %10 batch [] x [] contract [2] x [1] : tensor<2x8x64xf32>, tensor<16x64xf32> -> tensor<2x8x16xf32>
    %138 = weft.dot_general %34, %132 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x16xf32>, tensor<2x8x64xf32> -> tensor<16x64xf32>
    %139 = arith.mulf %138, %138 : tensor<16x64xf32>
    %140 = weft.reduce sum %139 dims [1] : tensor<16x64xf32> -> tensor<16xf32>
    %141 = arith.extf %140 : tensor<16xf32> to tensor<16xf64>
    %142 = weft.reduce sum %141 dims [0] : tensor<16xf64> -> tensor<f64>
    %143 = weft.reduce sum %33 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %144 = arith.mulf %143, %cst_9 : tensor<2x8xf32>
    %145 = weft.broadcast %144 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %146 = arith.subf %33, %145 : tensor<2x8x16xf32>
    %147 = arith.mulf %146, %146 : tensor<2x8x16xf32>
    %148 = weft.reduce sum %147 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %149 = arith.mulf %148, %cst_9 : tensor<2x8xf32>
    %150 = arith.addf %149, %cst_8 : tensor<2x8xf32>
    %151 = math.rsqrt %150 : tensor<2x8xf32>
    %152 = weft.broadcast %151 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %153 = arith.mulf %146, %152 : tensor<2x8x16xf32>
    %154 = weft.broadcast %8 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %155 = arith.mulf %137, %154 : tensor<2x8x16xf32>
    %156 = weft.reduce sum %155 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %157 = arith.mulf %156, %cst_9 : tensor<2x8xf32>
    %158 = weft.broadcast %157 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %159 = arith.mulf %155, %153 : tensor<2x8x16xf32>
    %160 = weft.reduce sum %159 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %161 = arith.mulf %160, %cst_9 : tensor<2x8xf32>
    %162 = weft.broadcast %161 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %163 = arith.mulf %153, %162 : tensor<2x8x16xf32>
    %164 = arith.subf %155, %158 : tensor<2x8x16xf32>
    %165 = arith.subf %164, %163 : tensor<2x8x16xf32>
    %166 = arith.mulf %152, %165 : tensor<2x8x16xf32>
    %167 = arith.mulf %137, %153 : tensor<2x8x16xf32>
    %168 = weft.reduce sum %167 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %169 = arith.mulf %168, %168 : tensor<16xf32>
    %170 = weft.reduce sum %169 dims [0] : tensor<16xf32> -> tensor<f32>
    %171 = arith.extf %170 : tensor<f32> to tensor<f64>
    %172 = weft.reduce sum %137 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %173 = arith.mulf %172, %172 : tensor<16xf32>
    %174 = weft.reduce sum %173 dims [0] : tensor<16xf32> -> tensor<f32>
    %175 = arith.extf %174 : tensor<f32> to tensor<f64>
    %176 = arith.addf %96, %166 : tensor<2x8x16xf32>
    %177 = weft.reduce sum %176 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %178 = arith.mulf %177, %177 : tensor<16xf32>
    %179 = weft.reduce sum %178 dims [0] : tensor<16xf32> -> tensor<f32>
    %180 = arith.extf %179 : tensor<f32> to tensor<f64>
    %181 = weft.dot_general %176, %6 batch [] x [] contract [2] x [1] : tensor<2x8x16xf32>, tensor<16x16xf32> -> tensor<2x8x16xf32>
    %182 = weft.dot_general %29, %176 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x16xf32>, tensor<2x8x16xf32> -> tensor<16x16xf32>
    %183 = arith.mulf %182, %182 : tensor<16x16xf32>
    %184 = weft.reduce sum %183 dims [1] : tensor<16x16xf32> -> tensor<16xf32>
    %185 = arith.extf %184 : tensor<16xf32> to tensor<16xf64>
    %186 = weft.reduce sum %185 dims [0] : tensor<16xf64> -> tensor<f64>
    %187 = weft.reshape %181 : tensor<2x8x16xf32> -> tensor<2x8x2x8xf32>
    %dq, %dk, %dv = weft.attention_grad %187, %26, %27, %28, %out, %lse scale 0.35355338454246521 causal : (tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x2x8xf32>) -> (tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>, tensor<2x8x2x8xf32>)
    %188 = weft.reshape %dv : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %189 = weft.reshape %dk : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %190 = weft.reshape %dq : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %191 = weft.concat %190, %189, %188 dim 2 : tensor<2x8x16xf32>, tensor<2x8x16xf32>, tensor<2x8x16xf32> -> tensor<2x8x48xf32>
    %192 = weft.reduce sum %191 dims [0, 1] : tensor<2x8x48xf32> -> tensor<48xf32>
    %193 = arith.mulf %192, %192 : tensor<48xf32>
    %194 = weft.reduce sum %193 dims [0] : tensor<48xf32> -> tensor<f32>
    %195 = arith.extf %194 : tensor<f32> to tensor<f64>
    %196 = weft.dot_general %191, %4 batch [] x [] contract [2] x [1] : tensor<2x8x48xf32>, tensor<16x48xf32> -> tensor<2x8x16xf32>
    %197 = weft.dot_general %19, %191 batch [] x [] contract [0, 1] x [0, 1] : tensor<2x8x16xf32>, tensor<2x8x48xf32> -> tensor<16x48xf32>
    %198 = arith.mulf %197, %197 : tensor<16x48xf32>
    %199 = weft.reduce sum %198 dims [1] : tensor<16x48xf32> -> tensor<16xf32>
    %200 = arith.extf %199 : tensor<16xf32> to tensor<16xf64>
    %201 = weft.reduce sum %200 dims [0] : tensor<16xf64> -> tensor<f64>
    %202 = weft.reduce sum %18 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %203 = arith.mulf %202, %cst_9 : tensor<2x8xf32>
    %204 = weft.broadcast %203 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %205 = arith.subf %18, %204 : tensor<2x8x16xf32>
    %206 = arith.mulf %205, %205 : tensor<2x8x16xf32>
    %207 = weft.reduce sum %206 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %208 = arith.mulf %207, %cst_9 : tensor<2x8xf32>
    %209 = arith.addf %208, %cst_8 : tensor<2x8xf32>
    %210 = math.rsqrt %209 : tensor<2x8xf32>
    %211 = weft.broadcast %210 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %212 = arith.mulf %205, %211 : tensor<2x8x16xf32>
    %213 = weft.broadcast %2 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %214 = arith.mulf %196, %213 : tensor<2x8x16xf32>
    %215 = weft.reduce sum %214 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %216 = arith.mulf %215, %cst_9 : tensor<2x8xf32>
    %217 = weft.broadcast %216 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %218 = arith.mulf %214, %212 : tensor<2x8x16xf32>
    %219 = weft.reduce sum %218 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %220 = arith.mulf %219, %cst_9 : tensor<2x8xf32>
    %221 = weft.broadcast %220 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %222 = arith.mulf %212, %221 : tensor<2x8x16xf32>
    %223 = arith.subf %214, %217 : tensor<2x8x16xf32>
    %224 = arith.subf %223, %222 : tensor<2x8x16xf32>
    %225 = arith.mulf %211, %224 : tensor<2x8x16xf32>
    %226 = arith.mulf %196, %212 : tensor<2x8x16xf32>
    %227 = weft.reduce sum %226 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %228 = arith.mulf %227, %227 : tensor<16xf32>
    %229 = weft.reduce sum %228 dims [0] : tensor<16xf32> -> tensor<f32>
    %230 = arith.extf %229 : tensor<f32> to tensor<f64>
    %231 = weft.reduce sum %196 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %232 = arith.mulf %231, %231 : tensor<16xf32>
    %233 = weft.reduce sum %232 dims [0] : tensor<16xf32> -> tensor<f32>
    %234 = arith.extf %233 : tensor<f32> to tensor<f64>
    %235 = arith.addf %176, %225 : tensor<2x8x16xf32>
    %236 = weft.reduce sum %235 dims [0] : tensor<2x8x16xf32> -> tensor<8x16xf32>
    %237 = arith.mulf %236, %236 : tensor<8x16xf32>
    %238 = weft.reduce sum %237 dims [1] : tensor<8x16xf32> -> tensor<8xf32>
    %239 = arith.extf %238 : tensor<8xf32> to tensor<8xf64>
    %240 = weft.reduce sum %239 dims [0] : tensor<8xf64> -> tensor<f64>
    %241 = weft.scatter_add %235[%arg0] axis 0 : tensor<2x8x16xf32>, tensor<2x8xi64> -> tensor<32x16xf32>
    %242 = arith.addf %72, %241 : tensor<32x16xf32>
    %243 = arith.mulf %242, %242 : tensor<32x16xf32>
    %244 = weft.reduce sum %243 dims [1] : tensor<32x16xf32> -> tensor<32xf32>
    %245 = arith.extf %244 : tensor<32xf32> to tensor<32xf64>
    %246 = weft.reduce sum %245 dims [0] : tensor<32xf64> -> tensor<f64>
    weft.write @loss_sum, %48 : tensor<f64>
    weft.write @loss_count, %50 : tensor<f64>
    %247 = weft.read @hyper : tensor<16xf64>
    %248 = weft.read @step : tensor<i64>
    %249 = arith.cmpf olt, %cst_2, %50 : tensor<f64>
    %250 = arith.select %249, %50, %cst_1 : tensor<i1>, tensor<f64>
    %251 = arith.addf %101, %105 : tensor<f64>
    %252 = arith.addf %251, %109 : tensor<f64>
    %253 = arith.addf %252, %115 : tensor<f64>
    %254 = arith.addf %253, %136 : tensor<f64>
    %255 = arith.addf %254, %142 : tensor<f64>
    %256 = arith.addf %255, %171 : tensor<f64>
    %257 = arith.addf %256, %175 : tensor<f64>
    %258 = arith.addf %257, %180 : tensor<f64>
    %259 = arith.addf %258, %186 : tensor<f64>
    %260 = arith.addf %259, %195 : tensor<f64>
    %261 = arith.addf %260, %201 : tensor<f64>
    %262 = arith.addf %261, %230 : tensor<f64>
    %263 = arith.addf %262, %234 : tensor<f64>
    %264 = arith.addf %263, %240 : tensor<f64>
    %265 = arith.addf %264, %246 : tensor<f64>
    %266 = math.sqrt %265 : tensor<f64>
    %267 = arith.divf %266, %250 : tensor<f64>
    %268 = weft.slice %247 offsets [9] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %269 = weft.reshape %268 : tensor<1xf64> -> tensor<f64>
    %270 = arith.addf %267, %cst_0 : tensor<f64>
    %271 = arith.divf %269, %270 : tensor<f64>
    %272 = arith.minimumf %271, %cst_1 : tensor<f64>
    %273 = arith.cmpf olt, %cst_2, %269 : tensor<f64>
    %274 = arith.select %273, %272, %cst_1 : tensor<i1>, tensor<f64>
    %275 = weft.slice %247 offsets [10] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %276 = weft.reshape %275 : tensor<1xf64> -> tensor<f64>
    %277 = arith.divf %274, %250 : tensor<f64>
    %278 = arith.mulf %277, %276 : tensor<f64>
    %279 = weft.learning_rate %248, %247 : (tensor<i64>, tensor<16xf64>) -> tensor<f64>
    %280 = weft.read @"adamw.m/transformer.ln_f.weight" : tensor<16xf32>
    %281 = weft.read @"adamw.v/transformer.ln_f.weight" : tensor<16xf32>
    %newParam, %newM, %newV = weft.adam %14, %98, %280, %281 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.ln_f.weight, %newParam : tensor<16xf32>
    weft.write @"adamw.m/transformer.ln_f.weight", %newM : tensor<16xf32>
    weft.write @"adamw.v/transformer.ln_f.weight", %newV : tensor<16xf32>
    %282 = weft.read @"adamw.m/transformer.ln_f.bias" : tensor<16xf32>
    %283 = weft.read @"adamw.v/transformer.ln_f.bias" : tensor<16xf32>
    %newParam_14, %newM_15, %newV_16 = weft.adam %15, %102, %282, %283 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.ln_f.bias, %newParam_14 : tensor<16xf32>
    weft.write @"adamw.m/transformer.ln_f.bias", %newM_15 : tensor<16xf32>
    weft.write @"adamw.v/transformer.ln_f.bias", %newV_16 : tensor<16xf32>
    %284 = weft.read @"adamw.m/transformer.h.0.mlp.c_proj.bias" : tensor<16xf32>
    %285 = weft.read @"adamw.v/transformer.h.0.mlp.c_proj.bias" : tensor<16xf32>
    %newParam_17, %newM_18, %newV_19 = weft.adam %13, %106, %284, %285 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.mlp.c_proj.bias, %newParam_17 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.mlp.c_proj.bias", %newM_18 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.mlp.c_proj.bias", %newV_19 : tensor<16xf32>
    %286 = weft.read @"adamw.m/transformer.h.0.mlp.c_proj.weight" : tensor<64x16xf32>
    %287 = weft.read @"adamw.v/transformer.h.0.mlp.c_proj.weight" : tensor<64x16xf32>
    %newParam_20, %newM_21, %newV_22 = weft.adam %12, %111, %286, %287 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<64x16xf32>, tensor<64x16xf32>, tensor<64x16xf32>, tensor<64x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<64x16xf32>, tensor<64x16xf32>, tensor<64x16xf32>)
    weft.write @transformer.h.0.mlp.c_proj.weight, %newParam_20 : tensor<64x16xf32>
    weft.write @"adamw.m/transformer.h.0.mlp.c_proj.weight", %newM_21 : tensor<64x16xf32>
    weft.write @"adamw.v/transformer.h.0.mlp.c_proj.weight", %newV_22 : tensor<64x16xf32>
    %288 = weft.read @"adamw.m/transformer.h.0.mlp.c_fc.bias" : tensor<64xf32>
    %289 = weft.read @"adamw.v/transformer.h.0.mlp.c_fc.bias" : tensor<64xf32>
    %newParam_23, %newM_24, %newV_25 = weft.adam %11, %133, %288, %289 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>)
    weft.write @transformer.h.0.mlp.c_fc.bias, %newParam_23 : tensor<64xf32>
    weft.write @"adamw.m/transformer.h.0.mlp.c_fc.bias", %newM_24 : tensor<64xf32>
    weft.write @"adamw.v/transformer.h.0.mlp.c_fc.bias", %newV_25 : tensor<64xf32>
    %290 = weft.read @"adamw.m/transformer.h.0.mlp.c_fc.weight" : tensor<16x64xf32>
    %291 = weft.read @"adamw.v/transformer.h.0.mlp.c_fc.weight" : tensor<16x64xf32>
    %newParam_26, %newM_27, %newV_28 = weft.adam %10, %138, %290, %291 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>)
    weft.write @transformer.h.0.mlp.c_fc.weight, %newParam_26 : tensor<16x64xf32>
    weft.write @"adamw.m/transformer.h.0.mlp.c_fc.weight", %newM_27 : tensor<16x64xf32>
    weft.write @"adamw.v/transformer.h.0.mlp.c_fc.weight", %newV_28 : tensor<16x64xf32>
    %292 = weft.read @"adamw.m/transformer.h.0.ln_2.weight" : tensor<16xf32>
    %293 = weft.read @"adamw.v/transformer.h.0.ln_2.weight" : tensor<16xf32>
    %newParam_29, %newM_30, %newV_31 = weft.adam %8, %168, %292, %293 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.ln_2.weight, %newParam_29 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.ln_2.weight", %newM_30 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.ln_2.weight", %newV_31 : tensor<16xf32>
    %294 = weft.read @"adamw.m/transformer.h.0.ln_2.bias" : tensor<16xf32>
    %295 = weft.read @"adamw.v/transformer.h.0.ln_2.bias" : tensor<16xf32>
    %newParam_32, %newM_33, %newV_34 = weft.adam %9, %172, %294, %295 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.ln_2.bias, %newParam_32 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.ln_2.bias", %newM_33 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.ln_2.bias", %newV_34 : tensor<16xf32>
    %296 = weft.read @"adamw.m/transformer.h.0.attn.c_proj.bias" : tensor<16xf32>
    %297 = weft.read @"adamw.v/transformer.h.0.attn.c_proj.bias" : tensor<16xf32>
    %newParam_35, %newM_36, %newV_37 = weft.adam %7, %177, %296, %297 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.attn.c_proj.bias, %newParam_35 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.attn.c_proj.bias", %newM_36 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.attn.c_proj.bias", %newV_37 : tensor<16xf32>
    %298 = weft.read @"adamw.m/transformer.h.0.attn.c_proj.weight" : tensor<16x16xf32>
    %299 = weft.read @"adamw.v/transformer.h.0.attn.c_proj.weight" : tensor<16x16xf32>
    %newParam_38, %newM_39, %newV_40 = weft.adam %6, %182, %298, %299 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>)
    weft.write @transformer.h.0.attn.c_proj.weight, %newParam_38 : tensor<16x16xf32>
    weft.write @"adamw.m/transformer.h.0.attn.c_proj.weight", %newM_39 : tensor<16x16xf32>
    weft.write @"adamw.v/transformer.h.0.attn.c_proj.weight", %newV_40 : tensor<16x16xf32>
    %300 = weft.read @"adamw.m/transformer.h.0.attn.c_attn.bias" : tensor<48xf32>
    %301 = weft.read @"adamw.v/transformer.h.0.attn.c_attn.bias" : tensor<48xf32>
    %newParam_41, %newM_42, %newV_43 = weft.adam %5, %192, %300, %301 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<48xf32>, tensor<48xf32>, tensor<48xf32>, tensor<48xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<48xf32>, tensor<48xf32>, tensor<48xf32>)
    weft.write @transformer.h.0.attn.c_attn.bias, %newParam_41 : tensor<48xf32>
    weft.write @"adamw.m/transformer.h.0.attn.c_attn.bias", %newM_42 : tensor<48xf32>
    weft.write @"adamw.v/transformer.h.0.attn.c_attn.bias", %newV_43 : tensor<48xf32>
    %302 = weft.read @"adamw.m/transformer.h.0.attn.c_attn.weight" : tensor<16x48xf32>
    %303 = weft.read @"adamw.v/transformer.h.0.attn.c_attn.weight" : tensor<16x48xf32>
    %newParam_44, %newM_45, %newV_46 = weft.adam %4, %197, %302, %303 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16x48xf32>, tensor<16x48xf32>, tensor<16x48xf32>, tensor<16x48xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16x48xf32>, tensor<16x48xf32>, tensor<16x48xf32>)
    weft.write @transformer.h.0.attn.c_attn.weight, %newParam_44 : tensor<16x48xf32>
    weft.write @"adamw.m/transformer.h.0.attn.c_attn.weight", %newM_45 : tensor<16x48xf32>
    weft.write @"adamw.v/transformer.h.0.attn.c_attn.weight", %newV_46 : tensor<16x48xf32>
    %304 = weft.read @"adamw.m/transformer.h.0.ln_1.weight" : tensor<16xf32>
    %305 = weft.read @"adamw.v/transformer.h.0.ln_1.weight" : tensor<16xf32>
    %newParam_47, %newM_48, %newV_49 = weft.adam %2, %227, %304, %305 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.ln_1.weight, %newParam_47 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.ln_1.weight", %newM_48 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.ln_1.weight", %newV_49 : tensor<16xf32>
    %306 = weft.read @"adamw.m/transformer.h.0.ln_1.bias" : tensor<16xf32>
    %307 = weft.read @"adamw.v/transformer.h.0.ln_1.bias" : tensor<16xf32>
    %newParam_50, %newM_51, %newV_52 = weft.adam %3, %231, %306, %307 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
    weft.write @transformer.h.0.ln_1.bias, %newParam_50 : tensor<16xf32>
    weft.write @"adamw.m/transformer.h.0.ln_1.bias", %newM_51 : tensor<16xf32>
    weft.write @"adamw.v/transformer.h.0.ln_1.bias", %newV_52 : tensor<16xf32>
    %308 = weft.read @"adamw.m/transformer.wpe.weight" : tensor<8x16xf32>
    %309 = weft.read @"adamw.v/transformer.wpe.weight" : tensor<8x16xf32>
    %newParam_53, %newM_54, %newV_55 = weft.adam %1, %236, %308, %309 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>)
    weft.write @transformer.wpe.weight, %newParam_53 : tensor<8x16xf32>
    weft.write @"adamw.m/transformer.wpe.weight", %newM_54 : tensor<8x16xf32>
    weft.write @"adamw.v/transformer.wpe.weight", %newV_55 : tensor<8x16xf32>
    %310 = weft.read @"adamw.m/transformer.wte.weight" : tensor<32x16xf32>
    %311 = weft.read @"adamw.v/transformer.wte.weight" : tensor<32x16xf32>
    %newParam_56, %newM_57, %newV_58 = weft.adam %0, %242, %310, %311 scale %278 lr %279 step %248 hyper %247 decay decoupled : (tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>)
    weft.write @transformer.wte.weight, %newParam_56 : tensor<32x16xf32>
    weft.write @"adamw.m/transformer.wte.weight", %newM_57 : tensor<32x16xf32>
    weft.write @"adamw.v/transformer.wte.weight", %newV_58 : tensor<32x16xf32>
    weft.write @grad_norm, %267 : tensor<f64>
    weft.write @lr, %279 : tensor<f64>
    %312 = arith.addi %248, %cst : tensor<i64>
    weft.write @step, %312 : tensor<i64>
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

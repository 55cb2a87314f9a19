module attributes {exec.arena_bytes = 76672 : i64, exec.persistent_bytes = 48256 : i64, weft.batch = 2 : i64, weft.microbatches = 1 : i64, weft.model = "tiny.onnx"} {
  weft.param @transformer.wte.weight : tensor<32x16xf32> trainable decay = #weft.normal<2.000000e-02 : f64> {exec.offset = 0 : i64}
  weft.param @transformer.wpe.weight : tensor<8x16xf32> trainable decay = #weft.normal<2.000000e-02 : f64> {exec.offset = 2048 : i64}
  weft.param @transformer.h.0.ln_1.weight : tensor<16xf32> trainable decay = #weft.constant<1.000000e+00 : f64> {exec.offset = 2560 : i64}
  weft.param @transformer.h.0.ln_1.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64> {exec.offset = 2624 : i64}
  weft.param @transformer.h.0.attn.c_attn.weight : tensor<16x48xf32> trainable decay = #weft.normal<2.000000e-02 : f64> {exec.offset = 2688 : i64}
  weft.param @transformer.h.0.attn.c_attn.bias : tensor<48xf32> trainable decay = #weft.constant<0.000000e+00 : f64> {exec.offset = 5760 : i64}
  weft.param @transformer.h.0.attn.c_proj.weight : tensor<16x16xf32> trainable decay = #weft.normal<2.000000e-02 : f64> {exec.offset = 5952 : i64}
  weft.param @transformer.h.0.attn.c_proj.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64> {exec.offset = 6976 : i64}
  weft.param @transformer.h.0.ln_2.weight : tensor<16xf32> trainable decay = #weft.constant<1.000000e+00 : f64> {exec.offset = 7040 : i64}
  weft.param @transformer.h.0.ln_2.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64> {exec.offset = 7104 : i64}
  weft.param @transformer.h.0.mlp.c_fc.weight : tensor<16x64xf32> trainable decay = #weft.normal<2.000000e-02 : f64> {exec.offset = 7168 : i64}
  weft.param @transformer.h.0.mlp.c_fc.bias : tensor<64xf32> trainable decay = #weft.constant<0.000000e+00 : f64> {exec.offset = 11264 : i64}
  weft.param @transformer.h.0.mlp.c_proj.weight : tensor<64x16xf32> trainable decay = #weft.normal<2.000000e-02 : f64> {exec.offset = 11520 : i64}
  weft.param @transformer.h.0.mlp.c_proj.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64> {exec.offset = 15616 : i64}
  weft.param @transformer.ln_f.weight : tensor<16xf32> trainable decay = #weft.constant<1.000000e+00 : f64> {exec.offset = 15680 : i64}
  weft.param @transformer.ln_f.bias : tensor<16xf32> trainable decay = #weft.constant<0.000000e+00 : f64> {exec.offset = 15744 : i64}
  weft.state hyper @hyper : tensor<16xf64> = 0.000000e+00 {exec.offset = 15808 : i64}
  weft.state step @step : tensor<i64> = 0.000000e+00 checkpointed {exec.offset = 15936 : i64}
  weft.state metric @loss_sum : tensor<f64> = 0.000000e+00 {exec.offset = 16000 : i64}
  weft.state metric @loss_count : tensor<f64> = 0.000000e+00 {exec.offset = 16064 : i64}
  weft.state metric @eval_loss_sum : tensor<f64> = 0.000000e+00 {exec.offset = 16128 : i64}
  weft.state metric @eval_loss_count : tensor<f64> = 0.000000e+00 {exec.offset = 16192 : i64}
  weft.state metric @grad_norm : tensor<f64> = 0.000000e+00 {exec.offset = 16256 : i64}
  weft.state metric @lr : tensor<f64> = 0.000000e+00 {exec.offset = 16320 : i64}
  weft.state moment @"adamw.m/transformer.wte.weight" : tensor<32x16xf32> = 0.000000e+00 of @transformer.wte.weight checkpointed {exec.offset = 16384 : i64}
  weft.state moment @"adamw.v/transformer.wte.weight" : tensor<32x16xf32> = 0.000000e+00 of @transformer.wte.weight checkpointed {exec.offset = 18432 : i64}
  weft.state moment @"adamw.m/transformer.wpe.weight" : tensor<8x16xf32> = 0.000000e+00 of @transformer.wpe.weight checkpointed {exec.offset = 20480 : i64}
  weft.state moment @"adamw.v/transformer.wpe.weight" : tensor<8x16xf32> = 0.000000e+00 of @transformer.wpe.weight checkpointed {exec.offset = 20992 : i64}
  weft.state moment @"adamw.m/transformer.h.0.ln_1.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_1.weight checkpointed {exec.offset = 21504 : i64}
  weft.state moment @"adamw.v/transformer.h.0.ln_1.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_1.weight checkpointed {exec.offset = 21568 : i64}
  weft.state moment @"adamw.m/transformer.h.0.ln_1.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_1.bias checkpointed {exec.offset = 21632 : i64}
  weft.state moment @"adamw.v/transformer.h.0.ln_1.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_1.bias checkpointed {exec.offset = 21696 : i64}
  weft.state moment @"adamw.m/transformer.h.0.attn.c_attn.weight" : tensor<16x48xf32> = 0.000000e+00 of @transformer.h.0.attn.c_attn.weight checkpointed {exec.offset = 21760 : i64}
  weft.state moment @"adamw.v/transformer.h.0.attn.c_attn.weight" : tensor<16x48xf32> = 0.000000e+00 of @transformer.h.0.attn.c_attn.weight checkpointed {exec.offset = 24832 : i64}
  weft.state moment @"adamw.m/transformer.h.0.attn.c_attn.bias" : tensor<48xf32> = 0.000000e+00 of @transformer.h.0.attn.c_attn.bias checkpointed {exec.offset = 27904 : i64}
  weft.state moment @"adamw.v/transformer.h.0.attn.c_attn.bias" : tensor<48xf32> = 0.000000e+00 of @transformer.h.0.attn.c_attn.bias checkpointed {exec.offset = 28096 : i64}
  weft.state moment @"adamw.m/transformer.h.0.attn.c_proj.weight" : tensor<16x16xf32> = 0.000000e+00 of @transformer.h.0.attn.c_proj.weight checkpointed {exec.offset = 28288 : i64}
  weft.state moment @"adamw.v/transformer.h.0.attn.c_proj.weight" : tensor<16x16xf32> = 0.000000e+00 of @transformer.h.0.attn.c_proj.weight checkpointed {exec.offset = 29312 : i64}
  weft.state moment @"adamw.m/transformer.h.0.attn.c_proj.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.attn.c_proj.bias checkpointed {exec.offset = 30336 : i64}
  weft.state moment @"adamw.v/transformer.h.0.attn.c_proj.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.attn.c_proj.bias checkpointed {exec.offset = 30400 : i64}
  weft.state moment @"adamw.m/transformer.h.0.ln_2.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_2.weight checkpointed {exec.offset = 30464 : i64}
  weft.state moment @"adamw.v/transformer.h.0.ln_2.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_2.weight checkpointed {exec.offset = 30528 : i64}
  weft.state moment @"adamw.m/transformer.h.0.ln_2.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_2.bias checkpointed {exec.offset = 30592 : i64}
  weft.state moment @"adamw.v/transformer.h.0.ln_2.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.ln_2.bias checkpointed {exec.offset = 30656 : i64}
  weft.state moment @"adamw.m/transformer.h.0.mlp.c_fc.weight" : tensor<16x64xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_fc.weight checkpointed {exec.offset = 30720 : i64}
  weft.state moment @"adamw.v/transformer.h.0.mlp.c_fc.weight" : tensor<16x64xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_fc.weight checkpointed {exec.offset = 34816 : i64}
  weft.state moment @"adamw.m/transformer.h.0.mlp.c_fc.bias" : tensor<64xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_fc.bias checkpointed {exec.offset = 38912 : i64}
  weft.state moment @"adamw.v/transformer.h.0.mlp.c_fc.bias" : tensor<64xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_fc.bias checkpointed {exec.offset = 39168 : i64}
  weft.state moment @"adamw.m/transformer.h.0.mlp.c_proj.weight" : tensor<64x16xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_proj.weight checkpointed {exec.offset = 39424 : i64}
  weft.state moment @"adamw.v/transformer.h.0.mlp.c_proj.weight" : tensor<64x16xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_proj.weight checkpointed {exec.offset = 43520 : i64}
  weft.state moment @"adamw.m/transformer.h.0.mlp.c_proj.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_proj.bias checkpointed {exec.offset = 47616 : i64}
  weft.state moment @"adamw.v/transformer.h.0.mlp.c_proj.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.h.0.mlp.c_proj.bias checkpointed {exec.offset = 47680 : i64}
  weft.state moment @"adamw.m/transformer.ln_f.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.ln_f.weight checkpointed {exec.offset = 47744 : i64}
  weft.state moment @"adamw.v/transformer.ln_f.weight" : tensor<16xf32> = 0.000000e+00 of @transformer.ln_f.weight checkpointed {exec.offset = 47808 : i64}
  weft.state moment @"adamw.m/transformer.ln_f.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.ln_f.bias checkpointed {exec.offset = 47872 : i64}
  weft.state moment @"adamw.v/transformer.ln_f.bias" : tensor<16xf32> = 0.000000e+00 of @transformer.ln_f.bias checkpointed {exec.offset = 47936 : i64}
  exec.input @input_ids : tensor<2x8xi64> "tokens" at 48000 limit 32
  exec.input @labels : tensor<2x8xi64> "labels" at 48128 limit 32 ignore -100
  exec.task @task_step temporaries 28416 {
    %0 = exec.buffer 0 : memref<32x16xf32>
    %1 = exec.buffer 48000 : memref<2x8xi64>
    %2 = exec.buffer 2048 : memref<8x16xf32>
    %3 = exec.buffer 2560 : memref<16xf32>
    %4 = exec.buffer 2624 : memref<16xf32>
    %5 = exec.buffer 50432 : memref<2x8x16xf32>
    %6 = exec.buffer 51456 : memref<2x8xf32>
    %7 = exec.buffer 51520 : memref<2x8xf32>
    %8 = exec.buffer 59904 : memref<2x8x16xf32>
    exec.launch @k0(%0, %1, %2, %3, %4, %5, %6, %7, %8) : memref<32x16xf32>, memref<2x8xi64>, memref<8x16xf32>, memref<16xf32>, memref<16xf32>, memref<2x8x16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<2x8x16xf32>
    %9 = exec.buffer 70272 : memref<16x48xf32>
    %10 = exec.buffer 5760 : memref<48xf32>
    %11 = exec.buffer 2688 : memref<16x48xf32>
    %12 = exec.buffer 59904 : memref<16x16xf32>
    exec.matmul %12, %11 bias %10 -> %9 : memref<16x16xf32>, memref<16x48xf32>, memref<48xf32>, memref<16x48xf32>
    %13 = exec.buffer 75392 : memref<2x2x8xf32>
    %14 = exec.buffer 74368 : memref<2x8x2x8xf32>
    %15 = exec.buffer 70400 : memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>
    %16 = exec.buffer 70336 : memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>
    %17 = exec.buffer 70272 : memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>
    exec.attention %17, %16, %15 -> %14, %13 scale 0.35355338454246521 causal : memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32>, memref<2x2x8xf32>
    %18 = exec.buffer 75520 : memref<16x16xf32>
    %19 = exec.buffer 6976 : memref<16xf32>
    %20 = exec.buffer 5952 : memref<16x16xf32>
    %21 = exec.buffer 74368 : memref<16x16xf32>
    exec.matmul %21, %20 bias %19 -> %18 : memref<16x16xf32>, memref<16x16xf32>, memref<16xf32>, memref<16x16xf32>
    %22 = exec.buffer 75520 : memref<2x8x16xf32>
    %23 = exec.buffer 7040 : memref<16xf32>
    %24 = exec.buffer 7104 : memref<16xf32>
    %25 = exec.buffer 76544 : memref<2x8xf32>
    %26 = exec.buffer 76608 : memref<2x8xf32>
    %27 = exec.buffer 69184 : memref<2x8x16xf32>
    exec.launch @k1(%22, %5, %23, %24, %25, %26, %27) : memref<2x8x16xf32>, memref<2x8x16xf32>, memref<16xf32>, memref<16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<2x8x16xf32>
    %28 = exec.buffer 60928 : memref<16x64xf32>
    %29 = exec.buffer 11264 : memref<64xf32>
    %30 = exec.buffer 7168 : memref<16x64xf32>
    %31 = exec.buffer 69184 : memref<16x16xf32>
    exec.matmul %31, %30 bias %29 -> %28 : memref<16x16xf32>, memref<16x64xf32>, memref<64xf32>, memref<16x64xf32>
    %32 = exec.buffer 60928 : memref<2x8x64xf32>
    %33 = exec.buffer 55808 : memref<2x8x64xf32>
    exec.launch @k2(%32, %33) : memref<2x8x64xf32>, memref<2x8x64xf32>
    %34 = exec.buffer 51648 : memref<16x16xf32>
    %35 = exec.buffer 15616 : memref<16xf32>
    %36 = exec.buffer 11520 : memref<64x16xf32>
    %37 = exec.buffer 55808 : memref<16x64xf32>
    exec.matmul %37, %36 bias %35 -> %34 : memref<16x64xf32>, memref<64x16xf32>, memref<16xf32>, memref<16x16xf32>
    %38 = exec.buffer 51648 : memref<2x8x16xf32>
    %39 = exec.buffer 15680 : memref<16xf32>
    %40 = exec.buffer 15744 : memref<16xf32>
    %41 = exec.buffer 50304 : memref<2x8xf32>
    %42 = exec.buffer 52672 : memref<2x8xf32>
    %43 = exec.buffer 52736 : memref<2x8x16xf32>
    exec.launch @k3(%22, %38, %39, %40, %41, %42, %43) : memref<2x8x16xf32>, memref<2x8x16xf32>, memref<16xf32>, memref<16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<2x8x16xf32>
    %44 = exec.buffer 53760 : memref<16x32xf32>
    %45 = exec.buffer 0 : memref<16x32xf32, strided<[1, 16]>>
    %46 = exec.buffer 52736 : memref<16x16xf32>
    exec.matmul %46, %45 -> %44 : memref<16x16xf32>, memref<16x32xf32, strided<[1, 16]>>, memref<16x32xf32>
    %47 = exec.buffer 53760 : memref<2x8x32xf32>
    %48 = exec.buffer 48128 : memref<2x8xi64>
    %49 = exec.buffer 48256 : memref<2x8xf32>
    %50 = exec.buffer 48320 : memref<2x8xf32>
    exec.launch @k4(%47, %48, %49, %50) : memref<2x8x32xf32>, memref<2x8xi64>, memref<2x8xf32>, memref<2x8xf32>
    %51 = exec.buffer 16000 : memref<f64>
    exec.launch @k5(%48, %49, %50, %51) : memref<2x8xi64>, memref<2x8xf32>, memref<2x8xf32>, memref<f64>
    %52 = exec.buffer 65024 : memref<16x16xf32>
    exec.matmul %44, %0 -> %52 : memref<16x32xf32>, memref<32x16xf32>, memref<16x16xf32>
    %53 = exec.buffer 48256 : memref<32x16xf32>
    %54 = exec.buffer 53760 : memref<32x16xf32, strided<[1, 32]>>
    exec.matmul %54, %46 -> %53 : memref<32x16xf32, strided<[1, 32]>>, memref<16x16xf32>, memref<32x16xf32>
    %55 = exec.buffer 65024 : memref<2x8x16xf32>
    %56 = exec.buffer 73344 : memref<2x8x16xf32>
    exec.launch @k6(%55, %39, %38, %41, %42, %56) : memref<2x8x16xf32>, memref<16xf32>, memref<2x8x16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<2x8x16xf32>
    %57 = exec.buffer 51584 : memref<16xf32>
    %58 = exec.buffer 50368 : memref<16xf32>
    exec.launch @k7(%55, %38, %41, %42, %57, %58) : memref<2x8x16xf32>, memref<2x8x16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<16xf32>, memref<16xf32>
    %59 = exec.buffer 50304 : memref<f32>
    exec.launch @k8(%57, %59) : memref<16xf32>, memref<f32>
    %60 = exec.buffer 65024 : memref<f32>
    exec.launch @k8(%58, %60) : memref<16xf32>, memref<f32>
    %61 = exec.buffer 51648 : memref<16xf32>
    exec.launch @k9(%56, %61) : memref<2x8x16xf32>, memref<16xf32>
    %62 = exec.buffer 70208 : memref<f32>
    exec.launch @k8(%61, %62) : memref<16xf32>, memref<f32>
    %63 = exec.buffer 65088 : memref<16x64xf32>
    %64 = exec.buffer 11520 : memref<16x64xf32, strided<[1, 16]>>
    %65 = exec.buffer 73344 : memref<16x16xf32>
    exec.matmul %65, %64 -> %63 : memref<16x16xf32>, memref<16x64xf32, strided<[1, 16]>>, memref<16x64xf32>
    %66 = exec.buffer 51712 : memref<64x16xf32>
    %67 = exec.buffer 55808 : memref<64x16xf32, strided<[1, 64]>>
    exec.matmul %67, %65 -> %66 : memref<64x16xf32, strided<[1, 64]>>, memref<16x16xf32>, memref<64x16xf32>
    %68 = exec.buffer 55808 : memref<64xf32>
    exec.launch @k10(%66, %68) : memref<64x16xf32>, memref<64xf32>
    %69 = exec.buffer 57280 : memref<f64>
    exec.launch @k11(%68, %69) : memref<64xf32>, memref<f64>
    %70 = exec.buffer 65088 : memref<2x8x64xf32>
    exec.launch @k12(%70, %32) : memref<2x8x64xf32>, memref<2x8x64xf32>
    exec.launch @k13(%70, %68) : memref<2x8x64xf32>, memref<64xf32>
    %71 = exec.buffer 57344 : memref<f32>
    exec.launch @k14(%68, %71) : memref<64xf32>, memref<f32>
    %72 = exec.buffer 57920 : memref<16x16xf32>
    %73 = exec.buffer 7168 : memref<64x16xf32, strided<[1, 64]>>
    exec.matmul %63, %73 -> %72 : memref<16x64xf32>, memref<64x16xf32, strided<[1, 64]>>, memref<16x16xf32>
    %74 = exec.buffer 69184 : memref<16x16xf32, strided<[1, 16]>>
    exec.matmul %74, %63 -> %28 : memref<16x16xf32, strided<[1, 16]>>, memref<16x64xf32>, memref<16x64xf32>
    %75 = exec.buffer 56064 : memref<16xf32>
    exec.launch @k15(%28, %75) : memref<16x64xf32>, memref<16xf32>
    %76 = exec.buffer 57664 : memref<f64>
    exec.launch @k16(%75, %76) : memref<16xf32>, memref<f64>
    %77 = exec.buffer 57920 : memref<2x8x16xf32>
    %78 = exec.buffer 56128 : memref<16xf32>
    exec.launch @k7(%77, %22, %25, %26, %78, %75) : memref<2x8x16xf32>, memref<2x8x16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<16xf32>, memref<16xf32>
    %79 = exec.buffer 57792 : memref<f32>
    exec.launch @k8(%78, %79) : memref<16xf32>, memref<f32>
    %80 = exec.buffer 57856 : memref<f32>
    exec.launch @k8(%75, %80) : memref<16xf32>, memref<f32>
    exec.launch @k17(%77, %23, %22, %25, %26, %56) : memref<2x8x16xf32>, memref<16xf32>, memref<2x8x16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<2x8x16xf32>
    %81 = exec.buffer 56192 : memref<16xf32>
    exec.launch @k9(%77, %81) : memref<2x8x16xf32>, memref<16xf32>
    %82 = exec.buffer 58944 : memref<f32>
    exec.launch @k8(%81, %82) : memref<16xf32>, memref<f32>
    %83 = exec.buffer 65088 : memref<16x16xf32>
    %84 = exec.buffer 5952 : memref<16x16xf32, strided<[1, 16]>>
    exec.matmul %72, %84 -> %83 : memref<16x16xf32>, memref<16x16xf32, strided<[1, 16]>>, memref<16x16xf32>
    %85 = exec.buffer 56256 : memref<16x16xf32>
    %86 = exec.buffer 74368 : memref<16x16xf32, strided<[1, 16]>>
    exec.matmul %86, %72 -> %85 : memref<16x16xf32, strided<[1, 16]>>, memref<16x16xf32>, memref<16x16xf32>
    %87 = exec.buffer 57408 : memref<16xf32>
    exec.launch @k18(%85, %87) : memref<16x16xf32>, memref<16xf32>
    %88 = exec.buffer 59008 : memref<f64>
    exec.launch @k16(%87, %88) : memref<16xf32>, memref<f64>
    %89 = exec.buffer 68160 : memref<2x8x2x8xf32>
    %90 = exec.buffer 67136 : memref<2x8x2x8xf32>
    %91 = exec.buffer 66112 : memref<2x8x2x8xf32>
    %92 = exec.buffer 65088 : memref<2x8x2x8xf32>
    exec.attention_grad %92, %17, %16, %15, %14, %13 -> %91, %90, %89 scale 0.35355338454246521 causal : memref<2x8x2x8xf32>, memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32>, memref<2x2x8xf32>, memref<2x8x2x8xf32>, memref<2x8x2x8xf32>, memref<2x8x2x8xf32>
    %93 = exec.buffer 70272 : memref<2x8x48xf32>
    exec.launch @k19(%91, %90, %89, %93) : memref<2x8x2x8xf32>, memref<2x8x2x8xf32>, memref<2x8x2x8xf32>, memref<2x8x48xf32>
    %94 = exec.buffer 57408 : memref<48xf32>
    exec.launch @k20(%93, %94) : memref<2x8x48xf32>, memref<48xf32>
    %95 = exec.buffer 59072 : memref<f32>
    exec.launch @k21(%94, %95) : memref<48xf32>, memref<f32>
    %96 = exec.buffer 68160 : memref<16x16xf32>
    %97 = exec.buffer 2688 : memref<48x16xf32, strided<[1, 48]>>
    exec.matmul %9, %97 -> %96 : memref<16x48xf32>, memref<48x16xf32, strided<[1, 48]>>, memref<16x16xf32>
    %98 = exec.buffer 65088 : memref<16x48xf32>
    %99 = exec.buffer 59904 : memref<16x16xf32, strided<[1, 16]>>
    exec.matmul %99, %9 -> %98 : memref<16x16xf32, strided<[1, 16]>>, memref<16x48xf32>, memref<16x48xf32>
    %100 = exec.buffer 57600 : memref<16xf32>
    exec.launch @k22(%98, %100) : memref<16x48xf32>, memref<16xf32>
    %101 = exec.buffer 59136 : memref<f64>
    exec.launch @k16(%100, %101) : memref<16xf32>, memref<f64>
    %102 = exec.buffer 68160 : memref<2x8x16xf32>
    %103 = exec.buffer 57728 : memref<16xf32>
    exec.launch @k7(%102, %5, %6, %7, %103, %100) : memref<2x8x16xf32>, memref<2x8x16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<16xf32>, memref<16xf32>
    %104 = exec.buffer 59200 : memref<f32>
    exec.launch @k8(%103, %104) : memref<16xf32>, memref<f32>
    %105 = exec.buffer 59264 : memref<f32>
    exec.launch @k8(%100, %105) : memref<16xf32>, memref<f32>
    exec.launch @k17(%102, %3, %5, %6, %7, %77) : memref<2x8x16xf32>, memref<16xf32>, memref<2x8x16xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<2x8x16xf32>
    %106 = exec.buffer 50432 : memref<8x16xf32>
    exec.launch @k23(%102, %106) : memref<2x8x16xf32>, memref<8x16xf32>
    %107 = exec.buffer 51008 : memref<8xf32>
    exec.launch @k24(%106, %107) : memref<8x16xf32>, memref<8xf32>
    %108 = exec.buffer 50944 : memref<f64>
    exec.launch @k25(%107, %108) : memref<8xf32>, memref<f64>
    %109 = exec.buffer 70272 : memref<32x16xf32>
    exec.launch @k26(%102, %1, %109) : memref<2x8x16xf32>, memref<2x8xi64>, memref<32x16xf32>
    %110 = exec.buffer 51072 : memref<32xf32>
    exec.launch @k27(%53, %109, %110) : memref<32x16xf32>, memref<32x16xf32>, memref<32xf32>
    %111 = exec.buffer 51008 : memref<f64>
    exec.launch @k28(%110, %111) : memref<32xf32>, memref<f64>
    %112 = exec.buffer 16064 : memref<f64>
    %113 = exec.buffer 51072 : memref<f64>
    exec.launch @k29(%48, %112, %113) : memref<2x8xi64>, memref<f64>, memref<f64>
    %114 = exec.buffer 15808 : memref<16xf64>
    %115 = exec.buffer 16256 : memref<f64>
    exec.launch @k30(%59, %60, %62, %69, %71, %76, %79, %80, %82, %88, %95, %101, %104, %105, %108, %111, %113, %114, %115) : memref<f32>, memref<f32>, memref<f32>, memref<f64>, memref<f32>, memref<f64>, memref<f32>, memref<f32>, memref<f32>, memref<f64>, memref<f32>, memref<f64>, memref<f32>, memref<f32>, memref<f64>, memref<f64>, memref<f64>, memref<16xf64>, memref<f64>
    %116 = exec.buffer 50944 : memref<f32>
    exec.launch @k31(%114, %116) : memref<16xf64>, memref<f32>
    %117 = exec.buffer 51008 : memref<f32>
    exec.launch @k32(%114, %117) : memref<16xf64>, memref<f32>
    %118 = exec.buffer 51072 : memref<f32>
    exec.launch @k33(%114, %118) : memref<16xf64>, memref<f32>
    %119 = exec.buffer 51136 : memref<f32>
    exec.launch @k34(%114, %119) : memref<16xf64>, memref<f32>
    %120 = exec.buffer 51200 : memref<f32>
    exec.launch @k35(%114, %120) : memref<16xf64>, memref<f32>
    %121 = exec.buffer 15936 : memref<i64>
    %122 = exec.buffer 16320 : memref<f64>
    %123 = exec.buffer 51264 : memref<f32>
    %124 = exec.buffer 51328 : memref<f32>
    %125 = exec.buffer 51392 : memref<f32>
    exec.launch @k36(%121, %114, %122, %123, %124, %125) : memref<i64>, memref<16xf64>, memref<f64>, memref<f32>, memref<f32>, memref<f32>
    %126 = exec.buffer 47744 : memref<16xf32>
    %127 = exec.buffer 47808 : memref<16xf32>
    exec.launch @k37(%117, %126, %116, %57, %59, %119, %127, %118, %39, %124, %125, %123, %120) : memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %128 = exec.buffer 47872 : memref<16xf32>
    %129 = exec.buffer 47936 : memref<16xf32>
    exec.launch @k37(%117, %128, %116, %58, %59, %119, %129, %118, %40, %124, %125, %123, %120) : memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %130 = exec.buffer 47616 : memref<16xf32>
    %131 = exec.buffer 47680 : memref<16xf32>
    exec.launch @k37(%117, %130, %116, %61, %59, %119, %131, %118, %35, %124, %125, %123, %120) : memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %132 = exec.buffer 39424 : memref<64x16xf32>
    %133 = exec.buffer 43520 : memref<64x16xf32>
    exec.launch @k38(%117, %132, %116, %66, %59, %119, %133, %118, %36, %124, %125, %123, %120) : memref<f32>, memref<64x16xf32>, memref<f32>, memref<64x16xf32>, memref<f32>, memref<f32>, memref<64x16xf32>, memref<f32>, memref<64x16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %134 = exec.buffer 38912 : memref<64xf32>
    %135 = exec.buffer 39168 : memref<64xf32>
    exec.launch @k39(%117, %134, %116, %68, %59, %119, %135, %118, %29, %124, %125, %123, %120) : memref<f32>, memref<64xf32>, memref<f32>, memref<64xf32>, memref<f32>, memref<f32>, memref<64xf32>, memref<f32>, memref<64xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %136 = exec.buffer 30720 : memref<16x64xf32>
    %137 = exec.buffer 34816 : memref<16x64xf32>
    exec.launch @k40(%117, %136, %116, %28, %59, %119, %137, %118, %30, %124, %125, %123, %120) : memref<f32>, memref<16x64xf32>, memref<f32>, memref<16x64xf32>, memref<f32>, memref<f32>, memref<16x64xf32>, memref<f32>, memref<16x64xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %138 = exec.buffer 30464 : memref<16xf32>
    %139 = exec.buffer 30528 : memref<16xf32>
    exec.launch @k37(%117, %138, %116, %78, %59, %119, %139, %118, %23, %124, %125, %123, %120) : memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %140 = exec.buffer 30592 : memref<16xf32>
    %141 = exec.buffer 30656 : memref<16xf32>
    exec.launch @k37(%117, %140, %116, %75, %59, %119, %141, %118, %24, %124, %125, %123, %120) : memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %142 = exec.buffer 30336 : memref<16xf32>
    %143 = exec.buffer 30400 : memref<16xf32>
    exec.launch @k37(%117, %142, %116, %81, %59, %119, %143, %118, %19, %124, %125, %123, %120) : memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %144 = exec.buffer 28288 : memref<16x16xf32>
    %145 = exec.buffer 29312 : memref<16x16xf32>
    exec.launch @k41(%117, %144, %116, %85, %59, %119, %145, %118, %20, %124, %125, %123, %120) : memref<f32>, memref<16x16xf32>, memref<f32>, memref<16x16xf32>, memref<f32>, memref<f32>, memref<16x16xf32>, memref<f32>, memref<16x16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %146 = exec.buffer 27904 : memref<48xf32>
    %147 = exec.buffer 28096 : memref<48xf32>
    exec.launch @k42(%117, %146, %116, %94, %59, %119, %147, %118, %10, %124, %125, %123, %120) : memref<f32>, memref<48xf32>, memref<f32>, memref<48xf32>, memref<f32>, memref<f32>, memref<48xf32>, memref<f32>, memref<48xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %148 = exec.buffer 21760 : memref<16x48xf32>
    %149 = exec.buffer 24832 : memref<16x48xf32>
    exec.launch @k43(%117, %148, %116, %98, %59, %119, %149, %118, %11, %124, %125, %123, %120) : memref<f32>, memref<16x48xf32>, memref<f32>, memref<16x48xf32>, memref<f32>, memref<f32>, memref<16x48xf32>, memref<f32>, memref<16x48xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %150 = exec.buffer 21504 : memref<16xf32>
    %151 = exec.buffer 21568 : memref<16xf32>
    exec.launch @k37(%117, %150, %116, %103, %59, %119, %151, %118, %3, %124, %125, %123, %120) : memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %152 = exec.buffer 21632 : memref<16xf32>
    %153 = exec.buffer 21696 : memref<16xf32>
    exec.launch @k37(%117, %152, %116, %100, %59, %119, %153, %118, %4, %124, %125, %123, %120) : memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<16xf32>, memref<f32>, memref<16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %154 = exec.buffer 20480 : memref<8x16xf32>
    %155 = exec.buffer 20992 : memref<8x16xf32>
    exec.launch @k44(%117, %154, %116, %106, %59, %119, %155, %118, %2, %124, %125, %123, %120) : memref<f32>, memref<8x16xf32>, memref<f32>, memref<8x16xf32>, memref<f32>, memref<f32>, memref<8x16xf32>, memref<f32>, memref<8x16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
    %156 = exec.buffer 16384 : memref<32x16xf32>
    %157 = exec.buffer 18432 : memref<32x16xf32>
    exec.launch @k45(%117, %156, %116, %53, %59, %119, %157, %118, %0, %124, %125, %123, %120) : memref<f32>, memref<32x16xf32>, memref<f32>, memref<32x16xf32>, memref<f32>, memref<f32>, memref<32x16xf32>, memref<f32>, memref<32x16xf32>, memref<f32>, memref<f32>, memref<f32>, memref<f32>
  }
  exec.task @task_eval temporaries 6144 {
    %0 = exec.buffer 0 : memref<32x16xf32>
    %1 = exec.buffer 48000 : memref<2x8xi64>
    %2 = exec.buffer 2048 : memref<8x16xf32>
    %3 = exec.buffer 2560 : memref<16xf32>
    %4 = exec.buffer 2624 : memref<16xf32>
    %5 = exec.buffer 52352 : memref<2x8x16xf32>
    %6 = exec.buffer 51328 : memref<2x8x16xf32>
    exec.launch @k46(%0, %1, %2, %3, %4, %5, %6) : memref<32x16xf32>, memref<2x8xi64>, memref<8x16xf32>, memref<16xf32>, memref<16xf32>, memref<2x8x16xf32>, memref<2x8x16xf32>
    %7 = exec.buffer 48256 : memref<16x48xf32>
    %8 = exec.buffer 5760 : memref<48xf32>
    %9 = exec.buffer 2688 : memref<16x48xf32>
    %10 = exec.buffer 51328 : memref<16x16xf32>
    exec.matmul %10, %9 bias %8 -> %7 : memref<16x16xf32>, memref<16x48xf32>, memref<48xf32>, memref<16x48xf32>
    %11 = exec.buffer 53376 : memref<2x2x8xf32>
    %12 = exec.buffer 51328 : memref<2x8x2x8xf32>
    %13 = exec.buffer 48384 : memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>
    %14 = exec.buffer 48320 : memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>
    %15 = exec.buffer 48256 : memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>
    exec.attention %15, %14, %13 -> %12, %11 scale 0.35355338454246521 causal : memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32, strided<[384, 48, 8, 1]>>, memref<2x8x2x8xf32>, memref<2x2x8xf32>
    %16 = exec.buffer 53376 : memref<16x16xf32>
    %17 = exec.buffer 6976 : memref<16xf32>
    %18 = exec.buffer 5952 : memref<16x16xf32>
    exec.matmul %10, %18 bias %17 -> %16 : memref<16x16xf32>, memref<16x16xf32>, memref<16xf32>, memref<16x16xf32>
    %19 = exec.buffer 53376 : memref<2x8x16xf32>
    %20 = exec.buffer 7040 : memref<16xf32>
    %21 = exec.buffer 7104 : memref<16xf32>
    exec.launch @k47(%19, %5, %20, %21) : memref<2x8x16xf32>, memref<2x8x16xf32>, memref<16xf32>, memref<16xf32>
    %22 = exec.buffer 48256 : memref<16x64xf32>
    %23 = exec.buffer 11264 : memref<64xf32>
    %24 = exec.buffer 7168 : memref<16x64xf32>
    %25 = exec.buffer 52352 : memref<16x16xf32>
    exec.matmul %25, %24 bias %23 -> %22 : memref<16x16xf32>, memref<16x64xf32>, memref<64xf32>, memref<16x64xf32>
    %26 = exec.buffer 48256 : memref<2x8x64xf32>
    exec.launch @k48(%26) : memref<2x8x64xf32>
    %27 = exec.buffer 15616 : memref<16xf32>
    %28 = exec.buffer 11520 : memref<64x16xf32>
    exec.matmul %22, %28 bias %27 -> %25 : memref<16x64xf32>, memref<64x16xf32>, memref<16xf32>, memref<16x16xf32>
    %29 = exec.buffer 15680 : memref<16xf32>
    %30 = exec.buffer 15744 : memref<16xf32>
    exec.launch @k49(%19, %5, %29, %30) : memref<2x8x16xf32>, memref<2x8x16xf32>, memref<16xf32>, memref<16xf32>
    %31 = exec.buffer 48256 : memref<16x32xf32>
    %32 = exec.buffer 0 : memref<16x32xf32, strided<[1, 16]>>
    exec.matmul %16, %32 -> %31 : memref<16x16xf32>, memref<16x32xf32, strided<[1, 16]>>, memref<16x32xf32>
    %33 = exec.buffer 48256 : memref<2x8x32xf32>
    %34 = exec.buffer 48128 : memref<2x8xi64>
    %35 = exec.buffer 50304 : memref<2x8xf32>
    %36 = exec.buffer 50368 : memref<2x8xf32>
    %37 = exec.buffer 50432 : memref<2x8xf32>
    exec.launch @k50(%33, %34, %35, %36, %37) : memref<2x8x32xf32>, memref<2x8xi64>, memref<2x8xf32>, memref<2x8xf32>, memref<2x8xf32>
    %38 = exec.buffer 16128 : memref<f64>
    exec.launch @k51(%34, %36, %35, %37, %38) : memref<2x8xi64>, memref<2x8xf32>, memref<2x8xf32>, memref<2x8xf32>, memref<f64>
    %39 = exec.buffer 16192 : memref<f64>
    exec.launch @k52(%34, %39) : memref<2x8xi64>, memref<f64>
  }
  func.func private @k0(%arg0: tensor<32x16xf32>, %arg1: tensor<2x8xi64>, %arg2: tensor<8x16xf32>, %arg3: tensor<16xf32>, %arg4: tensor<16xf32>, %arg5: tensor<2x8x16xf32>, %arg6: tensor<2x8xf32>, %arg7: tensor<2x8xf32>, %arg8: tensor<2x8x16xf32>) -> (tensor<2x8x16xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 5, 6, 7, 8>, exec.rows = 16 : i64} {
    %0 = weft.gather %arg0[%arg1] axis 0 : tensor<32x16xf32>, tensor<2x8xi64> -> tensor<2x8x16xf32>
    %1 = weft.broadcast %arg2 dims [1, 2] : tensor<8x16xf32> -> tensor<2x8x16xf32>
    %2 = arith.addf %0, %1 : tensor<2x8x16xf32>
    %3 = weft.reduce sum %2 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %4 = arith.mulf %3, %cst : tensor<2x8xf32>
    %5 = weft.broadcast %4 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %6 = arith.subf %2, %5 : tensor<2x8x16xf32>
    %7 = arith.mulf %6, %6 : tensor<2x8x16xf32>
    %8 = weft.reduce sum %7 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %9 = arith.mulf %8, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %10 = arith.addf %9, %cst_0 : tensor<2x8xf32>
    %11 = math.rsqrt %10 : tensor<2x8xf32>
    %12 = weft.broadcast %11 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %13 = arith.mulf %6, %12 : tensor<2x8x16xf32>
    %14 = weft.broadcast %arg3 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %15 = arith.mulf %13, %14 : tensor<2x8x16xf32>
    %16 = weft.broadcast %arg4 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %17 = arith.addf %15, %16 : tensor<2x8x16xf32>
    return %2, %3, %8, %17 : tensor<2x8x16xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x16xf32>
  }
  func.func private @k1(%arg0: tensor<2x8x16xf32>, %arg1: tensor<2x8x16xf32>, %arg2: tensor<16xf32>, %arg3: tensor<16xf32>, %arg4: tensor<2x8xf32>, %arg5: tensor<2x8xf32>, %arg6: tensor<2x8x16xf32>) -> (tensor<2x8x16xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 0, 4, 5, 6>, exec.rows = 16 : i64} {
    %0 = arith.addf %arg0, %arg1 : tensor<2x8x16xf32>
    %1 = weft.reduce sum %0 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %2 = arith.mulf %1, %cst : tensor<2x8xf32>
    %3 = weft.broadcast %2 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %4 = arith.subf %0, %3 : tensor<2x8x16xf32>
    %5 = arith.mulf %4, %4 : tensor<2x8x16xf32>
    %6 = weft.reduce sum %5 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %7 = arith.mulf %6, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %8 = arith.addf %7, %cst_0 : tensor<2x8xf32>
    %9 = math.rsqrt %8 : tensor<2x8xf32>
    %10 = weft.broadcast %9 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %11 = arith.mulf %4, %10 : tensor<2x8x16xf32>
    %12 = weft.broadcast %arg2 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %13 = arith.mulf %11, %12 : tensor<2x8x16xf32>
    %14 = weft.broadcast %arg3 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %15 = arith.addf %13, %14 : tensor<2x8x16xf32>
    return %0, %1, %6, %15 : tensor<2x8x16xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x16xf32>
  }
  func.func private @k2(%arg0: tensor<2x8x64xf32>, %arg1: tensor<2x8x64xf32>) -> tensor<2x8x64xf32> attributes {exec.cols = 64 : i64, exec.kind = "flat", exec.outputs = array<i64: 1>, exec.rows = 16 : i64} {
    %cst = arith.constant dense<5.000000e-01> : tensor<2x8x64xf32>
    %0 = arith.mulf %arg0, %cst : tensor<2x8x64xf32>
    %1 = arith.mulf %arg0, %arg0 : tensor<2x8x64xf32>
    %2 = arith.mulf %1, %arg0 : tensor<2x8x64xf32>
    %cst_0 = arith.constant dense<4.471500e-02> : tensor<2x8x64xf32>
    %3 = arith.mulf %2, %cst_0 : tensor<2x8x64xf32>
    %4 = arith.addf %arg0, %3 : tensor<2x8x64xf32>
    %cst_1 = arith.constant dense<0.797884583> : tensor<2x8x64xf32>
    %5 = arith.mulf %4, %cst_1 : tensor<2x8x64xf32>
    %6 = math.tanh %5 : tensor<2x8x64xf32>
    %cst_2 = arith.constant dense<1.000000e+00> : tensor<2x8x64xf32>
    %7 = arith.addf %6, %cst_2 : tensor<2x8x64xf32>
    %8 = arith.mulf %0, %7 : tensor<2x8x64xf32>
    return %8 : tensor<2x8x64xf32>
  }
  func.func private @k3(%arg0: tensor<2x8x16xf32>, %arg1: tensor<2x8x16xf32>, %arg2: tensor<16xf32>, %arg3: tensor<16xf32>, %arg4: tensor<2x8xf32>, %arg5: tensor<2x8xf32>, %arg6: tensor<2x8x16xf32>) -> (tensor<2x8x16xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 1, 4, 5, 6>, exec.rows = 16 : i64} {
    %0 = arith.addf %arg0, %arg1 : tensor<2x8x16xf32>
    %1 = weft.reduce sum %0 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %2 = arith.mulf %1, %cst : tensor<2x8xf32>
    %3 = weft.broadcast %2 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %4 = arith.subf %0, %3 : tensor<2x8x16xf32>
    %5 = arith.mulf %4, %4 : tensor<2x8x16xf32>
    %6 = weft.reduce sum %5 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %7 = arith.mulf %6, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %8 = arith.addf %7, %cst_0 : tensor<2x8xf32>
    %9 = math.rsqrt %8 : tensor<2x8xf32>
    %10 = weft.broadcast %9 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %11 = arith.mulf %4, %10 : tensor<2x8x16xf32>
    %12 = weft.broadcast %arg2 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %13 = arith.mulf %11, %12 : tensor<2x8x16xf32>
    %14 = weft.broadcast %arg3 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %15 = arith.addf %13, %14 : tensor<2x8x16xf32>
    return %0, %1, %6, %15 : tensor<2x8x16xf32>, tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x16xf32>
  }
  func.func private @k4(%arg0: tensor<2x8x32xf32>, %arg1: tensor<2x8xi64>, %arg2: tensor<2x8xf32>, %arg3: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x32xf32>) attributes {exec.cols = 32 : i64, exec.kind = "row", exec.outputs = array<i64: 2, 3, 0>, exec.rows = 16 : i64} {
    %0 = weft.reduce max %arg0 dims [2] : tensor<2x8x32xf32> -> tensor<2x8xf32>
    %1 = weft.broadcast %0 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x32xf32>
    %2 = arith.subf %arg0, %1 : tensor<2x8x32xf32>
    %3 = math.exp %2 : tensor<2x8x32xf32>
    %4 = weft.reduce sum %3 dims [2] : tensor<2x8x32xf32> -> tensor<2x8xf32>
    %5 = math.log %4 : tensor<2x8xf32>
    %6 = arith.addf %5, %0 : tensor<2x8xf32>
    %7 = weft.iota dim 2 : tensor<2x8x32xi64>
    %8 = weft.broadcast %arg1 dims [0, 1] : tensor<2x8xi64> -> tensor<2x8x32xi64>
    %9 = arith.cmpi eq, %7, %8 : tensor<2x8x32xi64>
    %cst = arith.constant dense<0.000000e+00> : tensor<2x8x32xf32>
    %10 = arith.select %9, %arg0, %cst : tensor<2x8x32xi1>, tensor<2x8x32xf32>
    %11 = weft.reduce sum %10 dims [2] : tensor<2x8x32xf32> -> tensor<2x8xf32>
    %12 = weft.iota dim 2 : tensor<2x8x32xi32>
    %13 = arith.trunci %arg1 : tensor<2x8xi64> to tensor<2x8xi32>
    %14 = weft.broadcast %13 dims [0, 1] : tensor<2x8xi32> -> tensor<2x8x32xi32>
    %15 = arith.cmpi eq, %12, %14 : tensor<2x8x32xi32>
    %16 = weft.broadcast %6 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x32xf32>
    %17 = arith.subf %arg0, %16 : tensor<2x8x32xf32>
    %18 = math.exp %17 : tensor<2x8x32xf32>
    %cst_0 = arith.constant dense<1.000000e+00> : tensor<2x8x32xf32>
    %19 = arith.subf %18, %cst_0 : tensor<2x8x32xf32>
    %20 = arith.select %15, %19, %18 : tensor<2x8x32xi1>, tensor<2x8x32xf32>
    %cst_1 = arith.constant dense<-100> : tensor<2x8xi64>
    %21 = arith.cmpi eq, %arg1, %cst_1 : tensor<2x8xi64>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<2x8xf32>
    %cst_3 = arith.constant dense<1.000000e+00> : tensor<2x8xf32>
    %22 = arith.select %21, %cst_2, %cst_3 : tensor<2x8xi1>, tensor<2x8xf32>
    %23 = weft.broadcast %22 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x32xf32>
    %24 = arith.mulf %20, %23 : tensor<2x8x32xf32>
    return %6, %11, %24 : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8x32xf32>
  }
  func.func private @k5(%arg0: tensor<2x8xi64>, %arg1: tensor<2x8xf32>, %arg2: tensor<2x8xf32>, %arg3: tensor<f64>) -> tensor<f64> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 3>, exec.rows = 1 : i64} {
    %cst = arith.constant dense<-100> : tensor<2x8xi64>
    %0 = arith.cmpi eq, %arg0, %cst : tensor<2x8xi64>
    %cst_0 = arith.constant dense<0.000000e+00> : tensor<2x8xf32>
    %1 = arith.subf %arg1, %arg2 : tensor<2x8xf32>
    %2 = arith.select %0, %cst_0, %1 : tensor<2x8xi1>, tensor<2x8xf32>
    %3 = arith.extf %2 : tensor<2x8xf32> to tensor<2x8xf64>
    %4 = weft.reduce sum %3 dims [0, 1] : tensor<2x8xf64> -> tensor<f64>
    return %4 : tensor<f64>
  }
  func.func private @k6(%arg0: tensor<2x8x16xf32>, %arg1: tensor<16xf32>, %arg2: tensor<2x8x16xf32>, %arg3: tensor<2x8xf32>, %arg4: tensor<2x8xf32>, %arg5: tensor<2x8x16xf32>) -> tensor<2x8x16xf32> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 5>, exec.rows = 16 : i64} {
    %0 = weft.broadcast %arg1 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %1 = arith.mulf %arg0, %0 : tensor<2x8x16xf32>
    %2 = weft.reduce sum %1 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %3 = arith.mulf %arg3, %cst : tensor<2x8xf32>
    %4 = weft.broadcast %3 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %5 = arith.subf %arg2, %4 : tensor<2x8x16xf32>
    %6 = arith.mulf %arg4, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %7 = arith.addf %6, %cst_0 : tensor<2x8xf32>
    %8 = math.rsqrt %7 : tensor<2x8xf32>
    %9 = weft.broadcast %8 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %10 = arith.mulf %5, %9 : tensor<2x8x16xf32>
    %11 = arith.mulf %1, %10 : tensor<2x8x16xf32>
    %12 = weft.reduce sum %11 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %13 = arith.mulf %2, %cst : tensor<2x8xf32>
    %14 = weft.broadcast %13 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %15 = arith.subf %1, %14 : tensor<2x8x16xf32>
    %16 = arith.mulf %12, %cst : tensor<2x8xf32>
    %17 = weft.broadcast %16 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %18 = arith.mulf %10, %17 : tensor<2x8x16xf32>
    %19 = arith.subf %15, %18 : tensor<2x8x16xf32>
    %20 = arith.mulf %9, %19 : tensor<2x8x16xf32>
    return %20 : tensor<2x8x16xf32>
  }
  func.func private @k7(%arg0: tensor<2x8x16xf32>, %arg1: tensor<2x8x16xf32>, %arg2: tensor<2x8xf32>, %arg3: tensor<2x8xf32>, %arg4: tensor<16xf32>, %arg5: tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "column", exec.outputs = array<i64: 4, 5>, exec.rows = 16 : i64} {
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %0 = arith.mulf %arg2, %cst : tensor<2x8xf32>
    %1 = weft.broadcast %0 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %2 = arith.subf %arg1, %1 : tensor<2x8x16xf32>
    %3 = arith.mulf %arg3, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %4 = arith.addf %3, %cst_0 : tensor<2x8xf32>
    %5 = math.rsqrt %4 : tensor<2x8xf32>
    %6 = weft.broadcast %5 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %7 = arith.mulf %2, %6 : tensor<2x8x16xf32>
    %8 = arith.mulf %arg0, %7 : tensor<2x8x16xf32>
    %9 = weft.reduce sum %8 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    %10 = weft.reduce sum %arg0 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    return %9, %10 : tensor<16xf32>, tensor<16xf32>
  }
  func.func private @k8(%arg0: tensor<16xf32>, %arg1: tensor<f32>) -> tensor<f32> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = arith.mulf %arg0, %arg0 : tensor<16xf32>
    %1 = weft.reduce sum %0 dims [0] : tensor<16xf32> -> tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @k9(%arg0: tensor<2x8x16xf32>, %arg1: tensor<16xf32>) -> tensor<16xf32> attributes {exec.cols = 16 : i64, exec.kind = "column", exec.outputs = array<i64: 1>, exec.rows = 16 : i64} {
    %0 = weft.reduce sum %arg0 dims [0, 1] : tensor<2x8x16xf32> -> tensor<16xf32>
    return %0 : tensor<16xf32>
  }
  func.func private @k10(%arg0: tensor<64x16xf32>, %arg1: tensor<64xf32>) -> tensor<64xf32> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 64 : i64} {
    %0 = arith.mulf %arg0, %arg0 : tensor<64x16xf32>
    %1 = weft.reduce sum %0 dims [1] : tensor<64x16xf32> -> tensor<64xf32>
    return %1 : tensor<64xf32>
  }
  func.func private @k11(%arg0: tensor<64xf32>, %arg1: tensor<f64>) -> tensor<f64> attributes {exec.cols = 64 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = arith.extf %arg0 : tensor<64xf32> to tensor<64xf64>
    %1 = weft.reduce sum %0 dims [0] : tensor<64xf64> -> tensor<f64>
    return %1 : tensor<f64>
  }
  func.func private @k12(%arg0: tensor<2x8x64xf32>, %arg1: tensor<2x8x64xf32>) -> tensor<2x8x64xf32> attributes {exec.cols = 64 : i64, exec.kind = "flat", exec.outputs = array<i64: 0>, exec.rows = 16 : i64} {
    %0 = arith.mulf %arg1, %arg1 : tensor<2x8x64xf32>
    %cst = arith.constant dense<4.471500e-02> : tensor<2x8x64xf32>
    %1 = arith.mulf %0, %cst : tensor<2x8x64xf32>
    %cst_0 = arith.constant dense<1.000000e+00> : tensor<2x8x64xf32>
    %2 = arith.addf %1, %cst_0 : tensor<2x8x64xf32>
    %3 = arith.mulf %arg1, %2 : tensor<2x8x64xf32>
    %cst_1 = arith.constant dense<0.797884583> : tensor<2x8x64xf32>
    %4 = arith.mulf %3, %cst_1 : tensor<2x8x64xf32>
    %5 = math.tanh %4 : tensor<2x8x64xf32>
    %6 = arith.addf %5, %cst_0 : tensor<2x8x64xf32>
    %7 = arith.mulf %5, %5 : tensor<2x8x64xf32>
    %8 = arith.subf %cst_0, %7 : tensor<2x8x64xf32>
    %cst_2 = arith.constant dense<1.341450e-01> : tensor<2x8x64xf32>
    %9 = arith.mulf %0, %cst_2 : tensor<2x8x64xf32>
    %10 = arith.addf %9, %cst_0 : tensor<2x8x64xf32>
    %11 = arith.mulf %10, %cst_1 : tensor<2x8x64xf32>
    %12 = arith.mulf %8, %11 : tensor<2x8x64xf32>
    %13 = arith.mulf %arg1, %12 : tensor<2x8x64xf32>
    %14 = arith.addf %6, %13 : tensor<2x8x64xf32>
    %cst_3 = arith.constant dense<5.000000e-01> : tensor<2x8x64xf32>
    %15 = arith.mulf %14, %cst_3 : tensor<2x8x64xf32>
    %16 = arith.mulf %arg0, %15 : tensor<2x8x64xf32>
    return %16 : tensor<2x8x64xf32>
  }
  func.func private @k13(%arg0: tensor<2x8x64xf32>, %arg1: tensor<64xf32>) -> tensor<64xf32> attributes {exec.cols = 64 : i64, exec.kind = "column", exec.outputs = array<i64: 1>, exec.rows = 16 : i64} {
    %0 = weft.reduce sum %arg0 dims [0, 1] : tensor<2x8x64xf32> -> tensor<64xf32>
    return %0 : tensor<64xf32>
  }
  func.func private @k14(%arg0: tensor<64xf32>, %arg1: tensor<f32>) -> tensor<f32> attributes {exec.cols = 64 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = arith.mulf %arg0, %arg0 : tensor<64xf32>
    %1 = weft.reduce sum %0 dims [0] : tensor<64xf32> -> tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @k15(%arg0: tensor<16x64xf32>, %arg1: tensor<16xf32>) -> tensor<16xf32> attributes {exec.cols = 64 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 16 : i64} {
    %0 = arith.mulf %arg0, %arg0 : tensor<16x64xf32>
    %1 = weft.reduce sum %0 dims [1] : tensor<16x64xf32> -> tensor<16xf32>
    return %1 : tensor<16xf32>
  }
  func.func private @k16(%arg0: tensor<16xf32>, %arg1: tensor<f64>) -> tensor<f64> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = arith.extf %arg0 : tensor<16xf32> to tensor<16xf64>
    %1 = weft.reduce sum %0 dims [0] : tensor<16xf64> -> tensor<f64>
    return %1 : tensor<f64>
  }
  func.func private @k17(%arg0: tensor<2x8x16xf32>, %arg1: tensor<16xf32>, %arg2: tensor<2x8x16xf32>, %arg3: tensor<2x8xf32>, %arg4: tensor<2x8xf32>, %arg5: tensor<2x8x16xf32>) -> tensor<2x8x16xf32> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 0>, exec.rows = 16 : i64} {
    %0 = weft.broadcast %arg1 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %1 = arith.mulf %arg0, %0 : tensor<2x8x16xf32>
    %2 = weft.reduce sum %1 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %3 = arith.mulf %arg3, %cst : tensor<2x8xf32>
    %4 = weft.broadcast %3 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %5 = arith.subf %arg2, %4 : tensor<2x8x16xf32>
    %6 = arith.mulf %arg4, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %7 = arith.addf %6, %cst_0 : tensor<2x8xf32>
    %8 = math.rsqrt %7 : tensor<2x8xf32>
    %9 = weft.broadcast %8 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %10 = arith.mulf %5, %9 : tensor<2x8x16xf32>
    %11 = arith.mulf %1, %10 : tensor<2x8x16xf32>
    %12 = weft.reduce sum %11 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %13 = arith.mulf %2, %cst : tensor<2x8xf32>
    %14 = weft.broadcast %13 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %15 = arith.subf %1, %14 : tensor<2x8x16xf32>
    %16 = arith.mulf %12, %cst : tensor<2x8xf32>
    %17 = weft.broadcast %16 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %18 = arith.mulf %10, %17 : tensor<2x8x16xf32>
    %19 = arith.subf %15, %18 : tensor<2x8x16xf32>
    %20 = arith.mulf %9, %19 : tensor<2x8x16xf32>
    %21 = arith.addf %arg5, %20 : tensor<2x8x16xf32>
    return %21 : tensor<2x8x16xf32>
  }
  func.func private @k18(%arg0: tensor<16x16xf32>, %arg1: tensor<16xf32>) -> tensor<16xf32> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 16 : i64} {
    %0 = arith.mulf %arg0, %arg0 : tensor<16x16xf32>
    %1 = weft.reduce sum %0 dims [1] : tensor<16x16xf32> -> tensor<16xf32>
    return %1 : tensor<16xf32>
  }
  func.func private @k19(%arg0: tensor<2x8x2x8xf32>, %arg1: tensor<2x8x2x8xf32>, %arg2: tensor<2x8x2x8xf32>, %arg3: tensor<2x8x48xf32>) -> tensor<2x8x48xf32> attributes {exec.cols = 48 : i64, exec.kind = "row", exec.outputs = array<i64: 3>, exec.rows = 16 : i64} {
    %0 = weft.reshape %arg0 : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %1 = weft.reshape %arg1 : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %2 = weft.reshape %arg2 : tensor<2x8x2x8xf32> -> tensor<2x8x16xf32>
    %3 = weft.concat %0, %1, %2 dim 2 : tensor<2x8x16xf32>, tensor<2x8x16xf32>, tensor<2x8x16xf32> -> tensor<2x8x48xf32>
    return %3 : tensor<2x8x48xf32>
  }
  func.func private @k20(%arg0: tensor<2x8x48xf32>, %arg1: tensor<48xf32>) -> tensor<48xf32> attributes {exec.cols = 48 : i64, exec.kind = "column", exec.outputs = array<i64: 1>, exec.rows = 16 : i64} {
    %0 = weft.reduce sum %arg0 dims [0, 1] : tensor<2x8x48xf32> -> tensor<48xf32>
    return %0 : tensor<48xf32>
  }
  func.func private @k21(%arg0: tensor<48xf32>, %arg1: tensor<f32>) -> tensor<f32> attributes {exec.cols = 48 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = arith.mulf %arg0, %arg0 : tensor<48xf32>
    %1 = weft.reduce sum %0 dims [0] : tensor<48xf32> -> tensor<f32>
    return %1 : tensor<f32>
  }
  func.func private @k22(%arg0: tensor<16x48xf32>, %arg1: tensor<16xf32>) -> tensor<16xf32> attributes {exec.cols = 48 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 16 : i64} {
    %0 = arith.mulf %arg0, %arg0 : tensor<16x48xf32>
    %1 = weft.reduce sum %0 dims [1] : tensor<16x48xf32> -> tensor<16xf32>
    return %1 : tensor<16xf32>
  }
  func.func private @k23(%arg0: tensor<2x8x16xf32>, %arg1: tensor<8x16xf32>) -> tensor<8x16xf32> attributes {exec.cols = 128 : i64, exec.kind = "column", exec.outputs = array<i64: 1>, exec.rows = 2 : i64} {
    %0 = weft.reduce sum %arg0 dims [0] : tensor<2x8x16xf32> -> tensor<8x16xf32>
    return %0 : tensor<8x16xf32>
  }
  func.func private @k24(%arg0: tensor<8x16xf32>, %arg1: tensor<8xf32>) -> tensor<8xf32> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 8 : i64} {
    %0 = arith.mulf %arg0, %arg0 : tensor<8x16xf32>
    %1 = weft.reduce sum %0 dims [1] : tensor<8x16xf32> -> tensor<8xf32>
    return %1 : tensor<8xf32>
  }
  func.func private @k25(%arg0: tensor<8xf32>, %arg1: tensor<f64>) -> tensor<f64> attributes {exec.cols = 8 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = arith.extf %arg0 : tensor<8xf32> to tensor<8xf64>
    %1 = weft.reduce sum %0 dims [0] : tensor<8xf64> -> tensor<f64>
    return %1 : tensor<f64>
  }
  func.func private @k26(%arg0: tensor<2x8x16xf32>, %arg1: tensor<2x8xi64>, %arg2: tensor<32x16xf32>) -> tensor<32x16xf32> attributes {exec.cols = 16 : i64, exec.kind = "scatter", exec.outputs = array<i64: 2>, exec.rows = 16 : i64} {
    %0 = weft.scatter_add %arg0[%arg1] axis 0 : tensor<2x8x16xf32>, tensor<2x8xi64> -> tensor<32x16xf32>
    return %0 : tensor<32x16xf32>
  }
  func.func private @k27(%arg0: tensor<32x16xf32>, %arg1: tensor<32x16xf32>, %arg2: tensor<32xf32>) -> (tensor<32x16xf32>, tensor<32xf32>) attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 0, 2>, exec.rows = 32 : i64} {
    %0 = arith.addf %arg0, %arg1 : tensor<32x16xf32>
    %1 = arith.mulf %0, %0 : tensor<32x16xf32>
    %2 = weft.reduce sum %1 dims [1] : tensor<32x16xf32> -> tensor<32xf32>
    return %0, %2 : tensor<32x16xf32>, tensor<32xf32>
  }
  func.func private @k28(%arg0: tensor<32xf32>, %arg1: tensor<f64>) -> tensor<f64> attributes {exec.cols = 32 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = arith.extf %arg0 : tensor<32xf32> to tensor<32xf64>
    %1 = weft.reduce sum %0 dims [0] : tensor<32xf64> -> tensor<f64>
    return %1 : tensor<f64>
  }
  func.func private @k29(%arg0: tensor<2x8xi64>, %arg1: tensor<f64>, %arg2: tensor<f64>) -> (tensor<f64>, tensor<f64>) attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 1, 2>, exec.rows = 1 : i64} {
    %cst = arith.constant dense<-100> : tensor<2x8xi64>
    %0 = arith.cmpi ne, %arg0, %cst : tensor<2x8xi64>
    %1 = arith.uitofp %0 : tensor<2x8xi1> to tensor<2x8xf64>
    %2 = weft.reduce sum %1 dims [0, 1] : tensor<2x8xf64> -> tensor<f64>
    %cst_0 = arith.constant dense<0.000000e+00> : tensor<f64>
    %3 = arith.cmpf olt, %cst_0, %2 : tensor<f64>
    %cst_1 = arith.constant dense<1.000000e+00> : tensor<f64>
    %4 = arith.select %3, %2, %cst_1 : tensor<i1>, tensor<f64>
    return %2, %4 : tensor<f64>, tensor<f64>
  }
  func.func private @k30(%arg0: tensor<f32>, %arg1: tensor<f32>, %arg2: tensor<f32>, %arg3: tensor<f64>, %arg4: tensor<f32>, %arg5: tensor<f64>, %arg6: tensor<f32>, %arg7: tensor<f32>, %arg8: tensor<f32>, %arg9: tensor<f64>, %arg10: tensor<f32>, %arg11: tensor<f64>, %arg12: tensor<f32>, %arg13: tensor<f32>, %arg14: tensor<f64>, %arg15: tensor<f64>, %arg16: tensor<f64>, %arg17: tensor<16xf64>, %arg18: tensor<f64>) -> (tensor<f64>, tensor<f32>) attributes {exec.cols = 1 : i64, exec.kind = "row", exec.outputs = array<i64: 18, 0>, exec.rows = 1 : i64} {
    %0 = arith.extf %arg0 : tensor<f32> to tensor<f64>
    %1 = arith.extf %arg1 : tensor<f32> to tensor<f64>
    %2 = arith.addf %0, %1 : tensor<f64>
    %3 = arith.extf %arg2 : tensor<f32> to tensor<f64>
    %4 = arith.addf %2, %3 : tensor<f64>
    %5 = arith.addf %4, %arg3 : tensor<f64>
    %6 = arith.extf %arg4 : tensor<f32> to tensor<f64>
    %7 = arith.addf %5, %6 : tensor<f64>
    %8 = arith.addf %7, %arg5 : tensor<f64>
    %9 = arith.extf %arg6 : tensor<f32> to tensor<f64>
    %10 = arith.addf %8, %9 : tensor<f64>
    %11 = arith.extf %arg7 : tensor<f32> to tensor<f64>
    %12 = arith.addf %10, %11 : tensor<f64>
    %13 = arith.extf %arg8 : tensor<f32> to tensor<f64>
    %14 = arith.addf %12, %13 : tensor<f64>
    %15 = arith.addf %14, %arg9 : tensor<f64>
    %16 = arith.extf %arg10 : tensor<f32> to tensor<f64>
    %17 = arith.addf %15, %16 : tensor<f64>
    %18 = arith.addf %17, %arg11 : tensor<f64>
    %19 = arith.extf %arg12 : tensor<f32> to tensor<f64>
    %20 = arith.addf %18, %19 : tensor<f64>
    %21 = arith.extf %arg13 : tensor<f32> to tensor<f64>
    %22 = arith.addf %20, %21 : tensor<f64>
    %23 = arith.addf %22, %arg14 : tensor<f64>
    %24 = arith.addf %23, %arg15 : tensor<f64>
    %25 = math.sqrt %24 : tensor<f64>
    %26 = arith.divf %25, %arg16 : tensor<f64>
    %cst = arith.constant dense<0.000000e+00> : tensor<f64>
    %27 = weft.slice %arg17 offsets [9] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %28 = weft.reshape %27 : tensor<1xf64> -> tensor<f64>
    %29 = arith.cmpf olt, %cst, %28 : tensor<f64>
    %cst_0 = arith.constant dense<9.9999999999999995E-7> : tensor<f64>
    %30 = arith.addf %26, %cst_0 : tensor<f64>
    %31 = arith.divf %28, %30 : tensor<f64>
    %cst_1 = arith.constant dense<1.000000e+00> : tensor<f64>
    %32 = arith.minimumf %31, %cst_1 : tensor<f64>
    %33 = arith.select %29, %32, %cst_1 : tensor<i1>, tensor<f64>
    %34 = arith.divf %33, %arg16 : tensor<f64>
    %35 = weft.slice %arg17 offsets [10] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %36 = weft.reshape %35 : tensor<1xf64> -> tensor<f64>
    %37 = arith.mulf %34, %36 : tensor<f64>
    %38 = arith.truncf %37 : tensor<f64> to tensor<f32>
    return %26, %38 : tensor<f64>, tensor<f32>
  }
  func.func private @k31(%arg0: tensor<16xf64>, %arg1: tensor<f32>) -> tensor<f32> attributes {exec.cols = 1 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %cst = arith.constant dense<1.000000e+00> : tensor<f64>
    %0 = weft.slice %arg0 offsets [5] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %1 = weft.reshape %0 : tensor<1xf64> -> tensor<f64>
    %2 = arith.subf %cst, %1 : tensor<f64>
    %3 = arith.truncf %2 : tensor<f64> to tensor<f32>
    return %3 : tensor<f32>
  }
  func.func private @k32(%arg0: tensor<16xf64>, %arg1: tensor<f32>) -> tensor<f32> attributes {exec.cols = 1 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = weft.slice %arg0 offsets [5] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %1 = weft.reshape %0 : tensor<1xf64> -> tensor<f64>
    %2 = arith.truncf %1 : tensor<f64> to tensor<f32>
    return %2 : tensor<f32>
  }
  func.func private @k33(%arg0: tensor<16xf64>, %arg1: tensor<f32>) -> tensor<f32> attributes {exec.cols = 1 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %cst = arith.constant dense<1.000000e+00> : tensor<f64>
    %0 = weft.slice %arg0 offsets [6] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %1 = weft.reshape %0 : tensor<1xf64> -> tensor<f64>
    %2 = arith.subf %cst, %1 : tensor<f64>
    %3 = arith.truncf %2 : tensor<f64> to tensor<f32>
    return %3 : tensor<f32>
  }
  func.func private @k34(%arg0: tensor<16xf64>, %arg1: tensor<f32>) -> tensor<f32> attributes {exec.cols = 1 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = weft.slice %arg0 offsets [6] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %1 = weft.reshape %0 : tensor<1xf64> -> tensor<f64>
    %2 = arith.truncf %1 : tensor<f64> to tensor<f32>
    return %2 : tensor<f32>
  }
  func.func private @k35(%arg0: tensor<16xf64>, %arg1: tensor<f32>) -> tensor<f32> attributes {exec.cols = 1 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %0 = weft.slice %arg0 offsets [7] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %1 = weft.reshape %0 : tensor<1xf64> -> tensor<f64>
    %2 = arith.truncf %1 : tensor<f64> to tensor<f32>
    return %2 : tensor<f32>
  }
  func.func private @k36(%arg0: tensor<i64>, %arg1: tensor<16xf64>, %arg2: tensor<f64>, %arg3: tensor<f32>, %arg4: tensor<f32>, %arg5: tensor<f32>) -> (tensor<f64>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i64>) attributes {exec.cols = 1 : i64, exec.kind = "row", exec.outputs = array<i64: 2, 3, 4, 5, 0>, exec.rows = 1 : i64} {
    %0 = arith.sitofp %arg0 : tensor<i64> to tensor<f64>
    %cst = arith.constant dense<1.000000e+00> : tensor<f64>
    %1 = arith.addf %0, %cst : tensor<f64>
    %2 = weft.slice %arg1 offsets [2] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %3 = weft.reshape %2 : tensor<1xf64> -> tensor<f64>
    %4 = arith.subf %0, %3 : tensor<f64>
    %5 = weft.slice %arg1 offsets [3] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %6 = weft.reshape %5 : tensor<1xf64> -> tensor<f64>
    %7 = arith.subf %6, %3 : tensor<f64>
    %8 = arith.maximumf %7, %cst : tensor<f64>
    %9 = arith.divf %4, %8 : tensor<f64>
    %cst_0 = arith.constant dense<0.000000e+00> : tensor<f64>
    %10 = arith.maximumf %9, %cst_0 : tensor<f64>
    %11 = arith.minimumf %10, %cst : tensor<f64>
    %12 = arith.cmpf olt, %0, %3 : tensor<f64>
    %13 = weft.slice %arg1 offsets [0] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %14 = weft.reshape %13 : tensor<1xf64> -> tensor<f64>
    %15 = arith.mulf %14, %1 : tensor<f64>
    %16 = arith.maximumf %3, %cst : tensor<f64>
    %17 = arith.divf %15, %16 : tensor<f64>
    %18 = weft.slice %arg1 offsets [4] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %19 = weft.reshape %18 : tensor<1xf64> -> tensor<f64>
    %20 = arith.cmpf oeq, %19, %cst_0 : tensor<f64>
    %21 = arith.cmpf oeq, %19, %cst : tensor<f64>
    %22 = weft.slice %arg1 offsets [1] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %23 = weft.reshape %22 : tensor<1xf64> -> tensor<f64>
    %24 = arith.subf %23, %14 : tensor<f64>
    %25 = arith.mulf %24, %11 : tensor<f64>
    %26 = arith.addf %14, %25 : tensor<f64>
    %27 = arith.subf %14, %23 : tensor<f64>
    %cst_1 = arith.constant dense<5.000000e-01> : tensor<f64>
    %28 = arith.mulf %27, %cst_1 : tensor<f64>
    %cst_2 = arith.constant dense<3.1415926535897931> : tensor<f64>
    %29 = arith.mulf %11, %cst_2 : tensor<f64>
    %30 = math.cos %29 : tensor<f64>
    %31 = arith.addf %30, %cst : tensor<f64>
    %32 = arith.mulf %28, %31 : tensor<f64>
    %33 = arith.addf %23, %32 : tensor<f64>
    %34 = arith.select %21, %26, %33 : tensor<i1>, tensor<f64>
    %35 = arith.select %20, %14, %34 : tensor<i1>, tensor<f64>
    %36 = arith.select %12, %17, %35 : tensor<i1>, tensor<f64>
    %37 = weft.slice %arg1 offsets [6] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %38 = weft.reshape %37 : tensor<1xf64> -> tensor<f64>
    %39 = math.log %38 : tensor<f64>
    %40 = arith.mulf %1, %39 : tensor<f64>
    %41 = math.exp %40 : tensor<f64>
    %42 = arith.subf %cst, %41 : tensor<f64>
    %43 = math.sqrt %42 : tensor<f64>
    %44 = arith.divf %cst, %43 : tensor<f64>
    %45 = arith.truncf %44 : tensor<f64> to tensor<f32>
    %46 = weft.slice %arg1 offsets [8] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %47 = weft.reshape %46 : tensor<1xf64> -> tensor<f64>
    %48 = arith.mulf %36, %47 : tensor<f64>
    %49 = arith.subf %cst, %48 : tensor<f64>
    %50 = arith.truncf %49 : tensor<f64> to tensor<f32>
    %51 = weft.slice %arg1 offsets [5] strides [1] : tensor<16xf64> -> tensor<1xf64>
    %52 = weft.reshape %51 : tensor<1xf64> -> tensor<f64>
    %53 = math.log %52 : tensor<f64>
    %54 = arith.mulf %1, %53 : tensor<f64>
    %55 = math.exp %54 : tensor<f64>
    %56 = arith.subf %cst, %55 : tensor<f64>
    %57 = arith.divf %36, %56 : tensor<f64>
    %58 = arith.truncf %57 : tensor<f64> to tensor<f32>
    %cst_3 = arith.constant dense<1> : tensor<i64>
    %59 = arith.addi %arg0, %cst_3 : tensor<i64>
    return %36, %45, %50, %58, %59 : tensor<f64>, tensor<f32>, tensor<f32>, tensor<f32>, tensor<i64>
  }
  func.func private @k37(%arg0: tensor<f32>, %arg1: tensor<16xf32>, %arg2: tensor<f32>, %arg3: tensor<16xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<16xf32>, %arg7: tensor<f32>, %arg8: tensor<16xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 1 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<16xf32>
    %1 = arith.mulf %0, %arg1 : tensor<16xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<16xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<16xf32>
    %4 = arith.mulf %arg3, %3 : tensor<16xf32>
    %5 = arith.mulf %2, %4 : tensor<16xf32>
    %6 = arith.addf %1, %5 : tensor<16xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<16xf32>
    %8 = arith.mulf %7, %arg6 : tensor<16xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<16xf32>
    %10 = arith.mulf %4, %4 : tensor<16xf32>
    %11 = arith.mulf %9, %10 : tensor<16xf32>
    %12 = arith.addf %8, %11 : tensor<16xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<16xf32>
    %14 = arith.mulf %arg8, %13 : tensor<16xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<16xf32>
    %16 = arith.mulf %15, %6 : tensor<16xf32>
    %17 = math.sqrt %12 : tensor<16xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<16xf32>
    %19 = arith.mulf %17, %18 : tensor<16xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<16xf32>
    %21 = arith.addf %19, %20 : tensor<16xf32>
    %22 = arith.divf %16, %21 : tensor<16xf32>
    %23 = arith.subf %14, %22 : tensor<16xf32>
    return %6, %12, %23 : tensor<16xf32>, tensor<16xf32>, tensor<16xf32>
  }
  func.func private @k38(%arg0: tensor<f32>, %arg1: tensor<64x16xf32>, %arg2: tensor<f32>, %arg3: tensor<64x16xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<64x16xf32>, %arg7: tensor<f32>, %arg8: tensor<64x16xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<64x16xf32>, tensor<64x16xf32>, tensor<64x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 64 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<64x16xf32>
    %1 = arith.mulf %0, %arg1 : tensor<64x16xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<64x16xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<64x16xf32>
    %4 = arith.mulf %arg3, %3 : tensor<64x16xf32>
    %5 = arith.mulf %2, %4 : tensor<64x16xf32>
    %6 = arith.addf %1, %5 : tensor<64x16xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<64x16xf32>
    %8 = arith.mulf %7, %arg6 : tensor<64x16xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<64x16xf32>
    %10 = arith.mulf %4, %4 : tensor<64x16xf32>
    %11 = arith.mulf %9, %10 : tensor<64x16xf32>
    %12 = arith.addf %8, %11 : tensor<64x16xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<64x16xf32>
    %14 = arith.mulf %arg8, %13 : tensor<64x16xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<64x16xf32>
    %16 = arith.mulf %15, %6 : tensor<64x16xf32>
    %17 = math.sqrt %12 : tensor<64x16xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<64x16xf32>
    %19 = arith.mulf %17, %18 : tensor<64x16xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<64x16xf32>
    %21 = arith.addf %19, %20 : tensor<64x16xf32>
    %22 = arith.divf %16, %21 : tensor<64x16xf32>
    %23 = arith.subf %14, %22 : tensor<64x16xf32>
    return %6, %12, %23 : tensor<64x16xf32>, tensor<64x16xf32>, tensor<64x16xf32>
  }
  func.func private @k39(%arg0: tensor<f32>, %arg1: tensor<64xf32>, %arg2: tensor<f32>, %arg3: tensor<64xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<64xf32>, %arg7: tensor<f32>, %arg8: tensor<64xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) attributes {exec.cols = 64 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 1 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<64xf32>
    %1 = arith.mulf %0, %arg1 : tensor<64xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<64xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<64xf32>
    %4 = arith.mulf %arg3, %3 : tensor<64xf32>
    %5 = arith.mulf %2, %4 : tensor<64xf32>
    %6 = arith.addf %1, %5 : tensor<64xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<64xf32>
    %8 = arith.mulf %7, %arg6 : tensor<64xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<64xf32>
    %10 = arith.mulf %4, %4 : tensor<64xf32>
    %11 = arith.mulf %9, %10 : tensor<64xf32>
    %12 = arith.addf %8, %11 : tensor<64xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<64xf32>
    %14 = arith.mulf %arg8, %13 : tensor<64xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<64xf32>
    %16 = arith.mulf %15, %6 : tensor<64xf32>
    %17 = math.sqrt %12 : tensor<64xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<64xf32>
    %19 = arith.mulf %17, %18 : tensor<64xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<64xf32>
    %21 = arith.addf %19, %20 : tensor<64xf32>
    %22 = arith.divf %16, %21 : tensor<64xf32>
    %23 = arith.subf %14, %22 : tensor<64xf32>
    return %6, %12, %23 : tensor<64xf32>, tensor<64xf32>, tensor<64xf32>
  }
  func.func private @k40(%arg0: tensor<f32>, %arg1: tensor<16x64xf32>, %arg2: tensor<f32>, %arg3: tensor<16x64xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<16x64xf32>, %arg7: tensor<f32>, %arg8: tensor<16x64xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>) attributes {exec.cols = 64 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 16 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<16x64xf32>
    %1 = arith.mulf %0, %arg1 : tensor<16x64xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<16x64xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<16x64xf32>
    %4 = arith.mulf %arg3, %3 : tensor<16x64xf32>
    %5 = arith.mulf %2, %4 : tensor<16x64xf32>
    %6 = arith.addf %1, %5 : tensor<16x64xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<16x64xf32>
    %8 = arith.mulf %7, %arg6 : tensor<16x64xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<16x64xf32>
    %10 = arith.mulf %4, %4 : tensor<16x64xf32>
    %11 = arith.mulf %9, %10 : tensor<16x64xf32>
    %12 = arith.addf %8, %11 : tensor<16x64xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<16x64xf32>
    %14 = arith.mulf %arg8, %13 : tensor<16x64xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<16x64xf32>
    %16 = arith.mulf %15, %6 : tensor<16x64xf32>
    %17 = math.sqrt %12 : tensor<16x64xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<16x64xf32>
    %19 = arith.mulf %17, %18 : tensor<16x64xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<16x64xf32>
    %21 = arith.addf %19, %20 : tensor<16x64xf32>
    %22 = arith.divf %16, %21 : tensor<16x64xf32>
    %23 = arith.subf %14, %22 : tensor<16x64xf32>
    return %6, %12, %23 : tensor<16x64xf32>, tensor<16x64xf32>, tensor<16x64xf32>
  }
  func.func private @k41(%arg0: tensor<f32>, %arg1: tensor<16x16xf32>, %arg2: tensor<f32>, %arg3: tensor<16x16xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<16x16xf32>, %arg7: tensor<f32>, %arg8: tensor<16x16xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 16 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<16x16xf32>
    %1 = arith.mulf %0, %arg1 : tensor<16x16xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<16x16xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<16x16xf32>
    %4 = arith.mulf %arg3, %3 : tensor<16x16xf32>
    %5 = arith.mulf %2, %4 : tensor<16x16xf32>
    %6 = arith.addf %1, %5 : tensor<16x16xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<16x16xf32>
    %8 = arith.mulf %7, %arg6 : tensor<16x16xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<16x16xf32>
    %10 = arith.mulf %4, %4 : tensor<16x16xf32>
    %11 = arith.mulf %9, %10 : tensor<16x16xf32>
    %12 = arith.addf %8, %11 : tensor<16x16xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<16x16xf32>
    %14 = arith.mulf %arg8, %13 : tensor<16x16xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<16x16xf32>
    %16 = arith.mulf %15, %6 : tensor<16x16xf32>
    %17 = math.sqrt %12 : tensor<16x16xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<16x16xf32>
    %19 = arith.mulf %17, %18 : tensor<16x16xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<16x16xf32>
    %21 = arith.addf %19, %20 : tensor<16x16xf32>
    %22 = arith.divf %16, %21 : tensor<16x16xf32>
    %23 = arith.subf %14, %22 : tensor<16x16xf32>
    return %6, %12, %23 : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32>
  }
  func.func private @k42(%arg0: tensor<f32>, %arg1: tensor<48xf32>, %arg2: tensor<f32>, %arg3: tensor<48xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<48xf32>, %arg7: tensor<f32>, %arg8: tensor<48xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<48xf32>, tensor<48xf32>, tensor<48xf32>) attributes {exec.cols = 48 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 1 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<48xf32>
    %1 = arith.mulf %0, %arg1 : tensor<48xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<48xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<48xf32>
    %4 = arith.mulf %arg3, %3 : tensor<48xf32>
    %5 = arith.mulf %2, %4 : tensor<48xf32>
    %6 = arith.addf %1, %5 : tensor<48xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<48xf32>
    %8 = arith.mulf %7, %arg6 : tensor<48xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<48xf32>
    %10 = arith.mulf %4, %4 : tensor<48xf32>
    %11 = arith.mulf %9, %10 : tensor<48xf32>
    %12 = arith.addf %8, %11 : tensor<48xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<48xf32>
    %14 = arith.mulf %arg8, %13 : tensor<48xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<48xf32>
    %16 = arith.mulf %15, %6 : tensor<48xf32>
    %17 = math.sqrt %12 : tensor<48xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<48xf32>
    %19 = arith.mulf %17, %18 : tensor<48xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<48xf32>
    %21 = arith.addf %19, %20 : tensor<48xf32>
    %22 = arith.divf %16, %21 : tensor<48xf32>
    %23 = arith.subf %14, %22 : tensor<48xf32>
    return %6, %12, %23 : tensor<48xf32>, tensor<48xf32>, tensor<48xf32>
  }
  func.func private @k43(%arg0: tensor<f32>, %arg1: tensor<16x48xf32>, %arg2: tensor<f32>, %arg3: tensor<16x48xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<16x48xf32>, %arg7: tensor<f32>, %arg8: tensor<16x48xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<16x48xf32>, tensor<16x48xf32>, tensor<16x48xf32>) attributes {exec.cols = 48 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 16 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<16x48xf32>
    %1 = arith.mulf %0, %arg1 : tensor<16x48xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<16x48xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<16x48xf32>
    %4 = arith.mulf %arg3, %3 : tensor<16x48xf32>
    %5 = arith.mulf %2, %4 : tensor<16x48xf32>
    %6 = arith.addf %1, %5 : tensor<16x48xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<16x48xf32>
    %8 = arith.mulf %7, %arg6 : tensor<16x48xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<16x48xf32>
    %10 = arith.mulf %4, %4 : tensor<16x48xf32>
    %11 = arith.mulf %9, %10 : tensor<16x48xf32>
    %12 = arith.addf %8, %11 : tensor<16x48xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<16x48xf32>
    %14 = arith.mulf %arg8, %13 : tensor<16x48xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<16x48xf32>
    %16 = arith.mulf %15, %6 : tensor<16x48xf32>
    %17 = math.sqrt %12 : tensor<16x48xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<16x48xf32>
    %19 = arith.mulf %17, %18 : tensor<16x48xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<16x48xf32>
    %21 = arith.addf %19, %20 : tensor<16x48xf32>
    %22 = arith.divf %16, %21 : tensor<16x48xf32>
    %23 = arith.subf %14, %22 : tensor<16x48xf32>
    return %6, %12, %23 : tensor<16x48xf32>, tensor<16x48xf32>, tensor<16x48xf32>
  }
  func.func private @k44(%arg0: tensor<f32>, %arg1: tensor<8x16xf32>, %arg2: tensor<f32>, %arg3: tensor<8x16xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<8x16xf32>, %arg7: tensor<f32>, %arg8: tensor<8x16xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 8 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<8x16xf32>
    %1 = arith.mulf %0, %arg1 : tensor<8x16xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<8x16xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<8x16xf32>
    %4 = arith.mulf %arg3, %3 : tensor<8x16xf32>
    %5 = arith.mulf %2, %4 : tensor<8x16xf32>
    %6 = arith.addf %1, %5 : tensor<8x16xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<8x16xf32>
    %8 = arith.mulf %7, %arg6 : tensor<8x16xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<8x16xf32>
    %10 = arith.mulf %4, %4 : tensor<8x16xf32>
    %11 = arith.mulf %9, %10 : tensor<8x16xf32>
    %12 = arith.addf %8, %11 : tensor<8x16xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<8x16xf32>
    %14 = arith.mulf %arg8, %13 : tensor<8x16xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<8x16xf32>
    %16 = arith.mulf %15, %6 : tensor<8x16xf32>
    %17 = math.sqrt %12 : tensor<8x16xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<8x16xf32>
    %19 = arith.mulf %17, %18 : tensor<8x16xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<8x16xf32>
    %21 = arith.addf %19, %20 : tensor<8x16xf32>
    %22 = arith.divf %16, %21 : tensor<8x16xf32>
    %23 = arith.subf %14, %22 : tensor<8x16xf32>
    return %6, %12, %23 : tensor<8x16xf32>, tensor<8x16xf32>, tensor<8x16xf32>
  }
  func.func private @k45(%arg0: tensor<f32>, %arg1: tensor<32x16xf32>, %arg2: tensor<f32>, %arg3: tensor<32x16xf32>, %arg4: tensor<f32>, %arg5: tensor<f32>, %arg6: tensor<32x16xf32>, %arg7: tensor<f32>, %arg8: tensor<32x16xf32>, %arg9: tensor<f32>, %arg10: tensor<f32>, %arg11: tensor<f32>, %arg12: tensor<f32>) -> (tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "flat", exec.outputs = array<i64: 1, 6, 8>, exec.rows = 32 : i64} {
    %0 = weft.broadcast %arg0 dims [] : tensor<f32> -> tensor<32x16xf32>
    %1 = arith.mulf %0, %arg1 : tensor<32x16xf32>
    %2 = weft.broadcast %arg2 dims [] : tensor<f32> -> tensor<32x16xf32>
    %3 = weft.broadcast %arg4 dims [] : tensor<f32> -> tensor<32x16xf32>
    %4 = arith.mulf %arg3, %3 : tensor<32x16xf32>
    %5 = arith.mulf %2, %4 : tensor<32x16xf32>
    %6 = arith.addf %1, %5 : tensor<32x16xf32>
    %7 = weft.broadcast %arg5 dims [] : tensor<f32> -> tensor<32x16xf32>
    %8 = arith.mulf %7, %arg6 : tensor<32x16xf32>
    %9 = weft.broadcast %arg7 dims [] : tensor<f32> -> tensor<32x16xf32>
    %10 = arith.mulf %4, %4 : tensor<32x16xf32>
    %11 = arith.mulf %9, %10 : tensor<32x16xf32>
    %12 = arith.addf %8, %11 : tensor<32x16xf32>
    %13 = weft.broadcast %arg9 dims [] : tensor<f32> -> tensor<32x16xf32>
    %14 = arith.mulf %arg8, %13 : tensor<32x16xf32>
    %15 = weft.broadcast %arg10 dims [] : tensor<f32> -> tensor<32x16xf32>
    %16 = arith.mulf %15, %6 : tensor<32x16xf32>
    %17 = math.sqrt %12 : tensor<32x16xf32>
    %18 = weft.broadcast %arg11 dims [] : tensor<f32> -> tensor<32x16xf32>
    %19 = arith.mulf %17, %18 : tensor<32x16xf32>
    %20 = weft.broadcast %arg12 dims [] : tensor<f32> -> tensor<32x16xf32>
    %21 = arith.addf %19, %20 : tensor<32x16xf32>
    %22 = arith.divf %16, %21 : tensor<32x16xf32>
    %23 = arith.subf %14, %22 : tensor<32x16xf32>
    return %6, %12, %23 : tensor<32x16xf32>, tensor<32x16xf32>, tensor<32x16xf32>
  }
  func.func private @k46(%arg0: tensor<32x16xf32>, %arg1: tensor<2x8xi64>, %arg2: tensor<8x16xf32>, %arg3: tensor<16xf32>, %arg4: tensor<16xf32>, %arg5: tensor<2x8x16xf32>, %arg6: tensor<2x8x16xf32>) -> (tensor<2x8x16xf32>, tensor<2x8x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 5, 6>, exec.rows = 16 : i64} {
    %0 = weft.gather %arg0[%arg1] axis 0 : tensor<32x16xf32>, tensor<2x8xi64> -> tensor<2x8x16xf32>
    %1 = weft.broadcast %arg2 dims [1, 2] : tensor<8x16xf32> -> tensor<2x8x16xf32>
    %2 = arith.addf %0, %1 : tensor<2x8x16xf32>
    %3 = weft.reduce sum %2 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %4 = arith.mulf %3, %cst : tensor<2x8xf32>
    %5 = weft.broadcast %4 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %6 = arith.subf %2, %5 : tensor<2x8x16xf32>
    %7 = arith.mulf %6, %6 : tensor<2x8x16xf32>
    %8 = weft.reduce sum %7 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %9 = arith.mulf %8, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %10 = arith.addf %9, %cst_0 : tensor<2x8xf32>
    %11 = math.rsqrt %10 : tensor<2x8xf32>
    %12 = weft.broadcast %11 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %13 = arith.mulf %6, %12 : tensor<2x8x16xf32>
    %14 = weft.broadcast %arg3 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %15 = arith.mulf %13, %14 : tensor<2x8x16xf32>
    %16 = weft.broadcast %arg4 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %17 = arith.addf %15, %16 : tensor<2x8x16xf32>
    return %2, %17 : tensor<2x8x16xf32>, tensor<2x8x16xf32>
  }
  func.func private @k47(%arg0: tensor<2x8x16xf32>, %arg1: tensor<2x8x16xf32>, %arg2: tensor<16xf32>, %arg3: tensor<16xf32>) -> (tensor<2x8x16xf32>, tensor<2x8x16xf32>) attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 0, 1>, exec.rows = 16 : i64} {
    %0 = arith.addf %arg0, %arg1 : tensor<2x8x16xf32>
    %1 = weft.reduce sum %0 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %2 = arith.mulf %1, %cst : tensor<2x8xf32>
    %3 = weft.broadcast %2 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %4 = arith.subf %0, %3 : tensor<2x8x16xf32>
    %5 = arith.mulf %4, %4 : tensor<2x8x16xf32>
    %6 = weft.reduce sum %5 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %7 = arith.mulf %6, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %8 = arith.addf %7, %cst_0 : tensor<2x8xf32>
    %9 = math.rsqrt %8 : tensor<2x8xf32>
    %10 = weft.broadcast %9 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %11 = arith.mulf %4, %10 : tensor<2x8x16xf32>
    %12 = weft.broadcast %arg2 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %13 = arith.mulf %11, %12 : tensor<2x8x16xf32>
    %14 = weft.broadcast %arg3 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %15 = arith.addf %13, %14 : tensor<2x8x16xf32>
    return %0, %15 : tensor<2x8x16xf32>, tensor<2x8x16xf32>
  }
  func.func private @k48(%arg0: tensor<2x8x64xf32>) -> tensor<2x8x64xf32> attributes {exec.cols = 64 : i64, exec.kind = "flat", exec.outputs = array<i64: 0>, exec.rows = 16 : i64} {
    %cst = arith.constant dense<5.000000e-01> : tensor<2x8x64xf32>
    %0 = arith.mulf %arg0, %cst : tensor<2x8x64xf32>
    %1 = arith.mulf %arg0, %arg0 : tensor<2x8x64xf32>
    %2 = arith.mulf %1, %arg0 : tensor<2x8x64xf32>
    %cst_0 = arith.constant dense<4.471500e-02> : tensor<2x8x64xf32>
    %3 = arith.mulf %2, %cst_0 : tensor<2x8x64xf32>
    %4 = arith.addf %arg0, %3 : tensor<2x8x64xf32>
    %cst_1 = arith.constant dense<0.797884583> : tensor<2x8x64xf32>
    %5 = arith.mulf %4, %cst_1 : tensor<2x8x64xf32>
    %6 = math.tanh %5 : tensor<2x8x64xf32>
    %cst_2 = arith.constant dense<1.000000e+00> : tensor<2x8x64xf32>
    %7 = arith.addf %6, %cst_2 : tensor<2x8x64xf32>
    %8 = arith.mulf %0, %7 : tensor<2x8x64xf32>
    return %8 : tensor<2x8x64xf32>
  }
  func.func private @k49(%arg0: tensor<2x8x16xf32>, %arg1: tensor<2x8x16xf32>, %arg2: tensor<16xf32>, %arg3: tensor<16xf32>) -> tensor<2x8x16xf32> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 0>, exec.rows = 16 : i64} {
    %0 = arith.addf %arg0, %arg1 : tensor<2x8x16xf32>
    %1 = weft.reduce sum %0 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %cst = arith.constant dense<6.250000e-02> : tensor<2x8xf32>
    %2 = arith.mulf %1, %cst : tensor<2x8xf32>
    %3 = weft.broadcast %2 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %4 = arith.subf %0, %3 : tensor<2x8x16xf32>
    %5 = arith.mulf %4, %4 : tensor<2x8x16xf32>
    %6 = weft.reduce sum %5 dims [2] : tensor<2x8x16xf32> -> tensor<2x8xf32>
    %7 = arith.mulf %6, %cst : tensor<2x8xf32>
    %cst_0 = arith.constant dense<9.99999974E-6> : tensor<2x8xf32>
    %8 = arith.addf %7, %cst_0 : tensor<2x8xf32>
    %9 = math.rsqrt %8 : tensor<2x8xf32>
    %10 = weft.broadcast %9 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x16xf32>
    %11 = arith.mulf %4, %10 : tensor<2x8x16xf32>
    %12 = weft.broadcast %arg2 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %13 = arith.mulf %11, %12 : tensor<2x8x16xf32>
    %14 = weft.broadcast %arg3 dims [2] : tensor<16xf32> -> tensor<2x8x16xf32>
    %15 = arith.addf %13, %14 : tensor<2x8x16xf32>
    return %15 : tensor<2x8x16xf32>
  }
  func.func private @k50(%arg0: tensor<2x8x32xf32>, %arg1: tensor<2x8xi64>, %arg2: tensor<2x8xf32>, %arg3: tensor<2x8xf32>, %arg4: tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) attributes {exec.cols = 32 : i64, exec.kind = "row", exec.outputs = array<i64: 2, 3, 4>, exec.rows = 16 : i64} {
    %0 = weft.reduce max %arg0 dims [2] : tensor<2x8x32xf32> -> tensor<2x8xf32>
    %1 = weft.broadcast %0 dims [0, 1] : tensor<2x8xf32> -> tensor<2x8x32xf32>
    %2 = arith.subf %arg0, %1 : tensor<2x8x32xf32>
    %3 = math.exp %2 : tensor<2x8x32xf32>
    %4 = weft.reduce sum %3 dims [2] : tensor<2x8x32xf32> -> tensor<2x8xf32>
    %5 = weft.iota dim 2 : tensor<2x8x32xi64>
    %6 = weft.broadcast %arg1 dims [0, 1] : tensor<2x8xi64> -> tensor<2x8x32xi64>
    %7 = arith.cmpi eq, %5, %6 : tensor<2x8x32xi64>
    %cst = arith.constant dense<0.000000e+00> : tensor<2x8x32xf32>
    %8 = arith.select %7, %arg0, %cst : tensor<2x8x32xi1>, tensor<2x8x32xf32>
    %9 = weft.reduce sum %8 dims [2] : tensor<2x8x32xf32> -> tensor<2x8xf32>
    return %0, %4, %9 : tensor<2x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
  }
  func.func private @k51(%arg0: tensor<2x8xi64>, %arg1: tensor<2x8xf32>, %arg2: tensor<2x8xf32>, %arg3: tensor<2x8xf32>, %arg4: tensor<f64>) -> tensor<f64> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 4>, exec.rows = 1 : i64} {
    %cst = arith.constant dense<-100> : tensor<2x8xi64>
    %0 = arith.cmpi eq, %arg0, %cst : tensor<2x8xi64>
    %cst_0 = arith.constant dense<0.000000e+00> : tensor<2x8xf32>
    %1 = math.log %arg1 : tensor<2x8xf32>
    %2 = arith.addf %1, %arg2 : tensor<2x8xf32>
    %3 = arith.subf %2, %arg3 : tensor<2x8xf32>
    %4 = arith.select %0, %cst_0, %3 : tensor<2x8xi1>, tensor<2x8xf32>
    %5 = arith.extf %4 : tensor<2x8xf32> to tensor<2x8xf64>
    %6 = weft.reduce sum %5 dims [0, 1] : tensor<2x8xf64> -> tensor<f64>
    return %6 : tensor<f64>
  }
  func.func private @k52(%arg0: tensor<2x8xi64>, %arg1: tensor<f64>) -> tensor<f64> attributes {exec.cols = 16 : i64, exec.kind = "row", exec.outputs = array<i64: 1>, exec.rows = 1 : i64} {
    %cst = arith.constant dense<-100> : tensor<2x8xi64>
    %0 = arith.cmpi ne, %arg0, %cst : tensor<2x8xi64>
    %1 = arith.uitofp %0 : tensor<2x8xi1> to tensor<2x8xf64>
    %2 = weft.reduce sum %1 dims [0, 1] : tensor<2x8xf64> -> tensor<f64>
    return %2 : tensor<f64>
  }
}


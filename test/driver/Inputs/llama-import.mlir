module attributes {weft.batch = 2 : i64, weft.microbatches = 1 : i64, weft.model = "small.onnx"} {
  weft.param @model.embed_tokens.weight : tensor<16x8xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.layers.0.input_layernorm.weight : tensor<8xf32> trainable = #weft.constant<1.000000e+00 : f64>
  weft.param @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.layers.0.self_attn.k_proj.weight : tensor<4x8xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.layers.0.self_attn.v_proj.weight : tensor<4x8xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.layers.0.self_attn.o_proj.weight : tensor<8x8xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.layers.0.post_attention_layernorm.weight : tensor<8xf32> trainable = #weft.constant<1.000000e+00 : f64>
  weft.param @model.layers.0.mlp.gate_proj.weight : tensor<16x8xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.layers.0.mlp.up_proj.weight : tensor<16x8xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.layers.0.mlp.down_proj.weight : tensor<8x16xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.norm.weight : tensor<8xf32> trainable = #weft.constant<1.000000e+00 : f64>
  weft.param @lm_head.weight : tensor<16x8xf32> trainable = #weft.normal<2.000000e-02 : f64>
  func.func @forward(%arg0: tensor<2x4xi64> {weft.name = "input_ids", weft.role = "tokens"}) -> (tensor<2x4x16xf32> {weft.name = "logits"}) {
    %cst = arith.constant dense<[[0.000000e+00, 0.000000e+00, 0.000000e+00, 0.000000e+00], [0.841470957, 0.00999983306, 0.841470957, 0.00999983306], [0.909297406, 0.0199986659, 0.909297406, 0.0199986659], [1.411200e-01, 2.999550e-02, 1.411200e-01, 2.999550e-02]]> : tensor<4x4xf32>
    %cst_0 = arith.constant dense<[[1.000000e+00, 1.000000e+00, 1.000000e+00, 1.000000e+00], [0.540302277, 0.999949991, 0.540302277, 0.999949991], [-0.416146845, 9.998000e-01, -0.416146845, 9.998000e-01], [-0.989992499, 0.999550044, -0.989992499, 0.999550044]]> : tensor<4x4xf32>
    %0 = weft.read @model.embed_tokens.weight : tensor<16x8xf32>
    %1 = weft.gather %0[%arg0] axis 0 : tensor<16x8xf32>, tensor<2x4xi64> -> tensor<2x4x8xf32>
    %2 = weft.read @model.layers.0.input_layernorm.weight : tensor<8xf32>
    %3 = weft.rms_norm %1 gamma %2 eps 9.9999997473787516E-6 : (tensor<2x4x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
    %4 = weft.read @model.layers.0.self_attn.q_proj.weight : tensor<8x8xf32>
    %5 = weft.dot_general %3, %4 batch [] x [] contract [2] x [1] : tensor<2x4x8xf32>, tensor<8x8xf32> -> tensor<2x4x8xf32>
    %6 = weft.read @model.layers.0.self_attn.k_proj.weight : tensor<4x8xf32>
    %7 = weft.dot_general %3, %6 batch [] x [] contract [2] x [1] : tensor<2x4x8xf32>, tensor<4x8xf32> -> tensor<2x4x4xf32>
    %8 = weft.read @model.layers.0.self_attn.v_proj.weight : tensor<4x8xf32>
    %9 = weft.dot_general %3, %8 batch [] x [] contract [2] x [1] : tensor<2x4x8xf32>, tensor<4x8xf32> -> tensor<2x4x4xf32>
    %10 = weft.reshape %5 : tensor<2x4x8xf32> -> tensor<2x4x2x4xf32>
    %11 = weft.rotary %10 cos %cst_0 sin %cst : (tensor<2x4x2x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<2x4x2x4xf32>
    %12 = weft.reshape %7 : tensor<2x4x4xf32> -> tensor<2x4x1x4xf32>
    %13 = weft.rotary %12 cos %cst_0 sin %cst : (tensor<2x4x1x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<2x4x1x4xf32>
    %14 = weft.reshape %9 : tensor<2x4x4xf32> -> tensor<2x4x1x4xf32>
    %out, %lse = weft.attention %11, %13, %14 scale 5.000000e-01 causal : (tensor<2x4x2x4xf32>, tensor<2x4x1x4xf32>, tensor<2x4x1x4xf32>) -> (tensor<2x4x2x4xf32>, tensor<2x2x4xf32>)
    %15 = weft.reshape %out : tensor<2x4x2x4xf32> -> tensor<2x4x8xf32>
    %16 = weft.read @model.layers.0.self_attn.o_proj.weight : tensor<8x8xf32>
    %17 = weft.dot_general %15, %16 batch [] x [] contract [2] x [1] : tensor<2x4x8xf32>, tensor<8x8xf32> -> tensor<2x4x8xf32>
    %18 = arith.addf %1, %17 : tensor<2x4x8xf32>
    %19 = weft.read @model.layers.0.post_attention_layernorm.weight : tensor<8xf32>
    %20 = weft.rms_norm %18 gamma %19 eps 9.9999997473787516E-6 : (tensor<2x4x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
    %21 = weft.read @model.layers.0.mlp.gate_proj.weight : tensor<16x8xf32>
    %22 = weft.dot_general %20, %21 batch [] x [] contract [2] x [1] : tensor<2x4x8xf32>, tensor<16x8xf32> -> tensor<2x4x16xf32>
    %23 = weft.silu %22 : tensor<2x4x16xf32> -> tensor<2x4x16xf32>
    %24 = weft.read @model.layers.0.mlp.up_proj.weight : tensor<16x8xf32>
    %25 = weft.dot_general %20, %24 batch [] x [] contract [2] x [1] : tensor<2x4x8xf32>, tensor<16x8xf32> -> tensor<2x4x16xf32>
    %26 = arith.mulf %23, %25 : tensor<2x4x16xf32>
    %27 = weft.read @model.layers.0.mlp.down_proj.weight : tensor<8x16xf32>
    %28 = weft.dot_general %26, %27 batch [] x [] contract [2] x [1] : tensor<2x4x16xf32>, tensor<8x16xf32> -> tensor<2x4x8xf32>
    %29 = arith.addf %18, %28 : tensor<2x4x8xf32>
    %30 = weft.read @model.norm.weight : tensor<8xf32>
    %31 = weft.rms_norm %29 gamma %30 eps 9.9999997473787516E-6 : (tensor<2x4x8xf32>, tensor<8xf32>) -> tensor<2x4x8xf32>
    %32 = weft.read @lm_head.weight : tensor<16x8xf32>
    %33 = weft.dot_general %31, %32 batch [] x [] contract [2] x [1] : tensor<2x4x8xf32>, tensor<16x8xf32> -> tensor<2x4x16xf32>
    return %33 : tensor<2x4x16xf32>
  }
}

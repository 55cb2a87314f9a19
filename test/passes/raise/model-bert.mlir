// RUN: weft-opt %s -weft-raise -canonicalize -cse 2>&1 | FileCheck %s

// The embedding and first layer of BERT: every position sees every other.
// CHECK: remark: found 1 attention, 3 layer_norm, 1 gelu
// CHECK-NOT: weft.transpose
// CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} scale {{[0-9.]+}} :
// CHECK: weft.gelu
// CHECK-NOT: weft.transpose
// CHECK: return

module attributes {weft.batch = 2 : i64, weft.microbatches = 1 : i64, weft.model = "bert.opset18.layer.onnx"} {
  weft.param @model.bert.embeddings.word_embeddings.weight : tensor<256x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.embeddings.position_embeddings.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.embeddings.token_type_embeddings.weight : tensor<2x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.embeddings.LayerNorm.weight : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.embeddings.LayerNorm.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.self.query.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.self.key.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.self.value.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.output.dense.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.output.LayerNorm.weight : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.output.LayerNorm.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.intermediate.dense.bias : tensor<256xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.output.dense.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.output.LayerNorm.weight : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.output.LayerNorm.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.self.query.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.self.key.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.self.value.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.attention.output.dense.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.intermediate.dense.weight : tensor<256x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.bert.encoder.layer.0.output.dense.weight : tensor<64x256xf32> trainable = #weft.normal<2.000000e-02 : f64>
  func.func @forward(%arg0: tensor<2x4xi64> {weft.name = "x", weft.role = "tokens"}) -> (tensor<2x4x64xf32> {weft.name = "layer_norm_2"}) {
    %cst = arith.constant dense<5.000000e-01> : tensor<2x4x256xf32>
    %cst_0 = arith.constant dense<1.000000e+00> : tensor<2x4x256xf32>
    %cst_1 = arith.constant dense<1.41421354> : tensor<2x4x256xf32>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<2x8x4x4xf32>
    %cst_3 = arith.constant dense<0.594603539> : tensor<2x8x8x4xf32>
    %cst_4 = arith.constant dense<0.594603539> : tensor<2x8x4x8xf32>
    %0 = weft.read @model.bert.embeddings.word_embeddings.weight : tensor<256x64xf32>
    %1 = weft.gather %0[%arg0] axis 0 : tensor<256x64xf32>, tensor<2x4xi64> -> tensor<2x4x64xf32>
    %2 = weft.read @model.bert.embeddings.token_type_embeddings.weight : tensor<2x64xf32>
    %3 = weft.slice %2 offsets [0, 0] strides [1, 1] : tensor<2x64xf32> -> tensor<1x64xf32>
    %4 = weft.reshape %3 : tensor<1x64xf32> -> tensor<64xf32>
    %5 = weft.broadcast %4 dims [2] : tensor<64xf32> -> tensor<2x4x64xf32>
    %6 = arith.addf %1, %5 : tensor<2x4x64xf32>
    %7 = weft.read @model.bert.embeddings.position_embeddings.weight : tensor<64x64xf32>
    %8 = weft.slice %7 offsets [0, 0] strides [1, 1] : tensor<64x64xf32> -> tensor<4x64xf32>
    %9 = weft.broadcast %8 dims [1, 2] : tensor<4x64xf32> -> tensor<2x4x64xf32>
    %10 = arith.addf %6, %9 : tensor<2x4x64xf32>
    %11 = weft.read @model.bert.embeddings.LayerNorm.weight : tensor<64xf32>
    %12 = weft.read @model.bert.embeddings.LayerNorm.bias : tensor<64xf32>
    %13 = weft.layer_norm %10 gamma %11 beta %12 eps 9.999999960041972E-13 : (tensor<2x4x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<2x4x64xf32>
    %14 = weft.read @model.bert.encoder.layer.0.attention.self.query.weight : tensor<64x64xf32>
    %15 = weft.dot_general %13, %14 batch [] x [] contract [2] x [1] : tensor<2x4x64xf32>, tensor<64x64xf32> -> tensor<2x4x64xf32>
    %16 = weft.read @model.bert.encoder.layer.0.attention.self.query.bias : tensor<64xf32>
    %17 = weft.broadcast %16 dims [2] : tensor<64xf32> -> tensor<2x4x64xf32>
    %18 = arith.addf %15, %17 : tensor<2x4x64xf32>
    %19 = weft.reshape %18 : tensor<2x4x64xf32> -> tensor<2x4x8x8xf32>
    %20 = weft.transpose %19 perm [0, 2, 1, 3] : tensor<2x4x8x8xf32> -> tensor<2x8x4x8xf32>
    %21 = weft.read @model.bert.encoder.layer.0.attention.self.key.weight : tensor<64x64xf32>
    %22 = weft.dot_general %13, %21 batch [] x [] contract [2] x [1] : tensor<2x4x64xf32>, tensor<64x64xf32> -> tensor<2x4x64xf32>
    %23 = weft.read @model.bert.encoder.layer.0.attention.self.key.bias : tensor<64xf32>
    %24 = weft.broadcast %23 dims [2] : tensor<64xf32> -> tensor<2x4x64xf32>
    %25 = arith.addf %22, %24 : tensor<2x4x64xf32>
    %26 = weft.reshape %25 : tensor<2x4x64xf32> -> tensor<2x4x8x8xf32>
    %27 = weft.transpose %26 perm [0, 2, 1, 3] : tensor<2x4x8x8xf32> -> tensor<2x8x4x8xf32>
    %28 = weft.read @model.bert.encoder.layer.0.attention.self.value.weight : tensor<64x64xf32>
    %29 = weft.dot_general %13, %28 batch [] x [] contract [2] x [1] : tensor<2x4x64xf32>, tensor<64x64xf32> -> tensor<2x4x64xf32>
    %30 = weft.read @model.bert.encoder.layer.0.attention.self.value.bias : tensor<64xf32>
    %31 = weft.broadcast %30 dims [2] : tensor<64xf32> -> tensor<2x4x64xf32>
    %32 = arith.addf %29, %31 : tensor<2x4x64xf32>
    %33 = weft.reshape %32 : tensor<2x4x64xf32> -> tensor<2x4x8x8xf32>
    %34 = weft.reshape %27 : tensor<2x8x4x8xf32> -> tensor<16x4x8xf32>
    %35 = weft.transpose %34 perm [0, 2, 1] : tensor<16x4x8xf32> -> tensor<16x8x4xf32>
    %36 = weft.reshape %35 : tensor<16x8x4xf32> -> tensor<2x8x8x4xf32>
    %37 = arith.mulf %20, %cst_4 : tensor<2x8x4x8xf32>
    %38 = arith.mulf %36, %cst_3 : tensor<2x8x8x4xf32>
    %39 = weft.dot_general %37, %38 batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x8x4x8xf32>, tensor<2x8x8x4xf32> -> tensor<2x8x4x4xf32>
    %40 = weft.softmax %39 : tensor<2x8x4x4xf32> -> tensor<2x8x4x4xf32>
    %41 = arith.cmpf uno, %40, %40 : tensor<2x8x4x4xf32>
    %42 = arith.select %41, %cst_2, %40 : tensor<2x8x4x4xi1>, tensor<2x8x4x4xf32>
    %43 = weft.dot_general %42, %33 batch [0, 1] x [0, 2] contract [3] x [1] : tensor<2x8x4x4xf32>, tensor<2x4x8x8xf32> -> tensor<2x8x4x8xf32>
    %44 = weft.transpose %43 perm [0, 2, 1, 3] : tensor<2x8x4x8xf32> -> tensor<2x4x8x8xf32>
    %45 = weft.reshape %44 : tensor<2x4x8x8xf32> -> tensor<2x4x64xf32>
    %46 = weft.read @model.bert.encoder.layer.0.attention.output.dense.weight : tensor<64x64xf32>
    %47 = weft.dot_general %45, %46 batch [] x [] contract [2] x [1] : tensor<2x4x64xf32>, tensor<64x64xf32> -> tensor<2x4x64xf32>
    %48 = weft.read @model.bert.encoder.layer.0.attention.output.dense.bias : tensor<64xf32>
    %49 = weft.broadcast %48 dims [2] : tensor<64xf32> -> tensor<2x4x64xf32>
    %50 = arith.addf %47, %49 : tensor<2x4x64xf32>
    %51 = arith.addf %50, %13 : tensor<2x4x64xf32>
    %52 = weft.read @model.bert.encoder.layer.0.attention.output.LayerNorm.weight : tensor<64xf32>
    %53 = weft.read @model.bert.encoder.layer.0.attention.output.LayerNorm.bias : tensor<64xf32>
    %54 = weft.layer_norm %51 gamma %52 beta %53 eps 9.999999960041972E-13 : (tensor<2x4x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<2x4x64xf32>
    %55 = weft.read @model.bert.encoder.layer.0.intermediate.dense.weight : tensor<256x64xf32>
    %56 = weft.dot_general %54, %55 batch [] x [] contract [2] x [1] : tensor<2x4x64xf32>, tensor<256x64xf32> -> tensor<2x4x256xf32>
    %57 = weft.read @model.bert.encoder.layer.0.intermediate.dense.bias : tensor<256xf32>
    %58 = weft.broadcast %57 dims [2] : tensor<256xf32> -> tensor<2x4x256xf32>
    %59 = arith.addf %56, %58 : tensor<2x4x256xf32>
    %60 = arith.divf %59, %cst_1 : tensor<2x4x256xf32>
    %61 = math.erf %60 : tensor<2x4x256xf32>
    %62 = arith.addf %61, %cst_0 : tensor<2x4x256xf32>
    %63 = arith.mulf %62, %cst : tensor<2x4x256xf32>
    %64 = arith.mulf %59, %63 : tensor<2x4x256xf32>
    %65 = weft.read @model.bert.encoder.layer.0.output.dense.weight : tensor<64x256xf32>
    %66 = weft.dot_general %64, %65 batch [] x [] contract [2] x [1] : tensor<2x4x256xf32>, tensor<64x256xf32> -> tensor<2x4x64xf32>
    %67 = weft.read @model.bert.encoder.layer.0.output.dense.bias : tensor<64xf32>
    %68 = weft.broadcast %67 dims [2] : tensor<64xf32> -> tensor<2x4x64xf32>
    %69 = arith.addf %66, %68 : tensor<2x4x64xf32>
    %70 = arith.addf %69, %54 : tensor<2x4x64xf32>
    %71 = weft.read @model.bert.encoder.layer.0.output.LayerNorm.weight : tensor<64xf32>
    %72 = weft.read @model.bert.encoder.layer.0.output.LayerNorm.bias : tensor<64xf32>
    %73 = weft.layer_norm %70 gamma %71 beta %72 eps 9.999999960041972E-13 : (tensor<2x4x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<2x4x64xf32>
    return %73 : tensor<2x4x64xf32>
  }
}


// RUN: weft-opt %s -weft-raise -canonicalize -cse 2>&1 | FileCheck %s

// The first layer of a vision transformer.
// CHECK: remark: found 1 attention, 2 layer_norm, 1 gelu
// CHECK-NOT: weft.transpose
// CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} scale {{[0-9.]+}} :
// CHECK: weft.gelu
// CHECK-NOT: weft.transpose
// CHECK: return

module attributes {weft.batch = 2 : i64, weft.microbatches = 1 : i64, weft.model = "vit.opset18.layer.onnx"} {
  weft.param @model.vit.layers.0.attention.q_proj.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.attention.k_proj.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.attention.v_proj.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.attention.o_proj.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.layernorm_before.weight : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.layernorm_before.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.layernorm_after.weight : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.layernorm_after.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.mlp.fc1.bias : tensor<256xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.mlp.fc2.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.attention.q_proj.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.attention.k_proj.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.attention.v_proj.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.attention.o_proj.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.mlp.fc1.weight : tensor<256x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.vit.layers.0.mlp.fc2.weight : tensor<64x256xf32> trainable = #weft.normal<2.000000e-02 : f64>
  func.func @forward(%arg0: tensor<2x17x64xf32> {weft.field = "add_17", weft.name = "add_17", weft.role = "field"}, %arg1: tensor<2x3x32x32xf32> {weft.field = "x", weft.name = "x", weft.role = "field"}) -> (tensor<2x17x64xf32> {weft.name = "add_135"}) {
    %cst = arith.constant dense<5.000000e-01> : tensor<2x17x256xf32>
    %cst_0 = arith.constant dense<1.000000e+00> : tensor<2x17x256xf32>
    %cst_1 = arith.constant dense<1.41421354> : tensor<2x17x256xf32>
    %cst_2 = arith.constant dense<0.000000e+00> : tensor<2x8x17x17xf32>
    %cst_3 = arith.constant dense<0.594603539> : tensor<2x8x8x17xf32>
    %cst_4 = arith.constant dense<0.594603539> : tensor<2x8x17x8xf32>
    %0 = weft.read @model.vit.layers.0.layernorm_before.weight : tensor<64xf32>
    %1 = weft.read @model.vit.layers.0.layernorm_before.bias : tensor<64xf32>
    %2 = weft.layer_norm %arg0 gamma %0 beta %1 eps 9.999999960041972E-13 : (tensor<2x17x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<2x17x64xf32>
    %3 = weft.read @model.vit.layers.0.attention.q_proj.weight : tensor<64x64xf32>
    %4 = weft.dot_general %2, %3 batch [] x [] contract [2] x [1] : tensor<2x17x64xf32>, tensor<64x64xf32> -> tensor<2x17x64xf32>
    %5 = weft.read @model.vit.layers.0.attention.q_proj.bias : tensor<64xf32>
    %6 = weft.broadcast %5 dims [2] : tensor<64xf32> -> tensor<2x17x64xf32>
    %7 = arith.addf %4, %6 : tensor<2x17x64xf32>
    %8 = weft.reshape %7 : tensor<2x17x64xf32> -> tensor<2x17x8x8xf32>
    %9 = weft.transpose %8 perm [0, 2, 1, 3] : tensor<2x17x8x8xf32> -> tensor<2x8x17x8xf32>
    %10 = weft.read @model.vit.layers.0.attention.k_proj.weight : tensor<64x64xf32>
    %11 = weft.dot_general %2, %10 batch [] x [] contract [2] x [1] : tensor<2x17x64xf32>, tensor<64x64xf32> -> tensor<2x17x64xf32>
    %12 = weft.read @model.vit.layers.0.attention.k_proj.bias : tensor<64xf32>
    %13 = weft.broadcast %12 dims [2] : tensor<64xf32> -> tensor<2x17x64xf32>
    %14 = arith.addf %11, %13 : tensor<2x17x64xf32>
    %15 = weft.reshape %14 : tensor<2x17x64xf32> -> tensor<2x17x8x8xf32>
    %16 = weft.transpose %15 perm [0, 2, 1, 3] : tensor<2x17x8x8xf32> -> tensor<2x8x17x8xf32>
    %17 = weft.read @model.vit.layers.0.attention.v_proj.weight : tensor<64x64xf32>
    %18 = weft.dot_general %2, %17 batch [] x [] contract [2] x [1] : tensor<2x17x64xf32>, tensor<64x64xf32> -> tensor<2x17x64xf32>
    %19 = weft.read @model.vit.layers.0.attention.v_proj.bias : tensor<64xf32>
    %20 = weft.broadcast %19 dims [2] : tensor<64xf32> -> tensor<2x17x64xf32>
    %21 = arith.addf %18, %20 : tensor<2x17x64xf32>
    %22 = weft.reshape %21 : tensor<2x17x64xf32> -> tensor<2x17x8x8xf32>
    %23 = weft.reshape %16 : tensor<2x8x17x8xf32> -> tensor<16x17x8xf32>
    %24 = weft.transpose %23 perm [0, 2, 1] : tensor<16x17x8xf32> -> tensor<16x8x17xf32>
    %25 = weft.reshape %24 : tensor<16x8x17xf32> -> tensor<2x8x8x17xf32>
    %26 = arith.mulf %9, %cst_4 : tensor<2x8x17x8xf32>
    %27 = arith.mulf %25, %cst_3 : tensor<2x8x8x17xf32>
    %28 = weft.dot_general %26, %27 batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x8x17x8xf32>, tensor<2x8x8x17xf32> -> tensor<2x8x17x17xf32>
    %29 = weft.softmax %28 : tensor<2x8x17x17xf32> -> tensor<2x8x17x17xf32>
    %30 = arith.cmpf uno, %29, %29 : tensor<2x8x17x17xf32>
    %31 = arith.select %30, %cst_2, %29 : tensor<2x8x17x17xi1>, tensor<2x8x17x17xf32>
    %32 = weft.dot_general %31, %22 batch [0, 1] x [0, 2] contract [3] x [1] : tensor<2x8x17x17xf32>, tensor<2x17x8x8xf32> -> tensor<2x8x17x8xf32>
    %33 = weft.transpose %32 perm [0, 2, 1, 3] : tensor<2x8x17x8xf32> -> tensor<2x17x8x8xf32>
    %34 = weft.reshape %33 : tensor<2x17x8x8xf32> -> tensor<2x17x64xf32>
    %35 = weft.read @model.vit.layers.0.attention.o_proj.weight : tensor<64x64xf32>
    %36 = weft.dot_general %34, %35 batch [] x [] contract [2] x [1] : tensor<2x17x64xf32>, tensor<64x64xf32> -> tensor<2x17x64xf32>
    %37 = weft.read @model.vit.layers.0.attention.o_proj.bias : tensor<64xf32>
    %38 = weft.broadcast %37 dims [2] : tensor<64xf32> -> tensor<2x17x64xf32>
    %39 = arith.addf %36, %38 : tensor<2x17x64xf32>
    %40 = arith.addf %39, %arg0 : tensor<2x17x64xf32>
    %41 = weft.read @model.vit.layers.0.layernorm_after.weight : tensor<64xf32>
    %42 = weft.read @model.vit.layers.0.layernorm_after.bias : tensor<64xf32>
    %43 = weft.layer_norm %40 gamma %41 beta %42 eps 9.999999960041972E-13 : (tensor<2x17x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<2x17x64xf32>
    %44 = weft.read @model.vit.layers.0.mlp.fc1.weight : tensor<256x64xf32>
    %45 = weft.dot_general %43, %44 batch [] x [] contract [2] x [1] : tensor<2x17x64xf32>, tensor<256x64xf32> -> tensor<2x17x256xf32>
    %46 = weft.read @model.vit.layers.0.mlp.fc1.bias : tensor<256xf32>
    %47 = weft.broadcast %46 dims [2] : tensor<256xf32> -> tensor<2x17x256xf32>
    %48 = arith.addf %45, %47 : tensor<2x17x256xf32>
    %49 = arith.divf %48, %cst_1 : tensor<2x17x256xf32>
    %50 = math.erf %49 : tensor<2x17x256xf32>
    %51 = arith.addf %50, %cst_0 : tensor<2x17x256xf32>
    %52 = arith.mulf %51, %cst : tensor<2x17x256xf32>
    %53 = arith.mulf %48, %52 : tensor<2x17x256xf32>
    %54 = weft.read @model.vit.layers.0.mlp.fc2.weight : tensor<64x256xf32>
    %55 = weft.dot_general %53, %54 batch [] x [] contract [2] x [1] : tensor<2x17x256xf32>, tensor<64x256xf32> -> tensor<2x17x64xf32>
    %56 = weft.read @model.vit.layers.0.mlp.fc2.bias : tensor<64xf32>
    %57 = weft.broadcast %56 dims [2] : tensor<64xf32> -> tensor<2x17x64xf32>
    %58 = arith.addf %55, %57 : tensor<2x17x64xf32>
    %59 = arith.addf %58, %40 : tensor<2x17x64xf32>
    return %59 : tensor<2x17x64xf32>
  }
}


// RUN: weft-opt %s -weft-raise -canonicalize -cse 2>&1 | FileCheck %s

// The first layer of GPT-2, exported at opset 18: the mask was folded, the keys are transposed in a tensor of rank 3.
// CHECK: remark: found 1 attention (1 causal), 2 layer_norm, 1 gelu (1 tanh)
// CHECK-NOT: weft.transpose
// CHECK: weft.layer_norm
// CHECK: weft.attention {{.*}} causal
// CHECK-NOT: weft.transpose
// CHECK: weft.layer_norm
// CHECK: weft.gelu {{.*}} tanh
// CHECK-NOT: weft.transpose
// CHECK: return

module attributes {weft.batch = 2 : i64, weft.microbatches = 1 : i64, weft.model = "gpt2.opset18.layer.onnx"} {
  weft.param @model.transformer.wpe.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.ln_1.weight : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.ln_1.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.attn.c_attn.weight : tensor<64x192xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.attn.c_attn.bias : tensor<192xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.attn.c_proj.weight : tensor<64x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.attn.c_proj.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.ln_2.weight : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.ln_2.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.mlp.c_fc.weight : tensor<64x256xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.mlp.c_fc.bias : tensor<256xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.mlp.c_proj.weight : tensor<256x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.transformer.h.0.mlp.c_proj.bias : tensor<64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  weft.param @model.lm_head.weight : tensor<256x64xf32> trainable = #weft.normal<2.000000e-02 : f64>
  func.func @forward(%arg0: tensor<2x4xi64> {weft.name = "input_ids", weft.role = "tokens"}) -> (tensor<2x4x64xf32> {weft.name = "add_270"}) {
    %cst = arith.constant dense<1.000000e+00> : tensor<2x4x256xf32>
    %cst_0 = arith.constant dense<0.797884583> : tensor<2x4x256xf32>
    %cst_1 = arith.constant dense<4.471500e-02> : tensor<2x4x256xf32>
    %cst_2 = arith.constant dense<5.000000e-01> : tensor<2x4x256xf32>
    %cst_3 = arith.constant dense<0.000000e+00> : tensor<2x8x4x4xf32>
    %cst_4 = arith.constant dense<"0x00000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF0000000000000000000000000000000000000000FFFF7FFFFFFF7FFFFFFF7FFF0000000000000000FFFF7FFFFFFF7FFF000000000000000000000000FFFF7FFF00000000000000000000000000000000"> : tensor<2x8x4x4xf32>
    %cst_5 = arith.constant dense<0.594603539> : tensor<2x8x8x4xf32>
    %cst_6 = arith.constant dense<0.594603539> : tensor<2x8x4x8xf32>
    %0 = weft.read @model.lm_head.weight : tensor<256x64xf32>
    %1 = weft.gather %0[%arg0] axis 0 : tensor<256x64xf32>, tensor<2x4xi64> -> tensor<2x4x64xf32>
    %2 = weft.read @model.transformer.wpe.weight : tensor<64x64xf32>
    %3 = weft.slice %2 offsets [0, 0] strides [1, 1] : tensor<64x64xf32> -> tensor<4x64xf32>
    %4 = weft.broadcast %3 dims [1, 2] : tensor<4x64xf32> -> tensor<2x4x64xf32>
    %5 = arith.addf %1, %4 : tensor<2x4x64xf32>
    %6 = weft.read @model.transformer.h.0.ln_1.weight : tensor<64xf32>
    %7 = weft.read @model.transformer.h.0.ln_1.bias : tensor<64xf32>
    %8 = weft.layer_norm %5 gamma %6 beta %7 eps 9.9999997473787516E-6 : (tensor<2x4x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<2x4x64xf32>
    %9 = weft.reshape %8 : tensor<2x4x64xf32> -> tensor<8x64xf32>
    %10 = weft.read @model.transformer.h.0.attn.c_attn.weight : tensor<64x192xf32>
    %11 = weft.read @model.transformer.h.0.attn.c_attn.bias : tensor<192xf32>
    %12 = weft.dot_general %9, %10 batch [] x [] contract [1] x [0] : tensor<8x64xf32>, tensor<64x192xf32> -> tensor<8x192xf32>
    %13 = weft.broadcast %11 dims [1] : tensor<192xf32> -> tensor<8x192xf32>
    %14 = arith.addf %12, %13 : tensor<8x192xf32>
    %15 = weft.reshape %14 : tensor<8x192xf32> -> tensor<2x4x192xf32>
    %16 = weft.slice %15 offsets [0, 0, 0] strides [1, 1, 1] : tensor<2x4x192xf32> -> tensor<2x4x64xf32>
    %17 = weft.slice %15 offsets [0, 0, 64] strides [1, 1, 1] : tensor<2x4x192xf32> -> tensor<2x4x64xf32>
    %18 = weft.slice %15 offsets [0, 0, 128] strides [1, 1, 1] : tensor<2x4x192xf32> -> tensor<2x4x64xf32>
    %19 = weft.reshape %17 : tensor<2x4x64xf32> -> tensor<2x4x8x8xf32>
    %20 = weft.transpose %19 perm [0, 2, 1, 3] : tensor<2x4x8x8xf32> -> tensor<2x8x4x8xf32>
    %21 = weft.reshape %18 : tensor<2x4x64xf32> -> tensor<2x4x8x8xf32>
    %22 = weft.reshape %16 : tensor<2x4x64xf32> -> tensor<2x4x8x8xf32>
    %23 = weft.transpose %22 perm [0, 2, 1, 3] : tensor<2x4x8x8xf32> -> tensor<2x8x4x8xf32>
    %24 = weft.reshape %20 : tensor<2x8x4x8xf32> -> tensor<16x4x8xf32>
    %25 = weft.transpose %24 perm [0, 2, 1] : tensor<16x4x8xf32> -> tensor<16x8x4xf32>
    %26 = weft.reshape %25 : tensor<16x8x4xf32> -> tensor<2x8x8x4xf32>
    %27 = arith.mulf %23, %cst_6 : tensor<2x8x4x8xf32>
    %28 = arith.mulf %26, %cst_5 : tensor<2x8x8x4xf32>
    %29 = weft.dot_general %27, %28 batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x8x4x8xf32>, tensor<2x8x8x4xf32> -> tensor<2x8x4x4xf32>
    %30 = arith.addf %29, %cst_4 : tensor<2x8x4x4xf32>
    %31 = weft.softmax %30 : tensor<2x8x4x4xf32> -> tensor<2x8x4x4xf32>
    %32 = arith.cmpf uno, %31, %31 : tensor<2x8x4x4xf32>
    %33 = arith.select %32, %cst_3, %31 : tensor<2x8x4x4xi1>, tensor<2x8x4x4xf32>
    %34 = weft.dot_general %33, %21 batch [0, 1] x [0, 2] contract [3] x [1] : tensor<2x8x4x4xf32>, tensor<2x4x8x8xf32> -> tensor<2x8x4x8xf32>
    %35 = weft.transpose %34 perm [0, 2, 1, 3] : tensor<2x8x4x8xf32> -> tensor<2x4x8x8xf32>
    %36 = weft.reshape %35 : tensor<2x4x8x8xf32> -> tensor<8x64xf32>
    %37 = weft.read @model.transformer.h.0.attn.c_proj.weight : tensor<64x64xf32>
    %38 = weft.read @model.transformer.h.0.attn.c_proj.bias : tensor<64xf32>
    %39 = weft.dot_general %36, %37 batch [] x [] contract [1] x [0] : tensor<8x64xf32>, tensor<64x64xf32> -> tensor<8x64xf32>
    %40 = weft.broadcast %38 dims [1] : tensor<64xf32> -> tensor<8x64xf32>
    %41 = arith.addf %39, %40 : tensor<8x64xf32>
    %42 = weft.reshape %41 : tensor<8x64xf32> -> tensor<2x4x64xf32>
    %43 = arith.addf %42, %5 : tensor<2x4x64xf32>
    %44 = weft.read @model.transformer.h.0.ln_2.weight : tensor<64xf32>
    %45 = weft.read @model.transformer.h.0.ln_2.bias : tensor<64xf32>
    %46 = weft.layer_norm %43 gamma %44 beta %45 eps 9.9999997473787516E-6 : (tensor<2x4x64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<2x4x64xf32>
    %47 = weft.reshape %46 : tensor<2x4x64xf32> -> tensor<8x64xf32>
    %48 = weft.read @model.transformer.h.0.mlp.c_fc.weight : tensor<64x256xf32>
    %49 = weft.read @model.transformer.h.0.mlp.c_fc.bias : tensor<256xf32>
    %50 = weft.dot_general %47, %48 batch [] x [] contract [1] x [0] : tensor<8x64xf32>, tensor<64x256xf32> -> tensor<8x256xf32>
    %51 = weft.broadcast %49 dims [1] : tensor<256xf32> -> tensor<8x256xf32>
    %52 = arith.addf %50, %51 : tensor<8x256xf32>
    %53 = weft.reshape %52 : tensor<8x256xf32> -> tensor<2x4x256xf32>
    %54 = arith.mulf %53, %cst_2 : tensor<2x4x256xf32>
    %55 = arith.mulf %53, %53 : tensor<2x4x256xf32>
    %56 = arith.mulf %55, %53 : tensor<2x4x256xf32>
    %57 = arith.mulf %56, %cst_1 : tensor<2x4x256xf32>
    %58 = arith.addf %53, %57 : tensor<2x4x256xf32>
    %59 = arith.mulf %58, %cst_0 : tensor<2x4x256xf32>
    %60 = math.tanh %59 : tensor<2x4x256xf32>
    %61 = arith.addf %60, %cst : tensor<2x4x256xf32>
    %62 = arith.mulf %54, %61 : tensor<2x4x256xf32>
    %63 = weft.reshape %62 : tensor<2x4x256xf32> -> tensor<8x256xf32>
    %64 = weft.read @model.transformer.h.0.mlp.c_proj.weight : tensor<256x64xf32>
    %65 = weft.read @model.transformer.h.0.mlp.c_proj.bias : tensor<64xf32>
    %66 = weft.dot_general %63, %64 batch [] x [] contract [1] x [0] : tensor<8x256xf32>, tensor<256x64xf32> -> tensor<8x64xf32>
    %67 = weft.broadcast %65 dims [1] : tensor<64xf32> -> tensor<8x64xf32>
    %68 = arith.addf %66, %67 : tensor<8x64xf32>
    %69 = weft.reshape %68 : tensor<8x64xf32> -> tensor<2x4x64xf32>
    %70 = arith.addf %43, %69 : tensor<2x4x64xf32>
    return %70 : tensor<2x4x64xf32>
  }
}


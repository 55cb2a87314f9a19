// RUN: weft-opt %s --weft-decompose --canonicalize --cse | FileCheck %s

// A norm becomes row statistics and elementwise ops; the variance is taken of the centered row.
// CHECK-LABEL: func.func @layer_norm
// CHECK-NOT: weft.layer_norm
// CHECK: weft.reduce sum %{{.*}} dims [1]
// CHECK: %[[CENTERED:.*]] = arith.subf %arg0
// CHECK: arith.mulf %[[CENTERED]], %[[CENTERED]]
// CHECK: weft.reduce sum %{{.*}} dims [1]
// CHECK: math.rsqrt
func.func @layer_norm(%x: tensor<4x8xf32>, %g: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = weft.layer_norm %x gamma %g eps 1.0e-5 : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// Statistics of narrow floats are in f32.
// CHECK-LABEL: func.func @softmax
// CHECK: arith.extf %arg0 : tensor<4x8xbf16> to tensor<4x8xf32>
// CHECK: weft.reduce max
// CHECK: math.exp
// CHECK: weft.reduce sum
// CHECK: arith.truncf %{{.*}} : tensor<4x8xf32> to tensor<4x8xbf16>
func.func @softmax(%x: tensor<4x8xbf16>) -> tensor<4x8xbf16> {
  %0 = weft.softmax %x : tensor<4x8xbf16> -> tensor<4x8xbf16>
  return %0 : tensor<4x8xbf16>
}

// The label's logit is found by comparison, and an ignored label costs nothing.
// CHECK-LABEL: func.func @cross_entropy
// CHECK: weft.iota dim 1 : tensor<4x8xi64>
// CHECK: arith.cmpi eq
// CHECK: arith.select
// CHECK: arith.cmpi eq, %arg1
// CHECK: arith.select
func.func @cross_entropy(%x: tensor<4x8xf32>, %l: tensor<4xi64>) -> tensor<4xf32> {
  %0 = weft.cross_entropy %x, %l : tensor<4x8xf32>, tensor<4xi64> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK-LABEL: func.func @gelu
// CHECK: math.erf
// CHECK: math.tanh
func.func @gelu(%x: tensor<8xf32>) -> (tensor<8xf32>, tensor<8xf32>) {
  %0 = weft.gelu %x : tensor<8xf32> -> tensor<8xf32>
  %1 = weft.gelu %x tanh : tensor<8xf32> -> tensor<8xf32>
  return %0, %1 : tensor<8xf32>, tensor<8xf32>
}

// A sum of everything goes by rows first.
// CHECK-LABEL: func.func @whole
// CHECK: weft.reduce sum %arg0 dims [2] : tensor<2x3x4xf32> -> tensor<2x3xf32>
// CHECK: weft.reduce sum %{{.*}} dims [0] : tensor<6xf32> -> tensor<f32>
func.func @whole(%x: tensor<2x3x4xf32>) -> tensor<f32> {
  %0 = weft.reduce sum %x dims [0, 1, 2] : tensor<2x3x4xf32> -> tensor<f32>
  return %0 : tensor<f32>
}

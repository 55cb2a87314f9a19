// RUN: weft-opt %s --weft-fold-constants --split-input-file | FileCheck %s

// Shape arithmetic, as exporters write it, becomes one constant and its ops are gone.
// CHECK-LABEL: func.func @shape_arithmetic
func.func @shape_arithmetic() -> tensor<3xi64> {
  // CHECK-NEXT: %[[C:.*]] = arith.constant dense<[6, 4, 8]> : tensor<3xi64>
  // CHECK-NEXT: return %[[C]]
  %shape = arith.constant dense<[2, 3, 32]> : tensor<3xi64>
  %batch = weft.slice %shape offsets [0] strides [1] : tensor<3xi64> -> tensor<1xi64>
  %rows = weft.slice %shape offsets [1] strides [1] : tensor<3xi64> -> tensor<1xi64>
  %flat = arith.muli %batch, %rows : tensor<1xi64>
  %heads = arith.constant dense<4> : tensor<1xi64>
  %last = weft.slice %shape offsets [2] strides [1] : tensor<3xi64> -> tensor<1xi64>
  %size = arith.divsi %last, %heads : tensor<1xi64>
  %0 = weft.concat %flat, %heads, %size dim 0 : tensor<1xi64>, tensor<1xi64>, tensor<1xi64> -> tensor<3xi64>
  return %0 : tensor<3xi64>
}

// -----

// A causal mask from positions: comparison, choice and shape ops fold from iota.
// CHECK-LABEL: func.func @causal_mask
func.func @causal_mask() -> tensor<1x1x3x3xf32> {
  // CHECK-NEXT: arith.constant dense<{{\[\[\[\[}}0.000000e+00, 0xFF800000, 0xFF800000], [0.000000e+00, 0.000000e+00, 0xFF800000], [0.000000e+00, 0.000000e+00, 0.000000e+00]]]]> : tensor<1x1x3x3xf32>
  // CHECK-NEXT: return
  %row = weft.iota dim 0 : tensor<3x3xi64>
  %position = weft.iota dim 0 : tensor<3xi64>
  %column = weft.broadcast %position dims [1] : tensor<3xi64> -> tensor<3x3xi64>
  %seen = arith.cmpi sle, %column, %row : tensor<3x3xi64>
  %zero = arith.constant dense<0.0> : tensor<3x3xf32>
  %inf = arith.constant dense<0xFF800000> : tensor<3x3xf32>
  %mask = arith.select %seen, %zero, %inf : tensor<3x3xi1>, tensor<3x3xf32>
  %0 = weft.reshape %mask : tensor<3x3xf32> -> tensor<1x1x3x3xf32>
  return %0 : tensor<1x1x3x3xf32>
}

// -----

// An iota alone stays an op, whether something else reads it or not; one of size 1 is zero.
// CHECK-LABEL: func.func @iota
func.func @iota(%x: tensor<4xi64>) -> (tensor<4xi64>, tensor<1xi64>) {
  // CHECK-NEXT: %[[Z:.*]] = arith.constant dense<0> : tensor<1xi64>
  // CHECK-NEXT: %[[I:.*]] = weft.iota dim 0 : tensor<4xi64>
  // CHECK-NEXT: %[[S:.*]] = arith.addi %arg0, %[[I]]
  // CHECK-NEXT: return %[[S]], %[[Z]]
  %one = weft.iota dim 0 : tensor<1xi64>
  %i = weft.iota dim 0 : tensor<4xi64>
  %0 = arith.addi %x, %i : tensor<4xi64>
  return %0, %one : tensor<4xi64>, tensor<1xi64>
}

// -----

// A splat of any size folds: this mask of 2^40 elements lets everything through.
// CHECK-LABEL: func.func @large_splat
func.func @large_splat() -> tensor<1048576x1048576xf32> {
  // CHECK-NEXT: arith.constant dense<2.500000e+00> : tensor<1048576x1048576xf32>
  // CHECK-NEXT: return
  %a = arith.constant dense<1.5> : tensor<f32>
  %b = weft.broadcast %a dims [] : tensor<f32> -> tensor<1048576x1048576xf32>
  %c = arith.constant dense<1.0> : tensor<1048576x1048576xf32>
  %0 = arith.addf %b, %c : tensor<1048576x1048576xf32>
  return %0 : tensor<1048576x1048576xf32>
}

// -----

// A value over the limit that is no splat stays a computation.
// CHECK-LABEL: func.func @large_stays
func.func @large_stays() -> tensor<2000x2000xi64> {
  // CHECK-NEXT: weft.iota dim 0 : tensor<2000xi64>
  // CHECK-NEXT: weft.broadcast
  // CHECK-NEXT: return
  %i = weft.iota dim 0 : tensor<2000xi64>
  %0 = weft.broadcast %i dims [1] : tensor<2000xi64> -> tensor<2000x2000xi64>
  return %0 : tensor<2000x2000xi64>
}

// -----

// A division by zero is left to run time.
// CHECK-LABEL: func.func @undefined
func.func @undefined() -> tensor<2xi64> {
  // CHECK: arith.divsi
  %a = arith.constant dense<[4, 6]> : tensor<2xi64>
  %b = arith.constant dense<[2, 0]> : tensor<2xi64>
  %0 = arith.divsi %a, %b : tensor<2xi64>
  return %0 : tensor<2xi64>
}

// -----

// What depends on an argument or a parameter does not fold; what nobody reads goes.
weft.param @w : tensor<2xf32> = #weft.constant<1.0 : f32>
// CHECK-LABEL: func.func @dead
func.func @dead(%x: tensor<2xf32>) -> tensor<2xf32> {
  // CHECK-NEXT: %[[W:.*]] = weft.read @w
  // CHECK-NEXT: arith.addf %[[W]], %arg0
  // CHECK-NEXT: return
  %w = weft.read @w : tensor<2xf32>
  %0 = arith.addf %w, %x : tensor<2xf32>
  %unused = arith.mulf %0, %0 : tensor<2xf32>
  %chain = weft.reshape %unused : tensor<2xf32> -> tensor<2x1xf32>
  return %0 : tensor<2xf32>
}

// -----

// Narrow floats are rounded after every op: 256 + 1 is 256 in bf16.
// CHECK-LABEL: func.func @rounding
func.func @rounding() -> tensor<2xbf16> {
  // CHECK-NEXT: arith.constant dense<[2.560000e+02, 4.000000e+00]> : tensor<2xbf16>
  // CHECK-NEXT: return
  %a = arith.constant dense<[256.0, 3.0]> : tensor<2xbf16>
  %one = arith.constant dense<1.0> : tensor<2xbf16>
  %0 = arith.addf %a, %one : tensor<2xbf16>
  return %0 : tensor<2xbf16>
}

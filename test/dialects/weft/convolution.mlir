// Convolution, its transposes and batch normalisation: as text, with the factor rule and the cost of each.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt %s -weft-print-interfaces -o /dev/null 2>&1 | FileCheck %s --check-prefix=RULE

// CHECK-LABEL: @groups
func.func @groups(%x: tensor<2x6x9x8xf32>, %w: tensor<4x3x3x2xf32>, %dy: tensor<2x4x5x4xf32>) {
  // Two groups of three channels each: 2 * (2*4*5*4) * (3*3*2) operations.
  // CHECK: weft.convolution %{{.*}}, %{{.*}} strides [2, 2] low [1, 0] high [1, 1] dilations [1, 1] : (tensor<2x6x9x8xf32>, tensor<4x3x3x2xf32>) -> tensor<2x4x5x4xf32>
  // RULE: remark: sharding (a, b*c, e, h), (b*d, c, f, i) -> (a, b*d, g, j) {a=2 parallel, b=2 parallel, c=3 sum, d=2 parallel, e=9 replicated, f=3 replicated, g=5 replicated, h=8 replicated, i=2 replicated, j=4 replicated} linear {0}{1}; cost 5760 flops, 3744 bytes read, 640 bytes written
  %y = weft.convolution %x, %w strides [2, 2] low [1, 0] high [1, 1] dilations [1, 1] : (tensor<2x6x9x8xf32>, tensor<4x3x3x2xf32>) -> tensor<2x4x5x4xf32>
  // What the result lacks is summed over.
  // RULE: remark: sharding (a, b*d, g, j), (b*d, c, f, i) -> (a, b*c, e, h) {a=2 parallel, b=2 parallel, c=3 parallel, d=2 sum,
  %dx = weft.convolution_input_grad %dy, %w strides [2, 2] low [1, 0] high [1, 1] dilations [1, 1] : (tensor<2x4x5x4xf32>, tensor<4x3x3x2xf32>) -> tensor<2x6x9x8xf32>
  // RULE: remark: sharding (a, b*c, e, h), (a, b*d, g, j) -> (b*d, c, f, i) {a=2 sum, b=2 parallel, c=3 parallel, d=2 parallel,
  %dw = weft.convolution_weight_grad %x, %dy strides [2, 2] low [1, 0] high [1, 1] dilations [1, 1] : (tensor<2x6x9x8xf32>, tensor<2x4x5x4xf32>) -> tensor<4x3x3x2xf32>
  return
}

// Windows that tile the input, as in a patch embedding, can be cut between.
// CHECK-LABEL: @patches
func.func @patches(%x: tensor<2x3x8x8xf32>, %w: tensor<16x3x4x4xf32>) {
  // RULE: remark: sharding (a, b, d*e, f*g), (c, b, e, g) -> (a, c, d, f) {a=2 parallel, b=3 sum, c=16 parallel, d=2 parallel, e=4 replicated, f=2 parallel, g=4 replicated} linear {0}{1};
  %y = weft.convolution %x, %w strides [4, 4] low [0, 0] high [0, 0] dilations [1, 1] : (tensor<2x3x8x8xf32>, tensor<16x3x4x4xf32>) -> tensor<2x16x2x2xf32>
  return
}

// Channels of a batch norm do not know each other; all else has a part in the statistics.
// CHECK-LABEL: @norm
func.func @norm(%x: tensor<4x3x5xf32>, %v: tensor<3xf32>) {
  // CHECK: weft.batch_norm %{{.*}} scale %{{.*}} bias %{{.*}} mean %{{.*}} variance %{{.*}} eps 1.000000e-05 momentum 9.000000e-01 unbiased :
  // RULE: remark: sharding (a, b, c), (b), (b), (b), (b) -> (a, b, c), (b), (b) {a=4 replicated, b=3 parallel, c=5 replicated};
  %y:3 = weft.batch_norm %x scale %v bias %v mean %v variance %v eps 1.0e-5 momentum 0.9 unbiased : (tensor<4x3x5xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<4x3x5xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

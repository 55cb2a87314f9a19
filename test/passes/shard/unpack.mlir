// Weights that several products read parts of are declared with a dimension for the parts.
// RUN: weft-opt %s --split-input-file --weft-unpack --cse --canonicalize | FileCheck %s

// Queries are of one tensor, keys and values of another, and the weight of all three is one parameter.
// CHECK: weft.param @w : tensor<3x16x32xf32>
// CHECK: weft.param @b : tensor<3x16xf32>
weft.param @w : tensor<48x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @b : tensor<48xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @cross
func.func @cross(%x: tensor<8x4x32xf32>, %y: tensor<8x4x32xf32>) -> (tensor<8x4x16xf32>, tensor<8x4x16xf32>, tensor<8x4x16xf32>) {
  // CHECK: weft.slice %{{.*}} offsets [0, 0, 0] {{.*}} : tensor<3x16x32xf32> -> tensor<1x16x32xf32>
  // CHECK: %[[KV:.*]] = weft.slice %{{.*}} offsets [1, 0, 0] {{.*}} : tensor<3x16x32xf32> -> tensor<2x16x32xf32>
  // CHECK: weft.dot_general %arg0, %{{.*}} -> tensor<8x4x16xf32>
  // CHECK: weft.dot_general %arg1, %[[KV]] {{.*}} -> tensor<8x4x2x16xf32>
  %w = weft.read @w : tensor<48x32xf32>
  %b = weft.read @b : tensor<48xf32>
  %wq = weft.slice %w offsets [0, 0] strides [1, 1] : tensor<48x32xf32> -> tensor<16x32xf32>
  %wkv = weft.slice %w offsets [16, 0] strides [1, 1] : tensor<48x32xf32> -> tensor<32x32xf32>
  %bq = weft.slice %b offsets [0] strides [1] : tensor<48xf32> -> tensor<16xf32>
  %bkv = weft.slice %b offsets [16] strides [1] : tensor<48xf32> -> tensor<32xf32>
  %0 = weft.dot_general %x, %wq batch [] x [] contract [2] x [1] : tensor<8x4x32xf32>, tensor<16x32xf32> -> tensor<8x4x16xf32>
  %1 = weft.broadcast %bq dims [2] : tensor<16xf32> -> tensor<8x4x16xf32>
  %q = arith.addf %0, %1 : tensor<8x4x16xf32>
  %2 = weft.dot_general %y, %wkv batch [] x [] contract [2] x [1] : tensor<8x4x32xf32>, tensor<32x32xf32> -> tensor<8x4x32xf32>
  %3 = weft.broadcast %bkv dims [2] : tensor<32xf32> -> tensor<8x4x32xf32>
  %4 = arith.addf %2, %3 : tensor<8x4x32xf32>
  %k = weft.slice %4 offsets [0, 0, 0] strides [1, 1, 1] : tensor<8x4x32xf32> -> tensor<8x4x16xf32>
  %v = weft.slice %4 offsets [0, 0, 16] strides [1, 1, 1] : tensor<8x4x32xf32> -> tensor<8x4x16xf32>
  return %q, %k, %v : tensor<8x4x16xf32>, tensor<8x4x16xf32>, tensor<8x4x16xf32>
}

// -----

// Slices that leave something out, or have it twice, say nothing of parts.
// CHECK: weft.param @table : tensor<48x32xf32>
weft.param @table : tensor<48x32xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @positions
func.func @positions() -> tensor<16x32xf32> {
  %0 = weft.read @table : tensor<48x32xf32>
  %1 = weft.slice %0 offsets [0, 0] strides [1, 1] : tensor<48x32xf32> -> tensor<16x32xf32>
  return %1 : tensor<16x32xf32>
}

// -----

// A projection that is packed is one too if its parts and heads are made at once, as ModernBERT makes them.
// CHECK: weft.param @qkv : tensor<3x16x32xf32>
weft.param @qkv : tensor<48x32xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @heads
func.func @heads(%x: tensor<8x4x32xf32>) -> (tensor<8x4x1x2x8xf32>, tensor<8x4x1x2x8xf32>) {
  // CHECK: weft.dot_general {{.*}} -> tensor<8x4x3x16xf32>
  // CHECK: weft.reshape {{.*}} : tensor<8x4x3x16xf32> -> tensor<8x4x3x2x8xf32>
  %w = weft.read @qkv : tensor<48x32xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [1] : tensor<8x4x32xf32>, tensor<48x32xf32> -> tensor<8x4x48xf32>
  %1 = weft.reshape %0 : tensor<8x4x48xf32> -> tensor<8x4x3x2x8xf32>
  %q = weft.slice %1 offsets [0, 0, 0, 0, 0] strides [1, 1, 1, 1, 1] : tensor<8x4x3x2x8xf32> -> tensor<8x4x1x2x8xf32>
  %v = weft.slice %1 offsets [0, 0, 2, 0, 0] strides [1, 1, 1, 1, 1] : tensor<8x4x3x2x8xf32> -> tensor<8x4x1x2x8xf32>
  return %q, %v : tensor<8x4x1x2x8xf32>, tensor<8x4x1x2x8xf32>
}

// -----

// Not if the parts come last: heads that are cut are the first of what it becomes.
// CHECK: weft.param @grouped : tensor<48x32xf32>
weft.param @grouped : tensor<48x32xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @groups
func.func @groups(%x: tensor<8x4x32xf32>) -> tensor<8x4x2x1x8xf32> {
  %w = weft.read @grouped : tensor<48x32xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [1] : tensor<8x4x32xf32>, tensor<48x32xf32> -> tensor<8x4x48xf32>
  %1 = weft.reshape %0 : tensor<8x4x48xf32> -> tensor<8x4x2x3x8xf32>
  %q = weft.slice %1 offsets [0, 0, 0, 1, 0] strides [1, 1, 1, 1, 1] : tensor<8x4x2x3x8xf32> -> tensor<8x4x2x1x8xf32>
  return %q : tensor<8x4x2x1x8xf32>
}

// -----

// Queries of four heads, keys and values of two, of one weight and one bias: a product for each, with its part of both. The parameters are
// declared in units that make up all parts, along which nothing is stored in parts.
// CHECK: weft.param @packed : tensor<4x16x32xf32>
// CHECK: weft.param @bias : tensor<4x16xf32>
weft.param @packed : tensor<64x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @bias : tensor<64xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @grouped
func.func @grouped(%x: tensor<8x16x32xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>) {
  // CHECK: weft.dot_general %arg0, {{.*}} tensor<32x32xf32> -> tensor<8x16x32xf32>
  // CHECK: weft.dot_general %arg0, {{.*}} tensor<16x32xf32> -> tensor<8x16x16xf32>
  // CHECK: weft.dot_general %arg0, {{.*}} tensor<16x32xf32> -> tensor<8x16x16xf32>
  %w = weft.read @packed : tensor<64x32xf32>
  %b = weft.read @bias : tensor<64xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<64x32xf32> -> tensor<8x16x64xf32>
  %1 = weft.broadcast %b dims [2] : tensor<64xf32> -> tensor<8x16x64xf32>
  %2 = arith.addf %0, %1 : tensor<8x16x64xf32>
  %3 = weft.slice %2 offsets [0, 0, 0] strides [1, 1, 1] : tensor<8x16x64xf32> -> tensor<8x16x32xf32>
  %4 = weft.slice %2 offsets [0, 0, 32] strides [1, 1, 1] : tensor<8x16x64xf32> -> tensor<8x16x16xf32>
  %5 = weft.slice %2 offsets [0, 0, 48] strides [1, 1, 1] : tensor<8x16x64xf32> -> tensor<8x16x16xf32>
  %q = weft.reshape %3 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
  %k = weft.reshape %4 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
  %v = weft.reshape %5 : tensor<8x16x16xf32> -> tensor<8x16x2x8xf32>
  return %q, %k, %v : tensor<8x16x4x8xf32>, tensor<8x16x2x8xf32>, tensor<8x16x2x8xf32>
}

// -----

// Parts of which no heads are made stay one product: a latent and what is shared by all heads.
// CHECK: weft.param @latent : tensor<48x32xf32>
weft.param @latent : tensor<48x32xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @latents
func.func @latents(%x: tensor<8x16x32xf32>) -> (tensor<8x16x32xf32>, tensor<8x16x16xf32>) {
  %w = weft.read @latent : tensor<48x32xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<48x32xf32> -> tensor<8x16x48xf32>
  %1 = weft.slice %0 offsets [0, 0, 0] strides [1, 1, 1] : tensor<8x16x48xf32> -> tensor<8x16x32xf32>
  %2 = weft.slice %0 offsets [0, 0, 32] strides [1, 1, 1] : tensor<8x16x48xf32> -> tensor<8x16x16xf32>
  return %1, %2 : tensor<8x16x32xf32>, tensor<8x16x16xf32>
}

// -----

// As StarCoder has them: one key/value head, and parts are taken with a dimension of 1.
// CHECK: weft.param @multi : tensor<6x8x32xf32>
weft.param @multi : tensor<48x32xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @one_head
func.func @one_head(%x: tensor<8x16x32xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x1x16x8xf32>, tensor<8x1x16x8xf32>) {
  // CHECK: weft.dot_general %arg0, {{.*}} tensor<32x32xf32> -> tensor<8x16x32xf32>
  // CHECK: weft.dot_general %arg0, {{.*}} tensor<8x32xf32> -> tensor<8x16x8xf32>
  // CHECK: weft.dot_general %arg0, {{.*}} tensor<8x32xf32> -> tensor<8x16x8xf32>
  %w = weft.read @multi : tensor<48x32xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<48x32xf32> -> tensor<8x16x48xf32>
  %1 = weft.reshape %0 : tensor<8x16x48xf32> -> tensor<8x1x16x48xf32>
  %2 = weft.slice %1 offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<8x1x16x48xf32> -> tensor<8x1x16x32xf32>
  %k = weft.slice %1 offsets [0, 0, 0, 32] strides [1, 1, 1, 1] : tensor<8x1x16x48xf32> -> tensor<8x1x16x8xf32>
  %v = weft.slice %1 offsets [0, 0, 0, 40] strides [1, 1, 1, 1] : tensor<8x1x16x48xf32> -> tensor<8x1x16x8xf32>
  %q = weft.reshape %2 : tensor<8x1x16x32xf32> -> tensor<8x16x4x8xf32>
  return %q, %k, %v : tensor<8x16x4x8xf32>, tensor<8x1x16x8xf32>, tensor<8x1x16x8xf32>
}

// -----

// Two layers whose biases are one value, repeated once: each has products of its own, and the bias stays whole.
// CHECK: weft.param @both : tensor<64xf32>
weft.param @first : tensor<64x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @second : tensor<64x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @both : tensor<64xf32> trainable = #weft.constant<0.0 : f64>
// CHECK-LABEL: func.func @shared_bias
func.func @shared_bias(%x: tensor<8x16x32xf32>) -> (tensor<8x16x4x8xf32>, tensor<8x16x32xf32>, tensor<8x16x4x8xf32>, tensor<8x16x32xf32>) {
  // CHECK-COUNT-4: weft.dot_general
  %b = weft.read @both : tensor<64xf32>
  %r = weft.broadcast %b dims [2] : tensor<64xf32> -> tensor<8x16x64xf32>
  %w1 = weft.read @first : tensor<64x32xf32>
  %0 = weft.dot_general %x, %w1 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<64x32xf32> -> tensor<8x16x64xf32>
  %1 = arith.addf %0, %r : tensor<8x16x64xf32>
  %2 = weft.slice %1 offsets [0, 0, 0] strides [1, 1, 1] : tensor<8x16x64xf32> -> tensor<8x16x32xf32>
  %3 = weft.slice %1 offsets [0, 0, 32] strides [1, 1, 1] : tensor<8x16x64xf32> -> tensor<8x16x32xf32>
  %q1 = weft.reshape %2 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
  %w2 = weft.read @second : tensor<64x32xf32>
  %4 = weft.dot_general %x, %w2 batch [] x [] contract [2] x [1] : tensor<8x16x32xf32>, tensor<64x32xf32> -> tensor<8x16x64xf32>
  %5 = arith.addf %4, %r : tensor<8x16x64xf32>
  %6 = weft.slice %5 offsets [0, 0, 0] strides [1, 1, 1] : tensor<8x16x64xf32> -> tensor<8x16x32xf32>
  %7 = weft.slice %5 offsets [0, 0, 32] strides [1, 1, 1] : tensor<8x16x64xf32> -> tensor<8x16x32xf32>
  %q2 = weft.reshape %6 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
  return %q1, %3, %q2, %7 : tensor<8x16x4x8xf32>, tensor<8x16x32xf32>, tensor<8x16x4x8xf32>, tensor<8x16x32xf32>
}

// -----

// A sum with what is repeated along positions has no bias of the product.
// CHECK: weft.param @along : tensor<64x32xf32>
weft.param @along : tensor<64x32xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @positions_added
func.func @positions_added(%x: tensor<8x64x32xf32>, %p: tensor<64xf32>) -> (tensor<8x64x4x8xf32>, tensor<8x64x16xf32>, tensor<8x64x16xf32>) {
  %w = weft.read @along : tensor<64x32xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [1] : tensor<8x64x32xf32>, tensor<64x32xf32> -> tensor<8x64x64xf32>
  %1 = weft.broadcast %p dims [1] : tensor<64xf32> -> tensor<8x64x64xf32>
  %2 = arith.addf %0, %1 : tensor<8x64x64xf32>
  %3 = weft.slice %2 offsets [0, 0, 0] strides [1, 1, 1] : tensor<8x64x64xf32> -> tensor<8x64x32xf32>
  %4 = weft.slice %2 offsets [0, 0, 32] strides [1, 1, 1] : tensor<8x64x64xf32> -> tensor<8x64x16xf32>
  %5 = weft.slice %2 offsets [0, 0, 48] strides [1, 1, 1] : tensor<8x64x64xf32> -> tensor<8x64x16xf32>
  %q = weft.reshape %3 : tensor<8x64x32xf32> -> tensor<8x64x4x8xf32>
  return %q, %4, %5 : tensor<8x64x4x8xf32>, tensor<8x64x16xf32>, tensor<8x64x16xf32>
}

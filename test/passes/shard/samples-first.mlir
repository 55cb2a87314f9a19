// Rows that are flattened, or have positions before samples, get samples first; the transposes that did that are gone.
// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-samples-first,cse,canonicalize))' | FileCheck %s --implicit-check-not=weft.transpose

// As torch.nn.MultiheadAttention is exported: queries, keys and values of one product are moved with a dimension of 1, then
// taken apart; what attention makes is moved back and flattened.
// CHECK-LABEL: func.func @attention
func.func @attention(%x: tensor<8x16x32xf32>, %w: tensor<96x32xf32>, %b: tensor<96xf32>, %o: tensor<32x32xf32>) -> tensor<8x16x32xf32> {
  // CHECK: %[[PACKED:.*]] = weft.dot_general %arg0, %arg1 {{.*}} -> tensor<8x16x96xf32>
  // CHECK: %[[BIAS:.*]] = weft.broadcast %arg2 dims [2] : tensor<96xf32> -> tensor<8x16x96xf32>
  // CHECK: %[[SUM:.*]] = arith.addf %[[BIAS]], %[[PACKED]]
  // CHECK: %[[Q:.*]] = weft.slice %[[SUM]] offsets [0, 0, 0] {{.*}} -> tensor<8x16x32xf32>
  // CHECK: %[[K:.*]] = weft.slice %[[SUM]] offsets [0, 0, 32] {{.*}} -> tensor<8x16x32xf32>
  %0 = weft.transpose %x perm [1, 0, 2] : tensor<8x16x32xf32> -> tensor<16x8x32xf32>
  %1 = weft.dot_general %0, %w batch [] x [] contract [2] x [1] : tensor<16x8x32xf32>, tensor<96x32xf32> -> tensor<16x8x96xf32>
  %2 = weft.broadcast %b dims [2] : tensor<96xf32> -> tensor<16x8x96xf32>
  %3 = arith.addf %2, %1 : tensor<16x8x96xf32>
  %4 = weft.reshape %3 : tensor<16x8x96xf32> -> tensor<1x16x8x3x32xf32>
  %5 = weft.transpose %4 perm [3, 1, 2, 0, 4] : tensor<1x16x8x3x32xf32> -> tensor<3x16x8x1x32xf32>
  %6 = weft.reshape %5 : tensor<3x16x8x1x32xf32> -> tensor<3x16x8x32xf32>
  %7 = weft.slice %6 offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<3x16x8x32xf32> -> tensor<1x16x8x32xf32>
  %8 = weft.slice %6 offsets [1, 0, 0, 0] strides [1, 1, 1, 1] : tensor<3x16x8x32xf32> -> tensor<1x16x8x32xf32>
  // CHECK: %[[MIXED:.*]] = arith.mulf %[[Q]], %[[K]] : tensor<8x16x32xf32>
  %q = weft.reshape %7 : tensor<1x16x8x32xf32> -> tensor<16x8x32xf32>
  %k = weft.reshape %8 : tensor<1x16x8x32xf32> -> tensor<16x8x32xf32>
  %9 = arith.mulf %q, %k : tensor<16x8x32xf32>
  %10 = weft.reshape %9 : tensor<16x8x32xf32> -> tensor<128x32xf32>
  // CHECK: %[[OUT:.*]] = weft.dot_general %[[MIXED]], %arg3 {{.*}} -> tensor<8x16x32xf32>
  %11 = weft.dot_general %10, %o batch [] x [] contract [1] x [1] : tensor<128x32xf32>, tensor<32x32xf32> -> tensor<128x32xf32>
  %12 = weft.reshape %11 : tensor<128x32xf32> -> tensor<16x8x32xf32>
  %13 = weft.transpose %12 perm [1, 0, 2] : tensor<16x8x32xf32> -> tensor<8x16x32xf32>
  // CHECK: arith.addf %arg0, %[[OUT]]
  %14 = arith.addf %x, %13 : tensor<8x16x32xf32>
  return %14 : tensor<8x16x32xf32>
}

// -----

// Not an instance norm of each channel: [B * C, L] are no rows of elements.
// CHECK-LABEL: func.func @instances
func.func @instances(%x: tensor<8x16x32xf32>) -> tensor<8x16x32xf32> {
  // CHECK: weft.layer_norm {{.*}} (tensor<128x32xf32>) -> tensor<128x32xf32>
  %0 = weft.reshape %x : tensor<8x16x32xf32> -> tensor<128x32xf32>
  %1 = weft.layer_norm %0 eps 1.0e-5 : (tensor<128x32xf32>) -> tensor<128x32xf32>
  %2 = weft.reshape %1 : tensor<128x32xf32> -> tensor<8x16x32xf32>
  return %2 : tensor<8x16x32xf32>
}

// -----

// Heads that are made beside the samples, and then one dimension with them, are taken apart where they are made.
// CHECK-LABEL: func.func @merged
func.func @merged(%x: tensor<8x16x32xf32>) -> tensor<8x16x4x8xf32> {
  // CHECK: %[[HEADS:.*]] = weft.reshape %arg0 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
  // CHECK: return %[[HEADS]]
  %0 = weft.transpose %x perm [1, 0, 2] : tensor<8x16x32xf32> -> tensor<16x8x32xf32>
  %1 = weft.reshape %0 : tensor<16x8x32xf32> -> tensor<16x32x8xf32>
  %2 = weft.transpose %1 perm [1, 0, 2] : tensor<16x32x8xf32> -> tensor<32x16x8xf32>
  %3 = weft.reshape %2 : tensor<32x16x8xf32> -> tensor<8x4x16x8xf32>
  %4 = weft.transpose %3 perm [0, 2, 1, 3] : tensor<8x4x16x8xf32> -> tensor<8x16x4x8xf32>
  return %4 : tensor<8x16x4x8xf32>
}

// -----

// A norm of flattened rows, as OPT has them, and the residual around it.
// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<8x16x32xf32>, %g: tensor<32xf32>, %w: tensor<32x32xf32>) -> tensor<8x16x32xf32> {
  // CHECK-NOT: weft.reshape
  // CHECK: weft.rms_norm %arg0 {{.*}} -> tensor<8x16x32xf32>
  // CHECK: weft.dot_general {{.*}} -> tensor<8x16x32xf32>
  // CHECK: arith.addf {{.*}} : tensor<8x16x32xf32>
  %0 = weft.reshape %x : tensor<8x16x32xf32> -> tensor<128x32xf32>
  %1 = weft.rms_norm %0 gamma %g eps 1.0e-5 : (tensor<128x32xf32>, tensor<32xf32>) -> tensor<128x32xf32>
  %2 = weft.dot_general %1, %w batch [] x [] contract [1] x [0] : tensor<128x32xf32>, tensor<32x32xf32> -> tensor<128x32xf32>
  %3 = arith.addf %0, %2 : tensor<128x32xf32>
  %4 = weft.reshape %3 : tensor<128x32xf32> -> tensor<8x16x32xf32>
  return %4 : tensor<8x16x32xf32>
}

// -----

// Flattened rows with an activation.
// CHECK-LABEL: func.func @flattened
func.func @flattened(%x: tensor<8x16x32xf32>, %w: tensor<32x64xf32>, %b: tensor<64xf32>) -> tensor<8x16x64xf32> {
  // CHECK: weft.dot_general %arg0, %arg1 {{.*}} -> tensor<8x16x64xf32>
  // CHECK: arith.addf {{.*}} : tensor<8x16x64xf32>
  // CHECK: math.tanh {{.*}} : tensor<8x16x64xf32>
  // CHECK-NOT: weft.reshape
  %0 = weft.reshape %x : tensor<8x16x32xf32> -> tensor<128x32xf32>
  %1 = weft.dot_general %0, %w batch [] x [] contract [1] x [0] : tensor<128x32xf32>, tensor<32x64xf32> -> tensor<128x64xf32>
  %2 = weft.broadcast %b dims [1] : tensor<64xf32> -> tensor<128x64xf32>
  %3 = arith.addf %1, %2 : tensor<128x64xf32>
  %4 = math.tanh %3 : tensor<128x64xf32>
  %5 = weft.reshape %4 : tensor<128x64xf32> -> tensor<8x16x64xf32>
  return %5 : tensor<8x16x64xf32>
}

// RUN: weft-opt %s --pass-pipeline='builtin.module(func.func(weft-prefetch-gathers))' | FileCheck %s
// RUN: weft-opt %s --pass-pipeline='builtin.module(func.func(weft-prefetch-gathers{max-live=64}))' | FileCheck %s --check-prefix=HELD
// RUN: weft-opt %s --pass-pipeline='builtin.module(func.func(weft-prefetch-gathers{max-live=63}))' -o /dev/null 2>&1 | FileCheck %s --check-prefix=OVER

// The gather of the second block runs while the first computes, that of the third while the second does.
// CHECK-LABEL: func.func @t
// CHECK: dist.all_gather
// CHECK: dist.all_gather
// CHECK-NEXT: math.exp
// CHECK: dist.all_gather
// CHECK-NEXT: math.sin
// CHECK-NEXT: math.cos

// With room for one, each is gathered when the one before it was read for the last time.
// HELD-LABEL: func.func @t
// HELD: dist.all_gather
// HELD-NEXT: math.exp
// HELD: dist.all_gather
// HELD-NEXT: math.sin
// HELD: dist.all_gather
// HELD-NEXT: math.cos

// OVER-COUNT-3: remark: with this gather 64 elements of gathered parameters are live, more than the limit of 63
dist.mesh @mesh ["dp"] [2]
weft.param @a : tensor<4x8xf32> trainable = #weft.constant<1.0 : f64>
weft.param @b : tensor<4x8xf32> trainable = #weft.constant<1.0 : f64>
weft.param @c : tensor<4x8xf32> trainable = #weft.constant<1.0 : f64>
func.func @t() -> (tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>) {
  %a = weft.read @a : tensor<4x8xf32>
  %0 = dist.all_gather %a dims [0] over ["dp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %1 = math.exp %0 : tensor<8x8xf32>
  %b = weft.read @b : tensor<4x8xf32>
  %2 = dist.all_gather %b dims [0] over ["dp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %3 = math.sin %2 : tensor<8x8xf32>
  %c = weft.read @c : tensor<4x8xf32>
  %4 = dist.all_gather %c dims [0] over ["dp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %5 = math.cos %4 : tensor<8x8xf32>
  return %1, %3, %5 : tensor<8x8xf32>, tensor<8x8xf32>, tensor<8x8xf32>
}

// A block's weights go in front of what the block before computes, not just of what stands behind the vectors of all.
// CHECK-LABEL: func.func @vectors
// CHECK: dist.all_gather {{.*}} -> tensor<8x8xf32>
// CHECK: dist.all_gather {{.*}} -> tensor<8xf32>
// CHECK: dist.all_gather {{.*}} -> tensor<8x8xf32>
// CHECK-NEXT: math.exp
// CHECK: math.tanh
// CHECK: math.cos
weft.param @v : tensor<4xf32> trainable = #weft.constant<1.0 : f64>
func.func @vectors() -> (tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>) {
  %a = weft.read @a : tensor<4x8xf32>
  %0 = dist.all_gather %a dims [0] over ["dp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %1 = math.exp %0 : tensor<8x8xf32>
  %v = weft.read @v : tensor<4xf32>
  %2 = dist.all_gather %v dims [0] over ["dp"] : tensor<4xf32> -> tensor<8xf32>
  %3 = math.tanh %2 : tensor<8xf32>
  %b = weft.read @b : tensor<4x8xf32>
  %4 = dist.all_gather %b dims [0] over ["dp"] : tensor<4x8xf32> -> tensor<8x8xf32>
  %5 = math.cos %4 : tensor<8x8xf32>
  return %1, %3, %5 : tensor<8x8xf32>, tensor<8xf32>, tensor<8x8xf32>
}

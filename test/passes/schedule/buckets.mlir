// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-bucket-collectives))' -allow-unregistered-dialect | FileCheck %s
// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-bucket-collectives{size=100}))' | FileCheck %s --check-prefix=SMALL

// Two gradients of two blocks are reduced together, behind the second; the write of the first moves behind that. The third, of
// another type, is alone. Up to 100 elements fit no two of them.
// CHECK-LABEL: func.func @reductions
// CHECK: math.exp
// CHECK: math.sin
// CHECK-NEXT: %[[R:.*]]:2 = dist.all_reduce sum %{{.*}}, %{{.*}} over ["dp"] : tensor<8x8xf32>, tensor<16x4xf32> -> tensor<8x8xf32>, tensor<16x4xf32>
// CHECK-NEXT: weft.write @a, %[[R]]#0
// CHECK-NEXT: weft.write @b, %[[R]]#1
// CHECK: dist.all_reduce sum %{{[0-9]+}} over ["dp"] : tensor<4xf64> -> tensor<4xf64>
// SMALL-LABEL: func.func @reductions
// SMALL-NOT: :2 = dist.all_reduce
dist.mesh @mesh ["dp"] [2]
weft.state probe @a : tensor<8x8xf32> = 0.0
weft.state probe @b : tensor<16x4xf32> = 0.0
weft.state probe @c : tensor<4xf64> = 0.0
func.func @reductions(%x: tensor<8x8xf32>, %y: tensor<16x4xf32>, %z: tensor<4xf64>) {
  %0 = math.exp %x : tensor<8x8xf32> loc("h.0.w")
  %1 = dist.all_reduce sum %0 over ["dp"] : tensor<8x8xf32> -> tensor<8x8xf32> loc("h.0.w")
  weft.write @a, %1 : tensor<8x8xf32>
  %2 = math.sin %y : tensor<16x4xf32> loc("h.1.w")
  %3 = dist.all_reduce sum %2 over ["dp"] : tensor<16x4xf32> -> tensor<16x4xf32> loc("h.1.w")
  weft.write @b, %3 : tensor<16x4xf32>
  %4 = math.cos %z : tensor<4xf64>
  %5 = dist.all_reduce sum %4 over ["dp"] : tensor<4xf64> -> tensor<4xf64>
  weft.write @c, %5 : tensor<4xf64>
  return
}

// -----

// The second is made of the first: they cannot run together.
// CHECK-LABEL: func.func @chain
// CHECK-NOT: :2 = dist.all_reduce
// SMALL-LABEL: func.func @chain
dist.mesh @mesh ["dp"] [2]
weft.state probe @a : tensor<8xf32> = 0.0
func.func @chain(%x: tensor<8xf32>) {
  %0 = dist.all_reduce sum %x over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  %1 = math.exp %0 : tensor<8xf32>
  %2 = dist.all_reduce sum %1 over ["dp"] : tensor<8xf32> -> tensor<8xf32>
  weft.write @a, %2 : tensor<8xf32>
  return
}

// -----

// The parameters of a block are gathered together where the first is needed; the other block's by themselves.
// CHECK-LABEL: func.func @gathers
// CHECK-NEXT: %[[A:.*]] = weft.read @a
// CHECK-NEXT: %[[B:.*]] = weft.read @b
// CHECK-NEXT: dist.all_gather %[[A]], %[[B]] dims [0, 1] over ["dp"]
// CHECK: math.exp
// CHECK: dist.all_gather %{{[0-9]+}} dims [0]
// SMALL-LABEL: func.func @gathers
dist.mesh @mesh ["dp"] [2]
weft.param @a : tensor<4x4xf32> trainable = #weft.constant<1.0 : f64>
weft.param @b : tensor<8x2xf32> trainable = #weft.constant<1.0 : f64>
weft.param @c : tensor<4x4xf32> trainable = #weft.constant<1.0 : f64>
func.func @gathers() -> (tensor<8x4xf32>, tensor<8x4xf32>) {
  %a = weft.read @a : tensor<4x4xf32>
  %0 = dist.all_gather %a dims [0] over ["dp"] : tensor<4x4xf32> -> tensor<8x4xf32> loc("h.0.a")
  %1 = math.exp %0 : tensor<8x4xf32>
  %b = weft.read @b : tensor<8x2xf32>
  %2 = dist.all_gather %b dims [1] over ["dp"] : tensor<8x2xf32> -> tensor<8x4xf32> loc("h.0.b")
  %3 = arith.addf %1, %2 : tensor<8x4xf32>
  %c = weft.read @c : tensor<4x4xf32>
  %4 = dist.all_gather %c dims [0] over ["dp"] : tensor<4x4xf32> -> tensor<8x4xf32> loc("h.1.c")
  return %3, %4 : tensor<8x4xf32>, tensor<8x4xf32>
}

// -----

// Biases and norms wait for those of all blocks, apart from weights: gathers where the first is read, gradients where the
// last is known. A vector that a product needs does not.
// CHECK-LABEL: func.func @vectors
// CHECK: %[[A:.*]] = weft.read @a
// CHECK-NEXT: %[[B:.*]] = weft.read @b
// CHECK-NEXT: dist.all_gather %[[A]], %[[B]] dims [0, 0]
// CHECK: %[[W:.*]] = weft.read @w
// CHECK-NEXT: dist.all_gather %[[W]] dims [0]
// CHECK: dist.reduce_scatter sum %{{.*}} dims [0] {{.*}} : tensor<4xf32> -> tensor<2xf32>
// CHECK: math.tanh
// CHECK: math.cos
// CHECK-NEXT: %[[G:.*]]:2 = dist.reduce_scatter sum %{{.*}}, %{{.*}} dims [0, 0]
// CHECK-NEXT: weft.write @ga, %[[G]]#0
// CHECK-NEXT: weft.write @gb, %[[G]]#1
// SMALL-LABEL: func.func @vectors
dist.mesh @mesh ["dp"] [2]
weft.param @a : tensor<4xf32> trainable = #weft.constant<1.0 : f64>
weft.param @w : tensor<4x4xf32> trainable = #weft.constant<1.0 : f64>
weft.param @b : tensor<4xf32> trainable = #weft.constant<1.0 : f64>
weft.state probe @ga : tensor<4xf32> = 0.0
weft.state probe @gb : tensor<4xf32> = 0.0
func.func @vectors(%x: tensor<8x2xf32>, %y: tensor<4xf32>, %p: tensor<8xf32>, %q: tensor<8xf32>) -> (tensor<8xf32>, tensor<8x4xf32>, tensor<8xf32>, tensor<8xf32>) {
  %a = weft.read @a : tensor<4xf32>
  %0 = dist.all_gather %a dims [0] over ["dp"] : tensor<4xf32> -> tensor<8xf32> loc("h.0.a")
  %w = weft.read @w : tensor<4x4xf32>
  %1 = dist.all_gather %w dims [0] over ["dp"] : tensor<4x4xf32> -> tensor<8x4xf32> loc("h.0.w")
  %b = weft.read @b : tensor<4xf32>
  %2 = dist.all_gather %b dims [0] over ["dp"] : tensor<4xf32> -> tensor<8xf32> loc("h.1.b")
  %s = dist.reduce_scatter sum %y dims [0] over ["dp"] : tensor<4xf32> -> tensor<2xf32> loc("h.0.s")
  %m = weft.dot_general %x, %s batch [] x [] contract [1] x [0] : tensor<8x2xf32>, tensor<2xf32> -> tensor<8xf32>
  %3 = math.tanh %p : tensor<8xf32>
  %4 = dist.reduce_scatter sum %3 dims [0] over ["dp"] : tensor<8xf32> -> tensor<4xf32> loc("h.1.b")
  weft.write @ga, %4 : tensor<4xf32>
  %5 = math.cos %q : tensor<8xf32>
  %6 = dist.reduce_scatter sum %5 dims [0] over ["dp"] : tensor<8xf32> -> tensor<4xf32> loc("h.0.a")
  weft.write @gb, %6 : tensor<4xf32>
  return %0, %1, %2, %m : tensor<8xf32>, tensor<8x4xf32>, tensor<8xf32>, tensor<8xf32>
}

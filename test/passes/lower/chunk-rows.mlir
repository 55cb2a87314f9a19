// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-chunk-rows{bytes=0 chunks=2}),canonicalize,cse)' | FileCheck %s
// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-chunk-rows))' | FileCheck %s --check-prefix=SMALL

// Logits, loss and the two gradients in two parts: the rows' results are put together, the weights' gradient is added up.
// CHECK-LABEL: func.func @head
// CHECK: weft.slice %arg0 offsets [0, 0, 0] {{.*}} -> tensor<2x3x5xf32>
// CHECK: weft.dot_general {{.*}} -> tensor<2x3x16xf32>
// CHECK: weft.cross_entropy
// CHECK: weft.dot_general {{.*}} -> tensor<2x3x5xf32>
// CHECK: weft.dot_general {{.*}} -> tensor<16x5xf32>
// CHECK: weft.slice %arg0 offsets [2, 0, 0]
// CHECK: weft.dot_general {{.*}} -> tensor<2x3x16xf32>
// CHECK-NOT: tensor<4x3x16xf32>
// CHECK-DAG: weft.concat {{.*}} dim 0 : tensor<2x3x5xf32>, tensor<2x3x5xf32>
// CHECK-DAG: arith.addf {{.*}} : tensor<16x5xf32>
// CHECK: return
// Below the size that asks for it nothing changes.
// SMALL-LABEL: func.func @head
// SMALL: weft.dot_general {{.*}} -> tensor<4x3x16xf32>
func.func @head(%x: tensor<4x3x5xf32>, %w: tensor<16x5xf32>, %scale: tensor<4x3xf32>)
    -> (tensor<f32>, tensor<4x3x5xf32>, tensor<16x5xf32>, tensor<16xf32>) {
  %labels = arith.constant dense<[[1, 2, 15], [3, -100, 4], [0, 0, 7], [9, 10, -100]]> : tensor<4x3xi64>
  %logits = weft.dot_general %x, %w batch [] x [] contract [2] x [1] : tensor<4x3x5xf32>, tensor<16x5xf32> -> tensor<4x3x16xf32>
  %terms = weft.cross_entropy %logits, %labels : tensor<4x3x16xf32>, tensor<4x3xi64> -> tensor<4x3xf32>
  // Between the region's ops, and no part of it.
  %loss = weft.reduce sum %terms dims [0, 1] : tensor<4x3xf32> -> tensor<f32>
  %max = weft.reduce max %logits dims [2] : tensor<4x3x16xf32> -> tensor<4x3xf32>
  %top = weft.broadcast %max dims [0, 1] : tensor<4x3xf32> -> tensor<4x3x16xf32>
  %shifted = arith.subf %logits, %top : tensor<4x3x16xf32>
  %exp = math.exp %shifted : tensor<4x3x16xf32>
  %sum = weft.reduce sum %exp dims [2] : tensor<4x3x16xf32> -> tensor<4x3xf32>
  %sums = weft.broadcast %sum dims [0, 1] : tensor<4x3xf32> -> tensor<4x3x16xf32>
  %p = arith.divf %exp, %sums : tensor<4x3x16xf32>
  %index = weft.iota dim 2 : tensor<4x3x16xi64>
  %wanted = weft.broadcast %labels dims [0, 1] : tensor<4x3xi64> -> tensor<4x3x16xi64>
  %hit = arith.cmpi eq, %index, %wanted : tensor<4x3x16xi64>
  %one = arith.constant dense<1.0> : tensor<4x3x16xf32>
  %less = arith.subf %p, %one : tensor<4x3x16xf32>
  %grad = arith.select %hit, %less, %p : tensor<4x3x16xi1>, tensor<4x3x16xf32>
  %factor = weft.broadcast %scale dims [0, 1] : tensor<4x3xf32> -> tensor<4x3x16xf32>
  %dlogits = arith.mulf %grad, %factor : tensor<4x3x16xf32>
  %dx = weft.dot_general %dlogits, %w batch [] x [] contract [2] x [0] : tensor<4x3x16xf32>, tensor<16x5xf32> -> tensor<4x3x5xf32>
  %dw = weft.dot_general %dlogits, %x batch [] x [] contract [0, 1] x [0, 1] : tensor<4x3x16xf32>, tensor<4x3x5xf32> -> tensor<16x5xf32>
  %db = weft.reduce sum %dlogits dims [0, 1] : tensor<4x3x16xf32> -> tensor<16xf32>
  return %loss, %dx, %dw, %db : tensor<f32>, tensor<4x3x5xf32>, tensor<16x5xf32>, tensor<16xf32>
}

// -----

// Hidden values between two layers live on until the gradient of the second is there: they are left alone.
// CHECK-LABEL: func.func @layer
// CHECK: weft.dot_general {{.*}} -> tensor<4x16xf32>
// CHECK-NOT: weft.slice
func.func @layer(%x: tensor<4x5xf32>, %w1: tensor<5x16xf32>, %w2: tensor<16x5xf32>) -> tensor<5x16xf32> {
  %h = weft.dot_general %x, %w1 batch [] x [] contract [1] x [0] : tensor<4x5xf32>, tensor<5x16xf32> -> tensor<4x16xf32>
  %a = math.tanh %h : tensor<4x16xf32>
  %y = weft.dot_general %a, %w2 batch [] x [] contract [1] x [0] : tensor<4x16xf32>, tensor<16x5xf32> -> tensor<4x5xf32>
  %da = weft.dot_general %y, %w2 batch [] x [] contract [1] x [1] : tensor<4x5xf32>, tensor<16x5xf32> -> tensor<4x16xf32>
  %dh = arith.mulf %da, %h : tensor<4x16xf32>
  %dw = weft.dot_general %x, %dh batch [] x [] contract [0] x [0] : tensor<4x5xf32>, tensor<4x16xf32> -> tensor<5x16xf32>
  return %dw : tensor<5x16xf32>
}

// -----

// A softmax over the batch mixes its rows.
// CHECK-LABEL: func.func @mixed
// CHECK: weft.dot_general {{.*}} -> tensor<4x16xf32>
// CHECK-NOT: weft.slice
func.func @mixed(%x: tensor<4x5xf32>, %w: tensor<16x5xf32>) -> tensor<4x16xf32> {
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [1] : tensor<4x5xf32>, tensor<16x5xf32> -> tensor<4x16xf32>
  %sum = weft.reduce sum %y dims [0] : tensor<4x16xf32> -> tensor<16xf32>
  %sums = weft.broadcast %sum dims [1] : tensor<16xf32> -> tensor<4x16xf32>
  %z = arith.divf %y, %sums : tensor<4x16xf32>
  return %z : tensor<4x16xf32>
}

// -----

// Behind a transpose the rows are columns.
// CHECK-LABEL: func.func @transposed
// CHECK: %[[SUM:.*]] = arith.addf {{.*}} : tensor<16xf32>
// CHECK: return %[[SUM]]
func.func @transposed(%x: tensor<4x5xf32>, %w: tensor<16x5xf32>, %v: tensor<4xf32>) -> tensor<16xf32> {
  %b = weft.broadcast %v dims [1] : tensor<4xf32> -> tensor<16x4xf32>
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [1] : tensor<4x5xf32>, tensor<16x5xf32> -> tensor<4x16xf32>
  %t = weft.transpose %y perm [1, 0] : tensor<4x16xf32> -> tensor<16x4xf32>
  %z = arith.mulf %t, %b : tensor<16x4xf32>
  %s = weft.reduce sum %z dims [1] : tensor<16x4xf32> -> tensor<16xf32>
  return %s : tensor<16xf32>
}

// -----

// What is kept as a whole is computed as a whole.
// CHECK-LABEL: func.func @kept
// CHECK-NOT: weft.slice
func.func @kept(%x: tensor<4x5xf32>, %w: tensor<16x5xf32>) -> tensor<4x16xf32> {
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [1] : tensor<4x5xf32>, tensor<16x5xf32> -> tensor<4x16xf32>
  return %y : tensor<4x16xf32>
}

// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-pad-columns{bytes=0 multiple=8}),canonicalize,cse)' | FileCheck %s
// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-pad-columns))' | FileCheck %s --check-prefix=UNTOLD

// Logits of 13 columns get 16, -infinity in the new ones; the gradient of the weights is read without them.
// CHECK-LABEL: func.func @head
// CHECK: weft.pad %arg1 low [0, 0] high [3, 0]
// CHECK: weft.dot_general {{.*}} -> tensor<4x3x16xf32>
// CHECK: arith.select {{.*}} : tensor<4x3x16xi1>, tensor<4x3x16xf32>
// CHECK: weft.cross_entropy {{.*}} tensor<4x3x16xf32>
// CHECK: weft.dot_general {{.*}} -> tensor<4x3x5xf32>
// CHECK: weft.dot_general {{.*}} -> tensor<16x5xf32>
// CHECK: weft.slice {{.*}} : tensor<16x5xf32> -> tensor<13x5xf32>
// UNTOLD-LABEL: func.func @head
// UNTOLD: weft.dot_general {{.*}} -> tensor<4x3x13xf32>
func.func @head(%x: tensor<4x3x5xf32>, %w: tensor<13x5xf32>, %scale: tensor<4x3xf32>)
    -> (tensor<4x3xf32>, tensor<4x3x5xf32>, tensor<13x5xf32>, tensor<13xf32>) {
  %labels = arith.constant dense<[[1, 2, 12], [3, -100, 4], [0, 0, 7], [9, 10, -100]]> : tensor<4x3xi64>
  %logits = weft.dot_general %x, %w batch [] x [] contract [2] x [1] : tensor<4x3x5xf32>, tensor<13x5xf32> -> tensor<4x3x13xf32>
  %terms = weft.cross_entropy %logits, %labels : tensor<4x3x13xf32>, tensor<4x3xi64> -> tensor<4x3xf32>
  %max = weft.reduce max %logits dims [2] : tensor<4x3x13xf32> -> tensor<4x3xf32>
  %top = weft.broadcast %max dims [0, 1] : tensor<4x3xf32> -> tensor<4x3x13xf32>
  %shifted = arith.subf %logits, %top : tensor<4x3x13xf32>
  %exp = math.exp %shifted : tensor<4x3x13xf32>
  %sum = weft.reduce sum %exp dims [2] : tensor<4x3x13xf32> -> tensor<4x3xf32>
  %sums = weft.broadcast %sum dims [0, 1] : tensor<4x3xf32> -> tensor<4x3x13xf32>
  %p = arith.divf %exp, %sums : tensor<4x3x13xf32>
  %index = weft.iota dim 2 : tensor<4x3x13xi64>
  %wanted = weft.broadcast %labels dims [0, 1] : tensor<4x3xi64> -> tensor<4x3x13xi64>
  %hit = arith.cmpi eq, %index, %wanted : tensor<4x3x13xi64>
  %one = arith.constant dense<1.0> : tensor<4x3x13xf32>
  %less = arith.subf %p, %one : tensor<4x3x13xf32>
  %grad = arith.select %hit, %less, %p : tensor<4x3x13xi1>, tensor<4x3x13xf32>
  %factor = weft.broadcast %scale dims [0, 1] : tensor<4x3xf32> -> tensor<4x3x13xf32>
  %dlogits = arith.mulf %grad, %factor : tensor<4x3x13xf32>
  %dx = weft.dot_general %dlogits, %w batch [] x [] contract [2] x [0] : tensor<4x3x13xf32>, tensor<13x5xf32> -> tensor<4x3x5xf32>
  %dw = weft.dot_general %dlogits, %x batch [] x [] contract [0, 1] x [0, 1] : tensor<4x3x13xf32>, tensor<4x3x5xf32> -> tensor<13x5xf32>
  %db = weft.reduce sum %dlogits dims [0, 1] : tensor<4x3x13xf32> -> tensor<13xf32>
  return %terms, %dx, %dw, %db : tensor<4x3xf32>, tensor<4x3x5xf32>, tensor<13x5xf32>, tensor<13xf32>
}

// -----

// A sum of the logits themselves would see what is added.
// CHECK-LABEL: func.func @sum
// CHECK: weft.dot_general {{.*}} -> tensor<4x13xf32>
func.func @sum(%x: tensor<4x5xf32>, %w: tensor<13x5xf32>) -> tensor<4xf32> {
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [1] : tensor<4x5xf32>, tensor<13x5xf32> -> tensor<4x13xf32>
  %s = weft.reduce sum %y dims [1] : tensor<4x13xf32> -> tensor<4xf32>
  return %s : tensor<4xf32>
}

// -----

// Logits that somebody keeps stay as they are.
// CHECK-LABEL: func.func @kept
// CHECK: weft.dot_general {{.*}} -> tensor<4x13xf32>
func.func @kept(%x: tensor<4x5xf32>, %w: tensor<13x5xf32>) -> tensor<4x13xf32> {
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [1] : tensor<4x5xf32>, tensor<13x5xf32> -> tensor<4x13xf32>
  return %y : tensor<4x13xf32>
}

// RUN: weft-opt %s -split-input-file -weft-raise -canonicalize 2>/dev/null | FileCheck %s

// Rotary position embedding by halves.

// As Llama is exported, on [batch, head, position, element]: weft.rotary's order of dimensions in between.
// CHECK-LABEL: func.func @llama
// CHECK-NEXT: %[[X:.*]] = weft.transpose %arg0 perm [0, 2, 1, 3]
// CHECK-NEXT: %[[Y:.*]] = weft.rotary %[[X]] cos %arg1 sin %arg2 : (tensor<2x5x3x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>)
// CHECK-NEXT: weft.transpose %[[Y]] perm [0, 2, 1, 3]
// CHECK-NEXT: return
func.func @llama(%x: tensor<2x3x5x8xf32>, %cos: tensor<5x8xf32>, %sin: tensor<5x8xf32>) -> tensor<2x3x5x8xf32> {
  %c = weft.broadcast %cos dims [2, 3] : tensor<5x8xf32> -> tensor<2x3x5x8xf32>
  %s = weft.broadcast %sin dims [2, 3] : tensor<5x8xf32> -> tensor<2x3x5x8xf32>
  %x1 = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<2x3x5x8xf32> -> tensor<2x3x5x4xf32>
  %x2 = weft.slice %x offsets [0, 0, 0, 4] strides [1, 1, 1, 1] : tensor<2x3x5x8xf32> -> tensor<2x3x5x4xf32>
  %n = arith.negf %x2 : tensor<2x3x5x4xf32>
  %r = weft.concat %n, %x1 dim 3 : tensor<2x3x5x4xf32>, tensor<2x3x5x4xf32> -> tensor<2x3x5x8xf32>
  %a = arith.mulf %x, %c : tensor<2x3x5x8xf32>
  %b = arith.mulf %r, %s : tensor<2x3x5x8xf32>
  %y = arith.addf %a, %b : tensor<2x3x5x8xf32>
  return %y : tensor<2x3x5x8xf32>
}

// -----

// Operands swapped, minus the opposite, angles per batch, on [batch, position, head, element].
// CHECK-LABEL: func.func @positions_first
// CHECK-NEXT: weft.rotary %arg0 cos %arg1 sin %arg2 : (tensor<2x5x3x8xf32>, tensor<2x5x8xf32>, tensor<2x5x8xf32>)
// CHECK-NEXT: return
func.func @positions_first(%x: tensor<2x5x3x8xf32>, %cos: tensor<2x5x8xf32>, %sin: tensor<2x5x8xf32>) -> tensor<2x5x3x8xf32> {
  %c = weft.broadcast %cos dims [0, 1, 3] : tensor<2x5x8xf32> -> tensor<2x5x3x8xf32>
  %s = weft.broadcast %sin dims [0, 1, 3] : tensor<2x5x8xf32> -> tensor<2x5x3x8xf32>
  %x1 = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<2x5x3x8xf32> -> tensor<2x5x3x4xf32>
  %x2 = weft.slice %x offsets [0, 0, 0, 4] strides [1, 1, 1, 1] : tensor<2x5x3x8xf32> -> tensor<2x5x3x4xf32>
  %n = arith.negf %x1 : tensor<2x5x3x4xf32>
  %r = weft.concat %x2, %n dim 3 : tensor<2x5x3x4xf32>, tensor<2x5x3x4xf32> -> tensor<2x5x3x8xf32>
  %a = arith.mulf %c, %x : tensor<2x5x3x8xf32>
  %b = arith.mulf %s, %r : tensor<2x5x3x8xf32>
  %y = arith.subf %a, %b : tensor<2x5x3x8xf32>
  return %y : tensor<2x5x3x8xf32>
}

// -----

// As GPT-NeoX is exported: the first half of each head of merged queries, keys and values; slices taken from the ancestor.
// CHECK-LABEL: func.func @partial
// CHECK-NEXT: %[[X:.*]] = weft.slice %arg0 offsets [0, 0, 0, 8] strides [1, 1, 1, 1] : tensor<2x5x3x24xf32> -> tensor<2x5x3x8xf32>
// CHECK-NEXT: weft.rotary %[[X]] cos %arg1 sin %arg2 : (tensor<2x5x3x8xf32>, tensor<5x4xf32>, tensor<5x4xf32>)
// CHECK-NEXT: return
func.func @partial(%qkv: tensor<2x5x3x24xf32>, %cos: tensor<5x4xf32>, %sin: tensor<5x4xf32>) -> tensor<2x5x3x8xf32> {
  %c = weft.broadcast %cos dims [2, 3] : tensor<5x4xf32> -> tensor<2x3x5x4xf32>
  %s = weft.broadcast %sin dims [2, 3] : tensor<5x4xf32> -> tensor<2x3x5x4xf32>
  %t = weft.transpose %qkv perm [0, 2, 1, 3] : tensor<2x5x3x24xf32> -> tensor<2x3x5x24xf32>
  %x = weft.slice %t offsets [0, 0, 0, 8] strides [1, 1, 1, 1] : tensor<2x3x5x24xf32> -> tensor<2x3x5x4xf32>
  %pass = weft.slice %t offsets [0, 0, 0, 12] strides [1, 1, 1, 1] : tensor<2x3x5x24xf32> -> tensor<2x3x5x4xf32>
  %x1 = weft.slice %t offsets [0, 0, 0, 8] strides [1, 1, 1, 1] : tensor<2x3x5x24xf32> -> tensor<2x3x5x2xf32>
  %x2 = weft.slice %x offsets [0, 0, 0, 2] strides [1, 1, 1, 1] : tensor<2x3x5x4xf32> -> tensor<2x3x5x2xf32>
  %n = arith.negf %x2 : tensor<2x3x5x2xf32>
  %r = weft.concat %n, %x1 dim 3 : tensor<2x3x5x2xf32>, tensor<2x3x5x2xf32> -> tensor<2x3x5x4xf32>
  %a = arith.mulf %x, %c : tensor<2x3x5x4xf32>
  %b = arith.mulf %r, %s : tensor<2x3x5x4xf32>
  %y = arith.addf %a, %b : tensor<2x3x5x4xf32>
  %z = weft.concat %y, %pass dim 3 : tensor<2x3x5x4xf32>, tensor<2x3x5x4xf32> -> tensor<2x3x5x8xf32>
  %out = weft.transpose %z perm [0, 2, 1, 3] : tensor<2x3x5x8xf32> -> tensor<2x5x3x8xf32>
  return %out : tensor<2x5x3x8xf32>
}

// -----

// Angles that were folded per batch and head lose their repetitions.
// CHECK-LABEL: func.func @folded
// CHECK-DAG: %[[COS:.*]] = arith.constant dense<{{\[\[}}1.000000e+00, 7.500000e-01], [5.000000e-01, 5.000000e-01]]> : tensor<2x2xf32>
// CHECK-DAG: %[[SIN:.*]] = arith.constant dense<{{\[\[}}0.000000e+00, 1.250000e-01], [2.500000e-01, 2.500000e-01]]> : tensor<2x2xf32>
// CHECK: weft.rotary %{{.*}} cos %[[COS]] sin %[[SIN]]
func.func @folded(%x: tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %c = arith.constant dense<[[[[1.0, 0.75], [0.5, 0.5]], [[1.0, 0.75], [0.5, 0.5]]]]> : tensor<1x2x2x2xf32>
  %s = arith.constant dense<[[[[0.0, 0.125], [0.25, 0.25]], [[0.0, 0.125], [0.25, 0.25]]]]> : tensor<1x2x2x2xf32>
  %x1 = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<1x2x2x2xf32> -> tensor<1x2x2x1xf32>
  %x2 = weft.slice %x offsets [0, 0, 0, 1] strides [1, 1, 1, 1] : tensor<1x2x2x2xf32> -> tensor<1x2x2x1xf32>
  %n = arith.negf %x2 : tensor<1x2x2x1xf32>
  %r = weft.concat %n, %x1 dim 3 : tensor<1x2x2x1xf32>, tensor<1x2x2x1xf32> -> tensor<1x2x2x2xf32>
  %a = arith.mulf %x, %c : tensor<1x2x2x2xf32>
  %b = arith.mulf %r, %s : tensor<1x2x2x2xf32>
  %y = arith.addf %a, %b : tensor<1x2x2x2xf32>
  return %y : tensor<1x2x2x2xf32>
}

// -----

// The first half negated turns the other way: not this op.
// CHECK-LABEL: func.func @other_half
// CHECK-NOT: weft.rotary
// CHECK: return
func.func @other_half(%x: tensor<2x3x5x8xf32>, %cos: tensor<5x8xf32>, %sin: tensor<5x8xf32>) -> tensor<2x3x5x8xf32> {
  %c = weft.broadcast %cos dims [2, 3] : tensor<5x8xf32> -> tensor<2x3x5x8xf32>
  %s = weft.broadcast %sin dims [2, 3] : tensor<5x8xf32> -> tensor<2x3x5x8xf32>
  %x1 = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<2x3x5x8xf32> -> tensor<2x3x5x4xf32>
  %x2 = weft.slice %x offsets [0, 0, 0, 4] strides [1, 1, 1, 1] : tensor<2x3x5x8xf32> -> tensor<2x3x5x4xf32>
  %n = arith.negf %x1 : tensor<2x3x5x4xf32>
  %r = weft.concat %x2, %n dim 3 : tensor<2x3x5x4xf32>, tensor<2x3x5x4xf32> -> tensor<2x3x5x8xf32>
  %a = arith.mulf %x, %c : tensor<2x3x5x8xf32>
  %b = arith.mulf %r, %s : tensor<2x3x5x8xf32>
  %y = arith.addf %a, %b : tensor<2x3x5x8xf32>
  return %y : tensor<2x3x5x8xf32>
}

// -----

// Halves in their own places do not turn.
// CHECK-LABEL: func.func @not_swapped
// CHECK-NOT: weft.rotary
// CHECK: return
func.func @not_swapped(%x: tensor<2x3x5x8xf32>, %cos: tensor<5x8xf32>, %sin: tensor<5x8xf32>) -> tensor<2x3x5x8xf32> {
  %c = weft.broadcast %cos dims [2, 3] : tensor<5x8xf32> -> tensor<2x3x5x8xf32>
  %s = weft.broadcast %sin dims [2, 3] : tensor<5x8xf32> -> tensor<2x3x5x8xf32>
  %x1 = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<2x3x5x8xf32> -> tensor<2x3x5x4xf32>
  %x2 = weft.slice %x offsets [0, 0, 0, 4] strides [1, 1, 1, 1] : tensor<2x3x5x8xf32> -> tensor<2x3x5x4xf32>
  %n = arith.negf %x1 : tensor<2x3x5x4xf32>
  %r = weft.concat %n, %x2 dim 3 : tensor<2x3x5x4xf32>, tensor<2x3x5x4xf32> -> tensor<2x3x5x8xf32>
  %a = arith.mulf %x, %c : tensor<2x3x5x8xf32>
  %b = arith.mulf %r, %s : tensor<2x3x5x8xf32>
  %y = arith.addf %a, %b : tensor<2x3x5x8xf32>
  return %y : tensor<2x3x5x8xf32>
}

// -----

// Pairs of neighbours, on [batch, head, position, element].
// CHECK-LABEL: func.func @interleaved
// CHECK: weft.rotary
// CHECK-NOT: arith.negf
// CHECK: return
func.func @interleaved(%x: tensor<2x3x5x8xf32>, %cos: tensor<5x8xf32>, %sin: tensor<5x8xf32>) -> tensor<2x3x5x8xf32> {
  %c = weft.broadcast %cos dims [2, 3] : tensor<5x8xf32> -> tensor<2x3x5x8xf32>
  %s = weft.broadcast %sin dims [2, 3] : tensor<5x8xf32> -> tensor<2x3x5x8xf32>
  %x1 = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 2] : tensor<2x3x5x8xf32> -> tensor<2x3x5x4xf32>
  %x2 = weft.slice %x offsets [0, 0, 0, 1] strides [1, 1, 1, 2] : tensor<2x3x5x8xf32> -> tensor<2x3x5x4xf32>
  %n = arith.negf %x2 : tensor<2x3x5x4xf32>
  %n1 = weft.reshape %n : tensor<2x3x5x4xf32> -> tensor<2x3x5x4x1xf32>
  %x11 = weft.reshape %x1 : tensor<2x3x5x4xf32> -> tensor<2x3x5x4x1xf32>
  %r1 = weft.concat %n1, %x11 dim 4 : tensor<2x3x5x4x1xf32>, tensor<2x3x5x4x1xf32> -> tensor<2x3x5x4x2xf32>
  %r = weft.reshape %r1 : tensor<2x3x5x4x2xf32> -> tensor<2x3x5x8xf32>
  %a = arith.mulf %x, %c : tensor<2x3x5x8xf32>
  %b = arith.mulf %r, %s : tensor<2x3x5x8xf32>
  %y = arith.addf %a, %b : tensor<2x3x5x8xf32>
  return %y : tensor<2x3x5x8xf32>
}

// -----

// Pairs of neighbours, as GPT-J turns them: even elements in front of odd ones, and back.
// CHECK-LABEL: func.func @pairs
// CHECK: weft.rotary
// CHECK-NOT: arith.negf
// CHECK: return
func.func @pairs(%x: tensor<2x5x3x8xf32>, %c: tensor<5x8xf32>, %s: tensor<5x8xf32>) -> tensor<2x5x3x8xf32> {
  %cos = weft.broadcast %c dims [1, 3] : tensor<5x8xf32> -> tensor<2x5x3x8xf32>
  %sin = weft.broadcast %s dims [1, 3] : tensor<5x8xf32> -> tensor<2x5x3x8xf32>
  %even = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 2] : tensor<2x5x3x8xf32> -> tensor<2x5x3x4xf32>
  %odd = weft.slice %x offsets [0, 0, 0, 1] strides [1, 1, 1, 2] : tensor<2x5x3x8xf32> -> tensor<2x5x3x4xf32>
  %minus = arith.negf %odd : tensor<2x5x3x4xf32>
  %first = weft.reshape %minus : tensor<2x5x3x4xf32> -> tensor<2x5x3x4x1xf32>
  %second = weft.reshape %even : tensor<2x5x3x4xf32> -> tensor<2x5x3x4x1xf32>
  %both = weft.concat %first, %second dim 4 : tensor<2x5x3x4x1xf32>, tensor<2x5x3x4x1xf32> -> tensor<2x5x3x4x2xf32>
  %turned = weft.reshape %both : tensor<2x5x3x4x2xf32> -> tensor<2x5x3x8xf32>
  %a = arith.mulf %x, %cos : tensor<2x5x3x8xf32>
  %b = arith.mulf %turned, %sin : tensor<2x5x3x8xf32>
  %y = arith.addf %a, %b : tensor<2x5x3x8xf32>
  return %y : tensor<2x5x3x8xf32>
}

// -----

// The first half of each head's elements, by pairs; the rest stays beside it.
// CHECK-LABEL: func.func @some_pairs
// CHECK: weft.rotary {{.*}} (tensor<2x5x3x4xf32>, tensor<5x4xf32>, tensor<5x4xf32>)
// CHECK: weft.concat
// CHECK: return
func.func @some_pairs(%x: tensor<2x5x3x8xf32>, %c: tensor<5x4xf32>, %s: tensor<5x4xf32>) -> tensor<2x5x3x8xf32> {
  %cos = weft.broadcast %c dims [1, 3] : tensor<5x4xf32> -> tensor<2x5x3x4xf32>
  %sin = weft.broadcast %s dims [1, 3] : tensor<5x4xf32> -> tensor<2x5x3x4xf32>
  %front = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<2x5x3x8xf32> -> tensor<2x5x3x4xf32>
  %rest = weft.slice %x offsets [0, 0, 0, 4] strides [1, 1, 1, 1] : tensor<2x5x3x8xf32> -> tensor<2x5x3x4xf32>
  %even = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 2] : tensor<2x5x3x8xf32> -> tensor<2x5x3x2xf32>
  %odd = weft.slice %x offsets [0, 0, 0, 1] strides [1, 1, 1, 2] : tensor<2x5x3x8xf32> -> tensor<2x5x3x2xf32>
  %minus = arith.negf %odd : tensor<2x5x3x2xf32>
  %first = weft.reshape %minus : tensor<2x5x3x2xf32> -> tensor<2x5x3x2x1xf32>
  %second = weft.reshape %even : tensor<2x5x3x2xf32> -> tensor<2x5x3x2x1xf32>
  %both = weft.concat %first, %second dim 4 : tensor<2x5x3x2x1xf32>, tensor<2x5x3x2x1xf32> -> tensor<2x5x3x2x2xf32>
  %turned = weft.reshape %both : tensor<2x5x3x2x2xf32> -> tensor<2x5x3x4xf32>
  %a = arith.mulf %front, %cos : tensor<2x5x3x4xf32>
  %b = arith.mulf %turned, %sin : tensor<2x5x3x4xf32>
  %sum = arith.addf %a, %b : tensor<2x5x3x4xf32>
  %y = weft.concat %sum, %rest dim 3 : tensor<2x5x3x4xf32>, tensor<2x5x3x4xf32> -> tensor<2x5x3x8xf32>
  return %y : tensor<2x5x3x8xf32>
}

// -----

// Pairs in the wrong order: the second element of each pair is negated.
// CHECK-LABEL: func.func @no_pairs
// CHECK-NOT: weft.rotary
// CHECK: return
func.func @no_pairs(%x: tensor<2x5x3x8xf32>, %c: tensor<5x8xf32>, %s: tensor<5x8xf32>) -> tensor<2x5x3x8xf32> {
  %cos = weft.broadcast %c dims [1, 3] : tensor<5x8xf32> -> tensor<2x5x3x8xf32>
  %sin = weft.broadcast %s dims [1, 3] : tensor<5x8xf32> -> tensor<2x5x3x8xf32>
  %even = weft.slice %x offsets [0, 0, 0, 0] strides [1, 1, 1, 2] : tensor<2x5x3x8xf32> -> tensor<2x5x3x4xf32>
  %odd = weft.slice %x offsets [0, 0, 0, 1] strides [1, 1, 1, 2] : tensor<2x5x3x8xf32> -> tensor<2x5x3x4xf32>
  %minus = arith.negf %even : tensor<2x5x3x4xf32>
  %first = weft.reshape %minus : tensor<2x5x3x4xf32> -> tensor<2x5x3x4x1xf32>
  %second = weft.reshape %odd : tensor<2x5x3x4xf32> -> tensor<2x5x3x4x1xf32>
  %both = weft.concat %first, %second dim 4 : tensor<2x5x3x4x1xf32>, tensor<2x5x3x4x1xf32> -> tensor<2x5x3x4x2xf32>
  %turned = weft.reshape %both : tensor<2x5x3x4x2xf32> -> tensor<2x5x3x8xf32>
  %a = arith.mulf %x, %cos : tensor<2x5x3x8xf32>
  %b = arith.mulf %turned, %sin : tensor<2x5x3x8xf32>
  %y = arith.addf %a, %b : tensor<2x5x3x8xf32>
  return %y : tensor<2x5x3x8xf32>
}

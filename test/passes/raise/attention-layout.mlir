// RUN: weft-opt %s -split-input-file -weft-raise -canonicalize 2>/dev/null | FileCheck %s

// Attention in every arrangement of its dimensions. The masks are in attention-mask.mlir.

// Positions before heads in the operands, scale on queries and keys: nothing but the op is left.
// CHECK-LABEL: func.func @bthd
// CHECK-NEXT: %[[OUT:.*]], %{{.*}} = weft.attention %arg0, %arg1, %arg2 scale 2.500000e-01 :
// CHECK-NEXT: return %[[OUT]]
func.func @bthd(%q: tensor<2x5x3x4xf32>, %k: tensor<2x6x3x4xf32>, %v: tensor<2x6x3x7xf32>) -> tensor<2x5x3x7xf32> {
  %hq = arith.constant dense<0.5> : tensor<2x3x5x4xf32>
  %hk = arith.constant dense<2.0> : tensor<2x3x4x6xf32>
  %q1 = weft.transpose %q perm [0, 2, 1, 3] : tensor<2x5x3x4xf32> -> tensor<2x3x5x4xf32>
  %k1 = weft.transpose %k perm [0, 2, 3, 1] : tensor<2x6x3x4xf32> -> tensor<2x3x4x6xf32>
  %v1 = weft.transpose %v perm [0, 2, 1, 3] : tensor<2x6x3x7xf32> -> tensor<2x3x6x7xf32>
  %q2 = arith.mulf %q1, %hq : tensor<2x3x5x4xf32>
  %k2 = arith.divf %k1, %hk : tensor<2x3x4x6xf32>
  %s = weft.dot_general %q2, %k2 batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x3x5x4xf32>, tensor<2x3x4x6xf32> -> tensor<2x3x5x6xf32>
  %p = weft.softmax %s : tensor<2x3x5x6xf32> -> tensor<2x3x5x6xf32>
  %o = weft.dot_general %p, %v1 batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x3x5x6xf32>, tensor<2x3x6x7xf32> -> tensor<2x3x5x7xf32>
  %r = weft.transpose %o perm [0, 2, 1, 3] : tensor<2x3x5x7xf32> -> tensor<2x5x3x7xf32>
  return %r : tensor<2x5x3x7xf32>
}

// -----

// Batch and heads merged for a product of rank 3, the output with its heads merged: reshapes only.
// CHECK-LABEL: func.func @merged
// CHECK-NOT: weft.transpose
// CHECK: weft.attention {{.*}} scale 1.000000e+00 : (tensor<2x5x3x4xf32>, tensor<2x6x3x4xf32>, tensor<2x6x3x4xf32>)
// CHECK-NOT: weft.transpose
// CHECK: return
func.func @merged(%q: tensor<2x5x12xf32>, %k: tensor<2x6x12xf32>, %v: tensor<12x12xf32>) -> tensor<10x12xf32> {
  %q1 = weft.reshape %q : tensor<2x5x12xf32> -> tensor<2x5x3x4xf32>
  %q2 = weft.transpose %q1 perm [0, 2, 1, 3] : tensor<2x5x3x4xf32> -> tensor<2x3x5x4xf32>
  %q3 = weft.reshape %q2 : tensor<2x3x5x4xf32> -> tensor<6x5x4xf32>
  %k1 = weft.reshape %k : tensor<2x6x12xf32> -> tensor<2x6x3x4xf32>
  %k2 = weft.transpose %k1 perm [0, 2, 1, 3] : tensor<2x6x3x4xf32> -> tensor<2x3x6x4xf32>
  %k3 = weft.reshape %k2 : tensor<2x3x6x4xf32> -> tensor<6x6x4xf32>
  %v1 = weft.reshape %v : tensor<12x12xf32> -> tensor<2x6x3x4xf32>
  %v2 = weft.transpose %v1 perm [0, 2, 1, 3] : tensor<2x6x3x4xf32> -> tensor<2x3x6x4xf32>
  %v3 = weft.reshape %v2 : tensor<2x3x6x4xf32> -> tensor<6x6x4xf32>
  %s = weft.dot_general %q3, %k3 batch [0] x [0] contract [2] x [2] : tensor<6x5x4xf32>, tensor<6x6x4xf32> -> tensor<6x5x6xf32>
  %p = weft.softmax %s : tensor<6x5x6xf32> -> tensor<6x5x6xf32>
  %o = weft.dot_general %p, %v3 batch [0] x [0] contract [2] x [1] : tensor<6x5x6xf32>, tensor<6x6x4xf32> -> tensor<6x5x4xf32>
  %o1 = weft.reshape %o : tensor<6x5x4xf32> -> tensor<2x3x5x4xf32>
  %o2 = weft.transpose %o1 perm [0, 2, 1, 3] : tensor<2x3x5x4xf32> -> tensor<2x5x3x4xf32>
  %o3 = weft.reshape %o2 : tensor<2x5x3x4xf32> -> tensor<10x12xf32>
  return %o3 : tensor<10x12xf32>
}

// -----

// One head, no batch: unit dimensions are added.
// CHECK-LABEL: func.func @matrices
// CHECK: weft.attention {{.*}} : (tensor<1x5x1x4xf32>, tensor<1x6x1x4xf32>, tensor<1x6x1x7xf32>)
func.func @matrices(%q: tensor<5x4xf32>, %k: tensor<6x4xf32>, %v: tensor<6x7xf32>) -> tensor<5x7xf32> {
  %s = weft.dot_general %q, %k batch [] x [] contract [1] x [1] : tensor<5x4xf32>, tensor<6x4xf32> -> tensor<5x6xf32>
  %p = weft.softmax %s : tensor<5x6xf32> -> tensor<5x6xf32>
  %o = weft.dot_general %p, %v batch [] x [] contract [1] x [0] : tensor<5x6xf32>, tensor<6x7xf32> -> tensor<5x7xf32>
  return %o : tensor<5x7xf32>
}

// -----

// Both products have their operands swapped, and the guard against NaN comes before a transpose.
// CHECK-LABEL: func.func @swapped
// CHECK: weft.attention {{.*}} : (tensor<2x5x3x4xf32>, tensor<2x6x3x4xf32>, tensor<2x6x3x7xf32>)
func.func @swapped(%q: tensor<2x3x5x4xf32>, %k: tensor<2x3x6x4xf32>, %v: tensor<2x3x6x7xf32>) -> tensor<2x3x7x5xf32> {
  %zero = arith.constant dense<0.0> : tensor<2x3x5x6xf32>
  %st = weft.dot_general %k, %q batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x3x6x4xf32>, tensor<2x3x5x4xf32> -> tensor<2x3x6x5xf32>
  %s = weft.transpose %st perm [0, 1, 3, 2] : tensor<2x3x6x5xf32> -> tensor<2x3x5x6xf32>
  %p = weft.softmax %s : tensor<2x3x5x6xf32> -> tensor<2x3x5x6xf32>
  %nan = arith.cmpf uno, %p, %p : tensor<2x3x5x6xf32>
  %guarded = arith.select %nan, %zero, %p : tensor<2x3x5x6xi1>, tensor<2x3x5x6xf32>
  %pt = weft.transpose %guarded perm [0, 1, 3, 2] : tensor<2x3x5x6xf32> -> tensor<2x3x6x5xf32>
  %o = weft.dot_general %v, %pt batch [0, 1] x [0, 1] contract [2] x [2] : tensor<2x3x6x7xf32>, tensor<2x3x6x5xf32> -> tensor<2x3x7x5xf32>
  return %o : tensor<2x3x7x5xf32>
}

// -----

// Keys and values repeated for every group of queries: they are used unrepeated.
// CHECK-LABEL: func.func @grouped
// CHECK-NOT: weft.broadcast
// CHECK: weft.attention {{.*}} : (tensor<2x5x6x4xf32>, tensor<2x5x3x4xf32>, tensor<2x5x3x4xf32>)
func.func @grouped(%q: tensor<2x6x5x4xf32>, %k: tensor<2x3x5x4xf32>, %v: tensor<2x3x5x4xf32>) -> tensor<2x6x5x4xf32> {
  %k1 = weft.broadcast %k dims [0, 1, 3, 4] : tensor<2x3x5x4xf32> -> tensor<2x3x2x5x4xf32>
  %k2 = weft.reshape %k1 : tensor<2x3x2x5x4xf32> -> tensor<2x6x5x4xf32>
  %v1 = weft.broadcast %v dims [0, 1, 3, 4] : tensor<2x3x5x4xf32> -> tensor<2x3x2x5x4xf32>
  %v2 = weft.reshape %v1 : tensor<2x3x2x5x4xf32> -> tensor<2x6x5x4xf32>
  %s = weft.dot_general %q, %k2 batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x6x5x4xf32>, tensor<2x6x5x4xf32> -> tensor<2x6x5x5xf32>
  %p = weft.softmax %s : tensor<2x6x5x5xf32> -> tensor<2x6x5x5xf32>
  %o = weft.dot_general %p, %v2 batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x6x5x5xf32>, tensor<2x6x5x4xf32> -> tensor<2x6x5x4xf32>
  return %o : tensor<2x6x5x4xf32>
}

// -----

// Heads tiled, not repeated one by one: query head h uses key head h mod 3, so that queries change places.
// CHECK-LABEL: func.func @tiled
// CHECK: weft.attention {{.*}} : (tensor<2x5x6x4xf32>, tensor<2x5x3x4xf32>, tensor<2x5x3x4xf32>, tensor<2x6x5x5xf32>)
func.func @tiled(%q: tensor<2x6x5x4xf32>, %k: tensor<2x3x5x4xf32>, %v: tensor<2x3x5x4xf32>, %bias: tensor<2x6x5xf32>) -> tensor<2x6x5x4xf32> {
  %k1 = weft.broadcast %k dims [0, 2, 3, 4] : tensor<2x3x5x4xf32> -> tensor<2x2x3x5x4xf32>
  %k2 = weft.reshape %k1 : tensor<2x2x3x5x4xf32> -> tensor<2x6x5x4xf32>
  %v1 = weft.broadcast %v dims [0, 2, 3, 4] : tensor<2x3x5x4xf32> -> tensor<2x2x3x5x4xf32>
  %v2 = weft.reshape %v1 : tensor<2x2x3x5x4xf32> -> tensor<2x6x5x4xf32>
  %s = weft.dot_general %q, %k2 batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x6x5x4xf32>, tensor<2x6x5x4xf32> -> tensor<2x6x5x5xf32>
  %b = weft.broadcast %bias dims [0, 1, 3] : tensor<2x6x5xf32> -> tensor<2x6x5x5xf32>
  %sb = arith.addf %s, %b : tensor<2x6x5x5xf32>
  %p = weft.softmax %sb : tensor<2x6x5x5xf32> -> tensor<2x6x5x5xf32>
  %o = weft.dot_general %p, %v2 batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x6x5x5xf32>, tensor<2x6x5x4xf32> -> tensor<2x6x5x4xf32>
  return %o : tensor<2x6x5x4xf32>
}

// -----

// Groups as a dimension of their own.
// CHECK-LABEL: func.func @five_dimensions
// CHECK: weft.attention {{.*}} causal : (tensor<2x5x6x4xf32>, tensor<2x5x3x4xf32>, tensor<2x5x3x4xf32>)
func.func @five_dimensions(%q: tensor<2x3x2x5x4xf32>, %k: tensor<2x3x5x4xf32>, %v: tensor<2x3x5x4xf32>) -> tensor<2x3x2x5x4xf32> {
  %neg = arith.constant dense<0xFF800000> : tensor<2x3x2x5x5xf32>
  %i = weft.iota dim 3 : tensor<2x3x2x5x5xi64>
  %j = weft.iota dim 4 : tensor<2x3x2x5x5xi64>
  %seen = arith.cmpi sge, %i, %j : tensor<2x3x2x5x5xi64>
  %s = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [4] x [3] : tensor<2x3x2x5x4xf32>, tensor<2x3x5x4xf32> -> tensor<2x3x2x5x5xf32>
  %masked = arith.select %seen, %s, %neg : tensor<2x3x2x5x5xi1>, tensor<2x3x2x5x5xf32>
  %p = weft.softmax %masked : tensor<2x3x2x5x5xf32> -> tensor<2x3x2x5x5xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [4] x [2] : tensor<2x3x2x5x5xf32>, tensor<2x3x5x4xf32> -> tensor<2x3x2x5x4xf32>
  return %o : tensor<2x3x2x5x4xf32>
}

// -----

// Only the keys are repeated: nothing is gained by halves, all heads are used as they are.
// CHECK-LABEL: func.func @keys_repeated
// CHECK: weft.attention {{.*}} : (tensor<2x5x6x4xf32>, tensor<2x5x6x4xf32>, tensor<2x5x6x4xf32>)
func.func @keys_repeated(%q: tensor<2x6x5x4xf32>, %k: tensor<2x3x5x4xf32>, %v: tensor<2x6x5x4xf32>) -> tensor<2x6x5x4xf32> {
  %k1 = weft.broadcast %k dims [0, 1, 3, 4] : tensor<2x3x5x4xf32> -> tensor<2x3x2x5x4xf32>
  %k2 = weft.reshape %k1 : tensor<2x3x2x5x4xf32> -> tensor<2x6x5x4xf32>
  %s = weft.dot_general %q, %k2 batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x6x5x4xf32>, tensor<2x6x5x4xf32> -> tensor<2x6x5x5xf32>
  %p = weft.softmax %s : tensor<2x6x5x5xf32> -> tensor<2x6x5x5xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x6x5x5xf32>, tensor<2x6x5x4xf32> -> tensor<2x6x5x4xf32>
  return %o : tensor<2x6x5x4xf32>
}

// -----

// The softmax is over the queries: no attention.
// CHECK-LABEL: func.func @over_queries
// CHECK-NOT: weft.attention
// CHECK: return
func.func @over_queries(%q: tensor<2x5x4xf32>, %k: tensor<2x5x4xf32>, %v: tensor<2x5x4xf32>) -> tensor<2x5x4xf32> {
  %s = weft.dot_general %k, %q batch [0] x [0] contract [2] x [2] : tensor<2x5x4xf32>, tensor<2x5x4xf32> -> tensor<2x5x5xf32>
  %p = weft.softmax %s : tensor<2x5x5xf32> -> tensor<2x5x5xf32>
  %o = weft.dot_general %p, %v batch [0] x [0] contract [1] x [1] : tensor<2x5x5xf32>, tensor<2x5x4xf32> -> tensor<2x5x4xf32>
  return %o : tensor<2x5x4xf32>
}

// -----

// Scores that are capped by a tanh are no scores of weft.attention.
// CHECK-LABEL: func.func @capped
// CHECK-NOT: weft.attention
// CHECK: return
func.func @capped(%q: tensor<5x4xf32>, %k: tensor<6x4xf32>, %v: tensor<6x7xf32>) -> tensor<5x7xf32> {
  %s = weft.dot_general %q, %k batch [] x [] contract [1] x [1] : tensor<5x4xf32>, tensor<6x4xf32> -> tensor<5x6xf32>
  %c = math.tanh %s : tensor<5x6xf32>
  %p = weft.softmax %c : tensor<5x6xf32> -> tensor<5x6xf32>
  %o = weft.dot_general %p, %v batch [] x [] contract [1] x [0] : tensor<5x6xf32>, tensor<6x7xf32> -> tensor<5x7xf32>
  return %o : tensor<5x7xf32>
}

// -----

// The probabilities are used elsewhere too: both are computed.
// CHECK-LABEL: func.func @probabilities
// CHECK-DAG: weft.attention
// CHECK-DAG: weft.softmax
func.func @probabilities(%q: tensor<5x4xf32>, %k: tensor<6x4xf32>, %v: tensor<6x7xf32>) -> (tensor<5x7xf32>, tensor<5x6xf32>) {
  %s = weft.dot_general %q, %k batch [] x [] contract [1] x [1] : tensor<5x4xf32>, tensor<6x4xf32> -> tensor<5x6xf32>
  %p = weft.softmax %s : tensor<5x6xf32> -> tensor<5x6xf32>
  %o = weft.dot_general %p, %v batch [] x [] contract [1] x [0] : tensor<5x6xf32>, tensor<6x7xf32> -> tensor<5x7xf32>
  return %o, %p : tensor<5x7xf32>, tensor<5x6xf32>
}

// -----

// An attention that the model had as one op: its mask is the causal one, its keys and values are repeated.
// CHECK-LABEL: func.func @one_op
// CHECK: weft.attention %arg0, %arg1, %arg2 scale 5.000000e-01 causal : (tensor<2x5x6x4xf32>, tensor<2x5x3x4xf32>, tensor<2x5x3x4xf32>)
func.func @one_op(%q: tensor<2x5x6x4xf32>, %k: tensor<2x5x3x4xf32>, %v: tensor<2x5x3x4xf32>) -> tensor<2x5x6x4xf32> {
  %i = weft.iota dim 2 : tensor<2x1x5x5xi64>
  %j = weft.iota dim 3 : tensor<2x1x5x5xi64>
  %seen = arith.cmpi sge, %i, %j : tensor<2x1x5x5xi64>
  %k1 = weft.broadcast %k dims [0, 1, 2, 4] : tensor<2x5x3x4xf32> -> tensor<2x5x3x2x4xf32>
  %k2 = weft.reshape %k1 : tensor<2x5x3x2x4xf32> -> tensor<2x5x6x4xf32>
  %v1 = weft.broadcast %v dims [0, 1, 2, 4] : tensor<2x5x3x4xf32> -> tensor<2x5x3x2x4xf32>
  %v2 = weft.reshape %v1 : tensor<2x5x3x2x4xf32> -> tensor<2x5x6x4xf32>
  %o, %lse = weft.attention %q, %k2, %v2 mask %seen scale 0.5 : (tensor<2x5x6x4xf32>, tensor<2x5x6x4xf32>, tensor<2x5x6x4xf32>, tensor<2x1x5x5xi1>) -> (tensor<2x5x6x4xf32>, tensor<2x6x5xf32>)
  return %o : tensor<2x5x6x4xf32>
}

// -----

// One that cannot be simpler stays as it is.
// CHECK-LABEL: func.func @one_op_unchanged
// CHECK-NEXT: weft.attention %arg0, %arg1, %arg2 mask %arg3 scale 5.000000e-01 causal :
// CHECK-NEXT: return
func.func @one_op_unchanged(%q: tensor<2x5x6x4xf32>, %k: tensor<2x5x3x4xf32>, %v: tensor<2x5x3x4xf32>, %m: tensor<2x1x5x5xi1>) -> tensor<2x5x6x4xf32> {
  %o, %lse = weft.attention %q, %k, %v mask %m scale 0.5 causal : (tensor<2x5x6x4xf32>, tensor<2x5x3x4xf32>, tensor<2x5x3x4xf32>, tensor<2x1x5x5xi1>) -> (tensor<2x5x6x4xf32>, tensor<2x6x5xf32>)
  return %o : tensor<2x5x6x4xf32>
}

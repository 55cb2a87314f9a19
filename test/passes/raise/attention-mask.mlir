// RUN: weft-opt %s -split-input-file -weft-raise -canonicalize 2>/dev/null | FileCheck %s

// Attention with every kind of mask. The layouts are in attention-layout.mlir.

// A mask of numbers that was folded to a constant, added to scaled scores.
// CHECK-LABEL: func.func @dense_added
// CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} scale 5.000000e-01 causal :
func.func @dense_added(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %two = arith.constant dense<2.0> : tensor<2x2x3x3xf32>
  %mask = arith.constant dense<[[0.0, -1.0e+9, -1.0e+9], [0.0, 0.0, -1.0e+9], [0.0, 0.0, 0.0]]> : tensor<3x3xf32>
  %wide = weft.broadcast %mask dims [2, 3] : tensor<3x3xf32> -> tensor<2x2x3x3xf32>
  %scaled = arith.divf %qk, %two : tensor<2x2x3x3xf32>
  %masked = arith.addf %wide, %scaled : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// One element more than the causal mask: a mask as any other, of which only the part that varies is kept.
// CHECK-LABEL: func.func @dense_but_one
// CHECK: %[[MASK:.*]] = arith.constant dense<{{\[\[\[\[}}true, false, true], [true, true, false], [true, true, true]]]]> : tensor<1x1x3x3xi1>
// CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[MASK]] scale 1.000000e+00 :
func.func @dense_but_one(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %mask = arith.constant dense<[[0.0, -1.0e+9, 0.0], [0.0, 0.0, -1.0e+9], [0.0, 0.0, 0.0]]> : tensor<3x3xf32>
  %wide = weft.broadcast %mask dims [2, 3] : tensor<3x3xf32> -> tensor<2x2x3x3xf32>
  %masked = arith.addf %qk, %wide : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// The causal mask folded for every batch and head.
// CHECK-LABEL: func.func @folded_per_head
// CHECK-NOT: mask
// CHECK: weft.attention {{.*}} causal :
func.func @folded_per_head(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x2x3x3xf32>
  %mask = arith.constant dense<[[[[true, false, false], [true, true, false], [true, true, true]], [[true, false, false], [true, true, false], [true, true, true]]],
                                [[[true, false, false], [true, true, false], [true, true, true]], [[true, false, false], [true, true, false], [true, true, true]]]]> : tensor<2x2x3x3xi1>
  %masked = arith.select %mask, %qk, %neg : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// Positions compared, t >= s, with unit dimensions in between.
// CHECK-LABEL: func.func @symbolic
// CHECK: weft.attention {{.*}} causal :
func.func @symbolic(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x2x3x3xf32>
  %zero = arith.constant dense<0.0> : tensor<2x2x3x3xf32>
  %i = weft.iota dim 0 : tensor<3xi64>
  %ti = weft.reshape %i : tensor<3xi64> -> tensor<1x3xi64>
  %t0 = weft.broadcast %ti dims [1, 2] : tensor<1x3xi64> -> tensor<2x1x3xi64>
  %t = weft.broadcast %t0 dims [0, 1, 2] : tensor<2x1x3xi64> -> tensor<2x1x3x3xi64>
  %s = weft.broadcast %i dims [3] : tensor<3xi64> -> tensor<2x1x3x3xi64>
  %seen0 = arith.cmpi sge, %t, %s : tensor<2x1x3x3xi64>
  %seen1 = weft.reshape %seen0 : tensor<2x1x3x3xi1> -> tensor<2x3x3xi1>
  %seen = weft.broadcast %seen1 dims [0, 2, 3] : tensor<2x3x3xi1> -> tensor<2x2x3x3xi1>
  %mask = arith.select %seen, %zero, %neg : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %masked = arith.addf %qk, %mask : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// s < t + 1, as numbers of f32, and its opposite selects what is hidden.
// CHECK-LABEL: func.func @symbolic_strict
// CHECK: weft.attention {{.*}} causal :
func.func @symbolic_strict(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x2x3x3xf32>
  %one = arith.constant dense<1.0> : tensor<2x2x3x3xf32>
  %true = arith.constant dense<true> : tensor<2x2x3x3xi1>
  %s = weft.iota dim 3 : tensor<2x2x3x3xf32>
  %t = weft.iota dim 2 : tensor<2x2x3x3xf32>
  %next = arith.addf %t, %one : tensor<2x2x3x3xf32>
  %seen = arith.cmpf olt, %s, %next : tensor<2x2x3x3xf32>
  %hidden = arith.xori %seen, %true : tensor<2x2x3x3xi1>
  %masked = arith.select %hidden, %neg, %qk : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// s < t is not causal, and with infinite scores its first row is weft.attention's row that sees nothing.
// CHECK-LABEL: func.func @symbolic_shifted
// CHECK: %[[SEEN:.*]] = arith.cmpi slt
// CHECK: %[[MASK:.*]] = weft.reshape %[[SEEN]] : tensor<3x3xi1> -> tensor<1x1x3x3xi1>
// CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[MASK]] scale 1.000000e+00 :
func.func @symbolic_shifted(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<0xFF800000> : tensor<2x2x3x3xf32>
  %s = weft.iota dim 1 : tensor<3x3xi64>
  %t = weft.iota dim 0 : tensor<3x3xi64>
  %seen0 = arith.cmpi slt, %s, %t : tensor<3x3xi64>
  %seen = weft.broadcast %seen0 dims [2, 3] : tensor<3x3xi1> -> tensor<2x2x3x3xi1>
  %masked = arith.select %seen, %qk, %neg : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// With finite scores the first row is a mean of all values: the numbers are added as they are.
// CHECK-LABEL: func.func @symbolic_shifted_finite
// CHECK: weft.attention {{.*}} mask %{{.*}} scale 1.000000e+00 : ({{.*}}, tensor<1x1x3x3xf32>)
func.func @symbolic_shifted_finite(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x2x3x3xf32>
  %s = weft.iota dim 1 : tensor<3x3xi64>
  %t = weft.iota dim 0 : tensor<3x3xi64>
  %seen0 = arith.cmpi slt, %s, %t : tensor<3x3xi64>
  %seen = weft.broadcast %seen0 dims [2, 3] : tensor<3x3xi1> -> tensor<2x2x3x3xi1>
  %masked = arith.select %seen, %qk, %neg : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// More keys than queries: the last ones belong together.
// CHECK-LABEL: func.func @longer_keys
// CHECK: weft.attention {{.*}} causal :
func.func @longer_keys(%q: tensor<2x2x2x4xf32>, %k: tensor<2x2x4x4xf32>, %v: tensor<2x2x4x4xf32>) -> tensor<2x2x2x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x2x4xf32>, tensor<2x2x4x4xf32> -> tensor<2x2x2x4xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x2x2x4xf32>
  %two = arith.constant dense<2> : tensor<2x4xi32>
  %s = weft.iota dim 1 : tensor<2x4xi32>
  %t = weft.iota dim 0 : tensor<2x4xi32>
  %last = arith.addi %t, %two : tensor<2x4xi32>
  %seen0 = arith.cmpi sle, %s, %last : tensor<2x4xi32>
  %seen = weft.broadcast %seen0 dims [2, 3] : tensor<2x4xi1> -> tensor<2x2x2x4xi1>
  %masked = arith.select %seen, %qk, %neg : tensor<2x2x2x4xi1>, tensor<2x2x2x4xf32>
  %p = weft.softmax %masked : tensor<2x2x2x4xf32> -> tensor<2x2x2x4xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x2x4xf32>, tensor<2x2x4x4xf32> -> tensor<2x2x2x4xf32>
  return %o : tensor<2x2x2x4xf32>
}

// -----

// A mask that hides nothing, and a floor under the scores, vanish.
// CHECK-LABEL: func.func @all_seen
// CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} scale 1.000000e+00 :
func.func @all_seen(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x2x3x3xf32>
  %zero = arith.constant dense<0.0> : tensor<2x2x3x3xf32>
  %none = arith.constant dense<0> : tensor<3xi64>
  %i = weft.iota dim 0 : tensor<3xi64>
  %ge = arith.cmpi sge, %i, %none : tensor<3xi64>
  %seen = weft.broadcast %ge dims [2] : tensor<3xi1> -> tensor<2x2x3x3xi1>
  %mask = arith.select %seen, %zero, %neg : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %sum = arith.addf %qk, %mask : tensor<2x2x3x3xf32>
  %masked = arith.maximumf %sum, %neg : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// A mask of the data and the causal one: only the former is left as a mask, once per batch.
// CHECK-LABEL: func.func @padding
// CHECK: %[[WIDE:.*]] = weft.broadcast %arg3 dims [0, 2] : tensor<2x3xi1> -> tensor<2x3x3xi1>
// CHECK: %[[MASK:.*]] = weft.reshape %[[WIDE]] : tensor<2x3x3xi1> -> tensor<2x1x3x3xi1>
// CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[MASK]] scale 1.000000e+00 causal :
func.func @padding(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>, %pad: tensor<2x3xi1>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<0xFF800000> : tensor<2x2x3x3xf32>
  %s = weft.iota dim 3 : tensor<2x2x3x3xi64>
  %t = weft.iota dim 2 : tensor<2x2x3x3xi64>
  %causal = arith.cmpi sle, %s, %t : tensor<2x2x3x3xi64>
  %wide = weft.broadcast %pad dims [0, 3] : tensor<2x3xi1> -> tensor<2x2x3x3xi1>
  %seen = arith.andi %causal, %wide : tensor<2x2x3x3xi1>
  %masked = arith.select %seen, %qk, %neg : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// Which rows see nothing is not known: finite scores stay numbers, and nothing is split off.
// CHECK-LABEL: func.func @padding_finite
// CHECK: weft.attention {{.*}} mask %{{.*}} scale 1.000000e+00 : ({{.*}}, tensor<2x1x3x3xf32>)
func.func @padding_finite(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>, %pad: tensor<2x3xi1>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %zero = arith.constant dense<0.0> : tensor<2x1x3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x1x3x3xf32>
  %s = weft.iota dim 3 : tensor<2x1x3x3xi64>
  %t = weft.iota dim 2 : tensor<2x1x3x3xi64>
  %causal = arith.cmpi sle, %s, %t : tensor<2x1x3x3xi64>
  %wide = weft.broadcast %pad dims [0, 3] : tensor<2x3xi1> -> tensor<2x1x3x3xi1>
  %seen = arith.andi %causal, %wide : tensor<2x1x3x3xi1>
  %mask0 = arith.select %seen, %zero, %neg : tensor<2x1x3x3xi1>, tensor<2x1x3x3xf32>
  %mask1 = weft.reshape %mask0 : tensor<2x1x3x3xf32> -> tensor<2x3x3xf32>
  %mask = weft.broadcast %mask1 dims [0, 2, 3] : tensor<2x3x3xf32> -> tensor<2x2x3x3xf32>
  %masked = arith.addf %qk, %mask : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// A sliding window: causal, and the rest of it as a mask.
// CHECK-LABEL: func.func @window
// CHECK: %[[NEAR:.*]] = arith.cmpi sgt
// CHECK: %[[MASK:.*]] = weft.reshape %[[NEAR]]
// CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} mask %[[MASK]] scale 1.000000e+00 causal :
func.func @window(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x2x3x3xf32>
  %two = arith.constant dense<2> : tensor<3x3xi64>
  %s = weft.iota dim 1 : tensor<3x3xi64>
  %t = weft.iota dim 0 : tensor<3x3xi64>
  %first = arith.subi %t, %two : tensor<3x3xi64>
  %near = arith.cmpi sgt, %s, %first : tensor<3x3xi64>
  %causal = arith.cmpi sle, %s, %t : tensor<3x3xi64>
  %both = arith.andi %near, %causal : tensor<3x3xi1>
  %seen = weft.broadcast %both dims [2, 3] : tensor<3x3xi1> -> tensor<2x2x3x3xi1>
  %masked = arith.select %seen, %qk, %neg : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// A triangle of ones, compared with zero: torch.tril in an export.
// CHECK-LABEL: func.func @triangle
// CHECK: weft.attention {{.*}} causal :
func.func @triangle(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %ones = arith.constant dense<1.0> : tensor<3x3xf32>
  %zero = arith.constant dense<0.0> : tensor<3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<3x3xf32>
  %s = weft.iota dim 1 : tensor<3x3xi64>
  %t = weft.iota dim 0 : tensor<3x3xi64>
  %kept = arith.cmpi sle, %s, %t : tensor<3x3xi64>
  %tril = arith.select %kept, %ones, %zero : tensor<3x3xi1>, tensor<3x3xf32>
  %hidden = arith.cmpf oeq, %tril, %zero : tensor<3x3xf32>
  %mask0 = arith.select %hidden, %neg, %zero : tensor<3x3xi1>, tensor<3x3xf32>
  %mask = weft.broadcast %mask0 dims [2, 3] : tensor<3x3xf32> -> tensor<2x2x3x3xf32>
  %masked = arith.addf %qk, %mask : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// (1 - mask) * -10000, as older exports have it, with the mask as numbers.
// CHECK-LABEL: func.func @arithmetic
// CHECK: weft.attention {{.*}} causal :
func.func @arithmetic(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %one = arith.constant dense<1.0> : tensor<3x3xf32>
  %big = arith.constant dense<-10000.0> : tensor<3x3xf32>
  %s = weft.iota dim 1 : tensor<3x3xi32>
  %t = weft.iota dim 0 : tensor<3x3xi32>
  %kept = arith.cmpi sle, %s, %t : tensor<3x3xi32>
  %number = arith.uitofp %kept : tensor<3x3xi1> to tensor<3x3xf32>
  %opposite = arith.subf %one, %number : tensor<3x3xf32>
  %mask0 = arith.mulf %opposite, %big : tensor<3x3xf32>
  %mask = weft.broadcast %mask0 dims [2, 3] : tensor<3x3xf32> -> tensor<2x2x3x3xf32>
  %masked = arith.addf %qk, %mask : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// Numbers that only discourage are no mask of keys.
// CHECK-LABEL: func.func @small_numbers
// CHECK: weft.attention {{.*}} mask %{{.*}} scale 1.000000e+00 : ({{.*}}, tensor<1x1x3x3xf32>)
func.func @small_numbers(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %mask = arith.constant dense<[[0.0, -5.0, -5.0], [0.0, 0.0, -5.0], [0.0, 0.0, 0.0]]> : tensor<3x3xf32>
  %wide = weft.broadcast %mask dims [2, 3] : tensor<3x3xf32> -> tensor<2x2x3x3xf32>
  %masked = arith.addf %qk, %wide : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// Numbers per head next to the causal mask (ALiBi): both are kept, the latter for free.
// CHECK-LABEL: func.func @slopes
// CHECK: weft.attention {{.*}} mask %{{.*}} scale 2.500000e-01 causal : ({{.*}}, tensor<1x2x3x3xf32>)
func.func @slopes(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %neg = arith.constant dense<-3.40282347E+38> : tensor<2x2x3x3xf32>
  %slope = arith.constant dense<[0.5, 0.25]> : tensor<2xf32>
  %quarter = arith.constant dense<0.25> : tensor<2x2x3x3xf32>
  %pos = weft.iota dim 1 : tensor<2x3xf32>
  %slopes = weft.broadcast %slope dims [0] : tensor<2xf32> -> tensor<2x3xf32>
  %bias0 = arith.mulf %slopes, %pos : tensor<2x3xf32>
  %bias = weft.broadcast %bias0 dims [1, 3] : tensor<2x3xf32> -> tensor<2x2x3x3xf32>
  %s = weft.iota dim 1 : tensor<3x3xi64>
  %t = weft.iota dim 0 : tensor<3x3xi64>
  %causal = arith.cmpi sle, %s, %t : tensor<3x3xi64>
  %seen = weft.broadcast %causal dims [2, 3] : tensor<3x3xi1> -> tensor<2x2x3x3xi1>
  %scaled = arith.mulf %qk, %quarter : tensor<2x2x3x3xf32>
  %sum = arith.addf %bias, %scaled : tensor<2x2x3x3xf32>
  %masked = arith.select %seen, %sum, %neg : tensor<2x2x3x3xi1>, tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// What is added before the scores are scaled is scaled too.
// CHECK-LABEL: func.func @scaled_mask
// CHECK: %[[HALF:.*]] = arith.mulf %{{.*}}, %{{.*}} : tensor<2x3xf32>
// CHECK: weft.attention {{.*}} scale 5.000000e-01 :
func.func @scaled_mask(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>, %bias: tensor<2x3xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %half = arith.constant dense<0.5> : tensor<2x2x3x3xf32>
  %wide = weft.broadcast %bias dims [0, 3] : tensor<2x3xf32> -> tensor<2x2x3x3xf32>
  %sum = arith.addf %qk, %wide : tensor<2x2x3x3xf32>
  %masked = arith.mulf %sum, %half : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

// -----

// No gradient flows into a mask: a learned bias keeps its arithmetic.
// CHECK-LABEL: func.func @learned
// CHECK-NOT: weft.attention
// CHECK: return
weft.param @bias : tensor<2x3x3xf32> = #weft.normal<1.000000e+00 : f64>
func.func @learned(%q: tensor<2x2x3x4xf32>, %k: tensor<2x2x3x4xf32>, %v: tensor<2x2x3x4xf32>) -> tensor<2x2x3x4xf32> {
  %qk = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<2x2x3x4xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x3xf32>
  %bias = weft.read @bias : tensor<2x3x3xf32>
  %wide = weft.broadcast %bias dims [1, 2, 3] : tensor<2x3x3xf32> -> tensor<2x2x3x3xf32>
  %masked = arith.addf %qk, %wide : tensor<2x2x3x3xf32>
  %p = weft.softmax %masked : tensor<2x2x3x3xf32> -> tensor<2x2x3x3xf32>
  %o = weft.dot_general %p, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x2x3x3xf32>, tensor<2x2x3x4xf32> -> tensor<2x2x3x4xf32>
  return %o : tensor<2x2x3x4xf32>
}

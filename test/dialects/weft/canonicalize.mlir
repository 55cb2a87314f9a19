// RUN: weft-opt %s --canonicalize --split-input-file | FileCheck %s

//===----------------------------------------------------------------------===//
// Broadcast
//===----------------------------------------------------------------------===//

// A broadcast that repeats nothing is its operand.
// CHECK-LABEL: func.func @broadcast_identity
func.func @broadcast_identity(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  // CHECK-NEXT: return %arg0
  %0 = weft.broadcast %x dims [0, 1] : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// A broadcast scalar constant is a splat.
// CHECK-LABEL: func.func @broadcast_constant
func.func @broadcast_constant() -> tensor<1000x1000xf32> {
  // CHECK-NEXT: arith.constant dense<2.000000e+00> : tensor<1000x1000xf32>
  // CHECK-NEXT: return
  %c = arith.constant dense<2.0> : tensor<f32>
  %0 = weft.broadcast %c dims [] : tensor<f32> -> tensor<1000x1000xf32>
  return %0 : tensor<1000x1000xf32>
}

// -----

// Two broadcasts are one.
// CHECK-LABEL: func.func @broadcast_twice
func.func @broadcast_twice(%x: tensor<3xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NEXT: weft.broadcast %arg0 dims [1] : tensor<3xf32> -> tensor<2x3x4xf32>
  %0 = weft.broadcast %x dims [0] : tensor<3xf32> -> tensor<3x4xf32>
  %1 = weft.broadcast %0 dims [1, 2] : tensor<3x4xf32> -> tensor<2x3x4xf32>
  return %1 : tensor<2x3x4xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Transpose
//===----------------------------------------------------------------------===//

// A transpose undone leaves nothing, also with other permutations in between.
// CHECK-LABEL: func.func @transpose_cancels
func.func @transpose_cancels(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NEXT: return %arg0
  %0 = weft.transpose %x perm [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = weft.transpose %0 perm [1, 0, 2] : tensor<3x4x2xf32> -> tensor<4x3x2xf32>
  %2 = weft.transpose %1 perm [2, 1, 0] : tensor<4x3x2xf32> -> tensor<2x3x4xf32>
  return %2 : tensor<2x3x4xf32>
}

// -----

// Two transposes are one.
// CHECK-LABEL: func.func @transpose_twice
func.func @transpose_twice(%x: tensor<2x3x4xf32>) -> tensor<4x3x2xf32> {
  // CHECK-NEXT: weft.transpose %arg0 perm [2, 1, 0]
  %0 = weft.transpose %x perm [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = weft.transpose %0 perm [1, 0, 2] : tensor<3x4x2xf32> -> tensor<4x3x2xf32>
  return %1 : tensor<4x3x2xf32>
}

// -----

// A transposed broadcast is a broadcast to other dimensions.
// CHECK-LABEL: func.func @transpose_broadcast
func.func @transpose_broadcast(%x: tensor<3xf32>) -> tensor<3x2xf32> {
  // CHECK-NEXT: weft.broadcast %arg0 dims [0] : tensor<3xf32> -> tensor<3x2xf32>
  %0 = weft.broadcast %x dims [1] : tensor<3xf32> -> tensor<2x3xf32>
  %1 = weft.transpose %0 perm [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}

// -----

// A broadcast keeps the order of its operand's dimensions: this transpose stays.
// CHECK-LABEL: func.func @transpose_broadcast_stays
func.func @transpose_broadcast_stays(%x: tensor<3x4xf32>) -> tensor<4x3x2xf32> {
  // CHECK: weft.transpose
  %0 = weft.broadcast %x dims [1, 2] : tensor<3x4xf32> -> tensor<2x3x4xf32>
  %1 = weft.transpose %0 perm [2, 1, 0] : tensor<2x3x4xf32> -> tensor<4x3x2xf32>
  return %1 : tensor<4x3x2xf32>
}

// -----

// The transpose of a product is the product of the operands in the other order.
// CHECK-LABEL: func.func @transpose_dot
func.func @transpose_dot(%a: tensor<2x3x4xf32>, %b: tensor<2x4x5xf32>) -> tensor<2x5x3xf32> {
  // CHECK-NEXT: weft.dot_general %arg1, %arg0 batch [0] x [0] contract [1] x [2] : {{.*}} -> tensor<2x5x3xf32>
  // CHECK-NEXT: return
  %0 = weft.dot_general %a, %b batch [0] x [0] contract [2] x [1] : tensor<2x3x4xf32>, tensor<2x4x5xf32> -> tensor<2x3x5xf32>
  %1 = weft.transpose %0 perm [0, 2, 1] : tensor<2x3x5xf32> -> tensor<2x5x3xf32>
  return %1 : tensor<2x5x3xf32>
}

// -----

// A batch dimension between the free ones is no product: the transpose stays.
// CHECK-LABEL: func.func @transpose_dot_stays
func.func @transpose_dot_stays(%a: tensor<2x3x4xf32>, %b: tensor<2x4x5xf32>) -> tensor<3x2x5xf32> {
  // CHECK: weft.transpose
  %0 = weft.dot_general %a, %b batch [0] x [0] contract [2] x [1] : tensor<2x3x4xf32>, tensor<2x4x5xf32> -> tensor<2x3x5xf32>
  %1 = weft.transpose %0 perm [1, 0, 2] : tensor<2x3x5xf32> -> tensor<3x2x5xf32>
  return %1 : tensor<3x2x5xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Reshape
//===----------------------------------------------------------------------===//

// Reshapes compose, and cancel where the shape comes back.
// CHECK-LABEL: func.func @reshape
func.func @reshape(%x: tensor<2x3xf32>) -> (tensor<6x1xf32>, tensor<2x3xf32>) {
  // CHECK-NEXT: %[[R:.*]] = weft.reshape %arg0 : tensor<2x3xf32> -> tensor<6x1xf32>
  // CHECK-NEXT: return %[[R]], %arg0
  %0 = weft.reshape %x : tensor<2x3xf32> -> tensor<6xf32>
  %1 = weft.reshape %0 : tensor<6xf32> -> tensor<6x1xf32>
  %2 = weft.reshape %0 : tensor<6xf32> -> tensor<2x3xf32>
  return %1, %2 : tensor<6x1xf32>, tensor<2x3xf32>
}

// -----

// A constant is reshaped at once, a splat or not.
// CHECK-LABEL: func.func @reshape_constant
func.func @reshape_constant() -> (tensor<2x2xi64>, tensor<4xi64>) {
  // CHECK-DAG: arith.constant dense<{{\[\[}}1, 2], [3, 4]]> : tensor<2x2xi64>
  // CHECK-DAG: arith.constant dense<7> : tensor<4xi64>
  // CHECK-NOT: weft.reshape
  %c = arith.constant dense<[1, 2, 3, 4]> : tensor<4xi64>
  %s = arith.constant dense<7> : tensor<2x2xi64>
  %0 = weft.reshape %c : tensor<4xi64> -> tensor<2x2xi64>
  %1 = weft.reshape %s : tensor<2x2xi64> -> tensor<4xi64>
  return %0, %1 : tensor<2x2xi64>, tensor<4xi64>
}

// -----

//===----------------------------------------------------------------------===//
// Slice, pad and concat
//===----------------------------------------------------------------------===//

// A slice of everything is its operand.
// CHECK-LABEL: func.func @slice_all
func.func @slice_all(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: return %arg0
  %0 = weft.slice %x offsets [0] strides [1] : tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Slices compose, strides included: elements 1, 3, 5, 7 and of those 3, 7.
// CHECK-LABEL: func.func @slice_twice
func.func @slice_twice(%x: tensor<9xf32>) -> tensor<2xf32> {
  // CHECK-NEXT: weft.slice %arg0 offsets [3] strides [4] : tensor<9xf32> -> tensor<2xf32>
  %0 = weft.slice %x offsets [1] strides [2] : tensor<9xf32> -> tensor<4xf32>
  %1 = weft.slice %0 offsets [1] strides [2] : tensor<4xf32> -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// A slice within one operand of a concatenation reads that operand.
// CHECK-LABEL: func.func @slice_concat
func.func @slice_concat(%x: tensor<3xf32>, %y: tensor<4xf32>) -> tensor<2xf32> {
  // CHECK-NEXT: weft.slice %arg1 offsets [1] strides [1] : tensor<4xf32> -> tensor<2xf32>
  %0 = weft.concat %x, %y dim 0 : tensor<3xf32>, tensor<4xf32> -> tensor<7xf32>
  %1 = weft.slice %0 offsets [4] strides [1] : tensor<7xf32> -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// A slice across the seam stays.
// CHECK-LABEL: func.func @slice_concat_stays
func.func @slice_concat_stays(%x: tensor<3xf32>, %y: tensor<4xf32>) -> tensor<2xf32> {
  // CHECK: weft.concat
  // CHECK: weft.slice
  %0 = weft.concat %x, %y dim 0 : tensor<3xf32>, tensor<4xf32> -> tensor<7xf32>
  %1 = weft.slice %0 offsets [2] strides [1] : tensor<7xf32> -> tensor<2xf32>
  return %1 : tensor<2xf32>
}

// -----

// Padding by nothing is the operand; padded zeros are zeros.
// CHECK-LABEL: func.func @pad
func.func @pad(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<6xf32>) {
  // CHECK-NEXT: %[[Z:.*]] = arith.constant dense<0.000000e+00> : tensor<6xf32>
  // CHECK-NEXT: return %arg0, %[[Z]]
  %z = arith.constant dense<0.0> : tensor<4xf32>
  %0 = weft.pad %x low [0] high [0] interior [0] : tensor<4xf32> -> tensor<4xf32>
  %1 = weft.pad %z low [1] high [1] interior [0] : tensor<4xf32> -> tensor<6xf32>
  return %0, %1 : tensor<4xf32>, tensor<6xf32>
}

// -----

// Padded ones are no splat.
// CHECK-LABEL: func.func @pad_stays
func.func @pad_stays() -> tensor<6xf32> {
  // CHECK: weft.pad
  %z = arith.constant dense<1.0> : tensor<4xf32>
  %0 = weft.pad %z low [1] high [1] interior [0] : tensor<4xf32> -> tensor<6xf32>
  return %0 : tensor<6xf32>
}

// -----

// A concatenation of one operand, once the empty ones are gone, is that operand.
// CHECK-LABEL: func.func @concat_one
func.func @concat_one(%x: tensor<4xf32>, %e: tensor<0xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: return %arg0
  %0 = weft.concat %e, %x dim 0 : tensor<0xf32>, tensor<4xf32> -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Equal splats, concatenated, are a splat.
// CHECK-LABEL: func.func @concat_splats
func.func @concat_splats() -> tensor<5xf32> {
  // CHECK-NEXT: arith.constant dense<1.000000e+00> : tensor<5xf32>
  // CHECK-NEXT: return
  %a = arith.constant dense<1.0> : tensor<2xf32>
  %b = arith.constant dense<1.0> : tensor<3xf32>
  %0 = weft.concat %a, %b dim 0 : tensor<2xf32>, tensor<3xf32> -> tensor<5xf32>
  return %0 : tensor<5xf32>
}

// -----

// What was split and is put together again was never split.
// CHECK-LABEL: func.func @concat_slices
func.func @concat_slices(%x: tensor<2x6xf32>) -> tensor<2x6xf32> {
  // CHECK-NEXT: return %arg0
  %0 = weft.slice %x offsets [0, 0] strides [1, 1] : tensor<2x6xf32> -> tensor<2x2xf32>
  %1 = weft.slice %x offsets [0, 2] strides [1, 1] : tensor<2x6xf32> -> tensor<2x3xf32>
  %2 = weft.slice %x offsets [0, 5] strides [1, 1] : tensor<2x6xf32> -> tensor<2x1xf32>
  %3 = weft.concat %0, %1, %2 dim 1 : tensor<2x2xf32>, tensor<2x3xf32>, tensor<2x1xf32> -> tensor<2x6xf32>
  return %3 : tensor<2x6xf32>
}

// -----

// Halves in the other order (as in a rotary embedding) stay.
// CHECK-LABEL: func.func @concat_slices_stays
func.func @concat_slices_stays(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK: weft.concat
  %0 = weft.slice %x offsets [0] strides [1] : tensor<4xf32> -> tensor<2xf32>
  %1 = weft.slice %x offsets [2] strides [1] : tensor<4xf32> -> tensor<2xf32>
  %2 = weft.concat %1, %0 dim 0 : tensor<2xf32>, tensor<2xf32> -> tensor<4xf32>
  return %2 : tensor<4xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

// Positions that count up, with a leading 1, are a slice.
// CHECK-LABEL: func.func @gather_positions
func.func @gather_positions(%x: tensor<9x4xf32>) -> tensor<1x3x4xf32> {
  // CHECK-NEXT: %[[S:.*]] = weft.slice %arg0 offsets [2, 0] strides [1, 1] : tensor<9x4xf32> -> tensor<3x4xf32>
  // CHECK-NEXT: weft.reshape %[[S]] : tensor<3x4xf32> -> tensor<1x3x4xf32>
  %i = arith.constant dense<[[2, 3, 4]]> : tensor<1x3xi64>
  %0 = weft.gather %x[%i] axis 0 : tensor<9x4xf32>, tensor<1x3xi64> -> tensor<1x3x4xf32>
  return %0 : tensor<1x3x4xf32>
}

// -----

// Positions that repeat for every sample are a slice, broadcast.
// CHECK-LABEL: func.func @gather_repeated
func.func @gather_repeated(%x: tensor<9x4xf32>) -> tensor<2x3x4xf32> {
  // CHECK-NEXT: %[[S:.*]] = weft.slice %arg0 offsets [0, 0] strides [1, 1] : tensor<9x4xf32> -> tensor<3x4xf32>
  // CHECK-NEXT: weft.broadcast %[[S]] dims [1, 2] : tensor<3x4xf32> -> tensor<2x3x4xf32>
  %i = arith.constant dense<[[0, 1, 2], [0, 1, 2]]> : tensor<2x3xi64>
  %0 = weft.gather %x[%i] axis 0 : tensor<9x4xf32>, tensor<2x3xi64> -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// A single index takes a slice whose dimension goes away; an iota takes the beginning.
// CHECK-LABEL: func.func @gather_one
func.func @gather_one(%x: tensor<3x9x4xf32>) -> (tensor<3x4xf32>, tensor<3x5x4xf32>) {
  // CHECK-NEXT: %[[S:.*]] = weft.slice %arg0 offsets [0, 5, 0] strides [1, 1, 1] : tensor<3x9x4xf32> -> tensor<3x1x4xf32>
  // CHECK-NEXT: %[[R:.*]] = weft.reshape %[[S]] : tensor<3x1x4xf32> -> tensor<3x4xf32>
  // CHECK-NEXT: %[[F:.*]] = weft.slice %arg0 offsets [0, 0, 0] strides [1, 1, 1] : tensor<3x9x4xf32> -> tensor<3x5x4xf32>
  // CHECK-NEXT: return %[[R]], %[[F]]
  %i = arith.constant dense<5> : tensor<i64>
  %j = weft.iota dim 0 : tensor<5xi32>
  %0 = weft.gather %x[%i] axis 1 : tensor<3x9x4xf32>, tensor<i64> -> tensor<3x4xf32>
  %1 = weft.gather %x[%j] axis 1 : tensor<3x9x4xf32>, tensor<5xi32> -> tensor<3x5x4xf32>
  return %0, %1 : tensor<3x4xf32>, tensor<3x5x4xf32>
}

// -----

// Indices in no order, or out of range, stay a gather.
// CHECK-LABEL: func.func @gather_stays
func.func @gather_stays(%x: tensor<3xf32>) -> (tensor<3xf32>, tensor<2xf32>) {
  // CHECK-COUNT-2: weft.gather
  %i = arith.constant dense<[1, 0, 2]> : tensor<3xi64>
  %j = arith.constant dense<[2, 3]> : tensor<2xi64>
  %0 = weft.gather %x[%i] axis 0 : tensor<3xf32>, tensor<3xi64> -> tensor<3xf32>
  %1 = weft.gather %x[%j] axis 0 : tensor<3xf32>, tensor<2xi64> -> tensor<2xf32>
  return %0, %1 : tensor<3xf32>, tensor<2xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Products and reductions
//===----------------------------------------------------------------------===//

// Transposed operands only renumber the dimensions of a product.
// CHECK-LABEL: func.func @dot_transposes
func.func @dot_transposes(%a: tensor<2x7x3x4xf32>, %b: tensor<5x4xf32>) -> tensor<2x3x7x5xf32> {
  // CHECK-NEXT: %[[T:.*]] = weft.transpose %arg0
  // CHECK-NEXT: weft.dot_general %[[T]], %arg1 batch [] x [] contract [3] x [1]
  %0 = weft.transpose %a perm [0, 2, 1, 3] : tensor<2x7x3x4xf32> -> tensor<2x3x7x4xf32>
  %1 = weft.transpose %b perm [1, 0] : tensor<5x4xf32> -> tensor<4x5xf32>
  %2 = weft.dot_general %0, %1 batch [] x [] contract [3] x [0] : tensor<2x3x7x4xf32>, tensor<4x5xf32> -> tensor<2x3x7x5xf32>
  return %2 : tensor<2x3x7x5xf32>
}

// -----

// The scores of an attention: heads are moved to the batch dimensions by number alone.
// CHECK-LABEL: func.func @dot_heads
func.func @dot_heads(%q: tensor<2x5x3x4xf32>, %k: tensor<2x6x3x4xf32>) -> tensor<2x3x5x6xf32> {
  // CHECK-NEXT: weft.dot_general %arg0, %arg1 batch [0, 2] x [0, 2] contract [3] x [3]
  // CHECK-NEXT: return
  %0 = weft.transpose %q perm [0, 2, 1, 3] : tensor<2x5x3x4xf32> -> tensor<2x3x5x4xf32>
  %1 = weft.transpose %k perm [0, 2, 3, 1] : tensor<2x6x3x4xf32> -> tensor<2x3x4x6xf32>
  %2 = weft.dot_general %0, %1 batch [0, 1] x [0, 1] contract [3] x [2] : tensor<2x3x5x4xf32>, tensor<2x3x4x6xf32> -> tensor<2x3x5x6xf32>
  return %2 : tensor<2x3x5x6xf32>
}

// -----

// Two sums are one, a sum over unit dimensions is a reshape.
// CHECK-LABEL: func.func @reduce_twice
func.func @reduce_twice(%x: tensor<2x3x1x4xf32>) -> (tensor<3xf32>, tensor<2x3x4xf32>) {
  // CHECK-NEXT: %[[S:.*]] = weft.reduce sum %arg0 dims [0, 2, 3] : tensor<2x3x1x4xf32> -> tensor<3xf32>
  // CHECK-NEXT: %[[R:.*]] = weft.reshape %arg0 : tensor<2x3x1x4xf32> -> tensor<2x3x4xf32>
  // CHECK-NEXT: return %[[S]], %[[R]]
  %0 = weft.reduce sum %x dims [0, 3] : tensor<2x3x1x4xf32> -> tensor<3x1xf32>
  %1 = weft.reduce sum %0 dims [1] : tensor<3x1xf32> -> tensor<3xf32>
  %2 = weft.reduce sum %x dims [2] : tensor<2x3x1x4xf32> -> tensor<2x3x4xf32>
  return %1, %2 : tensor<3xf32>, tensor<2x3x4xf32>
}

// -----

// Reductions of different kinds stay.
// CHECK-LABEL: func.func @reduce_mixed
func.func @reduce_mixed(%x: tensor<2x3xf32>) -> tensor<f32> {
  // CHECK-COUNT-2: weft.reduce
  %0 = weft.reduce max %x dims [1] : tensor<2x3xf32> -> tensor<2xf32>
  %1 = weft.reduce sum %0 dims [0] : tensor<2xf32> -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

// A sum along repeated dimensions is a multiple; a maximum along them is the operand.
// CHECK-LABEL: func.func @reduce_broadcast
func.func @reduce_broadcast(%x: tensor<3x4xf32>) -> (tensor<3x6xf32>, tensor<3x4xf32>) {
  // CHECK-DAG: %[[C:.*]] = arith.constant dense<5.000000e+00> : tensor<3xf32>
  // CHECK-DAG: %[[S:.*]] = weft.reduce sum %arg0 dims [1] : tensor<3x4xf32> -> tensor<3xf32>
  // CHECK: %[[M:.*]] = arith.mulf %[[S]], %[[C]]
  // CHECK: %[[B:.*]] = weft.broadcast %[[M]] dims [0] : tensor<3xf32> -> tensor<3x6xf32>
  // CHECK: return %[[B]], %arg0
  %0 = weft.broadcast %x dims [1, 3] : tensor<3x4xf32> -> tensor<5x3x6x4xf32>
  %1 = weft.reduce sum %0 dims [0, 3] : tensor<5x3x6x4xf32> -> tensor<3x6xf32>
  %2 = weft.reduce max %0 dims [0, 2] : tensor<5x3x6x4xf32> -> tensor<3x4xf32>
  return %1, %2 : tensor<3x6xf32>, tensor<3x4xf32>
}

// -----

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

// Adding 0, multiplying by 1, dividing by 1 and choosing by a constant do nothing.
// CHECK-LABEL: func.func @neutral
func.func @neutral(%x: tensor<4xf32>, %y: tensor<4xf32>) -> tensor<2x2xf32> {
  // CHECK-NEXT: %[[R:.*]] = weft.reshape %arg0
  // CHECK-NEXT: return %[[R]]
  %zero = arith.constant dense<0.0> : tensor<4xf32>
  %one = arith.constant dense<1.0> : tensor<4xf32>
  %true = arith.constant dense<true> : tensor<4xi1>
  %0 = arith.addf %zero, %x : tensor<4xf32>
  %1 = arith.mulf %0, %one : tensor<4xf32>
  %2 = arith.divf %1, %one : tensor<4xf32>
  %3 = arith.select %true, %2, %y : tensor<4xi1>, tensor<4xf32>
  %4 = weft.reshape %3 : tensor<4xf32> -> tensor<2x2xf32>
  return %4 : tensor<2x2xf32>
}

// -----

// A division by a power of two is a product; by 3 it stays.
// CHECK-LABEL: func.func @division
func.func @division(%i: tensor<2x2xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  // CHECK-DAG: %[[C:.*]] = arith.constant dense<1.250000e-01> : tensor<4xf32>
  // CHECK: arith.mulf %{{.*}}, %[[C]]
  // CHECK: arith.divf
  %x = weft.reshape %i : tensor<2x2xf32> -> tensor<4xf32>
  %eight = arith.constant dense<8.0> : tensor<4xf32>
  %three = arith.constant dense<3.0> : tensor<4xf32>
  %0 = arith.divf %x, %eight : tensor<4xf32>
  %1 = arith.divf %x, %three : tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

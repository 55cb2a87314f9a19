// RUN: weft-opt %s --weft-decompose --canonicalize --cse --weft-form-kernels | FileCheck %s

weft.state probe @a : tensor<4x8xf32> = 0.0
weft.state probe @b : tensor<4x8xf32> = 0.0
weft.state probe @row : tensor<8xf32> = 0.0
weft.state probe @c : tensor<8x4xf32> = 0.0

// A residual sum, the norm of it and the activation after that are one kernel over rows, with two results.
// CHECK-LABEL: func.func @norm
// CHECK: exec.fused row 4 x 8
// CHECK: weft.reduce sum
// CHECK: math.tanh
// CHECK: exec.yield %{{.*}}, %{{.*}} :
// CHECK-NOT: exec.fused
// CHECK: return
func.func @norm(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) {
  %0 = arith.addf %x, %y : tensor<4x8xf32>
  %1 = weft.layer_norm %0 gamma %g beta %b eps 1.0e-5 : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  %2 = weft.gelu %1 tanh : tensor<4x8xf32> -> tensor<4x8xf32>
  weft.write @a, %0 : tensor<4x8xf32>
  weft.write @b, %2 : tensor<4x8xf32>
  return
}

// Elementwise ops alone are a flat kernel; each value is stored once.
// CHECK-LABEL: func.func @flat
// CHECK: exec.fused flat 4 x 8
// CHECK-NOT: exec.fused
// CHECK: return
func.func @flat(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) {
  %0 = arith.mulf %x, %y : tensor<4x8xf32>
  %1 = math.exp %0 : tensor<4x8xf32>
  weft.write @a, %1 : tensor<4x8xf32>
  return
}

// A sum over rows is a column kernel that computes what it adds.
// CHECK-LABEL: func.func @column
// CHECK: exec.fused column 4 x 8
// CHECK: arith.mulf
// CHECK: weft.reduce sum %{{.*}} dims [0]
// CHECK-NOT: exec.fused
// CHECK: return
func.func @column(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>) {
  %0 = arith.mulf %x, %y : tensor<4x8xf32>
  %1 = weft.reduce sum %0 dims [0] : tensor<4x8xf32> -> tensor<8xf32>
  weft.write @row, %1 : tensor<8xf32>
  return
}

// The bias that follows a product is part of the library call; a transposed operand is contracted where it lies.
// CHECK-LABEL: func.func @product
// CHECK: exec.product %arg0, %arg1 bias %arg2 batch [] x [] contract [1] x [1]
// CHECK-NOT: exec.fused
// CHECK: return
func.func @product(%x: tensor<4x6xf32>, %w: tensor<8x6xf32>, %bias: tensor<8xf32>) {
  %t = weft.transpose %w perm [1, 0] : tensor<8x6xf32> -> tensor<6x8xf32>
  %0 = weft.dot_general %x, %t batch [] x [] contract [1] x [0] : tensor<4x6xf32>, tensor<6x8xf32> -> tensor<4x8xf32>
  %1 = weft.broadcast %bias dims [1] : tensor<8xf32> -> tensor<4x8xf32>
  %2 = arith.addf %0, %1 : tensor<4x8xf32>
  weft.write @a, %2 : tensor<4x8xf32>
  return
}

// An operand in which no stride is 1 is copied for the library.
// CHECK-LABEL: func.func @strided
// CHECK: exec.fused
// CHECK: exec.materialize
// CHECK: exec.product
func.func @strided(%x: tensor<4x12xf32>, %w: tensor<6x8xf32>) {
  %s = weft.slice %x offsets [0, 0] strides [1, 2] : tensor<4x12xf32> -> tensor<4x6xf32>
  %0 = weft.dot_general %s, %w batch [] x [] contract [1] x [0] : tensor<4x6xf32>, tensor<6x8xf32> -> tensor<4x8xf32>
  weft.write @a, %0 : tensor<4x8xf32>
  return
}

// A reshape that strides cannot express is copied too.
// CHECK-LABEL: func.func @folded
// CHECK: %[[COPY:.*]] = exec.fused
// CHECK: exec.materialize
// CHECK: exec.product %[[COPY]]
func.func @folded(%x: tensor<2x4x3xf32>, %w: tensor<6x8xf32>) {
  %t = weft.transpose %x perm [1, 0, 2] : tensor<2x4x3xf32> -> tensor<4x2x3xf32>
  %u = weft.transpose %t perm [0, 2, 1] : tensor<4x2x3xf32> -> tensor<4x3x2xf32>
  %r = weft.reshape %u : tensor<4x3x2xf32> -> tensor<4x6xf32>
  %0 = weft.dot_general %r, %w batch [] x [] contract [1] x [0] : tensor<4x6xf32>, tensor<6x8xf32> -> tensor<4x8xf32>
  weft.write @a, %0 : tensor<4x8xf32>
  return
}

// What is written to a state must be dense and of its own: a transposed value is materialized.
// CHECK-LABEL: func.func @transposed
// CHECK: exec.fused
// CHECK: exec.materialize
// CHECK: weft.write @c
func.func @transposed(%x: tensor<4x8xf32>) {
  %0 = weft.transpose %x perm [1, 0] : tensor<4x8xf32> -> tensor<8x4xf32>
  weft.write @c, %0 : tensor<8x4xf32>
  return
}

// One value for two states, through one view: the second gets a copy of its own.
// CHECK-LABEL: func.func @two_states
// CHECK: exec.fused
// CHECK: exec.materialize
// CHECK: weft.write @row
// CHECK: weft.write @row2
weft.state probe @row2 : tensor<8xf32> = 0.0
func.func @two_states(%x: tensor<1x8xbf16>) {
  %0 = arith.extf %x : tensor<1x8xbf16> to tensor<1x8xf32>
  %1 = weft.reshape %0 : tensor<1x8xf32> -> tensor<8xf32>
  weft.write @row, %1 : tensor<8xf32>
  weft.write @row2, %1 : tensor<8xf32>
  return
}

weft.state probe @none : tensor<0xf32> = 0.0

// A reduction that leaves no elements is a kernel over nothing.
// CHECK-LABEL: func.func @nothing
// CHECK: exec.fused {{row|column}} 0 x 0
// CHECK: return
func.func @nothing(%x: tensor<0x8xf32>) {
  %0 = weft.reduce sum %x dims [1] : tensor<0x8xf32> -> tensor<0xf32>
  weft.write @none, %0 : tensor<0xf32>
  return
}

// Attention reads heads whose elements lie one after another in place, with any other strides; what lies the other way round is copied first.
// CHECK-LABEL: func.func @attention(
weft.state probe @dq : tensor<2x3x4x8xf32> = 0.0
func.func @attention(%arg0: tensor<4x2x3x8xf32>, %arg1: tensor<4x8x2x3xf32>, %arg2: tensor<2x4x3xf32>) {
  %q = weft.transpose %arg0 perm [1, 2, 0, 3] : tensor<4x2x3x8xf32> -> tensor<2x3x4x8xf32>
  %dout = weft.transpose %arg1 perm [2, 3, 0, 1] : tensor<4x8x2x3xf32> -> tensor<2x3x4x8xf32>
  // CHECK: %[[COPY:.*]] = exec.fused row {{.*}}(%arg1)
  // CHECK: exec.materialize
  // CHECK: %[[Q:.*]] = weft.transpose %arg0
  // CHECK-NOT: exec.fused
  // CHECK: weft.attention_grad %[[COPY]], %[[Q]], %[[Q]], %[[Q]], %[[Q]], %arg2
  %0:3 = weft.attention_grad %dout, %q, %q, %q, %q, %arg2 scale 1.0 : (tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>, tensor<2x4x3xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>, tensor<2x3x4x8xf32>)
  weft.write @dq, %0#0 : tensor<2x3x4x8xf32>
  return
}

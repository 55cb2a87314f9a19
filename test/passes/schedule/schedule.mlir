// RUN: weft-opt %s --split-input-file --weft-form-kernels --weft-schedule | FileCheck %s

// A kernel writes its result where the state lies: nothing is temporary. Inputs follow the states in the arena.
// CHECK: module attributes {exec.arena_bytes = 256 : i64, exec.persistent_bytes = 256 : i64}
// CHECK: weft.state probe @a : {{.*}}exec.offset = 0
// CHECK: exec.input @x : tensor<4x8xf32> "field" at 128
// CHECK: exec.task @t temporaries 0
// CHECK-DAG: %[[X:.*]] = exec.buffer 128 : memref<4x8xf32>
// CHECK-DAG: %[[A:.*]] = exec.buffer 0 : memref<4x8xf32>
// CHECK: exec.launch @k0(%[[X]], %[[A]])
// CHECK-NOT: exec.copy
// CHECK: func.func private @k0
// CHECK-SAME: exec.outputs = array<i64: 1>
weft.state probe @a : tensor<4x8xf32> = 0.0
func.func @t(%x: tensor<4x8xf32> {weft.name = "x", weft.role = "field"}) {
  %0 = math.exp %x : tensor<4x8xf32>
  weft.write @a, %0 : tensor<4x8xf32>
  return
}

// -----

// A state that is added to is written over in place.
// CHECK: exec.task @t temporaries 0
// CHECK: exec.launch @k0
// CHECK: func.func private @k0
// CHECK-SAME: exec.outputs = array<i64: 0>
weft.state accumulator @a : tensor<4x8xf32> = 0.0
func.func @t(%x: tensor<4x8xf32> {weft.name = "x", weft.role = "field"}) {
  %old = weft.read @a : tensor<4x8xf32>
  %0 = arith.addf %old, %x : tensor<4x8xf32>
  weft.write @a, %0 : tensor<4x8xf32>
  return
}

// -----

// The old value is read after the new one is known: the new one is copied at the end.
// CHECK: exec.task @t temporaries
// CHECK: exec.matmul
// CHECK: exec.matmul
// CHECK: exec.copy
weft.state probe @a : tensor<4x4xf32> = 0.0
weft.state probe @b : tensor<4x4xf32> = 0.0
func.func @t(%x: tensor<4x4xf32> {weft.name = "x", weft.role = "field"}) {
  %old = weft.read @a : tensor<4x4xf32>
  %0 = weft.dot_general %old, %x batch [] x [] contract [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %1 = weft.dot_general %0, %old batch [] x [] contract [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  weft.write @a, %0 : tensor<4x4xf32>
  weft.write @b, %1 : tensor<4x4xf32>
  return
}

// -----

// The result of a kernel lies over an operand that nobody reads later.
// CHECK: exec.task @t temporaries 64
// CHECK: exec.matmul %{{.*}}, %{{.*}} -> %[[P:[a-z0-9]+]] :
// CHECK: exec.launch @k0(%[[P]]) :
// CHECK: exec.matmul
// CHECK: func.func private @k0
// CHECK-SAME: exec.outputs = array<i64: 0>
weft.state probe @a : tensor<4x4xf32> = 0.0
func.func @t(%x: tensor<4x4xf32> {weft.name = "x", weft.role = "field"}) {
  %0 = weft.dot_general %x, %x batch [] x [] contract [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %1 = math.tanh %0 : tensor<4x4xf32>
  %2 = weft.dot_general %1, %x batch [] x [] contract [1] x [0] : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  weft.write @a, %2 : tensor<4x4xf32>
  return
}

// -----

// Tasks share an input of one name, whose tightest limit holds, and kernels that compute the same.
// CHECK-COUNT-1: exec.input @ids : tensor<4xi64> "tokens" at {{[0-9]+}} limit 7
// CHECK: exec.task @one
// CHECK: exec.launch @k0
// CHECK: exec.task @two
// CHECK: exec.launch @k0
// CHECK-COUNT-1: func.func private
weft.state probe @a : tensor<4xi64> = 0.0
func.func @one(%x: tensor<4xi64> {weft.name = "ids", weft.role = "tokens", weft.limit = 9 : i64}) {
  %0 = arith.muli %x, %x : tensor<4xi64>
  weft.write @a, %0 : tensor<4xi64>
  return
}
func.func @two(%x: tensor<4xi64> {weft.name = "ids", weft.role = "tokens", weft.limit = 7 : i64}) {
  %0 = arith.muli %x, %x : tensor<4xi64>
  weft.write @a, %0 : tensor<4xi64>
  return
}

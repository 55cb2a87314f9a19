// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-group-kernels{bytes=4096}))' | FileCheck %s
// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-group-kernels{bytes=4096 arguments=4}))' | FileCheck %s --check-prefix=PAIRS
// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-group-kernels{bytes=4096 held=64}))' | FileCheck %s --check-prefix=ALONE
// RUN: weft-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(weft-group-kernels{bytes=4096}),weft-schedule)' | FileCheck %s --check-prefix=SCHEDULE

// Three are alike: they run where the first result is needed, a view and a write behind them. What has other sizes, or is large, stays.
// CHECK-LABEL: func.func @alike
// CHECK-NEXT: exec.fused flat 64 x 64
// CHECK: exec.fused flat 1 x 8(%arg4)
// CHECK: %[[G:.*]]:3 = exec.fused flat 1 x 16(%arg0, %arg1, %arg2) {exec.members = 3 : i64}
// CHECK-SAME: (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>)
// CHECK-NEXT: ^bb0(%[[A:.*]]: tensor<16xf32>, %[[B:.*]]: tensor<16xf32>, %[[C:.*]]: tensor<16xf32>):
// CHECK-NEXT: %[[X:.*]] = math.exp %[[A]]
// CHECK-NEXT: %[[Y:.*]] = math.exp %[[B]]
// CHECK-NEXT: %[[Z:.*]] = math.exp %[[C]]
// CHECK-NEXT: exec.yield %[[X]], %[[Y]], %[[Z]]
// CHECK: %[[V:.*]] = weft.reshape %[[G]]#0
// CHECK-NEXT: weft.write @a, %[[G]]#1
// CHECK-NEXT: exec.product %[[V]]

// At most so many buffers: the third goes by itself, where it stood.
// PAIRS-LABEL: func.func @alike
// PAIRS: %[[G:.*]]:2 = exec.fused flat 1 x 16(%arg0, %arg1) {exec.members = 2 : i64}
// PAIRS: exec.fused flat 1 x 16(%arg2) :

// What waits would hold too much.
// ALONE-LABEL: func.func @alike
// ALONE-NOT: exec.members
// ALONE: return

// Two results beside each other, each a buffer.
// SCHEDULE-LABEL: exec.task @alike
// SCHEDULE: exec.launch @[[K:k[0-9]+]](%{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}, %{{[0-9]+}}) :
// SCHEDULE: func.func private @[[K]](
// SCHEDULE-SAME: exec.inputs = 3 : i64
// SCHEDULE-SAME: exec.members = 3 : i64
weft.state probe @a : tensor<16xf32> = 0.0
weft.state probe @b : tensor<4x4xf32> = 0.0
weft.state probe @c : tensor<64x64xf32> = 0.0
weft.state probe @d : tensor<8xf32> = 0.0
weft.state probe @e : tensor<16xf32> = 0.0
func.func @alike(%x: tensor<16xf32> {weft.name = "x", weft.role = "field"}, %y: tensor<16xf32> {weft.name = "y", weft.role = "field"}, %z: tensor<16xf32> {weft.name = "z", weft.role = "field"}, %large: tensor<64x64xf32> {weft.name = "l", weft.role = "field"}, %other: tensor<8xf32> {weft.name = "o", weft.role = "field"}) {
  %0 = exec.fused flat 1 x 16(%x) : (tensor<16xf32>) -> tensor<16xf32> {
  ^bb0(%a: tensor<16xf32>):
    %r = math.exp %a : tensor<16xf32>
    exec.yield %r : tensor<16xf32>
  }
  %v = weft.reshape %0 : tensor<16xf32> -> tensor<4x4xf32>
  %1 = exec.fused flat 64 x 64(%large) : (tensor<64x64xf32>) -> tensor<64x64xf32> {
  ^bb0(%a: tensor<64x64xf32>):
    %r = math.exp %a : tensor<64x64xf32>
    exec.yield %r : tensor<64x64xf32>
  }
  %2 = exec.fused flat 1 x 16(%y) : (tensor<16xf32>) -> tensor<16xf32> {
  ^bb0(%a: tensor<16xf32>):
    %r = math.exp %a : tensor<16xf32>
    exec.yield %r : tensor<16xf32>
  }
  weft.write @a, %2 : tensor<16xf32>
  %3 = exec.fused flat 1 x 8(%other) : (tensor<8xf32>) -> tensor<8xf32> {
  ^bb0(%a: tensor<8xf32>):
    %r = math.exp %a : tensor<8xf32>
    exec.yield %r : tensor<8xf32>
  }
  %4 = exec.fused flat 1 x 16(%z) : (tensor<16xf32>) -> tensor<16xf32> {
  ^bb0(%a: tensor<16xf32>):
    %r = math.exp %a : tensor<16xf32>
    exec.yield %r : tensor<16xf32>
  }
  %5 = exec.product %v, %v batch [] x [] contract [1] x [0] : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  weft.write @b, %5 : tensor<4x4xf32>
  weft.write @c, %1 : tensor<64x64xf32>
  weft.write @d, %3 : tensor<8xf32>
  weft.write @e, %4 : tensor<16xf32>
  return
}

// -----

// The second reads what the first computes.
// CHECK-LABEL: func.func @chain
// CHECK-NOT: exec.members
// CHECK: return
weft.state probe @a : tensor<16xf32> = 0.0
func.func @chain(%x: tensor<16xf32> {weft.name = "x", weft.role = "field"}) {
  %0 = exec.fused flat 1 x 16(%x) : (tensor<16xf32>) -> tensor<16xf32> {
  ^bb0(%a: tensor<16xf32>):
    %r = math.exp %a : tensor<16xf32>
    exec.yield %r : tensor<16xf32>
  }
  %1 = exec.fused flat 1 x 16(%0) : (tensor<16xf32>) -> tensor<16xf32> {
  ^bb0(%a: tensor<16xf32>):
    %r = math.exp %a : tensor<16xf32>
    exec.yield %r : tensor<16xf32>
  }
  weft.write @a, %1 : tensor<16xf32>
  return
}

// -----

// In place: each state's new contents go over the old, of its own member; what another member reads is not written over: two copies at the end.
// SCHEDULE-LABEL: exec.task @own
// SCHEDULE: exec.launch @k0(%[[A:.*]], %[[B:.*]]) :
// SCHEDULE-NOT: exec.copy
// SCHEDULE: exec.task @crossed
// SCHEDULE: exec.launch @k1
// SCHEDULE: exec.copy
// SCHEDULE: exec.copy
// SCHEDULE: func.func private @k0
// SCHEDULE-SAME: exec.outputs = array<i64: 0, 1>
weft.state accumulator @a : tensor<16xf32> = 0.0
weft.state accumulator @b : tensor<16xf32> = 0.0
func.func @own() {
  %old = weft.read @a : tensor<16xf32>
  %other = weft.read @b : tensor<16xf32>
  %0:2 = exec.fused flat 1 x 16(%old, %other) {exec.members = 2 : i64} : (tensor<16xf32>, tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>) {
  ^bb0(%a: tensor<16xf32>, %b: tensor<16xf32>):
    %r = math.exp %a : tensor<16xf32>
    %s = math.exp %b : tensor<16xf32>
    exec.yield %r, %s : tensor<16xf32>, tensor<16xf32>
  }
  weft.write @a, %0#0 : tensor<16xf32>
  weft.write @b, %0#1 : tensor<16xf32>
  return
}
func.func @crossed() {
  %old = weft.read @a : tensor<16xf32>
  %other = weft.read @b : tensor<16xf32>
  %0:2 = exec.fused flat 1 x 16(%old, %other, %other, %old) {exec.members = 2 : i64} : (tensor<16xf32>, tensor<16xf32>, tensor<16xf32>, tensor<16xf32>) -> (tensor<16xf32>, tensor<16xf32>) {
  ^bb0(%a: tensor<16xf32>, %b: tensor<16xf32>, %c: tensor<16xf32>, %d: tensor<16xf32>):
    %r = arith.subf %a, %b : tensor<16xf32>
    %s = arith.subf %c, %d : tensor<16xf32>
    exec.yield %r, %s : tensor<16xf32>, tensor<16xf32>
  }
  weft.write @a, %0#0 : tensor<16xf32>
  weft.write @b, %0#1 : tensor<16xf32>
  return
}

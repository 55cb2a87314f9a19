// RUN: weft-opt %s --weft-set-precision --weft-build-training-step='narrow-states' --canonicalize --cse -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: weft-opt %t.mlir --weft-decompose | FileCheck %s --check-prefix=LOOPS
// RUN: weft-opt %s --weft-set-precision --weft-build-training-step='narrow-states microbatches=2' --canonicalize --cse | FileCheck %s --check-prefix=PARTS
// RUN: not weft-opt %s --weft-set-precision --weft-build-training-step='narrow-states master-weights' 2>&1 | FileCheck %s --check-prefix=BOTH

// Parameter and moments are bf16, and there is no master.
// CHECK-NOT: master
// CHECK: weft.param @w : tensor<8x4xbf16>
// CHECK: weft.state moment @"adamw.m/w" : tensor<8x4xbf16> = {{.*}} of @w checkpointed
// CHECK: weft.state moment @"adamw.v/w" : tensor<8x4xbf16>
// CHECK-LABEL: func.func @task_step
// CHECK: %[[NEW:.*]], %[[M:.*]], %{{.*}} = weft.adam {{.*}} -> (tensor<8x4xbf16>, tensor<8x4xbf16>, tensor<8x4xbf16>)
// CHECK: weft.write @w, %[[NEW]] : tensor<8x4xbf16>
// CHECK: weft.write @"adamw.m/w", %[[M]] : tensor<8x4xbf16>

// The update is computed in f32 and rounded once, at its end: the parameter does not see the rounded moments.
// LOOPS-LABEL: func.func @task_step
// LOOPS: math.sqrt %{{.*}} : tensor<8x4xf32>
// LOOPS: %[[DELTA:.*]] = arith.divf %{{.*}} : tensor<8x4xf32>
// LOOPS: %[[SUM:.*]] = arith.subf %{{.*}}, %[[DELTA]] : tensor<8x4xf32>
// LOOPS: arith.truncf %[[SUM]] : tensor<8x4xf32> to tensor<8x4xbf16>

// Gradients of several micro-batches still add up in f32.
// PARTS: weft.state accumulator @"grad/w" : tensor<8x4xf32>

// BOTH: error: moments beside master weights are f32, as those are
weft.param @w : tensor<8x4xf32> trainable = #weft.normal<0.02>
func.func @forward(%x: tensor<2x8xf32> {weft.name = "x", weft.role = "field"}) -> (tensor<2x4xf32> {weft.name = "logits"}) {
  %w = weft.read @w : tensor<8x4xf32>
  %d = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
  return %d : tensor<2x4xf32>
}

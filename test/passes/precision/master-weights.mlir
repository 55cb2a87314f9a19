// RUN: weft-opt %s --weft-set-precision --weft-build-training-step='master-weights optimizer=sgd' --canonicalize --cse | FileCheck %s
// RUN: weft-opt %s --weft-set-precision --weft-build-training-step='master-weights microbatches=2' --canonicalize --cse | FileCheck %s --check-prefix=PARTS
// RUN: weft-opt %s --weft-build-training-step=master-weights --canonicalize --cse | FileCheck %s --check-prefix=WIDE

// The update reads and writes the master; the parameter is the master, rounded. Gradients are bf16, moments f32.
// CHECK: weft.param @w : tensor<8x4xbf16>
// CHECK: weft.state master @"master/w" : tensor<8x4xf32> = {{.*}} of @w checkpointed
// CHECK: weft.state moment @"momentum/w" : tensor<8x4xf32>
// CHECK-LABEL: func.func @task_step
// CHECK: %[[G:.*]] = weft.dot_general {{.*}} -> tensor<8x4xbf16>
// CHECK: %[[M:.*]] = weft.read @"master/w" : tensor<8x4xf32>
// CHECK: %[[NEW:.*]], %{{.*}} = weft.sgd %[[M]], %[[G]], {{.*}} : (tensor<8x4xf32>, tensor<8x4xbf16>, tensor<8x4xf32>
// CHECK: weft.write @"master/w", %[[NEW]] : tensor<8x4xf32>
// CHECK: %[[P:.*]] = arith.truncf %[[NEW]] : tensor<8x4xf32> to tensor<8x4xbf16>
// CHECK: weft.write @w, %[[P]] : tensor<8x4xbf16>

// Over micro-batches gradients add up in f32.
// PARTS: weft.state master @"master/w"
// PARTS: weft.state accumulator @"grad/w" : tensor<8x4xf32>
// PARTS-LABEL: func.func @task_update
// PARTS: weft.adam %{{.*}} : (tensor<8x4xf32>, tensor<8x4xf32>

// A parameter in f32 is its own master.
// WIDE-NOT: master
weft.param @w : tensor<8x4xf32> trainable = #weft.normal<0.02>
func.func @forward(%x: tensor<2x8xf32> {weft.name = "x", weft.role = "field"}) -> (tensor<2x4xf32> {weft.name = "logits"}) {
  %w = weft.read @w : tensor<8x4xf32>
  %d = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
  return %d : tensor<2x4xf32>
}

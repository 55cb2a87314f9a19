// RUN: weft-opt %s --weft-build-training-step='no-decay=*.bias' | FileCheck %s
// RUN: weft-opt %s --weft-build-training-step='microbatches=4' | FileCheck %s --check-prefix=MICRO
// RUN: weft-opt %s --weft-build-training-step='optimizer=sgd keep-gradients keep-logits' | FileCheck %s --check-prefix=SGD
// RUN: weft-opt %s --weft-build-training-step --mlir-print-debuginfo | FileCheck %s --check-prefix=LOC

// A classifier of one layer on one-hot tokens gets a labels input, the cross-entropy, gradients of its
// parameters and AdamW. The frozen parameter is read but has neither gradient nor moments.

// CHECK-DAG: weft.param @head.weight : tensor<8x5xf32> trainable decay
// CHECK-DAG: weft.param @head.bias : tensor<5xf32> trainable =
// CHECK-DAG: weft.param @embed : tensor<16x8xf32> =
weft.param @embed : tensor<16x8xf32> = #weft.normal<1.0>
weft.param @head.weight : tensor<8x5xf32> trainable = #weft.normal<1.0>
weft.param @head.bias : tensor<5xf32> trainable = #weft.constant<0.0>

// CHECK-DAG: weft.state hyper @hyper : tensor<16xf64>
// CHECK-DAG: weft.state step @step : tensor<i64> = 0.000000e+00 checkpointed
// CHECK-DAG: weft.state moment @"adamw.m/head.weight" : tensor<8x5xf32> = 0.000000e+00 of @head.weight checkpointed
// CHECK-DAG: weft.state moment @"adamw.v/head.bias" : tensor<5xf32>
// CHECK-NOT: weft.state {{.*}}embed
// CHECK-NOT: weft.state {{.*}}grad/

// CHECK-LABEL: func.func @task_step
// CHECK-SAME: %[[IDS:.*]]: tensor<2x3xi64> {weft.limit = 16 : i64, weft.name = "ids", weft.role = "tokens"}
// CHECK-SAME: %[[LABELS:.*]]: tensor<2x3xi64> {weft.ignore = -100 : i64, weft.limit = 5 : i64, weft.name = "labels", weft.role = "labels"}
// CHECK-NOT: ->
// CHECK: %[[X:.*]] = weft.gather
// CHECK: %[[LOSS:.*]] = weft.cross_entropy %{{.*}}, %[[LABELS]]
// CHECK: arith.cmpi ne, %[[LABELS]]
// CHECK: arith.extf %[[LOSS]]
// CHECK: weft.reduce sum %{{.*}} dims [0, 1] : tensor<2x3xf64> -> tensor<f64>
// The weight's gradient contracts over all positions at once, in the weight's own layout.
// CHECK: weft.dot_general %[[X]], %{{.*}} batch [] x [] contract [0, 1] x [0, 1]{{.*}} -> tensor<8x5xf32>
// Nothing flows into the frozen embedding.
// CHECK-NOT: weft.scatter_add
// CHECK: weft.write @loss_sum
// CHECK: weft.write @loss_count
// CHECK: weft.learning_rate
// CHECK: %[[P:[^,]+]], %[[M:[^,]+]], %[[V:[^ ]+]] = weft.adam
// CHECK-NOT: decay
// CHECK-SAME: decoupled
// CHECK: weft.write @head.bias, %[[P]]
// CHECK: weft.write @"adamw.m/head.bias", %[[M]]
// CHECK: weft.write @"adamw.v/head.bias", %[[V]]
// CHECK: weft.adam {{.*}} decay decoupled
// CHECK: weft.write @grad_norm
// CHECK: weft.write @lr
// CHECK: weft.write @step
// CHECK: return{{$}}

// CHECK-LABEL: func.func @task_eval
// CHECK-NOT: weft.dot_general {{.*}} contract [0, 1]
// CHECK: weft.write @eval_loss_sum
// CHECK: weft.write @eval_loss_count
// CHECK-NOT: weft.write
// CHECK-NOT: @forward

// The first micro-batch overwrites the sums, the next ones add to them; the update reads them.
// MICRO-DAG: weft.state accumulator @"grad/head.weight" : tensor<8x5xf32> = 0.000000e+00 of @head.weight{{$}}
// MICRO-LABEL: func.func @task_first
// MICRO-NOT: weft.read @"grad/
// MICRO-DAG: weft.write @"grad/head.weight"
// MICRO-DAG: weft.write @"grad/head.bias"
// MICRO-NOT: weft.adam
// MICRO: return
// MICRO-LABEL: func.func @task_next
// MICRO-DAG: weft.read @"grad/head.weight"
// MICRO-DAG: weft.write @"grad/head.weight"
// MICRO-DAG: weft.read @loss_sum
// MICRO: return
// MICRO-LABEL: func.func @task_update()
// MICRO-DAG: weft.read @loss_count
// MICRO-DAG: weft.read @"grad/head.bias"
// MICRO: weft.adam
// MICRO: return
// MICRO-LABEL: func.func @task_eval

// SGD-DAG: weft.state moment @"momentum/head.weight"
// SGD-DAG: weft.state accumulator @"grad/head.weight"
// SGD-DAG: weft.state probe @logits : tensor<2x3x5xf32>
// SGD-LABEL: func.func @task_step
// SGD: weft.write @"grad/head.weight"
// SGD: weft.sgd {{.*}} decay
// SGD-LABEL: func.func @task_eval
// SGD: weft.write @logits

// Every op of the backward pass says which layer it belongs to.
// LOC: #[[LAYER:.*]] = loc("model.head")
// LOC: loc(fused<"backward">[#[[LAYER]]])
func.func @forward(%ids: tensor<2x3xi64> {weft.name = "ids", weft.role = "tokens"})
    -> (tensor<2x3x5xf32> {weft.name = "logits"}) {
  %embed = weft.read @embed : tensor<16x8xf32>
  %w = weft.read @head.weight : tensor<8x5xf32>
  %b = weft.read @head.bias : tensor<5xf32>
  %x = weft.gather %embed[%ids] axis 0 : tensor<16x8xf32>, tensor<2x3xi64> -> tensor<2x3x8xf32>
  %y = weft.dot_general %x, %w batch [] x [] contract [2] x [0] : tensor<2x3x8xf32>, tensor<8x5xf32> -> tensor<2x3x5xf32> loc("model.head")
  %bias = weft.broadcast %b dims [2] : tensor<5xf32> -> tensor<2x3x5xf32> loc("model.head")
  %logits = arith.addf %y, %bias : tensor<2x3x5xf32> loc("model.head")
  return %logits : tensor<2x3x5xf32>
}

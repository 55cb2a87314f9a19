// RUN: split-file %s %t
// RUN: weft-opt %t/mse.mlir --weft-build-training-step='loss=mse keep-logits' | FileCheck %t/mse.mlir
// RUN: weft-opt %t/own.mlir --weft-build-training-step='keep-logits' | FileCheck %t/own.mlir
// RUN: weft-opt %t/own.mlir --weft-build-training-step='keep-logits loss=output:loss' | FileCheck %t/own.mlir
// RUN: weft-opt %t/only.mlir --weft-build-training-step='keep-logits' | FileCheck %t/only.mlir
// RUN: weft-opt %t/unused.mlir --weft-build-training-step='no-decay=*.norm,b' 2>&1 | FileCheck %t/unused.mlir

//--- mse.mlir
// The labels of a regression are floats of the output's shape; the count is the number of elements.
// CHECK: weft.state probe @logits : tensor<4x2xf32>
// CHECK-LABEL: func.func @task_step
// CHECK-SAME: %[[LABELS:[a-z0-9]+]]: tensor<4x2xf32> {weft.name = "labels", weft.role = "labels"})
// CHECK: %[[D:.*]] = arith.subf %{{.*}}, %[[LABELS]]
// CHECK: arith.mulf %[[D]], %[[D]]
// CHECK: %[[COUNT:.*]] = arith.constant dense<8.000000e+00> : tensor<f64>
// CHECK: weft.write @loss_count, %[[COUNT]]
// CHECK-LABEL: func.func @task_eval
weft.param @w : tensor<3x2xf32> trainable = #weft.constant<1.0>
func.func @forward(%x: tensor<4x3xf32> {weft.name = "x", weft.role = "field"}) -> (tensor<4x2xf32> {weft.name = "y"}) {
  %w = weft.read @w : tensor<3x2xf32>
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : tensor<4x3xf32>, tensor<3x2xf32> -> tensor<4x2xf32>
  return %y : tensor<4x2xf32>
}

//--- own.mlir
// The model's own mean is taken apart: its gradient is that of the sum, so the quotient is dead. The probe is the
// other output.
// CHECK: weft.state probe @logits : tensor<4x2xf32>
// CHECK-LABEL: func.func @task_step
// CHECK-SAME: (%{{.*}}: tensor<4x3xf32> {weft.name = "x", weft.role = "field"})
// CHECK-NOT: arith.divf {{.*}} : tensor<f32>
// CHECK: %[[SUM:.*]] = weft.reduce sum %{{.*}} : tensor<4x2xf64> -> tensor<f64>
// CHECK: weft.write @loss_sum, %[[SUM]]
// CHECK-LABEL: func.func @task_eval
// CHECK: weft.write @logits
weft.param @w : tensor<3x2xf32> trainable = #weft.constant<1.0>
func.func @forward(%x: tensor<4x3xf32> {weft.name = "x", weft.role = "field"})
    -> (tensor<f32> {weft.name = "loss"}, tensor<4x2xf32> {weft.name = "y"}) {
  %w = weft.read @w : tensor<3x2xf32>
  %y = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : tensor<4x3xf32>, tensor<3x2xf32> -> tensor<4x2xf32>
  %square = arith.mulf %y, %y : tensor<4x2xf32>
  %rows = weft.reduce sum %square dims [1] : tensor<4x2xf32> -> tensor<4xf32>
  %sum = weft.reduce sum %rows dims [0] : tensor<4xf32> -> tensor<f32>
  %n = arith.constant dense<8.0> : tensor<f32>
  %loss = arith.divf %sum, %n : tensor<f32>
  return %loss, %y : tensor<f32>, tensor<4x2xf32>
}

//--- only.mlir
// A model whose only output is its loss has nothing to probe; what is no sum over elements counts as one.
// CHECK-NOT: weft.state probe
// CHECK-LABEL: func.func @task_step
// CHECK: %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<f64>
// CHECK: weft.write @loss_count, %[[ONE]]
// CHECK-LABEL: func.func @task_eval
// CHECK-NOT: @logits
weft.param @w : tensor<3xf32> trainable = #weft.constant<1.0>
func.func @forward(%x: tensor<3xf32> {weft.name = "x", weft.role = "field"}) -> (tensor<f32> {weft.name = "loss"}) {
  %w = weft.read @w : tensor<3xf32>
  %y = weft.dot_general %x, %w batch [] x [] contract [0] x [0] : tensor<3xf32>, tensor<3xf32> -> tensor<f32>
  %loss = math.exp %y : tensor<f32>
  return %loss : tensor<f32>
}

//--- unused.mlir
// A parameter that the loss does not depend on is not trained, and a pattern that matches nothing is said.
// CHECK: warning: --no-decay '*.norm' matches no trainable parameter
// CHECK: warning: the loss does not depend on 'idle': it is not trained
// CHECK: weft.param @w : tensor<3xf32> trainable decay =
// CHECK: weft.param @bias : tensor<3xf32> trainable aliases ["b"] =
// CHECK: weft.param @idle : tensor<3xf32> =
// CHECK-NOT: weft.state {{.*}}idle
// CHECK-LABEL: func.func @task_step
// Indices from the end are normalised by the importer: the limit is that of the axis. Of two axes the least.
// CHECK-SAME: tensor<2xi64> {weft.limit = 2 : i64, weft.name = "i", weft.role = "tokens"}
// CHECK-NOT: @idle
weft.param @w : tensor<3xf32> trainable = #weft.constant<1.0>
weft.param @bias : tensor<3xf32> trainable aliases ["b"] = #weft.constant<1.0>
weft.param @idle : tensor<3xf32> trainable = #weft.constant<1.0>
func.func @forward(%i: tensor<2xi64> {weft.name = "i", weft.role = "tokens"})
    -> (tensor<f32> {weft.name = "loss"}, tensor<3xf32> {weft.name = "other"}) {
  %w = weft.read @w : tensor<3xf32>
  %b = weft.read @bias : tensor<3xf32>
  %idle = weft.read @idle : tensor<3xf32>
  %zero = arith.constant dense<0> : tensor<2xi64>
  %three = arith.constant dense<3> : tensor<2xi64>
  %negative = arith.cmpi slt, %i, %zero : tensor<2xi64>
  %shifted = arith.addi %i, %three : tensor<2xi64>
  %index = arith.select %negative, %shifted, %i : tensor<2xi1>, tensor<2xi64>
  %x = weft.gather %w[%index] axis 0 : tensor<3xf32>, tensor<2xi64> -> tensor<2xf32>
  %first = weft.slice %b offsets [0] strides [1] : tensor<3xf32> -> tensor<2xf32>
  %narrow = arith.trunci %i : tensor<2xi64> to tensor<2xi32>
  %y = weft.gather %first[%narrow] axis 0 : tensor<2xf32>, tensor<2xi32> -> tensor<2xf32>
  %loss = weft.dot_general %x, %y batch [] x [] contract [0] x [0] : tensor<2xf32>, tensor<2xf32> -> tensor<f32>
  return %loss, %idle : tensor<f32>, tensor<3xf32>
}

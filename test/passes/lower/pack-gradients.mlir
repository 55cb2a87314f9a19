// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-pack-gradients))' | FileCheck %s
// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-pack-gradients,weft-form-kernels),weft-schedule)' | FileCheck %s --check-prefix=SCHEDULE

// One projection computed queries, keys and values, so its gradient has theirs side by side: attention writes them there.
// CHECK-LABEL: func.func @projection
// CHECK: exec.packed_attention_grad {{.*}} scale 5.000000e-01 causal at [0, 6, 12] strides [72, 18, 3, 1, 72, 18, 3, 1, 72, 18, 3, 1]
// CHECK-SAME: -> tensor<2x4x18xf32>
// CHECK-NOT: weft.concat
// CHECK-NOT: weft.attention_grad
// CHECK: return
// The library gets windows of one buffer, and no kernel runs.
// SCHEDULE-LABEL: exec.task @projection
// SCHEDULE: %[[DQ:.*]] = exec.buffer [[AT:[0-9]+]] : memref<2x4x2x3xf32, strided<[72, 18, 3, 1]>>
// SCHEDULE: exec.attention_grad {{.*}} -> %[[DQ]],
// SCHEDULE-NOT: exec.launch
weft.state probe @packed : tensor<2x4x18xf32> = 0.0
func.func @projection(%dout: tensor<2x4x2x3xf32> {weft.name = "a", weft.role = "field"}, %q: tensor<2x4x2x3xf32> {weft.name = "b", weft.role = "field"},
    %k: tensor<2x4x2x3xf32> {weft.name = "c", weft.role = "field"}, %v: tensor<2x4x2x3xf32> {weft.name = "d", weft.role = "field"},
    %out: tensor<2x4x2x3xf32> {weft.name = "e", weft.role = "field"}, %lse: tensor<2x2x4xf32> {weft.name = "f", weft.role = "field"}) {
  %0:3 = weft.attention_grad %dout, %q, %k, %v, %out, %lse scale 0.5 causal
      : (tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>,
         tensor<2x2x4xf32>) -> (tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>)
  %1 = weft.reshape %0#0 : tensor<2x4x2x3xf32> -> tensor<2x4x6xf32>
  %2 = weft.reshape %0#1 : tensor<2x4x2x3xf32> -> tensor<2x4x6xf32>
  %3 = weft.reshape %0#2 : tensor<2x4x2x3xf32> -> tensor<2x4x6xf32>
  %4 = weft.concat %1, %2, %3 dim 2 : tensor<2x4x6xf32>, tensor<2x4x6xf32>, tensor<2x4x6xf32> -> tensor<2x4x18xf32>
  weft.write @packed, %4 : tensor<2x4x18xf32>
  return
}

// -----

// Somebody else reads one of them: it stays as it is.
// CHECK-LABEL: func.func @read_elsewhere
// SCHEDULE-LABEL: exec.task @read_elsewhere
// CHECK: weft.attention_grad
// CHECK: weft.concat
weft.state probe @packed : tensor<2x4x18xf32> = 0.0
weft.state probe @keys : tensor<2x4x6xf32> = 0.0
func.func @read_elsewhere(%dout: tensor<2x4x2x3xf32> {weft.name = "a", weft.role = "field"}, %q: tensor<2x4x2x3xf32> {weft.name = "b", weft.role = "field"},
    %k: tensor<2x4x2x3xf32> {weft.name = "c", weft.role = "field"}, %v: tensor<2x4x2x3xf32> {weft.name = "d", weft.role = "field"},
    %out: tensor<2x4x2x3xf32> {weft.name = "e", weft.role = "field"}, %lse: tensor<2x2x4xf32> {weft.name = "f", weft.role = "field"}) {
  %0:3 = weft.attention_grad %dout, %q, %k, %v, %out, %lse scale 0.5 causal
      : (tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>,
         tensor<2x2x4xf32>) -> (tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>)
  %1 = weft.reshape %0#0 : tensor<2x4x2x3xf32> -> tensor<2x4x6xf32>
  %2 = weft.reshape %0#1 : tensor<2x4x2x3xf32> -> tensor<2x4x6xf32>
  %3 = weft.reshape %0#2 : tensor<2x4x2x3xf32> -> tensor<2x4x6xf32>
  %4 = weft.concat %1, %2, %3 dim 2 : tensor<2x4x6xf32>, tensor<2x4x6xf32>, tensor<2x4x6xf32> -> tensor<2x4x18xf32>
  weft.write @packed, %4 : tensor<2x4x18xf32>
  weft.write @keys, %2 : tensor<2x4x6xf32>
  return
}

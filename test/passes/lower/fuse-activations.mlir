// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-fuse-activations{all=true}))' | FileCheck %s
// RUN: weft-opt %s -split-input-file --weft-fuse-activations | FileCheck %s --check-prefix=UNTOLD
// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-fuse-activations{all=true},weft-form-kernels),weft-schedule)' | FileCheck %s --check-prefix=SCHEDULE

weft.state probe @y : tensor<2x4x8xbf16> = 0.0
weft.state probe @dx : tensor<2x4x8xbf16> = 0.0

// A hidden layer and its gradient: two calls, and no kernel.
// CHECK-LABEL: func.func @layer
// CHECK: %[[X:.*]], %[[Y:.*]] = exec.gelu_product %arg0, %arg1 bias %arg2 contract [2] x [0]
// CHECK: exec.gelu_grad_product %arg3, %arg4 at %[[X]] contract [2] x [1]
// CHECK-NOT: weft.gelu
// Without a target to ask, nothing changes.
// UNTOLD-LABEL: func.func @layer
// UNTOLD: weft.gelu %
// UNTOLD: weft.gelu_grad
// SCHEDULE-LABEL: exec.task @layer
// SCHEDULE: exec.activated_matmul "gelu_aux" {{.*}} bias {{.*}} aux %[[AUX:.*]] -> %
// SCHEDULE: exec.activated_matmul "dgelu" {{.*}} aux %[[AUX]] -> %
// SCHEDULE-NOT: exec.launch
func.func @layer(%x: tensor<2x4x5xbf16> {weft.name = "x", weft.role = "field"}, %w: tensor<5x8xbf16> {weft.name = "w", weft.role = "field"},
                 %b: tensor<8xbf16> {weft.name = "b", weft.role = "field"}, %dy: tensor<2x4x6xbf16> {weft.name = "dy", weft.role = "field"},
                 %v: tensor<8x6xbf16> {weft.name = "v", weft.role = "field"}) {
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [0] : tensor<2x4x5xbf16>, tensor<5x8xbf16> -> tensor<2x4x8xbf16>
  %1 = weft.broadcast %b dims [2] : tensor<8xbf16> -> tensor<2x4x8xbf16>
  %2 = arith.addf %0, %1 : tensor<2x4x8xbf16>
  %3 = weft.gelu %2 tanh : tensor<2x4x8xbf16> -> tensor<2x4x8xbf16>
  %4 = weft.dot_general %dy, %v batch [] x [] contract [2] x [1] : tensor<2x4x6xbf16>, tensor<8x6xbf16> -> tensor<2x4x8xbf16>
  %5 = weft.gelu_grad %4, %2 tanh : (tensor<2x4x8xbf16>, tensor<2x4x8xbf16>) -> tensor<2x4x8xbf16>
  weft.write @y, %3 : tensor<2x4x8xbf16>
  weft.write @dx, %5 : tensor<2x4x8xbf16>
  return
}

// -----

// By erf, and a sum that is no bias: libraries have the form by tanh, and one vector.
// CHECK-LABEL: func.func @others
// CHECK: weft.gelu %
// CHECK: weft.gelu %
// SCHEDULE-LABEL: exec.task @others
weft.state probe @y : tensor<4x8xf32> = 0.0
weft.state probe @z : tensor<4x8xf32> = 0.0
func.func @others(%x: tensor<4x5xf32> {weft.name = "x", weft.role = "field"}, %w: tensor<5x8xf32> {weft.name = "w", weft.role = "field"}, %r: tensor<4x8xf32> {weft.name = "r", weft.role = "field"}) {
  %0 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : tensor<4x5xf32>, tensor<5x8xf32> -> tensor<4x8xf32>
  %1 = weft.gelu %0 : tensor<4x8xf32> -> tensor<4x8xf32>
  %2 = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : tensor<4x5xf32>, tensor<5x8xf32> -> tensor<4x8xf32>
  %3 = arith.addf %2, %r : tensor<4x8xf32>
  %4 = weft.gelu %3 tanh : tensor<4x8xf32> -> tensor<4x8xf32>
  weft.write @y, %1 : tensor<4x8xf32>
  weft.write @z, %4 : tensor<4x8xf32>
  return
}

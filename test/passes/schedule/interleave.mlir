// RUN: weft-opt %s --pass-pipeline='builtin.module(func.func(weft-interleave))' | FileCheck %s

dist.mesh @mesh ["tp"] [2]

// Two halves, each a product, a reduction of it and a product of what that gives. The second half is computed while the first one
// communicates; a product that no collective waits for comes when both would wait.
// CHECK-LABEL: func.func @layers
// CHECK: %[[P0:.*]] = exec.product %arg0, %arg2
// CHECK-NEXT: %[[R0:.*]] = dist.all_reduce sum %[[P0]] {{.*}}dist.half = 0
// CHECK-NEXT: %[[P1:.*]] = exec.product %arg1, %arg2
// CHECK-NEXT: %[[R1:.*]] = dist.all_reduce sum %[[P1]] {{.*}}dist.half = 1
// CHECK-NEXT: exec.product %arg0, %arg0
// CHECK-NEXT: %[[Q0:.*]] = exec.product %[[R0]], %arg2
// CHECK-NEXT: dist.all_reduce sum %[[Q0]] {{.*}}dist.half = 0
// CHECK-NEXT: %[[Q1:.*]] = exec.product %[[R1]], %arg2
// CHECK-NEXT: dist.all_reduce sum %[[Q1]] {{.*}}dist.half = 1
func.func @layers(%a: tensor<512x512xf32>, %b: tensor<512x512xf32>, %w: tensor<512x512xf32>) -> (tensor<512x512xf32>, tensor<512x512xf32>, tensor<512x512xf32>) {
  %p0 = exec.product %a, %w batch [] x [] contract [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  %p1 = exec.product %b, %w batch [] x [] contract [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  %g = exec.product %a, %a batch [] x [] contract [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  %r0 = dist.all_reduce sum %p0 over ["tp"] {dist.half = 0} : tensor<512x512xf32> -> tensor<512x512xf32>
  %r1 = dist.all_reduce sum %p1 over ["tp"] {dist.half = 1} : tensor<512x512xf32> -> tensor<512x512xf32>
  %q0 = exec.product %r0, %w batch [] x [] contract [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  %q1 = exec.product %r1, %w batch [] x [] contract [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  %s0 = dist.all_reduce sum %q0 over ["tp"] {dist.half = 0} : tensor<512x512xf32> -> tensor<512x512xf32>
  %s1 = dist.all_reduce sum %q1 over ["tp"] {dist.half = 1} : tensor<512x512xf32> -> tensor<512x512xf32>
  return %s0, %s1, %g : tensor<512x512xf32>, tensor<512x512xf32>, tensor<512x512xf32>
}

// Without halves nothing moves.
// CHECK-LABEL: func.func @whole
// CHECK: dist.all_reduce
// CHECK-NEXT: exec.product
func.func @whole(%a: tensor<512x512xf32>, %w: tensor<512x512xf32>) -> (tensor<512x512xf32>, tensor<512x512xf32>) {
  %r = dist.all_reduce sum %a over ["tp"] : tensor<512x512xf32> -> tensor<512x512xf32>
  %p = exec.product %a, %w batch [] x [] contract [1] x [0] : (tensor<512x512xf32>, tensor<512x512xf32>) -> tensor<512x512xf32>
  return %r, %p : tensor<512x512xf32>, tensor<512x512xf32>
}

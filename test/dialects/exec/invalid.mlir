// RUN: weft-opt %s --split-input-file --verify-diagnostics

// A fused op passes every input as one block argument.
func.func @count(%x: tensor<4xf32>) {
  // expected-error @below {{has 1 inputs and 0 block arguments}}
  %0 = exec.fused flat 1 x 4 (%x) : (tensor<4xf32>) -> tensor<4xf32> {
    %c = arith.constant dense<0.0> : tensor<4xf32>
    exec.yield %c : tensor<4xf32>
  }
  return
}

// -----

func.func @type(%x: tensor<4xf32>) {
  // expected-error @below {{passes 'tensor<4xf32>' as 'tensor<5xf32>'}}
  %0 = exec.fused flat 1 x 5 (%x) : (tensor<4xf32>) -> tensor<5xf32> {
  ^bb0(%in: tensor<5xf32>):
    exec.yield %in : tensor<5xf32>
  }
  return
}

// -----

func.func @yield(%x: tensor<4xf32>) {
  // expected-error @below {{does not yield its results}}
  %0 = exec.fused flat 1 x 4 (%x) : (tensor<4xf32>) -> tensor<5xf32> {
  ^bb0(%in: tensor<4xf32>):
    exec.yield %in : tensor<4xf32>
  }
  return
}

// -----

// The sizes of a product agree.
exec.task @step temporaries 0 {
  %0 = exec.buffer 0 : memref<4x8xf32>
  %1 = exec.buffer 128 : memref<7x8xf32>
  // expected-error @below {{sizes of m, n and k do not agree}}
  exec.matmul %0, %1 -> %0 : memref<4x8xf32>, memref<7x8xf32>, memref<4x8xf32>
}

// -----

exec.task @step temporaries 0 {
  %0 = exec.buffer 0 : memref<2x4x4xf32>
  %1 = exec.buffer 128 : memref<3x4x4xf32>
  // expected-error @below {{batch dimension 0 differs}}
  exec.matmul %0, %1 -> %0 : memref<2x4x4xf32>, memref<3x4x4xf32>, memref<2x4x4xf32>
}

// -----

func.func @window_outside(%a: tensor<1x2x1x2xf32>, %lse: tensor<1x1x2xf32>) {
  // expected-error @below {{has a window that is not in the result, that of dv}}
  %0 = exec.packed_attention_grad %a, %a, %a, %a, %a, %lse scale 1.0 at [0, 2, 9] strides [12, 6, 2, 1, 12, 6, 2, 1, 12, 6, 2, 1]
      : (tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x6xf32>
  return
}

// -----

func.func @two_windows(%a: tensor<1x2x1x2xf32>, %lse: tensor<1x1x2xf32>) {
  // expected-error @below {{needs three offsets and four strides for each of dq, dk and dv}}
  %0 = exec.packed_attention_grad %a, %a, %a, %a, %a, %lse scale 1.0 at [0, 2] strides [12, 6, 2, 1, 12, 6, 2, 1]
      : (tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x6xf32>
  return
}

// -----

func.func @too_few_elements(%a: tensor<1x2x1x2xf32>, %lse: tensor<1x1x2xf32>) {
  // expected-error @below {{has 12 elements of gradients for a result of 14}}
  %0 = exec.packed_attention_grad %a, %a, %a, %a, %a, %lse scale 1.0 at [0, 2, 4] strides [12, 6, 2, 1, 12, 6, 2, 1, 12, 6, 2, 1]
      : (tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x2x1x2xf32>, tensor<1x1x2xf32>) -> tensor<1x2x7xf32>
  return
}

// RUN: weft-opt %s -split-input-file --pass-pipeline='builtin.module(func.func(weft-expand-attention{all=true}),canonicalize,cse)' | FileCheck %s
// RUN: weft-opt %s -split-input-file --weft-expand-attention | FileCheck %s --check-prefix=UNTOLD

// Without a target to ask, nothing changes.
// UNTOLD-LABEL: func.func @causal
// UNTOLD: weft.attention %

// Scores are one product over batch and heads, the output another; a key that is not seen has a score of -inf, and a
// row that sees nothing divides by 1.
// CHECK-LABEL: func.func @causal
// CHECK-NOT: weft.attention
// CHECK: weft.dot_general
// CHECK: arith.cmpi slt
// CHECK: weft.reduce max %{{.*}} dims [3]
// CHECK: math.exp
// CHECK: weft.reduce sum %{{.*}} dims [3]
// CHECK: math.log
// CHECK: weft.dot_general
func.func @causal(%q: tensor<2x5x4x3xf32>, %k: tensor<2x5x4x3xf32>, %v: tensor<2x5x4x6xf32>)
    -> (tensor<2x5x4x6xf32>, tensor<2x4x5xf32>) {
  %0:2 = weft.attention %q, %k, %v scale 0.5 causal
      : (tensor<2x5x4x3xf32>, tensor<2x5x4x3xf32>, tensor<2x5x4x6xf32>) -> (tensor<2x5x4x6xf32>, tensor<2x4x5xf32>)
  return %0#0, %0#1 : tensor<2x5x4x6xf32>, tensor<2x4x5xf32>
}

// -----

// Fewer queries than keys: the last query sees the last key.
func.func @last_queries(%q: tensor<1x3x2x4xf32>, %k: tensor<1x7x2x4xf32>, %v: tensor<1x7x2x4xf32>)
    -> (tensor<1x3x2x4xf32>, tensor<1x2x3xf32>) {
  %0:2 = weft.attention %q, %k, %v scale 0.7 causal
      : (tensor<1x3x2x4xf32>, tensor<1x7x2x4xf32>, tensor<1x7x2x4xf32>) -> (tensor<1x3x2x4xf32>, tensor<1x2x3xf32>)
  return %0#0, %0#1 : tensor<1x3x2x4xf32>, tensor<1x2x3xf32>
}

// -----

// More queries than keys: the first ones see nothing. Their output is 0, their lse -inf.
func.func @rows_that_see_nothing(%q: tensor<1x5x1x2xf32>, %k: tensor<1x3x1x2xf32>, %v: tensor<1x3x1x2xf32>)
    -> (tensor<1x5x1x2xf32>) {
  %0:2 = weft.attention %q, %k, %v scale 1.0 causal
      : (tensor<1x5x1x2xf32>, tensor<1x3x1x2xf32>, tensor<1x3x1x2xf32>) -> (tensor<1x5x1x2xf32>, tensor<1x1x5xf32>)
  return %0#0 : tensor<1x5x1x2xf32>
}

// -----

// Query heads share the keys of their group: no copy of the keys is made here, it is a broadcast.
// CHECK-LABEL: func.func @grouped
// CHECK: weft.broadcast %arg1
// CHECK: weft.dot_general
func.func @grouped(%q: tensor<2x4x6x3xf32>, %k: tensor<2x5x2x3xf32>, %v: tensor<2x5x2x3xf32>,
                   %mask: tensor<1x6x4x5xf32>) -> (tensor<2x4x6x3xf32>, tensor<2x6x4xf32>) {
  %0:2 = weft.attention %q, %k, %v mask %mask scale 0.3
      : (tensor<2x4x6x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x3xf32>, tensor<1x6x4x5xf32>)
     -> (tensor<2x4x6x3xf32>, tensor<2x6x4xf32>)
  return %0#0, %0#1 : tensor<2x4x6x3xf32>, tensor<2x6x4xf32>
}

// -----

// A boolean mask chooses between the score and -inf.
// CHECK-LABEL: func.func @boolean_mask
// CHECK: arith.select
func.func @boolean_mask(%q: tensor<2x4x2x3xf32>, %k: tensor<2x4x2x3xf32>, %v: tensor<2x4x2x3xf32>,
                        %mask: tensor<2x1x4x4xi1>) -> tensor<2x4x2x3xf32> {
  %0:2 = weft.attention %q, %k, %v mask %mask scale 0.3
      : (tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x4x2x3xf32>, tensor<2x1x4x4xi1>)
     -> (tensor<2x4x2x3xf32>, tensor<2x2x4xf32>)
  return %0#0 : tensor<2x4x2x3xf32>
}

// -----

// The gradients: five products beside the two of the forward pass; the scores are shared, so six in all.
// CHECK-LABEL: func.func @gradients
// CHECK-NOT: weft.attention_grad
// CHECK-COUNT-6: weft.dot_general
// CHECK-NOT: weft.dot_general
func.func @gradients(%dout: tensor<2x4x6x3xf32>, %q: tensor<2x4x6x3xf32>, %k: tensor<2x5x2x3xf32>,
                     %v: tensor<2x5x2x3xf32>, %mask: tensor<2x1x4x5xf32>)
    -> (tensor<2x4x6x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x3xf32>) {
  %0:2 = weft.attention %q, %k, %v mask %mask scale 0.3 causal
      : (tensor<2x4x6x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x3xf32>, tensor<2x1x4x5xf32>)
     -> (tensor<2x4x6x3xf32>, tensor<2x6x4xf32>)
  %1:3 = weft.attention_grad %dout, %q, %k, %v, %0#0, %0#1 mask %mask scale 0.3 causal
      : (tensor<2x4x6x3xf32>, tensor<2x4x6x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x3xf32>, tensor<2x4x6x3xf32>,
         tensor<2x6x4xf32>, tensor<2x1x4x5xf32>) -> (tensor<2x4x6x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x3xf32>)
  return %1#0, %1#1, %1#2 : tensor<2x4x6x3xf32>, tensor<2x5x2x3xf32>, tensor<2x5x2x3xf32>
}

// -----

// 16-bit operands are widened; results are rounded once.
// CHECK-LABEL: func.func @narrow
// CHECK: arith.extf
// CHECK: arith.truncf
func.func @narrow(%q: tensor<1x4x2x3xbf16>, %k: tensor<1x4x2x3xbf16>, %v: tensor<1x4x2x3xbf16>)
    -> (tensor<1x4x2x3xbf16>, tensor<1x2x4xf32>) {
  %0:2 = weft.attention %q, %k, %v scale 0.5 causal
      : (tensor<1x4x2x3xbf16>, tensor<1x4x2x3xbf16>, tensor<1x4x2x3xbf16>) -> (tensor<1x4x2x3xbf16>, tensor<1x2x4xf32>)
  return %0#0, %0#1 : tensor<1x4x2x3xbf16>, tensor<1x2x4xf32>
}

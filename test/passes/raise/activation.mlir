// RUN: weft-opt %s -split-input-file -weft-raise -canonicalize 2>/dev/null | FileCheck %s

// GELU and SiLU in their algebraic orders.

// As Hugging Face writes gelu_new: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
// CHECK-LABEL: func.func @gelu_new
// CHECK-NEXT: weft.gelu %arg0 tanh
// CHECK-NEXT: return
func.func @gelu_new(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %h = arith.constant dense<0.5> : tensor<4x8xf32>
  %k = arith.constant dense<0.044715> : tensor<4x8xf32>
  %r = arith.constant dense<0.797884583> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %half = arith.mulf %x, %h : tensor<4x8xf32>
  %x2 = arith.mulf %x, %x : tensor<4x8xf32>
  %x3 = arith.mulf %x2, %x : tensor<4x8xf32>
  %c = arith.mulf %x3, %k : tensor<4x8xf32>
  %u0 = arith.addf %x, %c : tensor<4x8xf32>
  %u = arith.mulf %u0, %r : tensor<4x8xf32>
  %t = math.tanh %u : tensor<4x8xf32>
  %a = arith.addf %t, %one : tensor<4x8xf32>
  %y = arith.mulf %half, %a : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// With a power, and the constants of a bfloat16 model.
// CHECK-LABEL: func.func @gelu_power
// CHECK-NEXT: weft.gelu %arg0 tanh
// CHECK-NEXT: return
func.func @gelu_power(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {tolerance = 1.0e-03} {
  %h = arith.constant dense<0.5> : tensor<4x8xf32>
  %k = arith.constant dense<0.044677734375> : tensor<4x8xf32>
  %r = arith.constant dense<0.796875> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %three = arith.constant dense<3.0> : tensor<4x8xf32>
  %x3 = math.powf %x, %three : tensor<4x8xf32>
  %c = arith.mulf %k, %x3 : tensor<4x8xf32>
  %u0 = arith.addf %c, %x : tensor<4x8xf32>
  %u = arith.mulf %r, %u0 : tensor<4x8xf32>
  %t = math.tanh %u : tensor<4x8xf32>
  %a = arith.addf %one, %t : tensor<4x8xf32>
  %b = arith.mulf %h, %a : tensor<4x8xf32>
  %y = arith.mulf %x, %b : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// x (sqrt(2/pi) + 0.0356774 x^2) under the tanh, the half distributed: x/2 + x/2 tanh.
// CHECK-LABEL: func.func @gelu_factored
// CHECK-NEXT: weft.gelu %arg0 tanh
// CHECK-NEXT: return
func.func @gelu_factored(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %h = arith.constant dense<0.5> : tensor<4x8xf32>
  %k = arith.constant dense<0.035677408> : tensor<4x8xf32>
  %r = arith.constant dense<0.797884583> : tensor<4x8xf32>
  %x2 = arith.mulf %x, %x : tensor<4x8xf32>
  %c = arith.mulf %x2, %k : tensor<4x8xf32>
  %f = arith.addf %c, %r : tensor<4x8xf32>
  %u = arith.mulf %x, %f : tensor<4x8xf32>
  %t = math.tanh %u : tensor<4x8xf32>
  %half = arith.mulf %x, %h : tensor<4x8xf32>
  %p = arith.mulf %half, %t : tensor<4x8xf32>
  %y = arith.addf %half, %p : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// The input is arithmetic itself: only the activation is taken out.
// CHECK-LABEL: func.func @gelu_of_sum
// CHECK: %[[X:.*]] = arith.mulf %arg0, %arg0
// CHECK-NEXT: weft.gelu %[[X]] tanh
// CHECK-NEXT: return
func.func @gelu_of_sum(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %h = arith.constant dense<0.5> : tensor<4x8xf32>
  %k = arith.constant dense<0.044715> : tensor<4x8xf32>
  %r = arith.constant dense<0.797884583> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %z = arith.mulf %x, %x : tensor<4x8xf32>
  %half = arith.mulf %z, %h : tensor<4x8xf32>
  %x2 = arith.mulf %z, %z : tensor<4x8xf32>
  %x3 = arith.mulf %x2, %z : tensor<4x8xf32>
  %c = arith.mulf %x3, %k : tensor<4x8xf32>
  %u0 = arith.addf %z, %c : tensor<4x8xf32>
  %u = arith.mulf %u0, %r : tensor<4x8xf32>
  %t = math.tanh %u : tensor<4x8xf32>
  %a = arith.addf %t, %one : tensor<4x8xf32>
  %y = arith.mulf %half, %a : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// x * (0.5 * (1 + erf(x / sqrt 2))).
// CHECK-LABEL: func.func @gelu_erf
// CHECK-NEXT: weft.gelu %arg0 :
// CHECK-NEXT: return
func.func @gelu_erf(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %s = arith.constant dense<1.41421354> : tensor<4x8xf32>
  %h = arith.constant dense<0.5> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %u = arith.divf %x, %s : tensor<4x8xf32>
  %e = math.erf %u : tensor<4x8xf32>
  %a = arith.addf %e, %one : tensor<4x8xf32>
  %b = arith.mulf %h, %a : tensor<4x8xf32>
  %y = arith.mulf %x, %b : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// x * (1 + erf(x * 0.7071)) * 0.5, as some exporters order it.
// CHECK-LABEL: func.func @gelu_erf_product
// CHECK-NEXT: weft.gelu %arg0 :
// CHECK-NEXT: return
func.func @gelu_erf_product(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %s = arith.constant dense<0.707106769> : tensor<4x8xf32>
  %h = arith.constant dense<0.5> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %u = arith.mulf %x, %s : tensor<4x8xf32>
  %e = math.erf %u : tensor<4x8xf32>
  %a = arith.addf %one, %e : tensor<4x8xf32>
  %b = arith.mulf %x, %a : tensor<4x8xf32>
  %y = arith.mulf %b, %h : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// x * (1 / (1 + exp(-x))).
// CHECK-LABEL: func.func @silu
// CHECK-NEXT: weft.silu %arg0
// CHECK-NEXT: return
func.func @silu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %n = arith.negf %x : tensor<4x8xf32>
  %e = math.exp %n : tensor<4x8xf32>
  %d = arith.addf %one, %e : tensor<4x8xf32>
  %s = arith.divf %one, %d : tensor<4x8xf32>
  %y = arith.mulf %x, %s : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// x / (1 + exp(-x)).
// CHECK-LABEL: func.func @silu_quotient
// CHECK-NEXT: weft.silu %arg0
// CHECK-NEXT: return
func.func @silu_quotient(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %zero = arith.constant dense<0.0> : tensor<4x8xf32>
  %n = arith.subf %zero, %x : tensor<4x8xf32>
  %e = math.exp %n : tensor<4x8xf32>
  %d = arith.addf %e, %one : tensor<4x8xf32>
  %y = arith.divf %x, %d : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// x/2 (1 + tanh(x/2)).
// CHECK-LABEL: func.func @silu_tanh
// CHECK-NEXT: weft.silu %arg0
// CHECK-NEXT: return
func.func @silu_tanh(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %h = arith.constant dense<0.5> : tensor<4x8xf32>
  %u = arith.mulf %x, %h : tensor<4x8xf32>
  %t = math.tanh %u : tensor<4x8xf32>
  %a = arith.addf %t, %one : tensor<4x8xf32>
  %y = arith.mulf %u, %a : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Another cubic coefficient is another function.
// CHECK-LABEL: func.func @wrong_cubic
// CHECK-NOT: weft.gelu
// CHECK-NOT: weft.silu
// CHECK: return
func.func @wrong_cubic(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %h = arith.constant dense<0.5> : tensor<4x8xf32>
  %k = arith.constant dense<0.0448> : tensor<4x8xf32>
  %r = arith.constant dense<0.797884583> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %half = arith.mulf %x, %h : tensor<4x8xf32>
  %x2 = arith.mulf %x, %x : tensor<4x8xf32>
  %x3 = arith.mulf %x2, %x : tensor<4x8xf32>
  %c = arith.mulf %x3, %k : tensor<4x8xf32>
  %u0 = arith.addf %x, %c : tensor<4x8xf32>
  %u = arith.mulf %u0, %r : tensor<4x8xf32>
  %t = math.tanh %u : tensor<4x8xf32>
  %a = arith.addf %t, %one : tensor<4x8xf32>
  %y = arith.mulf %half, %a : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// Without its half it is twice the function.
// CHECK-LABEL: func.func @missing_half
// CHECK-NOT: weft.gelu
// CHECK-NOT: weft.silu
// CHECK: return
func.func @missing_half(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %s = arith.constant dense<1.41421354> : tensor<4x8xf32>
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %u = arith.divf %x, %s : tensor<4x8xf32>
  %e = math.erf %u : tensor<4x8xf32>
  %a = arith.addf %e, %one : tensor<4x8xf32>
  %y = arith.mulf %x, %a : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// -----

// x * sigmoid(1.702 x) is left alone.
// CHECK-LABEL: func.func @quick_gelu
// CHECK-NOT: weft.gelu
// CHECK-NOT: weft.silu
// CHECK: return
func.func @quick_gelu(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %one = arith.constant dense<1.0> : tensor<4x8xf32>
  %k = arith.constant dense<1.702> : tensor<4x8xf32>
  %w = arith.mulf %x, %k : tensor<4x8xf32>
  %n = arith.negf %w : tensor<4x8xf32>
  %e = math.exp %n : tensor<4x8xf32>
  %d = arith.addf %one, %e : tensor<4x8xf32>
  %s = arith.divf %one, %d : tensor<4x8xf32>
  %y = arith.mulf %x, %s : tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

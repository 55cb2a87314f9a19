// RUN: weft-opt %s -split-input-file -weft-raise -canonicalize 2>/dev/null | FileCheck %s

// Norms and softmax over the last dimension.

// As Llama is exported: mean, reciprocal of the root, then gamma on the left.
// CHECK-LABEL: func.func @rms_reciprocal
// CHECK-NEXT: weft.rms_norm %arg0 gamma %arg1 eps 9.999999
// CHECK-NEXT: return
func.func @rms_reciprocal(%x: tensor<2x3x8xf32>, %g: tensor<8xf32>) -> tensor<2x3x8xf32> {
  %eps = arith.constant dense<1.0e-06> : tensor<2x3x1xf32>
  %eighth = arith.constant dense<0.125> : tensor<2x3xf32>
  %one = arith.constant dense<1.0> : tensor<2x3x1xf32>
  %xx = arith.mulf %x, %x : tensor<2x3x8xf32>
  %sum = weft.reduce sum %xx dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %mean = arith.mulf %sum, %eighth : tensor<2x3xf32>
  %mean1 = weft.reshape %mean : tensor<2x3xf32> -> tensor<2x3x1xf32>
  %v = arith.addf %mean1, %eps : tensor<2x3x1xf32>
  %root = math.sqrt %v : tensor<2x3x1xf32>
  %r = arith.divf %one, %root : tensor<2x3x1xf32>
  %r0 = weft.reshape %r : tensor<2x3x1xf32> -> tensor<2x3xf32>
  %rb = weft.broadcast %r0 dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.mulf %x, %rb : tensor<2x3x8xf32>
  %gb = weft.broadcast %g dims [2] : tensor<8xf32> -> tensor<2x3x8xf32>
  %z = arith.mulf %gb, %y : tensor<2x3x8xf32>
  return %z : tensor<2x3x8xf32>
}

// -----

// A bf16 model computes its norms in f32 and multiplies with gamma in bf16: one op on bf16.
// CHECK-LABEL: func.func @rms_narrow
// CHECK-NEXT: weft.rms_norm %arg0 gamma %arg1 eps 0.001000{{[0-9]*}} : (tensor<2x8xbf16>, tensor<8xbf16>) -> tensor<2x8xbf16>
// CHECK-NEXT: return
func.func @rms_narrow(%x: tensor<2x8xbf16>, %g: tensor<8xbf16>) -> tensor<2x8xbf16> attributes {tolerance = 1.0e-02} {
  %eps = arith.constant dense<1.0e-03> : tensor<2xf32>
  %n = arith.constant dense<8.0> : tensor<2xf32>
  %w = arith.extf %x : tensor<2x8xbf16> to tensor<2x8xf32>
  %xx = arith.mulf %w, %w : tensor<2x8xf32>
  %s = weft.reduce sum %xx dims [1] : tensor<2x8xf32> -> tensor<2xf32>
  %m = arith.divf %s, %n : tensor<2xf32>
  %v = arith.addf %m, %eps : tensor<2xf32>
  %r = math.rsqrt %v : tensor<2xf32>
  %rb = weft.broadcast %r dims [0] : tensor<2xf32> -> tensor<2x8xf32>
  %y = arith.mulf %w, %rb : tensor<2x8xf32>
  %yn = arith.truncf %y : tensor<2x8xf32> to tensor<2x8xbf16>
  %gb = weft.broadcast %g dims [1] : tensor<8xbf16> -> tensor<2x8xbf16>
  %z = arith.mulf %gb, %yn : tensor<2x8xbf16>
  return %z : tensor<2x8xbf16>
}

// -----

// By rsqrt, with a power and a quotient, on a reshaped tensor, without gamma.
// CHECK-LABEL: func.func @rms_rsqrt
// CHECK: weft.rms_norm %{{.*}} eps 0.001000{{[0-9]*}} : (tensor<6x8xf32>) -> tensor<6x8xf32>
func.func @rms_rsqrt(%x: tensor<2x3x8xf32>) -> tensor<6x8xf32> {
  %eps = arith.constant dense<1.0e-03> : tensor<6xf32>
  %n = arith.constant dense<8.0> : tensor<6xf32>
  %two = arith.constant dense<2.0> : tensor<6x8xf32>
  %x1 = weft.reshape %x : tensor<2x3x8xf32> -> tensor<6x8xf32>
  %xx = math.powf %x1, %two : tensor<6x8xf32>
  %sum = weft.reduce sum %xx dims [1] : tensor<6x8xf32> -> tensor<6xf32>
  %mean = arith.divf %sum, %n : tensor<6xf32>
  %v = arith.addf %eps, %mean : tensor<6xf32>
  %r = math.rsqrt %v : tensor<6xf32>
  %rb = weft.broadcast %r dims [0] : tensor<6xf32> -> tensor<6x8xf32>
  %y = arith.mulf %rb, %x1 : tensor<6x8xf32>
  return %y : tensor<6x8xf32>
}

// -----

// Exports before opset 17: the mean subtracted, the variance of what is left, a quotient; gamma and beta follow.
// CHECK-LABEL: func.func @layer_norm
// CHECK-NEXT: weft.layer_norm %arg0 gamma %arg1 beta %arg2 eps 0.001000
// CHECK-NEXT: return
func.func @layer_norm(%x: tensor<2x3x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<2x3x8xf32> {
  %eps = arith.constant dense<1.0e-03> : tensor<2x3xf32>
  %n = arith.constant dense<8.0> : tensor<2x3xf32>
  %s = weft.reduce sum %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %m = arith.divf %s, %n : tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %dd = arith.mulf %d, %d : tensor<2x3x8xf32>
  %s2 = weft.reduce sum %dd dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %var = arith.divf %s2, %n : tensor<2x3xf32>
  %v = arith.addf %var, %eps : tensor<2x3xf32>
  %root = math.sqrt %v : tensor<2x3xf32>
  %rb = weft.broadcast %root dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.divf %d, %rb : tensor<2x3x8xf32>
  %gb = weft.broadcast %g dims [2] : tensor<8xf32> -> tensor<2x3x8xf32>
  %bb = weft.broadcast %b dims [2] : tensor<8xf32> -> tensor<2x3x8xf32>
  %yg = arith.mulf %y, %gb : tensor<2x3x8xf32>
  %z = arith.addf %yg, %bb : tensor<2x3x8xf32>
  return %z : tensor<2x3x8xf32>
}

// -----

// Beta alone, on the left.
// CHECK-LABEL: func.func @layer_norm_beta
// CHECK-NEXT: weft.layer_norm %arg0 beta %arg1 eps 0.001000
// CHECK-NEXT: return
func.func @layer_norm_beta(%x: tensor<2x3x8xf32>, %b: tensor<8xf32>) -> tensor<2x3x8xf32> {
  %eps = arith.constant dense<1.0e-03> : tensor<2x3xf32>
  %n = arith.constant dense<8.0> : tensor<2x3xf32>
  %s = weft.reduce sum %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %m = arith.divf %s, %n : tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %dd = arith.mulf %d, %d : tensor<2x3x8xf32>
  %s2 = weft.reduce sum %dd dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %var = arith.divf %s2, %n : tensor<2x3xf32>
  %v = arith.addf %var, %eps : tensor<2x3xf32>
  %root = math.sqrt %v : tensor<2x3xf32>
  %rb = weft.broadcast %root dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.divf %d, %rb : tensor<2x3x8xf32>
  %bb = weft.broadcast %b dims [2] : tensor<8xf32> -> tensor<2x3x8xf32>
  %z = arith.addf %bb, %y : tensor<2x3x8xf32>
  return %z : tensor<2x3x8xf32>
}

// -----

// Sums divided by something other than their number are no means: 7 of 8 is Bessel's correction.
// CHECK-LABEL: func.func @wrong_count
// CHECK-NOT: weft.layer_norm
// CHECK-NOT: weft.rms_norm
// CHECK: return
func.func @wrong_count(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %eps = arith.constant dense<1.0e-03> : tensor<2x3xf32>
  %n = arith.constant dense<7.0> : tensor<2x3xf32>
  %s = weft.reduce sum %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %m = arith.divf %s, %n : tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %dd = arith.mulf %d, %d : tensor<2x3x8xf32>
  %s2 = weft.reduce sum %dd dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %var = arith.divf %s2, %n : tensor<2x3xf32>
  %v = arith.addf %var, %eps : tensor<2x3xf32>
  %root = math.sqrt %v : tensor<2x3xf32>
  %rb = weft.broadcast %root dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.divf %d, %rb : tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// What varies over rows is no gamma.
// CHECK-LABEL: func.func @wide_gamma
// CHECK: weft.layer_norm %arg0 eps
// CHECK: arith.mulf
// CHECK: return
func.func @wide_gamma(%x: tensor<2x3x8xf32>, %g: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %eps = arith.constant dense<1.0e-03> : tensor<2x3xf32>
  %n = arith.constant dense<8.0> : tensor<2x3xf32>
  %s = weft.reduce sum %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %m = arith.divf %s, %n : tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %dd = arith.mulf %d, %d : tensor<2x3x8xf32>
  %s2 = weft.reduce sum %dd dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %var = arith.divf %s2, %n : tensor<2x3xf32>
  %v = arith.addf %var, %eps : tensor<2x3xf32>
  %root = math.sqrt %v : tensor<2x3xf32>
  %rb = weft.broadcast %root dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.divf %d, %rb : tensor<2x3x8xf32>
  %z = arith.mulf %y, %g : tensor<2x3x8xf32>
  return %z : tensor<2x3x8xf32>
}

// -----

// The normalised value is needed too: gamma stays a product.
// CHECK-LABEL: func.func @used_twice
// CHECK: weft.layer_norm %arg0 eps
// CHECK: arith.mulf
// CHECK: return
func.func @used_twice(%x: tensor<2x3x8xf32>, %g: tensor<8xf32>) -> tensor<2x3x8xf32> {
  %eps = arith.constant dense<1.0e-03> : tensor<2x3xf32>
  %n = arith.constant dense<8.0> : tensor<2x3xf32>
  %s = weft.reduce sum %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %m = arith.divf %s, %n : tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %dd = arith.mulf %d, %d : tensor<2x3x8xf32>
  %s2 = weft.reduce sum %dd dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %var = arith.divf %s2, %n : tensor<2x3xf32>
  %v = arith.addf %var, %eps : tensor<2x3xf32>
  %root = math.sqrt %v : tensor<2x3xf32>
  %rb = weft.broadcast %root dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.divf %d, %rb : tensor<2x3x8xf32>
  %gb = weft.broadcast %g dims [2] : tensor<8xf32> -> tensor<2x3x8xf32>
  %yg = arith.mulf %y, %gb : tensor<2x3x8xf32>
  %z = arith.addf %yg, %y : tensor<2x3x8xf32>
  return %z : tensor<2x3x8xf32>
}

// -----

// The root of another tensor's mean is no norm.
// CHECK-LABEL: func.func @other_tensor
// CHECK-NOT: weft.rms_norm
// CHECK: return
func.func @other_tensor(%x: tensor<2x3x8xf32>, %w: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %eps = arith.constant dense<1.0e-03> : tensor<2x3xf32>
  %n = arith.constant dense<8.0> : tensor<2x3xf32>
  %xx = arith.mulf %x, %x : tensor<2x3x8xf32>
  %s = weft.reduce sum %xx dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %m = arith.divf %s, %n : tensor<2x3xf32>
  %v = arith.addf %m, %eps : tensor<2x3xf32>
  %r = math.rsqrt %v : tensor<2x3xf32>
  %rb = weft.broadcast %r dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.mulf %w, %rb : tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// A mean over another dimension of the same size is no norm of rows.
// CHECK-LABEL: func.func @other_dimension
// CHECK-NOT: weft.rms_norm
// CHECK: return
func.func @other_dimension(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %eps = arith.constant dense<1.0e-03> : tensor<8xf32>
  %n = arith.constant dense<8.0> : tensor<8xf32>
  %xx = arith.mulf %x, %x : tensor<8x8xf32>
  %s = weft.reduce sum %xx dims [0] : tensor<8x8xf32> -> tensor<8xf32>
  %m = arith.divf %s, %n : tensor<8xf32>
  %v = arith.addf %m, %eps : tensor<8xf32>
  %r = math.rsqrt %v : tensor<8xf32>
  %rb = weft.broadcast %r dims [0] : tensor<8xf32> -> tensor<8x8xf32>
  %y = arith.mulf %x, %rb : tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// -----

// A softmax with its maximum subtracted.
// CHECK-LABEL: func.func @softmax
// CHECK-NEXT: weft.softmax %arg0
// CHECK-NEXT: return
func.func @softmax(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %m = weft.reduce max %x dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %mb = weft.broadcast %m dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %d = arith.subf %x, %mb : tensor<2x3x8xf32>
  %e = math.exp %d : tensor<2x3x8xf32>
  %s = weft.reduce sum %e dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %sb = weft.broadcast %s dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.divf %e, %sb : tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// A softmax without, normalised by a reciprocal.
// CHECK-LABEL: func.func @softmax_reciprocal
// CHECK-NEXT: weft.softmax %arg0
// CHECK-NEXT: return
func.func @softmax_reciprocal(%x: tensor<2x3x8xf32>) -> tensor<2x3x8xf32> {
  %one = arith.constant dense<1.0> : tensor<2x3xf32>
  %e = math.exp %x : tensor<2x3x8xf32>
  %s = weft.reduce sum %e dims [2] : tensor<2x3x8xf32> -> tensor<2x3xf32>
  %r = arith.divf %one, %s : tensor<2x3xf32>
  %rb = weft.broadcast %r dims [0, 1] : tensor<2x3xf32> -> tensor<2x3x8xf32>
  %y = arith.mulf %rb, %e : tensor<2x3x8xf32>
  return %y : tensor<2x3x8xf32>
}

// -----

// Exponentials over the sum along another dimension are no softmax of rows.
// CHECK-LABEL: func.func @softmax_columns
// CHECK-NOT: weft.softmax
// CHECK: return
func.func @softmax_columns(%x: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %e = math.exp %x : tensor<8x8xf32>
  %s = weft.reduce sum %e dims [0] : tensor<8x8xf32> -> tensor<8xf32>
  %sb = weft.broadcast %s dims [1] : tensor<8xf32> -> tensor<8x8xf32>
  %y = arith.divf %e, %sb : tensor<8x8xf32>
  return %y : tensor<8x8xf32>
}

// RUN: weft-opt %s --split-input-file --weft-set-precision | FileCheck %s
// RUN: weft-opt %s --split-input-file --weft-set-precision=attention-in-fp32 | FileCheck %s --check-prefix=ATTENTION
// RUN: weft-opt %s --split-input-file --weft-set-precision=fp32-residual-addition | FileCheck %s --check-prefix=RESIDUAL

// A product and its bias are bf16, in the form that becomes one library call; the function's types stay.
// CHECK-LABEL: weft.param @w : tensor<8x4xbf16> trainable
// CHECK: weft.param @b : tensor<4xbf16> trainable
// CHECK: func.func @forward(%[[X:.*]]: tensor<2x8xf32>{{.*}}) -> (tensor<2x4xf32>
// CHECK-DAG: %[[W:.*]] = weft.read @w : tensor<8x4xbf16>
// CHECK-DAG: %[[B:.*]] = weft.read @b : tensor<4xbf16>
// CHECK-DAG: %[[XN:.*]] = arith.truncf %[[X]] : tensor<2x8xf32> to tensor<2x8xbf16>
// CHECK: %[[D:.*]] = weft.dot_general %[[XN]], %[[W]] {{.*}} -> tensor<2x4xbf16>
// CHECK: %[[R:.*]] = weft.broadcast %[[B]] {{.*}} -> tensor<2x4xbf16>
// CHECK: %[[S:.*]] = arith.addf %[[D]], %[[R]] : tensor<2x4xbf16>
// CHECK: %[[O:.*]] = arith.extf %[[S]] : tensor<2x4xbf16> to tensor<2x4xf32>
// CHECK: return %[[O]] : tensor<2x4xf32>
weft.param @w : tensor<8x4xf32> trainable = #weft.normal<0.02>
weft.param @b : tensor<4xf32> trainable = #weft.constant<0.0>
func.func @forward(%x: tensor<2x8xf32> {weft.name = "x", weft.role = "field"}) -> (tensor<2x4xf32> {weft.name = "logits"}) {
  %w = weft.read @w : tensor<8x4xf32>
  %b = weft.read @b : tensor<4xf32>
  %d = weft.dot_general %x, %w batch [] x [] contract [1] x [0] : tensor<2x8xf32>, tensor<8x4xf32> -> tensor<2x4xf32>
  %r = weft.broadcast %b dims [1] : tensor<4xf32> -> tensor<2x4xf32>
  %s = arith.addf %d, %r : tensor<2x4xf32>
  return %s : tensor<2x4xf32>
}

// -----

// A chain of elementwise ops is f32 between its ends and rounded once, for the product that reads it.
// CHECK-LABEL: weft.param @u
// CHECK: %[[D:.*]] = weft.dot_general {{.*}} -> tensor<2x8xbf16>
// CHECK: %[[E:.*]] = arith.extf %[[D]] : tensor<2x8xbf16> to tensor<2x8xf32>
// CHECK: %[[T:.*]] = math.tanh %[[E]] : tensor<2x8xf32>
// CHECK: %[[M:.*]] = arith.mulf %[[T]], %[[E]] : tensor<2x8xf32>
// CHECK: %[[N:.*]] = arith.truncf %[[M]] : tensor<2x8xf32> to tensor<2x8xbf16>
// CHECK: weft.dot_general %[[N]]
weft.param @u : tensor<8x8xf32> trainable = #weft.normal<0.02>
func.func @forward(%x: tensor<2x8xf32> {weft.name = "x", weft.role = "field"}) -> (tensor<2x8xf32> {weft.name = "y"}) {
  %u = weft.read @u : tensor<8x8xf32>
  %d = weft.dot_general %x, %u batch [] x [] contract [1] x [0] : tensor<2x8xf32>, tensor<8x8xf32> -> tensor<2x8xf32>
  %t = math.tanh %d : tensor<2x8xf32>
  %m = arith.mulf %t, %d : tensor<2x8xf32>
  %y = weft.dot_general %m, %u batch [] x [] contract [1] x [0] : tensor<2x8xf32>, tensor<8x8xf32> -> tensor<2x8xf32>
  return %y : tensor<2x8xf32>
}

// -----

// Reductions and losses are f32; norms take bf16 and keep their statistics inside; a frozen table of rank 1 stays.
// CHECK-LABEL: weft.param @table : tensor<8xf32> =
// CHECK: weft.param @frozen : tensor<8x8xbf16> =
// CHECK: weft.param @g : tensor<8xbf16> trainable
// CHECK: %[[D:.*]] = weft.dot_general {{.*}} -> tensor<2x8xbf16>
// CHECK: %[[N:.*]] = weft.layer_norm %[[D]] gamma %{{.*}} : (tensor<2x8xbf16>, tensor<8xbf16>) -> tensor<2x8xbf16>
// CHECK: %[[F:.*]] = arith.extf %[[N]] : tensor<2x8xbf16> to tensor<2x8xf32>
// CHECK: weft.reduce sum %[[F]] dims [1] : tensor<2x8xf32> -> tensor<2xf32>
// CHECK: weft.cross_entropy %[[N]], %{{.*}} : tensor<2x8xbf16>, tensor<2xi64> -> tensor<2xf32>
weft.param @table : tensor<8xf32> = #weft.constant<1.0>
weft.param @frozen : tensor<8x8xf32> = #weft.normal<0.02>
weft.param @g : tensor<8xf32> trainable = #weft.constant<1.0>
func.func @forward(%x: tensor<2x8xf32> {weft.name = "x", weft.role = "field"},
                   %l: tensor<2xi64> {weft.name = "labels", weft.role = "labels"})
    -> (tensor<2xf32> {weft.name = "sum"}, tensor<2xf32> {weft.name = "loss"}, tensor<8xf32> {weft.name = "t"}) {
  %table = weft.read @table : tensor<8xf32>
  %f = weft.read @frozen : tensor<8x8xf32>
  %g = weft.read @g : tensor<8xf32>
  %d = weft.dot_general %x, %f batch [] x [] contract [1] x [0] : tensor<2x8xf32>, tensor<8x8xf32> -> tensor<2x8xf32>
  %n = weft.layer_norm %d gamma %g eps 1.0e-5 : (tensor<2x8xf32>, tensor<8xf32>) -> tensor<2x8xf32>
  %s = weft.reduce sum %n dims [1] : tensor<2x8xf32> -> tensor<2xf32>
  %loss = weft.cross_entropy %n, %l : tensor<2x8xf32>, tensor<2xi64> -> tensor<2xf32>
  return %s, %loss, %table : tensor<2xf32>, tensor<2xf32>, tensor<8xf32>
}

// -----

// Attention is bf16 with its statistics in f32, or all f32 on request. A sum of two values that a norm and a sum read is
// stored: rounded, or f32 on request.
// CHECK-LABEL: weft.param @q
// CHECK: weft.attention %{{.*}} : (tensor<1x4x2x8xbf16>, tensor<1x4x2x8xbf16>, tensor<1x4x2x8xbf16>) -> (tensor<1x4x2x8xbf16>, tensor<1x2x4xf32>)
// CHECK: %[[S:.*]] = arith.addf {{.*}} : tensor<1x4x2x8xbf16>
// CHECK: weft.rms_norm %[[S]]
// ATTENTION-LABEL: weft.param @q
// ATTENTION: %[[O:.*]], %{{.*}} = weft.attention {{.*}} -> (tensor<1x4x2x8xf32>, tensor<1x2x4xf32>)
// ATTENTION: arith.truncf %[[O]] : tensor<1x4x2x8xf32> to tensor<1x4x2x8xbf16>
// RESIDUAL-LABEL: weft.param @q
// RESIDUAL: %[[S:.*]] = arith.addf {{.*}} : tensor<1x4x2x8xf32>
// RESIDUAL: %[[N:.*]] = weft.rms_norm %[[S]] {{.*}} -> tensor<1x4x2x8xf32>
// RESIDUAL: arith.addf %[[N]], %[[S]] : tensor<1x4x2x8xf32>
weft.param @q : tensor<1x4x2x8xf32> trainable = #weft.normal<0.02>
func.func @forward() -> (tensor<1x4x2x8xf32> {weft.name = "y"}) {
  %q = weft.read @q : tensor<1x4x2x8xf32>
  %o, %lse = weft.attention %q, %q, %q scale 0.5 causal : (tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>, tensor<1x4x2x8xf32>) -> (tensor<1x4x2x8xf32>, tensor<1x2x4xf32>)
  %s = arith.addf %o, %q : tensor<1x4x2x8xf32>
  %n = weft.rms_norm %s eps 1.0e-5 : (tensor<1x4x2x8xf32>) -> tensor<1x4x2x8xf32>
  %y = arith.addf %n, %s : tensor<1x4x2x8xf32>
  return %y : tensor<1x4x2x8xf32>
}

// -----

// A program without f32 parameters or field inputs that meet one is left alone.
// CHECK-LABEL: weft.param @d : tensor<4xf64>
// CHECK-NOT: bf16
weft.param @d : tensor<4xf64> trainable = #weft.constant<1.0>
func.func @forward(%x: tensor<4xf64> {weft.name = "x", weft.role = "field"}) -> (tensor<4xf64> {weft.name = "y"}) {
  %d = weft.read @d : tensor<4xf64>
  %y = arith.addf %x, %d : tensor<4xf64>
  return %y : tensor<4xf64>
}

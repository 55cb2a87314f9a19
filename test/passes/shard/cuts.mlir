// What tensor parallelism cuts is found in the graph: heads of attention that has no op of its own, and what is hidden in an MLP whose two first
// weights are packed.
// RUN: weft-opt %s --split-input-file --weft-apply-plan=tp=2 | FileCheck %s

// Logits are capped, as in Gemma 2: a softmax between products of queries, keys and values.
weft.param @w : tensor<32x32xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @capped
func.func @capped(%q: tensor<8x4x16x8xf32>, %k: tensor<8x4x16x8xf32>, %v: tensor<8x4x16x8xf32>) -> tensor<8x4x16x8xf32> {
  // CHECK: %[[CAPPED:.*]] = math.tanh
  // CHECK: %[[CUT:.*]] = dist.constrain %[[CAPPED]] <{{\[\[}}], ["tp"], [], []]> {{.*}}origin "attention heads"
  // CHECK: weft.softmax %[[CUT]]
  %0 = weft.dot_general %q, %k batch [0, 1] x [0, 1] contract [3] x [3] : tensor<8x4x16x8xf32>, tensor<8x4x16x8xf32> -> tensor<8x4x16x16xf32>
  %1 = math.tanh %0 : tensor<8x4x16x16xf32>
  %2 = weft.softmax %1 : tensor<8x4x16x16xf32> -> tensor<8x4x16x16xf32>
  %3 = weft.slice %2 offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<8x4x16x16xf32> -> tensor<8x4x16x16xf32>
  %4 = weft.dot_general %3, %v batch [0, 1] x [0, 1] contract [3] x [2] : tensor<8x4x16x16xf32>, tensor<8x4x16x8xf32> -> tensor<8x4x16x8xf32>
  return %4 : tensor<8x4x16x8xf32>
}

// -----

// A softmax of which products mix the dimension says nothing of heads.
// CHECK-LABEL: func.func @mixed
// CHECK-NOT: dist.constrain
func.func @mixed(%x: tensor<8x4x16x16xf32>, %v: tensor<8x4x16xf32>) -> tensor<8x16xf32> {
  %0 = weft.softmax %x : tensor<8x4x16x16xf32> -> tensor<8x4x16x16xf32>
  %1 = weft.dot_general %0, %v batch [0] x [0] contract [1, 3] x [1, 2] : tensor<8x4x16x16xf32>, tensor<8x4x16xf32> -> tensor<8x16xf32>
  return %1 : tensor<8x16xf32>
}

// -----

// Gate and up are one weight, declared in two parts: what down sums over is hidden.
weft.param @gate_up : tensor<32x2x48xf32> trainable = #weft.normal<0.02 : f64>
weft.param @down : tensor<48x32xf32> trainable = #weft.normal<0.02 : f64>
// CHECK-LABEL: func.func @packed
func.func @packed(%x: tensor<8x16x32xf32>) -> tensor<8x16x32xf32> {
  %w = weft.read @gate_up : tensor<32x2x48xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x2x48xf32> -> tensor<8x16x2x48xf32>
  %1 = weft.slice %0 offsets [0, 0, 0, 0] strides [1, 1, 1, 1] : tensor<8x16x2x48xf32> -> tensor<8x16x1x48xf32>
  %2 = weft.slice %0 offsets [0, 0, 1, 0] strides [1, 1, 1, 1] : tensor<8x16x2x48xf32> -> tensor<8x16x1x48xf32>
  %gate = weft.reshape %1 : tensor<8x16x1x48xf32> -> tensor<8x16x48xf32>
  %up = weft.reshape %2 : tensor<8x16x1x48xf32> -> tensor<8x16x48xf32>
  %3 = weft.silu %gate : tensor<8x16x48xf32> -> tensor<8x16x48xf32>
  // CHECK: %[[HIDDEN:.*]] = arith.mulf
  // CHECK: %[[CUT:.*]] = dist.constrain %[[HIDDEN]] <{{\[\[}}], [], ["tp"]]> {{.*}}origin "hidden elements"
  // CHECK: weft.dot_general %[[CUT]]
  %4 = arith.mulf %3, %up : tensor<8x16x48xf32>
  %d = weft.read @down : tensor<48x32xf32>
  %5 = weft.dot_general %4, %d batch [] x [] contract [2] x [0] : tensor<8x16x48xf32>, tensor<48x32xf32> -> tensor<8x16x32xf32>
  return %5 : tensor<8x16x32xf32>
}

// -----

// What is read by a norm or a residual besides is between blocks, however it was made: the projection of an embedding, as in ELECTRA.
weft.param @project : tensor<16x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @query : tensor<32x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @gamma : tensor<32xf32> trainable = #weft.constant<1.0 : f64>
// CHECK-LABEL: func.func @residual
// CHECK-NOT: dist.constrain
func.func @residual(%x: tensor<8x16x16xf32>) -> (tensor<8x16x32xf32>, tensor<8x16x32xf32>) {
  %w = weft.read @project : tensor<16x32xf32>
  %0 = weft.dot_general %x, %w batch [] x [] contract [2] x [0] : tensor<8x16x16xf32>, tensor<16x32xf32> -> tensor<8x16x32xf32>
  %1 = math.tanh %0 : tensor<8x16x32xf32>
  %q = weft.read @query : tensor<32x32xf32>
  %2 = weft.dot_general %1, %q batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
  %g = weft.read @gamma : tensor<32xf32>
  %3 = weft.rms_norm %1 gamma %g eps 1.0e-5 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
  return %2, %3 : tensor<8x16x32xf32>, tensor<8x16x32xf32>
}

// -----

// A number that all of them share says nothing: the zero of two ReLUs, one of which is read by a norm.
weft.param @w0 : tensor<32x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @w1 : tensor<32x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @w2 : tensor<32x32xf32> trainable = #weft.normal<0.02 : f64>
weft.param @scale : tensor<32xf32> trainable = #weft.constant<1.0 : f64>
// CHECK-LABEL: func.func @relu
func.func @relu(%x: tensor<8x16x32xf32>) -> tensor<8x16x32xf32> {
  %zero = arith.constant dense<0.0> : tensor<8x16x32xf32>
  %w0 = weft.read @w0 : tensor<32x32xf32>
  %0 = weft.dot_general %x, %w0 batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
  %1 = arith.maximumf %0, %zero : tensor<8x16x32xf32>
  %g = weft.read @scale : tensor<32xf32>
  %2 = weft.rms_norm %1 gamma %g eps 1.0e-5 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
  %w1 = weft.read @w1 : tensor<32x32xf32>
  %3 = weft.dot_general %2, %w1 batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
  // CHECK: %[[HIDDEN:.*]] = arith.maximumf
  // CHECK: %[[NEXT:.*]] = arith.maximumf
  // CHECK: dist.constrain %[[NEXT]] <{{\[\[}}], [], ["tp"]]> {{.*}}origin "hidden elements"
  // CHECK-NOT: dist.constrain
  %4 = arith.maximumf %3, %zero : tensor<8x16x32xf32>
  %w2 = weft.read @w2 : tensor<32x32xf32>
  %5 = weft.dot_general %4, %w2 batch [] x [] contract [2] x [0] : tensor<8x16x32xf32>, tensor<32x32xf32> -> tensor<8x16x32xf32>
  return %5 : tensor<8x16x32xf32>
}

// -----

// A norm that heads are made of is taken apart into sums, which ranks of `tp` have parts of.
weft.param @all : tensor<32xf32> trainable = #weft.constant<1.0 : f64>
// CHECK-LABEL: func.func @queries
func.func @queries(%x: tensor<8x16x32xf32>) -> tensor<8x16x4x8xf32> {
  // CHECK-NOT: weft.rms_norm
  // CHECK: weft.reduce sum {{.*}} dims [2] : tensor<8x16x32xf32> -> tensor<8x16xf32>
  // CHECK-NOT: weft.rms_norm
  %g = weft.read @all : tensor<32xf32>
  %0 = weft.rms_norm %x gamma %g eps 1.0e-5 : (tensor<8x16x32xf32>, tensor<32xf32>) -> tensor<8x16x32xf32>
  %1 = weft.reshape %0 : tensor<8x16x32xf32> -> tensor<8x16x4x8xf32>
  return %1 : tensor<8x16x4x8xf32>
}

// -----

// Heads that do not divide are refused wherever they are found.
// RUN: not weft compile %models/tiny_gemma2.opset14.onnx --dim batch=4 --dim sequence=16 --mesh tp=3 2>&1 | FileCheck %s --check-prefix=HEADS
// HEADS: error: {{.*}}attention of 4 heads cannot be cut into tp=3 equal parts; choose one of tp=1, 2, 4

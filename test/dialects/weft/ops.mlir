// Every op is printed and parsed again, and its generic form too.
// RUN: weft-opt %s | weft-opt | FileCheck %s
// RUN: weft-opt %s --mlir-print-op-generic | weft-opt | FileCheck %s

// A parameter in a file, transposed, with a second name.
// CHECK: weft.param @w : tensor<3x2xf32> trainable decay aliases ["tied"] = #weft.file<path = "a.bin", offset = 64, bytes = 24, fileBytes = 100, elementType = f32, shape = [2, 3], perm = [1, 0]>
weft.param @w : tensor<3x2xf32> trainable decay aliases ["tied"] = #weft.file<path = "a.bin", offset = 64, bytes = 24, fileBytes = 100, elementType = f32, shape = [2, 3], perm = [1, 0]>

// Parameters with an initial value.
// CHECK: weft.param @normal : tensor<4xf32> = #weft.normal<2.000000e-02 : f32>
weft.param @normal : tensor<4xf32> = #weft.normal<0.02 : f32>
// CHECK: weft.param @ones : tensor<4xf32> trainable = #weft.constant<1.000000e+00 : f32>
weft.param @ones : tensor<4xf32> trainable = #weft.constant<1.0 : f32>

// States with and without a parameter.
// CHECK: weft.state moment @m : tensor<3x2xf32> = 0.000000e+00 of @w checkpointed
weft.state moment @m : tensor<3x2xf32> = 0.0 of @w checkpointed
// CHECK: weft.state step @step : tensor<i64> = 0.000000e+00
weft.state step @step : tensor<i64> = 0.0

// CHECK-LABEL: func.func @symbols
func.func @symbols() {
  // CHECK: %[[W:.*]] = weft.read @w : tensor<3x2xf32>
  %w = weft.read @w : tensor<3x2xf32>
  // CHECK: weft.write @m, %[[W]] : tensor<3x2xf32>
  weft.write @m, %w : tensor<3x2xf32>
  return
}

// CHECK-LABEL: func.func @products
func.func @products(%a: tensor<2x3x4xf32>, %b: tensor<2x4x5xf32>) {
  // CHECK: weft.dot_general %{{.*}}, %{{.*}} batch [0] x [0] contract [2] x [1] : tensor<2x3x4xf32>, tensor<2x4x5xf32> -> tensor<2x3x5xf32>
  %0 = weft.dot_general %a, %b batch [0] x [0] contract [2] x [1] : tensor<2x3x4xf32>, tensor<2x4x5xf32> -> tensor<2x3x5xf32>
  // CHECK: weft.reduce max %{{.*}} dims [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  %1 = weft.reduce max %a dims [0, 2] : tensor<2x3x4xf32> -> tensor<3xf32>
  // CHECK: weft.cumsum %{{.*}} dim 1 reverse exclusive : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  %2 = weft.cumsum %a dim 1 reverse exclusive : tensor<2x3x4xf32> -> tensor<2x3x4xf32>
  return
}

// CHECK-LABEL: func.func @shapes
func.func @shapes(%a: tensor<2x3xf32>, %i: tensor<5xi64>) {
  // CHECK: weft.broadcast %{{.*}} dims [0, 2] : tensor<2x3xf32> -> tensor<2x7x3xf32>
  %0 = weft.broadcast %a dims [0, 2] : tensor<2x3xf32> -> tensor<2x7x3xf32>
  // CHECK: weft.transpose %{{.*}} perm [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  %1 = weft.transpose %a perm [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  // CHECK: weft.reshape %{{.*}} : tensor<2x3xf32> -> tensor<6xf32>
  %2 = weft.reshape %a : tensor<2x3xf32> -> tensor<6xf32>
  // CHECK: weft.slice %{{.*}} offsets [1, 0] strides [1, 2] : tensor<2x3xf32> -> tensor<1x2xf32>
  %3 = weft.slice %a offsets [1, 0] strides [1, 2] : tensor<2x3xf32> -> tensor<1x2xf32>
  // CHECK: weft.pad %{{.*}} low [1, 0] high [0, 2] interior [0, 1] : tensor<2x3xf32> -> tensor<3x7xf32>
  %4 = weft.pad %a low [1, 0] high [0, 2] interior [0, 1] : tensor<2x3xf32> -> tensor<3x7xf32>
  // CHECK: weft.concat %{{.*}}, %{{.*}} dim 0 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  %5 = weft.concat %a, %a dim 0 : tensor<2x3xf32>, tensor<2x3xf32> -> tensor<4x3xf32>
  // CHECK: weft.iota dim 1 : tensor<2x3xi64>
  %6 = weft.iota dim 1 : tensor<2x3xi64>
  // CHECK: weft.gather %{{.*}}[%{{.*}}] axis 0 : tensor<2x3xf32>, tensor<5xi64> -> tensor<5x3xf32>
  %7 = weft.gather %a[%i] axis 0 : tensor<2x3xf32>, tensor<5xi64> -> tensor<5x3xf32>
  // CHECK: weft.scatter_add %{{.*}}[%{{.*}}] axis 0 : tensor<5x3xf32>, tensor<5xi64> -> tensor<2x3xf32>
  %8 = weft.scatter_add %7[%i] axis 0 : tensor<5x3xf32>, tensor<5xi64> -> tensor<2x3xf32>
  return
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, %v: tensor<2x5x2x6xf32>, %mask: tensor<1x4x3x5xi1>) {
  // CHECK: weft.attention %{{.*}}, %{{.*}}, %{{.*}} mask %{{.*}} scale 1.250000e-01 causal : (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x3x5xi1>) -> (tensor<2x3x4x6xf32>, tensor<2x4x3xf32>)
  %out, %lse = weft.attention %q, %k, %v mask %mask scale 0.125 causal : (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<1x4x3x5xi1>) -> (tensor<2x3x4x6xf32>, tensor<2x4x3xf32>)
  // CHECK: weft.attention_grad %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} scale 1.250000e-01 :
  %dq, %dk, %dv = weft.attention_grad %out, %q, %k, %v, %out, %lse scale 0.125 : (tensor<2x3x4x6xf32>, tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>, tensor<2x3x4x6xf32>, tensor<2x4x3xf32>) -> (tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, tensor<2x5x2x6xf32>)
  return
}

// CHECK-LABEL: func.func @rows
func.func @rows(%x: tensor<2x3x8xf32>, %g: tensor<8xf32>, %labels: tensor<2x3xi64>) {
  // CHECK: weft.layer_norm %{{.*}} gamma %{{.*}} beta %{{.*}} eps 1.000000e-05 : (tensor<2x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  %0 = weft.layer_norm %x gamma %g beta %g eps 1.0e-5 : (tensor<2x3x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  // CHECK: weft.layer_norm %{{.*}} beta %{{.*}} eps 1.000000e-05 : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  %1 = weft.layer_norm %x beta %g eps 1.0e-5 : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  // CHECK: weft.rms_norm %{{.*}} gamma %{{.*}} eps 1.000000e-05 : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  %2 = weft.rms_norm %x gamma %g eps 1.0e-5 : (tensor<2x3x8xf32>, tensor<8xf32>) -> tensor<2x3x8xf32>
  // CHECK: weft.softmax %{{.*}} : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  %3 = weft.softmax %x : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  // CHECK: weft.cross_entropy %{{.*}}, %{{.*}} {ignoreIndex = -1 : i64} : tensor<2x3x8xf32>, tensor<2x3xi64> -> tensor<2x3xf32>
  %4 = weft.cross_entropy %x, %labels {ignoreIndex = -1 : i64} : tensor<2x3x8xf32>, tensor<2x3xi64> -> tensor<2x3xf32>
  // CHECK: weft.gelu %{{.*}} tanh : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  %5 = weft.gelu %x tanh : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  // CHECK: weft.silu %{{.*}} : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  %6 = weft.silu %x : tensor<2x3x8xf32> -> tensor<2x3x8xf32>
  return
}

// CHECK-LABEL: func.func @rest
func.func @rest(%x: tensor<2x3x4x8xf32>, %c: tensor<3x4xf32>, %seed: tensor<i64>) {
  // CHECK: weft.rotary %{{.*}} cos %{{.*}} sin %{{.*}} transposed : (tensor<2x3x4x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<2x3x4x8xf32>
  %0 = weft.rotary %x cos %c sin %c transposed : (tensor<2x3x4x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<2x3x4x8xf32>
  // CHECK: weft.random %{{.*}} stream 7 : tensor<i64> -> tensor<2x2xf32>
  %1 = weft.random %seed stream 7 : tensor<i64> -> tensor<2x2xf32>
  // CHECK: weft.random %{{.*}} stream 7 at %{{.*}}, %{{.*}} of [4, 4] : tensor<i64>, tensor<i64>, tensor<i64> -> tensor<2x2xf32>
  %part = weft.random %seed stream 7 at %seed, %seed of [4, 4] : tensor<i64>, tensor<i64>, tensor<i64> -> tensor<2x2xf32>
  // CHECK: weft.dropout %{{.*}} seed %{{.*}} ratio 1.0{{.*}} stream 3 : tensor<2x2xf32>, tensor<i64>
  %dropped = weft.dropout %part seed %seed ratio 0.1 stream 3 : tensor<2x2xf32>, tensor<i64>
  return
}

// CHECK-LABEL: func.func @update
func.func @update(%p: tensor<4xf32>, %s: tensor<f64>, %step: tensor<i64>, %hyper: tensor<16xf64>) {
  // CHECK: weft.learning_rate %{{.*}}, %{{.*}} : (tensor<i64>, tensor<16xf64>) -> tensor<f64>
  %lr = weft.learning_rate %step, %hyper : (tensor<i64>, tensor<16xf64>) -> tensor<f64>
  // CHECK: weft.adam %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} scale %{{.*}} lr %{{.*}} step %{{.*}} hyper %{{.*}} decay decoupled :
  %0:3 = weft.adam %p, %p, %p, %p scale %s lr %lr step %step hyper %hyper decay decoupled : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  // CHECK: weft.sgd %{{.*}}, %{{.*}}, %{{.*}} scale %{{.*}} lr %{{.*}} hyper %{{.*}} decay :
  %1:2 = weft.sgd %p, %p, %p scale %s lr %lr hyper %hyper decay : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>, tensor<16xf64>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

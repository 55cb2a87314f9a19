// One error for each thing that can be wrong with an op, naming the value and its dimension.
// RUN: weft-opt %s --split-input-file --verify-diagnostics

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

// expected-error @+1 {{source must be #weft.file, #weft.normal or #weft.constant, not 1.000000e+00 : f32}}
weft.param @w : tensor<2xf32> = 1.0 : f32

// -----

// expected-error @+1 {{source shape [3, 2] (transposed) is not the parameter's, [2, 3]}}
weft.param @w : tensor<2x3xf32> = #weft.file<path = "a", offset = 0, bytes = 24, fileBytes = 0, elementType = f32, shape = [2, 3], perm = [1, 0]>

// -----

// expected-error @+1 {{source perm [0, 0] is not a permutation of 2 dimensions}}
weft.param @w : tensor<2x3xf32> = #weft.file<path = "a", offset = 0, bytes = 24, fileBytes = 0, elementType = f32, shape = [2, 3], perm = [0, 0]>

// -----

// expected-error @+1 {{source has 12 bytes, its shape and type need 24}}
weft.param @w : tensor<2x3xf32> = #weft.file<path = "a", offset = 0, bytes = 12, fileBytes = 0, elementType = f32, shape = [2, 3], perm = []>

// -----

// expected-error @+1 {{source ends at byte 32 of a file of 30 bytes}}
weft.param @w : tensor<2x3xf32> = #weft.file<path = "a", offset = 8, bytes = 24, fileBytes = 30, elementType = f32, shape = [2, 3], perm = []>

// -----

// expected-error @+1 {{source begins at the negative offset -8}}
weft.param @w : tensor<2x3xf32> = #weft.file<path = "a", offset = -8, bytes = 24, fileBytes = 0, elementType = f32, shape = [2, 3], perm = []>

// -----

// expected-error @+1 {{source elements of type 'i32' cannot give a parameter of 'tensor<2x3xf32>'}}
weft.param @w : tensor<2x3xf32> = #weft.file<path = "a", offset = 0, bytes = 24, fileBytes = 0, elementType = i32, shape = [2, 3], perm = []>

// -----

// expected-error @+1 {{is trainable, but its elements are no floats: 'tensor<2xi64>'}}
weft.param @w : tensor<2xi64> trainable = #weft.constant<1.0 : f32>

// -----

// expected-error @+1 {{random numbers for elements that are no floats: 'tensor<2xi64>'}}
weft.param @w : tensor<2xi64> = #weft.normal<1.0 : f32>

// -----

// expected-error @+1 {{standard deviation -1.000000e+00 is negative}}
weft.param @w : tensor<2xf32> = #weft.normal<-1.0 : f32>

// -----

// expected-error @+1 {{belongs to the parameter @w, which is not declared}}
weft.state moment @m : tensor<2xf32> = 0.0 of @w

// -----

func.func @f() -> tensor<2xf32> {
  // expected-error @+1 {{@w is no declared parameter or state}}
  %0 = weft.read @w : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// expected-note @+1 {{declared here}}
weft.state metric @m : tensor<3xf32> = 0.0
func.func @f(%x: tensor<2xf32>) {
  // expected-error @+1 {{has type 'tensor<2xf32>', but @m is 'tensor<3xf32>'}}
  weft.write @m, %x : tensor<2xf32>
  return
}

//===----------------------------------------------------------------------===//
// Products and reductions
//===----------------------------------------------------------------------===//

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+1 {{contracted dimensions differ: lhs dimension 1 has size 3, rhs dimension 0 has size 4}}
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : tensor<2x3xf32>, tensor<4x5xf32> -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{has 1 contracted dimensions of lhs and 0 of rhs}}
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [] : tensor<2x3xf32>, tensor<3x5xf32> -> tensor<2x3x5xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{lhs has no dimension 2: its rank is 2}}
  %0 = weft.dot_general %a, %b batch [] x [] contract [2] x [0] : tensor<2x3xf32>, tensor<3x5xf32> -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%a: tensor<2x2xf32>, %b: tensor<2x2xf32>) {
  // expected-error @+1 {{lhs dimension 1 is listed twice}}
  %0 = weft.dot_general %a, %b batch [1] x [1] contract [1] x [0] : tensor<2x2xf32>, tensor<2x2xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x5xf16>) {
  // expected-error @+1 {{rhs has elements of type 'f16', expected 'f32'}}
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : tensor<2x3xf32>, tensor<3x5xf16> -> tensor<2x5xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{result dimension 0 has size 5, expected 2}}
  %0 = weft.dot_general %a, %b batch [] x [] contract [1] x [0] : tensor<2x3xf32>, tensor<3x5xf32> -> tensor<5x2xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{dims [1, 0] are not strictly increasing}}
  %0 = weft.reduce sum %a dims [1, 0] : tensor<2x3xf32> -> tensor<f32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{result dimension 0 has size 2, expected 3}}
  %0 = weft.reduce sum %a dims [0] : tensor<2x3xf32> -> tensor<2xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{input has no dimension -1: its rank is 2}}
  %0 = weft.cumsum %a dim -1 : tensor<2x3xf32> -> tensor<2x3xf32>
  return
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

// -----

func.func @f(%a: tensor<1x3xf32>) {
  // expected-error @+1 {{input dimension 0 of size 1 becomes result dimension 0 of size 2}}
  %0 = weft.broadcast %a dims [0, 1] : tensor<1x3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%a: tensor<3xf32>) {
  // expected-error @+1 {{dims has 2 entries for a tensor of rank 1}}
  %0 = weft.broadcast %a dims [0, 1] : tensor<3xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%a: tensor<2x2xf32>) {
  // expected-error @+1 {{dims [1, 0] are not strictly increasing}}
  %0 = weft.broadcast %a dims [1, 0] : tensor<2x2xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{perm [0, 0] is not a permutation of 2 dimensions}}
  %0 = weft.transpose %a perm [0, 0] : tensor<2x3xf32> -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{input has 6 elements, the result 8}}
  %0 = weft.reshape %a : tensor<2x3xf32> -> tensor<8xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{result has elements of type 'f16', expected 'f32'}}
  %0 = weft.reshape %a : tensor<2x3xf32> -> tensor<6xf16>
  return
}

// -----

func.func @f(%a: tensor<2x5xf32>) {
  // expected-error @+1 {{dimension 1: elements 2 to 7 (exclusive) lie outside of size 5}}
  %0 = weft.slice %a offsets [0, 2] strides [1, 2] : tensor<2x5xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%a: tensor<2x5xf32>) {
  // expected-error @+1 {{dimension 0: stride 0 is not positive}}
  %0 = weft.slice %a offsets [0, 2] strides [0, 1] : tensor<2x5xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%a: tensor<2x5xf32>) {
  // expected-error @+1 {{offsets has 1 entries for a tensor of rank 2}}
  %0 = weft.slice %a offsets [0] strides [1, 1] : tensor<2x5xf32> -> tensor<2x3xf32>
  return
}

// -----

func.func @f(%a: tensor<2xf32>) {
  // expected-error @+1 {{dimension 0: high padding -1 is negative}}
  %0 = weft.pad %a low [0] high [-1] interior [0] : tensor<2xf32> -> tensor<1xf32>
  return
}

// -----

func.func @f(%a: tensor<2xf32>) {
  // expected-error @+1 {{result dimension 0 has size 6, expected 7}}
  %0 = weft.pad %a low [1] high [2] interior [2] : tensor<2xf32> -> tensor<6xf32>
  return
}

// -----

func.func @f(%a: tensor<2x3xf32>, %b: tensor<2x4xf32>) {
  // expected-error @+1 {{operand 1 has size 4 in dimension 1, operand 0 has 3}}
  %0 = weft.concat %a, %b dim 0 : tensor<2x3xf32>, tensor<2x4xf32> -> tensor<4x3xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{has no operands}}
  %0 = "weft.concat"() {dim = 0 : i64} : () -> tensor<0xf32>
  return
}

// -----

func.func @f() {
  // expected-error @+1 {{result has no dimension 1: its rank is 1}}
  %0 = weft.iota dim 1 : tensor<3xi64>
  return
}

//===----------------------------------------------------------------------===//
// Indexed access
//===----------------------------------------------------------------------===//

// -----

func.func @f(%a: tensor<9x3xf32>, %i: tensor<2x5xi64>) {
  // expected-error @+1 {{result has rank 2, expected 3}}
  %0 = weft.gather %a[%i] axis 0 : tensor<9x3xf32>, tensor<2x5xi64> -> tensor<10x3xf32>
  return
}

// -----

func.func @f(%a: tensor<4x3xf32>, %i: tensor<5xi64>) {
  // expected-error @+1 {{updates dimension 0 has size 4, expected 5}}
  %0 = weft.scatter_add %a[%i] axis 0 : tensor<4x3xf32>, tensor<5xi64> -> tensor<9x3xf32>
  return
}

//===----------------------------------------------------------------------===//
// Composite ops
//===----------------------------------------------------------------------===//

// -----

func.func @f(%q: tensor<1x3x4x8xf32>, %k: tensor<1x3x3x8xf32>) {
  // expected-error @+1 {{has 4 query heads, which is no multiple of its 3 key/value heads}}
  %0:2 = weft.attention %q, %k, %k scale 1.0 : (tensor<1x3x4x8xf32>, tensor<1x3x3x8xf32>, tensor<1x3x3x8xf32>) -> (tensor<1x3x4x8xf32>, tensor<1x4x3xf32>)
  return
}

// -----

func.func @f(%q: tensor<1x3x4x8xf32>, %k: tensor<1x5x4x8xf32>, %v: tensor<1x6x4x8xf32>) {
  // expected-error @+1 {{v dimension 1 has size 6, expected 5}}
  %0:2 = weft.attention %q, %k, %v scale 1.0 : (tensor<1x3x4x8xf32>, tensor<1x5x4x8xf32>, tensor<1x6x4x8xf32>) -> (tensor<1x3x4x8xf32>, tensor<1x4x3xf32>)
  return
}

// -----

func.func @f(%q: tensor<1x3x4x8xf32>, %m: tensor<1x1x3x4xf32>) {
  // expected-error @+1 {{mask dimension 3 has size 4, expected 3}}
  %0:2 = weft.attention %q, %q, %q mask %m scale 1.0 : (tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x1x3x4xf32>) -> (tensor<1x3x4x8xf32>, tensor<1x4x3xf32>)
  return
}

// -----

func.func @f(%q: tensor<1x3x4x8xf32>, %m: tensor<1x1x3x3xi32>) {
  // expected-error @+1 {{mask has elements of type 'i32', expected i1 or a float}}
  %0:2 = weft.attention %q, %q, %q mask %m scale 1.0 : (tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x1x3x3xi32>) -> (tensor<1x3x4x8xf32>, tensor<1x4x3xf32>)
  return
}

// -----

func.func @f(%q: tensor<1x3x4x8xf16>) {
  // expected-error @+1 {{lse has elements of type 'f16', expected 'f32'}}
  %0:2 = weft.attention %q, %q, %q scale 1.0 : (tensor<1x3x4x8xf16>, tensor<1x3x4x8xf16>, tensor<1x3x4x8xf16>) -> (tensor<1x3x4x8xf16>, tensor<1x4x3xf16>)
  return
}

// -----

func.func @f(%q: tensor<1x3x4x8xf32>, %l: tensor<1x4x3xf32>) {
  // expected-error @+1 {{dv dimension 3 has size 7, expected 8}}
  %0:3 = weft.attention_grad %q, %q, %q, %q, %q, %l scale 1.0 : (tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x4x3xf32>) -> (tensor<1x3x4x8xf32>, tensor<1x3x4x8xf32>, tensor<1x3x4x7xf32>)
  return
}

// -----

func.func @f(%x: tensor<2x8xf32>, %g: tensor<7xf32>) {
  // expected-error @+1 {{gamma dimension 0 has size 7, expected 8}}
  %0 = weft.layer_norm %x gamma %g eps 1.0e-5 : (tensor<2x8xf32>, tensor<7xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{eps -1.000000e+00 is negative}}
  %0 = weft.rms_norm %x eps -1.0 : (tensor<2x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{input is a scalar, which has no last dimension}}
  %0 = weft.softmax %x : tensor<f32> -> tensor<f32>
  return
}

// -----

func.func @f(%x: tensor<2x8xf32>, %l: tensor<3xi64>) {
  // expected-error @+1 {{labels dimension 0 has size 3, expected 2}}
  %0 = weft.cross_entropy %x, %l : tensor<2x8xf32>, tensor<3xi64> -> tensor<2xf32>
  return
}

// -----

func.func @f(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{result dimension 1 has size 9, expected 8}}
  %0 = weft.gelu %x : tensor<2x8xf32> -> tensor<2x9xf32>
  return
}

// -----

func.func @f(%x: tensor<2x8xf32>) {
  // expected-error @+1 {{result has elements of type 'f16', expected 'f32'}}
  %0 = weft.silu %x : tensor<2x8xf32> -> tensor<2x8xf16>
  return
}

// -----

func.func @f(%x: tensor<2x3x4x8xf32>, %c: tensor<3x10xf32>) {
  // expected-error @+1 {{rotates 10 elements of heads of 8: the number must be even and no larger}}
  %0 = weft.rotary %x cos %c sin %c : (tensor<2x3x4x8xf32>, tensor<3x10xf32>, tensor<3x10xf32>) -> tensor<2x3x4x8xf32>
  return
}

// -----

func.func @f(%x: tensor<2x3x4x8xf32>, %c: tensor<5x8xf32>) {
  // expected-error @+1 {{cos dimension 0 has size 5, expected 3}}
  %0 = weft.rotary %x cos %c sin %c : (tensor<2x3x4x8xf32>, tensor<5x8xf32>, tensor<5x8xf32>) -> tensor<2x3x4x8xf32>
  return
}

// -----

func.func @f(%seed: tensor<2xi64>) {
  // expected-error @+1 {{seed has rank 1, expected 0}}
  %0 = weft.random %seed stream 0 : tensor<2xi64> -> tensor<4xf32>
  return
}

// -----

func.func @f(%seed: tensor<i64>) {
  // expected-error @+1 {{needs an offset and a size of the whole for each dimension}}
  %0 = weft.random %seed stream 0 at %seed of [4] : tensor<i64>, tensor<i64> -> tensor<2x2xf32>
  return
}

// -----

func.func @f(%x: tensor<4xf32>, %seed: tensor<i64>) {
  // expected-error @+1 {{drops elements with probability 1.0}}
  %0 = weft.dropout %x seed %seed ratio 1.0 stream 0 : tensor<4xf32>, tensor<i64>
  return
}

//===----------------------------------------------------------------------===//
// The update
//===----------------------------------------------------------------------===//

// -----

func.func @f(%step: tensor<i64>, %hyper: tensor<8xf64>) {
  // expected-error @+1 {{hyper dimension 0 has size 8, expected 16}}
  %0 = weft.learning_rate %step, %hyper : (tensor<i64>, tensor<8xf64>) -> tensor<f64>
  return
}

// -----

func.func @f(%p: tensor<4xf32>, %g: tensor<5xf32>, %s: tensor<f64>, %step: tensor<i64>, %hyper: tensor<16xf64>) {
  // expected-error @+1 {{grad dimension 0 has size 5, expected 4}}
  %0:3 = weft.adam %p, %g, %p, %p scale %s lr %s step %step hyper %hyper : (tensor<4xf32>, tensor<5xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f64>, tensor<f64>, tensor<i64>, tensor<16xf64>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>)
  return
}

// -----

func.func @f(%p: tensor<4xf32>, %s: tensor<f32>, %hyper: tensor<16xf64>) {
  // expected-error @+1 {{scale has elements of type 'f32', expected 'f64'}}
  %0:2 = weft.sgd %p, %p, %p scale %s lr %s hyper %hyper : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>, tensor<f32>, tensor<f32>, tensor<16xf64>) -> (tensor<4xf32>, tensor<4xf32>)
  return
}

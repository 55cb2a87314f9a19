// RUN: weft-opt %s --split-input-file --verify-diagnostics --weft-build-training-step
// RUN: not weft-opt %S/Inputs/two-outputs.mlir --weft-build-training-step=optimizer=lion 2>&1 | FileCheck %s --check-prefix=OPTIMIZER
// RUN: not weft-opt %S/Inputs/two-outputs.mlir --weft-build-training-step=microbatches=0 2>&1 | FileCheck %s --check-prefix=MICRO
// RUN: not weft-opt %S/Inputs/two-outputs.mlir --weft-build-training-step=loss=hinge 2>&1 | FileCheck %s --check-prefix=HINGE
// RUN: not weft-opt %S/Inputs/two-outputs.mlir --weft-build-training-step=loss=output:nll 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not weft-opt %S/Inputs/two-outputs.mlir --weft-build-training-step=loss=output:a 2>&1 | FileCheck %s --check-prefix=SHAPE
// RUN: not weft-opt %S/Inputs/two-outputs.mlir --weft-build-training-step=no-decay=[ 2>&1 | FileCheck %s --check-prefix=GLOB

// OPTIMIZER: error: unknown optimizer 'lion'; it is adamw, adam or sgd
// MICRO: error: a step has at least one micro-batch, not 0
// HINGE: error: unknown loss 'hinge'; it is auto, cross-entropy[:NAME], mse[:NAME] or output:NAME
// NAME: error: the model has no output 'nll'; it has 'a' tensor<2x3xf32>, 'b' tensor<2x3xf32>
// SHAPE: error: the output 'a' cannot be the loss, which is one number: it is 'tensor<2x3xf32>'
// GLOB: error: --no-decay '[': {{.+}}

// An op without a derivative, on the way from a parameter to the loss, is named where it is.
weft.param @w : tensor<2x3xf32> trainable = #weft.constant<1.0>
func.func @forward() -> (tensor<2x3xf32> {weft.name = "y"}) {
  %w = weft.read @w : tensor<2x3xf32>
  %i = arith.bitcast %w : tensor<2x3xf32> to tensor<2x3xf32>
  // expected-error@-1 {{lies between a trained parameter and the loss but has no derivative; freeze the parameters it depends on, or rewrite the model without it}}
  return %i : tensor<2x3xf32>
}

// -----

// expected-error@+1 {{expected a function @forward, which an importer makes}}
module {
}

// -----

// Nothing to train.
// expected-error@+1 {{the loss depends on no trainable parameter; --train PATTERN chooses what is trained}}
module {
  weft.param @w : tensor<2x3xf32> = #weft.constant<1.0>
  func.func @forward() -> (tensor<2x3xf32> {weft.name = "y"}) {
    %w = weft.read @w : tensor<2x3xf32>
    return %w : tensor<2x3xf32>
  }
}

// -----

// Several outputs that could be logits.
// expected-error@+1 {{the model has several outputs that could be logits for a cross-entropy loss ('a' tensor<2x3xf32>, 'b' tensor<2x3xf32>); choose one with --loss cross-entropy:NAME, or export the model with one output}}
func.func @forward(%a: tensor<2x3xf32> {weft.name = "a"}) -> (tensor<2x3xf32> {weft.name = "a"}, tensor<2x3xf32> {weft.name = "b"}) {
  return %a, %a : tensor<2x3xf32>, tensor<2x3xf32>
}

// -----

// expected-error@+1 {{the model has no output that could be logits for a cross-entropy loss; it has 'ids' tensor<2x3xi64>}}
func.func @forward(%a: tensor<2x3xi64> {weft.name = "a"}) -> (tensor<2x3xi64> {weft.name = "ids"}) {
  return %a : tensor<2x3xi64>
}

// -----

// expected-error@+1 {{cross-entropy of the output 'y' 'tensor<2x3xf32>' needs one integer label per row, but the model's input for labels is 'tensor<5xi64>'}}
func.func @forward(%l: tensor<5xi64> {weft.name = "l", weft.role = "labels"}, %y: tensor<2x3xf32>) -> (tensor<2x3xf32> {weft.name = "y"}) {
  return %y : tensor<2x3xf32>
}

// -----

// The names of states are not free for parameters.
// expected-error@+1 {{the name 'lr' belongs to a state of the training step; rename this in the model}}
weft.param @lr : tensor<2x3xf32> trainable = #weft.constant<1.0>
func.func @forward() -> (tensor<2x3xf32> {weft.name = "y"}) {
  %w = weft.read @lr : tensor<2x3xf32>
  return %w : tensor<2x3xf32>
}

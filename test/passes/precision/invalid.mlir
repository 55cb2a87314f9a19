// RUN: not weft-opt %s --weft-set-precision=type=fp8 2>&1 | FileCheck %s
// RUN: echo 'module {}' | not weft-opt --weft-set-precision 2>&1 | FileCheck %s --check-prefix=FORWARD

// A narrow type that is not there, and a module that no importer made.
// CHECK: error: cannot compute in 'fp8'; the narrow type is bf16
// FORWARD: error: expected a function @forward, which an importer makes
func.func @forward() -> (tensor<2xf32> {weft.name = "y"}) {
  %y = arith.constant dense<1.0> : tensor<2xf32>
  return %y : tensor<2xf32>
}

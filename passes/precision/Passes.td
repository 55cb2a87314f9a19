//===- Passes.td - The types a program computes in -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def SetPrecision : Pass<"weft-set-precision", "::mlir::ModuleOp"> {
  let summary = "Computes @forward in a narrow float type";
  let description = [{
    Before: an imported program in f32. After: parameters, what products and attention read, and what is stored
    between layers have the narrow type; statistics, reductions, losses and chains of elementwise ops are f32. The
    function's arguments and results keep their types. docs/precision.md says which value gets which type and why.
  }];
  let options = [
    Option<"type", "type", "std::string", "\"bf16\"", "The narrow type: bf16 or fp16">,
    Option<"fp32Attention", "attention-in-fp32", "bool", "false", "Attention reads and gives f32">,
    Option<"fp32Residual", "fp32-residual-addition", "bool", "false",
           "Sums of two values of equal size, as of a residual stream, stay f32">
  ];
  let statistics = [
    Statistic<"numParams", "narrowed-params", "Parameters whose type became narrow">,
    Statistic<"numNarrow", "narrowed-values", "Values whose type became narrow">,
    Statistic<"numCasts", "casts", "Conversions inserted">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

//===- PrecisionInterface.td - The types an op computes in -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What a change of precision asks of an op. An op without it takes and gives the
// narrow type everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_PRECISION_INTERFACE_TD
#define WEFT_PASSES_PRECISION_INTERFACE_TD

include "mlir/IR/OpBase.td"

def PrecisionOpInterface : OpInterface<"PrecisionOpInterface"> {
  let cppNamespace = "::weft";
  let description = [{ Whose operands and results stay as they are when a program is computed in a narrow type. }];
  let methods = [
    InterfaceMethod<"Which type a float operand has in a narrow program: narrow, f32, or whichever it has",
                    "::weft::Precision", "getOperandPrecision", (ins "::mlir::OpOperand &":$operand)>,
    InterfaceMethod<"Which type a float result has: narrow, or f32",
                    "::weft::Precision", "getResultPrecision", (ins "::mlir::OpResult":$result)>
  ];
}

#endif // WEFT_PASSES_PRECISION_INTERFACE_TD

//===- Interfaces.td - What ops over a mesh answer ---------*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIST_INTERFACES_TD
#define WEFT_DIST_INTERFACES_TD

include "mlir/IR/OpBase.td"

def RankEvaluateOpInterface : OpInterface<"RankEvaluateOpInterface"> {
  let cppNamespace = "::weft::dist";
  let description = [{ Reference evaluation of an op whose results on a rank depend on what other ranks hold, or on which it is. }];
  let methods = [
    InterfaceMethod<[{
      Computes the results on all ranks from the operands on all ranks: `operands[rank][i]`, and
      `results[rank]` comes in empty. Fails without a diagnostic if it cannot.
    }], "::llvm::LogicalResult", "evaluateOnRanks",
      (ins "const ::weft::dist::Mesh &":$mesh, "::llvm::ArrayRef<::llvm::SmallVector<::weft::Literal>>":$operands,
           "::llvm::MutableArrayRef<::llvm::SmallVector<::weft::Literal>>":$results)>
  ];
}

def CollectiveOpInterface : OpInterface<"CollectiveOpInterface"> {
  let cppNamespace = "::weft::dist";
  let description = [{ A collective: what it does with member i, it does with operand i and result i. }];
  let methods = [
    InterfaceMethod<"The axes along which the ranks of a group differ.", "::mlir::ArrayAttr", "getAxes">,
    InterfaceMethod<"Whether values of several ranks become one.", "bool", "reduces", (ins), "", "return false;">
  ];
}

#endif // WEFT_DIST_INTERFACES_TD

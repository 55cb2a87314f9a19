//===- ConvolutionEnums.td - Kinds of convolution calls -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A file of its own: what is generated for enums covers included files too.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_CONVOLUTIONENUMS_TD
#define WEFT_EXEC_CONVOLUTIONENUMS_TD

include "mlir/IR/EnumAttr.td"

def ConvolutionCallKind : I32EnumAttr<"ConvolutionCallKind", "Which tensor of a convolution is computed", [
    I32EnumAttrCase<"forward", 0>, I32EnumAttrCase<"input_grad", 1>, I32EnumAttrCase<"weight_grad", 2>]> {
  let cppNamespace = "::weft::exec";
}

#endif // WEFT_EXEC_CONVOLUTIONENUMS_TD

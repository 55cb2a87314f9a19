//===- ActivationOps.td - Gradients of activations -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Gradients that a library computes as part of a product, and therefore one op
// until kernels are formed. docs/kernels.md.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_ACTIVATIONOPS_TD
#define WEFT_ACTIVATIONOPS_TD

include "dialects/weft/Base.td"

def GeluGradOp : TensorOp<"gelu_grad"> {
  let summary = "The gradient of gelu's input from that of its result: dout * gelu'(x)";
  let arguments = (ins FloatTensor:$dout, FloatTensor:$input, UnitAttr:$tanh);
  let results = (outs FloatTensor:$result);
  let assemblyFormat = "$dout `,` $input (`tanh` $tanh^)? attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // WEFT_ACTIVATIONOPS_TD

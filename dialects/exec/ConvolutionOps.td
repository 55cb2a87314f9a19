//===- ConvolutionOps.td - Convolutions on buffers -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_CONVOLUTIONOPS_TD
#define WEFT_EXEC_CONVOLUTIONOPS_TD

include "dialects/exec/Base.td"
include "dialects/exec/ConvolutionEnums.td"
include "dialects/exec/LibraryInterfaces.td"

def ConvolutionOp : ExecOp<"convolution", [DeclareOpInterfaceMethods<LibraryCallInterface>]> {
  let summary = "weft.convolution or one of its transposes on dense buffers";
  let description = [{
    `a` and `b` are the weft op's operands in their order: input and filter
    (forward), output and filter (input_grad), input and output (weight_grad).
  }];
  let arguments = (ins ConvolutionCallKind:$kind, ReadBuffer:$a, ReadBuffer:$b, WrittenBuffer:$c,
                   OptionalWrittenBuffer:$scratch, DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$low,
                   DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$dilations);
  let assemblyFormat = [{
    $kind $a `,` $b `->` $c (`scratch` $scratch^)? `strides` $strides `low` $low `high` $high `dilations` $dilations
    attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

#endif // WEFT_EXEC_CONVOLUTIONOPS_TD

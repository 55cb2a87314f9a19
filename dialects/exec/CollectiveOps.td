//===- CollectiveOps.td - Collectives on buffers -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_COLLECTIVEOPS_TD
#define WEFT_EXEC_COLLECTIVEOPS_TD

include "dialects/exec/Base.td"
include "dialects/exec/LibraryInterfaces.td"

def CollectiveOp : ExecOp<"collective", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<LibraryCallInterface, ["getBufferArrays"]>]> {
  let summary = "A collective of the dist dialect on dense buffers";
  let description = [{
    `kind` is all_reduce, all_gather, reduce_scatter or all_to_all. With n ranks along `axes` the tensors of each member have the
    layouts of docs/communication.md in terms of `outer`, `middle` and `inner`, which have a number for each member. All members
    are of one type and move together, each from and to its own place.
  }];
  let arguments = (ins StrAttr:$kind, StrAttr:$reduce, StrArrayAttr:$axes, I64Attr:$ranks, DenseI64ArrayAttr:$outer,
                   DenseI64ArrayAttr:$middle, DenseI64ArrayAttr:$inner, ReadBuffers:$inputs, WrittenBuffers:$outputs,
                   OptionalWrittenBuffer:$scratch);
  let assemblyFormat = [{
    $kind $reduce `over` $axes `ranks` $ranks `outer` $outer `middle` $middle `inner` $inner $inputs `->` $outputs
    (`scratch` $scratch^)? attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

#endif // WEFT_EXEC_COLLECTIVEOPS_TD

//===- SortOps.td - Sorting on buffers -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_SORTOPS_TD
#define WEFT_EXEC_SORTOPS_TD

include "dialects/exec/Base.td"
include "dialects/exec/LibraryInterfaces.td"

def TopKOp : ExecOp<"top_k", [DeclareOpInterfaceMethods<LibraryCallInterface>]> {
  let summary = "weft.top_k on dense buffers";
  let arguments = (ins UnitAttr:$smallest, ReadBuffer:$input, WrittenBuffer:$values, WrittenBuffer:$indices, I64Attr:$axis);
  let assemblyFormat = [{
    (`smallest` $smallest^)? $input `->` $values `,` $indices `axis` $axis attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

#endif // WEFT_EXEC_SORTOPS_TD

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

def CollectiveOp : ExecOp<"collective", [DeclareOpInterfaceMethods<LibraryCallInterface>]> {
  let summary = "A collective of the dist dialect on dense buffers";
  let description = [{
    `kind` is all_reduce, all_gather, reduce_scatter or all_to_all. With n ranks along `axes` the tensors have the
    layouts of docs/communication.md in terms of `outer`, `middle` and `inner`.
  }];
  let arguments = (ins StrAttr:$kind, StrAttr:$reduce, StrArrayAttr:$axes, I64Attr:$ranks, I64Attr:$outer,
                   I64Attr:$middle, I64Attr:$inner, AnyMemRef:$input, AnyMemRef:$output, Optional<AnyMemRef>:$scratch);
  let assemblyFormat = [{
    $kind $reduce `over` $axes `ranks` $ranks `outer` $outer `middle` $middle `inner` $inner $input `->` $output
    (`scratch` $scratch^)? attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

#endif // WEFT_EXEC_COLLECTIVEOPS_TD

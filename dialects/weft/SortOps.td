//===- SortOps.td - Ordering and placing elements -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The first elements of an order, and elements written to computed places:
// what a mixture of experts chooses and combines with. docs/sorting.md.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_SORTOPS_TD
#define WEFT_SORTOPS_TD

include "dialects/weft/Base.td"

def TopKOp : DifferentiableOp<"top_k"> {
  let summary = "The k largest (or smallest) elements along `axis`, in order, and where they are";
  let description = [{
    k is the results' size along the axis. Results are sorted, the best first; of
    equal elements the one with the lower index comes first. NaN counts as larger
    than every number. Indices count from the beginning of the axis.
  }];
  let arguments = (ins WeftTensor:$input, I64Attr:$axis, UnitAttr:$smallest);
  let results = (outs WeftTensor:$values, IntTensor:$indices);
  let assemblyFormat = [{
    (`smallest` $smallest^)? $input `axis` $axis attr-dict `:` type($input) `->` type($values) `,` type($indices)
  }];
}

def ScatterOp : DifferentiableOp<"scatter"> {
  let summary = "`input`, with slices of `updates` written to, or combined with, those at their indices along `axis`";
  let description = [{
    Updates shape: input[:axis] + indices + input[axis+1:]. Without `combine` an
    update replaces what is there, the last one of those with one index; with it,
    they are combined in index order. Indices lie in [0, size of the axis).
  }];
  let arguments = (ins WeftTensor:$input, IntTensor:$indices, WeftTensor:$updates, I64Attr:$axis,
                   OptionalAttr<ReduceKind>:$combine);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = [{
    $updates `into` $input `[` $indices `]` `axis` $axis (`combine` $combine^)? attr-dict
    `:` type($updates) `,` type($input) `,` type($indices) `->` type($result)
  }];
}

#endif // WEFT_SORTOPS_TD

//===- AttentionOps.td - Attention with results side by side -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_ATTENTIONOPS_TD
#define WEFT_EXEC_ATTENTIONOPS_TD

include "dialects/exec/Base.td"

def PackedAttentionGradOp : ExecOp<"packed_attention_grad", [Pure]> {
  let summary = "weft.attention_grad whose results are windows of one tensor";
  let description = [{
    Gradients of queries, keys and values that a program concatenates, because one projection computed all three: the
    library writes each where the concatenation has it. `offsets` are of dq, dk and dv in the result, and `strides`
    those of their dimensions [batch, position, head, element], twelve in all, in elements.
  }];
  let arguments = (ins StaticTensor:$dout, StaticTensor:$q, StaticTensor:$k, StaticTensor:$v, StaticTensor:$out,
                   StaticTensor:$lse, Optional<StaticTensor>:$mask, F64Attr:$scale, UnitAttr:$causal,
                   DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$strides);
  let results = (outs StaticTensor:$packed);
  let assemblyFormat = [{
    $dout `,` $q `,` $k `,` $v `,` $out `,` $lse (`mask` $mask^)? `scale` $scale (`causal` $causal^)? `at` $offsets
    `strides` $strides attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // WEFT_EXEC_ATTENTIONOPS_TD

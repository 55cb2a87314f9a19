//===- ProductOps.td - Products with an activation -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_PRODUCTOPS_TD
#define WEFT_EXEC_PRODUCTOPS_TD

include "dialects/exec/Base.td"
include "dialects/exec/LibraryInterfaces.td"

def GeluProductOp : ExecOp<"gelu_product", [Pure]> {
  let summary = "A product with its bias, and gelu (by tanh) of it, in one library call";
  let description = [{
    `input` is the product, which the gradient of the activation needs, and `result` gelu of it. Dimension numbers are
    weft.dot_general's, without batch dimensions. `bias` has the size of the last dimension.
  }];
  let arguments = (ins StaticTensor:$lhs, StaticTensor:$rhs, Optional<StaticTensor>:$bias,
                   DenseI64ArrayAttr:$lhsContract, DenseI64ArrayAttr:$rhsContract);
  let results = (outs StaticTensor:$input, StaticTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`bias` $bias^)? `contract` $lhsContract `x` $rhsContract attr-dict
    `:` functional-type(operands, results)
  }];
}

def GeluGradProductOp : ExecOp<"gelu_grad_product", [Pure]> {
  let summary = "A product times gelu's derivative (by tanh) at `input`, in one library call";
  let arguments = (ins StaticTensor:$lhs, StaticTensor:$rhs, StaticTensor:$input, DenseI64ArrayAttr:$lhsContract,
                   DenseI64ArrayAttr:$rhsContract);
  let results = (outs StaticTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `at` $input `contract` $lhsContract `x` $rhsContract attr-dict
    `:` functional-type(operands, results)
  }];
}

def ActivatedMatmulOp : ExecOp<"activated_matmul", [AttrSizedOperandSegments,
                                                    DeclareOpInterfaceMethods<LibraryCallInterface>,
                                                    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "exec.matmul with an epilogue of the library";
  let description = [{
    `gelu_aux`: aux = a b (+ bias), c = gelu(aux). `dgelu`: c = a b * gelu'(aux). gelu is the form by tanh. aux has the
    layout of c.
  }];
  let arguments = (ins StrAttr:$epilogue, AnyMemRef:$a, AnyMemRef:$b, Optional<AnyMemRef>:$bias, AnyMemRef:$aux,
                   AnyMemRef:$c, Optional<AnyMemRef>:$scratch);
  let assemblyFormat = [{
    $epilogue $a `,` $b (`bias` $bias^)? `aux` $aux `->` $c (`scratch` $scratch^)? attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

#endif // WEFT_EXEC_PRODUCTOPS_TD

//===- Ops.td - The exec dialect -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What one rank does. Two levels share the dialect: while kernels are being
// formed, `fused` and `product` hold tensors; a schedule holds tasks whose ops
// read and write buffers, each a place in the arena with strides.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_OPS_TD
#define WEFT_EXEC_OPS_TD

include "dialects/exec/Base.td"

//===----------------------------------------------------------------------===//
// Tensor level
//===----------------------------------------------------------------------===//

def FusedOp : ExecOp<"fused", [IsolatedFromAbove, SingleBlock, RecursiveMemoryEffects]> {
  let summary = "Ops that become one kernel";
  let description = [{
    The iteration space is `rows` x `cols`. Every value inside is *full* (rows*cols elements, row
    major), *row* (one element per row) or read from an operand by an index map. By kind:

    - `flat`: all accesses are at the element itself or of a scalar; parallel over rows*cols.
    - `row`: results are full, or reductions over columns; parallel over rows.
    - `column`: results are reductions over rows; parallel over columns.
    - `scatter`: one `weft.scatter_add`; parallel over the dimensions after the axis.

    With `exec.members = N` the body computes N times the same, each time of the next inputs (an Nth of them) and to the next results: a
    target may run the members beside each other.
  }];
  let arguments = (ins Variadic<StaticTensor>:$inputs, KernelKind:$kind, I64Attr:$rows, I64Attr:$cols);
  let results = (outs Variadic<StaticTensor>:$results);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $kind $rows `x` $cols `(` $inputs `)` attr-dict `:` functional-type($inputs, $results) $body
  }];
  let hasVerifier = 1;
}

def YieldOp : ExecOp<"yield", [Terminator, Pure, ReturnLike, HasParent<"FusedOp">]> {
  let summary = "The results of a fused op";
  let arguments = (ins Variadic<StaticTensor>:$values);
  let assemblyFormat = "$values attr-dict `:` type($values)";
}

def ProductOp : ExecOp<"product", [Pure]> {
  let summary = "A dot_general that a library computes, with what it adds at the end";
  let description = [{ Dimension numbers are weft.dot_general's. `bias` has the size of the last dimension. }];
  let arguments = (ins StaticTensor:$lhs, StaticTensor:$rhs, Optional<StaticTensor>:$bias,
                   DenseI64ArrayAttr:$lhsBatch, DenseI64ArrayAttr:$rhsBatch, DenseI64ArrayAttr:$lhsContract,
                   DenseI64ArrayAttr:$rhsContract);
  let results = (outs StaticTensor:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs (`bias` $bias^)? `batch` $lhsBatch `x` $rhsBatch `contract` $lhsContract `x` $rhsContract
    attr-dict `:` functional-type(operands, results)
  }];
}

def MaterializeOp : ExecOp<"materialize", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "The same values in a buffer of their own: what a library cannot read through strides";
  let arguments = (ins StaticTensor:$input);
  let results = (outs StaticTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def TransferOp : ExecOp<"transfer", [Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "The same values in host memory, or back in the arena";
  let description = [{
    What lies in host memory is read by transfers alone. `moment` says when it begins, counted in blocks of the forward
    and the backward pass and in updates: what goes to the host is waited for some moments later (docs/memory.md).
  }];
  let arguments = (ins StaticTensor:$input, UnitAttr:$toHost, I64Attr:$moment);
  let results = (outs StaticTensor:$result);
  let assemblyFormat = "$input (`to_host` $toHost^)? `moment` $moment attr-dict `:` type($input)";
}

//===----------------------------------------------------------------------===//
// Schedule level
//===----------------------------------------------------------------------===//

def InputOp : ExecOp<"input", [Symbol]> {
  let summary = "A graph input of one micro-batch, at its offset in the arena";
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<StaticTensor>:$type, StrAttr:$role, I64Attr:$offset,
                   OptionalAttr<I64Attr>:$limit, OptionalAttr<I64Attr>:$ignore);
  let description = [{ Ids lie in [0, limit), or are `ignore`: a label that does not count. }];
  let assemblyFormat = "$sym_name `:` $type $role `at` $offset (`limit` $limit^)? (`ignore` $ignore^)? attr-dict";
}

def ConstantOp : ExecOp<"constant", [Symbol]> {
  let summary = "A dense constant, in the executable's read-only data";
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$value);
  let assemblyFormat = "$sym_name `=` $value attr-dict";
}

def TaskOp : ExecOp<"task", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator]> {
  let summary = "What runs between two visits of the host, in order";
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$temporaryBytes);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `temporaries` $temporaryBytes attr-dict-with-keyword $body";
}

def BufferOp : ExecOp<"buffer", [Pure]> {
  let summary = "A place: an offset in the arena, in host memory, or in a constant, with a shape and strides";
  let description = [{
    The memref's layout offset is 0 or absent: `offset`, in bytes, holds all of it. Only copies use `host` memory.
  }];
  let arguments = (ins I64Attr:$offset, OptionalAttr<FlatSymbolRefAttr>:$constant, UnitAttr:$host);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "(`host` $host^ `+`)? ($constant^ `+`)? $offset attr-dict `:` type($result)";
}

def LaunchOp : ExecOp<"launch"> {
  let summary = "Runs a kernel";
  let description = [{
    One buffer per kernel argument. The kernel's attribute `exec.outputs` says which arguments are
    written (results first to last); an argument may be both read and written.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyMemRef>:$buffers);
  let assemblyFormat = "$kernel `(` $buffers `)` attr-dict `:` type($buffers)";
}

def MatmulOp : ExecOp<"matmul", [AttrSizedOperandSegments]> {
  let summary = "c[b,m,n] = sum_k a[b,m,k] b[b,k,n] (+ bias[n])";
  let arguments = (ins ReadBuffer:$a, ReadBuffer:$b, OptionalReadBuffer:$bias, WrittenBuffer:$c,
                   OptionalWrittenBuffer:$scratch);
  let assemblyFormat = [{
    $a `,` $b (`bias` $bias^)? `->` $c (`scratch` $scratch^)? attr-dict `:` type(operands)
  }];
  let hasVerifier = 1;
}

def AttentionOp : ExecOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "weft.attention on buffers [batch, position, head, element]; lse [batch, head, position]";
  let arguments = (ins ReadBuffer:$q, ReadBuffer:$k, ReadBuffer:$v, OptionalReadBuffer:$mask, WrittenBuffer:$out,
                   WrittenBuffer:$lse, OptionalWrittenBuffer:$scratch, F64Attr:$scale, UnitAttr:$causal);
  let assemblyFormat = [{
    $q `,` $k `,` $v (`mask` $mask^)? `->` $out `,` $lse (`scratch` $scratch^)? `scale` $scale (`causal` $causal^)?
    attr-dict `:` type(operands)
  }];
}

def AttentionGradOp : ExecOp<"attention_grad", [AttrSizedOperandSegments]> {
  let summary = "weft.attention_grad on buffers";
  let arguments = (ins ReadBuffer:$dout, ReadBuffer:$q, ReadBuffer:$k, ReadBuffer:$v, ReadBuffer:$out, ReadBuffer:$lse,
                   OptionalReadBuffer:$mask, WrittenBuffer:$dq, WrittenBuffer:$dk, WrittenBuffer:$dv,
                   OptionalWrittenBuffer:$scratch, F64Attr:$scale, UnitAttr:$causal);
  let assemblyFormat = [{
    $dout `,` $q `,` $k `,` $v `,` $out `,` $lse (`mask` $mask^)? `->` $dq `,` $dk `,` $dv (`scratch` $scratch^)?
    `scale` $scale (`causal` $causal^)? attr-dict `:` type(operands)
  }];
}

def CopyOp : ExecOp<"copy"> {
  let summary = "Copies a dense buffer";
  let arguments = (ins ReadBuffer:$from, WrittenBuffer:$to);
  let assemblyFormat = "$from `->` $to attr-dict `:` type($from) `,` type($to)";
}

#endif // WEFT_EXEC_OPS_TD

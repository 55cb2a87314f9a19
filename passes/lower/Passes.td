//===- Passes.td - From a training step to kernels -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def Decompose : Pass<"weft-decompose", "::mlir::func::FuncOp"> {
  let summary = "Writes composite ops in terms of elementwise ops and reductions";
  let description = [{
    After: no layer_norm, rms_norm, softmax, cross_entropy, gelu, silu, learning_rate, adam or sgd is left. Row
    statistics are written as in dialects/weft/RowStatistics.h, so that the forward and backward pass share them.
    Full reductions of tensors of rank 2 and more become two reductions, the last dimension first.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def LoopProducts : Pass<"weft-loop-products", "::mlir::func::FuncOp"> {
  let summary = "Writes products that no library of the target computes as sums of products of elements";
  let description = [{
    After: every dot_general is of a type that the target's libraries take; the others (integers, f64 and f16 on the
    host) are a reduction of a multiplication, which becomes a kernel. Without a target nothing changes.
  }];
  let statistics = [Statistic<"numLoops", "loops", "Products written as sums">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::weft::exec::ExecDialect"];
}

def ExpandAttention : Pass<"weft-expand-attention", "::mlir::func::FuncOp"> {
  let summary = "Writes attention that no library of the target computes as products and a softmax";
  let description = [{
    After: every attention and attention_grad is one that the target's libraries take. One of 16-bit floats that they
    do not take becomes one of f32 where they take that; any other is written out in f32, and then the scores,
    [batch, head, query, key], are held. Without a target nothing changes, unless `all` is set.
  }];
  let options = [Option<"all", "all", "bool", "false", "Write out every attention, whatever the target takes">];
  let statistics = [Statistic<"numExpanded", "expanded", "Attentions written out">,
                    Statistic<"numWidened", "widened", "Attentions computed in f32 instead of 16 bits">];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::weft::exec::ExecDialect"];
}

def PackGradients : Pass<"weft-pack-gradients", "::mlir::func::FuncOp"> {
  let summary = "Has attention write its gradients where a concatenation puts them side by side";
  let description = [{
    A concatenation of exactly the gradients of one attention's queries, keys and values, reshaped or not, which nothing
    else reads, becomes the result of an exec.packed_attention_grad: no kernel copies them. Happens where one projection
    computes all three.
  }];
  let statistics = [Statistic<"numPacked", "packed", "Attentions that write side by side">];
  let dependentDialects = ["::weft::exec::ExecDialect"];
}

def FormKernels : Pass<"weft-form-kernels", "::mlir::func::FuncOp"> {
  let summary = "Groups ops into fused kernels and library calls";
  let description = [{
    Before: decomposed. After: the function holds only exec.fused, exec.product, weft.attention,
    weft.attention_grad, weft.read, weft.write, constants and views (reshape, transpose, slice, broadcast) that a
    library call reads through strides. docs/kernels.md says how groups are found.
  }];
  let statistics = [
    Statistic<"numFused", "fused", "Fused kernels formed">,
    Statistic<"numProducts", "products", "Library products">,
    Statistic<"numMaterialized", "materialized", "Copies made because a library could not read a view">
  ];
  let dependentDialects = ["::weft::exec::ExecDialect"];
}

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
    Full reductions of tensors of rank 2 and more become two reductions, the last dimension first. Concatenations have
    at most 16 operands.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::weft::exec::ExecDialect"];
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

def PadColumns : Pass<"weft-pad-columns", "::mlir::func::FuncOp"> {
  let summary = "Gives logits of an odd number of columns as many as the target's library likes";
  let description = [{
    A row that does not begin at a multiple of 16 bytes makes the products around it several times as slow. The weights
    get rows of zeros, the new logits are -infinity, which no maximum and no sum of exponentials sees, and their
    gradient is 0. All that is computed of the columns gets wider; what is read elsewhere is as it was. Nothing changes
    where that cannot be shown, or the target likes every width.
  }];
  let options = [Option<"multiple", "multiple", "int64_t", "0", "Columns come in multiples of it; 0: as the target says">,
                 Option<"bytes", "bytes", "int64_t", "int64_t(16) << 20", "The least size of such a product [bytes]">];
  let statistics = [Statistic<"numPadded", "padded", "Products that got more columns">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def ChunkRows : Pass<"weft-chunk-rows", "::mlir::func::FuncOp"> {
  let summary = "Computes the widest product, and what is as wide, a part of its rows at a time";
  let description = [{
    The logits of a language model are by far its largest value, and everything that reads them is close to them: the
    loss, its gradient, the two products of the backward pass. Where that is so, all of it is computed for one part of
    the batch after another, in the same memory. Results of parts are put together, or added up in f32. The same values
    come out, but for the order of those sums. Nothing changes where the wide value lives on, as between two layers.
  }];
  let options = [Option<"bytes", "bytes", "int64_t", "int64_t(256) << 20", "The least size of such a product [bytes]">,
                 Option<"chunks", "chunks", "int64_t", "0", "Parts; 0: eight, or as many as the size asks for">];
  let statistics = [Statistic<"numCut", "cut", "Products that are computed in parts">];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
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

def FuseActivations : Pass<"weft-fuse-activations", "::mlir::func::FuncOp"> {
  let summary = "Makes GELU and its derivative part of the products around them, where the target's library can";
  let description = [{
    gelu (by tanh) of a product and its bias becomes exec.gelu_product, which gives both; a product that is multiplied
    by gelu's derivative becomes exec.gelu_grad_product. Before weft-decompose. Without a target nothing changes,
    unless `all` is set.
  }];
  let options = [Option<"all", "all", "bool", "false", "Fuse whatever the target takes">];
  let statistics = [Statistic<"numFused", "fused", "Activations that became part of a product">];
  let dependentDialects = ["::weft::exec::ExecDialect"];
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

//===- Passes.td - Recovering structure -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def Raise : Pass<"weft-raise", "::mlir::func::FuncOp"> {
  let summary = "Recovers attention, norms, activations, rotary embedding and cross-entropy from their decompositions";
  let description = [{
    Before: canonicalised, constants folded. After: what was recognised is one
    op each; anything else is unchanged. Emits one remark with the counts.
  }];
  let statistics = [
    Statistic<"numAttention", "attention", "Attentions recovered">,
    Statistic<"numLayerNorm", "layer-norm", "Layer norms recovered">,
    Statistic<"numRmsNorm", "rms-norm", "RMS norms recovered">,
    Statistic<"numGelu", "gelu", "GELUs recovered">,
    Statistic<"numSilu", "silu", "SiLUs recovered">,
    Statistic<"numRotary", "rotary", "Rotary embeddings recovered">,
    Statistic<"numCrossEntropy", "cross-entropy", "Cross-entropies recovered">
  ];
  let dependentDialects = ["::weft::WeftDialect", "::mlir::arith::ArithDialect"];
}

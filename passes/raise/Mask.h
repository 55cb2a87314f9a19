//===- Mask.h - What an attention mask means -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_RAISE_MASK_H
#define WEFT_PASSES_RAISE_MASK_H

#include "passes/raise/Match.h"

namespace weft {

/// The indices of an attention's scores.
struct ScoreIndices {
  FactorList batch, head, query, key;
};

/// One thing that was done to the scores before the softmax.
struct MaskTerm {
  /// Boolean: an i1 tensor, true where the key is seen. Else: numbers to add.
  View view;
  bool boolean = false;
  /// The boolean is true where the key is hidden.
  bool inverted = false;
  /// Boolean: the score of a hidden key.
  double hidden = 0;
  /// Additive: what the sum is multiplied with afterwards.
  double factor = 1;
};

/// All masks of an attention, as its op wants them.
struct ResolvedMask {
  bool causal = false;
  /// [batch or 1, head or 1, query, key], i1 or float; null for none.
  mlir::Value mask;
};

/// Scores at most this are hidden: their exponential is zero next to any score
/// within a few thousand of zero.
constexpr double hiddenScore = -1e4;

/// Combines `terms` and builds what is left of them in front of the root.
/// Fails, having built nothing, where weft.attention would compute something
/// else: a row that sees nothing is 0 there, but a finite hidden score makes
/// it a mean, and no gradient flows into a mask.
mlir::FailureOr<ResolvedMask> resolveMasks(Build &build, Raising &raising, Factors &factors,
                                           const ScoreIndices &indices, llvm::ArrayRef<MaskTerm> terms);

} // namespace weft

#endif // WEFT_PASSES_RAISE_MASK_H

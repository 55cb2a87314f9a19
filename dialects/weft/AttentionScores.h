//===- AttentionScores.h - Attention written out in products -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The matrices between queries and keys that a library's attention never holds,
// for those who need them: the gradient of a trained mask, and targets without
// such a library. Everything here is in the statistics type.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_ATTENTIONSCORES_H
#define WEFT_DIALECTS_WEFT_ATTENTIONSCORES_H

#include "dialects/weft/Build.h"

namespace weft {

/// The sizes of an attention, with the names of weft.attention: q [B,T,H,D], k [B,S,G,D], H = G * R.
struct AttentionSizes {
  int64_t B, T, S, H, G, R;
  AttentionSizes(mlir::Value q, mlir::Value k);
  /// Of the scores.
  llvm::SmallVector<int64_t> shape() const { return {B, H, T, S}; }
};

/// x [B,T,H,N] times y [B,S,G,N] over N, query head h with key head h/R: [B,H,T,S].
mlir::Value queryKeyProducts(Build &e, mlir::Value x, mlir::Value y);

/// m [B,H,T,S] times y [B,S,G,N] over the keys: [B,T,H,N].
mlir::Value sumOverKeys(Build &e, mlir::Value m, mlir::Value y);

/// m [B,H,T,S] times x [B,T,H,N] over the queries, added up over the heads of each group: [B,S,G,N].
mlir::Value sumOverQueries(Build &e, mlir::Value m, mlir::Value x, int64_t groups);

/// The scaled and masked scores, -inf where a key is not seen: [B,H,T,S]. `mask` may be null.
mlir::Value attentionScores(Build &e, mlir::Value q, mlir::Value k, mlir::Value mask, double scale, bool causal);

/// exp(scores - lse), 0 in a row that sees nothing; `lse` is [B,H,T].
mlir::Value attentionProbabilities(Build &e, mlir::Value scores, mlir::Value lse);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_ATTENTIONSCORES_H

//===- Fold.h - Evaluating ops on constants -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_FOLD_H
#define WEFT_DIALECTS_WEFT_FOLD_H

#include "dialects/weft/Weft.h"

namespace weft {

/// The value of a constant, or of an iota of at most `limitBytes`; null for any
/// other value.
std::optional<Literal> constantLiteral(mlir::Value value, int64_t limitBytes);

/// Evaluates an op whose operands are all constants or iota ops. On success
/// `values` gets one dense attribute per result, each a splat or of at most
/// `limitBytes`. Fails, leaving `values` empty, for constants themselves, for
/// an iota that is not a splat, for ops without EvaluateOpInterface, and where
/// evaluation would take longer than a product of some 10^8 terms.
bool evaluateToConstants(mlir::Operation *op, int64_t limitBytes, llvm::SmallVectorImpl<mlir::Attribute> &values);

/// The largest constant that importers and canonicalisation create by folding, in bytes.
constexpr int64_t defaultFoldLimit = 4 << 20;

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_FOLD_H

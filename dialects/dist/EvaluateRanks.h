//===- EvaluateRanks.h - Running a function on all ranks in lock-step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_DIST_EVALUATERANKS_H
#define WEFT_DIALECTS_DIST_EVALUATERANKS_H

#include "dialects/dist/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft::dist {

/// What a rank holds of a tensor; its padding is zero.
Literal cutForRank(const Mesh &mesh, const Sharding &sharding, const Literal &whole, int64_t rank);

/// The tensor of `type` of which `parts[rank]` are what the ranks hold: parts put together without their padding,
/// unreduced ones added. Fails if ranks that should hold the same do not (`difference` gets the largest difference,
/// relative to the largest element).
Literal joinRanks(const Mesh &mesh, const Sharding &sharding, mlir::RankedTensorType type,
                  llvm::ArrayRef<Literal> parts, double &difference);

/// The value that `weft.read` finds on a rank, and what `weft.write` gives it.
using RankLookupFn = llvm::function_ref<std::optional<Literal>(int64_t rank, llvm::StringRef symbol)>;
using RankSinkFn = llvm::function_ref<void(int64_t rank, llvm::StringRef symbol, const Literal &value)>;

/// Runs a function of one block on all ranks of the module's mesh, each op on all of them before the next: one process,
/// no communication. `arguments[rank]` has a literal of the argument's local type each. Fails with an error at the op
/// that cannot be evaluated.
mlir::LogicalResult evaluateOnRanks(mlir::func::FuncOp function, llvm::ArrayRef<llvm::SmallVector<Literal>> arguments,
                                    llvm::MutableArrayRef<llvm::SmallVector<Literal>> results,
                                    RankLookupFn lookup = nullptr, RankSinkFn sink = nullptr);

} // namespace weft::dist

#endif // WEFT_DIALECTS_DIST_EVALUATERANKS_H

//===- Localize.h - Ops that are told which shard they are -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_LOCALIZE_H
#define WEFT_PASSES_SHARD_LOCALIZE_H

#include "dialects/dist/Dist.h"
#include "dialects/weft/Build.h"

namespace weft {

/// Factors that an op's rule calls Replicated, because a shard would have to know which one it is, and that localize()
/// can cut: the dimension that `iota` counts, the table's axis of `gather` and `scatter_add`, a dimension of which
/// `slice` takes little, all of `random`. Returns them; the rule has other kinds for them then.
llvm::SmallVector<int64_t> relaxRule(mlir::Operation *op, ShardingRule &rule);

/// Builds `op` at local types in the way of relaxRule: `operands` are local, axes cut the factors `factors` (-1: none).
/// Null if the op needs nothing beside a clone.
mlir::Value localize(mlir::OpBuilder &builder, mlir::Operation *op, mlir::ValueRange operands,
                     mlir::RankedTensorType resultType, const dist::Mesh &mesh, llvm::ArrayRef<int64_t> factors);

/// `local`, which ranks hold of a tensor of type `whole` as `sharding` says, with the neutral element of `combine` in
/// the padding of dimension `dim`.
mlir::Value fillPadding(Build &e, mlir::Value local, const dist::Mesh &mesh, const dist::Sharding &sharding,
                        mlir::RankedTensorType whole, int64_t dim, ShardingRule::Combine combine);

} // namespace weft

#endif // WEFT_PASSES_SHARD_LOCALIZE_H

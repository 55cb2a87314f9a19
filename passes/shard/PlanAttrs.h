//===- PlanAttrs.h - Plans in terms of IR -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_PLANATTRS_H
#define WEFT_PASSES_SHARD_PLANATTRS_H

#include "compiler/plan/Plan.h"
#include "dialects/dist/Dist.h"

namespace weft {

/// On a constraint: the op that it is for, by the names of a plan (layer, op, ordinal, operand).
inline constexpr llvm::StringLiteral cutAttr = "dist.cut";

/// On a parameter that tasks gather to have it as `dist.sharding` says: how it lies from one step to the next.
inline constexpr llvm::StringLiteral betweenStepsAttr = "dist.between_steps";

/// A layout as an attribute, with the axes as they are listed; it has been checked.
dist::ShardingAttr toAttr(mlir::MLIRContext *context, const Layout &layout);
Layout toLayout(dist::ShardingAttr attr);

} // namespace weft

#endif // WEFT_PASSES_SHARD_PLANATTRS_H

//===- Volume.h - What the collectives of a step move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_VOLUME_H
#define WEFT_PASSES_SHARD_VOLUME_H

#include "compiler/plan/Plan.h"
#include "mlir/IR/BuiltinOps.h"

namespace weft {

/// What one rank sends in a step, by the collectives of its tasks: a sum for each kind of what is moved, collective,
/// region and axes, in this order. The eval task is not part of a step. Docs/plan.md says what the kinds are.
std::vector<Plan::Collective> volumeOf(mlir::ModuleOp local);

/// What the tensors of a partitioned module have to send for their reshards, which are not lowered yet: the cheapest
/// collectives for each, once for what several of them begin with. Rows have `leastBytes` alone.
std::vector<Plan::Collective> leastVolumeOf(mlir::ModuleOp partitioned);

/// How often a task runs in a step of so many micro-batches.
int64_t runsPerStep(llvm::StringRef task, int64_t microbatches);

} // namespace weft

#endif // WEFT_PASSES_SHARD_VOLUME_H

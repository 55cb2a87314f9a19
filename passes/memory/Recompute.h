//===- Recompute.h - Clones of forward ops in the backward pass -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_MEMORY_RECOMPUTE_H
#define WEFT_PASSES_MEMORY_RECOMPUTE_H

#include "passes/memory/StepGraph.h"

namespace weft {

/// What recomputing changed.
struct RecomputeCounts {
  int64_t clones = 0; ///< kernels and calls that run again
  int64_t values = 0; ///< values that the backward pass read and that do not survive the forward pass any more
  int64_t bytes = 0;  ///< of those
};

/// Rewrites the task of `graph` so that exactly `kept` (and what is pinned) survives the forward pass: the backward
/// pass reads clones of everything else, each computed right before its first reader. `graph` is stale afterwards.
RecomputeCounts recompute(const StepGraph &graph, const llvm::BitVector &kept);

} // namespace weft

#endif // WEFT_PASSES_MEMORY_RECOMPUTE_H

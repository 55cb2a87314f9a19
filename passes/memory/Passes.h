//===- Passes.h - What is kept, computed again or moved away -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_MEMORY_PASSES_H
#define WEFT_PASSES_MEMORY_PASSES_H

#include "dialects/exec/Exec.h"
#include "mlir/Pass/Pass.h"
#include "passes/schedule/StepRates.h"
#include <optional>

namespace weft {

#define GEN_PASS_DECL
#include "passes/memory/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/memory/Passes.h.inc"

/// A strategy as people write it: none, each, contiguous, group_N, selective or auto.
struct RematStrategy {
  enum Kind { None, Groups, Selective, Auto } kind = None;
  int64_t group = 1; ///< blocks that are computed again together; 0: all

  static std::optional<RematStrategy> parse(llvm::StringRef text);
};

/// What the plan of one task came to.
struct TaskMemoryPlan {
  std::string task;
  int64_t blocks = 0;       ///< repeated ones that were found
  int64_t savedBytes = 0;   ///< what the backward pass reads of the forward pass, if nothing is recomputed
  int64_t droppedBytes = 0; ///< of those, what does not survive
  int64_t clones = 0;
  int64_t patterns = 0;        ///< `auto`: choices of a block that none is better than in every respect
  std::optional<double> bound; ///< `auto`: no choice that fits takes fewer seconds; none: nothing fits
  double seconds = 0;          ///< that computing it again takes, by the rates of the target
};

/// The pass for a target of those rates, with what it decided written to `plans`.
std::unique_ptr<mlir::Pass> createPlanMemoryPass(const PlanMemoryOptions &options, const StepRates &rates,
                                                 std::vector<TaskMemoryPlan> *plans);

} // namespace weft

#endif // WEFT_PASSES_MEMORY_PASSES_H

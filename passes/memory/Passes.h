//===- Passes.h - What is kept, computed again or moved away -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_MEMORY_PASSES_H
#define WEFT_PASSES_MEMORY_PASSES_H

#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
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
  int64_t offloadedBytes = 0;  ///< `auto`: of saved values, what waits in host memory
  double recomputeSeconds = 0; ///< that computing again takes, by the rates of the target
  double seconds = 0;          ///< of it, and of copies to and from host memory where they show
  /// What becomes of the saved values of a block, in bytes.
  struct Block {
    int64_t kept = 0, recomputed = 0, offloaded = 0;
    bool operator==(const Block &other) const {
      return kept == other.kept && recomputed == other.recomputed && offloaded == other.offloaded;
    }
  };
  std::vector<Block> perBlock;
};

/// Moments and master weights: what belongs to a parameter and is used once a step, by its update.
bool isOptimizerState(StateOp state);

/// Where the update of a parameter runs whose states are in host memory.
enum class UpdatePlace { Cheapest, Host, Device };
std::optional<UpdatePlace> parseUpdatePlace(llvm::StringRef text);

/// Where updates run, and what they would take by the rates of the target: those that the host can compute.
struct UpdateCounts {
  int64_t host = 0, streamed = 0;
  int64_t stuck = 0; ///< that the host cannot compute, and so are not on it
  double hostSeconds = 0, streamSeconds = 0;
};

/// The pass for a target of those rates, with where it put updates written to `counts`.
std::unique_ptr<mlir::Pass> createOffloadPass(const OffloadOptions &options, const StepRates &rates,
                                              UpdateCounts *counts);

class PatternCache;

/// The pass for a target of those rates, with what it decided written to `plans`. What it finds about blocks it keeps
/// in `cache` for the next run of it.
std::unique_ptr<mlir::Pass> createPlanMemoryPass(const PlanMemoryOptions &options, const StepRates &rates,
                                                 std::vector<TaskMemoryPlan> *plans, PatternCache *cache);

} // namespace weft

#endif // WEFT_PASSES_MEMORY_PASSES_H

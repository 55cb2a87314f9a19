//===- Pipelines.h - The order of the passes --------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The only place that orders passes. A rung is what `--emit` can print.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PIPELINE_PIPELINES_H
#define WEFT_COMPILER_PIPELINE_PIPELINES_H

#include "compiler/plan/Plan.h"
#include "mlir/Pass/PassManager.h"
#include "passes/schedule/StepRates.h"
#include <cstdint>
#include <string>
#include <vector>

namespace weft {

class Target;
struct ArenaReport;
class PatternCache;
struct TaskMemoryPlan;
struct UpdateCounts;

/// How the training step is built.
struct TrainingOptions {
  std::string loss = "auto";       ///< auto, cross-entropy, mse or output:NAME
  std::string optimizer = "adamw"; ///< adamw, adam or sgd
  int64_t microbatches = 1;
  std::vector<std::string> noDecay; ///< globs
  bool clipping = true;             ///< gradients may be scaled down by their global norm
  bool keepGradients = false;
  bool keepLogits = false;
  /// bf16: compute in it, with f32 master weights. Empty: in the model's types.
  std::string precision;
  /// Moments in the parameters' own type and no master weights.
  bool narrowStates = false;
  /// The step will be cut over ranks: samples get a first dimension of their own (docs/partitioning.md).
  bool isCut = false;
  /// Ranks that share attention heads: packed weights get a dimension for their parts, so that they can be cut, and
  /// key/value heads that the ranks do not divide are repeated.
  int64_t tp = 1;
};

/// How a training step is cut over ranks; docs/partitioning.md.
struct PartitionOptions {
  int64_t tp = 1, shard = 1, replica = 1;
  std::vector<std::string> order; ///< the axes tp, shard, replica as they are laid over ranks, slowest first
  int64_t zero = 0;
  int64_t persistence = 1000000; ///< elements below which ZeRO-3 leaves a parameter whole
  bool sequenceParallel = false;
  bool prescaledBatch = true;          ///< the ranks of tp have the same samples; else each has its own between blocks
  bool halves = false;                 ///< each rank's samples in two halves, one computes while the other communicates
  std::string accumulate = "by-zero";  ///< mb: add micro-batches before ranks reduce; dp: after; by-zero
  std::vector<std::string> shardParam; ///< PATTERN=AXIS:DIM or PATTERN=AXIS:none, over what is found
  /// What is carried out, checked against the module; it outlives the passes. Null: what is found.
  const Plan *plan = nullptr;
  /// Where the volume of a step's collectives is written, if it is wanted.
  std::vector<Plan::Collective> *volume = nullptr;
  /// Likewise, the conflicts of propagation.
  std::vector<Plan::Conflict> *conflicts = nullptr;
  /// Likewise, the weights that are gathered for products.
  std::vector<Plan::GatheredWeight> *gathered = nullptr;
  StepRates rates;     ///< of a rank: conflicts are decided by them
  std::string explain; ///< remarks about ops whose location contains this

  int64_t getNumRanks() const { return tp * shard * replica; }
};

/// How ranks communicate; docs/schedule.md.
struct CommunicationOptions {
  int64_t bucket = 500000000;   ///< elements of one grouped collective, at most
  int64_t maxLive = 1000000000; ///< elements of parameters that are gathered at one time
  int64_t ranksPerNode = 0;     ///< consecutive ranks on one node; 0: not known
  bool overlap = false;         ///< collectives on streams of their own
};

/// What is kept, computed again or moved away; docs/memory.md.
struct MemoryOptions {
  std::string remat = "none"; ///< none, each, contiguous, group_N, selective, auto
  int64_t limit = 0;          ///< with auto: bytes of temporaries that may be alive at once; 0: any
  /// Parts in which logits, or what is as wide, are computed. 0: as many as their size asks for; 1: in one go.
  int64_t logitChunks = 0;
  /// What waits in host memory, and how many blocks or updates transfers may be behind or ahead.
  bool offloadActivations = false, offloadOptimizer = false;
  int64_t offloadHorizon = 2;
  /// Where updates run whose states wait there: auto, host or device.
  std::string offloadUpdates = "auto";
};

/// What scheduling tells whoever asks; each may be null.
struct ScheduleReport {
  ArenaReport *arena = nullptr;
  std::vector<TaskMemoryPlan> *memory = nullptr;
  UpdateCounts *updates = nullptr;
  PatternCache *patterns = nullptr; ///< read too: what was found about blocks before
};

/// Folds what is known once sizes are: shape arithmetic, position ids, masks.
void buildSimplifyPipeline(mlir::OpPassManager &pm);

/// From the imported graph to the import rung: simplified, with attention, norms and activations as one op each.
void buildImportPipeline(mlir::OpPassManager &pm);

/// From the import rung to the train rung: the tasks of a training step. `target`, which outlives the passes, says what
/// its libraries take in a narrow precision; null: everything.
void buildTrainPipeline(mlir::OpPassManager &pm, const TrainingOptions &options, const Target *target = nullptr);

/// On a copy of the train rung: the constraints that are found in the graph, and the storage that follows from them.
/// decidePlan (compiler/plan/Planner.h) reads the plan out of it.
void buildDecidePipeline(mlir::OpPassManager &pm, const PartitionOptions &options);

/// From the train rung to the local rung: the tasks of one rank, with collectives.
void buildPartitionPipeline(mlir::OpPassManager &pm, const PartitionOptions &options);

/// On the local rung: groups collectives, and splits gathers over axes that span nodes.
void buildCommunicationPipeline(mlir::OpPassManager &pm, const CommunicationOptions &options);

/// From the local rung to kernels and library calls in the program's order: what a step's time is predicted from.
/// `target` outlives the passes.
void buildKernelPipeline(mlir::OpPassManager &pm, const Target *target);

/// From the train or local rung to the schedule rung: library calls and fused kernels, in order, at offsets of one
/// arena. `target` outlives the passes; null: libraries get no workspace.
void buildSchedulePipeline(mlir::OpPassManager &pm, const Target *target, const MemoryOptions &memory = {},
                           const CommunicationOptions &communication = {}, const ScheduleReport &report = {});

} // namespace weft

#endif // WEFT_COMPILER_PIPELINE_PIPELINES_H

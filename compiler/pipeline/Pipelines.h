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

#include "mlir/Pass/PassManager.h"
#include <cstdint>
#include <string>
#include <vector>

namespace weft {

class Target;

/// How the training step is built.
struct TrainingOptions {
  std::string loss = "auto";       ///< auto, cross-entropy, mse or output:NAME
  std::string optimizer = "adamw"; ///< adamw, adam or sgd
  int64_t microbatches = 1;
  std::vector<std::string> noDecay; ///< globs
  bool keepGradients = false;
  bool keepLogits = false;
};

/// Folds what is known once sizes are: shape arithmetic, position ids, masks.
void buildSimplifyPipeline(mlir::OpPassManager &pm);

/// From the imported graph to the import rung: simplified, with attention, norms and activations as one op each.
void buildImportPipeline(mlir::OpPassManager &pm);

/// From the import rung to the train rung: the tasks of a training step.
void buildTrainPipeline(mlir::OpPassManager &pm, const TrainingOptions &options);

/// From the train rung to the schedule rung: library calls and fused kernels, in order, at offsets of one arena.
/// `target` outlives the passes; null: libraries get no workspace.
void buildSchedulePipeline(mlir::OpPassManager &pm, const Target *target);

} // namespace weft

#endif // WEFT_COMPILER_PIPELINE_PIPELINES_H

//===- Planner.h - From a training step to its plan -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_PLANNER_H
#define WEFT_COMPILER_PLAN_PLANNER_H

#include "compiler/pipeline/Pipelines.h"
#include "compiler/plan/Plan.h"
#include "mlir/IR/BuiltinOps.h"

namespace weft {

/// Decides inputs, cuts and parameters of a plan whose degrees and options are given, for a module on the train rung,
/// which stays as it is. Fails with an error at what cannot be.
mlir::LogicalResult decidePlan(mlir::ModuleOp train, const PartitionOptions &options, Plan &plan);

/// Whether a plan that was read is one for this module: every name is known, shapes are the module's, nothing lacks.
/// Else one error that names the plan's line.
mlir::LogicalResult checkPlan(mlir::ModuleOp train, const Plan &plan);

/// What the plan says of tensor and data parallelism, for the passes.
PartitionOptions partitionOptionsOf(const Plan &plan);

} // namespace weft

#endif // WEFT_COMPILER_PLAN_PLANNER_H

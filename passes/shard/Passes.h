//===- Passes.h - The passes that partition -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_PASSES_H
#define WEFT_PASSES_SHARD_PASSES_H

#include "compiler/plan/Plan.h"
#include "dialects/dist/Dist.h"
#include "mlir/Pass/Pass.h"
#include "passes/schedule/StepRates.h"

namespace weft {

#define GEN_PASS_DECL
#include "passes/shard/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/shard/Passes.h.inc"

/// The passes that carry out a plan, which outlives them and has been checked against the module (checkPlan in
/// compiler/plan/Planner.h).
std::unique_ptr<mlir::Pass> createApplyPlanPass(const Plan &plan);
std::unique_ptr<mlir::Pass> createAssignStoragePass(const Plan &plan);

/// The pass that propagates, with remarks on what is asked about. Conflicts are decided by the time that a rank of
/// these rates takes. Those of a step go to `conflicts`, and the weights that are gathered for it to `gathered`, which
/// outlive the pass, unless they are null.
std::unique_ptr<mlir::Pass> createPropagatePass(llvm::StringRef explain, const StepRates &rates,
                                                std::vector<Plan::Conflict> *conflicts,
                                                std::vector<Plan::GatheredWeight> *gathered);

/// The passes that write what a step's reshards have to send to `into`, which outlives them, and then, when these are
/// lowered, the volume of its collectives beside it.
std::unique_ptr<mlir::Pass> createRecordReshardsPass(std::vector<Plan::Collective> &into);
std::unique_ptr<mlir::Pass> createRecordVolumePass(std::vector<Plan::Collective> &into);

} // namespace weft

#endif // WEFT_PASSES_SHARD_PASSES_H

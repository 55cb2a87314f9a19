//===- Passes.h - The schedule passes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_PASSES_H
#define WEFT_PASSES_SCHEDULE_PASSES_H

#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "passes/schedule/Target.h"

namespace weft {

#define GEN_PASS_DECL
#include "passes/schedule/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/schedule/Passes.h.inc"

struct ArenaReport;

/// The schedule pass for a target, which outlives it. Without one, library calls get no workspace. What lies where is
/// written to `report`, if there is one.
std::unique_ptr<mlir::Pass> createInterleavePass(const StepRates &rates);
std::unique_ptr<mlir::Pass> createSchedulePass(const Target *target, const ScheduleOptions &options = {},
                                               ArenaReport *report = nullptr);

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_PASSES_H

//===- OpSeconds.h - How long an op of a task takes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_OPSECONDS_H
#define WEFT_PASSES_SCHEDULE_OPSECONDS_H

#include "passes/schedule/StepRates.h"

#include "mlir/IR/BuiltinTypes.h"

namespace weft {

/// Seconds that a kernel, a library call or a collective takes by the target's rates.
double secondsOf(mlir::Operation *op, const StepRates &rates);

/// Seconds that it would take if its operands and results had these types.
double secondsOf(mlir::Operation *op, llvm::ArrayRef<mlir::RankedTensorType> operands,
                 llvm::ArrayRef<mlir::RankedTensorType> results, const StepRates &rates);

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_OPSECONDS_H

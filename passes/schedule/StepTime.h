//===- StepTime.h - What a task is predicted to take ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_STEPTIME_H
#define WEFT_PASSES_SCHEDULE_STEPTIME_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/Target.h"

namespace weft {

/// Seconds of a task, or of a step; docs/schedule.md has the model. Collectives are those over `tp`: what others take
/// is the same whether the samples are in halves or not, and left out.
struct StepTime {
  double computing = 0;     ///< kernels and calls
  double communicating = 0; ///< collectives
  double exposed = 0;       ///< in which collectives run and nothing is computed
  double loss = 0;          ///< of computing, if something were computed beside all collectives

  double total() const { return computing + exposed + loss * hiddenPart(); }
  /// What it would take at least, with all collectives hidden behind what is computed.
  double least() const { return computing + loss; }

  StepTime &operator+=(const StepTime &other);
  StepTime operator*(double times) const;

private:
  double hiddenPart() const { return communicating > 0 ? 1 - exposed / communicating : 0; }
};

/// What `task`, whose kernels are formed, is predicted to take where collectives run beside what is computed: in the
/// order of `weft-interleave` if it has halves, else in the program's.
StepTime timeOf(mlir::func::FuncOp task, const Target &target);

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_STEPTIME_H

//===- Theory.h - What collectives ought to move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The formulas of docs/partitioning.md, "How much is sent": from sizes and degrees alone, without a look at the
// partitioned program.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_THEORY_H
#define WEFT_COMPILER_PLAN_THEORY_H

#include "compiler/plan/Plan.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// What the formulas need to know of a step on one device.
struct StepFacts {
  /// How the step reads a parameter.
  struct Use {
    bool forward = false, backward = false;
    int64_t sliced = 0; ///< elements of a slice that is all that is read of it; 0: everything is
  };
  llvm::StringMap<Use> uses;
  /// Bytes of what norms read in one micro-batch; 0 if there are none, or not of one size.
  double block = 0;
  /// Bytes of one f32 number for each row of logits in one micro-batch.
  double rows = 0;
  /// Bytes of an element of an accumulated gradient of a 16- or 32-bit parameter.
  int64_t accumulatorBytes = 4;
};

/// Fills in `theory` of the plan's collectives. What theory has and the program lacks is added, with a count of 0.
void addTheory(Plan &plan, const StepFacts &facts);

} // namespace weft

#endif // WEFT_COMPILER_PLAN_THEORY_H

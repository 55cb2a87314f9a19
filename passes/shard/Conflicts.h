//===- Conflicts.h - Which factor an axis cuts where constraints disagree -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_CONFLICTS_H
#define WEFT_PASSES_SHARD_CONFLICTS_H

#include "passes/shard/AxisCost.h"

namespace weft {

/// Ops that share tensors and at which the same constraint held over the same other one.
struct Conflict {
  int64_t axis = 0;
  llvm::SmallVector<mlir::Operation *> ops; ///< in program order
  Origin kept, over;                        ///< of the first op
  StepCost cost, instead;                   ///< of all of them together, and had the other one held
};

/// Decides which factor each axis cuts at each op of a function, once preferences are known: docs/partitioning.md,
/// "Conflicts". Linear in the number of ops.
class Decisions {
public:
  Decisions(mlir::func::FuncOp function, const dist::Mesh &mesh, const StepRates &rates, const Preferences &preferences,
            FactorCache &factors);

  /// Per axis the factor that it cuts at an op, or None.
  llvm::ArrayRef<int64_t> factorsAt(mlir::Operation *op) const { return chosen.find(op)->second; }
  /// By axis, then in the order of the program.
  llvm::ArrayRef<Conflict> getConflicts() const { return conflicts; }

private:
  using Contenders = llvm::SmallVector<Contender, 2>;
  /// An op at which tensors would have the axis cut different factors.
  struct Contest {
    mlir::Operation *op;
    Contenders contenders; ///< in the order of visiting
    int64_t numFree;       ///< of them, those among which cost decides: the user's alone, if there are any
  };

  /// What is visited first, as far as axes go together.
  void begin(mlir::Operation *op);
  void decide(int64_t axis);
  /// Contests that share a tensor of which something is preferred.
  std::vector<std::vector<Contest>> groupsOn(int64_t axis);
  void settle(llvm::MutableArrayRef<Contest> group, int64_t axis, AxisCost &cost);
  void report(llvm::ArrayRef<Contest> group, int64_t axis, AxisCost &cost);
  /// Whether the axis can cut the factor at the op beside what other axes cut.
  bool canCut(mlir::Operation *op, int64_t axis, int64_t factor) const;

  mlir::func::FuncOp function;
  const dist::Mesh &mesh;
  const StepRates &rates;
  const Preferences &preferences;
  FactorCache &factors;
  ChosenFactors chosen;
  std::vector<Conflict> conflicts;
};

} // namespace weft

#endif // WEFT_PASSES_SHARD_CONFLICTS_H

//===- AxisCost.h - What ops cost, by what an axis cuts at them -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_AXISCOST_H
#define WEFT_PASSES_SHARD_AXISCOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Preferences.h"
#include "passes/shard/ReshardCost.h"

namespace weft {

/// Per op of a function, per axis: the factor that the axis cuts, or None.
using ChosenFactors = llvm::DenseMap<mlir::Operation *, llvm::SmallVector<int64_t>>;

/// What ops of a function cost on one axis: what a rank sends to reshard their tensors along it, and the time that this
/// and the ops themselves take. Follows what partitioning will do (docs/partitioning.md, "Conflicts"): a value is held
/// as its op makes it, a reshard serves all uses of a region, sums are reduced behind the sums they are part of.
/// Reads `chosen`, which may change between calls.
class AxisCost {
public:
  AxisCost(mlir::func::FuncOp function, const dist::Mesh &mesh, int64_t axis, const StepRates &rates,
           const Preferences &preferences, FactorCache &factors, const ChosenFactors &chosen)
      : mesh(mesh), axis(axis), rates(rates), preferences(preferences), factors(factors), chosen(chosen),
        symbols(function->getParentOfType<mlir::ModuleOp>()) {}

  /// Of these ops, of the sums behind their results, and of all tensors of both.
  StepCost of(llvm::ArrayRef<mlir::Operation *> ops);

private:
  /// How long a chain of sums is followed.
  static constexpr int kMaxSums = 16;

  int64_t factorAt(mlir::Operation *op) const {
    auto it = chosen.find(op);
    return it == chosen.end() ? OpFactors::None : it->second[axis];
  }
  const dist::Sharding &storedAs(llvm::StringRef symbol);
  /// How a use needs the value on all axes, if it is not a sum that passes on.
  dist::Sharding neededAt(mlir::OpOperand &use);
  /// How an op or its symbol gives the value.
  int8_t madeAs(mlir::Value value, int depth = 0);
  /// How it is held for its users.
  int8_t heldAs(mlir::Value value, int depth = 0);
  bool isPartial(mlir::Value value, int depth) { return value.hasOneUse() && madeAs(value, depth) < Whole; }
  /// The operands that are sums over ranks and pass on as such; empty if the op needs what it reads.
  llvm::SmallVector<int64_t> passing(mlir::Operation *op, int depth);
  bool passesOn(mlir::Value value, int depth);
  /// How a sum over ranks is reduced where it is made.
  int8_t reducedTo(mlir::Value value);
  /// Whether it is what an update or an accumulator takes, but for its shape.
  static bool isGradient(mlir::Value value, int depth = 0);
  StepCost costOf(mlir::Value value);
  double workOf(mlir::Operation *op);

  static constexpr int8_t Whole = dist::Sharding::Whole, Unreduced = dist::Sharding::Unreduced;
  const dist::Mesh &mesh;
  int64_t axis;
  const StepRates &rates;
  const Preferences &preferences;
  FactorCache &factors;
  const ChosenFactors &chosen;
  mlir::SymbolTable symbols;
  llvm::StringMap<dist::Sharding> stored;
  llvm::DenseMap<std::pair<mlir::Operation *, int64_t>, double> work; ///< by what the axis cuts
};

} // namespace weft

#endif // WEFT_PASSES_SHARD_AXISCOST_H

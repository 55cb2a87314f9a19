//===- Unreduced.h - How long partial sums stay unreduced -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_UNREDUCED_H
#define WEFT_PASSES_SHARD_UNREDUCED_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Factors.h"

namespace weft {

/// Decides where partial sums are reduced, for a propagated function: docs/partitioning.md, "How long a value stays
/// unreduced". Linear in the number of uses.
class UnreducedAnalysis {
public:
  UnreducedAnalysis(mlir::func::FuncOp function, const dist::Mesh &mesh);

  /// Whether a value that is unreduced on an axis is left so for its users.
  bool isKept(mlir::Value value, int64_t axis) const;

  /// The operands that have to be unreduced on the axis so that the op's results may be, given which can be; empty if
  /// it cannot be. A whole scalar can always be, and what is whole and added to a sum that is stored.
  static llvm::SmallVector<int64_t> passingSet(mlir::Operation *op, const OpFactors &factors,
                                               llvm::function_ref<bool(int64_t operand)> canBe,
                                               llvm::function_ref<bool(int64_t operand)> isCut);

private:
  using Key = std::pair<mlir::Value, int64_t>;
  using Ops = std::vector<std::pair<mlir::Operation *, OpFactors>>;

  /// Which values can be unreduced at all, but those in `early`.
  void findPossible(const Ops &ops);
  /// Backwards: what it costs to leave them to their users.
  void findCosts(const Ops &ops);
  /// Adds to `early` what is kept for a user that cannot pass it on after all, because another of its operands is
  /// reduced before. Whether there was any.
  bool findStranded(const Ops &ops);
  dist::Sharding storedAs(llvm::StringRef symbol) const;
  bool canBe(mlir::Value value, int64_t axis) const { return later.count({value, axis}) != 0; }
  bool isCut(mlir::Value value, int64_t axis) const;
  /// Whether the op itself makes a partial sum, of whole operands.
  bool makesPartial(const OpFactors &factors, mlir::OpResult result, int64_t axis) const;
  llvm::SmallVector<int64_t> passing(mlir::Operation *op, const OpFactors &factors, int64_t axis) const;
  /// Bytes to reduce the value where it is.
  double costHere(mlir::Value value, int64_t axis) const;
  /// Bytes to reduce it to what `to` says on the axis.
  double costAs(mlir::Value value, const dist::Sharding &preferred, int64_t axis, int8_t to) const;

  const dist::Mesh &mesh;
  mlir::SymbolTable symbols;
  llvm::DenseMap<Key, double> later; ///< of values that can be unreduced: the cost of leaving them so
  llvm::DenseSet<Key> early;         ///< values that are reduced where they are, whatever it costs
};

/// What `dist.shardings` says of an op's result.
dist::Sharding preferredSharding(const dist::Mesh &mesh, mlir::OpResult result);

/// What `dist.factors` says of an op.
llvm::SmallVector<int64_t> factorsOf(const dist::Mesh &mesh, mlir::Operation *op);

} // namespace weft

#endif // WEFT_PASSES_SHARD_UNREDUCED_H

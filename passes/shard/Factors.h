//===- Factors.h - Axes of a mesh on the factors of an op -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_FACTORS_H
#define WEFT_PASSES_SHARD_FACTORS_H

#include "dialects/dist/Dist.h"
#include <memory>

namespace weft {

/// An op's tensors and the factors of their dimensions. Operands come first, then results.
class OpFactors {
public:
  static constexpr int64_t None = -1;

  /// The op's factor rule, in which the factors that the op may be told its place in (Localize.h) are no longer
  /// Replicated.
  explicit OpFactors(mlir::Operation *op);

  /// Whether the op has a rule; constants and symbols' reads have none, and nothing passes through them.
  bool isKnown() const { return known; }
  int64_t getNumTensors() const { return maps.size(); }
  const ShardingRule &getRule() const { return rule; }
  const ShardingRule::Factor &factor(int64_t index) const { return rule.factors[index]; }
  /// Whether the op is told its place along the factor.
  bool isPlaced(int64_t index) const { return llvm::is_contained(placed, index); }
  /// Whether the factor can be cut into parts with padding: what stands in the padding does not reach what is in the
  /// tensor, or does not matter once operands are filled with the reduction's neutral element there.
  bool canBePadded(int64_t index) const;

  /// The factor that `axis` cuts if `tensor` is held as `sharding` says; None if the axis cuts nothing, or not one
  /// factor.
  int64_t factorOf(const dist::Mesh &mesh, int64_t tensor, const dist::Sharding &sharding, int64_t axis) const;
  /// Whether a dimension of the tensor is one factor; parts of several would have their padding in the midst.
  bool isOneFactor(int64_t tensor, int64_t dim) const { return maps[tensor][dim].size() == 1; }
  /// A dimension of the tensor that has the factor, or None.
  int64_t dimOf(int64_t tensor, int64_t factor) const;
  /// How the tensor lies if axes cut factors as `factors` says (None: the axis cuts no factor), unreduced where the
  /// tensor is a result that lacks a Reduction; nothing if contiguous cuts cannot say that.
  std::optional<dist::Sharding> shardingOf(const dist::Mesh &mesh, int64_t tensor,
                                           llvm::ArrayRef<int64_t> factors) const;
  /// Whether all tensors can be cut so.
  bool isFeasible(const dist::Mesh &mesh, llvm::ArrayRef<int64_t> factors) const;

private:
  ShardingRule rule;
  llvm::SmallVector<ShardingRule::TensorMap> maps;
  llvm::SmallVector<int64_t> placed;
  int64_t numOperands = 0;
  bool known = false;
};

/// The factors of ops, found once each. The ops stay as they are meanwhile.
class FactorCache {
public:
  const OpFactors &of(mlir::Operation *op) {
    std::unique_ptr<OpFactors> &known = cache[op];
    if (!known)
      known = std::make_unique<OpFactors>(op);
    return *known;
  }

private:
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<OpFactors>> cache;
};

/// The tensor of an op by its number: operands first, then results.
mlir::Value tensorOf(mlir::Operation *op, int64_t tensor);

} // namespace weft

#endif // WEFT_PASSES_SHARD_FACTORS_H

//===- ShardingRule.h - Building factor rules -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the dialect's implementation.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_SHARDINGRULE_H
#define WEFT_DIALECTS_WEFT_SHARDINGRULE_H

#include "dialects/weft/Weft.h"

namespace weft {

/// A tensor of an op: an operand or a result.
struct TensorOf {
  enum Kind { Operand, Result } kind;
  int64_t index;
};

inline TensorOf operand(int64_t index) { return {TensorOf::Operand, index}; }
inline TensorOf result(int64_t index = 0) { return {TensorOf::Result, index}; }

/// A rule while it is being written. Dimensions that get no factor have size 1.
class ShardingRuleBuilder {
public:
  using Kind = ShardingRule::FactorKind;
  using Combine = ShardingRule::Combine;
  /// A dimension of one of the tensors.
  struct Dim {
    TensorOf tensor;
    int64_t dim;
  };

  explicit ShardingRuleBuilder(mlir::Operation *op);

  int64_t rank(TensorOf tensor);
  int64_t size(Dim dim);

  /// Adds a factor as the new minor factor of each of `dims`. Its index is returned.
  int64_t add(Kind kind, int64_t size, llvm::ArrayRef<Dim> dims, Combine combine = Combine::Sum);
  /// The same with the size of the first of `dims`.
  int64_t add(Kind kind, llvm::ArrayRef<Dim> dims) { return add(kind, size(dims.front()), dims); }
  /// A dimension that two tensors share if neither changes it, which is so where the sizes are equal: one Parallel
  /// factor. Otherwise one Replicated factor of each.
  void addUntouched(Dim from, Dim to);

  /// Declares that the op is jointly linear in `operands`.
  ShardingRuleBuilder &linear(llvm::ArrayRef<int64_t> operands);

  ShardingRule take() { return std::move(rule); }

private:
  mlir::RankedTensorType type(TensorOf tensor);

  mlir::Operation *op;
  ShardingRule rule;
};

/// The rule of an op that treats every element alike: one Parallel factor per dimension of result 0, which all
/// results and all operands of the same rank share. Operands of rank 0, and scalars that are no tensors, are whole.
ShardingRule elementwiseRule(mlir::Operation *op, llvm::ArrayRef<llvm::SmallVector<int64_t, 2>> linear = {});

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_SHARDINGRULE_H

//===- Interfaces.h - The four interfaces and their values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_INTERFACES_H
#define WEFT_DIALECTS_WEFT_INTERFACES_H

#include "dialects/weft/Literal.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "llvm/ADT/SmallVector.h"

namespace weft {

/// Work and traffic of one op.
struct OpCost {
  double flops = 0;      ///< floating-point operations, a multiply-add counts two
  double bytesRead = 0;  ///< if every operand is read once
  double bytesWritten = 0;
};

/// An einsum-like correspondence of dimensions. A *factor* is an iteration
/// dimension; each tensor dimension is a product of factors, major first (a
/// reshape that merges two dimensions has a dimension of two factors).
struct ShardingRule {
  /// How a factor behaves when it is sharded.
  enum class FactorKind {
    Parallel,   ///< appears in every result it concerns: shards independently
    Reduction,  ///< appears in no result: sharding leaves a partial result
    Replicated, ///< must not be sharded (a softmax row, say)
  };
  struct Factor {
    int64_t size;
    FactorKind kind;
  };
  /// Per tensor, per dimension: indices into `factors`, major first.
  using TensorMap = llvm::SmallVector<llvm::SmallVector<int64_t, 1>, 4>;

  llvm::SmallVector<Factor> factors;
  llvm::SmallVector<TensorMap> operands, results;
  /// Sets of operands in which the op is jointly linear: partial sums in exactly
  /// such a set pass through it. {{0},{1}} for a product, {{0,1}} for a sum.
  llvm::SmallVector<llvm::SmallVector<int64_t, 2>> linear;
};

/// Splat operands give splat results, at a cost that does not depend on the
/// sizes: such an op is evaluated however large its result is. Elementwise ops
/// have the property without this trait.
template <typename ConcreteOp> class KeepsSplats : public mlir::OpTrait::TraitBase<ConcreteOp, KeepsSplats> {};

} // namespace weft

#include "dialects/weft/Interfaces.h.inc"

#endif // WEFT_DIALECTS_WEFT_INTERFACES_H

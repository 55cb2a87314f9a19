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

/// Work and traffic of one op. What counts how much is in docs/interfaces.md.
struct OpCost {
  double flops = 0;     ///< operations of any number type, a multiply-add counts two
  double bytesRead = 0; ///< if every element that the op needs is read once
  double bytesWritten = 0;
};

/// An einsum-like correspondence of dimensions. A *factor* is an iteration
/// dimension; each tensor dimension is a product of factors, major first (a
/// reshape that merges two dimensions has a dimension of two factors), and of
/// none if its size is 1 whatever the factors are. To shard a factor over n
/// shards is to cut every tensor along it, where it appears, and to run the
/// same op with the same attributes on each shard; no shard knows which it is.
struct ShardingRule {
  /// How a factor behaves when it is sharded.
  enum class FactorKind {
    Parallel,   ///< results that have it are cut along it; those that lack it come out whole on every shard
    Reduction,  ///< results that have it are cut along it; those that lack it come out partial
    Replicated, ///< must not be sharded (a softmax row, say)
  };
  /// How the shards' partial results are combined.
  enum class Combine { Sum, Product, Max, Min };
  struct Factor {
    int64_t size;
    FactorKind kind;
    Combine combine = Combine::Sum; ///< of a Reduction only
  };
  /// Per tensor, per dimension: indices into `factors`, major first.
  using TensorMap = llvm::SmallVector<llvm::SmallVector<int64_t, 1>, 4>;

  llvm::SmallVector<Factor> factors;
  llvm::SmallVector<TensorMap> operands, results;
  /// Sets of operands in which the op is jointly linear: partial sums in exactly
  /// such a set pass through it. {{0},{1}} for a product, {{0,1}} for a sum.
  llvm::SmallVector<llvm::SmallVector<int64_t, 2>> linear;
};

/// Prints a rule in einsum notation, as docs/interfaces.md describes it:
/// `(a, b), (b, c) -> (a, c) {a=4 parallel, b=64 sum, c=8 parallel} linear {0}{1}`.
llvm::raw_ostream &operator<<(llvm::raw_ostream &stream, const ShardingRule &rule);

/// Splat operands give splat results, at a cost that does not depend on the
/// sizes: such an op is evaluated however large its result is. Elementwise ops
/// have the property without this trait.
template <typename ConcreteOp> class KeepsSplats : public mlir::OpTrait::TraitBase<ConcreteOp, KeepsSplats> {};

} // namespace weft

#include "dialects/weft/Interfaces.h.inc"

#endif // WEFT_DIALECTS_WEFT_INTERFACES_H

//===- RuleCheck.h - Factor rules against reference evaluation -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rule is a claim about what an op computes on shards. The op is cloned at the
// shards' shapes, evaluated there, and what the rule says about the results is
// compared with the evaluation of the whole.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_SHARDING_RULECHECK_H
#define WEFT_TEST_UNIT_SHARDING_RULECHECK_H

#include "dialects/weft/Weft.h"
#include <optional>
#include <random>
#include <string>

namespace weft::test {

/// Half of a factor: the indices [begin, end) of it.
struct Cut {
  int64_t factor, begin, end;
};

/// The part of a tensor within all cuts; its dimensions have factors of the cuts' sizes. A dimension's factor need not
/// be the major one: a cut of a minor factor takes elements at a stride.
Literal cutLiteral(const Literal &whole, const ShardingRule::TensorMap &map, const ShardingRule &rule,
                   llvm::ArrayRef<Cut> cuts);

/// What is wrong; nothing if all is well.
using Fault = std::optional<std::string>;

/// One op, its operands' values and its rule.
class RuleCheck {
public:
  /// `op`'s operands are block arguments, with the values `operands`.
  RuleCheck(mlir::Operation *op, llvm::ArrayRef<Literal> operands, std::mt19937 &generator);

  /// Maps and factors fit the types and each other.
  Fault checkForm() const;
  /// Cutting `factors`, each in two at a random place, gives the results that the rule says.
  Fault checkFactors(llvm::ArrayRef<int64_t> factors);
  /// f(x + y) = f(x) + f(y) in the set of operands, the others as they are.
  Fault checkLinear(llvm::ArrayRef<int64_t> set);

  /// Everything the rule claims, with one and with two factors cut at a time.
  Fault checkClaims();
  /// What the rule could claim besides and does not: a Replicated factor that may be sharded, sets of floating-point
  /// operands among the first `candidates` in which the op is linear. The values have to be general enough to disprove
  /// it.
  Fault checkNothingMissing(int64_t candidates);

  ShardingRule rule;

private:
  /// The op on cut operands; nothing if it does not verify or cannot be evaluated there.
  std::optional<llvm::SmallVector<Literal>> evaluateCut(llvm::ArrayRef<Cut> cuts);
  /// The op on other operands of the same types.
  std::optional<llvm::SmallVector<Literal>> evaluate(llvm::ArrayRef<Literal> values);
  Literal randomLike(const Literal &like);
  /// Puts the elements of every floating-point operand in another order.
  void shuffleOperands();

  mlir::Operation *op;
  llvm::SmallVector<Literal> operands, results;
  std::mt19937 &generator;
};

/// Rounding errors of an op with tensors of these types, relative to the largest element: of the least precise one.
double toleranceOf(llvm::ArrayRef<Literal> tensors);

/// Whether both have the same type and nearly the same elements.
bool isNear(const Literal &actual, const Literal &expected, double tolerance);

} // namespace weft::test

#endif // WEFT_TEST_UNIT_SHARDING_RULECHECK_H

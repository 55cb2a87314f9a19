//===- Condition.h - Conditions on indices -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Masks are computed from positions: compared, negated, turned into numbers and
// back. This evaluates such expressions symbolically, in terms of factors, so
// that it does not matter how a mask was written.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_RAISE_CONDITION_H
#define WEFT_PASSES_RAISE_CONDITION_H

#include "passes/raise/View.h"

namespace weft {

/// A sum of multiples of indices and a constant.
struct Affine {
  llvm::SmallVector<std::pair<int, int64_t>, 4> terms;
  int64_t constant = 0;

  void add(const Affine &other, int64_t multiple);
  /// Adds `multiple` times the index that a dimension's factors make.
  void addIndex(const Factors &factors, llvm::ArrayRef<int> list, int64_t multiple);
  /// In terms of leaves, sorted, without zeros.
  Affine normalized(const Factors &factors) const;
  /// Least and greatest value.
  std::pair<int64_t, int64_t> range(const Factors &factors) const;
  bool operator==(const Affine &other) const { return terms == other.terms && constant == other.constant; }
};

/// The index that the numbers `view` are a sum of multiples of, if they are.
std::optional<Affine> evaluateAffine(Factors &factors, View view);

/// One truth value per element.
struct Condition {
  /// An i1 tensor, or a constant that means true where it is `trueValue`.
  View view;
  bool inverted = false;
  /// If known: true exactly where this is at most 0 (inversion included).
  std::optional<Affine> bound;
  /// If the view shows a constant.
  mlir::DenseElementsAttr dense;
  double trueValue = 1;
};

/// True where all conditions are; `never`: nowhere.
struct Conjunction {
  bool never = false;
  llvm::SmallVector<Condition, 2> conditions;

  bool always() const { return !never && conditions.empty(); }
};

/// A tensor of two values.
struct TwoValues {
  Conjunction condition;
  double whenTrue, whenFalse;
};

/// What the i1 tensor `view` says.
Conjunction evaluateCondition(Factors &factors, View view);

/// The opposite; nothing if it is no conjunction.
std::optional<Conjunction> negate(const Conjunction &conjunction);

/// What `view` shows, if it is one of two values chosen by conditions.
std::optional<TwoValues> evaluateTwoValues(Factors &factors, View view);

/// Calls `visit(index, value)` with every element of a constant.
void visitNumbers(mlir::DenseElementsAttr attr, llvm::function_ref<bool(int64_t, double)> visit);

} // namespace weft

#endif // WEFT_PASSES_RAISE_CONDITION_H

//===- View.h - Where a tensor's dimensions come from -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Exports wrap every interesting op in reshapes, transposes and broadcasts.
// Matchers look through them by naming indices instead of dimensions: a factor
// is an index with a size, a dimension is a list of factors (outermost first).
// A transpose permutes lists, a reshape regroups them, a broadcast drops some.
// Two chains of views read the same element exactly if they lead to the same
// value with the same factors in the same places.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_RAISE_VIEW_H
#define WEFT_PASSES_RAISE_VIEW_H

#include "dialects/weft/Build.h"

namespace weft {

/// Factors of one dimension, outermost first; empty for a size of 1.
using FactorList = llvm::SmallVector<int, 2>;
/// The dimensions of a tensor.
using Layout = llvm::SmallVector<FactorList, 4>;

/// A value and what its dimensions stand for.
struct View {
  mlir::Value value;
  Layout layout;
};

/// The indices of one match. A reshape may split a factor in two; lists that
/// name the factor keep their meaning and see the parts through `leaves`.
class Factors {
public:
  /// A new index, as a list; empty for a size of 1.
  FactorList fresh(int64_t size);
  /// New indices for every dimension of `v`.
  Layout freshLayout(mlir::Value v);
  /// The list with split factors replaced by their parts.
  FactorList leaves(llvm::ArrayRef<int> factors) const;
  /// All dimensions of a layout in order.
  FactorList leaves(const Layout &layout) const;
  int64_t size(int factor) const { return factors[factor].size; }
  int64_t size(llvm::ArrayRef<int> list) const;
  /// Whether both lists name the same indices in the same order.
  bool same(llvm::ArrayRef<int> a, llvm::ArrayRef<int> b) const { return leaves(a) == leaves(b); }
  bool same(const Layout &a, const Layout &b) const;
  bool contains(llvm::ArrayRef<int> list, int leaf) const { return llvm::is_contained(leaves(list), leaf); }
  /// The row-major elements of `from` under another shape. Fails if a size of
  /// one shape cuts through a size of the other that it does not divide.
  std::optional<Layout> regroup(const Layout &from, llvm::ArrayRef<int64_t> shape);

private:
  struct Factor {
    int64_t size;
    int outer = -1, inner = -1;
  };
  void split(int factor, int64_t innerSize);
  void appendLeaves(int factor, FactorList &out) const;

  std::vector<Factor> factors;
};

/// What tracing may look through besides transposes and reshapes.
struct Trace {
  /// Broadcasts: their factors are missing in the result's layout.
  bool broadcasts = false;
  /// Casts between floats.
  bool casts = false;
  /// Products with and divisions by a constant, multiplied into `*scale`.
  double *scale = nullptr;
};

/// Follows `view` to the value it shows.
View trace(Factors &factors, View view, Trace through = {});

/// Whether two views show the same elements.
bool sameView(Factors &factors, const View &a, const View &b);

/// Builds the tensor of layout `to` from `view`; indices that `view` lacks
/// repeat. Every factor of the view must be in `to`.
mlir::Value materialize(Build &build, Factors &factors, View view, const Layout &to);

} // namespace weft

#endif // WEFT_PASSES_RAISE_VIEW_H

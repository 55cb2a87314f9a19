//===- View.cpp - see View.h -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/raise/View.h"
#include "passes/raise/Match.h"

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Factors
//===----------------------------------------------------------------------===//

FactorList Factors::fresh(int64_t size) {
  if (size == 1)
    return {};
  factors.push_back({size});
  return {static_cast<int>(factors.size()) - 1};
}

Layout Factors::freshLayout(Value v) {
  Layout layout;
  for (int64_t size : tensorType(v).getShape())
    layout.push_back(fresh(size));
  return layout;
}

void Factors::appendLeaves(int factor, FactorList &out) const {
  const Factor &f = factors[factor];
  if (f.outer < 0) {
    out.push_back(factor);
    return;
  }
  appendLeaves(f.outer, out);
  appendLeaves(f.inner, out);
}

FactorList Factors::leaves(ArrayRef<int> list) const {
  FactorList out;
  for (int factor : list)
    appendLeaves(factor, out);
  return out;
}

FactorList Factors::leaves(const Layout &layout) const {
  FactorList out;
  for (const FactorList &dim : layout)
    llvm::append_range(out, leaves(dim));
  return out;
}

int64_t Factors::size(ArrayRef<int> list) const {
  int64_t product = 1;
  for (int factor : list)
    product *= factors[factor].size;
  return product;
}

bool Factors::same(const Layout &a, const Layout &b) const {
  return llvm::equal(a, b, [&](const FactorList &x, const FactorList &y) { return same(x, y); });
}

void Factors::split(int factor, int64_t innerSize) {
  int64_t outerSize = factors[factor].size / innerSize;
  int first = static_cast<int>(factors.size());
  factors.push_back({outerSize});
  factors.push_back({innerSize});
  factors[factor].outer = first;
  factors[factor].inner = first + 1;
}

std::optional<Layout> Factors::regroup(const Layout &from, ArrayRef<int64_t> shape) {
  FactorList flat = leaves(from);
  // Without elements nothing says which index is which.
  if (llvm::is_contained(shape, 0) || llvm::any_of(flat, [&](int f) { return factors[f].size == 0; }))
    return std::nullopt;
  size_t next = 0;
  Layout to;
  for (int64_t size : shape) {
    FactorList &dim = to.emplace_back();
    int64_t remaining = size;
    while (remaining > 1) {
      if (next == flat.size())
        return std::nullopt;
      int factor = flat[next];
      int64_t have = factors[factor].size;
      if (remaining % have == 0) {
        dim.push_back(factor);
        remaining /= have;
        ++next;
      } else if (have % remaining == 0) {
        split(factor, have / remaining);
        dim.push_back(factors[factor].outer);
        flat[next] = factors[factor].inner;
        remaining = 1;
      } else {
        return std::nullopt;
      }
    }
  }
  if (next != flat.size())
    return std::nullopt;
  return to;
}

//===----------------------------------------------------------------------===//
// Tracing
//===----------------------------------------------------------------------===//

/// One step back from `view`; false if its value is not a view of another.
static bool traceStep(Factors &factors, View &view, const Trace &through) {
  Operation *op = view.value.getDefiningOp();
  if (!op)
    return false;
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    Layout layout(view.layout.size());
    for (auto [i, p] : llvm::enumerate(transpose.getPerm()))
      layout[p] = view.layout[i];
    view = {transpose.getInput(), std::move(layout)};
    return true;
  }
  if (auto reshape = dyn_cast<ReshapeOp>(op)) {
    std::optional<Layout> layout = factors.regroup(view.layout, tensorType(reshape.getInput()).getShape());
    if (!layout)
      return false;
    view = {reshape.getInput(), std::move(*layout)};
    return true;
  }
  if (auto broadcast = dyn_cast<BroadcastOp>(op); broadcast && through.broadcasts) {
    Layout layout;
    for (int64_t dim : broadcast.getDims())
      layout.push_back(view.layout[dim]);
    view = {broadcast.getInput(), std::move(layout)};
    return true;
  }
  if (through.casts && isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    view.value = op->getOperand(0);
    return true;
  }
  if (!through.scale)
    return false;
  if (auto mul = dyn_cast<arith::MulFOp>(op)) {
    for (auto [x, constant] : {std::pair(mul.getLhs(), mul.getRhs()), std::pair(mul.getRhs(), mul.getLhs())})
      if (std::optional<double> factor = splatOf(constant)) {
        *through.scale *= *factor;
        view.value = x;
        return true;
      }
  }
  if (auto div = dyn_cast<arith::DivFOp>(op))
    if (std::optional<double> divisor = splatOf(div.getRhs())) {
      *through.scale /= *divisor;
      view.value = div.getLhs();
      return true;
    }
  return false;
}

View weft::trace(Factors &factors, View view, Trace through) {
  while (traceStep(factors, view, through))
    ;
  return view;
}

bool weft::sameView(Factors &factors, const View &a, const View &b) {
  View x = trace(factors, a), y = trace(factors, b);
  return x.value == y.value && factors.same(x.layout, y.layout);
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// A part of a transposed tensor is the transpose of a part: the exporter's
/// transpose then meets ours and both vanish.
static View partBeforeTranspose(Build &build, View view) {
  auto slice = view.value.getDefiningOp<SliceOp>();
  if (!slice)
    return view;
  auto transpose = slice.getInput().getDefiningOp<TransposeOp>();
  if (!transpose)
    return view;
  size_t rank = view.layout.size();
  Layout layout(rank);
  SmallVector<int64_t> offsets(rank), strides(rank), sizes(rank);
  for (auto [i, p] : llvm::enumerate(transpose.getPerm())) {
    layout[p] = view.layout[i];
    offsets[p] = slice.getOffsets()[i];
    strides[p] = slice.getStrides()[i];
    sizes[p] = slice.getType().getDimSize(i);
  }
  return {build.slice(transpose.getInput(), offsets, sizes, strides), std::move(layout)};
}

/// The permutation that makes `to` of `from`, where both have the same
/// dimensions in another order.
static std::optional<SmallVector<int64_t>> permutation(const Factors &factors, const Layout &from, const Layout &to) {
  if (from.size() != to.size())
    return std::nullopt;
  SmallVector<bool> used(from.size());
  SmallVector<int64_t> perm;
  for (const FactorList &wanted : to) {
    auto matches = [&](size_t i) { return !used[i] && factors.same(from[i], wanted); };
    size_t i = 0;
    while (i < from.size() && !matches(i))
      ++i;
    if (i == from.size())
      return std::nullopt;
    used[i] = true;
    perm.push_back(i);
  }
  return perm;
}

Value weft::materialize(Build &build, Factors &factors, View view, const Layout &to) {
  view = partBeforeTranspose(build, std::move(view));
  SmallVector<int64_t> shape;
  for (const FactorList &dim : to)
    shape.push_back(factors.size(dim));
  if (auto perm = permutation(factors, view.layout, to))
    return build.transpose(view.value, *perm);

  FactorList have = factors.leaves(view.layout), want = factors.leaves(to);
  assert(llvm::all_of(have, [&](int f) { return llvm::is_contained(want, f); }) && "a factor of the view is lost");
  auto place = [](const FactorList &list, int factor) { return llvm::find(list, factor) - list.begin(); };

  // Neighbours that stay neighbours move as one dimension.
  SmallVector<FactorList> runs;
  for (int factor : have) {
    bool follows = !runs.empty() && place(want, factor) == place(want, runs.back().back()) + 1;
    if (!follows)
      runs.emplace_back();
    runs.back().push_back(factor);
  }
  SmallVector<int64_t> runShape, perm;
  for (const FactorList &run : runs)
    runShape.push_back(factors.size(run));
  perm = llvm::to_vector(llvm::seq<int64_t>(0, runs.size()));
  llvm::sort(perm, [&](int64_t a, int64_t b) { return place(want, runs[a].front()) < place(want, runs[b].front()); });

  bool repeats = have.size() != want.size();
  Value v = view.value;
  if (repeats || !llvm::is_sorted(perm))
    v = build.transpose(build.reshape(v, runShape), perm);
  if (repeats) {
    SmallVector<int64_t> dims, repeated;
    for (size_t i = 0; i < want.size();) {
      auto *run = llvm::find_if(runs, [&](const FactorList &r) { return r.front() == want[i]; });
      if (run == runs.end()) {
        repeated.push_back(factors.size(want[i++]));
        continue;
      }
      dims.push_back(static_cast<int64_t>(repeated.size()));
      repeated.push_back(factors.size(*run));
      i += run->size();
    }
    v = build.broadcast(v, dims, repeated);
  }
  return build.reshape(v, shape);
}

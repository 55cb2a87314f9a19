//===- RaiseRotary.cpp - Rotary embedding from halves -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// x*cos + concat(-x[R/2:], x[:R/2])*sin on a tensor of rank 4, in either order of
// head and position; then, where that is put in front of the rest of x, the
// embedding of the first R elements. Slices are compared after composing them:
// canonicalisation may have taken them from any ancestor.
//
// GPT-J turns pairs of neighbours instead of halves. With its even elements in
// front of its odd ones (in x and in the tables) that is the same embedding.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/raise/Match.h"

using namespace mlir;
using namespace weft;

namespace {
/// A box of another tensor, with its dimensions in another order.
struct Part {
  Value source;
  /// Result dimension i is source dimension dims[i].
  SmallVector<int64_t, 4> dims;
  /// By source dimension.
  SmallVector<int64_t, 4> offsets, strides;
  /// By result dimension.
  SmallVector<int64_t, 4> sizes;

  explicit Part(Value v);
  /// The part's elements offset, offset + stride, ... along the last dimension.
  Part last(int64_t offset, int64_t size, int64_t stride = 1) const;
  bool operator==(const Part &other) const {
    return source == other.source && dims == other.dims && offsets == other.offsets && sizes == other.sizes &&
           llvm::all_of(llvm::seq<size_t>(0, dims.size()),
                        [&](size_t i) { return sizes[i] == 1 || strides[dims[i]] == other.strides[dims[i]]; });
  }
  /// The tensor, with its dimensions in the order `order`.
  Value materialize(Build &build, ArrayRef<int64_t> order) const;
};
} // namespace

Part::Part(Value v) : source(v), sizes(tensorType(v).getShape()) {
  dims.assign(llvm::seq<int64_t>(0, sizes.size()).begin(), llvm::seq<int64_t>(0, sizes.size()).end());
  offsets.assign(sizes.size(), 0);
  strides.assign(sizes.size(), 1);
  while (Operation *op = source.getDefiningOp()) {
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      ArrayRef<int64_t> perm = transpose.getPerm();
      SmallVector<int64_t, 4> moved(offsets.size()), steps(offsets.size());
      for (auto [i, p] : llvm::enumerate(perm)) {
        moved[p] = offsets[i];
        steps[p] = strides[i];
      }
      for (int64_t &dim : dims)
        dim = perm[dim];
      offsets = std::move(moved);
      strides = std::move(steps);
    } else if (auto slice = dyn_cast<SliceOp>(op)) {
      for (size_t i = 0; i < offsets.size(); ++i) {
        offsets[i] = slice.getOffsets()[i] + offsets[i] * slice.getStrides()[i];
        strides[i] *= slice.getStrides()[i];
      }
    } else {
      return;
    }
    source = op->getOperand(0);
  }
}

Part Part::last(int64_t offset, int64_t size, int64_t stride) const {
  Part part = *this;
  part.offsets[dims.back()] += offset * strides[dims.back()];
  part.strides[dims.back()] *= stride;
  part.sizes.back() = size;
  return part;
}

Value Part::materialize(Build &build, ArrayRef<int64_t> order) const {
  SmallVector<int64_t> sourceSizes(sizes.size()), perm;
  for (auto [i, dim] : llvm::enumerate(dims))
    sourceSizes[dim] = sizes[i];
  for (int64_t i : order)
    perm.push_back(dims[i]);
  return build.transpose(build.slice(source, offsets, sourceSizes, strides), perm);
}

/// Whether `v` is concat(-x[R/2:], x[:R/2]), or (`opposite`) its negative.
static bool isRotated(Value v, const Part &x, bool opposite) {
  auto concat = v.getDefiningOp<ConcatOp>();
  int64_t size = x.sizes.back();
  if (!concat || concat.getInputs().size() != 2 || concat.getDim() + 1 != static_cast<int64_t>(x.sizes.size()) ||
      size % 2 != 0)
    return false;
  Value first = concat.getInputs()[0], second = concat.getInputs()[1];
  Value &minus = opposite ? second : first;
  minus = negated(minus);
  return minus && Part(first) == x.last(size / 2, size / 2) && Part(second) == x.last(0, size / 2);
}

/// What a reshape gave a last dimension of size 1.
static Value withoutUnit(Value v) {
  auto reshape = v.getDefiningOp<ReshapeOp>();
  if (!reshape)
    return v;
  ArrayRef<int64_t> from = tensorType(reshape.getInput()).getShape(), to = tensorType(v).getShape();
  return to.size() == from.size() + 1 && to.back() == 1 && to.drop_back() == from ? reshape.getInput() : v;
}

/// Whether `v` is -x[1], x[0], -x[3], x[2], ..., or (`opposite`) its negative.
static bool isRotatedPairs(Value v, const Part &x, bool opposite) {
  auto joined = v.getDefiningOp<ReshapeOp>();
  auto concat = joined ? joined.getInput().getDefiningOp<ConcatOp>() : nullptr;
  int64_t size = x.sizes.back(), rank = x.sizes.size();
  if (!concat || concat.getInputs().size() != 2 || concat.getDim() != static_cast<uint64_t>(rank) || size % 2 != 0)
    return false;
  SmallVector<int64_t> pairs(x.sizes.begin(), x.sizes.end());
  pairs.back() = size / 2;
  pairs.push_back(2);
  if (tensorType(concat.getResult()).getShape() != ArrayRef<int64_t>(pairs))
    return false;
  Value first = withoutUnit(concat.getInputs()[0]), second = withoutUnit(concat.getInputs()[1]);
  Value &minus = opposite ? second : first;
  minus = negated(minus);
  if (!minus)
    return false;
  first = withoutUnit(first);
  second = withoutUnit(second);
  auto isHalf = [&](Value half, int64_t offset) {
    return tensorType(half).getRank() == rank && Part(half) == x.last(offset, size / 2, 2);
  };
  return isHalf(first, 1) && isHalf(second, 0);
}

/// Even elements of the last dimension in front of odd ones, or (`back`) the other way round.
static Value splitPairs(Build &build, Value v, bool back) {
  SmallVector<int64_t> shape(tensorType(v).getShape()), parts(shape);
  int64_t rank = shape.size();
  parts.back() = back ? 2 : shape.back() / 2;
  parts.push_back(back ? shape.back() / 2 : 2);
  SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, rank + 1));
  std::swap(perm[rank - 1], perm[rank]);
  return build.reshape(build.transpose(build.reshape(v, parts), perm), shape);
}

/// One of two factors that repeats over heads, in terms of the dimensions of x.
static View tableView(Factors &factors, Value v, const Layout &layout) {
  return trace(factors, {v, layout}, {/*broadcasts=*/true});
}

/// Builds the op in front of `root` and the value in x's order of dimensions. `pairs`: neighbours are turned, not
/// halves.
static Value buildRotary(Build &build, const Part &whole, const RotaryParts &parts, bool pairs = false) {
  Value x = whole.materialize(build, parts.order), cos = parts.cos, sin = parts.sin;
  if (pairs) {
    x = splitPairs(build, x, /*back=*/false);
    cos = splitPairs(build, cos, /*back=*/false);
    sin = splitPairs(build, sin, /*back=*/false);
  }
  Value rotary = RotaryOp::create(build.b, build.loc, x.getType(), x, cos, sin, /*transposed=*/nullptr);
  if (pairs)
    rotary = splitPairs(build, rotary, /*back=*/true);
  SmallVector<int64_t> back(parts.order.size());
  for (auto [i, dim] : llvm::enumerate(parts.order))
    back[dim] = i;
  return build.transpose(rotary, back);
}

/// x*cos + rotated(x)*sin, given the two products.
static LogicalResult raiseProducts(Operation *root, Operation *plain, Operation *rotated, bool subtracted,
                                   Raising &raising) {
  for (auto [x, cos] : bothOrders(plain))
    for (auto [turned, sin] : bothOrders(rotated)) {
      Part whole(x);
      bool pairs = isRotatedPairs(turned, whole, subtracted);
      if (!pairs && !isRotated(turned, whole, subtracted))
        continue;
      Factors factors;
      Layout layout = factors.freshLayout(x);
      View cosView = tableView(factors, cos, layout), sinView = tableView(factors, sin, layout);
      FactorList varying = factors.leaves(varyingLayout(raising, cosView));
      llvm::append_range(varying, factors.leaves(varyingLayout(raising, sinView)));
      auto varies = [&](int64_t dim) {
        return llvm::any_of(factors.leaves(layout[dim]), [&](int f) { return llvm::is_contained(varying, f); });
      };
      // Positions are where the tables vary, heads where they repeat.
      bool twoIsHead = varies(1) && !varies(2), oneIsHead = varies(2) && !varies(1);
      if (!twoIsHead && !oneIsHead) {
        // A single position, or a single head.
        twoIsHead = layout[1].empty() && !varies(2);
        oneIsHead = layout[2].empty() && !varies(1);
        if (!twoIsHead && !oneIsHead)
          continue;
      }
      int64_t position = oneIsHead ? 2 : 1, head = oneIsHead ? 1 : 2;
      if (raising.dependsOnParameter(cosView.value) || raising.dependsOnParameter(sinView.value))
        return failure();
      Build build = raising.at(root);
      Layout table{layout[position], layout[3]};
      if (varies(0))
        table.insert(table.begin(), layout[0]);
      RotaryParts parts;
      parts.order = {0, position, head, 3};
      parts.cos = materialize(build, factors, varyingView(build, raising, cosView), table);
      parts.sin = materialize(build, factors, varyingView(build, raising, sinView), table);
      parts.input = x;
      Value result = buildRotary(build, whole, parts, pairs);
      // The rest of a head whose pairs were turned stays beside it: inside, its elements would have to be moved as
      // well.
      if (!pairs)
        raising.rotary[result] = parts;
      root->getResult(0).replaceAllUsesWith(result);
      return success();
    }
  return failure();
}

/// concat(rotary(x[:R]), x[R:]).
static LogicalResult raisePartial(ConcatOp root, Raising &raising) {
  if (root.getInputs().size() != 2 || root.getDim() != 3)
    return failure();
  auto found = raising.rotary.find(root.getInputs()[0]);
  if (found == raising.rotary.end())
    return failure();
  RotaryParts parts = found->second;
  Part front(parts.input), rest(root.getInputs()[1]);
  int64_t rotated = front.sizes.back(), passed = rest.sizes.back();
  if (!(rest == front.last(rotated, passed)))
    return failure();
  Build build = raising.at(root);
  root.getResult().replaceAllUsesWith(buildRotary(build, front.last(0, rotated + passed), parts));
  return success();
}

LogicalResult weft::raiseRotary(Operation *root, Raising &raising) {
  if (root->getNumResults() != 1 || tensorType(root->getResult(0)).getRank() != 4)
    return failure();
  if (auto concat = dyn_cast<ConcatOp>(root))
    return raisePartial(concat, raising);
  if (!isa<arith::AddFOp, arith::SubFOp>(root))
    return failure();
  for (auto [plain, rotated] : bothOrders(root)) {
    bool subtracted = isa<arith::SubFOp>(root);
    if (subtracted && plain != root->getOperand(0))
      continue;
    auto a = plain.getDefiningOp<arith::MulFOp>(), b = rotated.getDefiningOp<arith::MulFOp>();
    if (a && b && succeeded(raiseProducts(root, a, b, subtracted, raising)))
      return success();
  }
  return failure();
}

//===- LowerReshards.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/weft/Build.h"
#include "passes/shard/Passes.h"

namespace weft {
#define GEN_PASS_DEF_LOWERRESHARDS
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

namespace {

/// One reshard, as it turns step by step into what it should be.
class Lowering {
public:
  Lowering(dist::ReshardOp op, const Mesh &mesh)
      : op(op), mesh(mesh), builder(op), value(op.getInput()), now(*dist::fromAttr(mesh, op.getFrom())),
        to(*dist::fromAttr(mesh, op.getTo())), whole(op.wholeType(mesh)) {
    for (int64_t dim = 0; dim < whole.getRank(); ++dim) {
      cuts.push_back(now.axesOf(dim));
      targets.push_back(to.axesOf(dim));
    }
  }

  Value run() {
    reduceHalves();
    while (true) {
      if (cut() || exchange())
        continue;
      // What ends whole is summed while there is least of it.
      bool isLessAtEnd = typeAs(to).getNumElements() < typeAs(now).getNumElements();
      if (isLessAtEnd ? gather() || reduce() : reduce() || gather())
        continue;
      break;
    }
    conceal();
    assert(now == to && "a sequence of collectives that ends elsewhere");
    return value;
  }

private:
  void reduceHalves();
  bool cut();
  bool exchange();
  bool reduce();
  bool gather();
  void conceal();

  bool isPrefix(int64_t dim) const {
    return cuts[dim].size() < targets[dim].size() &&
           std::equal(cuts[dim].begin(), cuts[dim].end(), targets[dim].begin());
  }
  /// The next axes that dimension `dim` lacks, as far as they are held in one way, if that is `how`.
  SmallVector<int64_t> nextAxes(int64_t dim, int8_t how) const {
    SmallVector<int64_t> axes;
    if (isPrefix(dim))
      for (int64_t axis : ArrayRef(targets[dim]).drop_front(cuts[dim].size())) {
        if (now[axis] != how)
          break;
        axes.push_back(axis);
      }
    return axes;
  }
  /// How near ranks along an axis are to one another: axes that vary faster over ranks are nearer.
  int64_t nearness(int64_t axis) const { return llvm::find(mesh.order, axis) - mesh.order.begin(); }
  /// The dimensions by increasing keys.
  SmallVector<int64_t> dimsBy(llvm::function_ref<int64_t(int64_t dim)> key) const;
  RankedTensorType typeAs(const Sharding &sharding) const { return sharding.localType(mesh, whole); }
  /// The size of a dimension after those of its axes that cut it now.
  int64_t sizeNow(int64_t dim) const { return now.sizesOf(mesh, dim, whole.getDimSize(dim)).back(); }
  /// Of axes that cut a dimension of `size` one after another, as many as can be one step: padding is only at the end
  /// of what they make together if all but the first divide.
  SmallVector<int64_t> oneStep(ArrayRef<int64_t> axes, int64_t size) const {
    SmallVector<int64_t> taken;
    for (int64_t axis : axes) {
      if (!taken.empty() && size % mesh.sizes[axis] != 0)
        break;
      taken.push_back(axis);
      size = llvm::divideCeil(size, mesh.sizes[axis]);
    }
    return taken;
  }
  /// `value` with a dimension made longer by zeros, or shorter.
  Value resized(int64_t dim, int64_t size);
  ArrayAttr names(ArrayRef<int64_t> axes) const { return dist::axesAttr(builder.getContext(), mesh, axes); }
  void become(Operation *step, const Sharding &sharding) {
    if (Attribute region = op->getAttr(dist::regionAttr))
      step->setAttr(dist::regionAttr, region);
    value = step->getResult(0);
    now = sharding;
  }

  dist::ReshardOp op;
  const Mesh &mesh;
  OpBuilder builder;
  Value value;
  Sharding now, to;
  RankedTensorType whole;
  /// Per dimension: the axes that cut it, and those that should.
  SmallVector<SmallVector<int64_t>> cuts, targets;
};

} // namespace

Value Lowering::resized(int64_t dim, int64_t size) {
  RankedTensorType type = tensorType(value);
  SmallVector<int64_t> shape(type.getShape()), zeros(type.getRank(), 0);
  int64_t missing = size - shape[dim];
  if (missing == 0)
    return value;
  shape[dim] = size;
  Build e{builder, op.getLoc()};
  if (missing < 0)
    return e.slice(value, zeros, shape);
  SmallVector<int64_t> high(zeros);
  high[dim] = missing;
  return PadOp::create(builder, op.getLoc(), type.clone(shape), value, zeros, high, zeros);
}

SmallVector<int64_t> Lowering::dimsBy(llvm::function_ref<int64_t(int64_t)> key) const {
  SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(0, cuts.size()));
  llvm::stable_sort(dims, [&](int64_t a, int64_t b) { return key(a) < key(b); });
  return dims;
}

/// Cuts a dimension further: a slice of what is whole; then a reduce-scatter of what is unreduced, over near ranks
/// first, so that less is left to move between far ones.
bool Lowering::cut() {
  for (int8_t how : {Sharding::Whole, Sharding::Unreduced})
    for (int64_t dim : dimsBy([&](int64_t dim) {
           return cuts[dim].size() < targets[dim].size() ? -nearness(targets[dim][cuts[dim].size()]) : 0;
         })) {
      SmallVector<int64_t> axes = oneStep(nextAxes(dim, how), sizeNow(dim));
      if (axes.empty())
        continue;
      Sharding next = now;
      for (int64_t axis : axes)
        next[axis] = dim;
      RankedTensorType type = typeAs(next);
      Value from = resized(dim, type.getDimSize(dim) * mesh.sizeOf(axes));
      Operation *step;
      if (how == Sharding::Whole)
        step = dist::LocalSliceOp::create(builder, op.getLoc(), type, from, dim, names(axes));
      else
        step = dist::ReduceScatterOp::create(builder, op.getLoc(), TypeRange(type), ValueRange(from), ReduceKind::sum,
                                             ArrayRef<int64_t>(dim), names(axes));
      llvm::append_range(cuts[dim], axes);
      become(step, next);
      return true;
    }
  return false;
}

/// Moves the last axis of a dimension to the end of another's.
bool Lowering::exchange() {
  for (int64_t dim = 0, rank = cuts.size(); dim < rank; ++dim) {
    if (!isPrefix(dim))
      continue;
    int64_t axis = targets[dim][cuts[dim].size()];
    int8_t from = now[axis];
    if (from < 0 || cuts[from].back() != axis)
      continue;
    Sharding next = now;
    next[axis] = dim;
    // Parts of the new dimension are padded; those of the old one lose their padding when they are together.
    SmallVector<int64_t> shape(tensorType(value).getShape());
    shape[dim] = typeAs(next).getDimSize(dim);
    shape[from] *= mesh.sizes[axis];
    Value padded = resized(dim, shape[dim] * mesh.sizes[axis]);
    cuts[from].pop_back();
    cuts[dim].push_back(axis);
    become(dist::AllToAllOp::create(builder, op.getLoc(), TypeRange(whole.clone(shape)), ValueRange(padded),
                                    ArrayRef<int64_t>(dim), ArrayRef<int64_t>(from), names({axis})),
           next);
    value = resized(from, sizeNow(from));
    return true;
  }
  return false;
}

/// Halves of the samples are on one rank: they are added before anything is communicated.
void Lowering::reduceHalves() {
  int64_t axis = mesh.indexOf(dist::halfAxis);
  if (axis < 0 || now[axis] != Sharding::Unreduced || to[axis] == Sharding::Unreduced)
    return;
  Sharding next = now;
  next[axis] = Sharding::Whole;
  become(dist::AllReduceOp::create(builder, op.getLoc(), TypeRange(value.getType()), ValueRange(value), ReduceKind::sum,
                                   names({axis})),
         next);
}

/// Reduces what ends whole, on all such axes at once. What is reduced to be cut waits for its turn, if a gather has to
/// come first.
bool Lowering::reduce() {
  SmallVector<int64_t> axes;
  Sharding next = now;
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (now[axis] == Sharding::Unreduced && to[axis] == Sharding::Whole) {
      axes.push_back(axis);
      next[axis] = Sharding::Whole;
    }
  if (axes.empty())
    return false;
  become(dist::AllReduceOp::create(builder, op.getLoc(), TypeRange(value.getType()), ValueRange(value), ReduceKind::sum,
                                   names(axes)),
         next);
  return true;
}

/// Gathers the axes of a dimension behind the ones that stay: over far ranks first, while parts are small.
bool Lowering::gather() {
  for (int64_t dim : dimsBy([&](int64_t dim) { return cuts[dim].empty() ? 0 : nearness(cuts[dim].back()); })) {
    size_t common = 0;
    while (common < std::min(cuts[dim].size(), targets[dim].size()) && cuts[dim][common] == targets[dim][common])
      ++common;
    if (common == cuts[dim].size())
      continue;
    // The minor ones alone, if there is padding between them and those before.
    SmallVector<int64_t> sizes = now.sizesOf(mesh, dim, whole.getDimSize(dim));
    while (oneStep(ArrayRef(cuts[dim]).drop_front(common), sizes[common]).size() != cuts[dim].size() - common)
      ++common;
    SmallVector<int64_t> axes(ArrayRef(cuts[dim]).drop_front(common));
    Sharding next = now;
    for (int64_t axis : axes)
      next[axis] = Sharding::Whole;
    SmallVector<int64_t> shape(tensorType(value).getShape());
    shape[dim] *= mesh.sizeOf(axes);
    cuts[dim].truncate(common);
    become(dist::AllGatherOp::create(builder, op.getLoc(), TypeRange(whole.clone(shape)), ValueRange(value),
                                     ArrayRef<int64_t>(dim), names(axes)),
           next);
    value = resized(dim, sizeNow(dim));
    return true;
  }
  return false;
}

/// Makes what is whole unreduced: the first rank along the axes keeps it.
void Lowering::conceal() {
  SmallVector<int64_t> axes;
  Sharding next = now;
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (now[axis] == Sharding::Whole && to[axis] == Sharding::Unreduced) {
      axes.push_back(axis);
      next[axis] = Sharding::Unreduced;
    }
  if (axes.empty())
    return;
  Build e{builder, op.getLoc()};
  Value index =
      dist::AxisIndexOp::create(builder, op.getLoc(), RankedTensorType::get({}, builder.getI64Type()), names(axes));
  Value isFirst = e.equal(index, e.splatLike(index, 0));
  Value zero = e.splatLike(value, 0);
  value = e.select(e.broadcast(isFirst, {}, tensorType(value).getShape()), value, zero);
  now = next;
}

namespace {

struct LowerReshards : weft::impl::LowerReshardsBase<LowerReshards> {
  void runOnOperation() override {
    Mesh mesh = dist::meshOf(getOperation());
    SmallVector<dist::ReshardOp> ops;
    getOperation().walk([&](dist::ReshardOp op) { ops.push_back(op); });
    for (dist::ReshardOp op : ops) {
      op.replaceAllUsesWith(Lowering(op, mesh).run());
      op.erase();
    }
  }
};

} // namespace

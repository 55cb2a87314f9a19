//===- LowerReshards.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/weft/Build.h"
#include "passes/shard/Passes.h"
#include "passes/shard/ReshardCost.h"

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
        to(*dist::fromAttr(mesh, op.getTo())), whole(op.wholeType(mesh)) {}

  Value run(CheapestReshards &cheapest) {
    ArrayRef<ReshardStep> steps = cheapest.find(heldAs(now), heldAs(to), whole.getShape());
    while (!steps.empty()) {
      ReshardStep step = steps.front();
      steps = steps.drop_front();
      while (!steps.empty() && isSameSlice(step, steps.front())) {
        step.axes.append(steps.front().axes);
        step.after = steps.front().after;
        steps = steps.drop_front();
      }
      write(step);
    }
    conceal();
    assert(now == to && "steps that end elsewhere");
    return value;
  }

private:
  /// Whether another slice is of the same dimension, and its padding at the end of what both make.
  bool isSameSlice(const ReshardStep &step, const ReshardStep &next) const {
    int64_t axis = next.axes.front();
    return step.kind == ReshardStep::Slice && next.kind == ReshardStep::Slice &&
           step.after[step.axes.front()] == next.after[axis] &&
           part(step.after, next.after[axis]) % mesh.sizes[axis] == 0;
  }
  void write(const ReshardStep &step);
  void cut(const ReshardStep &step);
  void exchange(const ReshardStep &step);
  void gather(const ReshardStep &step);
  void conceal();

  /// What a rank holds of a dimension.
  int64_t part(const HeldAs &held, int64_t dim) const {
    return shardingOf(held).sizesOf(mesh, dim, whole.getDimSize(dim)).back();
  }
  /// `value` with a dimension made longer by zeros, or shorter.
  Value resized(int64_t dim, int64_t size);
  ArrayAttr names(ArrayRef<int64_t> axes) const { return dist::axesAttr(builder.getContext(), mesh, axes); }
  void become(Operation *step) {
    if (Attribute region = op->getAttr(dist::regionAttr))
      step->setAttr(dist::regionAttr, region);
    value = step->getResult(0);
  }

  dist::ReshardOp op;
  const Mesh &mesh;
  OpBuilder builder;
  Value value;
  Sharding now, to;
  RankedTensorType whole;
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

void Lowering::write(const ReshardStep &step) {
  switch (step.kind) {
  case ReshardStep::Slice:
  case ReshardStep::ReduceScatter:
    cut(step);
    break;
  case ReshardStep::AllToAll:
    exchange(step);
    break;
  case ReshardStep::AllGather:
    gather(step);
    break;
  case ReshardStep::Join:
    if (step.before[step.axes.front()] != Sharding::Unreduced) {
      gather(step);
      break;
    }
    [[fallthrough]];
  case ReshardStep::AllReduce:
    become(dist::AllReduceOp::create(builder, op.getLoc(), TypeRange(value.getType()), ValueRange(value),
                                     ReduceKind::sum, names(step.axes)));
    break;
  }
  now = shardingOf(step.after);
}

/// A slice of what is whole, or the part of a sum.
void Lowering::cut(const ReshardStep &step) {
  int64_t dim = step.after[step.axes.front()], size = part(step.after, dim);
  Value from = resized(dim, size * mesh.sizeOf(step.axes));
  SmallVector<int64_t> shape(tensorType(value).getShape());
  shape[dim] = size;
  RankedTensorType type = whole.clone(shape);
  if (step.kind == ReshardStep::Slice)
    return become(dist::LocalSliceOp::create(builder, op.getLoc(), type, from, dim, names(step.axes)));
  become(dist::ReduceScatterOp::create(builder, op.getLoc(), TypeRange(type), ValueRange(from), ReduceKind::sum,
                                       ArrayRef<int64_t>(dim), names(step.axes)));
}

/// An axis cuts another dimension. Parts of the new one are padded before; those of the old one lose their padding when
/// they are together.
void Lowering::exchange(const ReshardStep &step) {
  int64_t axis = step.axes.front(), from = step.before[axis], dim = step.after[axis];
  Value padded = resized(dim, part(step.after, dim) * mesh.sizes[axis]);
  SmallVector<int64_t> shape(tensorType(value).getShape());
  shape[dim] = part(step.after, dim);
  shape[from] *= mesh.sizes[axis];
  become(dist::AllToAllOp::create(builder, op.getLoc(), TypeRange(whole.clone(shape)), ValueRange(padded),
                                  ArrayRef<int64_t>(dim), ArrayRef<int64_t>(from), names({axis})));
  value = resized(from, part(step.after, from));
}

void Lowering::gather(const ReshardStep &step) {
  int64_t dim = step.before[step.axes.front()];
  SmallVector<int64_t> shape(tensorType(value).getShape());
  shape[dim] *= mesh.sizeOf(step.axes);
  become(dist::AllGatherOp::create(builder, op.getLoc(), TypeRange(whole.clone(shape)), ValueRange(value),
                                   ArrayRef<int64_t>(dim), names(step.axes)));
  value = resized(dim, part(step.after, dim));
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
    CheapestReshards cheapest(reshardMeshOf(mesh));
    SmallVector<dist::ReshardOp> ops;
    getOperation().walk([&](dist::ReshardOp op) { ops.push_back(op); });
    for (dist::ReshardOp op : ops) {
      op.replaceAllUsesWith(Lowering(op, mesh).run(cheapest));
      op.erase();
    }
  }
};

} // namespace

//===- Localize.cpp - Ops that are told which shard they are -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Localize.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/shard/Factors.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using Kind = ShardingRule::FactorKind;

namespace {

/// A factor that can be cut if the op knows its place, and what it is then.
struct Placed {
  int64_t factor;
  Kind kind;
};

/// This rank's part of a dimension, as scalars of i64.
struct Range {
  Value offset;     ///< where it begins
  Value extent;     ///< how many indices it has without padding; null if there is none
  int64_t held = 0; ///< how many it has with padding
};

} // namespace

/// The first factor of a dimension of a tensor of the rule.
static int64_t factorAt(const ShardingRule::TensorMap &map, int64_t dim) {
  return map[dim].empty() ? -1 : map[dim].front();
}

/// Whether a dimension is sliced to so little that adding up what ranks have of it sends no more than putting the
/// dimension together, for all that is sliced from it.
static bool isSlicedToFew(SliceOp slice, int64_t dim) {
  int64_t sliced = 0, all = tensorType(slice.getInput()).getDimSize(dim);
  for (Operation *user : slice.getInput().getUsers())
    if (auto other = dyn_cast<SliceOp>(user))
      sliced += tensorType(other.getResult()).getDimSize(dim);
  return 2 * sliced <= all;
}

static SmallVector<Placed> placedFactors(Operation *op, const ShardingRule &rule) {
  SmallVector<Placed> placed;
  auto add = [&](const ShardingRule::TensorMap &map, int64_t dim, Kind kind) {
    if (int64_t factor = factorAt(map, dim); factor >= 0)
      placed.push_back({factor, kind});
  };
  TypeSwitch<Operation *>(op)
      .Case([&](IotaOp iota) { add(rule.results[0], iota.getDim(), Kind::Parallel); })
      .Case([&](GatherOp gather) { add(rule.operands[0], gather.getAxis(), Kind::Reduction); })
      .Case([&](ScatterAddOp scatter) { add(rule.results[0], scatter.getAxis(), Kind::Parallel); })
      .Case([&](SliceOp slice) {
        for (int64_t dim = 0, rank = rule.results[0].size(); dim < rank; ++dim)
          if (isSlicedToFew(slice, dim))
            add(rule.operands[0], dim, Kind::Reduction);
      })
      .Case([&](RandomOp random) {
        // A part of a tensor is not cut again.
        for (int64_t dim = 0, rank = random.getWhole() ? 0 : rule.results[0].size(); dim < rank; ++dim)
          add(rule.results[0], dim, Kind::Parallel);
      });
  return placed;
}

SmallVector<int64_t> weft::relaxRule(Operation *op, ShardingRule &rule) {
  SmallVector<int64_t> factors;
  for (auto [factor, kind] : placedFactors(op, rule)) {
    rule.factors[factor].kind = kind;
    factors.push_back(factor);
  }
  return factors;
}

/// This rank's part of a dimension of `size` that `axes` cut, the first the major one.
static Range rangeOf(Build &e, const dist::Mesh &mesh, ArrayRef<int64_t> axes, int64_t size) {
  auto scalar = RankedTensorType::get({}, e.b.getI64Type());
  auto indexAlong = [&](ArrayRef<int64_t> along) -> Value {
    return dist::AxisIndexOp::create(e.b, e.loc, scalar, dist::axesAttr(e.b.getContext(), mesh, along));
  };
  if (int64_t parts = mesh.sizeOf(axes); size % parts == 0) {
    Value index = indexAlong(axes);
    return {e.mul(index, e.splatLike(index, size / parts)), {}, size / parts};
  }
  Range range{e.splat(scalar, 0), e.splat(scalar, size), size};
  for (int64_t axis : axes) {
    range.held = llvm::divideCeil(range.held, mesh.sizes[axis]);
    Value index = indexAlong({axis}), held = e.splatLike(index, range.held), before = e.mul(index, held);
    range.offset = e.add(range.offset, before);
    range.extent = e.min(e.max(e.sub(range.extent, before), e.splatLike(before, 0)), held);
  }
  return range;
}

static Value repeated(Build &e, Value scalar, RankedTensorType type) {
  return e.broadcast(scalar, {}, type.getShape());
}

/// Indices counted from the beginning of this rank's part, 0 where they are of another's; and whether they are of this
/// one.
static std::pair<Value, Value> localIndices(Build &e, Value indices, const Range &range) {
  RankedTensorType type = tensorType(indices);
  auto scalar = [&](Value value) { return repeated(e, e.cast(value, type.getElementType()), type); };
  Value local = e.sub(indices, scalar(range.offset));
  Value zero = e.splatLike(local, 0), end = range.extent ? scalar(range.extent) : e.splatLike(local, range.held);
  Value below = e.less(local, end), never = e.less(zero, zero);
  Value inside = e.select(e.less(local, zero), never, below);
  return {e.select(inside, local, zero), inside};
}

/// `inside`, of the shape of indices, repeated over slices that have the indices' dimensions at `axis`.
static Value alongSlices(Build &e, Value inside, int64_t axis, RankedTensorType slices) {
  SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(axis, axis + tensorType(inside).getRank()));
  return e.broadcast(inside, dims, slices.getShape());
}

Value weft::localize(OpBuilder &builder, Operation *op, ValueRange operands, RankedTensorType resultType,
                     const dist::Mesh &mesh, ArrayRef<int64_t> factors) {
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface)
    return {};
  ShardingRule rule = interface.getShardingRule();
  Build e{builder, op->getLoc()};
  /// The part of the placed factor that this rank has, if an axis cuts it.
  auto rangeOfFactor = [&](int64_t factor) -> std::optional<Range> {
    SmallVector<int64_t> cutting;
    for (auto [axis, cut] : llvm::enumerate(factors))
      if (cut == factor)
        cutting.push_back(axis);
    if (cutting.empty())
      return std::nullopt;
    return rangeOf(e, mesh, cutting, rule.factors[factor].size);
  };
  SmallVector<Placed> placed = placedFactors(op, rule);
  if (llvm::none_of(placed, [&](const Placed &p) { return llvm::is_contained(factors, p.factor); }))
    return {};
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](IotaOp iota) -> Value {
        Value offset = e.cast(rangeOfFactor(placed.front().factor)->offset, resultType.getElementType());
        return e.add(e.iota(resultType, iota.getDim()), repeated(e, offset, resultType));
      })
      .Case([&](GatherOp gather) -> Value {
        int64_t axis = gather.getAxis();
        auto [local, inside] = localIndices(e, operands[1], *rangeOfFactor(placed.front().factor));
        Value rows = e.gather(operands[0], local, axis), zero = e.splatLike(rows, 0);
        return e.select(alongSlices(e, inside, axis, tensorType(rows)), rows, zero);
      })
      .Case([&](ScatterAddOp scatter) -> Value {
        int64_t axis = scatter.getAxis();
        auto [local, inside] = localIndices(e, operands[1], *rangeOfFactor(placed.front().factor));
        Value updates = operands[0], zero = e.splatLike(updates, 0);
        updates = e.select(alongSlices(e, inside, axis, tensorType(updates)), updates, zero);
        return ScatterAddOp::create(builder, op->getLoc(), resultType, updates, local, axis);
      })
      .Case([&](SliceOp slice) -> Value {
        // Dimensions that are cut are looked up, then the others are sliced.
        Value part = operands[0];
        SmallVector<int64_t> offsets(slice.getOffsets()), strides(slice.getStrides());
        for (int64_t dim = 0, rank = offsets.size(); dim < rank; ++dim) {
          int64_t factor = factorAt(rule.operands[0], dim);
          bool isPlaced = llvm::any_of(placed, [&](const Placed &p) { return p.factor == factor; });
          std::optional<Range> range = isPlaced ? rangeOfFactor(factor) : std::nullopt;
          if (!range)
            continue;
          Value indices = e.iota(RankedTensorType::get({resultType.getDimSize(dim)}, builder.getI64Type()), 0);
          indices = e.add(e.mul(indices, e.splatLike(indices, strides[dim])), e.splatLike(indices, offsets[dim]));
          auto [local, inside] = localIndices(e, indices, *range);
          Value rows = e.gather(part, local, dim);
          part = e.select(alongSlices(e, inside, dim, tensorType(rows)), rows, e.splatLike(rows, 0));
          offsets[dim] = 0;
          strides[dim] = 1;
        }
        return e.slice(part, offsets, resultType.getShape(), strides);
      })
      .Case([&](RandomOp random) -> Value {
        RankedTensorType whole = tensorType(random.getResult());
        SmallVector<Value> offsets;
        for (int64_t dim = 0; dim < whole.getRank(); ++dim) {
          int64_t factor = factorAt(rule.results[0], dim);
          std::optional<Range> range = factor < 0 ? std::nullopt : rangeOfFactor(factor);
          offsets.push_back(range ? range->offset : e.splat(RankedTensorType::get({}, builder.getI64Type()), 0));
        }
        return RandomOp::create(builder, op->getLoc(), resultType, operands[0], offsets, random.getStream(),
                                builder.getDenseI64ArrayAttr(whole.getShape()));
      });
}

/// A tensor of the neutral element of a reduction.
static Value neutral(Build &e, RankedTensorType type, ShardingRule::Combine combine) {
  bool isMax = combine == ShardingRule::Combine::Max;
  if (combine == ShardingRule::Combine::Sum || combine == ShardingRule::Combine::Product)
    return e.splat(type, combine == ShardingRule::Combine::Sum ? 0 : 1);
  if (isa<FloatType>(type.getElementType()))
    return e.splat(type, isMax ? -INFINITY : INFINITY);
  unsigned width = type.getElementTypeBitWidth();
  APInt value = isMax ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width);
  return arith::ConstantOp::create(e.b, e.loc, type, SplatElementsAttr::get(type, value));
}

Value weft::fillPadding(Build &e, Value local, const dist::Mesh &mesh, const dist::Sharding &sharding,
                        RankedTensorType whole, int64_t dim, ShardingRule::Combine combine) {
  Range range = rangeOf(e, mesh, sharding.axesOf(dim), whole.getDimSize(dim));
  assert(range.extent && "a dimension without padding");
  RankedTensorType type = tensorType(local);
  auto along = RankedTensorType::get({type.getDimSize(dim)}, e.b.getI64Type());
  Value inside = e.less(e.iota(along, 0), repeated(e, range.extent, along));
  return e.select(e.broadcast(inside, {dim}, type.getShape()), local, neutral(e, type, combine));
}

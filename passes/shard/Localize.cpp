//===- Localize.cpp - Ops that are told which shard they are -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Localize.h"
#include "dialects/weft/Build.h"
#include "passes/shard/Factors.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using Kind = ShardingRule::FactorKind;

namespace {

/// A factor that can be cut if the op knows its place, and what it is then.
struct Placed {
  int64_t factor;
  Kind kind;
};

} // namespace

/// The first factor of a dimension of a tensor of the rule.
static int64_t factorAt(const ShardingRule::TensorMap &map, int64_t dim) {
  return map[dim].empty() ? -1 : map[dim].front();
}

static std::optional<Placed> placedFactor(Operation *op, const ShardingRule &rule) {
  auto placed = [&](const ShardingRule::TensorMap &map, int64_t dim, Kind kind) -> std::optional<Placed> {
    int64_t factor = factorAt(map, dim);
    return factor < 0 ? std::nullopt : std::optional<Placed>({factor, kind});
  };
  return TypeSwitch<Operation *, std::optional<Placed>>(op)
      .Case([&](IotaOp iota) { return placed(rule.results[0], iota.getDim(), Kind::Parallel); })
      .Case([&](GatherOp gather) { return placed(rule.operands[0], gather.getAxis(), Kind::Reduction); })
      .Case([&](ScatterAddOp scatter) { return placed(rule.results[0], scatter.getAxis(), Kind::Parallel); })
      .Default([](Operation *) { return std::nullopt; });
}

void weft::relaxRule(Operation *op, ShardingRule &rule) {
  if (std::optional<Placed> placed = placedFactor(op, rule))
    rule.factors[placed->factor].kind = placed->kind;
}

/// Where this rank's part of a dimension begins, as a scalar of `element`.
static Value offsetOf(Build &e, ArrayAttr axes, int64_t size, Type element) {
  Value index = dist::AxisIndexOp::create(e.b, e.loc, RankedTensorType::get({}, e.b.getI64Type()), axes);
  Value offset = e.mul(index, e.splatLike(index, size));
  return e.cast(offset, element);
}

static Value repeated(Build &e, Value scalar, RankedTensorType type) {
  return e.broadcast(scalar, {}, type.getShape());
}

/// Indices counted from the beginning of this rank's part, 0 where they are of another's; and whether they are of this
/// one.
static std::pair<Value, Value> localIndices(Build &e, Value indices, ArrayAttr axes, int64_t size) {
  RankedTensorType type = tensorType(indices);
  Value local = e.sub(indices, repeated(e, offsetOf(e, axes, size, type.getElementType()), type));
  Value zero = e.splatLike(local, 0), end = e.splatLike(local, size);
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
  std::optional<Placed> placed = placedFactor(op, interface.getShardingRule());
  if (!placed)
    return {};
  SmallVector<int64_t> cutting;
  for (auto [axis, factor] : llvm::enumerate(factors))
    if (factor == placed->factor)
      cutting.push_back(axis);
  if (cutting.empty())
    return {};
  ArrayAttr axes = dist::axesAttr(op->getContext(), mesh, cutting);
  Build e{builder, op->getLoc()};
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](IotaOp iota) -> Value {
        int64_t size = resultType.getDimSize(iota.getDim());
        Value offset = repeated(e, offsetOf(e, axes, size, resultType.getElementType()), resultType);
        return e.add(e.iota(resultType, iota.getDim()), offset);
      })
      .Case([&](GatherOp gather) -> Value {
        int64_t axis = gather.getAxis();
        auto [local, inside] = localIndices(e, operands[1], axes, tensorType(operands[0]).getDimSize(axis));
        Value rows = e.gather(operands[0], local, axis), zero = e.splatLike(rows, 0);
        return e.select(alongSlices(e, inside, axis, tensorType(rows)), rows, zero);
      })
      .Case([&](ScatterAddOp scatter) -> Value {
        int64_t axis = scatter.getAxis();
        auto [local, inside] = localIndices(e, operands[1], axes, resultType.getDimSize(axis));
        Value updates = operands[0], zero = e.splatLike(updates, 0);
        updates = e.select(alongSlices(e, inside, axis, tensorType(updates)), updates, zero);
        return ScatterAddOp::create(builder, op->getLoc(), resultType, updates, local, axis);
      });
}

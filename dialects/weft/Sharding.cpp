//===- Sharding.cpp - Factor rules of the primitive ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A factor is Parallel or Reduction only if the op computes the right thing on
// a shard without knowing which shard it is: what depends on a position in the
// whole tensor (an iota, an index into a table) is Replicated. docs/interfaces.md
// says why.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/ShardingRule.h"
#include <numeric>

using namespace mlir;
using namespace weft;

using RuleBuilder = ShardingRuleBuilder;
using Kind = ShardingRule::FactorKind;

//===----------------------------------------------------------------------===//
// Products and reductions
//===----------------------------------------------------------------------===//

ShardingRule DotGeneralOp::getShardingRule() {
  RuleBuilder builder(*this);
  int64_t next = 0;
  for (auto [l, r] : llvm::zip_equal(getLhsBatch(), getRhsBatch()))
    builder.add(Kind::Parallel, {{operand(0), l}, {operand(1), r}, {result(), next++}});
  for (int64_t l : getLhsFree())
    builder.add(Kind::Parallel, {{operand(0), l}, {result(), next++}});
  for (auto [l, r] : llvm::zip_equal(getLhsContract(), getRhsContract()))
    builder.add(Kind::Reduction, {{operand(0), l}, {operand(1), r}});
  for (int64_t r : getRhsFree())
    builder.add(Kind::Parallel, {{operand(1), r}, {result(), next++}});
  return builder.linear({0}).linear({1}).take();
}

static ShardingRule::Combine combineOf(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::sum:
    return ShardingRule::Combine::Sum;
  case ReduceKind::prod:
    return ShardingRule::Combine::Product;
  case ReduceKind::max:
    return ShardingRule::Combine::Max;
  case ReduceKind::min:
    return ShardingRule::Combine::Min;
  }
  llvm_unreachable("unknown kind of reduction");
}

ShardingRule ReduceOp::getShardingRule() {
  RuleBuilder builder(*this);
  for (int64_t dim = 0, next = 0, rank = builder.rank(operand(0)); dim < rank; ++dim) {
    RuleBuilder::Dim from{operand(0), dim};
    if (llvm::is_contained(getDims(), dim))
      builder.add(Kind::Reduction, builder.size(from), {from}, combineOf(getKind()));
    else
      builder.add(Kind::Parallel, {from, {result(), next++}});
  }
  if (getKind() == ReduceKind::sum)
    builder.linear({0});
  return builder.take();
}

ShardingRule CumsumOp::getShardingRule() {
  RuleBuilder builder(*this);
  for (int64_t dim = 0, rank = builder.rank(operand(0)); dim < rank; ++dim)
    builder.add(dim == static_cast<int64_t>(getDim()) ? Kind::Replicated : Kind::Parallel,
                {{operand(0), dim}, {result(), dim}});
  return builder.linear({0}).take();
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

ShardingRule BroadcastOp::getShardingRule() {
  RuleBuilder builder(*this);
  for (int64_t dim = 0, from = 0, rank = builder.rank(result()), count = getDims().size(); dim < rank; ++dim) {
    SmallVector<RuleBuilder::Dim> dims{{result(), dim}};
    if (from < count && getDims()[from] == dim)
      dims.push_back({operand(0), from++});
    builder.add(Kind::Parallel, dims);
  }
  return builder.linear({0}).take();
}

ShardingRule TransposeOp::getShardingRule() {
  RuleBuilder builder(*this);
  for (auto [to, from] : llvm::enumerate(getPerm()))
    builder.add(Kind::Parallel, {{operand(0), from}, {result(), static_cast<int64_t>(to)}});
  return builder.linear({0}).take();
}

namespace {

/// One side of a reshape: dimensions of size above 1 and how much of each is not a factor yet.
struct ReshapeSide {
  ReshapeSide(TensorOf tensor, ArrayRef<int64_t> shape) : tensor(tensor) {
    for (auto [dim, size] : llvm::enumerate(shape))
      if (size != 1) {
        dims.push_back(dim);
        rest.push_back(size);
      }
  }

  TensorOf tensor;
  SmallVector<int64_t> dims, rest;
};

/// The factors of a range of dimensions of operand and result that hold the same elements, [inBegin, inEnd) and
/// [outBegin, outEnd). Common divisors are taken from the major end, and where none is left, from the minor end. What
/// is between them crosses the dimensions of the other side (the 3 and 2 between the twos of 6x4 and 4x6) and has to
/// be whole.
class ReshapeGroup {
public:
  ReshapeGroup(ReshapeSide &in, ReshapeSide &out, int64_t inBegin, int64_t inEnd, int64_t outBegin, int64_t outEnd)
      : in(in), out(out), inBegin(inBegin), inEnd(inEnd), outBegin(outBegin), outEnd(outEnd) {}

  void addFactors(RuleBuilder &builder) {
    while (int64_t size = takeCommon(inBegin, outBegin))
      builder.add(Kind::Parallel, size, {at(in, inBegin), at(out, outBegin)});
    // A dimension's factors are added major first, so those of the minor end wait.
    SmallVector<std::pair<int64_t, SmallVector<RuleBuilder::Dim, 2>>> minor;
    while (true) {
      skipDone();
      int64_t size = inBegin < inEnd && outBegin < outEnd ? std::gcd(in.rest[inEnd - 1], out.rest[outEnd - 1]) : 1;
      if (size == 1)
        break;
      in.rest[inEnd - 1] /= size;
      out.rest[outEnd - 1] /= size;
      minor.push_back({size, {at(in, inEnd - 1), at(out, outEnd - 1)}});
    }
    for (auto [side, begin, end] : {std::tuple(&in, inBegin, inEnd), {&out, outBegin, outEnd}})
      for (int64_t i = begin; i < end; ++i)
        if (side->rest[i] != 1)
          builder.add(Kind::Replicated, side->rest[i], {at(*side, i)});
    for (auto &[size, dims] : llvm::reverse(minor))
      builder.add(Kind::Parallel, size, dims);
  }

private:
  static RuleBuilder::Dim at(const ReshapeSide &side, int64_t i) { return {side.tensor, side.dims[i]}; }

  /// Moves both ends over dimensions that are all factors.
  void skipDone() {
    for (auto [side, begin, end] : {std::tuple(&in, &inBegin, &inEnd), {&out, &outBegin, &outEnd}}) {
      while (*begin < *end && side->rest[*begin] == 1)
        ++*begin;
      while (*begin < *end && side->rest[*end - 1] == 1)
        --*end;
    }
  }

  /// The common divisor of the major dimensions, which is divided out; 0 if there is none.
  int64_t takeCommon(int64_t &i, int64_t &o) {
    skipDone();
    if (i == inEnd || o == outEnd)
      return 0;
    int64_t size = std::gcd(in.rest[i], out.rest[o]);
    if (size == 1)
      return 0;
    in.rest[i] /= size;
    out.rest[o] /= size;
    return size;
  }

  ReshapeSide &in, &out;
  int64_t inBegin, inEnd, outBegin, outEnd;
};

} // namespace

ShardingRule ReshapeOp::getShardingRule() {
  RuleBuilder builder(*this);
  builder.linear({0});
  ReshapeSide in(operand(0), getInput().getType().getShape()), out(result(), getResult().getType().getShape());
  if (getInput().getType().getNumElements() == 0) {
    for (const ReshapeSide &side : {in, out})
      for (auto [dim, size] : llvm::zip_equal(side.dims, side.rest))
        builder.add(Kind::Replicated, size, {{side.tensor, dim}});
    return builder.take();
  }
  // The shortest ranges of dimensions with as many elements on both sides.
  for (int64_t i = 0, o = 0, inCount = in.dims.size(); i < inCount;) {
    int64_t inBegin = i, outBegin = o, inSize = in.rest[i++], outSize = out.rest[o++];
    while (inSize != outSize) {
      if (inSize < outSize)
        inSize *= in.rest[i++];
      else
        outSize *= out.rest[o++];
    }
    ReshapeGroup(in, out, inBegin, i, outBegin, o).addFactors(builder);
  }
  return builder.take();
}

/// Dimensions that the op does not change are Parallel, others whole.
static ShardingRule untouchedDims(Operation *op) {
  RuleBuilder builder(op);
  for (int64_t dim = 0, rank = builder.rank(result()); dim < rank; ++dim)
    builder.addUntouched({operand(0), dim}, {result(), dim});
  return builder.linear({0}).take();
}

ShardingRule SliceOp::getShardingRule() { return untouchedDims(*this); }
ShardingRule PadOp::getShardingRule() { return untouchedDims(*this); }

ShardingRule ConcatOp::getShardingRule() {
  RuleBuilder builder(*this);
  int64_t count = getInputs().size();
  for (int64_t dim = 0, rank = builder.rank(result()); dim < rank; ++dim) {
    SmallVector<RuleBuilder::Dim> dims;
    for (int64_t i = 0; i < count; ++i)
      dims.push_back({operand(i), dim});
    dims.push_back({result(), dim});
    if (dim != static_cast<int64_t>(getDim()) || count == 1)
      builder.add(Kind::Parallel, dims);
    else
      for (RuleBuilder::Dim one : dims)
        builder.add(Kind::Replicated, {one});
  }
  return builder.linear(llvm::to_vector(llvm::seq<int64_t>(0, count))).take();
}

ShardingRule IotaOp::getShardingRule() {
  RuleBuilder builder(*this);
  for (int64_t dim = 0, rank = builder.rank(result()); dim < rank; ++dim)
    builder.add(dim == static_cast<int64_t>(getDim()) ? Kind::Replicated : Kind::Parallel, {{result(), dim}});
  return builder.take();
}

//===----------------------------------------------------------------------===//
// Indexed access
//===----------------------------------------------------------------------===//

/// Gather and its transpose: `table` without its axis, and the indices in the axis' place, make up `slices`. Indices
/// are of `indicesKind`; a shard of the table's axis would need to know which indices are its own.
static void addIndexed(RuleBuilder &builder, TensorOf table, TensorOf slices, int64_t axis, Kind indicesKind) {
  for (int64_t dim = 0; dim < axis; ++dim)
    builder.add(Kind::Parallel, {{table, dim}, {slices, dim}});
  builder.add(Kind::Replicated, {{table, axis}});
  int64_t indexRank = builder.rank(operand(1));
  for (int64_t dim = 0; dim < indexRank; ++dim)
    builder.add(indicesKind, {{operand(1), dim}, {slices, axis + dim}});
  for (int64_t dim = axis + 1, rank = builder.rank(table); dim < rank; ++dim)
    builder.add(Kind::Parallel, {{table, dim}, {slices, dim + indexRank - 1}});
  builder.linear({0});
}

ShardingRule GatherOp::getShardingRule() {
  RuleBuilder builder(*this);
  addIndexed(builder, operand(0), result(), getAxis(), Kind::Parallel);
  return builder.take();
}

ShardingRule ScatterAddOp::getShardingRule() {
  RuleBuilder builder(*this);
  // Shards of the indices each add their slices to zeros of their own.
  addIndexed(builder, result(), operand(0), getAxis(), Kind::Reduction);
  return builder.take();
}

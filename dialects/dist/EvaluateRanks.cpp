//===- EvaluateRanks.cpp - Running a function on all ranks in lock-step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/EvaluateRanks.h"
#include "llvm/ADT/StringMap.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::dist;

//===----------------------------------------------------------------------===//
// Parts of a tensor
//===----------------------------------------------------------------------===//

/// Where the element `index` lies in a tensor of `shape`.
static int64_t placeOf(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  int64_t place = 0;
  for (auto [i, stride] : llvm::zip_equal(index, rowMajorStrides(shape)))
    place += i * stride;
  return place;
}

/// `whole`'s elements of a part, dense.
static Literal takePart(const Literal &whole, const Part &part) {
  return whole.gatherStrided(whole.getType().clone(part.size), placeOf(part.begin, whole.getShape()),
                             rowMajorStrides(whole.getShape()));
}

/// What a rank holds, without its padding.
static Literal withoutPadding(const Literal &local, const Part &part) {
  if (local.getShape() == ArrayRef<int64_t>(part.size))
    return local;
  return local.gatherStrided(local.getType().clone(part.size), 0, rowMajorStrides(local.getShape()));
}

Literal weft::dist::cutForRank(const Mesh &mesh, const Sharding &sharding, const Literal &whole, int64_t rank) {
  Literal local(sharding.localType(mesh, whole.getType()));
  for (int64_t axis : sharding.axesOf(Sharding::Unreduced))
    if (mesh.coordinatesOf(rank)[axis] != 0)
      return local;
  Literal part = takePart(whole, partOf(mesh, sharding, whole.getShape(), rank));
  local.scatterStrided(part, 0, rowMajorStrides(local.getShape()));
  return local;
}

/// x + y, elementwise, rounded to the type.
static Literal combine(ReduceKind kind, const Literal &x, const Literal &y) {
  Literal result(x.getType());
  for (int64_t i = 0, count = x.getNumElements(); i < count; ++i) {
    auto of = [&](auto a, auto b) -> decltype(a) {
      switch (kind) {
      case ReduceKind::sum:
        return a + b;
      case ReduceKind::prod:
        return a * b;
      case ReduceKind::max:
        return std::max(a, b);
      case ReduceKind::min:
        return std::min(a, b);
      }
      llvm_unreachable("unknown kind of reduction");
    };
    if (x.isFloat())
      result.setFloat(i, of(x.getFloat(i), y.getFloat(i)));
    else
      result.setInt(i, of(x.getInt(i), y.getInt(i)));
  }
  result.round();
  return result;
}

Literal weft::dist::joinRanks(const Mesh &mesh, const Sharding &sharding, RankedTensorType type,
                              ArrayRef<Literal> parts, double &difference) {
  SmallVector<int64_t> unreduced = sharding.axesOf(Sharding::Unreduced), strides = rowMajorStrides(type.getShape());
  Literal whole(type);
  difference = 0;
  for (int64_t rank = 0, ranks = mesh.getNumRanks(); rank < ranks; ++rank) {
    SmallVector<int64_t> group = mesh.groupOf(rank, unreduced);
    if (group.front() != rank)
      continue;
    Literal part = parts[rank];
    for (int64_t other : ArrayRef(group).drop_front())
      part = combine(ReduceKind::sum, part, parts[other]);
    Part place = partOf(mesh, sharding, type.getShape(), rank);
    part = withoutPadding(part, place);
    // The first rank that holds a part says what it is; others have to agree.
    bool isFirst = true;
    for (auto [axis, index] : llvm::enumerate(mesh.coordinatesOf(rank)))
      isFirst &= sharding[axis] != Sharding::Whole || index == 0;
    if (isFirst) {
      whole.scatterStrided(part, placeOf(place.begin, type.getShape()), strides);
      continue;
    }
    Literal expected = takePart(whole, place);
    double largest = 1e-30, apart = 0;
    for (int64_t i = 0, count = part.getNumElements(); i < count; ++i) {
      double a = part.getNumber(i), b = expected.getNumber(i);
      largest = std::max(largest, std::abs(b));
      if (!(a == b) && !(std::isnan(a) && std::isnan(b)))
        apart = std::isnan(a - b) ? INFINITY : std::max(apart, std::abs(a - b));
    }
    difference = std::max(difference, apart / largest);
  }
  return whole;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

using RankOperands = ArrayRef<SmallVector<Literal>>;
using RankResults = MutableArrayRef<SmallVector<Literal>>;

static int64_t indexInGroup(ArrayRef<int64_t> group, int64_t rank) { return llvm::find(group, rank) - group.begin(); }

/// Part `index` of `parts` of a dimension.
static Literal sliceOf(const Literal &x, int64_t dim, int64_t index, int64_t parts) {
  SmallVector<int64_t> shape(x.getShape()), strides = rowMajorStrides(x.getShape());
  shape[dim] /= parts;
  return x.gatherStrided(x.getType().clone(shape), index * shape[dim] * strides[dim], strides);
}

/// Tensors one after another along a dimension.
static Literal joined(ArrayRef<Literal> parts, int64_t dim) {
  SmallVector<int64_t> shape(parts.front().getShape());
  int64_t size = shape[dim];
  shape[dim] *= parts.size();
  Literal whole(parts.front().getType().clone(shape));
  SmallVector<int64_t> strides = rowMajorStrides(shape);
  for (auto [i, part] : llvm::enumerate(parts))
    whole.scatterStrided(part, i * size * strides[dim], strides);
  return whole;
}

/// Gives every rank and member what `compute` makes of the members of its group, in order, and its place among them.
static LogicalResult onGroups(const Mesh &mesh, ArrayAttr names, RankOperands operands, RankResults results,
                              llvm::function_ref<Literal(size_t member, ArrayRef<Literal>, int64_t)> compute) {
  SmallVector<int64_t> axes = axesOf(mesh, names);
  for (int64_t rank = 0, ranks = mesh.getNumRanks(); rank < ranks; ++rank) {
    SmallVector<int64_t> group = mesh.groupOf(rank, axes);
    for (size_t member = 0, count = operands[rank].size(); member < count; ++member) {
      SmallVector<Literal> parts;
      for (int64_t other : group)
        parts.push_back(operands[other][member]);
      results[rank].push_back(compute(member, parts, indexInGroup(group, rank)));
    }
  }
  return success();
}

static Literal reduced(ReduceKind kind, ArrayRef<Literal> parts) {
  Literal sum = parts.front();
  for (const Literal &part : parts.drop_front())
    sum = combine(kind, sum, part);
  return sum;
}

LogicalResult AllReduceOp::evaluateOnRanks(const Mesh &mesh, RankOperands operands, RankResults results) {
  return onGroups(mesh, getAxes(), operands, results,
                  [&](size_t, ArrayRef<Literal> parts, int64_t) { return reduced(getKind(), parts); });
}

LogicalResult AllGatherOp::evaluateOnRanks(const Mesh &mesh, RankOperands operands, RankResults results) {
  return onGroups(mesh, getAxes(), operands, results,
                  [&](size_t member, ArrayRef<Literal> parts, int64_t) { return joined(parts, getDims()[member]); });
}

LogicalResult ReduceScatterOp::evaluateOnRanks(const Mesh &mesh, RankOperands operands, RankResults results) {
  return onGroups(mesh, getAxes(), operands, results, [&](size_t member, ArrayRef<Literal> parts, int64_t place) {
    return sliceOf(reduced(getKind(), parts), getDims()[member], place, parts.size());
  });
}

LogicalResult AllToAllOp::evaluateOnRanks(const Mesh &mesh, RankOperands operands, RankResults results) {
  return onGroups(mesh, getAxes(), operands, results, [&](size_t member, ArrayRef<Literal> parts, int64_t place) {
    SmallVector<Literal> mine;
    for (const Literal &part : parts)
      mine.push_back(sliceOf(part, getSplit()[member], place, parts.size()));
    return joined(mine, getConcat()[member]);
  });
}

LogicalResult AxisIndexOp::evaluateOnRanks(const Mesh &mesh, RankOperands operands, RankResults results) {
  SmallVector<int64_t> axes = axesOf(mesh, getAxes());
  for (int64_t rank = 0, ranks = mesh.getNumRanks(); rank < ranks; ++rank) {
    int64_t index = indexInGroup(mesh.groupOf(rank, axes), rank);
    results[rank].push_back(Literal::ofInts(cast<RankedTensorType>(getType()), {index}));
  }
  return success();
}

LogicalResult LocalSliceOp::evaluateOnRanks(const Mesh &mesh, RankOperands operands, RankResults results) {
  SmallVector<int64_t> axes = axesOf(mesh, getAxes());
  for (int64_t rank = 0, ranks = mesh.getNumRanks(); rank < ranks; ++rank) {
    SmallVector<int64_t> group = mesh.groupOf(rank, axes);
    results[rank].push_back(sliceOf(operands[rank][0], getDim(), indexInGroup(group, rank), group.size()));
  }
  return success();
}

LogicalResult ReshardOp::evaluateOnRanks(const Mesh &mesh, RankOperands operands, RankResults results) {
  Sharding from = *fromAttr(mesh, getFrom()), to = *fromAttr(mesh, getTo());
  // What stays unreduced on an axis is a tensor of its own for each index along it.
  SmallVector<int64_t> kept;
  for (auto [axis, how] : llvm::enumerate(to.axes))
    if (how == Sharding::Unreduced && from[axis] == Sharding::Unreduced)
      kept.push_back(axis);
  Sharding source = from, target = to;
  for (int64_t axis : kept)
    source[axis] = target[axis] = Sharding::Whole;
  for (int64_t rank = 0, ranks = mesh.getNumRanks(); rank < ranks; ++rank) {
    SmallVector<int64_t> mine = mesh.coordinatesOf(rank);
    // All ranks as seen from this one: those that differ in a kept axis show what the one at this rank's index holds.
    SmallVector<Literal> parts;
    for (int64_t other = 0; other < ranks; ++other) {
      SmallVector<int64_t> seen = mesh.coordinatesOf(other);
      for (int64_t axis : kept)
        seen[axis] = mine[axis];
      parts.push_back(operands[mesh.rankOf(seen)][0]);
    }
    double difference;
    results[rank].push_back(
        cutForRank(mesh, target, joinRanks(mesh, source, wholeType(mesh), parts, difference), rank));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

namespace {

/// A run on all ranks.
class LockStep {
public:
  LockStep(const Mesh &mesh, RankLookupFn lookup, RankSinkFn sink)
      : mesh(mesh), ranks(mesh.getNumRanks()), values(ranks), written(ranks), lookup(lookup), sink(sink) {}

  DenseMap<Value, Literal> &of(int64_t rank) { return values[rank]; }

  LogicalResult evaluate(Operation &op) {
    if (auto read = dyn_cast<ReadOp>(op)) {
      for (int64_t rank = 0; rank < ranks; ++rank) {
        std::optional<Literal> literal;
        if (auto found = written[rank].find(read.getSymbol()); found != written[rank].end())
          literal = found->second;
        else if (lookup)
          literal = lookup(rank, read.getSymbol());
        if (!literal || literal->getType() != read.getType())
          return read.emitOpError() << "reads @" << read.getSymbol() << " on rank " << rank
                                    << ", which has no value of " << read.getType();
        values[rank][read.getResult()] = std::move(*literal);
      }
      return success();
    }
    if (auto write = dyn_cast<WriteOp>(op)) {
      for (int64_t rank = 0; rank < ranks; ++rank) {
        const Literal &value = values[rank].find(write.getValue())->second;
        written[rank][write.getSymbol()] = value;
        if (sink)
          sink(rank, write.getSymbol(), value);
      }
      return success();
    }
    SmallVector<SmallVector<Literal>> operands(ranks), results(ranks);
    for (int64_t rank = 0; rank < ranks; ++rank)
      for (Value operand : op.getOperands())
        operands[rank].push_back(values[rank].find(operand)->second);
    if (auto distributed = dyn_cast<RankEvaluateOpInterface>(op)) {
      if (failed(distributed.evaluateOnRanks(mesh, operands, results)))
        return op.emitOpError("cannot be evaluated on these operands");
    } else {
      auto evaluator = dyn_cast<EvaluateOpInterface>(op);
      if (!evaluator)
        return op.emitOpError("has no reference evaluation");
      for (int64_t rank = 0; rank < ranks; ++rank)
        if (failed(evaluator.evaluate(operands[rank], results[rank])))
          return op.emitOpError("cannot be evaluated on these operands");
    }
    for (int64_t rank = 0; rank < ranks; ++rank)
      for (auto [value, literal] : llvm::zip_equal(op.getResults(), results[rank])) {
        assert(value.getType() == literal.getType() && "evaluation gave another type");
        values[rank][value] = std::move(literal);
      }
    return success();
  }

private:
  const Mesh &mesh;
  int64_t ranks;
  std::vector<DenseMap<Value, Literal>> values;
  std::vector<llvm::StringMap<Literal>> written;
  RankLookupFn lookup;
  RankSinkFn sink;
};

} // namespace

LogicalResult weft::dist::evaluateOnRanks(func::FuncOp function, ArrayRef<SmallVector<Literal>> arguments,
                                          MutableArrayRef<SmallVector<Literal>> results, RankLookupFn lookup,
                                          RankSinkFn sink) {
  Mesh mesh = meshOf(function->getParentOfType<ModuleOp>());
  int64_t ranks = mesh.getNumRanks();
  assert(static_cast<int64_t>(arguments.size()) == ranks && static_cast<int64_t>(results.size()) == ranks);
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("cannot be evaluated: it has not exactly one block");
  LockStep run(mesh, lookup, sink);
  Block &block = function.getBody().front();
  for (int64_t rank = 0; rank < ranks; ++rank)
    for (auto [argument, literal] : llvm::zip_equal(block.getArguments(), arguments[rank])) {
      if (argument.getType() != literal.getType())
        return function.emitOpError() << "takes " << argument.getType() << ", not " << literal.getType();
      run.of(rank)[argument] = literal;
    }
  for (Operation &op : block.without_terminator())
    if (failed(run.evaluate(op)))
      return failure();
  for (int64_t rank = 0; rank < ranks; ++rank)
    for (Value value : block.getTerminator()->getOperands())
      results[rank].push_back(run.of(rank).find(value)->second);
  return success();
}

//===- Sort.cpp - Ordering and placing elements -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Sort.h"
#include "dialects/weft/CostModel.h"
#include "dialects/weft/ShardingRule.h"
#include "dialects/weft/VerifySupport.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using Types = ArrayRef<RankedTensorType>;
using RuleBuilder = ShardingRuleBuilder;
using Kind = ShardingRule::FactorKind;
using Combine = ShardingRule::Combine;

#define GET_OP_CLASSES
#include "dialects/weft/SortOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

LogicalResult TopKOp::verify() {
  RankedTensorType input = typeOf(getInput()), values = typeOf(getValues());
  int64_t axis = getAxis();
  if (failed(verifyDim(*this, "input", axis, input)) || failed(verifyRank(*this, "values", values, input.getRank())))
    return failure();
  int64_t k = values.getDimSize(axis);
  if (k > input.getDimSize(axis))
    return emitOpError() << "takes " << k << " of " << input.getDimSize(axis) << " elements";
  SmallVector<int64_t> shape(input.getShape());
  shape[axis] = k;
  if (failed(verifyType(*this, "values", values, input.clone(shape))))
    return failure();
  return verifyShape(*this, "indices", typeOf(getIndices()), shape);
}

LogicalResult ScatterOp::verify() {
  RankedTensorType input = typeOf(getInput()), indices = typeOf(getIndices());
  int64_t axis = getAxis();
  if (failed(verifyDim(*this, "input", axis, input)))
    return failure();
  SmallVector<int64_t> shape(input.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, input.getShape().drop_front(axis + 1));
  if (failed(verifyType(*this, "updates", typeOf(getUpdates()), input.clone(shape))))
    return failure();
  return verifyType(*this, "result", typeOf(getResult()), input);
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

Value weft::placesAlong(Build &e, Value indices, ArrayRef<int64_t> shape, int64_t axis) {
  RankedTensorType type = tensorType(indices);
  Value place;
  int64_t stride = 1;
  for (int64_t d = type.getRank() - 1; d >= 0; stride *= shape[d], --d) {
    if (d != axis && type.getDimSize(d) == 1)
      continue;
    Value part = d == axis ? indices : e.iota(type, d);
    if (stride != 1)
      part = e.mul(part, e.splatLike(part, static_cast<double>(stride)));
    place = place ? e.add(place, part) : part;
  }
  return place;
}

Value weft::gatherAlong(Build &e, Value x, Value indices, int64_t axis) {
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  Value places = placesAlong(e, indices, shape, axis);
  return e.gather(e.reshape(x, {tensorType(x).getNumElements()}), places, 0);
}

LogicalResult TopKOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                               SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  RankedTensorType input = tensorType(getInput());
  int64_t axis = getAxis(), taken = tensorType(getValues()).getDimSize(axis);
  // Of few that were taken each element is compared with all: rows stay apart, as they do forward.
  constexpr int64_t kFew = 16;
  if (taken <= kFew) {
    SmallVector<int64_t> shape(input.getShape());
    shape.insert(shape.begin() + axis, taken);
    Value zero = e.splat(input.clone(shape), 0);
    Value indices = e.broadcastAlong(getIndices(), {axis + 1}, shape);
    Value isTaken = e.equal(indices, e.iota(tensorType(indices), axis + 1));
    operandGrads[0] = e.sum(e.select(isTaken, e.broadcastAlong(resultGrads[0], {axis + 1}, shape), zero), {axis});
    return success();
  }
  Value places = placesAlong(e, getIndices(), input.getShape(), axis);
  Value flat =
      ScatterAddOp::create(builder, getLoc(), input.clone({input.getNumElements()}), resultGrads[0], places, 0);
  operandGrads[0] = e.reshape(flat, input.getShape());
  return success();
}

void TopKOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.push_back(getIndices()); }

/// Updates added to zeros of `like`'s type.
static Value scatterAdd(Build &e, Value updates, Value indices, Value like, int64_t axis) {
  return ScatterAddOp::create(e.b, e.loc, like.getType(), updates, indices, axis);
}

/// 1 where `condition` holds and 0 elsewhere, in the type of `like`'s elements.
static Value indicator(Build &e, Value condition, Value like) {
  Type element = tensorType(like).getElementType();
  RankedTensorType type = tensorType(condition).clone(element);
  Value zero = e.splat(type, 0);
  return e.select(condition, e.splat(type, 1), zero);
}

/// Of each update, whether it is the last one with its index: the one that stays.
static Value isLast(Build &e, ScatterOp op) {
  RankedTensorType type = tensorType(op.getUpdates());
  RankedTensorType numbers = type.clone(e.b.getI64Type());
  // The number of an update's index, counted from 1, is what a maximum keeps.
  RankedTensorType indexType = tensorType(op.getIndices()).clone(e.b.getI64Type());
  int64_t count = indexType.getNumElements();
  Value order = e.iota(indexType.clone({count}), 0);
  order = e.reshape(e.add(order, e.splatLike(order, 1)), indexType.getShape());
  SmallVector<int64_t> dims = llvm::to_vector(llvm::seq<int64_t>(op.getAxis(), op.getAxis() + indexType.getRank()));
  order = e.broadcast(order, dims, numbers.getShape());
  Value none = e.splat(tensorType(op.getInput()).clone(e.b.getI64Type()), 0);
  Value last = ScatterOp::create(e.b, e.loc, none.getType(), none, op.getIndices(), order, op.getAxis(),
                                 ReduceKindAttr::get(e.b.getContext(), ReduceKind::max));
  return e.equal(e.gather(last, op.getIndices(), op.getAxis()), order);
}

LogicalResult ScatterOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                  SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value dout = resultGrads[0], x = getInput(), u = getUpdates(), where = getIndices();
  int64_t axis = getAxis();
  auto at = [&](Value tensor) { return e.gather(tensor, where, axis); };
  if (!getCombine()) {
    if (needed[0]) {
      Value hits = scatterAdd(e, e.splatLike(u, 1), where, x, axis);
      Value zero = e.splatLike(dout, 0);
      operandGrads[0] = e.select(e.equal(hits, e.splatLike(hits, 0)), dout, zero);
    }
    if (needed[2]) {
      Value zero = e.splatLike(u, 0), there = at(dout);
      operandGrads[2] = e.select(isLast(e, *this), there, zero);
    }
    return success();
  }
  switch (*getCombine()) {
  case ReduceKind::sum:
    operandGrads[0] = dout;
    if (needed[2])
      operandGrads[2] = at(dout);
    return success();
  case ReduceKind::max:
  case ReduceKind::min: {
    // Elements that share the extremum share its gradient.
    Value own = indicator(e, e.equal(x, getResult()), x), theirs = indicator(e, e.equal(u, at(getResult())), u);
    Value share = e.div(dout, e.add(own, scatterAdd(e, theirs, where, x, axis)));
    operandGrads[0] = e.mul(share, own);
    if (needed[2])
      operandGrads[2] = e.mul(at(share), theirs);
    return success();
  }
  case ReduceKind::prod: {
    // The product of all others: without dividing by zeros, which are counted.
    auto combine = ReduceKindAttr::get(builder.getContext(), ReduceKind::prod);
    Value one = e.splatLike(u, 1), zero = e.splatLike(u, 0), isZero = e.equal(u, zero);
    auto product = [&](Value from, Value updates) -> Value {
      return ScatterOp::create(builder, getLoc(), x.getType(), from, where, updates, axis, combine);
    };
    if (needed[0])
      operandGrads[0] = e.mul(dout, product(e.splatLike(x, 1), u));
    if (needed[2]) {
      Value present = product(x, e.select(isZero, one, u));
      Value zeros = at(scatterAdd(e, indicator(e, isZero, u), where, x, axis));
      Value others = e.select(isZero, e.sub(zeros, one), zeros);
      Value rest = e.div(at(present), e.select(isZero, one, u));
      operandGrads[2] = e.mul(at(dout), e.select(e.equal(others, zero), rest, zero));
    }
    return success();
  }
  }
  llvm_unreachable("covered switch");
}

void ScatterOp::getSavedValues(SmallVectorImpl<Value> &saved) {
  saved.push_back(getIndices());
  std::optional<ReduceKind> combine = getCombine();
  if (!combine || *combine == ReduceKind::sum)
    return;
  saved.append({getInput(), getUpdates()});
  if (*combine != ReduceKind::prod)
    saved.push_back(getResult());
}

//===----------------------------------------------------------------------===//
// Sharding rules
//===----------------------------------------------------------------------===//

ShardingRule TopKOp::getShardingRule() {
  RuleBuilder builder(*this);
  int64_t axis = getAxis();
  for (int64_t dim = 0, rank = builder.rank(operand(0)); dim < rank; ++dim) {
    if (dim != axis) {
      builder.add(Kind::Parallel, {{operand(0), dim}, {result(0), dim}, {result(1), dim}});
      continue;
    }
    builder.add(Kind::Replicated, {{operand(0), dim}});
    builder.add(Kind::Replicated, {{result(0), dim}, {result(1), dim}});
  }
  return builder.take();
}

ShardingRule ScatterOp::getShardingRule() {
  RuleBuilder builder(*this);
  std::optional<ReduceKind> combine = getCombine();
  int64_t axis = getAxis(), indexRank = builder.rank(operand(1));
  for (int64_t dim = 0; dim < axis; ++dim)
    builder.add(Kind::Parallel, {{operand(0), dim}, {operand(2), dim}, {result(), dim}});
  builder.add(Kind::Replicated, {{operand(0), axis}, {result(), axis}});
  // Every shard begins with the whole input: that it counts several times changes an extremum, and nothing else, not.
  bool extremum = combine && (*combine == ReduceKind::max || *combine == ReduceKind::min);
  for (int64_t dim = 0; dim < indexRank; ++dim) {
    RuleBuilder::Dim index{operand(1), dim}, update{operand(2), axis + dim};
    builder.add(extremum ? Kind::Reduction : Kind::Replicated, builder.size(index), {index, update},
                extremum && *combine == ReduceKind::max ? Combine::Max : Combine::Min);
  }
  for (int64_t dim = axis + 1, rank = builder.rank(operand(0)); dim < rank; ++dim)
    builder.add(Kind::Parallel, {{operand(0), dim}, {operand(2), dim + indexRank - 1}, {result(), dim}});
  if (!combine || *combine == ReduceKind::sum)
    builder.linear({0, 2});
  else if (*combine == ReduceKind::prod)
    builder.linear({0});
  return builder.take();
}

//===----------------------------------------------------------------------===//
// Costs
//===----------------------------------------------------------------------===//

/// A comparison with the worst of the best for each element; few displace it.
OpCost TopKOp::getCost(Types operands, Types results) { return costOf(elements(operands[0]), operands, results); }

OpCost ScatterOp::getCost(Types operands, Types results) { return costOf(elements(operands[2]), operands, results); }

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t total = 1;
  for (int64_t size : sizes)
    total *= size;
  return total;
}

LogicalResult TopKOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0];
  RankedTensorType valuesType = typeOf(getValues()), indicesType = typeOf(getIndices());
  int64_t axis = getAxis(), size = input.getShape()[axis], k = valuesType.getDimSize(axis);
  int64_t outer = product(input.getShape().take_front(axis)), inner = product(input.getShape().drop_front(axis + 1));
  std::vector<double> floats(input.isFloat() ? valuesType.getNumElements() : 0);
  std::vector<int64_t> ints(input.isFloat() ? 0 : valuesType.getNumElements());
  std::vector<int64_t> indices(indicesType.getNumElements());
  bool smallest = getSmallest();
  std::vector<int64_t> order(size);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t j = 0; j < inner; ++j) {
      auto place = [&](int64_t i) { return (o * size + i) * inner + j; };
      auto larger = [&](int64_t a, int64_t b) {
        if (!input.isFloat())
          return input.getInt(place(a)) > input.getInt(place(b));
        double x = input.getFloat(place(a)), y = input.getFloat(place(b));
        return std::isnan(x) ? !std::isnan(y) : x > y;
      };
      for (int64_t i = 0; i < size; ++i)
        order[i] = i;
      llvm::stable_sort(order, [&](int64_t a, int64_t b) { return smallest ? larger(b, a) : larger(a, b); });
      for (int64_t i = 0; i < k; ++i) {
        int64_t to = (o * k + i) * inner + j;
        indices[to] = order[i];
        if (input.isFloat())
          floats[to] = input.getFloat(place(order[i]));
        else
          ints[to] = input.getInt(place(order[i]));
      }
    }
  results.push_back(input.isFloat() ? Literal::ofFloats(valuesType, std::move(floats))
                                    : Literal::ofInts(valuesType, std::move(ints)));
  results.push_back(Literal::ofInts(indicesType, std::move(indices)));
  return success();
}

/// `old` combined with an update.
template <typename T> static T combined(std::optional<ReduceKind> kind, T old, T update) {
  if (!kind)
    return update;
  switch (*kind) {
  case ReduceKind::sum:
    return old + update;
  case ReduceKind::prod:
    return old * update;
  case ReduceKind::max:
    return std::max(old, update);
  case ReduceKind::min:
    return std::min(old, update);
  }
  llvm_unreachable("covered switch");
}

LogicalResult ScatterOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0], &indices = operands[1], &updates = operands[2];
  int64_t axis = getAxis(), size = input.getShape()[axis], count = indices.getNumElements();
  for (int64_t i = 0; i < count; ++i)
    if (indices.getInt(i) < 0 || indices.getInt(i) >= size)
      return failure();
  int64_t outer = product(input.getShape().take_front(axis)), inner = product(input.getShape().drop_front(axis + 1));
  auto scatter = [&](auto &values, auto &&update) {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < count; ++i)
        for (int64_t j = 0; j < inner; ++j) {
          auto &old = values[(o * size + indices.getInt(i)) * inner + j];
          old = combined(getCombine(), old, update((o * count + i) * inner + j));
        }
  };
  RankedTensorType type = typeOf(getResult());
  int64_t total = type.getNumElements();
  if (input.isFloat()) {
    std::vector<double> values(total);
    for (int64_t i = 0; i < total; ++i)
      values[i] = input.getFloat(i);
    scatter(values, [&](int64_t i) { return updates.getFloat(i); });
    results.push_back(Literal::ofFloats(type, std::move(values)));
    return success();
  }
  std::vector<int64_t> values(total);
  for (int64_t i = 0; i < total; ++i)
    values[i] = input.getInt(i);
  // Sums and products wrap.
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j < inner; ++j) {
        int64_t &old = values[(o * size + indices.getInt(i)) * inner + j];
        int64_t update = updates.getInt((o * count + i) * inner + j);
        bool wraps = getCombine() && (*getCombine() == ReduceKind::sum || *getCombine() == ReduceKind::prod);
        old = wraps ? static_cast<int64_t>(
                          combined(getCombine(), static_cast<uint64_t>(old), static_cast<uint64_t>(update)))
                    : combined(getCombine(), old, update);
      }
  results.push_back(Literal::ofInts(type, std::move(values)));
  return success();
}

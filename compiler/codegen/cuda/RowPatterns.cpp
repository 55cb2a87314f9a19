//===- RowPatterns.cpp - Reductions of long rows that take no pass --------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/KernelBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace weft;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Takes what `match` accepts out of its pass, and empty passes out of `passes`.
static void takeReductions(std::map<int64_t, SmallVector<ReduceOp>> &passes, llvm::function_ref<bool(ReduceOp)> match) {
  for (auto pass = passes.begin(); pass != passes.end();) {
    llvm::erase_if(pass->second, match);
    pass = pass->second.empty() ? passes.erase(pass) : std::next(pass);
  }
}

//===----------------------------------------------------------------------===//
// A sum of which one element is not 0
//===----------------------------------------------------------------------===//

std::vector<PickedElement> PickedElement::takeFrom(std::map<int64_t, SmallVector<ReduceOp>> &passes) {
  std::vector<PickedElement> picked;
  takeReductions(passes, [&](ReduceOp sum) {
    auto select = sum.getInput().getDefiningOp<arith::SelectOp>();
    if (!select || sum.getKind() != ReduceKind::sum || !matchPattern(select.getFalseValue(), m_AnyZeroFloat()))
      return false;
    auto equal = select.getCondition().getDefiningOp<arith::CmpIOp>();
    if (!equal || equal.getPredicate() != arith::CmpIPredicate::eq)
      return false;
    auto column = equal.getLhs().getDefiningOp<IotaOp>();
    if (!column || column.getDim() + 1 != typeOf(column).getRank() || !equal.getRhs().getDefiningOp<BroadcastOp>() ||
        sum.getDims() != ArrayRef<int64_t>(static_cast<int64_t>(column.getDim())))
      return false;
    picked.push_back({sum, equal.getRhs(), select.getTrueValue()});
    return true;
  });
  return picked;
}

Value KernelBuilder::pick(const PickedElement &element, Value row, Value start) {
  auto at = [&](Value value, Value column) {
    return emitter->emit(value, this->element(row, column, add(start, column)).positions.front());
  };
  Value wanted = at(element.column, c(0));
  auto limit = [&](int64_t value) {
    return arith::ConstantOp::create(builder, loc, builder.getIntegerAttr(wanted.getType(), value)).getResult();
  };
  Value first = limit(0), last = limit(info.cols - 1);
  Value inside = arith::MinSIOp::create(builder, loc, arith::MaxSIOp::create(builder, loc, wanted, first), last);
  Value there = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, inside, wanted);
  Value value = widen(at(element.value, toIndex(inside)));
  return arith::SelectOp::create(builder, loc, there, value, identity(ReduceKind::sum, value.getType()));
}

//===----------------------------------------------------------------------===//
// A sum of exponentials
//===----------------------------------------------------------------------===//

/// The maximum in exp(x - max x), if `sum` adds up such.
static ReduceOp maximumOf(ReduceOp sum) {
  auto exponential = sum.getInput().getDefiningOp<math::ExpOp>();
  if (!exponential || sum.getKind() != ReduceKind::sum)
    return {};
  auto difference = exponential.getOperand().getDefiningOp<arith::SubFOp>();
  auto broadcast = difference ? difference.getRhs().getDefiningOp<BroadcastOp>() : BroadcastOp();
  auto max = broadcast ? broadcast.getInput().getDefiningOp<ReduceOp>() : ReduceOp();
  if (!max || max.getKind() != ReduceKind::max || max.getInput() != difference.getLhs() ||
      max.getDims() != sum.getDims() || carriedType(typeOf(sum).getElementType()) != typeOf(sum).getElementType())
    return {};
  return max;
}

std::optional<RunningSum> RunningSum::takeFrom(std::map<int64_t, SmallVector<ReduceOp>> &passes) {
  std::optional<RunningSum> running;
  takeReductions(passes, [&](ReduceOp sum) {
    ReduceOp max = running ? ReduceOp() : maximumOf(sum);
    if (max)
      running = RunningSum{max, sum, 0};
    return static_cast<bool>(max);
  });
  for (auto &[number, reductions] : passes)
    if (running && llvm::is_contained(reductions, running->max))
      running->place = llvm::find(reductions, running->max) - reductions.begin();
  return running;
}

/// Adds a run to a sum of exponentials of differences to the largest value so far, which was `before` and is `now`.
Value KernelBuilder::addRunning(const RunningSum &running, Value before, Value now, Value sum, const Chunk &run) {
  Type type = now.getType();
  Value least = identity(ReduceKind::max, type);
  // Where all values were -infinity there is nothing to subtract: exp(-infinity) is 0 by itself.
  Value none = arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OEQ, now, least);
  Value zero = arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  Value base = arith::SelectOp::create(builder, loc, none, zero, now);
  auto exponential = [&](Value value) {
    return math::ExpOp::create(builder, loc, arith::SubFOp::create(builder, loc, value, base)).getResult();
  };
  sum = arith::MulFOp::create(builder, loc, sum, exponential(before));
  ReduceOp max = running.max;
  for (const Position &position : run.positions)
    sum = combine(ReduceKind::sum, sum, exponential(widen(emitter->emit(max.getInput(), position))));
  return sum;
}

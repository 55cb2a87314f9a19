//===- OrderSums.cpp - Additions in the order in which they cost least -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/OrderSums.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/shard/Region.h"
#include "passes/shard/Unreduced.h"

using namespace mlir;
using namespace weft;
using dist::Mesh;

/// The axes on which an op makes a partial sum of what it reads, for nothing but the value's one use, seen through
/// changes of shape: what is read elsewhere is reduced for that.
static SmallVector<int64_t> partialAxes(const Mesh &mesh, Value value) {
  while (value.hasOneUse() && value.getDefiningOp() && isa<ReshapeOp, TransposeOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  Operation *op = value.getDefiningOp();
  SmallVector<int64_t> axes;
  if (!op || !value.hasOneUse())
    return axes;
  OpFactors factors(op);
  if (!factors.isKnown())
    return axes;
  for (auto [axis, factor] : llvm::enumerate(factorsOf(mesh, op)))
    if (factor != OpFactors::None && factors.factor(factor).kind == ShardingRule::FactorKind::Reduction &&
        factors.factor(factor).combine == ShardingRule::Combine::Sum &&
        factors.dimOf(op->getNumOperands(), factor) == OpFactors::None)
      axes.push_back(static_cast<int64_t>(axis));
  return axes;
}

/// Whether `inner` is part of the sum that `outer` is: nothing else reads it, and both are cut alike.
static bool isPartOf(arith::AddFOp inner, arith::AddFOp outer) {
  return inner && inner->hasOneUse() && regionOf(inner.getLoc()) == regionOf(outer.getLoc()) &&
         inner->getAttr(dist::factorsAttr) == outer->getAttr(dist::factorsAttr) &&
         inner->getAttr(dist::shardingsAttr) == outer->getAttr(dist::shardingsAttr);
}

static void flatten(arith::AddFOp sum, SmallVectorImpl<Value> &parts, SmallVectorImpl<Operation *> &sums) {
  sums.push_back(sum);
  for (Value operand : sum->getOperands()) {
    if (auto inner = operand.getDefiningOp<arith::AddFOp>(); isPartOf(inner, sum))
      flatten(inner, parts, sums);
    else
      parts.push_back(operand);
  }
}

/// Adds the parts up in this order, each as soon as it is there.
static Value addUp(arith::AddFOp like, ArrayRef<Value> parts) {
  Value sum = parts.front();
  for (Value part : parts.drop_front()) {
    Operation *a = sum.getDefiningOp(), *b = part.getDefiningOp();
    Operation *last = !a ? b : !b || b->isBeforeInBlock(a) ? a : b;
    OpBuilder builder(like);
    if (last)
      builder.setInsertionPointAfter(last);
    Operation *added = builder.clone(*like);
    added->setOperands({sum, part});
    sum = added->getResult(0);
  }
  return sum;
}

void weft::orderSums(func::FuncOp function, const Mesh &mesh) {
  SmallVector<arith::AddFOp> roots;
  for (auto sum : function.getOps<arith::AddFOp>()) {
    bool isInner = sum->hasOneUse() && isa<arith::AddFOp>(*sum->user_begin()) &&
                   isPartOf(sum, cast<arith::AddFOp>(*sum->user_begin()));
    if (!isInner && cast<RankedTensorType>(sum.getType()).getRank() > 0)
      roots.push_back(sum);
  }
  for (arith::AddFOp root : roots) {
    SmallVector<Value> parts;
    SmallVector<Operation *> sums;
    flatten(root, parts, sums);
    if (parts.size() < 3)
      continue;
    SmallVector<Value> partial, others;
    SmallVector<int64_t> axes;
    for (Value part : parts) {
      SmallVector<int64_t> own = partialAxes(mesh, part);
      if (axes.empty())
        axes = own;
      (!own.empty() && own == axes ? partial : others).push_back(part);
    }
    // Added one after another, beginning with these.
    llvm::SmallDenseSet<Operation *> inner(sums.begin(), sums.end());
    bool isChain =
        llvm::none_of(sums, [&](Operation *sum) { return inner.contains(sum->getOperand(1).getDefiningOp()); });
    bool isInOrder = isChain && std::equal(partial.begin(), partial.end(), parts.begin());
    if (partial.size() < 2 || isInOrder)
      continue;
    llvm::append_range(partial, others);
    root.getResult().replaceAllUsesWith(addUp(root, partial));
    for (Operation *sum : sums)
      sum->erase();
  }
}

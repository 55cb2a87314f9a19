//===- Differentiate.cpp - Reverse-mode differentiation -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/train/Differentiate.h"
#include "dialects/weft/Build.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace weft;

Location weft::regionLocation(Location loc, StringRef region) {
  Attribute tag = StringAttr::get(loc.getContext(), region);
  if (auto fused = dyn_cast<FusedLoc>(loc); fused && fused.getMetadata() == tag)
    return loc;
  return FusedLoc::get(loc.getContext(), {loc}, tag);
}

static bool carriesGradient(Value v) {
  auto type = dyn_cast<RankedTensorType>(v.getType());
  return type && isa<FloatType>(type.getElementType());
}

GradientPaths::GradientPaths(ValueRange from, ValueRange to) {
  active.insert(from.begin(), from.end());
  if (from.empty() || to.empty())
    return;

  SmallVector<Operation *> reached;
  for (Operation &op : *from.front().getParentBlock()) {
    if (llvm::none_of(op.getOperands(), [&](Value v) { return carriesGradient(v) && active.contains(v); }))
      continue;
    for (Value result : op.getResults())
      if (carriesGradient(result))
        active.insert(result);
    reached.push_back(&op);
  }

  DenseSet<Value> wanted(to.begin(), to.end());
  for (Operation *op : llvm::reverse(reached)) {
    if (llvm::none_of(op->getResults(), [&](Value v) { return wanted.contains(v); }))
      continue;
    ops.push_back(op);
    for (Value operand : op->getOperands())
      if (carriesGradient(operand) && active.contains(operand))
        wanted.insert(operand);
  }
  std::reverse(ops.begin(), ops.end());
}

namespace {
/// Tags the locations of everything built while it lives, and passes notifications on.
class BackwardLocations : public OpBuilder::Listener {
public:
  explicit BackwardLocations(OpBuilder::Listener *next) : next(next) {}
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint previous) override {
    op->setLoc(regionLocation(op->getLoc(), "backward"));
    if (next)
      next->notifyOperationInserted(op, previous);
  }

private:
  OpBuilder::Listener *next;
};
} // namespace

LogicalResult weft::differentiate(OpBuilder &builder, ValueRange losses, ValueRange seeds, ValueRange wrt,
                                  SmallVectorImpl<Value> &grads) {
  assert(losses.size() == seeds.size() && "one gradient per loss");
  GradientPaths paths(wrt, losses);
  BackwardLocations listener(builder.getListener());
  OpBuilder backward(builder.getInsertionBlock(), builder.getInsertionPoint(), &listener);

  DenseMap<Value, Value> gradients;
  auto accumulate = [&](Value value, Value gradient, Location loc) {
    assert(gradient.getType() == value.getType() && "a gradient has the type of its value");
    Value &sum = gradients[value];
    sum = sum ? Build{backward, loc}.add(sum, gradient) : gradient;
  };
  for (auto [loss, seed] : llvm::zip_equal(losses, seeds))
    accumulate(loss, seed, loss.getLoc());

  SmallVector<Value> resultGrads, operandGrads;
  SmallVector<bool> needed;
  for (Operation *op : llvm::reverse(paths.ops)) {
    resultGrads.clear();
    for (Value result : op->getResults())
      resultGrads.push_back(gradients.lookup(result));
    if (llvm::none_of(resultGrads, [](Value v) { return v; }))
      continue; // What it feeds passes no gradient on: a rounding, say.

    needed.clear();
    for (Value operand : op->getOperands())
      needed.push_back(carriesGradient(operand) && paths.isActive(operand));
    operandGrads.assign(op->getNumOperands(), Value());

    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (!differentiable)
      return op->emitOpError("lies between a trained parameter and the loss but has no derivative; freeze the "
                             "parameters it depends on, or rewrite the model without it");
    if (failed(differentiable.buildVjp(backward, resultGrads, needed, operandGrads)))
      return failure();
    for (auto [operand, gradient, isNeeded] : llvm::zip_equal(op->getOperands(), operandGrads, needed))
      if (isNeeded && gradient)
        accumulate(operand, gradient, op->getLoc());
  }

  grads.clear();
  for (Value value : wrt)
    grads.push_back(gradients.lookup(value));
  builder.setInsertionPoint(backward.getInsertionBlock(), backward.getInsertionPoint());
  return success();
}

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

/// The dimension along which `pad` puts zeros around its operand, if it is one.
static std::optional<int64_t> paddedDim(PadOp pad) {
  std::optional<int64_t> dim;
  for (int64_t d = 0, rank = pad.getLow().size(); d < rank; ++d) {
    if (pad.getInterior()[d] != 0)
      return std::nullopt;
    if (pad.getLow()[d] == 0 && pad.getHigh()[d] == 0)
      continue;
    if (dim)
      return std::nullopt;
    dim = d;
  }
  return dim;
}

/// A value that is taken apart by slices (queries, keys and values of one
/// product) gets padded gradients that do not overlap. If they cover it, their
/// sum is a concatenation; null if they do not. The pads are left without use.
static Value joinSlices(OpBuilder &builder, ArrayRef<PadOp> parts) {
  std::optional<int64_t> dim = paddedDim(parts.front());
  if (!dim || llvm::any_of(parts, [&](PadOp pad) { return paddedDim(pad) != dim; }))
    return {};
  SmallVector<PadOp> pads(parts);
  llvm::sort(pads, [&](PadOp a, PadOp b) { return a.getLow()[*dim] < b.getLow()[*dim]; });
  int64_t covered = 0;
  SmallVector<Value> pieces;
  for (PadOp pad : pads) {
    if (pad.getLow()[*dim] != covered)
      return {};
    pieces.push_back(pad.getInput());
    covered += tensorType(pad.getInput()).getDimSize(*dim);
  }
  if (covered != tensorType(pads.front()).getDimSize(*dim))
    return {};
  return Build{builder, pads.front().getLoc()}.concat(pieces, *dim);
}

namespace {
/// The gradients of values. A part is added as soon as it arrives, so that few are alive at once; only pads wait for
/// one another. Products are added up apart from what else there is: over ranks that have parts of their sums each, one
/// reduction is enough for all of them, which a part that every rank has whole must not come between.
class Gradients {
public:
  explicit Gradients(OpBuilder &builder) : builder(builder) {}

  void add(Value value, Value part, Location loc) {
    assert(part.getType() == value.getType() && "a gradient has the type of its value");
    Entry &entry = entries[value];
    if (auto pad = part.getDefiningOp<PadOp>()) {
      entry.pads.push_back(pad);
      return;
    }
    bool isProduct = comesFromProduct(part);
    entry.isProductFirst |= isProduct && !entry.sum;
    entry.loc = loc;
    addTo(isProduct ? entry.products : entry.sum, part, loc);
  }

  /// The sum of all parts; null if there are none.
  Value get(Value value) {
    auto it = entries.find(value);
    if (it == entries.end())
      return {};
    auto &[sum, products, isProductFirst, loc, pads] = it->second;
    if (products) {
      if (isProductFirst)
        std::swap(sum, products);
      if (products)
        addTo(sum, products, *loc);
      products = {};
    }
    if (pads.empty())
      return sum;
    if (Value joined = joinSlices(builder, pads))
      addTo(sum, joined, joined.getLoc());
    else
      for (PadOp pad : pads)
        addTo(sum, pad, pad.getLoc());
    pads.clear();
    return sum;
  }

private:
  struct Entry {
    Value sum, products;
    bool isProductFirst = false;
    std::optional<Location> loc;
    SmallVector<PadOp, 0> pads;
  };
  static bool comesFromProduct(Value part) {
    while (Operation *def = part.getDefiningOp()) {
      if (isa<DotGeneralOp>(def))
        return true;
      if (!isa<ReshapeOp, TransposeOp>(def))
        return false;
      part = def->getOperand(0);
    }
    return false;
  }
  void addTo(Value &sum, Value part, Location loc) { sum = sum ? Build{builder, loc}.add(sum, part) : part; }

  OpBuilder &builder;
  DenseMap<Value, Entry> entries;
};
} // namespace

LogicalResult weft::differentiate(OpBuilder &builder, ValueRange losses, ValueRange seeds, ValueRange wrt,
                                  SmallVectorImpl<Value> &grads) {
  GradientPaths paths(wrt, losses);
  BackwardLocations listener(builder.getListener());
  OpBuilder backward(builder.getInsertionBlock(), builder.getInsertionPoint(), &listener);
  Gradients gradients(backward);
  for (auto [loss, seed] : llvm::zip_equal(losses, seeds))
    gradients.add(loss, seed, loss.getLoc());

  SmallVector<Value> resultGrads, operandGrads;
  SmallVector<bool> needed;
  for (Operation *op : llvm::reverse(paths.ops)) {
    resultGrads.clear();
    for (Value result : op->getResults())
      resultGrads.push_back(gradients.get(result));
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
        gradients.add(operand, gradient, op->getLoc());
  }

  grads.clear();
  for (Value value : wrt)
    grads.push_back(gradients.get(value));
  builder.setInsertionPoint(backward.getInsertionBlock(), backward.getInsertionPoint());
  return success();
}

//===- StepGraph.cpp - What the backward pass reads of the forward pass ---===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/StepGraph.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/weft/Weft.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OperationSupport.h"
#include "passes/schedule/OpSeconds.h"
#include "passes/shard/Region.h"

using namespace mlir;
using namespace weft;

Value weft::viewsOn(OpBuilder &builder, Value value, Value stored) {
  Operation *op = value.getDefiningOp();
  if (!op || !exec::isView(op))
    return stored;
  IRMapping mapping;
  mapping.map(op->getOperand(0), viewsOn(builder, op->getOperand(0), stored));
  return builder.clone(*op, mapping)->getResult(0);
}

void weft::markOffloaded(OpResult result) {
  Operation *op = result.getOwner();
  SmallVector<bool> marks(op->getNumResults(), false);
  if (auto known = op->getAttrOfType<DenseBoolArrayAttr>(offloadedAttr))
    marks.assign(known.asArrayRef().begin(), known.asArrayRef().end());
  marks[result.getResultNumber()] = true;
  op->setAttr(offloadedAttr, DenseBoolArrayAttr::get(op->getContext(), marks));
}

bool weft::isMarkedOffloaded(OpResult result) {
  auto marks = result.getOwner()->getAttrOfType<DenseBoolArrayAttr>(offloadedAttr);
  return marks && marks[result.getResultNumber()];
}

static bool isWork(Operation *op) { return isa<exec::FusedOp, exec::LibraryOpInterface>(op); }

static double bytesOf(Value value) { return static_cast<double>(tensorBytes(cast<RankedTensorType>(value.getType()))); }

/// The forward pass ends with the last library call of the forward pass: what comes behind is the loss's kernels, which
/// may be one with the first of the backward pass.
void StepGraph::findBoundary(Block &block) {
  int64_t position = 0;
  bool isBackward = false, hasCalls = false; ///< of the backward pass
  for (Operation &op : block) {
    if (isWork(&op)) {
      // Kernels of the backward pass that need no gradient may stand among those of the forward pass; calls do not.
      StringRef region = regionOf(op.getLoc());
      if (isa<exec::LibraryOpInterface>(op)) {
        if (region == "forward" && !hasCalls)
          boundary = position;
        hasCalls |= region == "backward";
      }
      isBackward |= region == "backward";
    }
    ++position;
  }
  if (!isBackward)
    boundary = -1;
}

StepGraph::StepGraph(func::FuncOp task, const StepRates &rates) : rates(rates) {
  Block &block = task.getBody().front();
  findBoundary(block);
  if (boundary < 0)
    return;
  int64_t position = 0;
  for (Operation &op : block) {
    if (position <= boundary) {
      if (isWork(&op)) {
        for (OpResult result : op.getResults())
          addValue(result, units.size());
        units.push_back(&op);
      } else if (!exec::isView(&op)) {
        // A write, whatever its order.
        for (Value operand : op.getOperands())
          if (int64_t index = indexOf(storedValue(operand)); index >= 0)
            values[index].isPinned = true;
      }
    } else if (!exec::isView(&op)) {
      later.push_back(&op);
      for (Value operand : op.getOperands())
        if (int64_t index = indexOf(storedValue(operand)); index >= 0)
          (isWork(&op) ? values[index].isRead : values[index].isPinned) = true;
    }
    ++position;
  }
  for (auto [i, value] : llvm::enumerate(values)) {
    Operation *op = value.value.getDefiningOp();
    if (auto fused = dyn_cast<exec::FusedOp>(op)) {
      sliceKernel(fused, i, value);
      continue;
    }
    value.isCall = true;
    value.seconds = secondsOf(op);
    for (Value operand : op->getOperands())
      if (int64_t index = indexOf(storedValue(operand)); index >= 0)
        value.needs.push_back(index);
  }
}

/// Whether a kernel's result is a sum over its columns, or made of such sums.
static bool isStatistic(OpResult result) {
  auto fused = dyn_cast<exec::FusedOp>(result.getOwner());
  return fused && cast<RankedTensorType>(result.getType()).getNumElements() * 16 <=
                      static_cast<int64_t>(fused.getRows() * fused.getCols());
}

static bool isParameterGather(Operation *op) {
  return isa<dist::AllGatherOp>(op) && op->getNumOperands() == 1 &&
         isa_and_nonnull<ReadOp>(storedValue(op->getOperand(0)).getDefiningOp());
}

int64_t weft::shareGathers(func::FuncOp task) {
  int64_t shared = 0;
  SmallVector<Operation *> forward;
  auto sameBut = [](Operation *a, Operation *b) { // for the region
    if (a->getOperand(0) != b->getOperand(0) || a->getResultTypes() != b->getResultTypes())
      return false;
    NamedAttrList x(a->getAttrs()), y(b->getAttrs());
    x.erase(dist::regionAttr);
    y.erase(dist::regionAttr);
    return x.getDictionary(a->getContext()) == y.getDictionary(b->getContext());
  };
  for (Operation &op : llvm::make_early_inc_range(task.getBody().front())) {
    if (!isParameterGather(&op))
      continue;
    if (regionOf(op.getLoc()) == "forward") {
      forward.push_back(&op);
      continue;
    }
    auto first = llvm::find_if(forward, [&](Operation *other) { return sameBut(other, &op); });
    if (regionOf(op.getLoc()) != "backward" || first == forward.end())
      continue;
    op.replaceAllUsesWith(*first);
    op.erase();
    ++shared;
  }
  return shared;
}

void StepGraph::addValue(OpResult result, int64_t unit) {
  indices[result] = values.size();
  ForwardValue value;
  value.value = result;
  value.bytes = tensorBytes(cast<RankedTensorType>(result.getType()));
  value.unit = unit;
  // What the last update left in parts is sent once in a step.
  value.isPinned = isStatistic(result) || isOfLastUpdate(result.getOwner());
  value.isGather = isParameterGather(result.getOwner());
  values.push_back(std::move(value));
}

/// What one result of a kernel is computed from: operands of the kernel, and other results on the way.
void StepGraph::sliceKernel(exec::FusedOp fused, int64_t index, ForwardValue &value) const {
  auto yield = cast<exec::YieldOp>(fused.getBody().front().getTerminator());
  int64_t first = indexOf(fused.getResult(0));
  Value from = yield.getValues()[index - first];
  SmallVector<Value> work{from};
  llvm::SmallDenseSet<Value, 16> seen{from};
  double bytes = bytesOf(from), flops = 0;
  auto need = [&](int64_t other) {
    if (!llvm::is_contained(value.needs, other))
      value.needs.push_back(other);
  };
  while (!work.empty()) {
    Value at = work.pop_back_val();
    if (auto argument = dyn_cast<BlockArgument>(at)) {
      Value operand = fused.getInputs()[argument.getArgNumber()];
      bytes += std::min(bytesOf(operand), 4 * bytesOf(from)); // a table is not read whole
      if (int64_t other = indexOf(storedValue(operand)); other >= 0)
        need(other);
      continue;
    }
    if (at != from)
      if (auto it = llvm::find(yield.getValues(), at); it != yield.getValues().end()) {
        int64_t other = first + (it - yield.getValues().begin());
        bytes += bytesOf(at);
        need(other);
        continue;
      }
    Operation *op = at.getDefiningOp();
    if (auto cost = dyn_cast<CostOpInterface>(op)) {
      SmallVector<RankedTensorType> operands, results;
      for (Type type : op->getOperandTypes())
        operands.push_back(cast<RankedTensorType>(type));
      for (Type type : op->getResultTypes())
        results.push_back(cast<RankedTensorType>(type));
      flops += cost.getCost(operands, results).flops;
    }
    for (Value operand : op->getOperands())
      if (seen.insert(operand).second)
        work.push_back(operand);
  }
  value.seconds = std::max(bytes / rates.bytesPerSecond, flops / rates.kernelFlopsPerSecond);
}

double StepGraph::secondsOf(Operation *op) const { return weft::secondsOf(op, rates); }

llvm::BitVector StepGraph::getAllKept() const {
  llvm::BitVector kept(values.size());
  for (auto [i, value] : llvm::enumerate(values))
    if (value.isRead || value.isPinned)
      kept.set(i);
  return kept;
}

llvm::BitVector StepGraph::getRecomputed(const llvm::BitVector &kept) const {
  llvm::BitVector recomputed(values.size());
  for (int64_t i = static_cast<int64_t>(values.size()) - 1; i >= 0; --i) {
    const ForwardValue &value = values[i];
    if (value.isRead && !kept.test(i) && !value.isPinned)
      recomputed.set(i);
  }
  // A value needs only values before it, or results of its own kernel.
  SmallVector<int64_t> work;
  for (int64_t i : recomputed.set_bits())
    work.push_back(i);
  while (!work.empty()) {
    for (int64_t need : values[work.pop_back_val()].needs)
      if (!kept.test(need) && !values[need].isPinned && !recomputed.test(need)) {
        recomputed.set(need);
        work.push_back(need);
      }
  }
  return recomputed;
}

double StepGraph::getSeconds(const llvm::BitVector &recomputed) const {
  double seconds = 0;
  int64_t lastCall = -1;
  for (int64_t i : recomputed.set_bits()) {
    const ForwardValue &value = values[i];
    if (value.isCall && value.unit == lastCall)
      continue;
    if (value.isCall)
      lastCall = value.unit;
    seconds += value.seconds;
  }
  return seconds;
}

llvm::hash_code StepGraph::hashOf(Operation *op) {
  // Every draw of random numbers has a stream of its own: blocks are alike all the same.
  auto random = dyn_cast<RandomOp>(op);
  llvm::hash_code hash = random ? llvm::hash_combine(op->getName(), random.getType(), random.getWholeAttr())
                                : OperationEquivalence::computeHash(op, OperationEquivalence::ignoreHashValue,
                                                                    OperationEquivalence::ignoreHashValue,
                                                                    OperationEquivalence::IgnoreLocations |
                                                                        OperationEquivalence::IgnoreDiscardableAttrs);
  for (Type type : op->getOperandTypes())
    hash = llvm::hash_combine(hash, type);
  for (Region &region : op->getRegions())
    for (Operation &inner : region.getOps())
      hash = llvm::hash_combine(hash, hashOf(&inner));
  return hash;
}

llvm::BitVector weft::keepExpensive(const StepGraph &graph, double secondsPerByte) {
  ArrayRef<ForwardValue> values = graph.getValues();
  llvm::BitVector kept = graph.getAllKept();
  // Whether kernels compute a value from what is kept, and how long that takes.
  auto costOf = [&](int64_t start) -> std::optional<double> {
    double seconds = 0;
    SmallVector<int64_t> work{start};
    llvm::SmallDenseSet<int64_t, 8> seen{start};
    while (!work.empty()) {
      int64_t at = work.pop_back_val();
      if (values[at].isCall)
        return std::nullopt;
      seconds += values[at].seconds;
      for (int64_t need : values[at].needs)
        if (!kept.test(need) && seen.insert(need).second)
          work.push_back(need);
    }
    return seconds;
  };
  // From the end: what a dropped value is computed from is decided when all that builds on it is.
  for (int64_t i = static_cast<int64_t>(values.size()) - 1; i >= 0; --i) {
    const ForwardValue &value = values[i];
    if (!kept.test(i) || value.isPinned || value.isCall)
      continue;
    kept.reset(i);
    std::optional<double> seconds = costOf(i);
    if (!seconds || *seconds > secondsPerByte * static_cast<double>(value.bytes)) {
      kept.set(i);
      continue;
    }
  }
  // What was dropped early may build on what was dropped later; it is cheap together, too, or it is kept again.
  for (int64_t i = 0, e = values.size(); i < e; ++i) {
    const ForwardValue &value = values[i];
    if (kept.test(i) || !value.isRead)
      continue;
    std::optional<double> seconds = costOf(i);
    if (!seconds || *seconds > secondsPerByte * static_cast<double>(value.bytes))
      kept.set(i);
  }
  return kept;
}

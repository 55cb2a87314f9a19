//===- Recompute.cpp - Clones of forward ops in the backward pass ---------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/Recompute.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/StridedView.h"
#include "dialects/weft/Weft.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace weft;

namespace {

class Recomputer {
public:
  Recomputer(const StepGraph &graph, const llvm::BitVector &kept) : graph(graph), kept(kept) {
    recomputed = graph.getRecomputed(kept);
  }

  RecomputeCounts run() {
    for (Operation *op : graph.getLater()) {
      OpBuilder builder(op);
      for (OpOperand &operand : op->getOpOperands())
        operand.set(get(builder, operand.get()));
    }
    for (int64_t i : recomputed.set_bits())
      if (const ForwardValue &value = graph.getValues()[i]; value.isRead) {
        ++counts.values;
        counts.bytes += value.bytes;
      }
    eraseUnused();
    return counts;
  }

private:
  /// The value itself if it is there when the backward pass runs, else its clone, made now if this is its first reader.
  Value get(OpBuilder &builder, Value value) {
    Value stored = storedValue(value);
    int64_t index = graph.indexOf(stored);
    if (index < 0 || !recomputed.test(index))
      return value;
    if (!clones.contains(stored))
      clone(builder, stored.getDefiningOp());
    return viewsOn(builder, value, clones.lookup(stored));
  }

  void clone(OpBuilder &builder, Operation *op) {
    ++counts.clones;
    if (auto fused = dyn_cast<exec::FusedOp>(op))
      return cloneKernel(builder, fused);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(get(builder, operand));
    Operation *copy = builder.clone(*op);
    copy->setOperands(operands);
    mark(copy);
    for (auto [old, result] : llvm::zip_equal(op->getResults(), copy->getResults()))
      clones[old] = result;
  }

  /// A kernel that computes those results that do not survive, from operands and from results that do.
  void cloneKernel(OpBuilder &builder, exec::FusedOp fused) {
    Block &body = fused.getBody().front();
    auto yield = cast<exec::YieldOp>(body.getTerminator());
    SmallVector<Value> wanted, old;
    llvm::SmallMapVector<Value, Value, 4> given; ///< value of the body -> surviving result
    for (auto [inner, result] : llvm::zip_equal(yield.getValues(), fused.getResults())) {
      int64_t index = graph.indexOf(result);
      if (recomputed.test(index)) {
        wanted.push_back(inner);
        old.push_back(result);
      } else if (kept.test(index) || graph.getValues()[index].isPinned) {
        given.insert({inner, result});
      }
    }

    // Backwards from what is wanted: the ops of the new body, and its operands.
    llvm::SetVector<Value> arguments;
    llvm::SmallPtrSet<Operation *, 32> ops;
    SmallVector<Value> work(wanted);
    while (!work.empty()) {
      Value at = work.pop_back_val();
      if (isa<BlockArgument>(at) || given.contains(at)) {
        arguments.insert(at);
        continue;
      }
      if (ops.insert(at.getDefiningOp()).second)
        llvm::append_range(work, at.getDefiningOp()->getOperands());
    }
    SmallVector<Value> inner(arguments.begin(), arguments.end()), operands;
    llvm::stable_sort(inner, [](Value a, Value b) { // kernel operands first, in their order
      auto x = dyn_cast<BlockArgument>(a), y = dyn_cast<BlockArgument>(b);
      return x && (!y || x.getArgNumber() < y.getArgNumber());
    });
    // Results of the kernel behind them, in theirs.
    auto firstResult = llvm::find_if(inner, [](Value value) { return !isa<BlockArgument>(value); });
    std::sort(firstResult, inner.end(), [&](Value a, Value b) {
      return cast<OpResult>(given.lookup(a)).getResultNumber() < cast<OpResult>(given.lookup(b)).getResultNumber();
    });
    SmallVector<Type> types, resultTypes;
    SmallVector<Location> locs;
    for (Value value : inner) {
      if (auto argument = dyn_cast<BlockArgument>(value))
        operands.push_back(get(builder, fused.getInputs()[argument.getArgNumber()]));
      else
        operands.push_back(given.lookup(value));
      types.push_back(operands.back().getType());
      locs.push_back(operands.back().getLoc());
    }
    for (Value value : wanted)
      resultTypes.push_back(value.getType());
    auto copy = exec::FusedOp::create(builder, fused.getLoc(), resultTypes, operands, fused.getKind(), fused.getRows(),
                                      fused.getCols());
    mark(copy);
    IRMapping mapping;
    OpBuilder::InsertionGuard guard(builder);
    Block *block = builder.createBlock(&copy.getBody(), {}, types, locs);
    mapping.map(inner, block->getArguments());
    for (Operation &op : body.without_terminator())
      if (ops.contains(&op))
        builder.clone(op, mapping);
    SmallVector<Value> yielded;
    for (Value value : wanted)
      yielded.push_back(mapping.lookup(value));
    exec::YieldOp::create(builder, fused.getLoc(), yielded);
    for (auto [from, to] : llvm::zip_equal(old, copy.getResults()))
      clones[from] = to;
  }

  /// A clone belongs to the backward pass of the block it is cloned for.
  void mark(Operation *copy) {
    MLIRContext *context = copy->getContext();
    copy->setLoc(FusedLoc::get(context, {copy->getLoc()}, StringAttr::get(context, "recompute")));
    copy->removeAttr(offloadedAttr);
    if (copy->hasAttr(dist::regionAttr))
      copy->setAttr(dist::regionAttr, StringAttr::get(context, "backward"));
  }

  /// Drops what nobody reads any more: views, calls, kernels, and single results of kernels.
  void eraseUnused() {
    SmallVector<Operation *> ops;
    for (Operation &op : *graph.getUnits().front()->getBlock())
      ops.push_back(&op);
    for (Operation *op : llvm::reverse(ops)) {
      if (op->use_empty() && op->getNumResults() > 0 && !isa<ReadOp>(op)) {
        op->erase();
        continue;
      }
      if (auto fused = dyn_cast<exec::FusedOp>(op);
          fused && llvm::any_of(fused.getResults(), [](Value result) { return result.use_empty(); }))
        pruneResults(fused);
    }
  }

  void pruneResults(exec::FusedOp fused) {
    Block &body = fused.getBody().front();
    auto yield = cast<exec::YieldOp>(body.getTerminator());
    SmallVector<Value> results, yielded;
    SmallVector<Type> types;
    for (auto [inner, result] : llvm::zip_equal(yield.getValues(), fused.getResults()))
      if (!result.use_empty()) {
        results.push_back(result);
        yielded.push_back(inner);
        types.push_back(inner.getType());
      }
    yield->setOperands(yielded);
    SmallVector<Operation *> inner;
    for (Operation &op : body.without_terminator())
      inner.push_back(&op);
    for (Operation *op : llvm::reverse(inner))
      if (op->use_empty())
        op->erase();
    SmallVector<Value> operands;
    llvm::BitVector unused(body.getNumArguments());
    for (auto [argument, input] : llvm::zip_equal(body.getArguments(), fused.getInputs())) {
      if (argument.use_empty())
        unused.set(argument.getArgNumber());
      else
        operands.push_back(input);
    }
    body.eraseArguments(unused);
    OpBuilder builder(fused);
    auto pruned = exec::FusedOp::create(builder, fused.getLoc(), types, operands, fused.getKind(), fused.getRows(),
                                        fused.getCols());
    pruned.getBody().takeBody(fused.getBody());
    for (auto [old, result] : llvm::zip_equal(results, pruned.getResults())) {
      if (isMarkedOffloaded(cast<OpResult>(old)))
        markOffloaded(cast<OpResult>(result));
      old.replaceAllUsesWith(result);
    }
    fused.erase();
  }

  const StepGraph &graph;
  const llvm::BitVector &kept;
  llvm::BitVector recomputed;
  DenseMap<Value, Value> clones;
  RecomputeCounts counts;
};

} // namespace

RecomputeCounts weft::recompute(const StepGraph &graph, const llvm::BitVector &kept) {
  return Recomputer(graph, kept).run();
}

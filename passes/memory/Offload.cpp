//===- Offload.cpp - see Passes.td ----------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/StridedView.h"
#include "dialects/weft/Weft.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/memory/Passes.h"
#include "passes/memory/StepGraph.h"
#include "llvm/ADT/StringSet.h"

namespace weft {
#define GEN_PASS_DEF_OFFLOAD
#include "passes/memory/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

static Value transfer(OpBuilder &builder, Value value, bool toHost, int64_t moment) {
  return exec::TransferOp::create(builder, value.getLoc(), value.getType(), value, toHost, moment);
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

namespace {

/// Sends what the backward pass of one task reads of its forward pass to the host, and back.
class Activations {
public:
  Activations(const StepGraph &graph, ArrayRef<StepBlock> blocks, int64_t horizon)
      : graph(graph), horizon(horizon), numBlocks(blocks.size()) {
    for (Operation *unit : graph.getUnits())
      unitOf[unit] = unitOf.size();
    for (auto [i, op] : llvm::enumerate(graph.getLater()))
      laterOf[op] = i;
    blockOf.assign(graph.getUnits().size(), numBlocks);
    for (auto [b, block] : llvm::enumerate(blocks))
      for (int64_t unit = b == 0 ? 0 : block.begin; unit < block.end; ++unit)
        blockOf[unit] = b;
    findReaders();
    findStarts();
  }

  /// Returns how many values move.
  int64_t run() {
    int64_t moved = 0;
    // The backward pass needs the last blocks first.
    for (int64_t block = numBlocks - horizon - 1; block >= 0; --block)
      for (auto [i, value] : llvm::enumerate(graph.getValues()))
        if (blockOf[value.unit] == block && isMoved(value)) {
          move(value, block, readers[i]);
          ++moved;
        }
    return moved;
  }

private:
  /// The ops that read a value, through views.
  struct Readers {
    int64_t lastUnit = -1, firstLater = -1;
    SmallVector<std::pair<int64_t, OpOperand *>> later; ///< with their places
  };

  static bool isMoved(const ForwardValue &value) { return value.isRead && !value.isPinned && !value.isGather; }

  void findReaders() {
    for (const ForwardValue &value : graph.getValues()) {
      Readers &known = readers.emplace_back();
      known.lastUnit = value.unit;
      SmallVector<Value> work{value.value};
      while (!work.empty())
        for (OpOperand &use : work.pop_back_val().getUses()) {
          Operation *user = use.getOwner();
          if (exec::isView(user)) {
            work.push_back(user->getResult(0));
          } else if (auto unit = unitOf.find(user); unit != unitOf.end()) {
            known.lastUnit = std::max(known.lastUnit, unit->second);
          } else if (auto later = laterOf.find(user); later != laterOf.end()) {
            known.later.push_back({later->second, &use});
          }
        }
      llvm::stable_sort(known.later, [](auto &a, auto &b) { return a.first < b.first; });
      if (!known.later.empty())
        known.firstLater = known.later.front().first;
    }
  }

  /// Where the backward pass of each block begins: with the first reader of what the block saved.
  void findStarts() {
    starts.assign(numBlocks, graph.getLater().size());
    for (auto [value, known] : llvm::zip_equal(graph.getValues(), readers))
      if (int64_t block = blockOf[value.unit]; block < numBlocks && known.firstLater >= 0)
        starts[block] = std::min(starts[block], known.firstLater);
    for (int64_t block = numBlocks - 2; block >= 0; --block)
      starts[block] = std::max(starts[block], starts[block + 1]);
  }

  void move(const ForwardValue &value, int64_t block, const Readers &known) {
    Operation *last = graph.getUnits()[known.lastUnit];
    OpBuilder builder(last->getContext());
    builder.setInsertionPointAfter(last);
    Value away = transfer(builder, value.value, /*toHost=*/true, blockOf[known.lastUnit]);

    int64_t ahead = block + horizon;
    int64_t at = std::min(starts[ahead], known.firstLater);
    builder.setInsertionPoint(graph.getLater()[at]);
    Value back = transfer(builder, away, /*toHost=*/false, 2 * numBlocks - 1 - ahead);
    for (auto [place, use] : known.later) {
      builder.setInsertionPoint(use->getOwner());
      use->set(viewsOn(builder, use->get(), back));
    }
  }

  const StepGraph &graph;
  int64_t horizon, numBlocks;
  DenseMap<Operation *, int64_t> unitOf, laterOf;
  SmallVector<int64_t> blockOf; ///< of each unit; what follows the last block has their number
  std::vector<Readers> readers; ///< of each value
  SmallVector<int64_t> starts;
};

} // namespace

//===----------------------------------------------------------------------===//
// Optimizer states
//===----------------------------------------------------------------------===//

/// Moments and master weights: what belongs to a parameter and is used once a step, by its update.
static bool isOptimizerState(StateOp state) {
  return state.getParam() && (state.getKind() == StateKind::moment || state.getKind() == StateKind::master);
}

namespace {

/// Fetches the optimizer states of one task before they are read, and sends back what is written.
class States {
public:
  States(func::FuncOp task, const llvm::StringSet<> &states, int64_t firstMoment, int64_t horizon)
      : body(task.getBody().front()), states(states), firstMoment(firstMoment), horizon(horizon) {}

  void run() {
    SmallVector<ReadOp> reads;
    SmallVector<WriteOp> writes;
    for (Operation &op : body) {
      if (auto read = dyn_cast<ReadOp>(op); read && states.contains(read.getSymbol()))
        reads.push_back(read);
      if (auto write = dyn_cast<WriteOp>(op); write && states.contains(write.getSymbol()))
        writes.push_back(write);
    }
    findUpdates(reads, writes);
    for (ReadOp read : reads)
      fetch(read);
    for (WriteOp write : writes)
      sendBack(write);
  }

private:
  /// The op that makes what is written, or null where that is what was read.
  static Operation *writerOf(WriteOp write) {
    Operation *op = storedValue(write.getValue()).getDefiningOp();
    return isa_and_nonnull<ReadOp>(op) ? nullptr : op;
  }

  Operation *firstReader(Value value) {
    Operation *first = nullptr;
    SmallVector<Value> work{value};
    while (!work.empty())
      for (Operation *user : work.pop_back_val().getUsers()) {
        if (exec::isView(user))
          work.push_back(user->getResult(0));
        else if (!isa<WriteOp>(user) && (!first || user->isBeforeInBlock(first)))
          first = user;
      }
    return first;
  }

  /// The ops that read or make states, in program order.
  void findUpdates(ArrayRef<ReadOp> reads, ArrayRef<WriteOp> writes) {
    llvm::SmallPtrSet<Operation *, 16> found;
    for (ReadOp read : reads)
      if (Operation *reader = firstReader(read.getResult()))
        found.insert(reader);
    for (WriteOp write : writes)
      if (Operation *writer = writerOf(write))
        found.insert(writer);
    for (Operation &op : body)
      if (found.contains(&op)) {
        updateOf[&op] = updates.size();
        updates.push_back(&op);
      }
  }

  void fetch(ReadOp read) {
    Operation *reader = firstReader(read.getResult());
    if (!reader)
      return;
    int64_t ahead = std::max<int64_t>(updateOf.lookup(reader) - horizon, 0);
    OpBuilder builder(updates[ahead]);
    if (updates[ahead]->isBeforeInBlock(read))
      read->moveBefore(updates[ahead]);
    builder.setInsertionPoint(updates[ahead]);
    Value here = transfer(builder, read.getResult(), /*toHost=*/false, firstMoment + ahead);
    SmallVector<OpOperand *> uses;
    SmallVector<Value> work{read.getResult()};
    while (!work.empty())
      for (OpOperand &use : work.pop_back_val().getUses()) {
        if (exec::isView(use.getOwner()))
          work.push_back(use.getOwner()->getResult(0));
        else if (use.getOwner() != here.getDefiningOp() && !isa<WriteOp>(use.getOwner()))
          uses.push_back(&use);
      }
    for (OpOperand *use : uses) {
      builder.setInsertionPoint(use->getOwner());
      use->set(viewsOn(builder, use->get(), here));
    }
  }

  void sendBack(WriteOp write) {
    Operation *writer = writerOf(write);
    if (!writer)
      return; // Unchanged.
    OpBuilder builder(writer->getContext());
    builder.setInsertionPointAfter(writer);
    Value stored = storedValue(write.getValue());
    Value away = transfer(builder, stored, /*toHost=*/true, firstMoment + updateOf.lookup(writer));
    builder.setInsertionPoint(write);
    write.getValueMutable().set(viewsOn(builder, write.getValue(), away));
  }

  Block &body;
  const llvm::StringSet<> &states;
  int64_t firstMoment, horizon;
  SmallVector<Operation *> updates;
  DenseMap<Operation *, int64_t> updateOf;
};

struct Offload : weft::impl::OffloadBase<Offload> {
  using Base::Base;

  void runOnOperation() override {
    llvm::StringSet<> states;
    if (optimizer)
      for (StateOp state : getOperation().getOps<StateOp>())
        if (isOptimizerState(state)) {
          states.insert(state.getSymName());
          state->setAttr(exec::hostAttr, UnitAttr::get(&getContext()));
          ++numStates;
        }
    bool hasBackward = false;
    for (func::FuncOp task : getOperation().getOps<func::FuncOp>()) {
      int64_t moments = 0;
      if (activations) {
        StepGraph graph(task, StepRates());
        if (graph.hasBackward()) {
          std::vector<StepBlock> blocks = findBlocks(graph);
          if (static_cast<int64_t>(blocks.size()) <= horizon) {
            if (!hasBackward)
              task.emitRemark("--offload activations moves nothing: the model has ")
                  << blocks.size() << " repeated blocks, and what the last " << horizon.getValue()
                  << " save is needed at once (--offload-horizon)";
          } else {
            numActivations += Activations(graph, blocks, horizon).run();
          }
          hasBackward = true;
          moments = 2 * static_cast<int64_t>(blocks.size());
        }
      }
      if (!states.empty())
        States(task, states, moments, horizon).run();
    }
  }
};

} // namespace

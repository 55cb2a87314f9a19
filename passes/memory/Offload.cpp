//===- Offload.cpp - see Passes.td ----------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/StridedView.h"
#include "dialects/weft/Weft.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/memory/OffloadStates.h"
#include "passes/memory/Passes.h"
#include "passes/memory/StepGraph.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

namespace weft {
#define GEN_PASS_DEF_OFFLOAD
#include "passes/memory/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

namespace {

/// Sends what the backward pass of one task reads of its forward pass to the host, and back.
class Activations {
public:
  /// `decided`: only what is marked as offloaded.
  Activations(const StepGraph &graph, ArrayRef<StepBlock> blocks, int64_t horizon, bool decided)
      : graph(graph), horizon(horizon), numBlocks(blocks.size()), decided(decided) {
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

  bool isMoved(const ForwardValue &value) const {
    return value.isRead && !value.isPinned && !value.isGather &&
           (!decided || isMarkedOffloaded(cast<OpResult>(value.value)));
  }

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

  /// Where the backward pass of each block begins: with the first reader of what the block saved. What later blocks
  /// read too is needed in their backward pass already, and says little where there is anything else.
  void findStarts() {
    SmallVector<int64_t> crossing(numBlocks, graph.getLater().size());
    starts.assign(numBlocks, graph.getLater().size());
    for (auto [value, known] : llvm::zip_equal(graph.getValues(), readers))
      if (int64_t block = blockOf[value.unit]; block < numBlocks && known.firstLater >= 0) {
        int64_t &start = blockOf[known.lastUnit] > block ? crossing[block] : starts[block];
        start = std::min(start, known.firstLater);
      }
    for (int64_t block = 0; block < numBlocks; ++block)
      if (starts[block] == static_cast<int64_t>(graph.getLater().size()))
        starts[block] = crossing[block];
    for (int64_t block = numBlocks - 2; block >= 0; --block)
      starts[block] = std::max(starts[block], starts[block + 1]);
  }

  void move(const ForwardValue &value, int64_t block, const Readers &known) {
    Operation *last = graph.getUnits()[known.lastUnit];
    OpBuilder builder(last->getContext());
    builder.setInsertionPointAfter(last);
    Value away = transfer(builder, value.value, /*toHost=*/true, blockOf[known.lastUnit]);

    // It comes back that many blocks before the one that needs it first.
    while (block + 1 < numBlocks - horizon && starts[block] > known.firstLater)
      ++block;
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
  bool decided;
  DenseMap<Operation *, int64_t> unitOf, laterOf;
  SmallVector<int64_t> blockOf; ///< of each unit; what follows the last block has their number
  std::vector<Readers> readers; ///< of each value
  SmallVector<int64_t> starts;
};

} // namespace

namespace {

struct Offload : weft::impl::OffloadBase<Offload> {
  using Base::Base;
  Offload(const OffloadOptions &options, const StepRates &rates, UpdateCounts *counts)
      : Base(options), rates(rates), counts(counts) {}

  void runOnOperation() override {
    std::optional<UpdatePlace> place = parseUpdatePlace(updates);
    if (!place) {
      getOperation().emitError("--offload-updates '") << updates << "' is not auto, host or device";
      return signalPassFailure();
    }
    UpdateCounts all;
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
      if (activations || decided) {
        StepGraph graph(task, StepRates());
        if (graph.hasBackward()) {
          std::vector<StepBlock> blocks = findBlocks(graph);
          if (static_cast<int64_t>(blocks.size()) <= horizon) {
            if (!hasBackward && !decided)
              task.emitRemark("--offload activations moves nothing: the model has ")
                  << blocks.size() << " repeated blocks, and what the last " << horizon.getValue()
                  << " save is needed at once (--offload-horizon)";
          } else {
            numActivations += Activations(graph, blocks, horizon, decided).run();
          }
          hasBackward = true;
          moments = 2 * static_cast<int64_t>(blocks.size());
          for (Operation *unit : graph.getUnits())
            unit->removeAttr(offloadedAttr);
        }
      }
      if (!states.empty())
        offloadStates(task, states, {moments, horizon, *place, rates}, all);
    }
    numHostUpdates += all.host;
    if (counts)
      *counts = all;
  }

private:
  StepRates rates;
  UpdateCounts *counts = nullptr;
};

} // namespace

std::optional<UpdatePlace> weft::parseUpdatePlace(StringRef text) {
  return llvm::StringSwitch<std::optional<UpdatePlace>>(text)
      .Case("auto", UpdatePlace::Cheapest)
      .Case("host", UpdatePlace::Host)
      .Case("device", UpdatePlace::Device)
      .Default(std::nullopt);
}

std::unique_ptr<Pass> weft::createOffloadPass(const OffloadOptions &options, const StepRates &rates,
                                              UpdateCounts *counts) {
  return std::make_unique<Offload>(options, rates, counts);
}

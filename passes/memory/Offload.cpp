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
#include "llvm/ADT/StringSwitch.h"

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

//===----------------------------------------------------------------------===//
// Optimizer states
//===----------------------------------------------------------------------===//

bool weft::isOptimizerState(StateOp state) {
  return state.getParam() && (state.getKind() == StateKind::moment || state.getKind() == StateKind::master);
}

namespace {

/// What an update costs, by the rates of the target.
struct UpdateCosts {
  double stream = 0; ///< its states come to the device, and go back
  double host = 0;   ///< its gradient goes to the host, which computes it, and the parameter comes back
};

/// Has the updates of one task find their states: each runs on the host, where the states are, or they come to it and
/// go back.
class States {
public:
  States(func::FuncOp task, const llvm::StringSet<> &states, int64_t firstMoment, int64_t horizon, UpdatePlace place,
         const StepRates &rates, UpdateCounts &counts)
      : body(task.getBody().front()), states(states), firstMoment(firstMoment), horizon(horizon), place(place),
        rates(rates), counts(counts) {}

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
    choosePlaces();
    for (ReadOp read : reads)
      fetch(read);
    for (WriteOp write : writes)
      sendBack(write);
    for (Operation *update : updates)
      if (update->hasAttr(exec::hostAttr))
        bringToHost(cast<exec::FusedOp>(update));
    delayReaders();
  }

private:
  /// The op that makes what is written, or null where that is what was read.
  static Operation *writerOf(WriteOp write) {
    Operation *op = storedValue(write.getValue()).getDefiningOp();
    return isa_and_nonnull<ReadOp>(op) ? nullptr : op;
  }

  static bool runsOnHost(Operation *op) { return op->hasAttr(exec::hostAttr); }

  /// The first op on the device that reads a value, through views.
  Operation *firstReader(Value value, bool onDevice) {
    Operation *first = nullptr;
    SmallVector<Value> work{value};
    while (!work.empty())
      for (Operation *user : work.pop_back_val().getUsers()) {
        if (exec::isView(user))
          work.push_back(user->getResult(0));
        else if (!isa<WriteOp>(user) && !(onDevice && runsOnHost(user)) && (!first || user->isBeforeInBlock(first)))
          first = user;
      }
    return first;
  }

  /// The ops that read or make states, in program order.
  void findUpdates(ArrayRef<ReadOp> reads, ArrayRef<WriteOp> writes) {
    llvm::SmallPtrSet<Operation *, 16> found;
    for (ReadOp read : reads)
      if (Operation *reader = firstReader(read.getResult(), /*onDevice=*/false))
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

  //===--------------------------------------------------------------------===//
  // Where an update runs
  //===--------------------------------------------------------------------===//

  bool isHostState(Value value) const {
    auto read = storedValue(value).getDefiningOp<ReadOp>();
    return read && states.contains(read.getSymbol());
  }

  /// Whether an op only stores its operand, or a view of it, to a state that is in host memory.
  bool storesOnHost(Operation *op) const {
    if (exec::isView(op))
      return staysOnHost(op->getResult(0));
    auto write = dyn_cast<WriteOp>(op);
    return write && states.contains(write.getSymbol());
  }

  bool staysOnHost(Value result) const {
    return llvm::all_of(result.getUsers(), [&](Operation *user) { return storesOnHost(user); });
  }

  /// Whether the host has code for a kernel: it does not compute in fp16.
  static bool canRunOnHost(Operation *op) {
    auto fused = dyn_cast<exec::FusedOp>(op);
    if (!fused || (fused.getKind() != exec::KernelKind::flat && fused.getKind() != exec::KernelKind::row))
      return false;
    return llvm::none_of(
        llvm::concat<Type>(SmallVector<Type>(op->getOperandTypes()), SmallVector<Type>(op->getResultTypes())),
        [](Type type) { return cast<RankedTensorType>(type).getElementType().isF16(); });
  }

  UpdateCosts costsOf(exec::FusedOp update) const {
    double statesIn = 0, statesOut = 0, othersIn = 0, othersOut = 0;
    auto bytes = [](Value value) { return static_cast<double>(tensorBytes(cast<RankedTensorType>(value.getType()))); };
    for (Value operand : update.getInputs())
      (isHostState(operand) ? statesIn : othersIn) += bytes(operand);
    for (Value result : update.getResults())
      (staysOnHost(result) ? statesOut : othersOut) += bytes(result);
    double kernel = statesIn + statesOut + othersIn + othersOut;
    // Copies there, the update, and copies back run beside each other, those of different updates.
    return {std::max(statesIn, statesOut) / rates.hostBytesPerSecond,
            std::max({othersIn / rates.hostBytesPerSecond, othersOut / rates.hostBytesPerSecond,
                      kernel / rates.hostKernelBytesPerSecond})};
  }

  void choosePlaces() {
    for (Operation *update : updates) {
      if (!canRunOnHost(update)) {
        ++counts.stuck;
        continue;
      }
      UpdateCosts costs = costsOf(cast<exec::FusedOp>(update));
      counts.streamSeconds += costs.stream;
      counts.hostSeconds += costs.host;
      bool host = place == UpdatePlace::Host || (place == UpdatePlace::Cheapest && costs.host < costs.stream);
      ++(host ? counts.host : counts.streamed);
      if (host)
        update->setAttr(exec::hostAttr, UnitAttr::get(update->getContext()));
    }
  }

  //===--------------------------------------------------------------------===//
  // On the host
  //===--------------------------------------------------------------------===//

  /// What an update on the host reads of the device goes there, and what it computes for the device comes back.
  void bringToHost(exec::FusedOp update) {
    int64_t moment = firstMoment + updateOf.lookup(update);
    OpBuilder builder(update);
    for (OpOperand &operand : update->getOpOperands()) {
      if (isHostState(operand.get()))
        continue;
      Value stored = storedValue(operand.get());
      Value &there = onHost[stored];
      if (!there)
        there = transfer(builder, stored, /*toHost=*/true, moment);
      operand.set(viewsOn(builder, operand.get(), there));
    }
    for (Value result : update.getResults()) {
      if (staysOnHost(result))
        continue;
      SmallVector<OpOperand *> uses;
      for (OpOperand &use : result.getUses())
        if (!storesOnHost(use.getOwner()))
          uses.push_back(&use);
      builder.setInsertionPointAfter(update);
      Value here = transfer(builder, result, /*toHost=*/false, moment);
      for (OpOperand *use : uses) {
        use->set(here);
        returned.insert(use->getOwner());
      }
    }
  }

  /// The device would wait for the host to go on with what reads an update's result, such as its part of the
  /// gradients' norm: that, and what needs it, moves to the end of the task.
  void delayReaders() {
    SmallVector<Operation *> late;
    llvm::SmallPtrSet<Operation *, 16> isLate;
    for (Operation &op : body.without_terminator()) {
      bool reads = returned.contains(&op) && !isa<WriteOp>(op);
      for (Value operand : op.getOperands())
        reads |= operand.getDefiningOp() && isLate.contains(operand.getDefiningOp());
      if (!reads)
        continue;
      late.push_back(&op);
      isLate.insert(&op);
    }
    for (Operation *op : late)
      op->moveBefore(body.getTerminator());
  }

  //===--------------------------------------------------------------------===//
  // On the device
  //===--------------------------------------------------------------------===//

  void fetch(ReadOp read) {
    Operation *reader = firstReader(read.getResult(), /*onDevice=*/true);
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
        Operation *user = use.getOwner();
        if (exec::isView(user))
          work.push_back(user->getResult(0));
        else if (user != here.getDefiningOp() && !isa<WriteOp>(user) && !runsOnHost(user))
          uses.push_back(&use);
      }
    for (OpOperand *use : uses) {
      builder.setInsertionPoint(use->getOwner());
      use->set(viewsOn(builder, use->get(), here));
    }
  }

  void sendBack(WriteOp write) {
    Operation *writer = writerOf(write);
    if (!writer || runsOnHost(writer))
      return; // Unchanged, or made there.
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
  UpdatePlace place;
  const StepRates &rates;
  UpdateCounts &counts;
  SmallVector<Operation *> updates;
  DenseMap<Operation *, int64_t> updateOf;
  DenseMap<Value, Value> onHost;               ///< what was sent there
  llvm::SmallPtrSet<Operation *, 16> returned; ///< ops on the device that read what the host computed
};

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
        States(task, states, moments, horizon, *place, rates, all).run();
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

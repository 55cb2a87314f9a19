//===- OffloadStates.cpp - Updates of what is in host memory --------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/OffloadStates.h"
#include "dialects/exec/StridedView.h"
#include "dialects/weft/Weft.h"
#include "passes/memory/StepGraph.h"

using namespace mlir;
using namespace weft;

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
  States(func::FuncOp task, const llvm::StringSet<> &states, const UpdateOptions &options, UpdateCounts &counts)
      : body(task.getBody().front()), states(states), options(options), counts(counts) {}

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
    return {std::max(statesIn, statesOut) / options.rates.hostBytesPerSecond,
            std::max({othersIn / options.rates.hostBytesPerSecond, othersOut / options.rates.hostBytesPerSecond,
                      kernel / options.rates.hostKernelBytesPerSecond})};
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
      bool host =
          options.place == UpdatePlace::Host || (options.place == UpdatePlace::Cheapest && costs.host < costs.stream);
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
    int64_t moment = options.firstMoment + updateOf.lookup(update);
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
    int64_t ahead = std::max<int64_t>(updateOf.lookup(reader) - options.horizon, 0);
    OpBuilder builder(updates[ahead]);
    if (updates[ahead]->isBeforeInBlock(read))
      read->moveBefore(updates[ahead]);
    builder.setInsertionPoint(updates[ahead]);
    Value here = transfer(builder, read.getResult(), /*toHost=*/false, options.firstMoment + ahead);
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
    Value away = transfer(builder, stored, /*toHost=*/true, options.firstMoment + updateOf.lookup(writer));
    builder.setInsertionPoint(write);
    write.getValueMutable().set(viewsOn(builder, write.getValue(), away));
  }

  Block &body;
  const llvm::StringSet<> &states;
  const UpdateOptions &options;
  UpdateCounts &counts;
  SmallVector<Operation *> updates;
  DenseMap<Operation *, int64_t> updateOf;
  DenseMap<Value, Value> onHost;               ///< what was sent there
  llvm::SmallPtrSet<Operation *, 16> returned; ///< ops on the device that read what the host computed
};

} // namespace

void weft::offloadStates(func::FuncOp task, const llvm::StringSet<> &states, const UpdateOptions &options,
                         UpdateCounts &counts) {
  States(task, states, options, counts).run();
}

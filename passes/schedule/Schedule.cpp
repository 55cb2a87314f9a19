//===- Schedule.cpp - Tasks on buffers of one arena -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/exec/CollectiveCalls.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/exec/Streams.h"
#include "dialects/exec/StridedView.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/schedule/Arena.h"
#include "passes/schedule/ArenaReport.h"
#include "passes/schedule/Outline.h"
#include "passes/schedule/Passes.h"
#include "passes/schedule/StreamPlan.h"

namespace weft {
#define GEN_PASS_DEF_SCHEDULE
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// What tasks share: where symbols, inputs and constants lie.
struct Program {
  ModuleOp module;
  const Target *target;
  ArenaReport *report; ///< null: nobody asks
  StreamOptions streams;
  int64_t persistentBytes = 0, temporaryBytes = 0;
  int64_t hostPersistentBytes = 0, hostTemporaryBytes = 0;
  struct Symbol {
    int64_t offset = 0;
    bool host = false;
  };
  llvm::StringMap<Symbol> symbols;
  llvm::StringMap<int64_t> inputs;
  struct Constant {
    std::string name;
    std::optional<int64_t> offset; ///< in the arena, where the target has it there
  };
  llvm::MapVector<Attribute, Constant> constants;
  KernelOutliner kernels;
  int64_t launches = 0, inPlace = 0;
  int64_t alignment; ///< of buffers

  Program(ModuleOp module, const Target *target, const StreamOptions &streams, ArenaReport *report)
      : module(module), target(target), report(report), streams(streams), kernels(module),
        alignment(target ? target->bufferAlignment() : bufferAlignment) {}

  int64_t reserve(RankedTensorType type, bool host = false) {
    int64_t &bytes = host ? hostPersistentBytes : persistentBytes;
    int64_t offset = bytes;
    bytes += alignBuffer(tensorBytes(type), alignment);
    return offset;
  }
};

/// Where a value lies: fixed in the arena's persistent part, in a constant, or in a temporary buffer of the task.
struct Place {
  enum Kind { Fixed, Constant, Temporary } kind = Fixed;
  int64_t index = 0;        ///< byte offset (Fixed) or index of the lifetime (Temporary)
  FlatSymbolRefAttr symbol; ///< of a constant
  bool host = false;        ///< in host memory, and not in the arena
};

/// Schedules one task function.
class TaskScheduler {
public:
  TaskScheduler(Program &program, func::FuncOp function)
      : program(program), function(function), builder(function.getContext()) {}

  LogicalResult run() {
    for (Operation &op : function.getBody().front()) {
      position[&op] = order.size();
      order.push_back(&op);
    }
    plan = std::make_unique<StreamPlan>(order, isSchedulable, program.streams);
    findLastUses();
    if (failed(placeValues()))
      return failure();
    extendLifetimes();
    int64_t bytes = placeBuffers(buffers, program.alignment), hostBytes = placeBuffers(hostBuffers, program.alignment);
    program.temporaryBytes = std::max(program.temporaryBytes, bytes);
    program.hostTemporaryBytes = std::max(program.hostTemporaryBytes, hostBytes);
    if (program.report)
      report(bytes, hostBytes);
    emit(bytes);
    function.erase();
    return success();
  }

private:
  static bool isSchedulable(Operation *op) {
    return isa<exec::FusedOp, exec::TransferOp, exec::LibraryOpInterface>(op);
  }

  /// Writes down what lies where, in steps of the emitted task.
  void report(int64_t bytes, int64_t hostBytes) {
    ArenaReport::Task task;
    task.name = function.getSymName().str();
    task.bytes = bytes;
    task.hostBytes = hostBytes;
    task.liveBytes = peakLiveBytes(buffers, program.alignment);
    SmallVector<int64_t> stepOf; // per position in `order`: the first step that is not before it
    for (Operation *op : order) {
      stepOf.push_back(task.steps.size());
      if (isSchedulable(op))
        task.steps.push_back(op->getLoc());
    }
    int64_t last = task.steps.size() - 1 + static_cast<int64_t>(copies.size());
    for (auto &[value, symbol] : copies)
      task.steps.push_back(value.getLoc());
    llvm::SmallDenseSet<int64_t> workspaces;
    for (auto [op, index] : workspace)
      workspaces.insert(index);
    auto describe = [&](const Lifetime &buffer, bool isWorkspace) {
      return ArenaReport::Buffer{
          buffer.offset,        buffer.bytes,
          stepOf[buffer.first], buffer.last < static_cast<int64_t>(order.size()) ? stepOf[buffer.last] : last,
          isWorkspace,          order[buffer.first]->getLoc()};
    };
    for (auto [i, buffer] : llvm::enumerate(buffers))
      if (buffer.bytes)
        task.buffers.push_back(describe(buffer, workspaces.contains(i)));
    for (const Lifetime &buffer : hostBuffers)
      if (buffer.bytes)
        task.hostBuffers.push_back(describe(buffer, /*isWorkspace=*/false));
    program.report->tasks.push_back(std::move(task));
  }

  /// The ops that use something: of each stream the last, which comes after the others; null if there is none.
  using Uses = SmallVector<Operation *, 2>;

  void addUse(Uses &known, Operation *op) const {
    known.resize(plan->streams().size());
    known[(*plan)[op].stream] = op;
  }

  /// Whether all of `known` are done when `op` begins; `op` itself counts as done.
  bool isDone(const Uses &known, Operation *op) const {
    return llvm::all_of(known, [&](Operation *use) {
      return !use || use == op || plan->timeline().isBefore((*plan)[use].number, (*plan)[op].number);
    });
  }

  /// What a collective or a transfer uses is in use until the computing stream waits for it. Both come after what is
  /// computed before them, collectives after each other: steps say all about what is alive at one time.
  void extendLifetimes() {
    SmallVector<Operation *> computing;
    for (Operation *op : order)
      if (isSchedulable(op) && (*plan)[op].stream == 0)
        computing.push_back(op);
    auto extend = [&](Lifetime &buffer, const Uses &uses) {
      for (Operation *use : uses) {
        if (!use || (*plan)[use].stream == 0)
          continue;
        // The computing stream never forgets: ops that know come after those that do not.
        auto *knows = llvm::partition_point(computing, [&](Operation *op) {
          return !plan->timeline().isBefore((*plan)[use].number, (*plan)[op].number);
        });
        buffer.last =
            std::max(buffer.last, knows == computing.end() ? static_cast<int64_t>(order.size()) : position[*knows] - 1);
      }
    };
    for (auto [buffer, used] : llvm::zip_equal(buffers, uses))
      extend(buffer, used);
    for (auto [buffer, used] : llvm::zip_equal(hostBuffers, hostUses))
      extend(buffer, used);
  }

  /// For every value that is no view: the position of its last reader, and the last of each stream.
  void findLastUses() {
    for (Operation *op : order)
      if (isSchedulable(op) || isa<WriteOp>(op))
        for (Value operand : op->getOperands()) {
          Value base = exec::storedValue(operand);
          int64_t &last = lastUse[base];
          last = std::max(last, position[op]);
          if (isSchedulable(op))
            addUse(readers[base], op);
        }
  }

  int64_t newBuffer(int64_t bytes, int64_t at) {
    buffers.push_back({bytes, at, at, 0});
    uses.emplace_back();
    addUse(uses.back(), order[at]);
    return buffers.size() - 1;
  }

  /// A buffer for the result of the op at `at`, where that writes.
  Place newPlace(OpResult result, int64_t at) {
    if (!liesOnHost(result))
      return {Place::Temporary, newBuffer(tensorBytes(typeOf(result)), at), {}};
    hostBuffers.push_back({tensorBytes(typeOf(result)), at, at, 0});
    addUse(hostUses.emplace_back(), order[at]);
    return {Place::Temporary, static_cast<int64_t>(hostBuffers.size()) - 1, {}, /*host=*/true};
  }

  Lifetime &lifetimeOf(const Place &place) { return (place.host ? hostBuffers : buffers)[place.index]; }
  Uses &usesOf(const Place &place) { return (place.host ? hostUses : uses)[place.index]; }

  /// Whether `result` is written to host memory: by a transfer, or a kernel that runs there.
  static bool liesOnHost(OpResult result) {
    if (auto transfer = dyn_cast<exec::TransferOp>(result.getOwner()))
      return transfer.getToHost();
    return result.getOwner()->hasAttr(exec::hostAttr);
  }

  /// Kernels and libraries use the memory of where they run alone.
  LogicalResult checkOperands(Operation *op) {
    bool host = op->hasAttr(exec::hostAttr);
    for (Value operand : op->getOperands())
      if (places.lookup(exec::storedValue(operand)).host != host && !isa<exec::TransferOp>(op))
        return op->emitOpError(host ? "runs on the host, and reads what does not lie in host memory"
                                    : "reads what lies in host memory");
    return success();
  }

  /// The place of the symbol that `write` stores to, which has to be in the memory where `result` is written.
  FailureOr<Place> symbolPlace(WriteOp write, OpResult result) {
    auto it = program.symbols.find(write.getSymbol());
    if (it == program.symbols.end())
      return write.emitOpError("writes @") << write.getSymbol() << ", which is no parameter or state";
    if (it->second.host != liesOnHost(result))
      return write.emitOpError("stores to @") << write.getSymbol() << ", which lies in the other memory";
    return Place{Place::Fixed, it->second.offset, {}, it->second.host};
  }

  LogicalResult placeValues() {
    // Which value a symbol ends up with, and the values that read its old contents.
    DenseMap<Value, WriteOp> writeOf;
    llvm::StringMap<SmallVector<Value, 1>> readsOf;
    llvm::StringMap<Operation *> writer;
    for (Operation *op : order) {
      if (auto read = dyn_cast<ReadOp>(op)) {
        if (writer.count(read.getSymbol()))
          return read.emitOpError("follows a write of @") << read.getSymbol() << " in the same task";
        readsOf[read.getSymbol()].push_back(read.getResult());
      } else if (auto write = dyn_cast<WriteOp>(op)) {
        if (!writer.try_emplace(write.getSymbol(), op).second)
          return write.emitOpError("is the second write of @") << write.getSymbol() << " in one task";
        writeOf[exec::storedValue(write.getValue())] = write;
      }
    }
    for (BlockArgument argument : function.getArguments())
      places[argument] = {Place::Fixed, program.inputs.lookup(inputName(argument)), {}};

    for (auto [index, op] : llvm::enumerate(order)) {
      int64_t at = index;
      if (auto read = dyn_cast<ReadOp>(op)) {
        auto it = program.symbols.find(read.getSymbol());
        if (it == program.symbols.end())
          return read.emitOpError("reads @") << read.getSymbol() << ", which is no parameter or state";
        places[read.getResult()] = {Place::Fixed, it->second.offset, {}, it->second.host};
        continue;
      }
      if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
        const Program::Constant &known = program.constants.find(constant.getValue())->second;
        if (known.offset)
          places[constant.getResult()] = {Place::Fixed, *known.offset, {}};
        else
          places[constant.getResult()] = {Place::Constant, 0, FlatSymbolRefAttr::get(op->getContext(), known.name)};
        continue;
      }
      if (!isSchedulable(op))
        continue;
      if (failed(checkLibrary(op)) || failed(checkOperands(op)))
        return failure();
      // Buffers that end here live until the op is done.
      for (Value operand : op->getOperands())
        if (Place place = places.lookup(exec::storedValue(operand)); place.kind == Place::Temporary) {
          lifetimeOf(place).last = std::max(lifetimeOf(place).last, at);
          addUse(usesOf(place), op);
        }
      for (OpResult result : op->getResults()) {
        if (WriteOp write = writeOf.lookup(result)) {
          FailureOr<Place> symbol = symbolPlace(write, result);
          if (failed(symbol))
            return failure();
          if (canWriteDirectly(op, result, at, readsOf[write.getSymbol()])) {
            places[result] = *symbol;
            continue;
          }
          // Somebody still reads the old contents: the new ones wait until the end of the task.
          places[result] = newPlace(result, at);
          lifetimeOf(places[result]).last = order.size();
          copies.push_back({result, *symbol});
          continue;
        }
        if (std::optional<Place> reused = findInPlace(op, result, at)) {
          places[result] = *reused;
          ++program.inPlace;
          continue;
        }
        places[result] = newPlace(result, at);
      }
      if (program.target) {
        if (auto library = dyn_cast<exec::LibraryOpInterface>(op))
          placeWorkspace(op, program.target->workspaceBytes(library), at);
        else if (auto fused = dyn_cast<exec::FusedOp>(op); fused && !fused->hasAttr(exec::hostAttr))
          placeWorkspace(op, program.target->scratchBytes(fused), at);
      }
    }
    return success();
  }

  /// An error where the target's libraries have no such call.
  LogicalResult checkLibrary(Operation *op) {
    auto library = dyn_cast<exec::LibraryOpInterface>(op);
    if (!library || !program.target || program.target->takes(library))
      return success();
    return emitError(op->getLoc()) << "this target has no " << library.getLibraryName() << " of "
                                   << typeOf(op->getOperand(0)).getElementType()
                                   << "; cast the operands to f32 in the model";
  }

  /// Whether the op at `at` may write `result` over a symbol whose old contents are `reads`.
  bool canWriteDirectly(Operation *op, OpResult result, int64_t at, ArrayRef<Value> reads) {
    for (Value read : reads) {
      auto it = lastUse.find(read);
      if (it == lastUse.end())
        continue;
      if (it->second > at || !isDone(readers.lookup(read), op))
        return false;
      if (it->second < at)
        continue;
      auto fused = dyn_cast<exec::FusedOp>(op);
      if (!fused || !mayWriteOver(fused, result, read))
        return false;
    }
    return true;
  }

  /// A temporary operand of a collective that ends here, and that its result may be written over: what is reduced
  /// where it lies, member by member.
  std::optional<Place> findReduced(dist::CollectiveOpInterface op, OpResult result, int64_t at) {
    Value operand = op->getOperand(result.getResultNumber()), base = exec::storedValue(operand);
    auto found = places.find(base);
    if (!op.reduces() || operand.getType() != result.getType() || found == places.end())
      return std::nullopt;
    Place place = found->second;
    if (place.kind != Place::Temporary || place.host || lastUse.lookup(base) != at || buffers[place.index].last > at ||
        reusedAt.lookup(place.index) == at + 1 || !isDone(uses[place.index], op) ||
        tensorBytes(typeOf(base)) != tensorBytes(typeOf(result)))
      return std::nullopt;
    for (auto [i, other] : llvm::enumerate(op->getOperands()))
      if (auto second = places.find(exec::storedValue(other));
          i != result.getResultNumber() && second != places.end() && second->second.kind == Place::Temporary &&
          second->second.index == place.index)
        return std::nullopt;
    reusedAt[place.index] = at + 1;
    return place;
  }

  /// A temporary operand that ends here and that `result` may be written over.
  std::optional<Place> findInPlace(Operation *op, OpResult result, int64_t at) {
    if (auto collective = dyn_cast<dist::CollectiveOpInterface>(op))
      return findReduced(collective, result, at);
    auto fused = dyn_cast<exec::FusedOp>(op);
    if (!fused || typeOf(result).getNumElements() != static_cast<int64_t>(fused.getRows() * fused.getCols()))
      return std::nullopt;
    for (auto [i, input] : llvm::enumerate(fused.getInputs())) {
      Value base = exec::storedValue(input);
      Place place = places.lookup(base);
      if (!places.contains(base) || place.kind != Place::Temporary || place.host || lastUse.lookup(base) != at ||
          buffers[place.index].last > at || reusedAt.lookup(place.index) == at + 1 || !isDone(uses[place.index], op))
        continue;
      if (tensorBytes(typeOf(base)) != tensorBytes(typeOf(result)) ||
          elementBytes(typeOf(base).getElementType()) != elementBytes(typeOf(result).getElementType()) ||
          !mayWriteOver(fused, result, base))
        continue;
      // Another operand may be the same buffer under an earlier name.
      bool shared = false;
      for (auto [j, other] : llvm::enumerate(fused.getInputs()))
        if (j != i && exec::storedValue(other) != base) {
          Place second = places.lookup(exec::storedValue(other));
          shared |= second.kind == Place::Temporary && places.contains(exec::storedValue(other)) &&
                    second.index == place.index;
        }
      if (shared)
        continue;
      reusedAt[place.index] = at + 1;
      return place;
    }
    return std::nullopt;
  }

  /// Memory that an op uses as it likes while it runs.
  void placeWorkspace(Operation *op, int64_t bytes, int64_t at) {
    if (bytes <= 0)
      return;
    workspace[op] = newBuffer(bytes, at);
  }

  //===--------------------------------------------------------------------===//
  // Emission
  //===--------------------------------------------------------------------===//

  static StringRef inputName(BlockArgument argument) {
    auto function = cast<func::FuncOp>(argument.getOwner()->getParentOp());
    return function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name").getValue();
  }

  /// The buffer at `place`, `offset` bytes further, as a memref.
  Value buffer(Location loc, Place place, int64_t offset, MemRefType type) {
    if (place.kind == Place::Temporary)
      offset += (place.host ? program.hostPersistentBytes : program.persistentBytes) + lifetimeOf(place).offset;
    else
      offset += place.index;
    auto key = std::make_tuple(place.symbol ? place.symbol.getAsOpaquePointer() : nullptr, place.host, offset,
                               type.getAsOpaquePointer());
    Value &known = emitted[key];
    if (!known)
      known = exec::BufferOp::create(builder, loc, type, offset, place.symbol, place.host);
    return known;
  }

  Value dense(Location loc, Value value) {
    RankedTensorType type = typeOf(value);
    return buffer(loc, places.lookup(exec::storedValue(value)), 0,
                  MemRefType::get(type.getShape(), type.getElementType()));
  }

  MemRefType stridedType(ArrayRef<int64_t> shape, ArrayRef<int64_t> strides, Type element) {
    if (llvm::equal(strides, rowMajorStrides(shape)))
      return MemRefType::get(shape, element);
    return MemRefType::get(shape, element, StridedLayoutAttr::get(builder.getContext(), 0, strides));
  }

  /// The workspace of an op as bytes; null if it has none.
  Value workspaceOf(Operation *op) {
    auto it = workspace.find(op);
    if (it == workspace.end())
      return {};
    return buffer(op->getLoc(), {Place::Temporary, it->second, {}}, 0,
                  MemRefType::get({buffers[it->second].bytes}, builder.getI8Type()));
  }

  /// The buffers of one library call.
  class Buffers final : public exec::CallBuffers {
  public:
    Buffers(TaskScheduler &scheduler, Operation *op) : scheduler(scheduler), op(op) {}
    Value at(Value base, int64_t offset, ArrayRef<int64_t> shape, ArrayRef<int64_t> strides) override {
      Type element = typeOf(base).getElementType();
      Value buffer = scheduler.buffer(op->getLoc(), scheduler.places.lookup(base), offset * elementBytes(element),
                                      scheduler.stridedType(shape, strides, element));
      if (base.getDefiningOp() != op)
        read[buffer] = base;
      return buffer;
    }
    Value workspace() override { return scheduler.workspaceOf(op); }
    /// The values that the buffers were asked for.
    DenseMap<Value, Value> read;

  private:
    TaskScheduler &scheduler;
    Operation *op;
  };

  void emit(int64_t bytes) {
    builder.setInsertionPoint(function);
    auto task = exec::TaskOp::create(builder, function.getLoc(), function.getSymName(), bytes);
    builder.createBlock(&task.getBody());
    Block &body = task.getBody().front();
    if (plan->streams().size() > 1) {
      SmallVector<StringRef> names(plan->streams().begin(), plan->streams().end());
      task->setAttr(exec::streamsAttr, builder.getStrArrayAttr(names));
    }
    if (plan->begin() >= 0)
      exec::RecordOp::create(builder, function.getLoc(), plan->begin());
    for (Operation *op : order) {
      if (!isSchedulable(op))
        continue;
      const StreamPlan::Step &step = (*plan)[op];
      StringAttr stream = step.stream ? builder.getStringAttr(plan->streams()[step.stream]) : StringAttr();
      auto onStream = [&](Operation *made) {
        if (stream)
          made->setAttr(exec::streamAttr, stream);
      };
      for (int64_t event : step.waits)
        onStream(exec::WaitOp::create(builder, op->getLoc(), event));
      DenseMap<Value, Value> read;
      if (auto fused = dyn_cast<exec::FusedOp>(op)) {
        emitLaunch(fused, read);
      } else if (auto transfer = dyn_cast<exec::TransferOp>(op)) {
        Value from = dense(op->getLoc(), transfer.getInput());
        exec::CopyOp::create(builder, op->getLoc(), from, dense(op->getLoc(), transfer.getResult()));
        read[from] = transfer.getInput();
      } else if (auto library = dyn_cast<exec::LibraryOpInterface>(op)) {
        Buffers callBuffers(*this, op);
        library.emitCall(builder, callBuffers);
        if (StringRef carrier = program.target ? program.target->carrier(library) : ""; !carrier.empty())
          body.back().setAttr(exec::carrierAttr, builder.getStringAttr(carrier));
        read = std::move(callBuffers.read);
      }
      onStream(&body.back());
      noteDataflow(op, &body.back(), read);
      if (step.event >= 0)
        onStream(exec::RecordOp::create(builder, op->getLoc(), step.event));
    }
    for (int64_t event : plan->joins())
      exec::WaitOp::create(builder, function.getLoc(), event);
    for (auto &[value, symbol] : copies) {
      RankedTensorType type = typeOf(value);
      Value to = buffer(value.getLoc(), symbol, 0, MemRefType::get(type.getShape(), type.getElementType()));
      Value from = dense(value.getLoc(), value);
      auto copy = exec::CopyOp::create(builder, value.getLoc(), from, to);
      noteDataflow(nullptr, copy, {{from, value}});
    }
  }

  /// Says of a call of a task of several streams whose results it reads, which its verifier compares with what its
  /// buffers then hold. `read` has the value of each buffer that is read.
  void noteDataflow(Operation *op, Operation *call, const DenseMap<Value, Value> &read) {
    if (plan->streams().size() == 1)
      return;
    SmallVector<int64_t> writers;
    for (Value operand : call->getOperands()) {
      auto value = read.find(operand);
      Operation *writer = value == read.end() ? nullptr : exec::storedValue(value->second).getDefiningOp();
      auto number = numbers.find(writer);
      writers.push_back(number == numbers.end() ? -1 : number->second);
    }
    call->setAttr(exec::numberAttr, builder.getI64IntegerAttr(calls));
    call->setAttr(exec::readsAttr, builder.getDenseI64ArrayAttr(writers));
    if (op)
      numbers[op] = calls;
    ++calls;
  }

  void emitLaunch(exec::FusedOp fused, DenseMap<Value, Value> &read) {
    Location loc = fused.getLoc();
    SmallVector<Value> arguments;
    SmallVector<int64_t> outputs;
    for (Value input : fused.getInputs()) {
      arguments.push_back(dense(loc, input));
      read[arguments.back()] = input;
    }
    int64_t inputs = arguments.size();
    auto same = [](const Place &a, const Place &b) {
      return a.kind == b.kind && a.index == b.index && a.symbol == b.symbol && a.host == b.host;
    };
    for (Value result : fused.getResults()) {
      Place place = places.lookup(result);
      int64_t output = -1;
      for (int64_t i = 0; i < inputs; ++i)
        if (same(places.lookup(exec::storedValue(fused.getInputs()[i])), place))
          output = i;
      if (output < 0) {
        output = arguments.size();
        arguments.push_back(dense(loc, result));
      }
      outputs.push_back(output);
    }
    func::FuncOp kernel = program.kernels.get(fused, outputs);
    if (Value scratch = workspaceOf(fused)) {
      kernel->setAttr(exec::scratchBytesAttr, builder.getI64IntegerAttr(buffers[workspace.lookup(fused)].bytes));
      arguments.push_back(scratch);
    }
    exec::LaunchOp::create(builder, loc, kernel.getSymName(), arguments);
    ++program.launches;
  }

  Program &program;
  func::FuncOp function;
  OpBuilder builder;
  SmallVector<Operation *> order;
  DenseMap<Operation *, int64_t> position;
  std::unique_ptr<StreamPlan> plan;
  DenseMap<Value, int64_t> lastUse;
  DenseMap<Value, Uses> readers;
  DenseMap<Value, Place> places;
  std::vector<Lifetime> buffers;
  std::vector<Uses> uses; ///< of each buffer
  std::vector<Lifetime> hostBuffers;
  std::vector<Uses> hostUses;
  DenseMap<int64_t, int64_t> reusedAt;
  DenseMap<Operation *, int64_t> workspace;
  SmallVector<std::pair<Value, Place>> copies;
  std::map<std::tuple<const void *, bool, int64_t, const void *>, Value> emitted;
  /// The calls so far, and the numbers of those of ops.
  int64_t calls = 0;
  DenseMap<Operation *, int64_t> numbers;
};

struct Schedule : weft::impl::ScheduleBase<Schedule> {
  using Base::Base;
  Schedule(const Target *target, const ScheduleOptions &options, ArenaReport *report)
      : Base(options), target(target), report(report) {}

  void runOnOperation() override {
    ModuleOp module = getOperation();
    Program program(module, target, StreamOptions{overlap, outstanding, horizon}, report);
    OpBuilder builder(module.getContext());

    for (Operation &op : *module.getBody()) {
      Type type;
      if (auto param = dyn_cast<ParamOp>(op))
        type = param.getType();
      else if (auto state = dyn_cast<StateOp>(op))
        type = state.getType();
      else
        continue;
      bool host = op.hasAttr(exec::hostAttr);
      int64_t offset = program.reserve(cast<RankedTensorType>(type), host);
      op.setAttr(exec::offsetAttr, builder.getI64IntegerAttr(offset));
      program.symbols[SymbolTable::getSymbolName(&op).getValue()] = {offset, host};
    }
    SmallVector<func::FuncOp> tasks(module.getOps<func::FuncOp>());
    SmallVector<exec::InputOp> inputs;
    if (!tasks.empty())
      builder.setInsertionPoint(tasks.front());
    for (func::FuncOp task : tasks)
      for (BlockArgument argument : task.getArguments())
        if (failed(placeInput(program, builder, task, argument)))
          return signalPassFailure();
    for (func::FuncOp task : tasks)
      for (auto constant : task.getBody().front().getOps<arith::ConstantOp>()) {
        Program::Constant &known = program.constants[constant.getValue()];
        if (!known.name.empty())
          continue;
        known.name = "c" + std::to_string(program.constants.size() - 1);
        if (target && target->constantsInArena())
          known.offset = program.reserve(typeOf(constant.getResult()));
      }
    for (func::FuncOp task : tasks)
      if (failed(TaskScheduler(program, task).run()))
        return signalPassFailure();

    if (!module.getOps<exec::TaskOp>().empty())
      builder.setInsertionPoint(*module.getOps<exec::TaskOp>().begin());
    for (auto &[value, known] : program.constants) {
      auto constant = exec::ConstantOp::create(builder, module.getLoc(), known.name, cast<ElementsAttr>(value));
      if (known.offset)
        constant->setAttr(exec::offsetAttr, builder.getI64IntegerAttr(*known.offset));
    }
    module->setAttr(exec::persistentBytesAttr, builder.getI64IntegerAttr(program.persistentBytes));
    module->setAttr(exec::arenaBytesAttr, builder.getI64IntegerAttr(program.persistentBytes + program.temporaryBytes));
    if (int64_t bytes = program.hostPersistentBytes + program.hostTemporaryBytes) {
      module->setAttr(exec::hostPersistentBytesAttr, builder.getI64IntegerAttr(program.hostPersistentBytes));
      module->setAttr(exec::hostBytesAttr, builder.getI64IntegerAttr(bytes));
    }
    if (report)
      for (ArenaReport::Task &task : report->tasks) {
        for (ArenaReport::Buffer &buffer : task.buffers)
          buffer.offset += program.persistentBytes;
        for (ArenaReport::Buffer &buffer : task.hostBuffers)
          buffer.offset += program.persistentBytes + program.temporaryBytes + program.hostPersistentBytes;
      }
    numLaunches += program.launches;
    numInPlace += program.inPlace;
    numKernels += program.kernels.size();
  }

  LogicalResult placeInput(Program &program, OpBuilder &builder, func::FuncOp task, BlockArgument argument) {
    auto name = task.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
    auto role = task.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.role");
    if (!name || !role)
      return task.emitOpError("argument ") << argument.getArgNumber() << " has no weft.name or no weft.role";
    auto type = cast<RankedTensorType>(argument.getType());
    if (program.inputs.count(name.getValue()))
      return success();
    int64_t offset = program.reserve(type);
    program.inputs[name.getValue()] = offset;
    // Every task sees the same buffer: the tightest limit of any of them holds.
    IntegerAttr limit, ignore = task.getArgAttrOfType<IntegerAttr>(argument.getArgNumber(), "weft.ignore");
    for (func::FuncOp other : task->getParentOfType<ModuleOp>().getOps<func::FuncOp>())
      for (BlockArgument same : other.getArguments())
        if (other.getArgAttrOfType<StringAttr>(same.getArgNumber(), "weft.name") == name) {
          if (other.getArgAttrOfType<IntegerAttr>(same.getArgNumber(), "weft.ignore") != ignore)
            ignore = {};
          if (auto bound = other.getArgAttrOfType<IntegerAttr>(same.getArgNumber(), "weft.limit"))
            if (!limit || bound.getInt() < limit.getInt())
              limit = bound;
        }
    auto input = exec::InputOp::create(builder, argument.getLoc(), name, TypeAttr::get(type), role,
                                       builder.getI64IntegerAttr(offset), limit, ignore);
    // What the description of the executable says besides.
    for (StringRef attr : {StringRef(dist::shardingAttr), StringRef("weft.field"), StringRef("weft.unsigned")})
      if (Attribute value = task.getArgAttr(argument.getArgNumber(), attr))
        input->setAttr(attr, value);
    return success();
  }

  const Target *target = nullptr;
  ArenaReport *report = nullptr;
};

} // namespace

std::unique_ptr<Pass> weft::createSchedulePass(const Target *target, const ScheduleOptions &options,
                                               ArenaReport *report) {
  return std::make_unique<Schedule>(target, options, report);
}

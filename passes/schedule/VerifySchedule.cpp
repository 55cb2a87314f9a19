//===- VerifySchedule.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/exec/CollectiveCalls.h"
#include "dialects/exec/Streams.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/Passes.h"
#include "passes/schedule/RankOrder.h"
#include "passes/schedule/Timeline.h"
#include <map>

namespace weft {
#define GEN_PASS_DEF_VERIFYSCHEDULE
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// What a kernel does with its arguments.
struct KernelAccess {
  llvm::SmallVector<bool> reads, writes;
  bool onHost;

  explicit KernelAccess(func::FuncOp kernel) : onHost(kernel->hasAttr(exec::hostAttr)) {
    for (BlockArgument argument : kernel.getArguments()) {
      reads.push_back(!argument.use_empty());
      writes.push_back(false);
    }
    if (auto outputs = kernel->getAttrOfType<DenseI64ArrayAttr>(exec::outputsAttr))
      for (int64_t output : outputs.asArrayRef())
        writes[output] = true;
  }
};

/// Bytes that somebody reads or writes.
struct Access {
  Value buffer;
  bool write;
  /// Of what is read: the number of the call that is to have written it.
  std::optional<int64_t> writer;
};

/// One of a rank's memories, and how much of it lives from step to step.
struct MemorySize {
  const char *name;
  int64_t persistent = 0, bytes = 0;
};

/// The streams, events and bytes of one task.
class TaskCheck {
public:
  TaskCheck(exec::TaskOp task, const MemorySize &arena, const MemorySize &host,
            const llvm::StringMap<KernelAccess> &kernels)
      : task(task), names(exec::streamsOf(task)), memories{{{arena, {}}, {host, {}}}}, kernels(kernels),
        times(names.size()) {}

  LogicalResult run();

private:
  /// Bytes with one history: who wrote them last, and who has read them since, the last one of each stream.
  struct Segment {
    int64_t end;
    int64_t writer = -1;
    llvm::SmallVector<int64_t, 4> readers;
  };

  struct Memory {
    MemorySize size;
    std::map<int64_t, Segment> segments; ///< by their first byte
  };

  FailureOr<int64_t> streamOf(Operation *op);
  FailureOr<llvm::SmallVector<Access>> accessesOf(Operation *op);
  LogicalResult access(int64_t number, const Access &access);
  LogicalResult checkMemory(int64_t number, exec::BufferOp buffer);
  /// Makes `at` the start of a segment, if it lies in one.
  static void split(std::map<int64_t, Segment> &segments, int64_t at);
  LogicalResult conflict(int64_t number, int64_t other, const Memory &memory, int64_t begin, int64_t end,
                         llvm::StringRef how);
  LogicalResult checkWriter(int64_t number, const Access &access, const Memory &memory, int64_t begin, int64_t end,
                            int64_t writer);
  LogicalResult checkNumbers();
  LogicalResult join();

  exec::TaskOp task;
  llvm::SmallVector<llvm::StringRef> names;
  std::array<Memory, 2> memories;
  const llvm::StringMap<KernelAccess> &kernels;
  Timeline times;
  std::vector<Operation *> ops; ///< by number
  std::map<int64_t, Timeline::Clock> events;
};

} // namespace

FailureOr<int64_t> TaskCheck::streamOf(Operation *op) {
  auto *found = llvm::find(names, exec::streamOf(op));
  if (found == names.end())
    return op->emitOpError() << "runs on the stream '" << exec::streamOf(op) << "', which its task does not have";
  return found - names.begin();
}

FailureOr<llvm::SmallVector<Access>> TaskCheck::accessesOf(Operation *op) {
  llvm::SmallVector<Access> result;
  auto writers = op->getAttrOfType<DenseI64ArrayAttr>(exec::readsAttr);
  if (writers && writers.size() != static_cast<int64_t>(op->getNumOperands()))
    return op->emitOpError() << "has " << op->getNumOperands() << " operands, and says of " << writers.size()
                             << " who wrote them";
  auto writerOf = [&](OpOperand &operand, bool write) {
    return writers && !write ? std::optional<int64_t>(writers[operand.getOperandNumber()]) : std::nullopt;
  };
  if (auto launch = dyn_cast<exec::LaunchOp>(op)) {
    auto kernel = kernels.find(launch.getKernel());
    if (kernel == kernels.end())
      return op->emitOpError() << "launches @" << launch.getKernel() << ", which is no kernel";
    if (kernel->second.reads.size() > launch.getBuffers().size())
      return op->emitOpError() << "gives @" << launch.getKernel() << " " << launch.getBuffers().size() << " of "
                               << kernel->second.reads.size() << " buffers";
    for (bool write : {false, true})
      for (auto [i, buffer] : llvm::enumerate(launch.getBuffers())) {
        // Buffers beyond the kernel's own arguments are its scratch memory.
        bool known = i < kernel->second.reads.size();
        if (write ? !known || kernel->second.writes[i] : known && kernel->second.reads[i])
          result.push_back({buffer, write, writerOf(launch.getBuffersMutable()[i], write)});
      }
    return result;
  }
  auto effects = dyn_cast<MemoryEffectOpInterface>(op);
  if (!effects)
    return op->emitOpError("does not say what it reads and writes");
  llvm::SmallVector<MemoryEffects::EffectInstance> list;
  effects.getEffects(list);
  for (bool write : {false, true})
    for (MemoryEffects::EffectInstance &effect : list)
      if (auto *operand = effect.getEffectValue<OpOperand *>();
          operand && isa<MemoryEffects::Write>(effect.getEffect()) == write)
        result.push_back({operand->get(), write, writerOf(*operand, write)});
  return result;
}

/// Bytes from the first to the last element of a buffer.
static int64_t extent(MemRefType type) {
  if (type.getNumElements() == 0)
    return 0;
  SmallVector<int64_t> strides;
  int64_t offset, last = 0;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return 0;
  for (auto [size, stride] : llvm::zip(type.getShape(), strides))
    last += (size - 1) * stride;
  return (last + 1) * elementBytes(type.getElementType());
}

void TaskCheck::split(std::map<int64_t, Segment> &segments, int64_t at) {
  auto next = segments.upper_bound(at);
  if (next == segments.begin())
    return;
  auto here = std::prev(next);
  if (here->first == at || here->second.end <= at)
    return;
  Segment rest = here->second;
  here->second.end = at;
  segments.emplace(at, std::move(rest));
}

LogicalResult TaskCheck::conflict(int64_t number, int64_t other, const Memory &memory, int64_t begin, int64_t end,
                                  llvm::StringRef how) {
  InFlightDiagnostic error = ops[number]->emitOpError()
                             << how << " bytes [" << begin << ", " << end << ") of " << memory.size.name
                             << ", and nothing orders it after what used "
                                "them before";
  error.attachNote(ops[other]->getLoc()) << "which is " << ops[other]->getName() << ", on the stream '"
                                         << exec::streamOf(ops[other]) << "'";
  return error;
}

LogicalResult TaskCheck::checkWriter(int64_t number, const Access &access, const Memory &memory, int64_t begin,
                                     int64_t end, int64_t writer) {
  if (!access.writer || begin >= end)
    return success();
  auto found = writer < 0 ? IntegerAttr() : ops[writer]->getAttrOfType<IntegerAttr>(exec::numberAttr);
  if (writer < 0 ? *access.writer < 0 : found && found.getInt() == *access.writer)
    return success();
  InFlightDiagnostic error = ops[number]->emitOpError()
                             << "reads bytes [" << begin << ", " << end << ") of " << memory.size.name << " as "
                             << (*access.writer < 0 ? std::string("what was there before the task")
                                                    : "written by call " + std::to_string(*access.writer))
                             << ", and they are not";
  if (writer >= 0)
    error.attachNote(ops[writer]->getLoc()) << "this has written them";
  return error;
}

/// Every call is there, once: what is not there writes nothing.
LogicalResult TaskCheck::checkNumbers() {
  if (names.size() == 1)
    return success();
  std::vector<Operation *> calls(ops.size(), nullptr);
  for (Operation *op : ops) {
    auto number = op->getAttrOfType<IntegerAttr>(exec::numberAttr);
    if (!number || number.getInt() < 0 || number.getInt() >= static_cast<int64_t>(calls.size()))
      return op->emitOpError() << "is none of the calls 0 to " << static_cast<int64_t>(calls.size()) - 1
                               << " of its task: one is missing, or has no number";
    Operation *&known = calls[number.getInt()];
    if (known) {
      InFlightDiagnostic error = op->emitOpError() << "is call " << number.getInt() << " of its task a second time";
      error.attachNote(known->getLoc()) << "the first time";
      return error;
    }
    known = op;
  }
  return success();
}

/// Copies use both memories, kernels that run on the host its own, and all else the arena.
LogicalResult TaskCheck::checkMemory(int64_t number, exec::BufferOp buffer) {
  Operation *op = ops[number];
  if (isa<exec::CopyOp>(op))
    return success();
  auto launch = dyn_cast<exec::LaunchOp>(op);
  bool onHost = launch && kernels.find(launch.getKernel())->second.onHost;
  if (onHost == buffer.getHost())
    return success();
  return op->emitOpError(onHost ? "runs on the host, and uses the arena"
                                : "uses host memory, which only copies and kernels on the host do");
}

LogicalResult TaskCheck::access(int64_t number, const Access &access) {
  auto buffer = access.buffer.getDefiningOp<exec::BufferOp>();
  if (!buffer)
    return ops[number]->emitOpError("uses what is no buffer of the task");
  int64_t begin = buffer.getOffset(), end = begin + extent(cast<MemRefType>(access.buffer.getType()));
  if (buffer.getConstant()) {
    if (access.write)
      return ops[number]->emitOpError("writes a constant");
    return success();
  }
  if (begin == end)
    return success();
  if (failed(checkMemory(number, buffer)))
    return failure();
  Memory &memory = memories[buffer.getHost()];
  auto &segments = memory.segments;
  if (begin < 0 || end > memory.size.bytes)
    return ops[number]->emitOpError() << "uses bytes [" << begin << ", " << end << ") of " << memory.size.name
                                      << ", which has " << memory.size.bytes;
  split(segments, begin);
  split(segments, end);
  int64_t at = begin;
  auto segment = segments.lower_bound(begin);
  // What no segment covers is as the task found it: defined in the persistent part, nothing in the other.
  auto untouched = [&](int64_t until) -> LogicalResult {
    if (at < until && until > memory.size.persistent && !access.write)
      return ops[number]->emitOpError() << "reads bytes [" << std::max(at, memory.size.persistent) << ", " << until
                                        << ") of " << memory.size.name << ", which nothing in the task has written";
    return access.write ? success() : checkWriter(number, access, memory, at, until, -1);
  };
  for (; segment != segments.end() && segment->first < end; ++segment) {
    if (failed(untouched(segment->first)))
      return failure();
    if (!access.write && at < segment->first) {
      // Read, and then perhaps overwritten.
      Segment read{segment->first, -1, llvm::SmallVector<int64_t, 4>(names.size(), -1)};
      read.readers[times.streamOf(number)] = number;
      segments.emplace(at, std::move(read));
    }
    Segment &known = segment->second;
    if (known.writer >= 0 && known.writer != number && !times.isBefore(known.writer, number))
      return conflict(number, known.writer, memory, segment->first, known.end, access.write ? "overwrites" : "reads");
    if (!access.write && failed(checkWriter(number, access, memory, segment->first, known.end, known.writer)))
      return failure();
    if (access.write)
      for (int64_t reader : known.readers)
        if (reader >= 0 && reader != number && !times.isBefore(reader, number))
          return conflict(number, reader, memory, segment->first, known.end, "overwrites");
    if (!access.write)
      known.readers[times.streamOf(number)] = number;
    at = known.end;
  }
  if (failed(untouched(end)))
    return failure();
  llvm::SmallVector<int64_t, 4> none(names.size(), -1);
  if (!access.write && at < end) {
    Segment read{end, -1, none};
    read.readers[times.streamOf(number)] = number;
    segments.emplace(at, std::move(read));
  }
  if (access.write) {
    segments.erase(segments.lower_bound(begin), segments.lower_bound(end));
    segments.emplace(begin, Segment{end, number, none});
  }
  return success();
}

/// The task is over when its computing stream is.
LogicalResult TaskCheck::join() {
  for (int64_t number = 0, count = ops.size(); number < count; ++number)
    if (times.streamOf(number) != 0 && !times.isDone(number, times.now(0)))
      return ops[number]->emitOpError()
             << "on the stream '" << exec::streamOf(ops[number])
             << "' may still run when its task is over: the computing stream never waits for it";
  return success();
}

LogicalResult TaskCheck::run() {
  std::map<int64_t, Operation *> recorded;
  for (Operation &op : task.getBody().front()) {
    if (isa<exec::BufferOp>(op))
      continue;
    FailureOr<int64_t> stream = streamOf(&op);
    if (failed(stream))
      return failure();
    if (auto record = dyn_cast<exec::RecordOp>(op)) {
      auto [at, isNew] = recorded.try_emplace(record.getEvent(), record);
      if (!isNew) {
        InFlightDiagnostic error = record.emitOpError() << "records event " << record.getEvent() << " a second time";
        error.attachNote(at->second->getLoc()) << "the first time";
        return error;
      }
      events[record.getEvent()] = times.now(*stream);
      continue;
    }
    if (auto wait = dyn_cast<exec::WaitOp>(op)) {
      auto at = events.find(wait.getEvent());
      if (at == events.end())
        return wait.emitOpError() << "waits for event " << wait.getEvent() << ", which is not recorded before it";
      times.wait(*stream, at->second);
      continue;
    }
    int64_t number = times.append(*stream);
    ops.push_back(&op);
    FailureOr<llvm::SmallVector<Access>> list = accessesOf(&op);
    if (failed(list))
      return failure();
    for (const Access &entry : *list)
      if (failed(access(number, entry)))
        return failure();
  }
  if (failed(checkNumbers()))
    return failure();
  return join();
}

/// The task as the ranks see it, and where its entries come from.
static RankProgram programOf(exec::TaskOp task, std::vector<Operation *> &origin) {
  RankProgram program;
  program.name = ("@" + task.getSymName()).str();
  llvm::SmallVector<llvm::StringRef> names = exec::streamsOf(task);
  program.streams = names.size();
  for (Operation &op : task.getBody().front()) {
    if (isa<exec::BufferOp>(op))
      continue;
    RankOp entry;
    entry.stream = llvm::find(names, exec::streamOf(&op)) - names.begin();
    if (auto record = dyn_cast<exec::RecordOp>(op)) {
      entry.kind = RankOp::Record;
      entry.event = record.getEvent();
    } else if (auto wait = dyn_cast<exec::WaitOp>(op)) {
      entry.kind = RankOp::Wait;
      entry.event = wait.getEvent();
    } else if (auto collective = dyn_cast<exec::CollectiveOp>(op)) {
      entry.kind = RankOp::Shared;
      llvm::raw_string_ostream(entry.communicator) << collective.getAxes();
      llvm::raw_string_ostream(entry.call) << llvm::json::Value(collective.describe());
    }
    program.ops.push_back(std::move(entry));
    origin.push_back(&op);
  }
  return program;
}

/// All ranks run every task: one class.
static LogicalResult checkRanks(exec::TaskOp task) {
  std::vector<Operation *> origin;
  RankProgram program = programOf(task, origin);
  llvm::StringMap<std::vector<int64_t>> communicators;
  for (const RankOp &op : program.ops)
    if (op.kind == RankOp::Shared)
      communicators[op.communicator] = {0};
  std::optional<RankFault> fault = findRankFault(program, communicators);
  if (!fault)
    return success();
  InFlightDiagnostic error = origin[fault->where.op]->emitOpError() << "of " << program.name << ": " << fault->text;
  for (auto &[place, text] : fault->notes)
    error.attachNote(origin[place.op]->getLoc()) << text;
  return error;
}

namespace {

struct VerifySchedule : weft::impl::VerifyScheduleBase<VerifySchedule> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto persistent = module->getAttrOfType<IntegerAttr>(exec::persistentBytesAttr),
         arena = module->getAttrOfType<IntegerAttr>(exec::arenaBytesAttr);
    if (!persistent || !arena) {
      module.emitError("is not scheduled: it has no arena");
      return signalPassFailure();
    }
    auto bytesOf = [&](llvm::StringRef name) {
      auto bytes = module->getAttrOfType<IntegerAttr>(name);
      return bytes ? bytes.getInt() : 0;
    };
    MemorySize whole{"the arena", persistent.getInt(), arena.getInt()},
        host{"host memory", bytesOf(exec::hostPersistentBytesAttr), bytesOf(exec::hostBytesAttr)};
    llvm::StringMap<KernelAccess> kernels;
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      if (function->hasAttr(exec::kindAttr))
        kernels.try_emplace(function.getSymName(), function);
    for (exec::TaskOp task : module.getOps<exec::TaskOp>()) {
      if (failed(TaskCheck(task, whole, host, kernels).run()) || failed(checkRanks(task)))
        return signalPassFailure();
      ++numTasks;
      numEvents += llvm::count_if(task.getBody().front(), [](Operation &op) { return isa<exec::RecordOp>(op); });
    }
    markAllAnalysesPreserved();
  }
};

} // namespace

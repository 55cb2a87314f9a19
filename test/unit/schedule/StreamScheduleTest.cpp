//===- StreamScheduleTest.cpp - Schedules on several streams -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A training step of a small GPT-2, scheduled on several streams for many meshes:
// the verifier takes it, and no schedule with an op or an event deleted, or two
// neighbours swapped, unless what happens before what is the same as before.
//
//===----------------------------------------------------------------------===//

#include "compiler/pipeline/Dialects.h"
#include "compiler/pipeline/Pipelines.h"
#include "dialects/exec/CollectiveCalls.h"
#include "dialects/exec/Streams.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/schedule/Passes.h"
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

using namespace mlir;
using namespace weft;

namespace {

class StreamSchedule : public ::testing::Test {
protected:
  StreamSchedule() : context(registry(), MLIRContext::Threading::DISABLED) {
    context.loadAllAvailableDialects();
    context.getDiagEngine().registerHandler([](Diagnostic &) { return success(); });
  }

  static DialectRegistry registry() {
    DialectRegistry result;
    registerDialects(result);
    return result;
  }

  OwningOpRef<ModuleOp> schedule(const PartitionOptions &partition, const CommunicationOptions &communication,
                                 const MemoryOptions &memory = {}) {
    ParserConfig config(&context);
    OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(WEFT_TEST_MODEL, config);
    EXPECT_TRUE(module);
    PassManager pm(&context);
    TrainingOptions training;
    training.isCut = partition.getNumRanks() > 1;
    training.tp = partition.tp;
    buildTrainPipeline(pm, training);
    buildPartitionPipeline(pm, partition);
    buildCommunicationPipeline(pm, communication);
    buildSchedulePipeline(pm, nullptr, memory, communication);
    EXPECT_TRUE(succeeded(pm.run(*module)));
    return module;
  }

  bool isSound(ModuleOp module) {
    PassManager pm(&context);
    pm.addPass(createVerifySchedule());
    return succeeded(pm.run(module));
  }

  MLIRContext context;
};

PartitionOptions mesh(int64_t tp, int64_t shard, int64_t replica, int64_t zero) {
  PartitionOptions options;
  options.tp = tp;
  options.shard = shard;
  options.replica = replica;
  options.zero = zero;
  options.persistence = 0;
  options.sequenceParallel = tp > 1;
  return options;
}

CommunicationOptions overlapped(int64_t bucket = 600, int64_t maxLive = 1000000) {
  CommunicationOptions options;
  options.overlap = true;
  options.bucket = bucket;
  options.maxLive = maxLive;
  return options;
}

/// What waits in host memory is updated there.
MemoryOptions offloaded() {
  MemoryOptions options;
  options.offloadActivations = options.offloadOptimizer = true;
  options.offloadUpdates = "host";
  options.offloadHorizon = 1;
  return options;
}

exec::TaskOp stepOf(ModuleOp module) { return module.lookupSymbol<exec::TaskOp>("task_step"); }

} // namespace

/// Whether an op may be left out or trade places with a neighbour: whatever is no place and no constant.
static SmallVector<Operation *> callsOf(exec::TaskOp task) {
  SmallVector<Operation *> calls;
  for (Operation &op : task.getBody().front())
    if (!isa<exec::BufferOp>(op))
      calls.push_back(&op);
  return calls;
}

namespace {

/// What a task does in one order of its calls: who wrote what each call reads, who wrote what is there at the end, and
/// the order of the collectives.
struct Outcome {
  std::map<int64_t, std::vector<std::vector<int64_t>>> reads;
  std::vector<int64_t> end, collectives;

  bool operator==(const Outcome &other) const {
    return reads == other.reads && end == other.end && collectives == other.collectives;
  }
};

/// Runs a task's calls on words that hold the number of their writer, in an order that is drawn among those that
/// streams and events allow; seed 0: the order of the program. Nothing if a stream waits for what never happens.
std::optional<Outcome> simulate(ModuleOp module, exec::TaskOp task, uint64_t seed) {
  auto bytesOf = [&](StringRef name) {
    auto bytes = module->getAttrOfType<IntegerAttr>(name);
    return bytes ? bytes.getInt() : 0;
  };
  int64_t persistent = bytesOf(exec::persistentBytesAttr), arena = bytesOf(exec::arenaBytesAttr),
          hostPersistent = bytesOf(exec::hostPersistentBytesAttr);
  // Host memory is behind the arena.
  std::vector<int64_t> words((arena + bytesOf(exec::hostBytesAttr)) / 4, -1);
  Outcome outcome;
  auto run = [&](Operation *op) {
    int64_t number = op->getAttrOfType<IntegerAttr>(exec::numberAttr).getInt();
    auto wordsOf = [&](Value value) {
      auto buffer = value.getDefiningOp<exec::BufferOp>();
      auto type = cast<MemRefType>(value.getType());
      SmallVector<int64_t> strides;
      int64_t offset, last = 0;
      EXPECT_TRUE(succeeded(type.getStridesAndOffset(strides, offset)));
      for (auto [size, stride] : llvm::zip(type.getShape(), strides))
        last += (size - 1) * stride;
      int64_t bytes = (last + 1) * elementBytes(type.getElementType()),
              at = static_cast<int64_t>(buffer.getOffset()) + (buffer.getHost() ? arena : 0);
      if (buffer.getConstant())
        return std::pair<int64_t, int64_t>(0, 0);
      return std::pair<int64_t, int64_t>(at / 4, (at + bytes + 3) / 4);
    };
    SmallVector<Value> reads, writes;
    if (auto launch = dyn_cast<exec::LaunchOp>(op)) {
      auto kernel = module.lookupSymbol<func::FuncOp>(launch.getKernel());
      for (BlockArgument argument : kernel.getArguments())
        if (!argument.use_empty())
          reads.push_back(launch.getBuffers()[argument.getArgNumber()]);
      for (int64_t output : kernel->getAttrOfType<DenseI64ArrayAttr>(exec::outputsAttr).asArrayRef())
        writes.push_back(launch.getBuffers()[output]);
    } else {
      SmallVector<MemoryEffects::EffectInstance> effects;
      cast<MemoryEffectOpInterface>(op).getEffects(effects);
      for (MemoryEffects::EffectInstance &effect : effects)
        (isa<MemoryEffects::Write>(effect.getEffect()) ? writes : reads).push_back(effect.getValue());
    }
    for (Value value : reads) {
      auto [begin, end] = wordsOf(value);
      outcome.reads[number].emplace_back(words.begin() + begin, words.begin() + end);
    }
    for (Value value : writes) {
      auto [begin, end] = wordsOf(value);
      std::fill(words.begin() + begin, words.begin() + end, number);
    }
    if (isa<exec::CollectiveOp>(op))
      outcome.collectives.push_back(number);
  };
  SmallVector<StringRef> names = exec::streamsOf(task);
  std::vector<std::vector<Operation *>> queues(seed ? names.size() : 1);
  for (Operation *op : callsOf(task))
    queues[seed ? llvm::find(names, exec::streamOf(op)) - names.begin() : 0].push_back(op);
  std::vector<size_t> at(queues.size(), 0);
  std::set<int64_t> happened;
  std::mt19937_64 random(seed);
  while (true) {
    SmallVector<size_t> ready;
    bool left = false;
    for (size_t i = 0; i < queues.size(); ++i) {
      if (at[i] == queues[i].size())
        continue;
      left = true;
      auto wait = dyn_cast<exec::WaitOp>(queues[i][at[i]]);
      if (!wait || happened.count(wait.getEvent()))
        ready.push_back(i);
    }
    if (ready.empty()) {
      if (left)
        return std::nullopt;
      outcome.end.assign(words.begin(), words.begin() + persistent / 4);
      outcome.end.insert(outcome.end.end(), words.begin() + arena / 4, words.begin() + (arena + hostPersistent) / 4);
      return outcome;
    }
    // A stream runs for a while, so that streams get far apart.
    size_t stream = ready[std::uniform_int_distribution<size_t>(0, ready.size() - 1)(random)];
    for (int64_t i = std::uniform_int_distribution<int64_t>(1, 30)(random); i > 0 && at[stream] < queues[stream].size();
         --i) {
      Operation *op = queues[stream][at[stream]];
      if (auto wait = dyn_cast<exec::WaitOp>(op); wait && !happened.count(wait.getEvent()))
        break;
      ++at[stream];
      if (auto record = dyn_cast<exec::RecordOp>(op))
        happened.insert(record.getEvent());
      else if (!isa<exec::WaitOp>(op))
        run(op);
    }
  }
}

} // namespace

/// Any order that streams and events allow gives every call what the program's order gives it.
TEST_F(StreamSchedule, AnyOrderReadsTheSame) {
  for (auto [partition, memory] : {std::pair(mesh(1, 2, 1, 3), MemoryOptions()),
                                   {mesh(2, 2, 1, 2), {}},
                                   {mesh(1, 1, 2, 0), {}},
                                   {mesh(2, 2, 2, 1), {}},
                                   {mesh(1, 2, 1, 3), offloaded()},
                                   {mesh(2, 2, 2, 1), offloaded()}}) {
    OwningOpRef<ModuleOp> module = schedule(partition, overlapped(), memory);
    EXPECT_EQ(llvm::is_contained(exec::streamsOf(stepOf(*module)), "host"), memory.offloadOptimizer);
    for (exec::TaskOp task : module->getOps<exec::TaskOp>()) {
      std::optional<Outcome> expected = simulate(*module, task, 0);
      ASSERT_TRUE(expected);
      for (uint64_t seed = 1; seed < 50; ++seed)
        ASSERT_TRUE(simulate(*module, task, seed) == expected) << "seed " << seed;
    }
  }
}

/// What the verifier takes of schedules with a call or an event deleted, or two neighbours swapped, does what was
/// scheduled, in any order: it was harmless.
TEST_F(StreamSchedule, FindsEveryMutation) {
  int64_t caught = 0, harmless = 0;
  for (auto [partition, communication, memory] : {std::tuple(mesh(1, 2, 1, 3), overlapped(), MemoryOptions()),
                                                  {mesh(2, 2, 1, 2), overlapped(), {}},
                                                  {mesh(1, 1, 2, 0), overlapped(2000), {}},
                                                  {mesh(1, 2, 1, 3), overlapped(), offloaded()}}) {
    OwningOpRef<ModuleOp> module = schedule(partition, communication, memory);
    ASSERT_TRUE(isSound(*module));
    ASSERT_GT(exec::streamsOf(stepOf(*module)).size(), 1u);
    std::optional<Outcome> expected = simulate(*module, stepOf(*module), 0);
    ASSERT_TRUE(expected);
    size_t count = callsOf(stepOf(*module)).size();
    std::mt19937_64 random(count);
    for (int64_t round = 0; round < 120; ++round) {
      OwningOpRef<ModuleOp> mutant = module->clone();
      SmallVector<Operation *> calls = callsOf(stepOf(*mutant));
      size_t at = std::uniform_int_distribution<size_t>(0, count - 2)(random);
      // Events are few among calls: two thirds of the mutations are theirs.
      while (round % 3 != 0 && at + 2 < count && !isa<exec::RecordOp, exec::WaitOp>(calls[at]))
        ++at;
      std::string what;
      llvm::raw_string_ostream(what) << *calls[at];
      bool swap = round % 2;
      if (swap) {
        // Places come first, so that they do not stand in the way.
        Block &body = stepOf(*mutant).getBody().front();
        for (exec::BufferOp buffer : llvm::make_early_inc_range(body.getOps<exec::BufferOp>()))
          buffer->moveBefore(&body, body.begin());
        calls[at]->moveAfter(calls[at + 1]);
      } else {
        calls[at]->erase();
      }
      if (!isSound(*mutant)) {
        ++caught;
        continue;
      }
      ++harmless;
      EXPECT_EQ(callsOf(stepOf(*mutant)).size() + (swap ? 0 : 1), count);
      bool isEvent = isa<exec::RecordOp, exec::WaitOp>(callsOf(stepOf(*module))[at]);
      EXPECT_TRUE(swap || isEvent) << "deleted: " << what;
      // All ranks run the mutant: its collectives may have traded places, but they have one order.
      std::optional<Outcome> program = simulate(*mutant, stepOf(*mutant), 0);
      ASSERT_TRUE(program);
      EXPECT_TRUE(program->reads == expected->reads && program->end == expected->end) << what;
      for (uint64_t seed = 1; seed < 20; ++seed)
        EXPECT_TRUE(simulate(*mutant, stepOf(*mutant), seed) == program)
            << (swap ? "swapped with the next: " : "deleted: ") << what << " seed " << seed;
    }
  }
  EXPECT_GT(caught, 100);
  RecordProperty("caught", static_cast<int>(caught));
  RecordProperty("harmless", static_cast<int>(harmless));
}

/// With one stream there is nothing to say: the same text as without the option.
TEST_F(StreamSchedule, OneStreamSaysNothing) {
  CommunicationOptions options;
  OwningOpRef<ModuleOp> module = schedule(mesh(1, 1, 2, 0), options);
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  for (const char *word : {"exec.stream", "exec.record", "exec.wait", "exec.number"})
    EXPECT_EQ(text.find(word), std::string::npos) << word;
}

/// Less may be gathered ahead, and less memory is needed.
TEST_F(StreamSchedule, LiveParametersBoundMemory) {
  auto bytes = [&](int64_t maxLive) {
    OwningOpRef<ModuleOp> module = schedule(mesh(1, 2, 1, 3), overlapped(1 << 30, maxLive));
    return module->lookupSymbol<exec::TaskOp>("task_eval").getTemporaryBytes();
  };
  EXPECT_LT(bytes(2000), bytes(1 << 30));
}

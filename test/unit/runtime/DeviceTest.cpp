//===- DeviceTest.cpp - The step loop on a device that is late ------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A device whose work is done as late as it may be: when somebody waits for it.
// Whoever reads the arena without asking, or fills a buffer that is still in
// use, gets other numbers than the host.
//
//===----------------------------------------------------------------------===//

#include "core/Device.h"

#include "TestSupport.h"
#include "comm/Ranks.h"
#include "core/Error.h"
#include "core/ProfileReport.h"
#include "core/Text.h"
#include "device/Transfer.h"
#include "launch/Run.h"
#include "sample/Sample.h"
#include "weft/safetensors.h"

#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::rt;
using nlohmann::json;

namespace {

/// What is enqueued is done in order, up to the place that somebody waits for.
class LateQueue {
public:
  void enqueue(std::function<void()> work) { pending.push_back(std::move(work)), ++enqueued; }
  int64_t mark() const { return enqueued; }
  void waitFor(int64_t place) {
    while (done < place) {
      pending.front()();
      pending.pop_front();
      ++done;
    }
  }
  bool isDone(int64_t place) const { return done >= place; }

private:
  std::deque<std::function<void()>> pending;
  int64_t enqueued = 0, done = 0;
};

class LateDevice final : public Device, CopyQueue {
public:
  LateDevice(const Manifest &manifest, const weft_task_fn *tasks)
      : manifest(manifest), tasks(tasks), arena(manifest.arenaBytes), transfer(*this), inputs(*this), staging(inputs) {}

  void write(int64_t offset, int64_t bytes, FunctionRef<void(char *)> fill) override {
    transfer.write(offset, bytes, fill);
  }
  void read(int64_t offset, int64_t bytes, FunctionRef<void(const char *)> use) override {
    transfer.read(offset, bytes, use);
  }
  void prepareInputs(FunctionRef<void(const InputMemory &)> fill) override { staging.prepare(fill); }
  void loadInputs(FunctionRef<void(const InputMemory &)> fill) override { staging.load(fill); }
  void runTask(int task) override {
    queue.enqueue([this, task] { tasks[task](nullptr, arena.data()); });
  }
  const char *error() const override { return nullptr; }
  void synchronize() override { queue.waitFor(queue.mark()); }
  int stepsInFlight() const override { return 2; }
  void noteMetrics() override {
    mostAhead = std::max(mostAhead, noted - taken + 1);
    StepMetrics *slot = &slots[noted++ % 2];
    queue.enqueue([this, slot] {
      const char *base = arena.data();
      auto value = [&](const char *state) {
        return loadDouble(base + manifest.findState(state)->offset, DType::F64, 0);
      };
      *slot = {value("loss_sum"), value("loss_count"), value("grad_norm"), value("lr")};
    });
    places[(noted - 1) % 2] = queue.mark();
  }
  StepMetrics takeMetrics() override {
    queue.waitFor(places[taken % 2]);
    return slots[taken++ % 2];
  }
  void setProfile(Profile *) override {}
  ProfileMachine measure() override { return {}; }
  MemoryUse memoryUse() override { return {manifest.arenaBytes, manifest.arenaBytes + 10, "ten bytes more"}; }
  std::string describe() const override { return "a late device"; }
  std::string report() const override { return "it is ready"; }

  /// Over all devices of a test.
  static int64_t mostAhead;

private:
  // CopyQueue; buffers are smaller than the parameters.
  char *buffer(int which) override { return buffers[which]; }
  int64_t bufferBytes() const override { return sizeof(buffers[0]); }
  void toArena(int which, int64_t offset, int64_t bytes) override {
    queue.enqueue([=] { memcpy(arena.data() + offset, buffers[which], bytes); });
    used[which] = queue.mark();
  }
  void fromArena(int which, int64_t offset, int64_t bytes) override {
    queue.enqueue([=] { memcpy(buffers[which], arena.data() + offset, bytes); });
    used[which] = queue.mark();
  }
  void wait(int which) override { queue.waitFor(used[which]); }

  struct Inputs final : InputQueue {
    explicit Inputs(LateDevice &device)
        : device(device), staged(device.manifest.packedInputBytes()), memory{staged, staged} {}
    char *buffer(int which) override { return memory[which].data(); }
    void waitSent(int which) override { device.queue.waitFor(sent[which]); }
    void send(int which) override {
      device.queue.enqueue([=] { staged = memory[which]; });
      sent[which] = device.queue.mark();
    }
    void place() override {
      device.queue.enqueue([this] {
        for (const InputInfo &input : device.manifest.inputs)
          memcpy(device.arena.data() + input.offset, staged.data() + input.packedOffset, input.bytes);
      });
    }
    LateDevice &device;
    std::vector<char> staged, memory[2];
    int64_t sent[2] = {0, 0};
  };

  const Manifest &manifest;
  const weft_task_fn *tasks;
  std::vector<char> arena;
  LateQueue queue;
  char buffers[2][100];
  int64_t used[2] = {0, 0}, places[2] = {0, 0};
  StepMetrics slots[2];
  int64_t noted = 0, taken = 0;
  ArenaTransfer transfer;
  Inputs inputs;
  InputStaging staging;
};

int64_t LateDevice::mostAhead = 0;

class LateLibrary final : public DeviceLibrary {
public:
  const char *target() const override { return "host"; }
  std::unique_ptr<Device> open(const Manifest &manifest, const weft_task_fn *tasks, Ranks &,
                               const DeviceOptions &) const override {
    return std::make_unique<LateDevice>(manifest, tasks);
  }
  DevicePlan describePlan(const Manifest &, const DeviceOptions &) const override {
    return {planLine("late memory", "none"), planLine("late calls", "none")};
  }
};

struct Outcome {
  int code = 0;
  std::string out, err;
};

/// Runs the sample in two micro-batches.
Outcome runSample(const DeviceLibrary *library, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "sample");
  std::vector<const char *> argv;
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  std::string text = sample::kManifest;
  weft_task_fn tasks[] = {sample::first<2>, sample::next<2>, sample::update, sample::eval<2>};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = runProgram({text.data(), static_cast<int64_t>(text.size()), tasks, nullptr, library},
                            static_cast<int>(argv.size()), argv.data());
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

std::vector<json> readLog(const std::string &path) {
  std::vector<json> lines;
  std::istringstream text(readWhole(path));
  for (std::string line; std::getline(text, line);)
    lines.push_back(json::parse(line));
  return lines;
}

} // namespace

// All numbers of all steps, evaluations in between and the parameters are those of the host, bit for bit, and steps
// were begun before the one before was over.
TEST(Device, LateIsTheSame) {
  TemporaryFolder folder;
  LateLibrary late;
  std::string data = folder.tokens("t", 2000, 1, 7), eval = folder.tokens("e", 100);
  LateDevice::mostAhead = 0;
  std::vector<std::vector<json>> logs;
  std::vector<std::string> saved;
  for (const DeviceLibrary *library :
       {static_cast<const DeviceLibrary *>(nullptr), static_cast<const DeviceLibrary *>(&late)}) {
    std::string log = folder.path("log"), path = folder.path("saved");
    Outcome outcome = runSample(library, {"--data", data, "--steps", "25", "--lr", "1", "--eval", eval, "--eval-every",
                                          "4", "--log", log, "--save", path});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    logs.push_back(readLog(log));
    for (json &line : logs.back())
      for (const char *time : {"step_ms", "eval_ms", "tokens_per_s", "device_s", "values_s"})
        line.erase(time);
    saved.push_back(readWhole(path));
  }
  EXPECT_EQ(logs[0].size(), 25u + 7);
  EXPECT_EQ(logs[0], logs[1]);
  EXPECT_EQ(saved[0], saved[1]);
  EXPECT_EQ(LateDevice::mostAhead, 2);
}

// What looks at the arena after a step sees that step.
TEST(Device, LateRecord) {
  TemporaryFolder folder;
  LateLibrary late;
  std::vector<int64_t> x(32), y(32);
  for (size_t i = 0; i < 32; ++i)
    x[i] = i % 16, y[i] = (i * 5) % 16;
  std::string replay = folder.path("batch");
  ASSERT_EQ(writeSafetensors(replay, {{"x", "I64", {4, 8}, x.data(), 256}, {"y", "I64", {4, 8}, y.data(), 256}}), "");
  std::vector<std::string> records;
  for (const DeviceLibrary *library :
       {static_cast<const DeviceLibrary *>(nullptr), static_cast<const DeviceLibrary *>(&late)}) {
    std::string record = folder.path("record");
    Outcome outcome = runSample(library, {"--replay", replay, "--steps", "5", "--lr", "0.5", "--record", record});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    records.push_back(readWhole(record));
  }
  EXPECT_EQ(records[0], records[1]);
}

// What the device says of itself, and the steps that are under way when the loss is no number.
TEST(Device, Messages) {
  TemporaryFolder folder;
  LateLibrary late;
  std::string data = folder.tokens("t", 2000), log = folder.path("log");
  Outcome outcome = runSample(&late, {"--data", data, "--steps", "3", "--memory", "--log", log});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char *part : {"a late device; ", "it is ready; initial values in 0.0 s\n",
                           "memory in use: 8.01 KiB, the arena 8.00 KiB of it (ten "
                           "bytes more)"})
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  EXPECT_EQ(readLog(log)[1]["memory_bytes"], 8202);
  // In the first step's line alone.
  EXPECT_TRUE(readLog(log)[0].contains("device_s") && readLog(log)[0].contains("values_s"));
  EXPECT_FALSE(readLog(log)[2].contains("device_s") || readLog(log)[2].contains("values_s"));
  outcome = runSample(&late, {"--plan"});
  EXPECT_NE(outcome.out.find("late memory"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("late calls"), std::string::npos) << outcome.out;
  outcome = runSample(&late, {"--data", data, "--steps", "50", "--lr", "1e200", "--clip", "0"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("the loss of step"), std::string::npos) << outcome.err;
  // Only devices with graphs have their options.
  EXPECT_EQ(runSample(nullptr, {"--data", data, "--no-graphs"}).code, 2);
}

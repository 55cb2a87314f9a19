//===- RunTest.cpp - A whole run on a GPU ---------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A program as the compiler would write it, with kernels whose results show
// which batch and which parameters they saw: graphs, batches that are copied
// while the step before runs, and numbers that are read a step later.
//
//===----------------------------------------------------------------------===//

#include "launch/Run.h"
#include "Support.h"
#include "TestSupport.h"
#include "sample/Sample.h"
#include "weft/safetensors.h"

#include <nlohmann/json.hpp>

using namespace weft;
using namespace weft::rt;
using namespace weft::rt::test;
using nlohmann::json;

// The device code and a constant, as generated code defines them.
asm(".pushsection .rodata\n"
    ".global weft_device_code, weft_device_code_size, weft_constants\n"
    ".balign 16\n"
    "weft_device_code:\n"
    ".incbin \"" WEFT_TEST_PTX "\"\n"
    "weft_test_code_end:\n"
    ".byte 0\n"
    ".balign 8\n"
    "weft_device_code_size: .quad weft_test_code_end - weft_device_code\n"
    "weft_constants: .float 7.0, 1.0\n"
    ".popsection\n");

namespace {

class Run : public Gpu {};

/// A float, in what the sample's logits took.
constexpr int64_t kOne = sample::kLogits;

void clear(weft_context *ctx, char *arena) {
  void *args[] = {arena + sample::kStep};
  weft_launch_kernel(ctx, 1, args);
}

void next(weft_context *ctx, char *arena) {
  void *args[] = {arena + sample::kTokens, arena + sample::kStep, arena + sample::kW, arena + sample::kPersistent};
  weft_launch_kernel(ctx, 0, args);
}

void first(weft_context *ctx, char *arena) {
  clear(ctx, arena);
  next(ctx, arena);
}

void update(weft_context *ctx, char *arena) {
  void *args[] = {arena + sample::kStep, arena + sample::kW, arena + sample::kHyper, arena + kOne};
  weft_launch_kernel(ctx, 2, args);
  weft_copy(ctx, arena + sample::kB, arena + sample::kW, 4);
}

void eval(weft_context *ctx, char *arena) {
  void *args[] = {arena + sample::kTokens, arena + sample::kStep, arena + sample::kW};
  weft_launch_kernel(ctx, 3, args);
}

void broken(weft_context *ctx, char *arena) {
  void *args[] = {nullptr, nullptr, nullptr, arena};
  weft_launch_kernel(ctx, 0, args);
}

struct GpuProgram {
  json manifest = json::parse(sample::kManifest);
  weft_task_fn tasks[4] = {first, next, update, eval};

  GpuProgram() {
    manifest["target"] = "cuda";
    json stage = {{"grid", {1, 1, 1}}, {"block", {32, 1, 1}}, {"shared_bytes", 0}};
    auto kernel = [&](const char *name, int args, std::vector<const char *> functions) {
      json entry = {{"name", name}, {"args", args}, {"scratch_bytes", 0}, {"launches", 1}, {"text", ""}};
      for (const char *function : functions) {
        stage["function"] = function;
        stage["block"] = {std::string(function) == "sum_0" ? 32 : 1, 1, 1};
        entry["stages"].push_back(stage);
      }
      return entry;
    };
    manifest["kernels"] = {kernel("sum", 3, {"sum_0", "sum_1"}), kernel("clear", 1, {"clear_0"}),
                           kernel("update", 4, {"update_0"}), kernel("eval", 3, {"eval_0"})};
    manifest["kernels"][0]["scratch_bytes"] = 128;
    manifest["device"]["code"] = {{{"arch", "sm_75"}, {"kind", "ptx"}, {"offset", 0}, {"bytes", codeBytes()}}};
    manifest["constants"] = {{{"name", "one"}, {"offset", kOne}, {"bytes", 4}, {"data", 4}}};
    auto entry = [](const char *task, const char *op, const char *what) {
      return json{{"task", task}, {"op", op},     {"what", what},       {"flops", 1e6},
                  {"bytes", 1e6}, {"loc", "h.0"}, {"region", "forward"}};
    };
    manifest["schedule"] = {entry("first", "kernel", "clear"), entry("first", "kernel", "sum"),
                            entry("next", "kernel", "sum"),    entry("update", "kernel", "update"),
                            entry("update", "copy", "b"),      entry("eval", "kernel", "eval")};
  }

  static int64_t codeBytes();

  int run(std::vector<std::string> arguments, std::string &out, std::string &err) const {
    arguments.insert(arguments.begin(), "sample");
    std::vector<const char *> argv;
    for (const std::string &argument : arguments)
      argv.push_back(argument.c_str());
    std::string text = manifest.dump();
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    int code =
        runProgram({text.data(), static_cast<int64_t>(text.size()), tasks}, static_cast<int>(argv.size()), argv.data());
    out = testing::internal::GetCapturedStdout();
    err = testing::internal::GetCapturedStderr();
    return code;
  }
};

int64_t GpuProgram::codeBytes() { return weft_device_code_size; }

std::vector<json> readLog(const std::string &path) {
  std::vector<json> lines;
  std::istringstream text(readWhole(path));
  for (std::string line; std::getline(text, line);)
    lines.push_back(json::parse(line));
  return lines;
}

/// Ids as TemporaryFolder::tokens writes them: the loss of a step in order of the file.
double lossOf(int64_t step, double w) {
  double sum = 0;
  for (int microbatch = 0; microbatch < 2; ++microbatch) {
    for (int i = 0; i < 16; ++i) {
      int64_t token = (step * 4 + microbatch * 2) * 8 + i;
      sum += static_cast<double>(token * 7 % 16) * (i + 1);
    }
    sum += w;
  }
  return sum / 32;
}

} // namespace

// Each step saw its own batch and the weights that the step before left; with graphs and without.
TEST_F(Run, StepsSeeTheirBatches) {
  TemporaryFolder folder;
  std::string data = folder.tokens("t", 4000, 1, 7), log = folder.path("log"), out, err;
  setenv("XDG_CACHE_HOME", folder.path("cache").c_str(), 1);
  for (bool graphs : {true, false}) {
    std::vector<std::string> arguments = {"--data",
                                          data,
                                          "--no-shuffle",
                                          "--steps",
                                          "40",
                                          "--lr",
                                          "0.25",
                                          "--eval",
                                          data,
                                          "--eval-every",
                                          "16",
                                          "--eval-batches",
                                          "1",
                                          "--log",
                                          log,
                                          "--save",
                                          folder.path("saved")};
    if (!graphs)
      arguments.push_back("--no-graphs");
    GpuProgram program;
    program.manifest["params"][0]["source"] = {{"init", "constant"}, {"value", 3}};
    ASSERT_EQ(program.run(arguments, out, err), 0) << err;
    std::vector<json> steps, evaluations;
    for (json &line : readLog(log))
      (line.contains("loss") ? steps : evaluations).push_back(line);
    ASSERT_EQ(steps.size(), 40u);
    double milliseconds = 0;
    for (int64_t i = 0; i < 40; ++i) {
      EXPECT_DOUBLE_EQ(steps[i]["loss"].get<double>(), lossOf(i, 3.0 + static_cast<double>(i))) << "step " << i;
      EXPECT_EQ(steps[i]["grad_norm"], 0.5 * static_cast<double>(i + 1));
      EXPECT_EQ(steps[i]["lr"], 0.25);
      milliseconds += steps[i]["step_ms"].get<double>();
    }
    // A step is taken when it is over, be it that others were over before: all together last as long as they run.
    EXPECT_GT(milliseconds, 40 * 0.15);
    ASSERT_EQ(evaluations.size(), 3u);
    // Two micro-batches, which begin with tokens 0 and 16, after 16 steps.
    EXPECT_DOUBLE_EQ(evaluations[0]["eval_loss"].get<double>(), (0 + 19.0 + 16 * 7 % 16 + 19.0) / 2);
    EXPECT_NE(err.find("step 40/40"), std::string::npos) << err;
    EXPECT_NE(err.find("device ready in"), std::string::npos) << err;
    std::string error;
    auto saved = SafetensorsFile::open(folder.path("saved"), error);
    ASSERT_TRUE(saved) << error;
    EXPECT_EQ(static_cast<const float *>(saved->find("W")->data)[0], 43.0f);
    EXPECT_EQ(static_cast<const float *>(saved->find("W")->data)[1], 3.0f);
    EXPECT_EQ(static_cast<const float *>(saved->find("b")->data)[0], 43.0f);
  }
}

// A profile times each call on the device, and says how; memory is said too.
TEST_F(Run, Profile) {
  TemporaryFolder folder;
  std::string data = folder.tokens("t", 4000, 1, 7), trace = folder.path("trace.json"), out, err;
  for (bool graphs : {true, false}) {
    std::vector<std::string> arguments = {"--data", data, "--steps", "6", "--profile", trace, "--memory"};
    if (!graphs)
      arguments.push_back("--no-graphs");
    ASSERT_EQ(GpuProgram().run(arguments, out, err), 0) << err;
    EXPECT_NE(out.find(graphs ? "measured by events around each call in the tasks' graphs"
                              : "measured by events around each call, without graphs"),
              std::string::npos)
        << out;
    EXPECT_NE(err.find("memory in use: "), std::string::npos) << err;
    std::ifstream file(trace);
    json document = json::parse(file);
    int calls = 0;
    double longest = 0;
    for (const json &event : document["traceEvents"])
      if (event.contains("cat") && (event["cat"] == "kernel" || event["cat"] == "copy")) {
        ++calls;
        if (event["name"] == "update")
          longest = std::max(longest, event["dur"].get<double>());
      }
    EXPECT_EQ(calls, 3 * 5);
    // The update sleeps for 20,000 times 10 nanoseconds or more.
    EXPECT_GT(longest, 150);
    if (graphs)
      printf("%s%s", out.c_str(), err.c_str());
  }
}

// More than the device has is refused with both sizes.
TEST_F(Run, NotEnoughMemory) {
  TemporaryFolder folder;
  std::string data = folder.tokens("t", 4000, 1, 7), out, err;
  GpuProgram program;
  program.manifest["arena_bytes"] = int64_t(1) << 45;
  EXPECT_EQ(program.run({"--data", data}, out, err), 1);
  EXPECT_NE(err.find("of device memory and"), std::string::npos) << err;
}

TEST_F(Run, WrongArchitecture) {
  TemporaryFolder folder;
  std::string data = folder.tokens("t", 4000, 1, 7), out, err;
  GpuProgram program;
  program.manifest["device"]["code"][0]["arch"] = "sm_75";
  program.manifest["device"]["code"][0]["kind"] = "cubin";
  EXPECT_EQ(program.run({"--data", data}, out, err), 1);
  EXPECT_NE(err.find("the executable has code for sm_75; compile it with --arch"), std::string::npos) << err;
}

// A fault on the device names its call when calls are run one by one. It takes the whole process's context with it, so
// it happens in one of its own.
TEST_F(Run, FaultNamesItsCall) {
  TemporaryFolder folder;
  std::string data = folder.tokens("t", 4000, 1, 7);
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  auto run = [&] {
    GpuProgram program;
    program.tasks[1] = broken;
    std::string text = program.manifest.dump();
    std::vector<const char *> argv = {"sample", "--data", data.c_str(), "--no-graphs"};
    _exit(runProgram({text.data(), static_cast<int64_t>(text.size()), program.tasks}, static_cast<int>(argv.size()),
                     argv.data()));
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(3),
              "in task 'next': weft_launch_kernel.0.: .*in call 1 of the task: kernel sum");
}

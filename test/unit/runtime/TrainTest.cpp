//===- TrainTest.cpp - The step loop, end to end --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The sample's tasks in this process for what needs a changed manifest, and its
// executable, with the library's main, for what needs a process.
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"
#include "launch/Run.h"
#include "sample/Sample.h"
#include "weft/safetensors.h"

#include <cmath>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <random>
#include <sys/wait.h>
#include <unistd.h>

using namespace weft;
using namespace weft::rt;
using nlohmann::json;

namespace {

/// What a run printed, and its exit code.
struct Outcome {
  int code = 0;
  std::string out, err;
};

/// The sample with one or two micro-batches.
struct SampleProgram {
  json manifest = json::parse(sample::kManifest);
  std::vector<weft_task_fn> tasks = {sample::first<2>, sample::next<2>, sample::update, sample::eval<2>};

  void useOneMicrobatch() {
    manifest["microbatches"] = 1;
    manifest["tasks"] = {"step", "eval"};
    tasks = {sample::step<4>, sample::eval<4>};
    for (json &input : manifest["inputs"]) {
      input["shape"] = {4, 8};
      input["bytes"] = 256;
    }
    json &logits = manifest["states"][8];
    logits["shape"] = {4, 8, 16};
    logits["bytes"] = 2048;
  }

  Outcome run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "sample");
    std::vector<const char *> argv;
    for (const std::string &argument : arguments)
      argv.push_back(argument.c_str());
    std::string text = manifest.dump();
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.code = runProgram({text.data(), static_cast<int64_t>(text.size()), tasks.data()},
                              static_cast<int>(argv.size()), argv.data());
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
  }
};

/// Reads a JSON lines file.
std::vector<json> readLog(const std::string &path) {
  std::vector<json> lines;
  std::istringstream text(readWhole(path));
  for (std::string line; std::getline(text, line);)
    lines.push_back(json::parse(line));
  return lines;
}

template <typename T> std::vector<T> tensor(const std::string &path, const std::string &name) {
  std::string error;
  auto file = SafetensorsFile::open(path, error);
  const SafetensorsEntry *entry = file ? file->find(name) : nullptr;
  EXPECT_NE(entry, nullptr) << error << name;
  std::vector<T> values(entry ? entry->elements() : 0);
  if (entry)
    memcpy(values.data(), entry->data, entry->bytes);
  return values;
}

testing::AssertionResult contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos
             ? testing::AssertionSuccess()
             : testing::AssertionFailure() << "'" << text << "' lacks '" << part << "'";
}

/// Starts the sample's executable; its stderr goes to `err`.
pid_t start(const std::vector<std::string> &arguments, const std::string &err, rlim_t fileLimit = RLIM_INFINITY) {
  pid_t child = fork();
  if (child != 0)
    return child;
  int descriptor = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
  dup2(descriptor, STDERR_FILENO);
  if (fileLimit != RLIM_INFINITY) {
    struct rlimit limit = {fileLimit, RLIM_INFINITY};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  std::vector<char *> argv = {const_cast<char *>(WEFT_SAMPLE_EXECUTABLE)};
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  _exit(127);
}

int finish(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

} // namespace

// A stream that repeats is learnt; the log has every key of every step.
TEST(Train, LossFalls) {
  TemporaryFolder folder;
  Outcome outcome =
      SampleProgram().run({"--data", folder.tokens("t", 1000), "--steps", "60", "--lr", "5", "--clip", "0", "--log",
                           folder.path("log"), "--eval", folder.tokens("e", 100), "--eval-every", "25"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::vector<json> steps, evaluations;
  for (json &line : readLog(folder.path("log")))
    (line.contains("loss") ? steps : evaluations).push_back(line);
  ASSERT_EQ(steps.size(), 60u);
  for (size_t i = 0; i < steps.size(); ++i) {
    EXPECT_EQ(steps[i]["step"], i + 1);
    for (const char *key : {"loss", "grad_norm", "lr", "step_ms", "tokens_per_s"})
      EXPECT_TRUE(steps[i][key].is_number());
  }
  EXPECT_GT(steps.front()["loss"].get<double>(), 2);
  EXPECT_LT(steps.back()["loss"].get<double>(), 0.5);
  ASSERT_EQ(evaluations.size(), 3u);
  EXPECT_EQ(evaluations[0]["step"], 25);
  EXPECT_EQ(evaluations[2]["step"], 60);
  EXPECT_LT(evaluations[2]["eval_loss"].get<double>(), 0.5);
  EXPECT_TRUE(contains(outcome.err, "step 60/60  loss 0."));
  EXPECT_TRUE(contains(outcome.err, "GFLOP/s"));
  EXPECT_TRUE(contains(outcome.err, "step 25  eval loss"));
}

// The learning rate that the update reports follows the options.
TEST(Train, LearningRateSchedules) {
  TemporaryFolder folder;
  auto rates = [&](const char *schedule) {
    Outcome outcome =
        SampleProgram().run({"--data", folder.tokens("t", 1000), "--steps", "10", "--lr", "1", "--min-lr", "0.2",
                             "--warmup", "2", "--schedule", schedule, "--log", folder.path("log")});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    std::vector<double> values;
    for (json &line : readLog(folder.path("log")))
      values.push_back(line["lr"]);
    return values;
  };
  std::vector<double> constant = rates("constant"), linear = rates("linear"), cosine = rates("cosine");
  for (int step = 0; step < 10; ++step) {
    double p = (step - 2) / 8.0, warm = (step + 1) / 2.0;
    EXPECT_DOUBLE_EQ(constant[step], step < 2 ? warm : 1);
    EXPECT_DOUBLE_EQ(linear[step], step < 2 ? warm : 1 - 0.8 * p);
    EXPECT_DOUBLE_EQ(cosine[step], step < 2 ? warm : 0.2 + 0.4 * (1 + std::cos(M_PI * p)));
  }
}

// One or two micro-batches see the same samples in the same order.
TEST(Train, MicrobatchesDoNotMatter) {
  TemporaryFolder folder;
  SampleProgram two, one;
  one.useOneMicrobatch();
  std::vector<std::string> arguments = {"--data", folder.tokens("t", 2000, 1, 7), "--steps", "20", "--lr", "1",
                                        "--save"};
  arguments.push_back(folder.path("two.safetensors"));
  ASSERT_EQ(two.run(arguments).code, 0);
  arguments.back() = folder.path("one.safetensors");
  ASSERT_EQ(one.run(arguments).code, 0);
  std::vector<float> w1 = tensor<float>(folder.path("one.safetensors"), "W");
  std::vector<float> w2 = tensor<float>(folder.path("two.safetensors"), "W");
  for (size_t i = 0; i < 256; ++i)
    EXPECT_NEAR(w1[i], w2[i], 1e-6);
  // Another seed starts and shuffles differently; the same one is the same bits.
  arguments.push_back("--seed=1");
  ASSERT_EQ(one.run(arguments).code, 0);
  EXPECT_NE(tensor<float>(arguments[7], "W"), w1);
  arguments.back() = "--seed=0";
  ASSERT_EQ(one.run(arguments).code, 0);
  EXPECT_EQ(tensor<float>(arguments[7], "W"), w1);
}

// What weft verify reads: one fixed batch, its logits, loss and gradient against a computation here.
TEST(Train, ReplayAndRecord) {
  TemporaryFolder folder;
  std::mt19937 engine(5);
  std::vector<int64_t> x(32), y(32);
  for (size_t i = 0; i < 32; ++i) {
    x[i] = engine() % 16;
    y[i] = engine() % 16;
  }
  std::vector<float> w(256), b(16);
  for (float &value : w)
    value = static_cast<float>(engine() % 1000) * 0.001f;
  std::string replay = folder.path("batch.safetensors"), weights = folder.path("weights.safetensors");
  ASSERT_EQ(writeSafetensors(replay, {{"x", "I64", {4, 8}, x.data(), 256}, {"y", "I64", {4, 8}, y.data(), 256}}), "");
  ASSERT_EQ(writeSafetensors(weights, {{"tied.W", "F32", {16, 16}, w.data(), 1024}, {"b", "F32", {16}, b.data(), 64}}),
            "");
  double loss = 0;
  std::vector<double> gradient(256), logits;
  for (size_t i = 0; i < 32; ++i) {
    double total = 0;
    for (int v = 0; v < 16; ++v)
      total += std::exp(double(w[x[i] * 16 + v]));
    loss += (std::log(total) - w[x[i] * 16 + y[i]]) / 32;
    for (int v = 0; v < 16; ++v) {
      gradient[x[i] * 16 + v] += (std::exp(double(w[x[i] * 16 + v])) / total - (v == y[i])) / 32;
      logits.push_back(w[x[i] * 16 + v]);
    }
  }
  for (bool whole : {false, true}) {
    SampleProgram program;
    if (whole)
      program.useOneMicrobatch();
    std::string record = folder.path("record.safetensors");
    Outcome outcome = program.run({"--replay", replay, "--weights", weights, "--steps", "5", "--lr", "0.5", "--clip",
                                   "0", "--record", record, "--quiet"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_NEAR(tensor<double>(record, "loss")[0], loss, 1e-6);
    std::vector<float> recorded = tensor<float>(record, "logits"), g = tensor<float>(record, "grad/W");
    ASSERT_EQ(recorded.size(), logits.size());
    for (size_t i = 0; i < logits.size(); ++i)
      EXPECT_NEAR(recorded[i], logits[i], 1e-6);
    for (size_t i = 0; i < 256; ++i)
      EXPECT_NEAR(g[i], gradient[i], 1e-6);
    std::vector<double> curve = tensor<double>(record, "curve");
    ASSERT_EQ(curve.size(), 5u);
    EXPECT_NEAR(curve[0], loss, 1e-6);
    EXPECT_LT(curve[4], curve[0]);
    EXPECT_EQ(tensor<double>(record, "grad_norm").size(), 5u);
    EXPECT_EQ(tensor<float>(record, "grad/b").size(), 16u);
    EXPECT_NE(tensor<float>(record, "param/W"), w);
  }
}

// No step at all: what is saved is what was initialised.
TEST(Train, ZeroSteps) {
  TemporaryFolder folder;
  std::string saved = folder.path("s.safetensors");
  Outcome outcome = SampleProgram().run({"--data", folder.tokens("t", 1000), "--steps", "0", "--save", saved});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(tensor<float>(saved, "b"), std::vector<float>(16, 0.25f));
}

TEST(Train, PlanAndHelp) {
  Outcome outcome = SampleProgram().run({"--plan"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char *part : {"sample.onnx for host", "arena              8.00 KiB", "4 samples in 2 micro-batches of 2",
                           "ids i64[2, 8] tokens, ids below 16", "2 tensors, 272 elements", "normal, deviation 0.5",
                           "also tied.W", "first              1 operations"})
    EXPECT_TRUE(contains(outcome.out, part));
  outcome = SampleProgram().run({"--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(contains(outcome.out, "Exit codes"));
}

// Each fault is one line and its exit code, before the first step where it can be known.
TEST(Train, Faults) {
  TemporaryFolder folder;
  std::string tokens = folder.tokens("t", 1000);
  SampleProgram program;
  auto expect = [&](std::vector<std::string> arguments, int code, const std::string &part) {
    Outcome outcome = program.run(std::move(arguments));
    EXPECT_EQ(outcome.code, code);
    EXPECT_TRUE(contains(outcome.err, "error: "));
    EXPECT_TRUE(contains(outcome.err, part));
    EXPECT_EQ(outcome.err.find("step 1/"), std::string::npos) << outcome.err;
  };
  expect({"--data", tokens, "--step", "3"}, 2, "did you mean '--steps'?");
  expect({"--data", tokens, "--beta1", "0.5"}, 2, "compiled with sgd");
  expect({"--data", folder.path("none")}, 1, "cannot open");
  expect({"--data", folder.tokens("few", 10)}, 1, "needs at least 33");
  expect({"--data", folder.tokens("big", 100, 1, 1, 17)}, 1, "is 16; input 'ids' takes ids below 16");
  expect({"--data", tokens, "--save", folder.path("no/x.safetensors")}, 1, "cannot write");
  expect({"--data", tokens, "--save", folder.path("")}, 1, "it is a folder");
  expect({"--data", tokens, "--log", folder.path("no/log")}, 1, "cannot write the log");
  expect({"--data", tokens, "--weights", tokens}, 1, "not a valid safetensors file");
  expect({"--data", tokens, "--eval", folder.path("none")}, 1, "cannot open");
  expect({"--replay", tokens}, 1, "not a valid safetensors file");
  program.manifest["params"][0]["source"] = {{"file", "/no/such.onnx"}, {"offset", 0},    {"bytes", 1024},
                                             {"file_bytes", 2048},      {"dtype", "f32"}, {"shape", {16, 16}}};
  expect({"--data", tokens}, 1, "parameter 'W' comes from '/no/such.onnx'");
  program.manifest["cpu_features"] = {"avx512fp16", "amx-bf16", "xop"};
  expect({"--data", tokens}, 1, "this machine lacks: ");
  program.manifest["version"] = 7;
  expect({"--data", tokens}, 3, "please report it");
}

// An infinite loss stops the run and names the step; --allow-nonfinite goes on and logs null.
TEST(Train, NonFiniteLoss) {
  TemporaryFolder folder;
  std::vector<std::string> arguments = {
      "--data", folder.tokens("t", 1000), "--steps", "20", "--lr", "1e39", "--clip", "0", "--log", folder.path("log")};
  Outcome outcome = SampleProgram().run(arguments);
  ASSERT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "error: the loss of step 2 is"));
  EXPECT_TRUE(readLog(folder.path("log")).back()["loss"].is_null());
  arguments.push_back("--allow-nonfinite");
  outcome = SampleProgram().run(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(readLog(folder.path("log")).size(), 20u);
}

// A full disk: for the log the run stops but the parameters are saved; for the parameters the old file stays.
TEST(Executable, FullDisk) {
  TemporaryFolder folder;
  std::string tokens = folder.tokens("t", 1000), err = folder.path("err"), saved = folder.path("s.safetensors");
  int code = finish(start({"--data", tokens, "--log", "/dev/full", "--save", saved}, err));
  EXPECT_EQ(code, 1);
  EXPECT_TRUE(contains(readWhole(err), "error: cannot write the log '/dev/full': No space left on device"));
  EXPECT_EQ(tensor<float>(saved, "W").size(), 256u);
  std::string before = readWhole(saved);
  code = finish(start({"--data", tokens, "--steps", "3", "--save", saved, "--quiet"}, err, 600));
  EXPECT_EQ(code, 1);
  EXPECT_TRUE(contains(readWhole(err), "the parameters of step 3 were not saved: cannot write '" + saved + "'"));
  EXPECT_EQ(readWhole(saved), before);
}

// SIGTERM and SIGINT: the step is finished, the parameters are saved, the exit code is 0.
TEST(Executable, StopsOnSignals) {
  for (int signal : {SIGTERM, SIGINT}) {
    TemporaryFolder folder;
    std::string err = folder.path("err"), saved = folder.path("s.safetensors"), log = folder.path("log");
    pid_t child =
        start({"--data", folder.tokens("t", 1000), "--steps", "1000000000", "--log", log, "--save", saved}, err);
    while (readWhole(log).find("\"step\":20,") == std::string::npos)
      usleep(10000);
    kill(child, signal);
    EXPECT_EQ(finish(child), 0) << readWhole(err);
    EXPECT_TRUE(contains(readWhole(err), signal == SIGINT ? "stopped by SIGINT" : "stopped by SIGTERM"));
    EXPECT_EQ(tensor<float>(saved, "W").size(), 256u);
    EXPECT_GE(readLog(log).size(), 20u);
  }
}

// The exit codes of a process, and a real run of it.
TEST(Executable, ExitCodes) {
  TemporaryFolder folder;
  std::string err = folder.path("err");
  EXPECT_EQ(finish(start({"--data", folder.tokens("t", 1000), "--steps", "3", "--threads", "2"}, err)), 0);
  EXPECT_TRUE(contains(readWhole(err), "step 3/3"));
  EXPECT_EQ(finish(start({"--data", folder.path("none")}, err)), 1);
  EXPECT_EQ(finish(start({"--bogus"}, err)), 2);
}

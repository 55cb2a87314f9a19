//===- Train.cpp - The step loop ------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "checkpoint/AtomicFile.h"
#include "core/Arena.h"
#include "core/Error.h"
#include "core/Parameters.h"
#include "core/Text.h"
#include "data/Batches.h"
#include "launch/Progress.h"
#include "launch/Record.h"
#include "launch/Run.h"

#include <cmath>
#include <csignal>
#include <cstring>
#include <omp.h>

using namespace weft;
using namespace weft::rt;
using std::chrono::steady_clock;

/// The signal that asked to stop, or 0. A signal handler can reach nothing but a global.
static volatile std::sig_atomic_t stopSignal = 0;

extern "C" {
static void requestStop(int signal) { stopSignal = signal; }
}

namespace {

/// Catches SIGINT and SIGTERM while it lives: the first one asks to stop after the step, a second one kills.
class StopSignals {
public:
  StopSignals() {
    stopSignal = 0;
    struct sigaction action = {};
    action.sa_handler = requestStop;
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &action, &beforeInt);
    sigaction(SIGTERM, &action, &beforeTerm);
    // A file size limit shall be a failed write, which has a message.
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &ignore, &beforeFileSize);
  }
  ~StopSignals() {
    sigaction(SIGINT, &beforeInt, nullptr);
    sigaction(SIGTERM, &beforeTerm, nullptr);
    sigaction(SIGXFSZ, &beforeFileSize, nullptr);
  }
  StopSignals(const StopSignals &) = delete;
  StopSignals &operator=(const StopSignals &) = delete;

private:
  struct sigaction beforeInt, beforeTerm, beforeFileSize;
};

double millisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

/// One run of the step loop.
class Trainer {
public:
  Trainer(const Program &program, const Manifest &manifest, const Options &options);
  void run();

private:
  void runTask(const char *name);
  double scalar(const char *state) const;
  StepResult step(int64_t index);
  void evaluate(int64_t step);
  void evaluateFirstBatch();
  void save(int64_t step);
  void checkOutputs() const;

  const Program &program;
  const Manifest &manifest;
  const Options &options;
  JsonLog log;
  weft_context context;
  Arena arena;
  Progress progress;
  std::unique_ptr<Batches> batches, evalBatches;
  Record record;
  int64_t lastEvaluated = -1;
};

} // namespace

Trainer::Trainer(const Program &program, const Manifest &manifest, const Options &options)
    : program(program), manifest(manifest), options(options), log(options.log, manifest),
      context(manifest, options.threads > 0 ? options.threads : omp_get_max_threads(), options.threads == 0),
      arena(manifest.arenaBytes), progress(manifest, options), record(manifest) {
  if ((!options.eval.empty() || !options.record.empty()) && manifest.findTask("eval") < 0)
    throw UsageError("this executable was compiled without a loss to evaluate");
  checkOutputs();
  std::array<double, 16> hyper = options.hyper(manifest.optimizer);
  batches =
      options.replay.empty()
          ? std::make_unique<Batches>(manifest, openData(manifest, options.data), !options.noShuffle, options.seed)
          : std::make_unique<Batches>(manifest, openReplay(manifest, options.replay), false, 0);
  if (!options.eval.empty())
    evalBatches = std::make_unique<Batches>(manifest, openData(manifest, options.eval), false, 0);
  std::unique_ptr<SafetensorsFile> weights;
  if (!options.weights.empty()) {
    std::string error;
    weights = SafetensorsFile::open(options.weights, error);
    if (!weights)
      throw InputError(error);
  }
  for (const std::string &remark : initialiseParameters(manifest, arena.data(), options.seed, weights.get()))
    progress.remark("note: " + remark);
  initialiseStates(manifest, arena.data());
  memcpy(manifest.findState("hyper")->in(arena.data()), hyper.data(), sizeof(hyper));
  fillConstantInputs(manifest, arena.data());
}

/// Finds out before the first step what would otherwise be found after the last.
void Trainer::checkOutputs() const {
  int64_t bytes = 0;
  for (const ParamInfo &param : manifest.params)
    bytes += param.bytes;
  for (const std::string &path : {options.save, options.record}) {
    std::string fault = path.empty() ? "" : checkWritable(path, bytes);
    if (!fault.empty())
      throw InputError(fault);
  }
}

void Trainer::runTask(const char *name) {
  program.tasks[manifest.findTask(name)](&context, arena.data());
  context.check(name);
}

double Trainer::scalar(const char *state) const {
  return loadDouble(manifest.findState(state)->in(arena.data()), DType::F64, 0);
}

StepResult Trainer::step(int64_t index) {
  auto start = steady_clock::now();
  if (manifest.microbatches == 1) {
    batches->load(index, 0, arena.data());
    runTask("step");
  } else {
    for (int64_t microbatch = 0; microbatch < manifest.microbatches; ++microbatch) {
      batches->load(index, microbatch, arena.data());
      runTask(microbatch == 0 ? "first" : "next");
    }
    runTask("update");
  }
  StepResult result;
  result.step = index + 1;
  result.loss = scalar("loss_sum") / scalar("loss_count");
  result.gradNorm = scalar("grad_norm");
  result.learningRate = scalar("lr");
  result.milliseconds = millisecondsSince(start);
  return result;
}

void Trainer::evaluate(int64_t step) {
  if (!evalBatches || lastEvaluated == step)
    return;
  lastEvaluated = step;
  auto start = steady_clock::now();
  int64_t count = std::min(options.evalBatches, evalBatches->data().samples() / manifest.batch);
  double sum = 0, number = 0;
  for (int64_t batch = 0; batch < count; ++batch)
    for (int64_t microbatch = 0; microbatch < manifest.microbatches; ++microbatch) {
      evalBatches->load(batch, microbatch, arena.data());
      runTask("eval");
      sum += scalar("eval_loss_sum");
      number += scalar("eval_loss_count");
    }
  double milliseconds = millisecondsSince(start);
  progress.remark(format("step %lld  eval loss %.4f  (%lld batches, %.0f ms)", static_cast<long long>(step),
                         sum / number, static_cast<long long>(count), milliseconds));
  log.evaluation(step, sum / number, milliseconds);
}

void Trainer::evaluateFirstBatch() {
  for (int64_t microbatch = 0; microbatch < manifest.microbatches; ++microbatch) {
    batches->load(0, microbatch, arena.data());
    runTask("eval");
    record.evaluated(arena.data());
  }
}

void Trainer::save(int64_t step) {
  if (!options.save.empty()) {
    std::string fault = saveParameters(manifest, arena.data(), options.save);
    if (!fault.empty())
      throw InputError("the parameters of step " + std::to_string(step) + " were not saved: " + fault);
    progress.remark("saved the parameters to " + options.save);
  }
  if (!options.record.empty()) {
    std::string fault = record.write(arena.data(), options.record);
    if (!fault.empty())
      throw InputError(fault);
  }
}

void Trainer::run() {
  StopSignals signals;
  progress.remark(format("%s: %s of memory, %d threads; %s", manifest.model.c_str(),
                         formatBytes(manifest.arenaBytes).c_str(), context.threads,
                         batches->data().describe().c_str()));
  if (!options.record.empty())
    evaluateFirstBatch();
  auto start = steady_clock::now();
  int64_t done = 0;
  double lastLoss = 0;
  // What stops the run early; the parameters so far are still saved.
  std::string fault;
  while (done < options.steps && !stopSignal && fault.empty()) {
    StepResult result = step(done++);
    lastLoss = result.loss;
    progress.step(result);
    if (!options.record.empty())
      record.stepped(arena.data(), result.loss, result.gradNorm);
    try {
      log.step(result);
      if (!std::isfinite(result.loss) && !options.allowNonFinite)
        break;
      if (done % options.evalEvery == 0 || done == options.steps)
        evaluate(done);
    } catch (const InputError &error) {
      fault = error.what();
    }
  }
  if (!std::isfinite(lastLoss) && !options.allowNonFinite)
    throw InputError(format("the loss of step %lld is %g; lower --lr, set --clip, or give --allow-nonfinite to go on",
                            static_cast<long long>(done), lastLoss));
  if (stopSignal)
    progress.remark(format("stopped by %s after step %lld of %lld", stopSignal == SIGINT ? "SIGINT" : "SIGTERM",
                           static_cast<long long>(done), static_cast<long long>(options.steps)));
  save(done);
  if (!fault.empty())
    throw InputError(fault);
  if (done > 0)
    progress.remark(format("%lld steps in %s", static_cast<long long>(done),
                           formatDuration(millisecondsSince(start) * 1e-3).c_str()));
}

void weft::rt::train(const Program &program, const Manifest &manifest, const Options &options) {
  Trainer(program, manifest, options).run();
}

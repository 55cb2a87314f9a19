//===- Train.cpp - The step loop ------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "checkpoint/AtomicFile.h"
#include "core/Arena.h"
#include "core/Error.h"
#include "core/MachinePeak.h"
#include "core/Parameters.h"
#include "core/ProfileReport.h"
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

/// Connections that may reach into the arena, as long as it lives.
class Connections {
public:
  Connections(Ranks &ranks, Arena &arena) : ranks(ranks) { ranks.connect(arena.data(), arena.size()); }
  ~Connections() { ranks.release(); }
  Connections(const Connections &) = delete;
  Connections &operator=(const Connections &) = delete;

private:
  Ranks &ranks;
};

/// One run of the step loop.
class Trainer {
public:
  Trainer(const Program &program, const Manifest &manifest, const Options &options, Ranks &ranks, int threads);
  void run();

private:
  void runTask(const char *name);
  double scalar(const char *state) const;
  StepResult step(int64_t index);
  void evaluate(int64_t step);
  void evaluateFirstBatch();
  StepResult profiledStep(int64_t index);
  void reportProfile();
  void save(int64_t step);
  void checkOutputs() const;
  bool stopsAfter(int64_t done, bool failed);

  const Program &program;
  const Manifest &manifest;
  const Options &options;
  JsonLog log;
  Ranks &ranks;
  weft_context context;
  Arena arena;
  Connections connections;
  Progress progress;
  std::unique_ptr<Batches> batches, evalBatches;
  Record record;
  std::unique_ptr<Profile> profile;
  int64_t lastEvaluated = -1;
  bool askedToStop = false;
};

} // namespace

Trainer::Trainer(const Program &program, const Manifest &manifest, const Options &options, Ranks &ranks, int threads)
    : program(program), manifest(manifest), options(options), log(options.log, manifest), ranks(ranks),
      context(manifest, options.threads > 0 ? options.threads : threads, options.threads == 0),
      arena(manifest.arenaBytes), connections(ranks, arena), progress(manifest, options), record(manifest) {
  context.ranks = &ranks;
  if ((!options.eval.empty() || !options.record.empty()) && manifest.findTask("eval") < 0)
    throw UsageError("this executable was compiled without a loss to evaluate");
  checkOutputs();
  if (!options.profile.empty())
    profile = std::make_unique<Profile>(manifest, options.profileSteps);
  std::array<double, 16> hyper = options.hyper(manifest.optimizer);
  batches =
      options.replay.empty()
          ? std::make_unique<Batches>(manifest, openData(manifest, options.data, ranks.coordinates()),
                                      !options.noShuffle, options.seed)
          : std::make_unique<Batches>(manifest, openReplay(manifest, options.replay, ranks.coordinates()), false, 0);
  if (!options.eval.empty())
    evalBatches = std::make_unique<Batches>(manifest, openData(manifest, options.eval, ranks.coordinates()), false, 0);
  std::unique_ptr<SafetensorsFile> weights;
  if (!options.weights.empty()) {
    std::string error;
    weights = SafetensorsFile::open(options.weights, error);
    if (!weights)
      throw InputError(error);
  }
  for (const std::string &remark :
       initialiseParameters(manifest, arena.data(), options.seed, weights.get(), ranks.coordinates()))
    progress.remark("note: " + remark);
  initialiseStates(manifest, arena.data(), ranks.coordinates());
  memcpy(manifest.findState("hyper")->in(arena.data()), hyper.data(), sizeof(hyper));
  fillConstantInputs(manifest, arena.data(), ranks.coordinates());
}

/// Finds out before the first step what would otherwise be found after the last.
void Trainer::checkOutputs() const {
  if (ranks.rank() != 0)
    return;
  int64_t bytes = 0;
  for (const ParamInfo &param : manifest.params)
    bytes += param.globalElements() * elementBytes(param.dtype);
  for (const std::string &path : {options.save, options.record, options.profile}) {
    std::string fault = path.empty() ? "" : checkWritable(path, bytes);
    if (!fault.empty())
      throw InputError(fault);
  }
}

void Trainer::runTask(const char *name) {
  int task = manifest.findTask(name);
  if (context.profile)
    context.profile->beginTask(task);
  ranks.beginTask(task);
  program.tasks[task](&context, arena.data());
  // Where another rank is the reason, it is that rank's fault and not this program's.
  if (context.error())
    ranks.check();
  context.check(name);
  if (context.profile)
    context.profile->endTask();
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

/// A step that the profile records, if it is one of those.
StepResult Trainer::profiledStep(int64_t index) {
  // The first step also meets fresh memory: it counts only where there is no other.
  int64_t first = options.steps > 1 ? 1 : 0;
  if (!profile || index < first || profile->steps() >= options.profileSteps)
    return step(index);
  context.profile = profile.get();
  profile->beginStep();
  StepResult result = step(index);
  profile->endStep();
  context.profile = nullptr;
  if (profile->steps() == options.profileSteps || index + 1 == options.steps)
    reportProfile();
  return result;
}

void Trainer::reportProfile() {
  ProfileMachine machine;
  machine.threads = context.threads;
  machine.peak = measureMultiplyAdds(context.threads);
  machine.copy = measureCopy(context.threads);
  fputs(profileTable(manifest, *profile, machine).c_str(), stdout);
  fflush(stdout);
  std::string fault = writeTrace(manifest, *profile, machine, options.profile);
  if (!fault.empty())
    throw InputError(fault);
  progress.remark("wrote the trace " + options.profile);
  profile.reset();
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
    std::string fault = saveParameters(manifest, arena.data(), options.save, ranks.world() > 1 ? &ranks : nullptr);
    if (!fault.empty())
      throw InputError("the parameters of step " + std::to_string(step) + " were not saved: " + fault);
    progress.remark("saved the parameters to " + options.save);
  }
  if (!options.record.empty()) {
    std::string fault = record.write(arena.data(), options.record, ranks);
    if (!fault.empty())
      throw InputError(fault);
  }
}

/// Whether to stop after step `done`: because of a signal, or because this rank has failed to log. All ranks agree, as
/// none can make a step alone.
bool Trainer::stopsAfter(int64_t done, bool failed) {
  bool wanted = stopSignal || failed;
  if (ranks.world() == 1)
    return wanted;
  if (wanted && !askedToStop)
    ranks.requestStop();
  askedToStop |= wanted;
  return ranks.stepDone(done);
}

void Trainer::run() {
  StopSignals signals;
  std::string mesh = ranks.world() == 1 ? ""
                                        : format("%lld ranks (%s), each ", static_cast<long long>(ranks.world()),
                                                 manifest.mesh.describe().c_str());
  progress.remark(format("%s: %s%s of memory, %d threads; %s", manifest.model.c_str(), mesh.c_str(),
                         formatBytes(manifest.arenaBytes).c_str(), context.threads,
                         batches->data().describe().c_str()));
  if (!options.record.empty())
    evaluateFirstBatch();
  auto start = steady_clock::now();
  int64_t done = 0;
  double lastLoss = 0;
  // What stops the run early; the parameters so far are still saved.
  std::string fault;
  bool stopped = ranks.world() == 1 && stopSignal;
  while (done < options.steps && !stopped) {
    StepResult result = profiledStep(done++);
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
      // A log is rank 0's alone, and the others go on; data that one rank cannot read stops the others too.
      if (ranks.world() > 1 && !dynamic_cast<const LogError *>(&error))
        throw;
      fault = error.what();
    }
    stopped = stopsAfter(done, !fault.empty());
  }
  if (!std::isfinite(lastLoss) && !options.allowNonFinite)
    throw InputError(format("the loss of step %lld is %g; lower --lr, set --clip, or give --allow-nonfinite to go on",
                            static_cast<long long>(done), lastLoss));
  if (stopped && fault.empty())
    progress.remark(format("stopped by %s after step %lld of %lld",
                           stopSignal == SIGINT    ? "SIGINT"
                           : stopSignal == SIGTERM ? "SIGTERM"
                                                   : "another rank",
                           static_cast<long long>(done), static_cast<long long>(options.steps)));
  // A signal may have come before all steps that were to be profiled.
  if (profile && profile->steps() > 0)
    reportProfile();
  save(done);
  if (!fault.empty())
    throw InputError(fault);
  if (done > 0)
    progress.remark(format("%lld steps in %s", static_cast<long long>(done),
                           formatDuration(millisecondsSince(start) * 1e-3).c_str()));
  ranks.goodbye();
}

void weft::rt::train(const Program &program, const Manifest &manifest, const Options &options, Ranks &ranks,
                     int threads) {
  Trainer(program, manifest, options, ranks, threads).run();
}

//===- Train.cpp - The step loop ------------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "checkpoint/AtomicFile.h"
#include "core/Error.h"
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
  /// `several`: there are other ranks, and what is sent to one that is gone fails, which has a message.
  explicit StopSignals(bool several) {
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
    sigaction(SIGPIPE, several ? &ignore : nullptr, &beforePipe);
  }
  ~StopSignals() {
    sigaction(SIGINT, &beforeInt, nullptr);
    sigaction(SIGTERM, &beforeTerm, nullptr);
    sigaction(SIGXFSZ, &beforeFileSize, nullptr);
    sigaction(SIGPIPE, &beforePipe, nullptr);
  }
  StopSignals(const StopSignals &) = delete;
  StopSignals &operator=(const StopSignals &) = delete;

private:
  struct sigaction beforeInt, beforeTerm, beforeFileSize, beforePipe;
};

double millisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

/// What `make` returns, and in `seconds` how long that took.
template <typename Make> auto timed(double &seconds, const Make &make) {
  auto start = steady_clock::now();
  auto result = make();
  seconds = millisecondsSince(start) * 1e-3;
  return result;
}

/// One run of the step loop.
class Trainer {
public:
  Trainer(const Program &program, const Manifest &manifest, const Options &options, Ranks &ranks,
          const DeviceLibrary &library, const DeviceOptions &deviceOptions);
  void run();

private:
  std::vector<std::string> initialise();
  void runTask(const char *name);
  double scalar(const char *state) { return readScalar(manifest, *device, state); }
  void beginStep();
  StepResult finishStep();
  bool mayBegin() const;
  void evaluate(int64_t step);
  void evaluateFirstBatch();
  bool beginProfile();
  void endProfile();
  void reportProfile();
  void reportMemory();
  void save(int64_t step);
  void checkOutputs() const;
  bool stopsAfter(int64_t done, bool failed);

  const Manifest &manifest;
  const Options &options;
  JsonLog log;
  Ranks &ranks;
  /// Before the device, which connects the ranks: what one of them cannot read, all have tried to read by themselves.
  std::unique_ptr<Batches> batches, evalBatches;
  StartTimes startTimes;
  std::unique_ptr<Device> device;
  Progress progress;
  Record record;
  std::unique_ptr<Profile> profile;
  int64_t lastEvaluated = -1;
  /// Steps whose tasks the device has, and those whose metrics were taken: as many of them are under way at most as
  /// there are places in `startedAt`.
  int64_t begun = 0, finished = 0;
  std::vector<steady_clock::time_point> startedAt;
  steady_clock::time_point lastFinished;
  bool askedToStop = false;
};

} // namespace

static std::unique_ptr<Batches> openBatches(const Manifest &manifest, const Options &options, const Ranks &ranks) {
  if (options.replay.empty())
    return std::make_unique<Batches>(manifest, openData(manifest, options.data, ranks.coordinates()),
                                     !options.noShuffle, options.seed);
  return std::make_unique<Batches>(manifest, openReplay(manifest, options.replay, ranks.coordinates()), false, 0);
}

static std::unique_ptr<Batches> openEvalBatches(const Manifest &manifest, const Options &options, const Ranks &ranks) {
  if (options.eval.empty())
    return nullptr;
  return std::make_unique<Batches>(manifest, openData(manifest, options.eval, ranks.coordinates()), false, 0);
}

Trainer::Trainer(const Program &program, const Manifest &manifest, const Options &options, Ranks &ranks,
                 const DeviceLibrary &library, const DeviceOptions &deviceOptions)
    : manifest(manifest), options(options), log(options.log, manifest), ranks(ranks),
      batches(openBatches(manifest, options, ranks)), evalBatches(openEvalBatches(manifest, options, ranks)),
      device(timed(startTimes.device, [&] { return library.open(manifest, program.tasks, ranks, deviceOptions); })),
      progress(manifest, options), record(manifest), startedAt(device->stepsInFlight()) {
  if ((!options.eval.empty() || !options.record.empty()) && manifest.findTask("eval") < 0)
    throw UsageError("this executable was compiled without a loss to evaluate");
  startTimes.parts = device->startParts();
  checkOutputs();
  if (!options.profile.empty())
    profile = std::make_unique<Profile>(manifest, options.profileSteps);
  for (const std::string &remark : timed(startTimes.values, [&] { return initialise(); }))
    progress.remark("note: " + remark);
  device->prepareInputs([&](const InputMemory &memory) { fillConstantInputs(manifest, memory, ranks.coordinates()); });
}

/// Gives all that lasts its first value. Returns remarks for people.
std::vector<std::string> Trainer::initialise() {
  std::unique_ptr<SafetensorsFile> weights;
  if (!options.weights.empty()) {
    std::string error;
    weights = SafetensorsFile::open(options.weights, error);
    if (!weights)
      throw InputError(error);
  }
  std::vector<std::string> remarks =
      initialiseParameters(manifest, *device, options.seed, weights.get(), ranks.coordinates());
  initialiseStates(manifest, *device, options.seed, ranks.coordinates());
  options.lossScaling.initialise(manifest, *device);
  std::array<double, 16> hyper = options.hyper(manifest);
  device->write(manifest.findState("hyper")->offset, sizeof(hyper),
                [&](char *to) { memcpy(to, hyper.data(), sizeof(hyper)); });
  device->synchronize();
  return remarks;
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
  ranks.beginTask(task);
  device->runTask(task);
  const char *fault = device->error();
  if (!fault)
    return;
  // Where another rank is the reason, it is that rank's fault and not this program's.
  ranks.check();
  throw InternalError(std::string("in task '") + name + "': " + fault);
}

/// Gives the device all tasks of the next step.
void Trainer::beginStep() {
  int64_t index = begun++;
  startedAt[index % startedAt.size()] = steady_clock::now();
  auto load = [&](int64_t microbatch) {
    device->loadInputs([&](const InputMemory &memory) { batches->load(index, microbatch, memory); });
  };
  if (manifest.microbatches == 1) {
    load(0);
    runTask("step");
  } else {
    for (int64_t microbatch = 0; microbatch < manifest.microbatches; ++microbatch) {
      load(microbatch);
      runTask(microbatch == 0 ? "first" : "next");
    }
    runTask("update");
  }
  device->noteMetrics();
}

/// Waits for the oldest step that is under way.
StepResult Trainer::finishStep() {
  StepMetrics metrics = device->takeMetrics();
  auto now = steady_clock::now();
  // A step that was begun while another was under way takes its time from that one's end.
  auto start = std::max(startedAt[finished++ % startedAt.size()], lastFinished);
  lastFinished = now;
  StepResult result;
  result.step = finished;
  result.loss = metrics.loss();
  result.gradNorm = metrics.gradNorm;
  result.learningRate = metrics.learningRate;
  result.lossScale = metrics.lossScale;
  result.milliseconds = std::chrono::duration<double, std::milli>(now - start).count();
  return result;
}

/// Whether another step may be begun now: there is one, the device takes it, and nothing wants to see the arena between
/// it and the one before.
bool Trainer::mayBegin() const {
  if (begun == options.steps || begun - finished == static_cast<int64_t>(startedAt.size()))
    return false;
  bool seen = !options.record.empty() || profile || (evalBatches && begun % options.evalEvery == 0) || stopSignal;
  return begun == finished || !seen;
}

/// Records the next step, if it is one that the profile wants. None is under way then.
bool Trainer::beginProfile() {
  // The first step also meets fresh memory: it counts only where there is no other.
  int64_t first = options.steps > 1 ? 1 : 0;
  if (!profile || begun < first || profile->steps() >= options.profileSteps)
    return false;
  device->setProfile(profile.get());
  profile->beginStep();
  return true;
}

void Trainer::endProfile() {
  profile->endStep();
  device->setProfile(nullptr);
  if (profile->steps() == options.profileSteps || finished == options.steps)
    reportProfile();
}

void Trainer::reportProfile() {
  ProfileMachine machine = device->measure();
  machine.rank = static_cast<int>(ranks.rank());
  if (ranks.rank() == 0) {
    fputs(profileTable(manifest, *profile, machine).c_str(), stdout);
    fflush(stdout);
  }
  std::string fault = writeTrace(manifest, *profile, machine, options.profile);
  if (!fault.empty())
    throw InputError(fault);
  progress.remark("wrote the trace " + options.profile);
  profile.reset();
}

void Trainer::reportMemory() {
  MemoryUse use = device->memoryUse();
  auto predicted = manifest.memory.find("process");
  std::string beside = predicted == manifest.memory.end() ? "" : ", predicted " + formatBytes(predicted->second);
  progress.remark(format("memory in use: %s%s, the arena %s of it (%s)", formatBytes(use.total).c_str(), beside.c_str(),
                         formatBytes(use.arena).c_str(), use.details.c_str()));
  log.memory(use);
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
      device->loadInputs([&](const InputMemory &memory) { evalBatches->load(batch, microbatch, memory); });
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
    device->loadInputs([&](const InputMemory &memory) { batches->load(0, microbatch, memory); });
    runTask("eval");
    record.evaluated(*device);
  }
}

void Trainer::save(int64_t step) {
  if (!options.save.empty()) {
    std::string fault = saveParameters(manifest, *device, options.save, ranks.world() > 1 ? &ranks : nullptr);
    if (!fault.empty())
      throw InputError("the parameters of step " + std::to_string(step) + " were not saved: " + fault);
    progress.remark("saved the parameters to " + options.save);
  }
  if (!options.record.empty()) {
    std::string fault = record.write(*device, options.record, ranks);
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
  StopSignals signals(ranks.world() > 1);
  std::string mesh = ranks.world() == 1 ? ""
                                        : format("%lld ranks (%s), each ", static_cast<long long>(ranks.world()),
                                                 manifest.mesh.describe().c_str());
  progress.remark(format("%s: %s%s of memory, %s; %s", manifest.model.c_str(), mesh.c_str(),
                         formatBytes(manifest.arenaBytes).c_str(), device->describe().c_str(),
                         batches->data().describe().c_str()));
  if (std::string report = device->report(); !report.empty())
    progress.remark(report + format("; initial values in %.1f s", startTimes.values));
  if (!options.record.empty())
    evaluateFirstBatch();
  auto start = steady_clock::now();
  double lastLoss = 0;
  // What stops the run early; the parameters so far are still saved.
  std::string fault;
  bool stopped = ranks.world() == 1 && stopSignal;
  // Steps that are under way when the run stops are part of it.
  while (begun > finished || (finished < options.steps && !stopped)) {
    bool profiled = beginProfile();
    while (!stopped && mayBegin())
      beginStep();
    StepResult result = finishStep();
    if (profiled)
      endProfile();
    lastLoss = result.loss;
    progress.step(result);
    if (!options.record.empty())
      record.stepped(*device, result.loss, result.gradNorm);
    try {
      log.step(result, finished == 1 ? &startTimes : nullptr);
      if (options.memory && finished == 1)
        reportMemory();
      if (!std::isfinite(result.loss) && !options.allowNonFinite)
        break;
      if (finished % options.evalEvery == 0 || finished == options.steps)
        evaluate(finished);
    } catch (const InputError &error) {
      // A log is rank 0's alone, and the others go on; data that one rank cannot read stops the others too.
      if (ranks.world() > 1 && !dynamic_cast<const LogError *>(&error))
        throw;
      if (fault.empty())
        fault = error.what();
    }
    stopped = stopsAfter(finished, !fault.empty());
  }
  if (!std::isfinite(lastLoss) && !options.allowNonFinite)
    throw InputError(format("the loss of step %lld is %g; lower --lr, set --clip, or give --allow-nonfinite to go on",
                            static_cast<long long>(finished), lastLoss));
  if (stopped && fault.empty())
    progress.remark(format("stopped by %s after step %lld of %lld",
                           stopSignal == SIGINT    ? "SIGINT"
                           : stopSignal == SIGTERM ? "SIGTERM"
                                                   : "another rank",
                           static_cast<long long>(finished), static_cast<long long>(options.steps)));
  // A signal may have come before all steps that were to be profiled.
  if (profile && profile->steps() > 0)
    reportProfile();
  save(finished);
  if (!fault.empty())
    throw InputError(fault);
  if (finished > 0)
    progress.remark(format("%lld steps in %s", static_cast<long long>(finished),
                           formatDuration(millisecondsSince(start) * 1e-3).c_str()));
  ranks.goodbye();
}

void weft::rt::train(const Program &program, const Manifest &manifest, const Options &options, Ranks &ranks,
                     const DeviceLibrary &library, const DeviceOptions &device) {
  Trainer(program, manifest, options, ranks, library, device).run();
}

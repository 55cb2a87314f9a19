//===- Progress.cpp - What people and programs see of a run ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Progress.h"

#include "core/Error.h"
#include "core/Text.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace weft::rt;
using std::chrono::steady_clock;

Progress::Progress(const Manifest &manifest, const Options &options)
    : manifest(manifest), steps(options.steps),
      every(options.reportEvery > 0 ? options.reportEvery : std::max<int64_t>((options.steps + 19) / 20, 1)),
      quiet(options.quiet), terminal(isatty(STDERR_FILENO) && options.reportEvery == 0) {}

std::string Progress::lineOf(const StepResult &result) const {
  double seconds = std::max(meanMilliseconds, 1e-6) * 1e-3;
  std::string text = format("step %lld/%lld  loss %.4f  grad norm %.3f  lr %.3g  %.*f ms",
                            static_cast<long long>(result.step), static_cast<long long>(steps), result.loss,
                            result.gradNorm, result.learningRate, meanMilliseconds < 10 ? 3 : 1, meanMilliseconds);
  if (result.lossScale > 0)
    text += format("  loss scale %g%s", result.lossScale, result.skipped() ? " (overflow, skipped)" : "");
  double rate = static_cast<double>(manifest.batch) * std::max<double>(manifest.tokensPerSample, 1) / seconds;
  text += format("  %.0f %s/s", rate, manifest.tokensPerSample > 0 ? "tokens" : "samples");
  if (manifest.flopsPerStep > 0)
    text +=
        format("  %.1f GFLOP/s", manifest.flopsPerStep * static_cast<double>(manifest.mesh.size()) / seconds * 1e-9);
  return text + "  " + formatBytes(manifest.arenaBytes) + (manifest.mesh.size() > 1 ? " a rank  " : "  ") +
         formatDuration(static_cast<double>(steps - result.step) * seconds) + " left";
}

void Progress::step(const StepResult &result) {
  // The mean forgets the first steps, which touch memory for the first time.
  meanMilliseconds = result.step <= 2 ? result.milliseconds : 0.9 * meanMilliseconds + 0.1 * result.milliseconds;
  if (quiet)
    return;
  bool last = result.step == steps;
  if (!terminal) {
    if (result.step % every == 0 || result.step == 1 || last)
      fprintf(stderr, "%s\n", lineOf(result).c_str());
    return;
  }
  auto now = steady_clock::now();
  if (!last && lineOpen && now - lastShown < std::chrono::milliseconds(100))
    return;
  lastShown = now;
  fprintf(stderr, "\r\033[K%s%s", lineOf(result).c_str(), last ? "\n" : "");
  fflush(stderr);
  lineOpen = !last;
}

void Progress::remark(const std::string &text) {
  if (quiet)
    return;
  fprintf(stderr, "%s%s\n", lineOpen ? "\r\033[K" : "", text.c_str());
  lineOpen = false;
}

JsonLog::JsonLog(const std::string &path, const Manifest &manifest)
    : path(path), samplesPerStep(static_cast<double>(manifest.batch)),
      tokensPerStep(samplesPerStep * static_cast<double>(manifest.tokensPerSample)) {
  if (path.empty())
    return;
  descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0)
    throw InputError("cannot write the log '" + path + "': " + strerror(errno));
}

JsonLog::~JsonLog() {
  if (descriptor >= 0)
    close(descriptor);
}

void JsonLog::write(const std::string &line) {
  for (size_t done = 0; done < line.size();) {
    ssize_t count = ::write(descriptor, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      throw LogError("cannot write the log '" + path + "': " + strerror(errno));
    done += count;
  }
}

void JsonLog::step(const StepResult &result, const StartTimes *start) {
  if (descriptor < 0)
    return;
  // Numbers that are not finite become null, as JSON has none.
  nlohmann::ordered_json line = {{"step", result.step},
                                 {"loss", result.loss},
                                 {"grad_norm", result.gradNorm},
                                 {"lr", result.learningRate},
                                 {"step_ms", result.milliseconds}};
  if (result.lossScale > 0) {
    line["loss_scale"] = result.lossScale;
    line["skipped"] = result.skipped();
  }
  double seconds = std::max(result.milliseconds, 1e-6) * 1e-3;
  if (tokensPerStep > 0)
    line["tokens_per_s"] = tokensPerStep / seconds;
  else
    line["samples_per_s"] = samplesPerStep / seconds;
  if (start) {
    line["device_s"] = start->device;
    line["values_s"] = start->values;
    for (const auto &[part, seconds] : start->parts)
      line["device_parts"][part] = seconds;
  }
  write(line.dump() + "\n");
}

void JsonLog::memory(const MemoryUse &use) {
  if (descriptor < 0)
    return;
  nlohmann::ordered_json line = {{"arena_bytes", use.arena}, {"memory_bytes", use.total}};
  write(line.dump() + "\n");
}

void JsonLog::evaluation(int64_t step, double loss, double milliseconds) {
  if (descriptor < 0)
    return;
  nlohmann::ordered_json line = {{"step", step}, {"eval_loss", loss}, {"eval_ms", milliseconds}};
  write(line.dump() + "\n");
}

//===- Progress.h - What people and programs see of a run -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_LAUNCH_PROGRESS_H
#define WEFT_LAUNCH_PROGRESS_H

#include "core/Device.h"
#include "core/Error.h"
#include "core/Manifest.h"
#include "launch/Options.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

namespace weft::rt {

/// The log cannot be written.
struct LogError : InputError {
  using InputError::InputError;
};

/// One step's results.
struct StepResult {
  /// Completed steps.
  int64_t step = 0;
  double loss = 0, gradNorm = 0, learningRate = 0, milliseconds = 0;
  /// After the step; 0 where the loss is not scaled.
  double lossScale = 0;

  /// Whether the step changed nothing, because its gradients overflowed.
  bool skipped() const { return lossScale > 0 && !std::isfinite(gradNorm); }
};

/// What came before the first step [s].
struct StartTimes {
  double device = 0; ///< until it could run tasks: its context, memory, libraries, connections
  double values = 0; ///< the values of parameters and states
  StartParts parts;  ///< of what the device waited for
};

/// The progress line on stderr: rewritten in place on a terminal, otherwise a line now and then.
class Progress {
public:
  Progress(const Manifest &manifest, const Options &options);

  void step(const StepResult &result);
  /// A remark, on a line of its own.
  void remark(const std::string &text);

private:
  std::string lineOf(const StepResult &result) const;

  const Manifest &manifest;
  int64_t steps, every;
  bool quiet, terminal;
  bool lineOpen = false;
  double meanMilliseconds = 0;
  std::chrono::steady_clock::time_point lastShown;
};

/// JSON lines, each flushed when it is written.
class JsonLog {
public:
  /// An empty path logs nothing. Throws InputError when the file cannot be written.
  JsonLog(const std::string &path, const Manifest &manifest);
  ~JsonLog();
  JsonLog(const JsonLog &) = delete;
  JsonLog &operator=(const JsonLog &) = delete;

  /// All throw LogError when the line cannot be written.
  /// `start`: of the first step, or null.
  void step(const StepResult &result, const StartTimes *start = nullptr);
  void evaluation(int64_t step, double loss, double milliseconds);
  void memory(const MemoryUse &use);

private:
  void write(const std::string &line);

  std::string path;
  double samplesPerStep, tokensPerStep;
  int descriptor = -1;
};

} // namespace weft::rt

#endif // WEFT_LAUNCH_PROGRESS_H

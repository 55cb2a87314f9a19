//===- Options.h - The command line of an executable ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_LAUNCH_OPTIONS_H
#define WEFT_LAUNCH_OPTIONS_H

#include "core/Device.h"

#include "launch/LossScaling.h"
#include <array>
#include <cstdint>

#include <optional>
#include <string>
#include <vector>

namespace weft::rt {

/// What the command line says; defaults are those of `--help`.
struct Options {
  std::vector<std::string> data;
  int64_t steps = 100;
  bool noShuffle = false;
  uint64_t seed = 0;

  double learningRate = 3e-4, minLearningRate = 0;
  std::string schedule = "constant";
  int64_t warmup = 0;
  std::optional<int64_t> totalSteps;

  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weightDecay = 0.1, clip = 1.0, momentum = 0.9;
  /// Which of beta1 and momentum the command line gave.
  bool givenBeta1 = false, givenMomentum = false;

  LossScaling lossScaling;
  /// An option of loss scaling that the command line gave, with its dashes; "" if none.
  std::string givenScaling;

  std::vector<std::string> eval;
  int64_t evalEvery = 100, evalBatches = 10;

  std::string log, save, weights, profile;
  int64_t reportEvery = 0, profileSteps = 3;
  bool quiet = false, plan = false, allowNonFinite = false, memory = false;
  /// Threads, and what only some devices have.
  DeviceOptions device;
  /// Ranks to start on this machine, 0: none.
  int64_t nproc = 0;
  /// Seconds that a rank waits for another.
  double timeout = 600;

  std::string replay, record;

  /// What must be the same on all ranks, as text: whatever decides which tasks run, and on which values.
  std::string shared() const;

  /// The `hyper` state. Throws UsageError when an option does not fit what the executable was compiled with.
  std::array<double, 16> hyper(const Manifest &manifest) const;
};

/// Parses the command line. Empty when help was asked for, which is then in `help`. Throws UsageError with one line,
/// and for an unknown option with the nearest name.
std::optional<Options> parseOptions(int argc, const char *const *argv, const Manifest &manifest, std::string &help);

/// The entry of `names` that takes the fewest edits from `name`; "" when none is near.
std::string nearestName(const std::string &name, const std::vector<std::string> &names);

} // namespace weft::rt

#endif // WEFT_LAUNCH_OPTIONS_H

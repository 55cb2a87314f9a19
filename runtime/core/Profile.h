//===- Profile.h - How long each entry of a schedule takes ------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_PROFILE_H
#define WEFT_CORE_PROFILE_H

#include "core/Manifest.h"

#include <chrono>
#include <cstdint>
#include <vector>

namespace weft::rt {

/// Records when each call of a task ran. A task's n-th call is the n-th entry of the manifest's schedule for it, so
/// calls are only counted. Used by the thread that runs tasks.
class Profile {
public:
  struct Event {
    int32_t step;
    /// Index in the manifest's schedule; for a task as a whole -1 - its index, for a step kStep.
    int32_t entry;
    /// Nanoseconds since the profile was made, and how long.
    int64_t start, duration;
  };
  static constexpr int32_t kStep = INT32_MIN;

  /// Reserves room for `steps` steps: recording does not allocate.
  Profile(const Manifest &manifest, int64_t steps);

  /// Nanoseconds since the profile was made.
  int64_t now() const;

  void beginStep();
  void beginTask(int task);
  /// The next call of the task ran from `start` until now.
  void called(int64_t start) noexcept { called(start, now() - start); }
  /// The next call of the task ran from `start` for `duration`.
  void called(int64_t start, int64_t duration) noexcept;
  void endTask();
  void endStep();

  const std::vector<Event> &events() const { return recorded; }
  int64_t steps() const { return step; }

private:
  std::chrono::steady_clock::time_point origin;
  /// For each task, where its entries begin in the schedule, and how many there are.
  std::vector<int32_t> firstEntry, entryCount;
  std::vector<Event> recorded;
  int32_t step = 0, task = 0, next = 0;
  int64_t stepStart = 0, taskStart = 0;
};

} // namespace weft::rt

#endif // WEFT_CORE_PROFILE_H

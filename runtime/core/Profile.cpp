//===- Profile.cpp - How long each entry of a schedule takes --------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Profile.h"

#include "core/Error.h"

using namespace weft::rt;
using std::chrono::steady_clock;

Profile::Profile(const Manifest &manifest, int64_t steps) : origin(steady_clock::now()) {
  // Entries of one task are adjacent: the compiler lists task after task.
  size_t perStep = 1;
  for (const std::string &name : manifest.tasks) {
    int32_t first = -1, count = 0;
    for (size_t i = 0; i < manifest.schedule.size(); ++i)
      if (manifest.schedule[i].task == name) {
        if (first < 0)
          first = static_cast<int32_t>(i);
        if (static_cast<int32_t>(i) != first + count)
          throw InternalError("manifest: the schedule of task '" + name + "' is in pieces");
        ++count;
      }
    firstEntry.push_back(first);
    entryCount.push_back(count);
    perStep += static_cast<size_t>(count + 1) * static_cast<size_t>(name == "next" ? manifest.microbatches : 1);
  }
  recorded.reserve(perStep * static_cast<size_t>(steps));
}

int64_t Profile::now() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now() - origin).count();
}

void Profile::beginStep() { stepStart = now(); }

void Profile::beginTask(int which) {
  task = which;
  next = 0;
  taskStart = now();
}

void Profile::called(int64_t start, int64_t duration) noexcept {
  int32_t call = next++;
  // A task that calls more than its schedule lists would be found by endTask.
  if (call < entryCount[task] && recorded.size() < recorded.capacity())
    recorded.push_back({step, firstEntry[task] + call, start, duration});
}

void Profile::endTask() {
  if (next != entryCount[task])
    throw InternalError("a task made " + std::to_string(next) + " calls where its schedule lists " +
                        std::to_string(entryCount[task]));
  recorded.push_back({step, -1 - task, taskStart, now() - taskStart});
}

void Profile::endStep() {
  recorded.push_back({step, kStep, stepStart, now() - stepStart});
  ++step;
}

//===- Timeline.cpp - What happens before what -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/Timeline.h"
#include <algorithm>
#include <cassert>

using namespace weft;

int64_t Timeline::append(int64_t stream) {
  streams.push_back(stream);
  positions.push_back(next[stream][stream]++);
  clocks.push_back(next[stream]);
  // Before it: not itself.
  --clocks.back()[stream];
  return streams.size() - 1;
}

Timeline::Clock Timeline::after(int64_t op) const {
  Clock clock = clocks[op];
  clock[streams[op]] = positions[op] + 1;
  return clock;
}

void Timeline::wait(int64_t stream, llvm::ArrayRef<int64_t> clock) {
  assert(clock.size() == next.size() && "a clock of another timeline");
  for (size_t i = 0; i < clock.size(); ++i)
    next[stream][i] = std::max(next[stream][i], clock[i]);
}

//===- StreamQueue.cpp - Streams in any order that events allow -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "host/StreamQueue.h"

#include <algorithm>

using namespace weft::rt;

StreamQueue::StreamQueue(uint64_t seed, int64_t streams, int64_t events)
    : state(seed), queues(std::max<int64_t>(streams, 1)), happened(events) {}

/// SplitMix64.
uint64_t StreamQueue::draw(uint64_t count) {
  uint64_t x = state += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return (x ^ (x >> 31)) % count;
}

void StreamQueue::give(Entry entry) {
  bool known = current >= 0 && current < static_cast<int32_t>(queues.size()) &&
               (entry.kind == Entry::Call || (entry.event >= 0 && entry.event < static_cast<int32_t>(happened.size())));
  if (!known) {
    outOfRange = true;
    return;
  }
  queues[current].push_back(std::move(entry));
}

bool StreamQueue::isReady(const Entry &entry) const { return entry.kind != Entry::Wait || happened[entry.event]; }

const char *StreamQueue::run() {
  running = true;
  std::fill(happened.begin(), happened.end(), false);
  // A stream that is far ahead of the others, or far behind, shows more than one that keeps up with them.
  std::vector<uint64_t> weights;
  for (size_t i = 0; i < queues.size(); ++i)
    weights.push_back(uint64_t(1) << (4 * draw(3)));
  while (true) {
    uint64_t total = 0;
    bool left = false;
    for (size_t i = 0; i < queues.size(); ++i) {
      left |= !queues[i].empty();
      if (!queues[i].empty() && isReady(queues[i].front()))
        total += weights[i];
    }
    if (total == 0) {
      for (std::deque<Entry> &queue : queues)
        queue.clear();
      running = false;
      current = 0;
      const char *fault = left         ? "a stream waits for an event that never happens"
                          : outOfRange ? "a stream or an event is none of the manifest's"
                                       : nullptr;
      outOfRange = false;
      return fault;
    }
    uint64_t at = draw(total);
    for (size_t i = 0; i < queues.size(); ++i) {
      if (queues[i].empty() || !isReady(queues[i].front()))
        continue;
      if (at >= weights[i]) {
        at -= weights[i];
        continue;
      }
      Entry entry = std::move(queues[i].front());
      queues[i].pop_front();
      if (entry.kind == Entry::Call)
        entry.call();
      else if (entry.kind == Entry::Record)
        happened[entry.event] = true;
      break;
    }
  }
}

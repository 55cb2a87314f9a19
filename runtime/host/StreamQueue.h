//===- StreamQueue.h - Streams in any order that events allow -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_HOST_STREAMQUEUE_H
#define WEFT_HOST_STREAMQUEUE_H

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

namespace weft::rt {

/// The calls of a task, kept in a queue for each stream, and then run one after another in an order that is drawn among
/// those that the events allow. The host needs no streams: this finds out whether a schedule's events say all that has
/// to be said, on a machine without a GPU (docs/schedule.md).
class StreamQueue {
public:
  /// `seed` decides about the orders; each task gets another one.
  StreamQueue(uint64_t seed, int64_t streams, int64_t events);

  /// The stream of what is given next.
  void setStream(int32_t stream) { current = stream; }
  void record(int32_t event) { give({Entry::Record, event, nullptr}); }
  void wait(int32_t event) { give({Entry::Wait, event, nullptr}); }
  /// Whether calls are kept now, and not run.
  bool keeps() const { return !running; }
  void give(std::function<void()> call) { give({Entry::Call, -1, std::move(call)}); }

  /// Runs everything. Null, or what is wrong: a stream that waits for an event that never happens.
  const char *run();

private:
  struct Entry {
    enum Kind { Call, Record, Wait } kind;
    int32_t event;
    std::function<void()> call;
  };
  void give(Entry entry);
  bool isReady(const Entry &entry) const;
  uint64_t draw(uint64_t count);

  uint64_t state;
  std::vector<std::deque<Entry>> queues;
  std::vector<bool> happened;
  int32_t current = 0;
  bool running = false, outOfRange = false;
};

} // namespace weft::rt

#endif // WEFT_HOST_STREAMQUEUE_H

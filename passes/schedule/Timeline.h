//===- Timeline.h - What happens before what -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_TIMELINE_H
#define WEFT_PASSES_SCHEDULE_TIMELINE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace weft {

/// The order that streams and events give to ops, as vector clocks: of each op, how many ops of each stream are done
/// before it begins. Ops are appended in an order that agrees with it, such as the program's; every question is
/// answered in the number of streams.
class Timeline {
public:
  /// For each stream, how many of its ops are done.
  using Clock = llvm::SmallVector<int64_t, 4>;

  explicit Timeline(int64_t streams) : next(streams, Clock(streams, 0)) {}

  int64_t numStreams() const { return next.size(); }
  int64_t size() const { return streams.size(); }
  /// Appends an op to a stream; returns its number.
  int64_t append(int64_t stream);
  /// What is done when all that `stream` has been given is done: what an event recorded now says.
  const Clock &now(int64_t stream) const { return next[stream]; }
  /// What is done when op `op` is done.
  Clock after(int64_t op) const;
  /// Ops of `stream` from here on run when `clock` is done.
  void wait(int64_t stream, llvm::ArrayRef<int64_t> clock);

  int64_t streamOf(int64_t op) const { return streams[op]; }
  /// Whether `op` is done when all of `clock` is.
  bool isDone(int64_t op, llvm::ArrayRef<int64_t> clock) const { return positions[op] < clock[streams[op]]; }
  /// Whether op `a` is done before `b` begins.
  bool isBefore(int64_t a, int64_t b) const { return isDone(a, clocks[b]); }

private:
  std::vector<Clock> next;   ///< by stream
  std::vector<Clock> clocks; ///< by op
  std::vector<int64_t> streams, positions;
};

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_TIMELINE_H

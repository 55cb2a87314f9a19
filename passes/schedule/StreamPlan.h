//===- StreamPlan.h - Streams and events of a task -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_STREAMPLAN_H
#define WEFT_PASSES_SCHEDULE_STREAMPLAN_H

#include "mlir/IR/Operation.h"
#include "passes/schedule/Timeline.h"
#include "llvm/ADT/DenseMap.h"
#include <string>

namespace weft {

/// How work is spread over streams.
struct StreamOptions {
  /// Collectives and transfers run beside computation. Otherwise there is one stream, in program order.
  bool overlap = false;
  /// Elements of reductions that may be under way before the computing stream waits for the oldest: their operands
  /// take memory until then.
  int64_t outstanding = 500000000;
  /// Moments after which the computing stream waits for transfers to the host: what they copy takes memory until then.
  int64_t horizon = 2;
};

/// Which stream each op of a task runs on, and the events between them. docs/schedule.md says by which rules.
class StreamPlan {
public:
  /// One op.
  struct Step {
    int64_t stream = 0;
    int64_t number = -1;              ///< in the timeline
    llvm::SmallVector<int64_t> waits; ///< events that its stream waits for before it
    int64_t event = -1;               ///< recorded after it
  };

  /// Of `order`, ops on tensors in program order; `isWork` says which of them run.
  StreamPlan(llvm::ArrayRef<mlir::Operation *> order, llvm::function_ref<bool(mlir::Operation *)> isWork,
             const StreamOptions &options);

  const Step &operator[](mlir::Operation *op) const { return steps.find(op)->second; }
  /// The names of the streams, the computing one first.
  llvm::ArrayRef<std::string> streams() const { return names; }
  const Timeline &timeline() const { return times; }
  /// The event recorded by the computing stream before everything; -1 if there is none.
  int64_t begin() const { return beginEvent; }
  /// Events that the computing stream waits for at the end: all streams are done then.
  llvm::ArrayRef<int64_t> joins() const { return ends; }
  int64_t events() const { return numEvents; }

private:
  int64_t streamFor(mlir::Operation *op);
  int64_t eventAfter(mlir::Operation *op);
  void order(mlir::Operation *op, Step &step, llvm::ArrayRef<mlir::Operation *> before);

  const StreamOptions &options;
  llvm::SmallVector<std::string> names;
  llvm::DenseMap<mlir::Operation *, Step> steps;
  Timeline times;
  int64_t beginEvent = -1, numEvents = 0;
  llvm::SmallVector<int64_t> ends;
};

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_STREAMPLAN_H

//===- StreamPlan.cpp - Streams and events of a task -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/StreamPlan.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/Streams.h"
#include "dialects/exec/StridedView.h"
#include "llvm/ADT/StringSet.h"
#include <deque>

using namespace mlir;
using namespace weft;

/// The stream of the collectives over `axes`.
static std::string streamName(ArrayAttr axes) {
  std::string name = "comm";
  for (Attribute axis : axes)
    name += ("." + cast<StringAttr>(axis).getValue()).str();
  return name;
}

static ArrayAttr axesOf(Operation *op) {
  auto collective = dyn_cast<dist::CollectiveOpInterface>(op);
  return collective ? collective.getAxes() : ArrayAttr();
}

/// The stream that an op runs on, if it may have another than the computing one.
static std::string streamNameOf(Operation *op) {
  if (auto transfer = dyn_cast<exec::TransferOp>(op))
    return transfer.getToHost() ? "to_host" : "to_device";
  if (op->hasAttr(exec::hostAttr))
    return "host";
  ArrayAttr axes = axesOf(op);
  return axes ? streamName(axes) : exec::computeStream.str();
}

static int64_t streamCount(ArrayRef<Operation *> order, llvm::function_ref<bool(Operation *)> isWork,
                           const StreamOptions &options) {
  llvm::StringSet<> names = {exec::computeStream};
  if (options.overlap)
    for (Operation *op : order)
      if (isWork(op))
        names.insert(streamNameOf(op));
  return names.size();
}

/// How many moments a transfer, whose buffers take memory until it is done, may be behind; 0 if nobody has to wait for
/// it. Updates are smaller than blocks: as many count as one.
static int64_t lagOf(exec::TransferOp transfer, int64_t horizon) {
  constexpr int64_t updatesOfBlock = 8;
  if (transfer.getToHost())
    return horizon;
  Operation *from = transfer.getInput().getDefiningOp();
  return from && from->hasAttr(exec::hostAttr) ? updatesOfBlock * horizon : 0;
}

/// Elements that stay in memory until a reduction is done.
static int64_t reducedElements(Operation *op) {
  int64_t count = 0;
  if (auto collective = dyn_cast<dist::CollectiveOpInterface>(op); collective && collective.reduces())
    for (Value operand : op->getOperands())
      count += cast<RankedTensorType>(operand.getType()).getNumElements();
  return count;
}

StreamPlan::StreamPlan(ArrayRef<Operation *> program, llvm::function_ref<bool(Operation *)> isWork,
                       const StreamOptions &options)
    : options(options), names({exec::computeStream.str()}), times(streamCount(program, isWork, options)) {
  Operation *lastCompute = nullptr, *lastCollective = nullptr;
  SmallVector<Operation *> lastOf(times.numStreams(), nullptr);
  std::deque<Operation *> reducing;
  std::deque<exec::TransferOp> leaving, returning;
  int64_t outstanding = 0, moment = 0;
  for (Operation *op : program) {
    if (!isWork(op))
      continue;
    Step step;
    step.stream = streamFor(op);
    SmallVector<Operation *> before;
    for (Value operand : op->getOperands())
      if (Operation *def = exec::storedValue(operand).getDefiningOp(); def && steps.count(def))
        before.push_back(def);
    if (step.stream == 0) {
      // What a reduction reads is free again once it is done: few of them are left behind.
      while (outstanding > options.outstanding && reducing.size() > 1) {
        before.push_back(reducing.front());
        outstanding -= reducedElements(reducing.front());
        reducing.pop_front();
      }
      for (std::deque<exec::TransferOp> *waiting : {&leaving, &returning})
        while (!waiting->empty() &&
               static_cast<int64_t>(waiting->front().getMoment()) + lagOf(waiting->front(), options.horizon) <=
                   moment) {
          before.push_back(waiting->front());
          waiting->pop_front();
        }
    } else {
      // What runs beside begins where it stands in the program, not earlier: memory is planned by that. And
      // collectives run one after another, whatever their streams, so that no two ranks wait for each other.
      if (lastCompute)
        before.push_back(lastCompute);
      if (lastCollective && axesOf(op))
        before.push_back(lastCollective);
    }
    order(op, step, before);
    if (step.stream != 0 && !lastOf[step.stream] && step.waits.empty()) {
      if (beginEvent < 0)
        beginEvent = numEvents++;
      step.waits.push_back(beginEvent);
    }
    step.number = times.append(step.stream);
    lastOf[step.stream] = op;
    if (step.stream == 0)
      lastCompute = op;
    else if (axesOf(op))
      lastCollective = op;
    if (auto transfer = dyn_cast<exec::TransferOp>(op); transfer && step.stream != 0) {
      moment = std::max<int64_t>(moment, transfer.getMoment());
      if (lagOf(transfer, options.horizon))
        (transfer.getToHost() ? leaving : returning).push_back(transfer);
    }
    if (int64_t elements = step.stream == 0 ? 0 : reducedElements(op)) {
      outstanding += elements;
      reducing.push_back(op);
    }
    steps[op] = std::move(step);
  }
  // A task is over when its computing stream is.
  Step end;
  order(nullptr, end, lastOf);
  ends = end.waits;
}

int64_t StreamPlan::streamFor(Operation *op) {
  if (!options.overlap)
    return 0;
  std::string name = streamNameOf(op);
  auto *found = llvm::find(names, name);
  if (found == names.end()) {
    names.push_back(name);
    return names.size() - 1;
  }
  return found - names.begin();
}

int64_t StreamPlan::eventAfter(Operation *op) {
  Step &step = steps.find(op)->second;
  if (step.event < 0)
    step.event = numEvents++;
  return step.event;
}

/// Makes the stream of `step` wait for what of `before` it does not know to be done: the latest first, which have most
/// behind them.
void StreamPlan::order(Operation *op, Step &step, ArrayRef<Operation *> before) {
  SmallVector<std::pair<int64_t, Operation *>> work;
  for (Operation *other : before)
    if (other)
      if (const Step &known = steps.find(other)->second; known.stream != step.stream)
        work.push_back({known.number, other});
  llvm::sort(work, [](auto &a, auto &b) { return a.first > b.first; });
  for (auto [number, other] : work) {
    if (times.isDone(number, times.now(step.stream)))
      continue;
    step.waits.push_back(eventAfter(other));
    times.wait(step.stream, times.after(number));
  }
}

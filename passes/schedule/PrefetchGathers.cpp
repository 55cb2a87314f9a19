//===- PrefetchGathers.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/exec/StridedView.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/Passes.h"
#include "passes/shard/Region.h"
#include <map>

namespace weft {
#define GEN_PASS_DEF_PREFETCHGATHERS
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// A gather of parameters: where it is, where the last reader of what it gathers is, and how much that is: as it counts
/// for the limit, and as it moves.
struct Gather {
  Operation *op;
  int64_t at, last, elements, size;
};

struct PrefetchGathers : weft::impl::PrefetchGathersBase<PrefetchGathers> {
  using Base::Base;
  void runOnOperation() override;

private:
  /// The ops that have to come before a gather: reads, views of them, and gathers of a part. Empty if it gathers what
  /// is computed.
  SmallVector<Operation *> sourcesOf(Operation *op);
  int64_t lastUse(Operation *op);

  DenseMap<Operation *, int64_t> position;
};

} // namespace

SmallVector<Operation *> PrefetchGathers::sourcesOf(Operation *op) {
  SmallVector<Operation *> sources, work = {op};
  llvm::SmallDenseSet<Operation *> seen;
  while (!work.empty()) {
    Operation *next = work.pop_back_val();
    for (Value operand : next->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (!def || !(isa<ReadOp, dist::AllGatherOp>(def) || exec::isView(def)))
        return {};
      if (!seen.insert(def).second)
        continue;
      sources.push_back(def);
      work.push_back(def);
    }
  }
  llvm::sort(sources, [&](Operation *a, Operation *b) { return position[a] < position[b]; });
  return sources;
}

/// Whether what is gathered is only gathered further.
static bool feedsGather(Operation *op) {
  return llvm::all_of(op->getUsers(), [](Operation *user) {
    return isa<dist::AllGatherOp>(user) || (exec::isView(user) && feedsGather(user));
  });
}

/// The position of the last op that reads a result, through views.
int64_t PrefetchGathers::lastUse(Operation *op) {
  int64_t last = position[op];
  SmallVector<Operation *> work = {op};
  while (!work.empty()) {
    Operation *next = work.pop_back_val();
    for (Operation *user : next->getUsers()) {
      last = std::max(last, position[user]);
      if (exec::isView(user))
        work.push_back(user);
    }
  }
  return last;
}

/// Where the gather stands after which a gather can begin: the last one before it that moves as much. Behind a few
/// vectors there is not enough to compute.
static int64_t placeBefore(ArrayRef<Gather> gathers, size_t index) {
  for (size_t i = index; i-- > 0;)
    if (2 * gathers[i].size >= gathers[index].size)
      return gathers[i].at;
  return gathers.front().at;
}

void PrefetchGathers::runOnOperation() {
  Block &body = getOperation().getBody().front();
  SmallVector<Operation *> order;
  for (Operation &op : body) {
    position[&op] = order.size();
    order.push_back(&op);
  }
  std::vector<Gather> gathers;
  for (Operation *op : order)
    if (isa<dist::AllGatherOp>(op) && !feedsGather(op) && !sourcesOf(op).empty()) {
      // What stays until the backward pass is live anyway, whether it is gathered a block earlier or not.
      int64_t size = 0;
      for (Type type : op->getResultTypes())
        size += cast<RankedTensorType>(type).getNumElements();
      gathers.push_back({op, position[op], lastUse(op), isOfLastUpdate(op) ? 0 : size, size});
    }

  // What is gathered and still read, by the position of its last reader.
  std::multimap<int64_t, int64_t> live;
  int64_t liveElements = 0;
  llvm::SmallDenseSet<Operation *> moved;
  auto release = [&](int64_t at) {
    while (!live.empty() && live.begin()->first < at) {
      liveElements -= live.begin()->second;
      live.erase(live.begin());
    }
  };
  for (size_t i = 0; i < gathers.size(); ++i) {
    const Gather &gather = gathers[i];
    // While the block before it computes; later, if too much is gathered then.
    int64_t at = placeBefore(gathers, i);
    release(at);
    while (at < gather.at && !live.empty() && liveElements + gather.elements > maxLive) {
      at = std::min(live.begin()->first + 1, gather.at);
      release(at);
    }
    if (liveElements + gather.elements > maxLive)
      gather.op->emitRemark() << "with this gather " << liveElements + gather.elements
                              << " elements of gathered parameters are live, more than the limit of "
                              << maxLive.getValue() << ": what is read at one time cannot be less";
    // In front of the first op from there on that stays where it was, and is not made for this gather itself.
    SmallVector<Operation *> sources = sourcesOf(gather.op);
    while (at < gather.at &&
           (moved.count(order[at]) || isa<dist::AllGatherOp>(order[at]) || llvm::is_contained(sources, order[at])))
      ++at;
    if (at < gather.at) {
      ++numPrefetched;
      for (Operation *source : sources)
        if (order[at]->isBeforeInBlock(source)) {
          source->moveBefore(order[at]);
          moved.insert(source);
        }
      gather.op->moveBefore(order[at]);
      moved.insert(gather.op);
    } else if (i > 0) {
      ++numHeld;
    }
    live.emplace(gather.last, gather.elements);
    liveElements += gather.elements;
  }
}

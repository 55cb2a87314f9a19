//===- DelayReaders.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace weft {
#define GEN_PASS_DEF_DELAYREADERS
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

struct DelayReaders : weft::impl::DelayReadersBase<DelayReaders> {
  using Base::Base;
  void runOnOperation() override;
};

} // namespace

static bool isReduction(Operation &op) {
  auto collective = dyn_cast<dist::CollectiveOpInterface>(op);
  return collective && collective.reduces();
}

/// Elements that a reduction reads.
static int64_t elementsOf(Operation *reduction) {
  int64_t count = 0;
  for (Value operand : reduction->getOperands())
    count += cast<RankedTensorType>(operand.getType()).getNumElements();
  return count;
}

namespace {

/// Where readers of a reduction go, and which.
struct Delay {
  Operation *behind = nullptr;
  SmallVector<Operation *> readers;
};

} // namespace

/// As far as half as much is being reduced behind it as it reduces itself: readers of a large reduction do not stop at
/// a small one. Not as far as a collective that needs the result.
static Delay delayOf(Operation *reduction) {
  llvm::SmallSetVector<Operation *, 16> readers;
  auto needs = [&](Operation *op) {
    return llvm::any_of(op->getOperands(), [&](Value operand) {
      Operation *def = operand.getDefiningOp();
      return def && (def == reduction || readers.contains(def));
    });
  };
  Delay delay;
  int64_t own = elementsOf(reduction), behind = 0;
  for (Operation *op = reduction->getNextNode(); op && 2 * behind < own; op = op->getNextNode()) {
    if (needs(op)) {
      if (isa<dist::CollectiveOpInterface>(op))
        break;
      readers.insert(op);
    } else if (isReduction(*op)) {
      behind += elementsOf(op);
      delay.behind = op;
      delay.readers.assign(readers.begin(), readers.end());
    }
  }
  return delay;
}

void DelayReaders::runOnOperation() {
  SmallVector<Operation *> reductions;
  for (Operation &op : getOperation().getBody().front())
    // What reads the reductions of halves has been given its place.
    if (isReduction(op) && !op.hasAttr(dist::halfAttr))
      reductions.push_back(&op);
  for (Operation *reduction : reductions) {
    Delay delay = delayOf(reduction);
    if (!delay.behind) {
      ++numNeeded;
      continue;
    }
    // Before what an earlier reduction has left there, which may need it; nothing of that is needed here, or it would
    // have stayed with it.
    Operation *last = delay.behind;
    for (Operation *reader : delay.readers) {
      reader->moveAfter(last);
      last = reader;
      ++numDelayed;
    }
  }
}

//===- Interleave.cpp - One half computes while the other communicates ----===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "passes/schedule/OpSeconds.h"
#include "passes/schedule/Passes.h"
#include "passes/schedule/PlayThrough.h"

namespace weft {
#define GEN_PASS_DEF_INTERLEAVE
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

struct Interleave : weft::impl::InterleaveBase<Interleave> {
  Interleave() = default;
  explicit Interleave(const StepRates &rates) : rates(rates) {}

  void runOnOperation() override {
    Block &body = getOperation().getBody().front();
    if (llvm::none_of(body, [](Operation &op) { return op.hasAttr(dist::halfAttr); }))
      return;
    Operation *end = body.getTerminator();
    auto measure = [this](Operation *op) {
      bool works = takesTime(op);
      return OpTime{works ? secondsOf(op, rates) : 0, works, op->hasAttr(dist::halfAttr)};
    };
    for (Operation *op : PlayThrough(body, measure).interleaved())
      op->moveBefore(end);
  }

private:
  StepRates rates;
};

} // namespace

std::unique_ptr<Pass> weft::createInterleavePass(const StepRates &rates) { return std::make_unique<Interleave>(rates); }

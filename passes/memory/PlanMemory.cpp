//===- PlanMemory.cpp - see Passes.td -------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/BuiltinOps.h"
#include "passes/memory/Passes.h"
#include "passes/memory/Recompute.h"

namespace weft {
#define GEN_PASS_DEF_PLANMEMORY
#include "passes/memory/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

/// `selective` drops what a kernel computes again while it would write it this many times: one or two operands read,
/// the result written, and some arithmetic on the way.
static constexpr double selectivePasses = 8;

std::optional<RematStrategy> RematStrategy::parse(StringRef text) {
  if (text == "none")
    return RematStrategy{None};
  if (text == "each")
    return RematStrategy{Groups, 1};
  if (text == "contiguous")
    return RematStrategy{Groups, 0};
  if (text == "auto")
    return RematStrategy{Auto};
  if (text == "selective")
    return RematStrategy{Selective};
  int64_t group;
  if (text.consume_front("group_") && !text.getAsInteger(10, group) && group > 0)
    return RematStrategy{Groups, group};
  return std::nullopt;
}

/// Takes blocks together, `group` at a time.
static std::vector<StepBlock> joined(ArrayRef<StepBlock> blocks, int64_t group) {
  std::vector<StepBlock> result;
  for (size_t i = 0; i < blocks.size(); i += group)
    result.push_back({blocks[i].begin, blocks[std::min(i + group, blocks.size()) - 1].end, true});
  return result;
}

namespace {

struct PlanMemory : weft::impl::PlanMemoryBase<PlanMemory> {
  using Base::Base;
  PlanMemory(const PlanMemoryOptions &options, const StepRates &rates, std::vector<TaskMemoryPlan> *plans)
      : Base(options), rates(rates), plans(plans) {}

  void runOnOperation() override {
    std::optional<RematStrategy> strategy = RematStrategy::parse(remat);
    if (!strategy) {
      getOperation().emitError("--remat '") << remat << "' is not none, each, contiguous, group_N, selective or auto";
      return signalPassFailure();
    }
    for (func::FuncOp task : getOperation().getOps<func::FuncOp>())
      if (failed(plan(task, *strategy)))
        return signalPassFailure();
  }

private:
  LogicalResult plan(func::FuncOp task, RematStrategy strategy) {
    if (strategy.kind == RematStrategy::None)
      return success();
    shareGathers(task);
    StepGraph graph(task, rates);
    if (!graph.hasBackward())
      return success();
    TaskMemoryPlan result;
    result.task = task.getSymName().str();
    llvm::BitVector kept = graph.getAllKept();
    for (int64_t i : kept.set_bits())
      result.savedBytes += graph.getValues()[i].bytes;
    std::vector<StepBlock> blocks = findBlocks(graph);
    result.blocks = blocks.size();
    switch (strategy.kind) {
    case RematStrategy::None:
      break;
    case RematStrategy::Groups:
      if (blocks.empty())
        return task.emitError("--remat ") << remat << ": the model has no repeated blocks to compute again";
      kept = keepBetween(graph, joined(blocks, strategy.group ? strategy.group : blocks.size()));
      break;
    case RematStrategy::Selective:
      kept = keepExpensive(graph, selectivePasses / rates.bytesPerSecond);
      break;
    case RematStrategy::Auto:
      if (limit <= 0)
        break;
      AutoPlan found = planWithin(graph, blocks, limit);
      kept = found.kept;
      result.patterns = found.patterns;
      result.bound = found.fits ? std::optional<double>(found.bound) : std::nullopt;
      break;
    }
    // Gathered parameters are gathered again unless somebody counted what keeping them takes.
    if (strategy.kind != RematStrategy::Auto)
      for (auto [i, value] : llvm::enumerate(graph.getValues()))
        if (value.isGather && !value.isPinned)
          kept.reset(i);
    result.seconds = graph.getSeconds(graph.getRecomputed(kept));
    RecomputeCounts counts = recompute(graph, kept);
    result.droppedBytes = counts.bytes;
    result.clones = counts.clones;
    numClones += counts.clones;
    numDropped += counts.values;
    if (plans)
      plans->push_back(std::move(result));
    return success();
  }

  StepRates rates;
  std::vector<TaskMemoryPlan> *plans = nullptr;
};

} // namespace

std::unique_ptr<Pass> weft::createPlanMemoryPass(const PlanMemoryOptions &options, const StepRates &rates,
                                                 std::vector<TaskMemoryPlan> *plans) {
  return std::make_unique<PlanMemory>(options, rates, plans);
}

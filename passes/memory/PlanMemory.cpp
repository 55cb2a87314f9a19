//===- PlanMemory.cpp - see Passes.td -------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "mlir/IR/BuiltinOps.h"
#include "passes/memory/Passes.h"
#include "passes/memory/Recompute.h"
#include "passes/memory/Solver.h"

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
    result.push_back({blocks[i].begin, blocks[std::min(i + group, blocks.size()) - 1].end});
  return result;
}

namespace {

struct PlanMemory : weft::impl::PlanMemoryBase<PlanMemory> {
  using Base::Base;
  PlanMemory(const PlanMemoryOptions &options, const StepRates &rates, std::vector<TaskMemoryPlan> *plans,
             PatternCache *cache)
      : Base(options), rates(rates), plans(plans), cache(cache) {}

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
    llvm::BitVector offloaded(graph.getValues().size());
    std::optional<double> seconds;
    bool repeats = true;
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
      repeats = !blocks.empty();
      if (!repeats)
        blocks = cutIntoParts(graph);
      OffloadLimits offload;
      // What moves away is timed by blocks that repeat.
      if (horizon > 0 && repeats)
        offload = {rates.hostBytesPerSecond, rates.bytesPerSecond, horizon};
      AutoPlan found = planWithin(graph, blocks, limit, offload, cache ? *cache : ownCache);
      kept = found.kept;
      offloaded = found.offloaded;
      result.patterns = found.patterns;
      result.bound = found.fits ? std::optional<double>(found.bound) : std::nullopt;
      seconds = found.seconds;
      break;
    }
    // Gathered parameters are gathered again unless somebody counted what keeping them takes.
    if (strategy.kind != RematStrategy::Auto)
      for (auto [i, value] : llvm::enumerate(graph.getValues()))
        if (value.isGather && !value.isPinned)
          kept.reset(i);
    result.recomputeSeconds = graph.getSeconds(graph.getRecomputed(kept));
    result.seconds = seconds.value_or(result.recomputeSeconds);
    describe(graph, blocks, kept, offloaded, result);
    for (int64_t i : offloaded.set_bits())
      markOffloaded(cast<OpResult>(graph.getValues()[i].value));
    RecomputeCounts counts = recompute(graph, kept);
    result.droppedBytes = counts.bytes;
    result.clones = counts.clones;
    numClones += counts.clones;
    numDropped += counts.values;
    if (plans)
      plans->push_back(std::move(result));
    return success();
  }

  /// What becomes of the saved values of each block: those that the backward pass reads, or what it computes others of.
  /// Nothing else is worth moving away: `offloaded` loses it.
  static void describe(const StepGraph &graph, ArrayRef<StepBlock> blocks, const llvm::BitVector &kept,
                       llvm::BitVector &offloaded, TaskMemoryPlan &plan) {
    llvm::BitVector again = graph.getRecomputed(kept), saved = graph.getAllKept();
    saved &= kept;
    for (int64_t i : again.set_bits())
      for (int64_t need : graph.getValues()[i].needs)
        if (kept.test(need))
          saved.set(need);
    offloaded &= saved;
    plan.perBlock.resize(blocks.size());
    size_t block = 0;
    for (auto [i, value] : llvm::enumerate(graph.getValues())) {
      while (block < blocks.size() && blocks[block].end <= value.unit)
        ++block;
      if (block == blocks.size())
        break;
      if (value.unit < blocks[block].begin)
        continue;
      TaskMemoryPlan::Block &bytes = plan.perBlock[block];
      if (offloaded.test(i))
        bytes.offloaded += value.bytes;
      else if (saved.test(i))
        bytes.kept += value.bytes;
      else if (again.test(i) && value.isRead)
        bytes.recomputed += value.bytes;
    }
    for (int64_t i : offloaded.set_bits())
      plan.offloadedBytes += graph.getValues()[i].bytes;
  }

  StepRates rates;
  std::vector<TaskMemoryPlan> *plans = nullptr;
  PatternCache *cache = nullptr, ownCache;
};

} // namespace

std::unique_ptr<Pass> weft::createPlanMemoryPass(const PlanMemoryOptions &options, const StepRates &rates,
                                                 std::vector<TaskMemoryPlan> *plans, PatternCache *cache) {
  return std::make_unique<PlanMemory>(options, rates, plans, cache);
}

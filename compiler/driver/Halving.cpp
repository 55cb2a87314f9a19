//===- Halving.cpp - Whether samples are computed in halves ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Halving.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/StepTime.h"
#include "passes/shard/Volume.h"

using namespace mlir;
using namespace weft;

/// What halves have to gain, as a part of a step: less is within what a prediction is worth (docs/schedule.md).
static constexpr double leastGain = 0.02;

namespace {

/// A step that is partitioned one way, and what is known of that.
struct Candidate {
  OwningOpRef<ModuleOp> module;
  Session::Attempt attempt;
  std::vector<Plan::Collective> collectives;
  std::vector<Plan::Conflict> conflicts;
  std::vector<Plan::GatheredWeight> gathered;

  bool isDone() const { return attempt.code == kExitDone; }
};

} // namespace

static Candidate partitionCopy(Session &session, ModuleOp step, PartitionOptions options, bool halves) {
  Candidate made;
  made.module = step.clone();
  options.halves = halves;
  options.volume = &made.collectives;
  options.conflicts = &made.conflicts;
  options.gathered = &made.gathered;
  made.attempt = session.attempt(halves ? "partition in halves" : "partition", *made.module,
                                 [&](OpPassManager &pm) { buildPartitionPipeline(pm, options); });
  return made;
}

/// Predicts what a step takes, from the kernels and calls that it would have. What is wrong with these is said when
/// they are made.
static std::optional<StepTime> predict(Session &session, ModuleOp local, const Target &target) {
  auto microbatches = local->getAttrOfType<IntegerAttr>("weft.microbatches");
  OwningOpRef<ModuleOp> copy = local.clone();
  auto runsOf = [&](func::FuncOp task) {
    return runsPerStep(task.getSymName(), microbatches ? microbatches.getInt() : 1);
  };
  for (func::FuncOp task : llvm::make_early_inc_range(copy->getOps<func::FuncOp>()))
    if (runsOf(task) == 0)
      task.erase();
  if (session.attempt("prediction", *copy, [&](OpPassManager &pm) { buildKernelPipeline(pm, &target); }).code)
    return std::nullopt;
  StepTime step;
  for (func::FuncOp task : copy->getOps<func::FuncOp>())
    step += timeOf(task, target) * static_cast<double>(runsOf(task));
  return step;
}

/// Whether anything gains by running beside a collective.
static bool canHide(const Target &target, bool overlap) {
  StepRates rates = target.rates();
  return overlap && std::min(rates.besideLibrary, rates.besideCopies) < 1;
}

/// The step in halves, where they are predicted to gain enough over `whole`; else nothing. `times` is what decided.
static std::optional<Candidate> chooseHalves(Session &session, ModuleOp step, const Candidate &whole,
                                             const MeshChoice &mesh, const Target &target,
                                             std::optional<Plan::HalvesTimes> &times) {
  std::optional<StepTime> wholeTime = predict(session, *whole.module, target);
  if (!wholeTime)
    return std::nullopt;
  double limit = wholeTime->total() * (1 - leastGain);
  // What is hidden cannot be more than what is exposed: most steps need not be partitioned twice.
  if (wholeTime->least() > limit) {
    times = {wholeTime->total(), wholeTime->least(), /*isBound=*/true};
    return std::nullopt;
  }
  Candidate halves = partitionCopy(session, step, mesh.partition, /*halves=*/true);
  std::optional<StepTime> halvesTime = halves.isDone() ? predict(session, *halves.module, target) : std::nullopt;
  if (!halvesTime)
    return std::nullopt;
  times = {wholeTime->total(), halvesTime->total(), /*isBound=*/false};
  if (halvesTime->total() > limit)
    return std::nullopt;
  return halves;
}

ExitCode weft::partition(Session &session, OwningOpRef<ModuleOp> &module, MeshChoice &mesh, const Target &target,
                         bool overlap) {
  if (!mesh.weighsHalves || !canHide(target, overlap))
    return session.run("partition", *module, [&](OpPassManager &pm) { buildPartitionPipeline(pm, mesh.partition); });
  Plan &plan = mesh.plan;
  Candidate chosen = partitionCopy(session, *module, mesh.partition, /*halves=*/false);
  if (chosen.isDone())
    if (std::optional<Candidate> halves = chooseHalves(session, *module, chosen, mesh, target, plan.halvesTimes)) {
      chosen = std::move(*halves);
      mesh.partition.halves = plan.halves = true;
    }
  module = std::move(chosen.module);
  plan.collectives = std::move(chosen.collectives);
  plan.conflicts = std::move(chosen.conflicts);
  plan.gathered = std::move(chosen.gathered);
  return session.report("partition", std::move(chosen.attempt));
}

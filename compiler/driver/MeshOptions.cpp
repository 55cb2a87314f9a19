//===- MeshOptions.cpp - What --mesh and its like ask for -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/MeshOptions.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/plan/Placement.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace weft;

/// Axes that a placement of degrees gives: what is laid over ranks, the last varies fastest.
static std::vector<Plan::Axis> axesOf(const PartitionOptions &partition) {
  std::vector<Plan::Axis> axes;
  for (const std::string &name : partition.order)
    if (int64_t size = name == "tp" ? partition.tp : name == "shard" ? partition.shard : partition.replica; size > 1)
      axes.push_back({name, size});
  return axes;
}

/// Reads the plan of --plan and sets the options that it stands for.
static std::optional<Plan> readPlan(CompileOptions &options) {
  auto file = llvm::MemoryBuffer::getFile(options.plan, /*IsText=*/true);
  if (!file) {
    reportError("--plan: cannot read '" + options.plan + "': " + file.getError().message(),
                "'weft plan MODEL --json FILE' writes one");
    return std::nullopt;
  }
  std::string error;
  std::optional<Plan> plan = parsePlan((*file)->getBuffer(), options.plan, error);
  if (!plan) {
    reportError("--plan: " + error, "docs/plan.md has the schema");
    return std::nullopt;
  }
  options.mesh = plan->mesh;
  options.placement = plan->placement.empty() ? "cluster" : plan->placement;
  options.zero = plan->zero;
  options.persistence = plan->persistence;
  options.optimize = plan->optimize;
  options.sequenceParallel = plan->sequenceParallel;
  options.prescaledBatch = plan->prescaledBatch;
  options.halves = plan->halves;
  options.accumulate = accumulateName(plan->accumulate);
  options.microbatches = plan->microbatches;
  options.precision = plan->precision;
  return plan;
}

/// Refuses what does not go together.
static bool checkChoice(const CompileOptions &options, const Degrees &degrees, const PartitionOptions &partition) {
  for (auto [name, degree] : {std::pair("pp", degrees.pipeline), {"cp", degrees.context}, {"ep", degrees.expert}})
    if (degree > 1) {
      reportError(std::string("--mesh: this version cuts models along dp, shard and tp, not along ") + name);
      return false;
    }
  if (options.zero > 0 && partition.shard == 1) {
    reportError("--zero " + std::to_string(options.zero) + " has no data-parallel ranks to shard over",
                "give --mesh a dp of 2 or more, or leave --zero out");
    return false;
  }
  if (degrees.shard > 1 && options.zero == 0) {
    reportError("--mesh has shard=" + std::to_string(degrees.shard) + ", but nothing is sharded",
                "--zero 1, 2 or 3 says what is");
    return false;
  }
  if (options.sequenceParallel.value_or(false) && partition.tp == 1) {
    reportError("--sequence-parallel on has no ranks to cut the sequence over", "give --mesh a tp of 2 or more");
    return false;
  }
  if (!options.prescaledBatch && partition.tp == 1) {
    reportError("--prescaled-batch off has no ranks that could read batches of their own",
                "give --mesh a tp of 2 or more");
    return false;
  }
  if (!options.prescaledBatch && partition.sequenceParallel) {
    reportError("--prescaled-batch off cuts the batch over tp where sequence parallelism cuts the sequence",
                "choose one of the two");
    return false;
  }
  if (options.optimize == "memory" && partition.tp == 1)
    reportWarning(
        "--optimize memory spares nothing here: it is about activations that all ranks of tp have, and --mesh "
        "has no tp");
  if (options.halves.value_or(false) && (partition.tp == 1 || !options.prescaledBatch)) {
    reportError("--batch-halves on hides the collectives of ranks of tp that read the same samples",
                "give --mesh a tp of 2 or more and leave --prescaled-batch on");
    return false;
  }
  return true;
}

std::optional<MeshChoice> weft::chooseMesh(CompileOptions &options) {
  MeshChoice choice;
  std::optional<Plan> given;
  if (!options.plan.empty() && !(given = readPlan(options)))
    return std::nullopt;
  std::string why;
  std::optional<Degrees> degrees = Degrees::parse(options.mesh, /*world=*/0, why);
  if (!degrees) {
    reportError("--mesh: " + why);
    return std::nullopt;
  }
  std::optional<Placement> placement = Placement::create(options.placement, *degrees, why);
  if (!placement) {
    reportError("--placement: " + why);
    return std::nullopt;
  }
  PartitionOptions &partition = choice.partition;
  partition.tp = degrees->tensor;
  // Without ZeRO nothing is sharded among data-parallel ranks: all are replicas.
  partition.shard = options.zero > 0 ? degrees->shardSize() : 1;
  partition.replica = degrees->data / partition.shard;
  partition.sequenceParallel =
      options.sequenceParallel.value_or(options.optimize == "memory" && options.prescaledBatch && partition.tp > 1);
  if (!checkChoice(options, *degrees, partition))
    return std::nullopt;
  for (char letter : placement->letters()) {
    if (letter == 'D') {
      partition.order.push_back("replica");
      partition.order.push_back("shard");
    } else if (letter == 'T') {
      partition.order.push_back("tp");
    }
  }
  partition.zero = options.zero;
  partition.persistence = options.persistence;
  partition.prescaledBatch = options.prescaledBatch;
  partition.halves = options.halves.value_or(false);
  choice.weighsHalves = !options.halves && partition.tp > 1 && options.prescaledBatch;
  partition.accumulate = options.accumulate;
  partition.shardParam = options.shardParam;
  partition.explain = options.explain;
  if (partition.getNumRanks() > 1)
    choice.placement = placement->letters();

  Plan &plan = choice.plan;
  plan.axes = axesOf(partition);
  if (given) {
    auto same = [](const Plan::Axis &a, const Plan::Axis &b) { return a.name == b.name && a.size == b.size; };
    if (!std::equal(plan.axes.begin(), plan.axes.end(), given->axes.begin(), given->axes.end(), same)) {
      reportError("--plan: " + given->at(0) + ": 'axes' is not what 'mesh', 'placement' and 'zero' give",
                  "change those, and write the plan anew with 'weft plan MODEL --json FILE'");
      return std::nullopt;
    }
    plan = std::move(*given);
    choice.isGiven = true;
    return choice;
  }
  plan.mesh = options.mesh;
  plan.placement = choice.placement;
  plan.zero = options.zero;
  plan.persistence = options.persistence;
  plan.optimize = options.optimize;
  plan.sequenceParallel = partition.sequenceParallel;
  plan.prescaledBatch = options.prescaledBatch;
  plan.halves = partition.halves;
  plan.microbatches = options.microbatches;
  plan.accumulate = parseAccumulate(options.accumulate).value_or(Accumulate::ByZero);
  plan.precision = options.precision;
  return choice;
}

//===- Pipelines.cpp - The order of the passes ----------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/pipeline/Pipelines.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/Passes.h"
#include "passes/lower/Passes.h"
#include "passes/memory/Passes.h"
#include "passes/precision/Passes.h"
#include "passes/raise/Passes.h"
#include "passes/schedule/Passes.h"
#include "passes/shard/Passes.h"
#include "passes/simplify/Passes.h"
#include "passes/train/Passes.h"

using namespace mlir;
using namespace weft;

/// Removes what is redundant or dead.
static void addCleanup(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

void weft::buildSimplifyPipeline(OpPassManager &pm) {
  addCleanup(pm);
  pm.addNestedPass<func::FuncOp>(createFoldConstants());
  addCleanup(pm);
}

void weft::buildImportPipeline(OpPassManager &pm) {
  buildSimplifyPipeline(pm);
  pm.addNestedPass<func::FuncOp>(createRaise());
  buildSimplifyPipeline(pm);
}

void weft::buildTrainPipeline(OpPassManager &pm, const TrainingOptions &options, const Target *target) {
  if (!options.precision.empty()) {
    SetPrecisionOptions precision;
    precision.type = options.precision;
    pm.addPass(createSetPrecisionPass(precision, target));
    addCleanup(pm);
  }
  if (options.isCut) {
    pm.addNestedPass<func::FuncOp>(createSamplesFirst());
    addCleanup(pm);
  }
  if (options.tp > 1) {
    pm.addPass(createUnpack());
    addCleanup(pm);
    RepeatHeadsOptions heads;
    heads.tp = options.tp;
    pm.addPass(createRepeatHeads(heads));
  }
  BuildTrainingStepOptions step;
  step.loss = options.loss;
  step.optimizer = options.optimizer;
  step.microbatches = options.microbatches;
  step.noDecay.assign(options.noDecay.begin(), options.noDecay.end());
  step.masterWeights = !options.precision.empty() && !options.narrowStates;
  step.narrowStates = options.narrowStates;
  // The smallest normal number of fp16 is 6e-5: gradients would vanish.
  step.clipping = options.clipping;
  step.lossScale = options.precision == "fp16";
  step.keepGradients = options.keepGradients;
  step.keepLogits = options.keepLogits;
  pm.addPass(createBuildTrainingStep(step));
  addCleanup(pm);
}

void weft::buildDecidePipeline(OpPassManager &pm, const PartitionOptions &options) {
  ApplyPlanOptions plan;
  plan.tp = options.tp;
  plan.shard = options.shard;
  plan.replica = options.replica;
  plan.order.assign(options.order.begin(), options.order.end());
  plan.sequenceParallel = options.sequenceParallel;
  plan.prescaledBatch = options.prescaledBatch;
  plan.shardParam.assign(options.shardParam.begin(), options.shardParam.end());
  pm.addPass(createApplyPlan(plan));
  // Where parameters are wanted decides how they are stored.
  PropagateOptions propagate;
  propagate.decide = false;
  pm.addPass(createPropagate(propagate));
  AssignStorageOptions storage;
  storage.zero = options.zero;
  storage.persistence = options.persistence;
  storage.accumulate = options.accumulate;
  storage.shardParam = plan.shardParam;
  pm.addPass(createAssignStorage(storage));
}

void weft::buildPartitionPipeline(OpPassManager &pm, const PartitionOptions &options) {
  if (options.plan) {
    pm.addPass(createApplyPlanPass(*options.plan));
    pm.addPass(createAssignStoragePass(*options.plan));
  } else {
    buildDecidePipeline(pm, options);
  }
  if (options.halves)
    pm.addPass(createCutInHalves());
  // Storage is a constraint again.
  pm.addPass(createPropagatePass(options.explain, options.rates, options.conflicts, options.gathered));
  pm.addPass(createPartition());
  addCleanup(pm);
  if (options.volume)
    pm.addPass(createRecordReshardsPass(*options.volume));
  pm.addPass(createLowerReshards());
  addCleanup(pm);
  if (options.halves) {
    pm.addPass(createUnrollHalves());
    addCleanup(pm);
  }
  if (options.volume)
    pm.addPass(createRecordVolumePass(*options.volume));
}

void weft::buildCommunicationPipeline(OpPassManager &pm, const CommunicationOptions &options) {
  BucketCollectivesOptions buckets;
  buckets.size = options.bucket;
  buckets.maxLive = options.maxLive;
  buckets.byBlock = options.overlap;
  pm.addNestedPass<func::FuncOp>(createBucketCollectives(buckets));
  HierarchicalGathersOptions gathers;
  gathers.ranksPerNode = options.ranksPerNode;
  pm.addPass(createHierarchicalGathers(gathers));
}

/// Library calls, and what is left in ops that kernels are formed of.
static void addLibraryCalls(OpPassManager &pm, const Target *target) {
  pm.addPass(createLowerRanks());
  pm.addNestedPass<func::FuncOp>(createExpandAttentionPass(target));
  pm.addNestedPass<func::FuncOp>(createLoopProductsPass(target));
  pm.addNestedPass<func::FuncOp>(createFuseActivationsPass(target));
  pm.addNestedPass<func::FuncOp>(createDecompose());
  addCleanup(pm);
}

void weft::buildKernelPipeline(OpPassManager &pm, const Target *target) {
  addLibraryCalls(pm, target);
  pm.addNestedPass<func::FuncOp>(createFormKernels());
}

void weft::buildSchedulePipeline(OpPassManager &pm, const Target *target, const MemoryOptions &memory,
                                 const CommunicationOptions &communication, const ScheduleReport &report) {
  pm.addNestedPass<func::FuncOp>(createPadColumnsPass({}, target));
  if (memory.logitChunks != 1) {
    ChunkRowsOptions rows;
    rows.chunks = memory.logitChunks;
    if (memory.logitChunks > 1)
      rows.bytes = 0;
    pm.addNestedPass<func::FuncOp>(createChunkRows(rows));
    addCleanup(pm);
  }
  addLibraryCalls(pm, target);
  pm.addNestedPass<func::FuncOp>(createPackGradients());
  pm.addNestedPass<func::FuncOp>(createFormKernels());
  PlanMemoryOptions plan;
  plan.remat = memory.remat;
  plan.limit = memory.limit;
  // Within a budget `auto` decides about each value; else all that waits for the backward pass is moved.
  bool decides = memory.offloadActivations && memory.remat == "auto" && memory.limit > 0;
  plan.horizon = decides ? memory.offloadHorizon : 0;
  StepRates rates = target ? target->rates() : StepRates();
  pm.addPass(createPlanMemoryPass(plan, rates, report.memory, report.patterns));
  if (memory.offloadActivations || memory.offloadOptimizer) {
    OffloadOptions offload;
    offload.activations = memory.offloadActivations && !decides;
    offload.decided = decides;
    offload.optimizer = memory.offloadOptimizer;
    offload.horizon = memory.offloadHorizon;
    offload.updates = memory.offloadUpdates;
    pm.addPass(createOffloadPass(offload, rates, report.updates));
  }
  if (communication.overlap) {
    pm.addNestedPass<func::FuncOp>(createInterleavePass(target ? target->rates() : StepRates()));
    PrefetchGathersOptions prefetch;
    prefetch.maxLive = communication.maxLive;
    pm.addNestedPass<func::FuncOp>(createPrefetchGathers(prefetch));
    pm.addNestedPass<func::FuncOp>(createDelayReaders());
  }
  if (target && target->groupsKernels())
    pm.addNestedPass<func::FuncOp>(createGroupKernels());
  ScheduleOptions schedule;
  schedule.overlap = communication.overlap;
  schedule.outstanding = communication.bucket;
  schedule.horizon = memory.offloadHorizon;
  pm.addPass(createSchedulePass(target, schedule, report.arena));
  pm.addPass(createVerifySchedule());
}

//===- TrainingTest.cpp - A training step on many meshes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The steps of one small GPT-2, on one device and on the ranks of a mesh in
// lock-step, by reference evaluation: parameters, moments, loss and gradient
// norm are the same after them.
//
//===----------------------------------------------------------------------===//

#include "compiler/pipeline/Dialects.h"
#include "compiler/pipeline/Pipelines.h"
#include "compiler/plan/Planner.h"
#include "dialects/dist/EvaluateRanks.h"
#include "dialects/weft/EvaluateFunction.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <gtest/gtest.h>
#include <map>
#include <random>

using namespace mlir;
using namespace weft;
using namespace weft::dist;

namespace {

struct Case {
  const char *name;
  PartitionOptions partition;
  int64_t microbatches = 1;
  CommunicationOptions communication = {};
};

void PrintTo(const Case &c, std::ostream *os) { *os << c.name; }

PartitionOptions mesh(int64_t tp, int64_t shard, int64_t replica, int64_t zero, bool sequence = false) {
  PartitionOptions options;
  options.tp = tp;
  options.shard = shard;
  options.replica = replica;
  options.zero = zero;
  options.sequenceParallel = sequence;
  options.persistence = 0;
  return options;
}

/// The same without a prescaled batch: each rank of tp has samples of its own between the blocks.
PartitionOptions unscaled(PartitionOptions options) {
  options.prescaledBatch = false;
  return options;
}

PartitionOptions accumulated(PartitionOptions options, const char *order) {
  options.accumulate = order;
  return options;
}

CommunicationOptions communication(int64_t bucket, int64_t ranksPerNode = 0, bool byBlock = false) {
  CommunicationOptions options;
  options.bucket = bucket;
  options.ranksPerNode = ranksPerNode;
  options.overlap = byBlock;
  return options;
}

using Values = std::map<std::string, Literal>;

class TrainingOnMesh : public ::testing::TestWithParam<Case> {
protected:
  TrainingOnMesh() : context(registry(), MLIRContext::Threading::DISABLED) { context.loadAllAvailableDialects(); }

  static DialectRegistry registry() {
    DialectRegistry result;
    registerDialects(result);
    return result;
  }

  OwningOpRef<ModuleOp> load(int64_t microbatches, const PartitionOptions &partition = {}) {
    ParserConfig config(&context);
    OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(WEFT_TEST_MODEL, config);
    EXPECT_TRUE(module);
    PassManager pm(&context);
    TrainingOptions training;
    training.microbatches = microbatches;
    training.isCut = partition.getNumRanks() > 1;
    training.tp = partition.tp;
    buildTrainPipeline(pm, training);
    EXPECT_TRUE(succeeded(pm.run(*module)));
    return module;
  }

  Literal random(RankedTensorType type, double scale) {
    std::normal_distribution<double> normal;
    std::vector<double> values(type.getNumElements());
    for (double &value : values)
      value = scale * normal(generator);
    return Literal::ofFloats(type, std::move(values));
  }

  /// Values of all parameters and states before the first step.
  Values initial(ModuleOp module) {
    Values values;
    generator.seed(7);
    for (ParamOp param : module.getOps<ParamOp>())
      values[param.getSymName().str()] = random(cast<RankedTensorType>(param.getType()), 0.2);
    for (StateOp state : module.getOps<StateOp>())
      values[state.getSymName().str()] = Literal(cast<RankedTensorType>(state.getType()));
    // Peak learning rate, final, warm-up, total, schedule, betas, eps, decay, clip, scale: docs/executable.md.
    const double hyper[] = {1e-2, 0, 0, 100, 0, 0.9, 0.95, 1e-8, 0.1, 0.5, 1};
    for (auto [i, value] : llvm::enumerate(hyper))
      values["hyper"].setFloat(i, value);
    return values;
  }

  /// The tokens of a micro-batch.
  std::vector<Literal> batch(func::FuncOp task, int64_t seed) {
    std::mt19937_64 g(seed);
    std::vector<Literal> result;
    for (BlockArgument argument : task.getArguments()) {
      auto type = cast<RankedTensorType>(argument.getType());
      std::vector<int64_t> values(type.getNumElements());
      for (int64_t &value : values)
        value = std::uniform_int_distribution<int64_t>(0, 31)(g);
      // One label of the step does not count.
      if (argument.getArgNumber() == 1 && seed % 2 == 0)
        values[3] = -100;
      result.push_back(Literal::ofInts(type, std::move(values)));
    }
    return result;
  }

  static std::vector<std::string> tasks(int64_t microbatches) {
    if (microbatches == 1)
      return {"task_step"};
    std::vector<std::string> names = {"task_first"};
    names.insert(names.end(), microbatches - 1, "task_next");
    names.push_back("task_update");
    return names;
  }

  MLIRContext context;
  std::mt19937_64 generator;
};

} // namespace

TEST_P(TrainingOnMesh, TrainsLikeOneDevice) {
  const Case &c = GetParam();
  constexpr int64_t steps = 2;
  OwningOpRef<ModuleOp> single = load(c.microbatches);
  Values expected = initial(*single);
  int64_t seed = 0;
  std::vector<std::vector<Literal>> batches;
  for (int64_t step = 0; step < steps; ++step)
    for (const std::string &name : tasks(c.microbatches)) {
      auto task = single->lookupSymbol<func::FuncOp>(name);
      batches.push_back(batch(task, seed++));
      Values after;
      SmallVector<Literal> results;
      ASSERT_TRUE(succeeded(evaluateFunction(
          task, batches.back(), results,
          [&](StringRef symbol) -> std::optional<Literal> { return expected.at(symbol.str()); },
          [&](StringRef symbol, const Literal &value) { after[symbol.str()] = value; })));
      for (auto &[symbol, value] : after)
        expected[symbol] = value;
    }

  OwningOpRef<ModuleOp> module = load(c.microbatches, c.partition);
  Values whole = initial(*module);
  {
    // Decided, then carried out, as the driver does it.
    Plan plan;
    for (const char *name : {"replica", "shard", "tp"})
      if (int64_t size = name == StringRef("tp")      ? c.partition.tp
                         : name == StringRef("shard") ? c.partition.shard
                                                      : c.partition.replica;
          size > 1)
        plan.axes.push_back({name, size});
    plan.prescaledBatch = c.partition.prescaledBatch;
    ASSERT_TRUE(succeeded(decidePlan(*module, c.partition, plan)));
    ASSERT_TRUE(succeeded(checkPlan(*module, plan)));
    PartitionOptions options = c.partition;
    options.plan = &plan;
    PassManager pm(&context);
    buildPartitionPipeline(pm, options);
    buildCommunicationPipeline(pm, c.communication);
    ASSERT_TRUE(succeeded(pm.run(*module)));
    ASSERT_TRUE(succeeded(verify(*module)));
  }
  Mesh mesh = meshOf(*module);
  ASSERT_EQ(mesh.getNumRanks(), c.partition.getNumRanks());
  std::map<std::string, Sharding> stored;
  for (Operation &op : *module->getBody())
    if (isa<ParamOp, StateOp>(op))
      stored[SymbolTable::getSymbolName(&op).str()] = storedSharding(mesh, &op);
  std::vector<Values> ranks(mesh.getNumRanks());
  for (int64_t rank = 0; rank < mesh.getNumRanks(); ++rank)
    for (auto &[symbol, value] : whole)
      ranks[rank][symbol] = cutForRank(mesh, stored.at(symbol), value, rank);

  auto nextBatch = batches.begin();
  for (int64_t step = 0; step < steps; ++step)
    for (const std::string &name : tasks(c.microbatches)) {
      auto task = module->lookupSymbol<func::FuncOp>(name);
      std::vector<SmallVector<Literal>> inputs(mesh.getNumRanks()), results(mesh.getNumRanks());
      for (int64_t rank = 0; rank < mesh.getNumRanks(); ++rank)
        for (auto [i, value] : llvm::enumerate(*nextBatch)) {
          auto attr = task.getArgAttrOfType<ShardingAttr>(i, shardingAttr);
          inputs[rank].push_back(cutForRank(mesh, attr ? *fromAttr(mesh, attr) : Sharding::whole(mesh), value, rank));
        }
      ++nextBatch;
      std::vector<Values> after(mesh.getNumRanks());
      ASSERT_TRUE(succeeded(evaluateOnRanks(
          task, inputs, results,
          [&](int64_t rank, StringRef symbol) -> std::optional<Literal> { return ranks[rank].at(symbol.str()); },
          [&](int64_t rank, StringRef symbol, const Literal &value) { after[rank][symbol.str()] = value; })));
      for (int64_t rank = 0; rank < mesh.getNumRanks(); ++rank)
        for (auto &[symbol, value] : after[rank])
          ranks[rank][symbol] = value;
    }

  for (auto &[symbol, value] : expected) {
    // Accumulators are not read again after the update.
    if (StringRef(symbol).starts_with("grad/"))
      continue;
    std::vector<Literal> parts;
    for (Values &values : ranks)
      parts.push_back(values.at(symbol));
    double difference = 0;
    Literal actual = joinRanks(mesh, stored.at(symbol), stored.at(symbol).globalType(mesh, parts.front().getType()),
                               parts, difference);
    EXPECT_EQ(difference, 0) << symbol << " differs between ranks that should hold the same";
    ASSERT_EQ(actual.getNumElements(), value.getNumElements());
    double largest = 1e-12, apart = 0;
    for (int64_t i = 0, count = value.getNumElements(); i < count; ++i) {
      largest = std::max(largest, std::abs(value.getNumber(i)));
      apart = std::max(apart, std::abs(value.getNumber(i) - actual.getNumber(i)));
    }
    EXPECT_LE(apart, 2e-4 * largest) << symbol;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Meshes, TrainingOnMesh,
    ::testing::Values(
        Case{"dp2", mesh(1, 1, 2, 0)}, Case{"dp2_zero1", mesh(1, 2, 1, 1)}, Case{"dp2_zero2", mesh(1, 2, 1, 2)},
        Case{"dp2_zero3", mesh(1, 2, 1, 3)}, Case{"dp4_hybrid_zero3", mesh(1, 2, 2, 3), 1},
        Case{"tp2", mesh(2, 1, 1, 0)}, Case{"tp2_sequence", mesh(2, 1, 1, 0, true)},
        Case{"tp2_dp2_zero3", mesh(2, 2, 1, 3)}, Case{"tp2_dp2_zero3_sequence", mesh(2, 2, 1, 3, true)},
        Case{"tp2_hybrid_zero2_sequence", mesh(2, 2, 2, 2, true)}, Case{"dp2_mb2", mesh(1, 1, 2, 0), 2},
        Case{"dp2_mb2_zero1", mesh(1, 2, 1, 1), 2}, Case{"dp2_mb2_zero2", mesh(1, 2, 1, 2), 2},
        Case{"dp2_mb2_zero3_mb", accumulated(mesh(1, 2, 1, 3), "mb"), 2},
        Case{"hybrid_mb2_zero1_dp", accumulated(mesh(1, 2, 2, 1), "dp"), 2},
        Case{"dp2_mb2_dp", accumulated(mesh(1, 1, 2, 0), "dp"), 2}, Case{"tp2_unscaled", unscaled(mesh(2, 1, 1, 0))},
        Case{"tp2_dp2_mb2_zero2_unscaled", unscaled(mesh(2, 2, 1, 2)), 2},
        Case{"hybrid_mb2_zero3", mesh(1, 2, 2, 3), 2}, Case{"tp2_dp2_mb3_zero3_sequence", mesh(2, 2, 1, 3, true), 3},
        // Buckets of a few parameters, and of one; all-reduces block by block.
        Case{"dp2_buckets", mesh(1, 1, 2, 0), 1, communication(3000)},
        Case{"dp2_blocks", mesh(1, 1, 2, 0), 1, communication(1 << 30, 0, true)},
        Case{"dp2_zero1_buckets", mesh(1, 2, 1, 1), 1, communication(3000)},
        Case{"dp2_zero3_alone", mesh(1, 2, 1, 3), 1, communication(1)},
        // Gathers over an axis that spans nodes: of ranks one after another, and with tp inside.
        Case{"dp4_zero3_nodes", mesh(1, 4, 1, 3), 1, communication(1 << 30, 2)},
        Case{"dp4_zero1_nodes", mesh(1, 4, 1, 1), 1, communication(3000, 2)},
        Case{"tp2_dp4_mb2_zero3_nodes", mesh(2, 4, 1, 3, true), 2, communication(1 << 30, 4)}),
    [](const auto &info) { return std::string(info.param.name); });

//===- PartitionTest.cpp - Random programs on random meshes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What all ranks compute of a random program in lock-step is what one device
// computes, before and after reshards become collectives. What stands in the
// padding of arguments is no number, so that whatever reads it shows.
// WEFT_CASES chooses how many.
//
//===----------------------------------------------------------------------===//

#include "RandomCase.h"
#include "dialects/weft/EvaluateFunction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/shard/Passes.h"
#include "passes/shard/ReshardCost.h"
#include "passes/shard/Volume.h"
#include <cstdlib>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace weft;
using namespace weft::dist;

namespace {

/// A case, and what it computes.
class LockStepCase : public test::RandomCase {
public:
  using RandomCase::RandomCase;
  /// What is wrong; empty if nothing is.
  std::string check();
  std::string partitioned; ///< the program between partition and lowering

private:
  bool run(llvm::function_ref<void(OpPassManager &)> build) {
    PassManager pm(module->getContext());
    build(pm);
    return succeeded(pm.run(*module));
  }
  std::string compare(const char *stage);

  SmallVector<Literal> expected;
};

} // namespace

/// What a rank holds, with NaN and numbers beyond all sizes in the padding.
static Literal cutWithGarbage(const Mesh &mesh, const Sharding &sharding, const Literal &whole, int64_t rank) {
  Literal local = cutForRank(mesh, sharding, whole, rank);
  if (sharding.divides(mesh, whole.getType()))
    return local;
  // An element is in the tensor if it is one of ones cut in the same way.
  std::vector<int64_t> ones(whole.getNumElements(), 1);
  auto flags = cast<RankedTensorType>(whole.getType().clone(IntegerType::get(whole.getType().getContext(), 64)));
  Literal isInside = cutForRank(mesh, sharding, Literal::ofInts(flags, std::move(ones)), rank);
  std::vector<double> floats;
  std::vector<int64_t> ints;
  for (int64_t i = 0, count = local.getNumElements(); i < count; ++i) {
    if (local.isFloat())
      floats.push_back(isInside.getInt(i) ? local.getFloat(i) : NAN);
    else
      ints.push_back(isInside.getInt(i) ? local.getInt(i) : int64_t(1) << 40);
  }
  return local.isFloat() ? Literal::ofFloats(local.getType(), std::move(floats))
                         : Literal::ofInts(local.getType(), std::move(ints));
}

std::string LockStepCase::compare(const char *stage) {
  if (failed(verify(*module)))
    return std::string(stage) + ": does not verify";
  int64_t ranks = mesh.getNumRanks();
  std::vector<SmallVector<Literal>> inputs(ranks), results(ranks);
  for (int64_t rank = 0; rank < ranks; ++rank)
    for (auto [sharding, value] : llvm::zip_equal(shardings, arguments))
      inputs[rank].push_back(cutWithGarbage(mesh, sharding, value, rank));
  if (failed(evaluateOnRanks(function, inputs, results)))
    return std::string(stage) + ": cannot be evaluated";
  for (size_t i = 0; i < expected.size(); ++i) {
    SmallVector<Literal> parts;
    for (int64_t rank = 0; rank < ranks; ++rank)
      parts.push_back(results[rank][i]);
    double difference = 0;
    Literal actual = joinRanks(mesh, Sharding::whole(mesh), parts.front().getType(), parts, difference);
    if (difference != 0)
      return std::string(stage) + ": ranks differ in result " + std::to_string(i) + " by " + std::to_string(difference);
    double largest = 1;
    for (int64_t j = 0, count = actual.getNumElements(); j < count; ++j)
      largest = std::max(largest, std::abs(expected[i].getFloat(j)));
    for (int64_t j = 0, count = actual.getNumElements(); j < count; ++j)
      if (!(std::abs(actual.getFloat(j) - expected[i].getFloat(j)) <= 1e-9 * largest))
        return std::string(stage) + ": result " + std::to_string(i) + "[" + std::to_string(j) + "] is " +
               std::to_string(actual.getFloat(j)) + ", not " + std::to_string(expected[i].getFloat(j));
  }
  return "";
}

std::string LockStepCase::check() {
  expected = evaluate();
  if (expected.empty())
    return "the program cannot be evaluated";
  if (!run([](OpPassManager &pm) {
        pm.addPass(createPropagate());
        pm.addPass(createPartition());
      }))
    return "propagation or partition failed";
  if (std::string fault = compare("partitioned"); !fault.empty())
    return fault;
  partitioned = print();
  if (!run([](OpPassManager &pm) {
        pm.addPass(createCanonicalizerPass());
        pm.addPass(createLowerReshards());
        pm.addPass(createCSEPass());
      }))
    return "lowering failed";
  return compare("lowered");
}

TEST(Partition, ComputesWhatOneDeviceDoes) {
  DialectRegistry registry;
  registry.insert<WeftDialect, DistDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
  registerExternalModels(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  const char *cases = std::getenv("WEFT_CASES"), *first = std::getenv("WEFT_FIRST");
  int64_t begin = first ? std::atoll(first) : 0, count = cases ? std::atoll(cases) : 500, faults = 0, withPadding = 0;
  for (int64_t seed = begin; seed < begin + count && faults < 3; ++seed) {
    LockStepCase random(context, seed, Float64Type::get(&context));
    random.compose();
    std::string before = random.print();
    std::string fault = random.check();
    // Generated programs pad nothing themselves.
    withPadding += random.print().find("weft.pad ") != std::string::npos;
    if (fault.empty())
      continue;
    ++faults;
    ADD_FAILURE() << "seed " << seed << ": " << fault << "\n"
                  << before << "\nwas partitioned to\n"
                  << random.partitioned << "\nbecame\n"
                  << random.print();
  }
  // Many of them reshard tensors that do not divide.
  EXPECT_GE(10 * withPadding, count) << withPadding << " cases with padding of " << count;
}

/// The collectives between two shardings, written as "kind:axes:elements".
static std::string stepsOf(const ReshardMesh &mesh, const HeldAs &from, const HeldAs &to, ArrayRef<int64_t> shape) {
  CheapestReshards cheapest(mesh);
  std::string text;
  for (const ReshardStep &step : cheapest.find(from, to, shape)) {
    if (!step.isCollective())
      continue;
    text += (text.empty() ? "" : " ") + step.name().str() + ":";
    for (int64_t axis : step.axes)
      text += "xyz"[axis];
    text += ":" + std::to_string(step.elements);
  }
  return text;
}

TEST(CheapestReshards, SendTheLeast) {
  constexpr int8_t W = kHeldWhole, U = kHeldUnreduced;
  ReshardMesh mesh{{2, 4}, {0, 1}}; // x and y; ranks along y are next to each other
  EXPECT_EQ(stepsOf(mesh, {W, W}, {0, 1}, {8, 8}), "");
  EXPECT_EQ(stepsOf(mesh, {U, W}, {W, W}, {8, 8}), "all_reduce:x:64");
  EXPECT_EQ(stepsOf(mesh, {U, U}, {W, W}, {8, 8}), "all_reduce:xy:64");
  EXPECT_EQ(stepsOf(mesh, {U, W}, {0, W}, {8, 8}), "reduce_scatter:x:64");
  EXPECT_EQ(stepsOf(mesh, {0, W}, {1, W}, {8, 8}), "all_to_all:x:32");
  // Near ranks scatter first, and far ranks gather first, while there is little.
  EXPECT_EQ(stepsOf(mesh, {U, U}, {0, 1}, {8, 8}), "reduce_scatter:y:64 reduce_scatter:x:16");
  EXPECT_EQ(stepsOf(mesh, {0, 1}, {W, W}, {8, 8}), "all_gather:x:16 all_gather:y:64");
  EXPECT_EQ(stepsOf(mesh, {0, 0}, {W, W}, {8, 8}), "all_gather:xy:64");
  // What is padded by one axis is not put together with the other one.
  EXPECT_EQ(stepsOf(mesh, {0, 0}, {W, W}, {6, 8}), "all_gather:y:32 all_gather:x:48");
  // A major axis can only leave after the minor one, which comes back for nothing.
  EXPECT_EQ(stepsOf(mesh, {0, 0}, {W, 0}, {8, 8}), "all_gather:xy:64");
  EXPECT_EQ(stepsOf(mesh, {0, 0}, {1, 0}, {8, 8}), "all_gather:y:32 all_to_all:x:32");
  // A sum is scattered before it is gathered along another axis, and padding is scattered too.
  EXPECT_EQ(stepsOf(mesh, {U, 0}, {1, W}, {8, 8}), "reduce_scatter:x:16 all_gather:y:32");
  EXPECT_EQ(stepsOf(mesh, {W, U}, {W, 0}, {6, 8}), "reduce_scatter:y:64");
  // Halves lie on one rank: each sends its own, but what both make together is sent once.
  ReshardMesh halves{{2, 2}, {0, 1}, 1};
  EXPECT_EQ(stepsOf(halves, {U, W}, {W, W}, {8, 8}), "all_reduce:x:64");
  EXPECT_EQ(stepsOf(halves, {U, 0}, {W, 0}, {8, 8}), "all_reduce:x:64");
  EXPECT_EQ(stepsOf(halves, {U, U}, {W, W}, {8, 8}), "all_reduce:x:64");
  EXPECT_EQ(stepsOf(halves, {1, 0}, {W, 0}, {8, 8}), "all_gather:x:64");
}

namespace {

/// A reshard that is drawn, of sizes that often do not divide.
struct RandomReshard {
  explicit RandomReshard(std::mt19937_64 &random);

  Mesh mesh;
  SmallVector<int64_t> shape;
  Sharding from, to;
};

} // namespace

RandomReshard::RandomReshard(std::mt19937_64 &random) {
  auto below = [&](int64_t limit) { return static_cast<int64_t>(random() % static_cast<uint64_t>(limit)); };
  for (int64_t axis = 0, count = 1 + below(3); axis < count; ++axis) {
    mesh.axes.push_back(std::string(1, static_cast<char>('x' + axis)));
    mesh.sizes.push_back(2 + below(3));
    mesh.order.insert(mesh.order.begin() + below(axis + 1), axis);
  }
  for (int64_t dim = 0, rank = 1 + below(3); dim < rank; ++dim)
    shape.push_back(below(2) ? 12 : 1 + below(9));
  for (int64_t axis = 0, rank = static_cast<int64_t>(shape.size()); axis < mesh.getNumAxes(); ++axis) {
    from.axes.push_back(static_cast<int8_t>(below(rank + 2) - 2));
    to.axes.push_back(static_cast<int8_t>(below(rank + 1) - 1));
    if (from[axis] == Sharding::Unreduced && below(4) == 0)
      to[axis] = Sharding::Unreduced;
  }
}

/// What all ranks together have after the task, of a tensor that is cut for them before it; and by how much ranks that
/// should have the same differ.
static std::pair<Literal, double> carriedOut(ModuleOp module, const RandomReshard &reshard, const Literal &tensor) {
  int64_t ranks = reshard.mesh.getNumRanks();
  std::vector<SmallVector<Literal>> inputs(ranks), results(ranks);
  // Parts of a sum are zeros on most ranks, in the tensor and beyond it.
  bool isSum = llvm::is_contained(reshard.from.axes, Sharding::Unreduced);
  for (int64_t rank = 0; rank < ranks; ++rank)
    inputs[rank].push_back(isSum ? cutForRank(reshard.mesh, reshard.from, tensor, rank)
                                 : cutWithGarbage(reshard.mesh, reshard.from, tensor, rank));
  double difference = 0;
  SmallVector<Literal> parts;
  if (succeeded(evaluateOnRanks(module.lookupSymbol<func::FuncOp>("task_step"), inputs, results)))
    for (SmallVector<Literal> &result : results)
      parts.push_back(result.front());
  if (parts.empty())
    return {tensor, 1};
  Literal whole = joinRanks(reshard.mesh, reshard.to, tensor.getType(), parts, difference);
  return {whole, difference};
}

TEST(LowerReshards, SendsWhatTheStepsSay) {
  DialectRegistry registry;
  registry.insert<WeftDialect, DistDialect, arith::ArithDialect, func::FuncDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::mt19937_64 random(1);
  auto below = [&](int64_t limit) { return static_cast<int64_t>(random() % static_cast<uint64_t>(limit)); };
  int64_t sending = 0;
  for (int number = 0; number < 600; ++number) {
    RandomReshard reshard(random);
    const Mesh &mesh = reshard.mesh;
    auto whole = RankedTensorType::get(reshard.shape, Float32Type::get(&context));
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
    OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
    Location loc = module->getLoc();
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, mesh.getNumAxes()));
    MeshOp::create(builder, loc, "mesh", axesAttr(&context, mesh, axes), builder.getDenseI64ArrayAttr(mesh.sizes),
                   axesAttr(&context, mesh, mesh.order));
    auto type = builder.getFunctionType(reshard.from.localType(mesh, whole), reshard.to.localType(mesh, whole));
    auto task = func::FuncOp::create(builder, loc, "task_step", type);
    builder.setInsertionPointToStart(task.addEntryBlock());
    Value result = task.getArgument(0);
    if (reshard.from != reshard.to)
      result = ReshardOp::create(builder, loc, result, mesh, reshard.from, reshard.to, whole);
    func::ReturnOp::create(builder, loc, result);
    std::string before;
    llvm::raw_string_ostream os(before);
    module->print(os);
    double least = 0, sent = 0;
    for (const Plan::Collective &c : leastVolumeOf(*module))
      least += *c.leastBytes;
    PassManager pm(&context);
    pm.addPass(createLowerReshards());
    ASSERT_TRUE(succeeded(pm.run(*module)));
    for (const Plan::Collective &c : volumeOf(*module))
      sent += c.bytes;
    sending += sent > 0;
    EXPECT_NEAR(sent, least, 1e-9 * least) << before;
    std::vector<double> numbers(whole.getNumElements());
    for (double &value : numbers)
      value = static_cast<double>(below(100));
    Literal tensor = Literal::ofFloats(whole, numbers);
    auto [actual, difference] = carriedOut(*module, reshard, tensor);
    EXPECT_EQ(difference, 0) << before;
    for (int64_t i = 0, count = tensor.getNumElements(); i < count; ++i)
      ASSERT_EQ(actual.getFloat(i), tensor.getFloat(i)) << before;
  }
  EXPECT_GE(sending, 300);
}

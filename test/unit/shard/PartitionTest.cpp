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
#include <cstdlib>
#include <gtest/gtest.h>

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

//===- StepTimeTest.cpp - What a task is predicted to take ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/StepTime.h"
#include "compiler/pipeline/Dialects.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;

namespace {

/// Round numbers: a product of 64 x 64 x 64 takes four waves of 1 ms, a collective of its result 1 ms.
class TestTarget : public Target {
public:
  explicit TestTarget(double beside = 0, bool copies = false) : copies(copies) {
    own.bytesPerSecond = 1e12;
    own.linkBytesPerSecond = 64 * 64 * 4 / 1e-3;
    own.collectiveSeconds = 0;
    own.besideLibrary = beside;
    own.besideCopies = beside / 2;
    own.products.rows = own.products.columns = 16;
    own.products.units = 4;
    own.products.flopsPerSecond = own.products.wideFlopsPerSecond = 4 * 2 * 16 * 16 * 64 / 1e-3;
  }
  bool takes(exec::LibraryOpInterface) const override { return true; }
  int64_t workspaceBytes(exec::LibraryOpInterface) const override { return 0; }
  llvm::StringRef carrier(exec::LibraryOpInterface) const override { return copies ? "copy" : ""; }
  StepRates rates() const override { return own; }

  StepRates own;
  bool copies;
};

struct StepTimeTest : testing::Test {
  StepTimeTest() {
    DialectRegistry registry;
    registerDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  StepTime timeOf(const std::string &body, const Target &target) {
    std::string text = "dist.mesh @mesh [\"dp\", \"tp\"] [2, 2]\n"
                       "func.func @task_step(%a: tensor<64x64xf32>, %b: tensor<64x64xf32>, %w: tensor<64x64xf32>, "
                       "%n: tensor<64x80xf32>) {\n" +
                       body + "  return\n}\n";
    module = parseSourceString<ModuleOp>(text, &context);
    if (!module) {
      ADD_FAILURE() << text;
      return {};
    }
    return weft::timeOf(*module->getOps<func::FuncOp>().begin(), target);
  }

  static std::string product(const char *name, const char *lhs, const char *rhs = "%w", const char *columns = "64") {
    return std::string("  ") + name + " = exec.product " + lhs + ", " + rhs +
           " batch [] x [] contract [1] x [0] : (tensor<64x64xf32>, tensor<64x" + columns + "xf32>) -> tensor<64x" +
           columns + "xf32>\n";
  }
  static std::string reduce(const char *name, const char *input, const char *attributes = "", const char *axis = "tp") {
    return std::string("  ") + name + " = dist.all_reduce sum " + input + " over [\"" + axis + "\"] {" + attributes +
           "} : tensor<64x64xf32> -> tensor<64x64xf32>\n";
  }
  static std::string first(const char *name, const char *input) { return reduce(name, input, "dist.half = 0"); }
  static std::string second(const char *name, const char *input) { return reduce(name, input, "dist.half = 1"); }

  /// A layer of two products with a reduction between them: as a whole, of both halves.
  std::string whole = product("%p", "%a") + reduce("%r", "%p") + product("%q", "%r");
  std::string halves = product("%p0", "%a") + product("%p1", "%b") + first("%r0", "%p0") + second("%r1", "%p1") +
                       product("%q0", "%r0") + product("%q1", "%r1");

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

constexpr double ms = 1e-3;

// What a product needs is waited for: whole, the reduction is exposed.
TEST_F(StepTimeTest, ExposesWhatIsNeededNext) {
  StepTime time = timeOf(whole, TestTarget());
  EXPECT_NEAR(time.computing, 8 * ms, 1e-9);
  EXPECT_NEAR(time.communicating, 1 * ms, 1e-9);
  EXPECT_NEAR(time.exposed, 1 * ms, 1e-9);
  EXPECT_NEAR(time.total(), 9 * ms, 1e-9);
  EXPECT_NEAR(time.least(), 8 * ms, 1e-9);
}

// In halves each reduction has a product of the other half beside it.
TEST_F(StepTimeTest, HidesOneHalfBehindTheOther) {
  StepTime time = timeOf(halves, TestTarget());
  EXPECT_NEAR(time.computing, 16 * ms, 1e-9);
  EXPECT_NEAR(time.communicating, 2 * ms, 1e-9);
  EXPECT_NEAR(time.exposed, 0, 1e-9);
}

// Where computing loses all that a collective takes, nothing is gained, whatever is hidden; copies cost what they cost.
TEST_F(StepTimeTest, ChargesWhatRunsBeside) {
  StepTime time = timeOf(halves, TestTarget(1));
  EXPECT_NEAR(time.total(), time.computing + time.communicating, 1e-9);
  EXPECT_NEAR(timeOf(whole, TestTarget(1)).total(), 9 * ms, 1e-9);
  EXPECT_NEAR(timeOf(halves, TestTarget(1, /*copies=*/true)).total(), 17 * ms, 1e-9);
}

// A link that is slower than what runs beside it is exposed by the rest.
TEST_F(StepTimeTest, ExposesWhatExceeds) {
  TestTarget slow;
  slow.own.linkBytesPerSecond /= 10;
  StepTime time = timeOf(halves, slow);
  // The first reduction runs from 4 to 14 ms, the second to 24, its reader to 28.
  EXPECT_NEAR(time.exposed + time.computing, 28 * ms, 1e-9);
}

// What is reduced over other axes takes the same either way.
TEST_F(StepTimeTest, LeavesOtherAxesOut) {
  StepTime time = timeOf(product("%p", "%a") + reduce("%r", "%p", "", "dp") + product("%q", "%r"), TestTarget());
  EXPECT_EQ(time.communicating, 0);
  EXPECT_NEAR(time.total(), 8 * ms, 1e-9);
}

// 64 x 80 are 20 tiles, five full waves of four; where tiles do not fill the last wave, smaller ones may.
TEST_F(StepTimeTest, CountsWaves) {
  TestTarget target;
  EXPECT_NEAR(timeOf(product("%p", "%a", "%n", "80"), target).computing, 5 * ms, 1e-9);
  target.own.products.units = 3;
  target.own.products.flopsPerSecond *= 0.75;
  target.own.products.wideFlopsPerSecond *= 0.75;
  // 16 tiles on three units: six waves, the last of them of one tile; in tiles of a quarter 22, of which 21 are full.
  EXPECT_NEAR(timeOf(product("%p", "%a"), target).computing, 22 * 0.25 * ms, 1e-9);
  target.own.products.waveSeconds = 0.1 * ms;
  EXPECT_NEAR(timeOf(product("%p", "%a"), target).computing, 6 * 1.1 * ms, 1e-9);
}

// A step is its tasks, each as often as it runs.
TEST(StepTime, Adds) {
  StepTime task{4, 2, 1, 0.5};
  EXPECT_EQ(task.total(), 5.25);
  StepTime step = task * 3;
  step += StepTime{1, 0, 0, 0};
  EXPECT_EQ(step.total(), 16.75);
  EXPECT_EQ(step.least(), 14.5);
}

} // namespace

//===- LossScaleTest.cpp - Scaled losses, executed -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A scaled step is the step; one that overflows changes nothing but the scale;
// and the scale follows the rules of the mixed-precision libraries.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

BuildTrainingStepOptions scaled(int64_t microbatches = 1) {
  BuildTrainingStepOptions options;
  options.lossScale = true;
  options.keepGradients = true;
  options.microbatches = microbatches;
  return options;
}

/// Factor 2, a window of three steps, at least 4, hysteresis `shift`; `flags` as in docs/executable.md.
void setScaling(Machine &machine, double scale, double shift = 1, double flags = 1) {
  for (auto [i, value] : llvm::enumerate(std::vector<double>{2, 3, 4, shift, flags}))
    machine.memory["hyper"].setFloat(11 + i, value);
  machine.memory["loss_scale"].setFloat(0, scale);
  machine.memory["loss_scale_hysteresis"].setInt(0, static_cast<int64_t>(shift));
}

class LossScale : public ::testing::Test {
protected:
  void step(Machine &machine) {
    machine.run("step", {machine.tokens(kTokens, {4, 3}), machine.tokens(kLabels, {4, 3})});
  }
  /// A step whose gradients are not finite: a weight that is infinite.
  void overflow(Machine &machine) {
    Literal embed = machine.memory["embed"];
    machine.memory["embed"].setFloat(0, std::numeric_limits<double>::infinity());
    step(machine);
    machine.memory["embed"] = embed;
  }
};

/// Whether it is one batch or four micro-batches.
TEST_F(LossScale, ScaledStepIsTheStep) {
  for (int64_t count : {1, 4}) {
    BuildTrainingStepOptions plain = scaled(count);
    plain.lossScale = false;
    Machine with(tiedModel(4 / count), scaled(count)), without(tiedModel(4 / count), plain);
    setScaling(with, 1536);
    for (int64_t i = 0; i < 3; ++i)
      for (Machine *machine : {&with, &without}) {
        if (count == 1) {
          step(*machine);
          continue;
        }
        for (int64_t part = 0; part < 4; ++part)
          machine->run(part == 0 ? "first" : "next",
                       {machine->tokens(llvm::ArrayRef(kTokens).slice(3 * part, 3), {1, 3}),
                        machine->tokens(llvm::ArrayRef(kLabels).slice(3 * part, 3), {1, 3})});
        machine->run("update", {});
      }
    for (const auto &[name, value] : without.memory)
      if (name != "hyper")
        expectClose(with.memory.at(name), value, 1e-9, name);
    EXPECT_EQ(with.number("skipped_steps"), 0);
    EXPECT_EQ(with.number("loss_scale_step"), 3);
  }
}

TEST_F(LossScale, OverflowChangesNothingButTheScale) {
  Machine machine(tiedModel(4), scaled());
  setScaling(machine, 1024);
  step(machine);
  auto before = machine.memory;
  overflow(machine);
  for (const char *name :
       {"embed", "gamma", "adamw.m/embed", "adamw.v/embed", "adamw.m/gamma", "adamw.v/gamma", "step"})
    expectClose(machine.memory.at(name), before.at(name), 0, name);
  EXPECT_EQ(machine.number("loss_scale"), 512);
  EXPECT_EQ(machine.number("skipped_steps"), 1);
  EXPECT_FALSE(std::isfinite(machine.number("grad_norm")));
  // The schedule has not moved: this is still its second step.
  step(machine);
  EXPECT_EQ(machine.number("step"), 2);
  EXPECT_TRUE(std::isfinite(machine.number("grad_norm")));
}

TEST_F(LossScale, GrowsAfterAWindowWithoutOverflowAndHasALeast) {
  Machine machine(tiedModel(4), scaled());
  setScaling(machine, 8);
  std::vector<double> scales;
  for (int64_t i = 0; i < 7; ++i) {
    step(machine);
    scales.push_back(machine.number("loss_scale"));
  }
  EXPECT_EQ(scales, (std::vector<double>{8, 8, 16, 16, 16, 32, 32}));
  scales.clear();
  for (int64_t i = 0; i < 4; ++i) {
    overflow(machine);
    scales.push_back(machine.number("loss_scale"));
  }
  EXPECT_EQ(scales, (std::vector<double>{16, 8, 4, 4}));
  // The window counts from the last overflow.
  scales.clear();
  for (int64_t i = 0; i < 4; ++i) {
    step(machine);
    scales.push_back(machine.number("loss_scale"));
  }
  EXPECT_EQ(scales, (std::vector<double>{4, 4, 8, 8}));
}

TEST_F(LossScale, HysteresisForgivesOverflows) {
  Machine machine(tiedModel(4), scaled());
  setScaling(machine, 64, /*shift=*/2);
  overflow(machine);
  EXPECT_EQ(machine.number("loss_scale"), 64);
  step(machine);
  overflow(machine);
  EXPECT_EQ(machine.number("loss_scale"), 32);
  // With consecutive hysteresis a good step forgives at once.
  Machine consecutive(tiedModel(4), scaled());
  setScaling(consecutive, 64, /*shift=*/2, /*flags=*/2);
  overflow(consecutive);
  step(consecutive);
  overflow(consecutive);
  EXPECT_EQ(consecutive.number("loss_scale"), 64);
  overflow(consecutive);
  EXPECT_EQ(consecutive.number("loss_scale"), 32);
}

TEST_F(LossScale, StaticScaleStaysAndStillSkips) {
  Machine machine(tiedModel(4), scaled());
  setScaling(machine, 64, /*shift=*/1, /*flags=*/0);
  for (int64_t i = 0; i < 4; ++i)
    step(machine);
  Literal embed = machine.memory["embed"];
  overflow(machine);
  EXPECT_EQ(machine.number("loss_scale"), 64);
  EXPECT_EQ(machine.number("skipped_steps"), 1);
  expectClose(machine.memory["embed"], embed, 0, "embed");
}

} // namespace

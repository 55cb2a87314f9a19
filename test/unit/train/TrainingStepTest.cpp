//===- TrainingStepTest.cpp - Training steps, executed -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs the tasks that the pass builds with the reference evaluator: micro-
// batches and one large batch must give the same parameters, and the numbers of
// a step must be those of formulas written by hand.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

/// Micro-batches of different numbers of counted labels weigh by that number.
void checkMicrobatches(const std::string &optimizer) {
  BuildTrainingStepOptions one, four;
  one.optimizer = four.optimizer = optimizer;
  one.keepGradients = true;
  four.microbatches = 4;
  Machine large(tiedModel(4), one), small(tiedModel(1), four);
  for (int64_t step = 0; step < 3; ++step) {
    large.run("step", {large.tokens(kTokens, {4, 3}), large.tokens(kLabels, {4, 3})});
    for (int64_t i = 0; i < 4; ++i)
      small.run(i == 0 ? "first" : "next", {small.tokens(ArrayRef(kTokens).slice(3 * i, 3), {1, 3}),
                                            small.tokens(ArrayRef(kLabels).slice(3 * i, 3), {1, 3})});
    small.run("update", {});
    for (const auto &[name, value] : large.memory)
      expectClose(small.memory.at(name), value, 1e-6, name);
  }
  EXPECT_EQ(large.number("step"), 3);
  EXPECT_EQ(large.number("loss_count"), 9);
}

TEST(TrainingStep, AdamWOfMicrobatchesIsThatOfOneBatch) { checkMicrobatches("adamw"); }
TEST(TrainingStep, AdamOfMicrobatchesIsThatOfOneBatch) { checkMicrobatches("adam"); }
TEST(TrainingStep, SgdOfMicrobatchesIsThatOfOneBatch) { checkMicrobatches("sgd"); }

TEST(TrainingStep, LossFalls) {
  Machine machine(tiedModel(4), {});
  Literal tokens = machine.tokens(kTokens, {4, 3}), labels = machine.tokens(kLabels, {4, 3});
  Literal frozen = machine.memory["frozen"];
  machine.run("eval", {tokens, labels});
  double before = machine.number("eval_loss_sum") / machine.number("eval_loss_count");
  for (int64_t step = 0; step < 20; ++step)
    machine.run("step", {tokens, labels});
  machine.run("eval", {tokens, labels});
  EXPECT_LT(machine.number("eval_loss_sum") / machine.number("eval_loss_count"), 0.7 * before);
  expectClose(machine.memory["frozen"], frozen, 0, "frozen");
}

/// y = w x, mean squared error against labels, one step of SGD by hand.
TEST(TrainingStep, ClippedSgdByHand) {
  BuildTrainingStepOptions options;
  options.loss = "mse";
  options.optimizer = "sgd";
  options.keepGradients = true;
  Machine machine(R"(
    weft.param @w : tensor<2xf64> trainable = #weft.constant<1.0>
    func.func @forward(%x: tensor<2xf64> {weft.name = "x", weft.role = "field"})
        -> (tensor<2xf64> {weft.name = "y"}) {
      %w = weft.read @w : tensor<2xf64>
      %y = arith.mulf %x, %w : tensor<2xf64>
      return %y : tensor<2xf64>
    })",
                  options);
  auto type = RankedTensorType::get({2}, Float64Type::get(machine.context.get()));
  auto vector = [&](double a, double b) { return Literal::ofFloats(type, {a, b}); };
  machine.memory["w"] = vector(1, -2);
  // Peak 0.1 without warm-up, constant, momentum 0.9, weight decay 0.1, clip 0.5.
  double hyper[] = {0.1, 0, 0, 10, 0, 0.9, 0, 0, 0.1, 0.5, 1};
  for (auto [i, number] : llvm::enumerate(hyper))
    machine.memory["hyper"].setFloat(i, number);
  machine.run("step", {vector(3, 1), vector(1, 1)});

  // y = (3, -2), difference (2, -3): the sum's gradient is 2 * difference * x = (12, -6), the mean's half of it.
  EXPECT_NEAR(machine.number("loss_sum"), 13, 1e-12);
  EXPECT_NEAR(machine.number("loss_count"), 2, 1e-12);
  expectClose(machine.memory["grad/w"], vector(12, -6), 1e-12, "grad/w");
  double norm = std::sqrt(36.0 + 9.0), shrink = 0.5 / (norm + 1e-6);
  EXPECT_NEAR(machine.number("grad_norm"), norm, 1e-12);
  EXPECT_NEAR(machine.number("lr"), 0.1, 1e-12);
  double m0 = 6 * shrink + 0.1 * 1, m1 = -3 * shrink + 0.1 * -2;
  expectClose(machine.memory["momentum/w"], vector(m0, m1), 1e-12, "momentum/w");
  expectClose(machine.memory["w"], vector(1 - 0.1 * m0, -2 - 0.1 * m1), 1e-12, "w");
}

/// All labels ignored: no gradient, and no division by zero.
TEST(TrainingStep, NoCountedLabelChangesNothingButDecay) {
  Machine machine(tiedModel(4), {});
  machine.memory["hyper"].setFloat(8, 0);
  Literal before = machine.memory["embed"];
  std::vector<int64_t> ignored(12, -100);
  machine.run("step", {machine.tokens(kTokens, {4, 3}), machine.tokens(ignored, {4, 3})});
  expectClose(machine.memory["embed"], before, 0, "embed");
  EXPECT_EQ(machine.number("loss_count"), 0);
}

/// A model that computes its own mean cross-entropy: the sums of micro-batches add up to the mean over all.
TEST(TrainingStep, OwnMeanLossIsSumAndCount) {
  std::string text = R"(
    weft.param @w : tensor<7x5xf64> trainable = #weft.constant<1.0>
    func.func @forward(%ids: tensor<4xi64> {weft.name = "ids", weft.role = "tokens"},
                       %labels: tensor<4xi64> {weft.name = "labels", weft.role = "labels"})
        -> (tensor<f32> {weft.name = "loss"}) {
      %w = weft.read @w : tensor<7x5xf64>
      %x = weft.gather %w[%ids] axis 0 : tensor<7x5xf64>, tensor<4xi64> -> tensor<4x5xf64>
      %ce = weft.cross_entropy %x, %labels : tensor<4x5xf64>, tensor<4xi64> -> tensor<4xf32>
      %sum = weft.reduce sum %ce dims [0] : tensor<4xf32> -> tensor<f32>
      COUNT
      return %loss : tensor<f32>
    })";
  std::pair<const char *, double> counts[] = {
      {R"(%n = arith.constant dense<4.0> : tensor<f32>
          %loss = arith.divf %sum, %n : tensor<f32>)",
       4},
      {R"(%n = arith.constant dense<0.25> : tensor<f32>
          %loss = arith.mulf %sum, %n : tensor<f32>)",
       4},
      {R"(%ignored = arith.constant dense<-100> : tensor<4xi64>
          %valid = arith.cmpi ne, %labels, %ignored : tensor<4xi64>
          %number = arith.uitofp %valid : tensor<4xi1> to tensor<4xf32>
          %n = weft.reduce sum %number dims [0] : tensor<4xf32> -> tensor<f32>
          %loss = arith.divf %sum, %n : tensor<f32>)",
       3},
      {R"(%loss = math.sqrt %sum : tensor<f32>)", 1},
  };
  for (auto [count, expected] : counts) {
    std::string model = text;
    model.replace(model.find("COUNT"), 5, count);
    Machine machine(model, {});
    machine.run("step", {machine.tokens({0, 3, 6, 2}, {4}), machine.tokens({1, -100, 4, 0}, {4})});
    EXPECT_EQ(machine.number("loss_count"), expected) << count;
    EXPECT_GT(machine.number("loss_sum"), 0);
  }
}

} // namespace

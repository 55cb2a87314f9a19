//===- OperatorTest.cpp - Numbers of imported operators -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// At least one case per family, and the corners that a format's own suite
// leaves out. Expected numbers are worked out by hand from the specification.
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace weft::test;

namespace {

using List = std::vector<double>;
using Ints = std::vector<int64_t>;

void expectNear(const List &values, const List &expected, double tolerance = 1e-6) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], expected[i], tolerance) << "element " << i;
}

/// A model of one node on x: f32 [2, 3] = 1..6, with further operands as constants.
List onMatrix(const std::string &opType, const std::vector<Attr> &attributes,
              const std::vector<std::vector<int64_t>> &lists = {}, int64_t opset = 18) {
  ModelBuilder model(opset);
  model.input("x", {2, 3});
  std::vector<std::string> operands{"x"};
  for (size_t i = 0; i < lists.size(); ++i) {
    operands.push_back("c" + std::to_string(i));
    model.ints(operands.back(), {static_cast<int64_t>(lists[i].size())}, lists[i]);
  }
  return run(model.node(opType, operands, {"y"}, attributes).output("y"), {{1, 2, 3, 4, 5, 6}});
}

TEST(Elementwise, StretchesBothWays) {
  ModelBuilder model;
  model.input("a", {2, 1}).input("b", {3}).node("Sub", {"a", "b"}, {"y"}).output("y");
  expectNear(run(model, {{10, 20}, {1, 2, 3}}), {9, 8, 7, 19, 18, 17});
}

TEST(Elementwise, UnsignedIntegersHaveTheirOwnOrder) {
  // 200 as a signed byte is -56.
  auto onBytes = [](const std::string &opType, ElementKind to) {
    ModelBuilder model;
    model.input("a", {2}, U8).input("b", {2}, U8).node(opType, {"a", "b"}, {"c"});
    return run(model.node("Cast", {"c"}, {"y"}, {{"to", int64_t(to)}}).output("y"), {{200, 7}, {3, 9}});
  };
  expectNear(onBytes("Div", F32), {66, 0});
  expectNear(onBytes("Mod", F32), {2, 7});
  expectNear(onBytes("Max", I64), {200, 9});
  expectNear(onBytes("Min", I32), {3, 7});
  expectNear(onBytes("Less", I64), {0, 1});
  expectNear(onBytes("Mul", F32), {600 % 256, 63});
}

TEST(Elementwise, ActivationsBelowAndAboveZero) {
  auto activated = [](const std::string &opType, const std::vector<Attr> &attributes = {}) {
    ModelBuilder model;
    return run(model.input("x", {4}).node(opType, {"x"}, {"y"}, attributes).output("y"), {{-100, -1, 0, 2}});
  };
  double e = std::exp(-1.0);
  expectNear(activated("Elu", {{"alpha", 2.0f}}), {-2, 2 * (e - 1), 0, 2});
  expectNear(activated("Celu", {{"alpha", 2.0f}}), {-2, 2 * (std::exp(-0.5) - 1), 0, 2});
  expectNear(activated("HardSigmoid"), {0, 0.3, 0.5, 0.9});
  expectNear(activated("HardSwish"), {0, -1.0 / 3, 0, 5.0 / 3});
  expectNear(activated("Mish"), {0, -std::tanh(std::log1p(e)), 0, 2 * std::tanh(std::log1p(std::exp(2.0)))}, 1e-5);
  expectNear(activated("Shrink", {{"bias", 0.5f}, {"lambd", 1.5f}}), {-99.5, 0, 0, 1.5});
  expectNear(activated("ThresholdedRelu"), {0, 0, 0, 2});
  expectNear(activated("Softsign"), {-100.0 / 101, -0.5, 0, 2.0 / 3});
}

TEST(Selection, FindsTheFirstOrTheLastExtreme) {
  auto found = [](const std::string &opType, int64_t last) {
    ModelBuilder model;
    model.input("x", {2, 4});
    return run(model.node(opType, {"x"}, {"y"}, {{"axis", int64_t(1)}, {"select_last_index", last}}).output("y"),
               {{3, 1, 3, 1, 0, 0, 0, 0}});
  };
  expectNear(found("ArgMax", 0), {0, 0});
  expectNear(found("ArgMax", 1), {2, 3});
  expectNear(found("ArgMin", 0), {1, 0});
  expectNear(found("ArgMin", 1), {3, 3});
}

TEST(Shape, PadsByReflectionEdgeAndWrap) {
  auto padded = [](const std::string &mode) { return onMatrix("Pad", {{"mode", mode}}, {{0, 4, 0, 1}}); };
  expectNear(padded("edge"), {1, 1, 1, 1, 1, 2, 3, 3, 4, 4, 4, 4, 4, 5, 6, 6});
  expectNear(padded("reflect"), {1, 2, 3, 2, 1, 2, 3, 2, 4, 5, 6, 5, 4, 5, 6, 5});
  expectNear(padded("wrap"), {3, 1, 2, 3, 1, 2, 3, 1, 6, 4, 5, 6, 4, 5, 6, 4});
}

TEST(Elementwise, PowersBecomeProductsAndRoots) {
  auto power = [](float exponent) {
    ModelBuilder model;
    model.input("x", {3}).floats("k", {}, {exponent}).node("Pow", {"x", "k"}, {"y"}).output("y");
    return run(model, {{1, 4, 9}});
  };
  expectNear(power(2), {1, 16, 81});
  expectNear(power(3), {1, 64, 729});
  expectNear(power(0.5f), {1, 2, 3});
  expectNear(power(-0.5f), {1, 0.5, 1.0 / 3});
  expectNear(power(0), {1, 1, 1});
  expectNear(power(-2), {1, 1.0 / 16, 1.0 / 81});
  expectNear(power(1.5f), {1, 8, 27}, 1e-5);
}

TEST(Elementwise, RemaindersHaveTheDivisorsSign) {
  ModelBuilder model;
  model.input("a", {4}, I64).input("b", {4}, I64).node("Mod", {"a", "b"}, {"y"}).output("y");
  expectNear(run(model, {{7, -7, 7, -6}, {3, 3, -3, 3}}), {1, 2, -2, 0});
}

TEST(Elementwise, SelectsAndCompares) {
  ModelBuilder model;
  model.input("x", {3})
      .floats("zero", {}, {0})
      .node("IsNaN", {"x"}, {"bad"})
      .node("Where", {"bad", "zero", "x"}, {"y"});
  expectNear(run(model.output("y"), {{1, std::nan(""), 3}}), {1, 0, 3});
  ModelBuilder bounds;
  bounds.input("x", {4}).floats("low", {}, {-1}).floats("high", {}, {2}).node("Clip", {"x", "low", "high"}, {"y"});
  expectNear(run(bounds.output("y"), {{-5, 0, 2, 7}}), {-1, 0, 2, 2});
}

TEST(Elementwise, ActivationsOfLargeArguments) {
  ModelBuilder model;
  model.input("x", {3}).node("Softplus", {"x"}, {"y"}).output("y");
  expectNear(run(model, {{-200, 0, 200}}), {0, std::log(2.0), 200});
}

// A mask tells which elements are kept: those of the result, for a result that is used too.
TEST(Elementwise, DropoutsMaskIsThatOfTheResult) {
  ModelBuilder model;
  model.input("x", {64})
      .floats("ratio", {}, {0.5f})
      .raw("training", BOOL, {}, std::string(1, 1))
      .floats("zero", {}, {0});
  model.node("Dropout", {"x", "ratio", "training"}, {"y", "mask"}).node("Where", {"mask", "x", "zero"}, {"kept"});
  model.node("Sub", {"y", "kept"}, {"same"}).node("Concat", {"y", "same"}, {"z"}, {{"axis", int64_t(0)}}).output("z");
  List z = run(model, {List(64, 1.0)});
  ASSERT_EQ(z.size(), 128u);
  int dropped = 0;
  for (int i = 0; i < 64; ++i) {
    dropped += z[i] == 0;
    EXPECT_EQ(z[i], z[i] == 0 ? 0 : 2);
    EXPECT_EQ(z[64 + i], z[i] / 2);
  }
  EXPECT_GT(dropped, 10);
  EXPECT_LT(dropped, 54);
}

TEST(ShapeOps, ReshapeCopiesAndFills) {
  expectNear(onMatrix("Reshape", {}, {{0, -1, 1}}), {1, 2, 3, 4, 5, 6});
  expectNear(onMatrix("Flatten", {{"axis", int64_t(0)}}), {1, 2, 3, 4, 5, 6});
}

TEST(ShapeOps, SlicesGoBothWays) {
  // starts, ends, axes, steps
  expectNear(onMatrix("Slice", {}, {{1}, {INT64_MAX}, {1}, {1}}), {2, 3, 5, 6});
  expectNear(onMatrix("Slice", {}, {{-1}, {INT64_MIN}, {1}, {-1}}), {3, 2, 1, 6, 5, 4});
  expectNear(onMatrix("Slice", {}, {{2, 0}, {0, 9}, {1, 0}, {-2, 5}}), {3});
  expectNear(onMatrix("Slice", {}, {{5}, {9}, {1}, {1}}), {});
}

TEST(ShapeOps, TileExpandPad) {
  expectNear(onMatrix("Tile", {}, {{1, 2}}), {1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6});
  expectNear(onMatrix("Expand", {}, {{2, 1, 1}}), {1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6});
  expectNear(onMatrix("Pad", {}, {{0, 1, 0, -1}}), {0, 1, 2, 0, 4, 5});
  ModelBuilder filled;
  filled.input("x", {2}).ints("pads", {2}, {1, 1}).floats("value", {}, {7}).node("Pad", {"x", "pads", "value"}, {"y"});
  expectNear(run(filled.output("y"), {{1, 2}}), {7, 1, 2, 7});
}

TEST(ShapeOps, UnevenSplit) {
  ModelBuilder model;
  model.input("x", {5}).node("Split", {"x"}, {"a", "b", "c"}, {{"num_outputs", int64_t(3)}}).output("a").output("c");
  expectNear(run(model, {{1, 2, 3, 4, 5}}, 0), {1, 2});
  expectNear(run(model, {{1, 2, 3, 4, 5}}, 1), {5});
}

TEST(MatMul, Shapes) {
  auto product = [](Ints a, Ints b, List x, List y) {
    ModelBuilder model;
    return run(model.input("a", a).input("b", b).node("MatMul", {"a", "b"}, {"y"}).output("y"), {x, y});
  };
  expectNear(product({2}, {2}, {1, 2}, {3, 4}), {11});
  expectNear(product({2}, {2, 2}, {1, 2}, {1, 2, 3, 4}), {7, 10});
  expectNear(product({2, 2}, {2}, {1, 2, 3, 4}, {1, 2}), {5, 11});
  expectNear(product({2, 1, 2}, {2, 1}, {1, 2, 3, 4}, {1, 1}), {3, 7});
  // Batches stretch.
  expectNear(product({2, 1, 1, 1}, {3, 1, 1}, {2, 3}, {1, 10, 100}), {2, 20, 200, 3, 30, 300});
}

TEST(MatMul, Gemm) {
  ModelBuilder model;
  model.input("a", {2, 1})
      .input("b", {2, 2})
      .input("c", {2})
      .node("Gemm", {"a", "b", "c"}, {"y"}, {{"transA", int64_t(1)}, {"alpha", 2.0f}, {"beta", 0.5f}});
  expectNear(run(model.output("y"), {{1, 2}, {1, 2, 3, 4}, {10, 20}}), {19, 30});
}

TEST(MatMul, EinsumOfThree) {
  ModelBuilder model;
  model.input("a", {2, 2}).input("b", {2, 2}).input("c", {2});
  model.node("Einsum", {"a", "b", "c"}, {"y"}, {{"equation", std::string("ij, jk, j -> ki")}}).output("y");
  // y[k, i] = sum over j of a[i, j] b[j, k] c[j]
  expectNear(run(model, {{1, 2, 3, 4}, {1, 10, 100, 1000}, {1, 2}}), {401, 803, 4010, 8030});
}

TEST(Reduction, AxesAsOperandAndAsAttribute) {
  expectNear(onMatrix("ReduceMean", {{"keepdims", int64_t(0)}}, {{-1}}), {2, 5});
  expectNear(onMatrix("ReduceMean", {{"axes", Ints{0}}}, {}, 13), {2.5, 3.5, 4.5});
  expectNear(onMatrix("ReduceSum", {{"noop_with_empty_axes", int64_t(1)}}), {1, 2, 3, 4, 5, 6});
  expectNear(onMatrix("ReduceL2", {{"keepdims", int64_t(0)}}, {{1}}), {std::sqrt(14.0), std::sqrt(77.0)});
  expectNear(onMatrix("ReduceLogSumExp", {}),
             {std::log(std::exp(1) + std::exp(2) + std::exp(3) + std::exp(4) + std::exp(5) + std::exp(6))});
  ModelBuilder sums;
  sums.input("x", {3}).ints("axis", {}, {-1});
  sums.node("CumSum", {"x", "axis"}, {"y"}, {{"exclusive", int64_t(1)}, {"reverse", int64_t(1)}}).output("y");
  expectNear(run(sums, {{1, 2, 3}}), {5, 3, 0});
}

TEST(Indexing, NegativeIndicesAndTuples) {
  expectNear(onMatrix("Gather", {{"axis", int64_t(1)}}, {{-1, 0}}), {3, 1, 6, 4});
  ModelBuilder tuples;
  tuples.input("x", {2, 3}).ints("where", {2, 2}, {0, -1, 1, 0}).node("GatherND", {"x", "where"}, {"y"}).output("y");
  expectNear(run(tuples, {{1, 2, 3, 4, 5, 6}}), {3, 4});
  ModelBuilder elements;
  elements.input("x", {2, 3})
      .ints("where", {2, 1}, {2, -3})
      .node("GatherElements", {"x", "where"}, {"y"}, {{"axis", int64_t(1)}});
  expectNear(run(elements.output("y"), {{1, 2, 3, 4, 5, 6}}), {3, 4});
  expectNear(onMatrix("Trilu", {{"upper", int64_t(0)}}), {1, 0, 0, 4, 5, 0});
}

// Given indices that are the same for all of the first dimension, as relative positions are for all samples: that
// stays apart.
TEST(Indexing, SameForAllSamples) {
  ModelBuilder model;
  model.input("x", {2, 2, 3}).ints("i", {2, 2, 2}, {0, 2, 1, -1, 0, 2, 1, -1});
  model.node("GatherElements", {"x", "i"}, {"y"}, {{"axis", int64_t(1)}}).output("y");
  // Along axis 1 of [2, 2, 3]; index 2 is beyond it.
  EXPECT_EQ(importModel(model).errorCount, 1);
  ModelBuilder last;
  last.input("x", {2, 2, 3}).ints("i", {2, 2, 1}, {2, 0, 2, 0});
  last.node("GatherElements", {"x", "i"}, {"y"}, {{"axis", int64_t(2)}}).output("y");
  expectNear(run(last, {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}), {3, 4, 9, 10});
  EXPECT_NE(importModel(last).text().find("axis 1 : tensor<2x6xf32>"), std::string::npos);
  ModelBuilder middle;
  middle.input("x", {2, 2, 3}).ints("i", {2, 1, 2}, {1, 0, 1, 0});
  middle.node("GatherElements", {"x", "i"}, {"y"}, {{"axis", int64_t(1)}}).output("y");
  expectNear(run(middle, {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}), {4, 2, 10, 8});
  ModelBuilder different;
  different.input("x", {2, 2, 3}).ints("i", {2, 2, 1}, {2, 0, 2, 1});
  different.node("GatherElements", {"x", "i"}, {"y"}, {{"axis", int64_t(2)}}).output("y");
  expectNear(run(different, {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}), {3, 4, 9, 11});
}

// A few picks of each row, as a router makes them, leave rows apart: they are no gather from the flat tensor.
TEST(Indexing, FewPicksOfARow) {
  ModelBuilder model;
  model.input("x", {2, 3}).input("i", {2, 2}, I64);
  model.node("GatherElements", {"x", "i"}, {"y"}, {{"axis", int64_t(-1)}}).output("y");
  expectNear(run(model, {{1, 2, 3, 4, std::nan(""), 6}, {2, 0, -1, 2}}), {3, 1, 6, 6});
  EXPECT_EQ(importModel(model).text().find("weft.gather"), std::string::npos);
  ModelBuilder many;
  many.input("x", {2, 40}).input("i", {2, 17}, I64);
  many.node("GatherElements", {"x", "i"}, {"y"}, {{"axis", int64_t(1)}}).output("y");
  EXPECT_NE(importModel(many).text().find("weft.gather"), std::string::npos);
}

// Indices computed from data may be negative: they are brought into range where they are used.
TEST(Indexing, ComputedIndices) {
  ModelBuilder model;
  model.floats("table", {3}, {10, 20, 30}).input("i", {2}, I64).node("Neg", {"i"}, {"back"});
  expectNear(run(model.node("Gather", {"table", "back"}, {"y"}).output("y"), {{1, 3}}), {30, 10});
}

TEST(Normalization, SoftmaxOverAnyAxis) {
  ModelBuilder model;
  model.input("x", {2, 2}).node("Softmax", {"x"}, {"y"}, {{"axis", int64_t(0)}}).output("y");
  expectNear(run(model, {{0, 0, 0, std::log(3.0)}}), {0.5, 0.25, 0.5, 0.75});
}

TEST(Normalization, LayerNormOverSeveralAxes) {
  ModelBuilder model;
  model.input("x", {1, 2, 2}).floats("g", {2, 2}, {1, 1, 1, 2}).floats("b", {2, 2}, {0, 0, 0, 5});
  model.node("LayerNormalization", {"x", "g", "b"}, {"y", "mean"}, {{"axis", int64_t(1)}, {"epsilon", 0.0f}});
  model.output("y").output("mean");
  double unit = 1 / std::sqrt(5.0);
  expectNear(run(model, {{1, 3, 5, 7}}), {-3 * unit, -unit, unit, 6 * unit + 5}, 1e-5);
  expectNear(run(model, {{1, 3, 5, 7}}, 1), {4});
}

TEST(Normalization, RmsNorm) {
  ModelBuilder model(23);
  model.input("x", {1, 2})
      .floats("g", {2}, {1, 2})
      .node("RMSNormalization", {"x", "g"}, {"y"}, {{"epsilon", 0.0f}})
      .output("y");
  expectNear(run(model, {{3, 4}}), {3 / std::sqrt(12.5), 8 / std::sqrt(12.5)}, 1e-5);
}

TEST(Attention, CausalWithGroupsAndFlatHeads) {
  // Two query heads share one key/value head; with equal scores a row is the mean of what it sees.
  ModelBuilder model(23);
  model.input("q", {1, 2, 4}).input("k", {1, 2, 2}).input("v", {1, 2, 2});
  model.node("Attention", {"q", "k", "v"}, {"y"},
             {{"is_causal", int64_t(1)}, {"q_num_heads", int64_t(2)}, {"kv_num_heads", int64_t(1)}});
  expectNear(run(model.output("y"), {List(8, 0), {1, 2, 3, 4}, {1, 2, 3, 6}}), {1, 2, 1, 2, 2, 4, 2, 4});
}

TEST(Attention, Softcap) {
  ModelBuilder model(23);
  model.input("q", {1, 1, 1, 1}).input("k", {1, 1, 2, 1}).input("v", {1, 1, 2, 1});
  model.node("Attention", {"q", "k", "v"}, {"y"}, {{"softcap", 0.5f}, {"scale", 1.0f}});
  // Scores 100 and 0 become 0.5 tanh(200) and 0.
  double weight = 1 / (1 + std::exp(-0.5));
  expectNear(run(model.output("y"), {{1}, {100, 0}, {1, 0}}), {weight});
}

TEST(Attention, InterleavedRotary) {
  ModelBuilder model(23);
  model.input("x", {1, 1, 1, 4}).input("c", {1, 1, 1}).input("s", {1, 1, 1});
  model.node("RotaryEmbedding", {"x", "c", "s"}, {"y"},
             {{"interleaved", int64_t(1)}, {"rotary_embedding_dim", int64_t(2)}});
  expectNear(run(model.output("y"), {{1, 2, 3, 4}, {0}, {1}}), {-2, 1, 3, 4});
}

TEST(Loss, IgnoredAndWeightedLabels) {
  ModelBuilder model;
  model.input("x", {3, 2}).input("t", {3}, I64).floats("w", {2}, {1, 3});
  model.node("SoftmaxCrossEntropyLoss", {"x", "t", "w"}, {"y"}, {{"ignore_index", int64_t(-1)}}).output("y");
  // Positions 0 and 2 count, with weights 1 and 3; log 2 and log 4.
  expectNear(run(model, {{0, 0, 9, 9, std::log(3.0), 0}, {0, -1, 1}}), {(std::log(2.0) + 3 * std::log(4.0)) / 4});
}

// Cross-entropy written as two nodes is one op, also through a reshape.
TEST(Loss, LogSoftmaxAndLikelihood) {
  ModelBuilder model;
  model.input("x", {1, 2, 2}).input("t", {2}, I64).ints("shape", {2}, {2, 2}).node("LogSoftmax", {"x"}, {"l"});
  model.node("Reshape", {"l", "shape"}, {"r"}).node("NegativeLogLikelihoodLoss", {"r", "t"}, {"y"}).output("y");
  expectNear(run(model, {{0, 0, std::log(3.0), 0}, {0, 1}}), {(std::log(2.0) + std::log(4.0)) / 2});
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module);
  EXPECT_NE(imported.text().find("weft.cross_entropy"), std::string::npos);
  // The same on scores from elsewhere.
  ModelBuilder plain;
  plain.input("x", {2, 2}).input("t", {2}, I64);
  plain.node("NegativeLogLikelihoodLoss", {"x", "t"}, {"y"},
             {{"reduction", std::string("sum")}, {"ignore_index", int64_t(5)}});
  expectNear(run(plain.output("y"), {{-1, -2, -3, -4}, {1, 5}}), {2});
}

} // namespace

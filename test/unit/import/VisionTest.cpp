//===- VisionTest.cpp - Convolutions, pools and norms, imported -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Expected numbers are worked out by hand from the specification.
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "dialects/weft/BatchNorm.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::test;

namespace {

using List = std::vector<double>;
using Ints = std::vector<int64_t>;

void expectNear(const List &values, const List &expected, double tolerance = 1e-5) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_NEAR(values[i], expected[i], tolerance) << "element " << i;
}

/// A node on x, f32 [1, 1, n] = 1..n.
List onRow(const std::string &opType, int64_t n, const std::vector<Attr> &attributes, size_t result = 0) {
  ModelBuilder model;
  List x;
  for (int64_t i = 1; i <= n; ++i)
    x.push_back(static_cast<double>(i));
  model.input("x", {1, 1, n});
  model.node(opType, {"x"}, result ? std::vector<std::string>{"y", "z"} : std::vector<std::string>{"y"}, attributes);
  if (result)
    return run(model.output("y").output("z"), {x}, result);
  return run(model.output("y"), {x});
}

/// A convolution of a row with the filter [1, 2, 4] and a bias of 100.
List convolved(const std::string &opType, int64_t n, const std::vector<Attr> &attributes) {
  ModelBuilder model;
  List x;
  for (int64_t i = 1; i <= n; ++i)
    x.push_back(static_cast<double>(i));
  model.input("x", {1, 1, n}).floats("w", {1, 1, 3}, {1, 2, 4}).floats("b", {1}, {100});
  return run(model.node(opType, {"x", "w", "b"}, {"y"}, attributes).output("y"), {x});
}

TEST(Convolution, Windows) {
  // x = 1 2 3 4 5.
  expectNear(convolved("Conv", 5, {}), {117, 124, 131});
  expectNear(convolved("Conv", 5, {{"pads", Ints{1, 0}}}), {110, 117, 124, 131});
  expectNear(convolved("Conv", 5, {{"strides", Ints{2}}, {"pads", Ints{0, 2}}}), {117, 131, 105});
  expectNear(convolved("Conv", 5, {{"dilations", Ints{2}}}), {127});
  // Two windows of stride 3 need one more element: behind, or before.
  expectNear(convolved("Conv", 5, {{"strides", Ints{3}}, {"auto_pad", std::string("SAME_UPPER")}}), {117, 114});
  expectNear(convolved("Conv", 5, {{"strides", Ints{3}}, {"auto_pad", std::string("SAME_LOWER")}}), {110, 131});
  expectNear(convolved("Conv", 5, {{"auto_pad", std::string("VALID")}}), {117, 124, 131});
}

TEST(Convolution, Transposed) {
  // x = 1 2 3: each element puts down the filter.
  expectNear(convolved("ConvTranspose", 3, {}), {101, 104, 111, 114, 112});
  expectNear(convolved("ConvTranspose", 3, {{"strides", Ints{2}}}), {101, 102, 106, 104, 111, 106, 112});
  expectNear(convolved("ConvTranspose", 3, {{"strides", Ints{2}}, {"pads", Ints{1, 2}}}), {102, 106, 104, 111});
  // Padding of the output gives back what `pads` takes, then zeros.
  expectNear(convolved("ConvTranspose", 3, {{"strides", Ints{2}}, {"pads", Ints{1, 1}}, {"output_padding", Ints{1}}}),
             {102, 106, 104, 111, 106, 112});
  expectNear(convolved("ConvTranspose", 3, {{"strides", Ints{2}}, {"output_padding", Ints{1}}}),
             {101, 102, 106, 104, 111, 106, 112, 100});
  // One element too many is taken where auto_pad says, and before if it says nothing.
  expectNear(convolved("ConvTranspose", 3, {{"strides", Ints{2}}, {"output_shape", Ints{6}}}),
             {102, 106, 104, 111, 106, 112});
  expectNear(convolved("ConvTranspose", 3, {{"strides", Ints{2}}, {"auto_pad", std::string("SAME_UPPER")}}),
             {101, 102, 106, 104, 111, 106});
}

TEST(Convolution, Errors) {
  auto fails = [](const ModelBuilder::Shape &x, const ModelBuilder::Shape &w, const std::vector<Attr> &attributes) {
    int64_t elements = 1;
    for (int64_t size : w)
      elements *= size;
    ModelBuilder model;
    model.input("x", x).floats("w", w, std::vector<float>(elements, 1.0f));
    Imported imported = importModel(model.node("Conv", {"x", "w"}, {"y"}, attributes).output("y"));
    EXPECT_EQ(imported.errorCount, 1) << imported.errors;
    return imported.errors;
  };
  auto has = [](const std::string &text, const char *part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(has(fails({1, 4, 5}, {2, 3, 3}, {}), "takes 3 channels in each of 1 groups, the input has 4"));
  EXPECT_TRUE(has(fails({1, 4, 5}, {3, 2, 3}, {{"group", int64_t(2)}}), "2 groups do not divide 3 channels"));
  EXPECT_TRUE(has(fails({1, 4, 5}, {2, 4, 7}, {}), "a window of 7 does not fit into a dimension of 5"));
  EXPECT_TRUE(has(fails({1, 4, 5}, {2, 4, 3}, {{"strides", Ints{0}}}), "'strides' has 0, expected at least 1"));
  EXPECT_TRUE(has(fails({1, 4, 5}, {2, 4, 3}, {{"pads", Ints{1}}}), "'pads' has 1 entries, expected 2"));
  EXPECT_TRUE(has(fails({4, 5}, {2, 4}, {}), "of the same rank, 3 to 5"));
  EXPECT_TRUE(has(fails({1, 4, 5}, {2, 4, 3}, {{"auto_pad", std::string("ROUND")}}), "unknown auto_pad 'ROUND'"));
}

TEST(Pooling, Maximum) {
  expectNear(onRow("MaxPool", 5, {{"kernel_shape", Ints{2}}}), {2, 3, 4, 5});
  expectNear(onRow("MaxPool", 5, {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}}), {2, 4});
  expectNear(onRow("MaxPool", 5, {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}, {"ceil_mode", int64_t(1)}}),
             {2, 4, 5});
  expectNear(onRow("MaxPool", 5, {{"kernel_shape", Ints{2}}, {"dilations", Ints{3}}}), {4, 5});
  // A window that would begin behind the input is none.
  expectNear(onRow("MaxPool", 4,
                   {{"kernel_shape", Ints{1}}, {"strides", Ints{4}}, {"pads", Ints{0, 1}}, {"ceil_mode", int64_t(1)}}),
             {1});
  // Padding is less than every number.
  ModelBuilder model;
  model.input("x", {1, 1, 2, 2});
  std::vector<Attr> attributes{{"kernel_shape", Ints{2, 2}}, {"pads", Ints{1, 1, 0, 0}}};
  expectNear(run(model.node("MaxPool", {"x"}, {"y"}, attributes).output("y"), {{-4, -3, -2, -1}}), {-4, -3, -2, -1});
}

TEST(Pooling, IndicesOfMaxima) {
  auto indices = [](int64_t columnMajor) {
    ModelBuilder model;
    model.input("x", {1, 2, 2, 3});
    std::vector<Attr> attributes{{"kernel_shape", Ints{2, 2}}, {"storage_order", columnMajor}};
    model.node("MaxPool", {"x"}, {"y", "i"}, attributes).output("y").output("i");
    // Of equal elements the first.
    return run(model, {{1, 7, 7, 2, 7, 0, 5, 5, 5, 5, 5, 9}}, 1);
  };
  expectNear(indices(0), {1, 1, 6, 11});
  expectNear(indices(1), {2, 2, 6, 11});
}

TEST(Pooling, Averages) {
  expectNear(onRow("AveragePool", 4, {{"kernel_shape", Ints{2}}}), {1.5, 2.5, 3.5});
  expectNear(onRow("AveragePool", 3, {{"kernel_shape", Ints{3}}, {"pads", Ints{1, 1}}}), {1.5, 2, 2.5});
  expectNear(
      onRow("AveragePool", 3, {{"kernel_shape", Ints{3}}, {"pads", Ints{1, 1}}, {"count_include_pad", int64_t(1)}}),
      {1, 2, 5.0 / 3});
  // What ceil_mode reaches beyond the padding counts never.
  expectNear(onRow("AveragePool", 5,
                   {{"kernel_shape", Ints{3}},
                    {"strides", Ints{3}},
                    {"ceil_mode", int64_t(1)},
                    {"count_include_pad", int64_t(1)}}),
             {2, 4.5});
  expectNear(onRow("GlobalAveragePool", 4, {}), {2.5});
  expectNear(onRow("GlobalMaxPool", 4, {}), {4});
  expectNear(onRow("LpPool", 4, {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}}), {std::sqrt(5.0), 5});
  expectNear(onRow("LpPool", 4, {{"kernel_shape", Ints{2}}, {"p", int64_t(1)}}), {3, 5, 7});
  expectNear(onRow("GlobalLpPool", 3, {{"p", int64_t(3)}}), {std::cbrt(36.0)});
}

TEST(Pooling, LocalResponse) {
  ModelBuilder model;
  model.input("x", {1, 3, 1});
  std::vector<Attr> attributes{{"size", int64_t(2)}, {"alpha", 2.0f}, {"beta", 1.0f}, {"bias", 1.0f}};
  // With each channel counts the next one.
  expectNear(run(model.node("LRN", {"x"}, {"y"}, attributes).output("y"), {{1, 2, 3}}), {1.0 / 6, 2.0 / 14, 3.0 / 10});
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

ModelBuilder batchNorm(const std::vector<Attr> &attributes, const std::vector<std::string> &results = {"y"}) {
  ModelBuilder model;
  model.input("x", {2, 2}).floats("scale", {2}, {1, 2}).floats("bias", {2}, {0, 5});
  model.floats("mean", {2}, {1, 2}).floats("var", {2}, {4, 9});
  model.node("BatchNormalization", {"x", "scale", "bias", "mean", "var"}, results, attributes);
  for (const std::string &result : results)
    model.output(result);
  return model;
}

TEST(BatchNorm, AsExported) {
  expectNear(run(batchNorm({{"epsilon", 0.0f}}), {{1, 5, 3, 8}}), {0, 7, 1, 9});
  Imported imported = importModel(batchNorm({}));
  ASSERT_TRUE(imported.module) << imported.errors;
  // Whoever wrote the file: statistics are no parameters.
  EXPECT_TRUE(imported.param("scale").getTrainable());
  EXPECT_FALSE(imported.param("mean"));
  EXPECT_FALSE(imported.param("var"));
  EXPECT_NE(imported.text().find("weft.read @scale"), std::string::npos);
  EXPECT_EQ(imported.text().find("weft.batch_norm"), std::string::npos);
}

TEST(BatchNorm, InTraining) {
  for (bool asked : {false, true}) {
    ImportOptions options;
    options.batchNorm = asked ? "training" : "as-exported";
    std::vector<Attr> attributes;
    if (!asked)
      attributes.push_back({"training_mode", int64_t(1)});
    Imported imported = importModel(batchNorm(attributes), options);
    ASSERT_TRUE(imported.module) << imported.errors;
    auto mean = imported.module->lookupSymbol<StateOp>("mean");
    auto variance = imported.module->lookupSymbol<StateOp>("var");
    ASSERT_TRUE(mean && variance);
    EXPECT_EQ(mean.getKind(), StateKind::statistics);
    EXPECT_TRUE(mean.getCheckpointed());
    EXPECT_TRUE(mean->hasAttr("weft.source"));
    EXPECT_EQ(mean.getInit().convertToDouble(), 0.0);
    EXPECT_EQ(variance.getInit().convertToDouble(), 1.0);
    std::string text = imported.text();
    EXPECT_NE(text.find("weft.write @mean"), std::string::npos) << text;
    EXPECT_NE(text.find("weft.write @var"), std::string::npos) << text;
    // A node that says it trains is ONNX's, what is asked for PyTorch's.
    EXPECT_EQ(text.find(" unbiased ") != std::string::npos, asked) << text;
    EXPECT_FALSE(imported.report.remarks.empty());
  }
}

// A layer that is applied twice moves its statistics twice, in one write.
TEST(BatchNorm, SharedLayer) {
  ModelBuilder model;
  model.input("x", {2, 2}).floats("scale", {2}, {1, 2}).floats("bias", {2}, {0, 5});
  model.floats("mean", {2}, {1, 2}).floats("var", {2}, {4, 9});
  std::vector<Attr> training{{"training_mode", int64_t(1)}};
  model.node("BatchNormalization", {"x", "scale", "bias", "mean", "var"}, {"y"}, training);
  model.node("BatchNormalization", {"y", "scale", "bias", "mean", "var"}, {"z"}, training).output("z");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  int writes = 0;
  BatchNormOp last;
  imported.forward().walk([&](mlir::Operation *op) {
    writes += mlir::isa<WriteOp>(op);
    if (auto norm = mlir::dyn_cast<BatchNormOp>(op))
      last = norm;
  });
  EXPECT_EQ(writes, 2);
  ASSERT_TRUE(last);
  EXPECT_TRUE(last.getMean().getDefiningOp<BatchNormOp>());
}

TEST(Norms, OverChannels) {
  ModelBuilder model;
  model.input("x", {1, 2, 2}).floats("s", {2}, {1, 10}).floats("b", {2}, {0, 5});
  std::vector<Attr> eps{{"epsilon", 0.0f}};
  expectNear(
      run(ModelBuilder(model).node("InstanceNormalization", {"x", "s", "b"}, {"y"}, eps).output("y"), {{1, 3, 2, 8}}),
      {-1, 1, -5, 15});
  // One group of all four elements: mean 4, variance 2.
  std::vector<Attr> group{{"epsilon", 0.0f}, {"num_groups", int64_t(1)}};
  ModelBuilder perChannel(21);
  perChannel.input("x", {1, 2, 2}).floats("s", {2}, {1, 10}).floats("b", {2}, {0, 5});
  expectNear(run(perChannel.node("GroupNormalization", {"x", "s", "b"}, {"y"}, group).output("y"), {{2, 4, 4, 6}}),
             {-2 / std::sqrt(2.0), 0, 5, 5 + 20 / std::sqrt(2.0)});
}

} // namespace

//===- TracedNamesTest.cpp - Parameters of files by the tracing exporter -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/TracedNames.h"
#include "Support.h"
#include "onnx.pb.h"
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::test;

namespace {

using Ints = llvm::ArrayRef<int64_t>;

/// Gives node i of a model the name `name`.
void nameNode(ModelBuilder &model, int i, const std::string &name) {
  model.proto().mutable_graph()->mutable_node(i)->set_name(name);
}

TEST(TracedNames, Scopes) {
  EXPECT_EQ(tracedScope("/model/layers.0/q_proj/MatMul"), "model.layers.0.q_proj");
  EXPECT_EQ(tracedScope("/MatMul_3"), "");
  EXPECT_EQ(tracedScope("node_linear"), "");
  EXPECT_TRUE(isTracedConstant("onnx::MatMul_651"));
  EXPECT_FALSE(isTracedConstant("onnx::MatMul"));
  EXPECT_FALSE(isTracedConstant("fc.weight_2"));
}

TEST(TracedNames, TransposedWeightsAreCalledByTheirModule) {
  ModelBuilder model;
  model.input("x", {2, 2}).floats("onnx::MatMul_7", {2, 3}, {1, 2, 3, 4, 5, 6});
  model.node("MatMul", {"x", "onnx::MatMul_7"}, {"y"}).output("y");
  nameNode(model, 0, "/block/fc/MatMul");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  ParamOp param = imported.param("block.fc.weight");
  ASSERT_TRUE(param) << imported.text();
  EXPECT_TRUE(param.getTrainable());
  EXPECT_EQ(mlir::cast<mlir::RankedTensorType>(param.getType()).getShape(), Ints({3, 2}));
  EXPECT_EQ(mlir::cast<FileSourceAttr>(param.getSource()).getPerm(), Ints({1, 0}));
}

// Modules of a ModuleDict are called without it: their paths are the same, and the exporter numbers the second one. The
// bias beside it has the whole name.
TEST(TracedNames, NumberedModulesAreCalledAsTheirBias) {
  ModelBuilder model;
  model.input("x", {2, 2}).floats("onnx::MatMul_7", {2, 3}, {1, 2, 3, 4, 5, 6});
  model.floats("blocks.1.fc.bias", {3}, {1, 2, 3});
  model.node("MatMul", {"x", "onnx::MatMul_7"}, {"h"}).node("Add", {"h", "blocks.1.fc.bias"}, {"y"}).output("y");
  nameNode(model, 0, "/fc_1/MatMul");
  nameNode(model, 1, "/fc_1/Add");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_TRUE(imported.param("blocks.1.fc.weight")) << imported.text();
}

// The weight and the bias of an attention's projections are its own parameters, and have their own names.
TEST(TracedNames, WeightsAreCalledLikeTheBiasAddedToTheirProduct) {
  ModelBuilder model;
  model.input("x", {2, 2}).floats("onnx::MatMul_7", {2, 3}, {1, 2, 3, 4, 5, 6});
  model.floats("onnx::MatMul_8", {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 0}).floats("mix.bias", {3}, {1, 2, 4});
  model.floats("layers.0.attn.in_proj_bias", {3}, {1, 2, 3});
  model.node("MatMul", {"x", "onnx::MatMul_7"}, {"h"}).node("Add", {"layers.0.attn.in_proj_bias", "h"}, {"k"});
  // This bias is added by the module around.
  model.node("MatMul", {"k", "onnx::MatMul_8"}, {"l"}).node("Add", {"l", "mix.bias"}, {"y"}).output("y");
  nameNode(model, 0, "/layers.0/attn/MatMul");
  nameNode(model, 1, "/layers.0/attn/Add");
  nameNode(model, 2, "/mix/inner/MatMul");
  nameNode(model, 3, "/mix/Add");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_TRUE(imported.param("layers.0.attn.in_proj_weight")) << imported.text();
  EXPECT_TRUE(imported.param("mix.inner.weight")) << imported.text();
}

// Equal biases are one tensor, under the name of one of their modules: the others are not that module.
TEST(TracedNames, ABiasOfAnotherLayerDoesNotNameTheWeight) {
  ModelBuilder model;
  model.input("x", {2, 2})
      .floats("onnx::MatMul_7", {2, 2}, {1, 2, 3, 4})
      .floats("onnx::MatMul_8", {2, 2}, {5, 6, 7, 8});
  model.floats("layers.0.fc.bias", {2}, {1, 2});
  for (int i : {0, 1}) {
    std::string n = std::to_string(i), in = i ? "y0" : "x";
    model.node("MatMul", {in, "onnx::MatMul_" + std::to_string(7 + i)}, {"h" + n});
    model.node("Add", {"h" + n, "layers.0.fc.bias"}, {"y" + n});
    nameNode(model, 2 * i, "/layers." + n + "/fc/MatMul");
    nameNode(model, 2 * i + 1, "/layers." + n + "/fc/Add");
  }
  Imported imported = importModel(model.output("y1"));
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_TRUE(imported.param("layers.0.fc.weight") && imported.param("layers.1.fc.weight")) << imported.text();
}

// A layer that is called twice has its weight once, and the exporter makes the second use a copy of it.
TEST(TracedNames, CopiesOfAWeightAreTheWeight) {
  ModelBuilder model;
  model.input("x", {2, 2}).floats("onnx::MatMul_7", {2, 2}, {1, 2, 3, 4}).floats("layer.fc.bias", {2}, {1, 2});
  model.node("Identity", {"onnx::MatMul_7"}, {"onnx::MatMul_8"})
      .node("Identity", {"onnx::MatMul_8"}, {"onnx::MatMul_9"});
  model.node("MatMul", {"x", "onnx::MatMul_7"}, {"h"}).node("Add", {"h", "layer.fc.bias"}, {"k"});
  model.node("MatMul", {"k", "onnx::MatMul_9"}, {"l"}).node("Add", {"l", "layer.fc.bias"}, {"y"}).output("y");
  nameNode(model, 2, "/layer/fc/MatMul");
  nameNode(model, 3, "/layer/fc/Add");
  nameNode(model, 4, "/layer/fc_1/MatMul");
  nameNode(model, 5, "/layer/fc_1/Add");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_EQ(imported.report.parameters.size(), 2u);
  EXPECT_TRUE(imported.param("layer.fc.weight")) << imported.text();
}

// The exporter writes a tied weight twice; what is trained is one.
TEST(TracedNames, CopiesAreTied) {
  ModelBuilder model;
  model.input("tokens", {1, 2}, I64).floats("wte.weight", {3, 2}, {1, 2, 3, 4, 5, 6});
  model.floats("onnx::MatMul_9", {2, 3}, {1, 3, 5, 2, 4, 6});
  model.node("Gather", {"wte.weight", "tokens"}, {"h"}).node("MatMul", {"h", "onnx::MatMul_9"}, {"y"}).output("y");
  nameNode(model, 0, "/wte/Gather");
  nameNode(model, 1, "/head/MatMul");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  ASSERT_EQ(imported.report.parameters.size(), 1u);
  auto aliases = imported.param("wte.weight").getAliases();
  ASSERT_TRUE(aliases);
  EXPECT_EQ(mlir::cast<mlir::StringAttr>((*aliases)[0]).getValue(), "head.weight");
}

TEST(TracedNames, EqualConstantsAreNotTied) {
  ModelBuilder model;
  model.input("x", {2, 2}).floats("a.weight", {2, 2}, {1, 1, 1, 1}).floats("onnx::MatMul_9", {2, 2}, {1, 1, 1, 1});
  model.node("Add", {"x", "a.weight"}, {"h"}).node("MatMul", {"h", "onnx::MatMul_9"}, {"y"}).output("y");
  nameNode(model, 1, "/b/MatMul");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_TRUE(imported.param("a.weight") && imported.param("b.weight"));
}

TEST(TracedNames, SeveralWeightsOfAModuleKeepTheirNumbers) {
  ModelBuilder model;
  model.input("x", {2, 2})
      .floats("onnx::MatMul_1", {2, 2}, {1, 2, 3, 4})
      .floats("onnx::MatMul_2", {2, 2}, {5, 6, 7, 8});
  model.node("MatMul", {"x", "onnx::MatMul_1"}, {"h"}).node("MatMul", {"h", "onnx::MatMul_2"}, {"y"}).output("y");
  nameNode(model, 0, "/mix/MatMul");
  nameNode(model, 1, "/mix/MatMul_1");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_TRUE(imported.param("mix.weight"));
  EXPECT_TRUE(imported.param("onnx::MatMul_2"));
  EXPECT_NE(imported.report.remarks[0].find("'onnx::MatMul_2' is one of several weights of 'mix'"), std::string::npos)
      << imported.report.remarks[0];
}

TEST(TracedNames, ConstantNodesAreNotTrained) {
  ModelBuilder model;
  model.input("x", {2}).floats("w", {2}, {1, 2}).node("Constant", {}, {"/a/Constant_output_0"});
  model.node("Mul", {"x", "/a/Constant_output_0"}, {"m"}).node("Mul", {"m", "w"}, {"y"}).output("y");
  auto *value = model.proto().mutable_graph()->mutable_node(0)->add_attribute();
  value->set_name("value_floats");
  value->set_type(::onnx::AttributeProto::FLOATS);
  value->add_floats(3);
  value->add_floats(4);
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  ASSERT_EQ(imported.report.parameters.size(), 1u);
  EXPECT_EQ(imported.report.parameters[0].first, "w");
}

} // namespace

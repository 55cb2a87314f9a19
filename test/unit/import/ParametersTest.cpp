//===- ParametersTest.cpp - Which initializers are parameters -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "onnx.pb.h"
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::test;

namespace {

constexpr const char *kind = "pkg.torch.export.graph_signature.InputSpec.kind";
constexpr const char *folded = "pkg.onnxscript.optimizer.folded_from";
constexpr const char *signature = "pkg.torch.export.ExportedProgram.graph_signature";

FileSourceAttr sourceOf(ParamOp param) { return mlir::cast<FileSourceAttr>(param.getSource()); }

std::string typeOf(ParamOp param) {
  std::string text;
  llvm::raw_string_ostream(text) << param.getType();
  return text;
}

/// A linear layer as torch.export and its optimizer write it: the weight transposed under a new name.
ModelBuilder linear() {
  ModelBuilder model;
  model.input("x", {2, 3}).floats("val_7", {3, 2}, {1, 2, 3, 4, 5, 6}).floats("fc.bias", {2}, {10, 20});
  model.node("MatMul", {"x", "val_7"}, {"m"}).node("Add", {"m", "fc.bias"}, {"y"}).output("y");
  model.info("val_7", folded, "['fc.weight']").info("fc.bias", kind, "PARAMETER");
  return model.graphInfo(signature, "\n# inputs\np_fc_weight: PARAMETER target='fc.weight'\n"
                                    "p_fc_bias: PARAMETER target='fc.bias'\nx: USER_INPUT\n");
}

TEST(Parameters, FoldedTransposeGetsItsNameAndLayoutBack) {
  Imported model = importModel(linear());
  ASSERT_TRUE(model.module) << model.errors;
  ParamOp weight = model.param("fc.weight");
  ASSERT_TRUE(weight) << model.text();
  EXPECT_TRUE(weight.getTrainable());
  EXPECT_EQ(typeOf(weight), "tensor<2x3xf32>");
  EXPECT_EQ(sourceOf(weight).getShape(), (llvm::ArrayRef<int64_t>{3, 2}));
  EXPECT_EQ(sourceOf(weight).getPerm(), (llvm::ArrayRef<int64_t>{1, 0}));
  EXPECT_EQ(sourceOf(weight).getBytes(), 24);
  EXPECT_TRUE(model.param("fc.bias").getTrainable());
  EXPECT_EQ(model.report.parameters.size(), 2u);
}

// A tied weight that is used both as it is and transposed is one parameter.
TEST(Parameters, FoldedFormOfAParameterThatIsThere) {
  ModelBuilder model = linear();
  model.floats("fc.weight", {2, 3}, {1, 3, 5, 2, 4, 6}).info("fc.weight", kind, "PARAMETER");
  model.node("Add", {"fc.weight", "x"}, {"z"}).output("z");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_EQ(imported.report.parameters.size(), 2u);
  EXPECT_TRUE(sourceOf(imported.param("fc.weight")).getPerm().empty());
}

TEST(Parameters, FoldedFromSeveralIsAConstant) {
  ModelBuilder model;
  model.input("x", {3}).floats("val_1", {3}, {1, 2, 3}).info("val_1", folded, "['a.weight', 'val_0']");
  model.graphInfo(signature, "p_a: PARAMETER target='a.weight'\n");
  Imported imported = importModel(model.node("Add", {"x", "val_1"}, {"y"}).output("y"));
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_TRUE(imported.report.parameters.empty());
  EXPECT_EQ(imported.report.remarks[0].find("'val_1' was computed from parameters"), 0u) << imported.report.remarks[0];
}

TEST(Parameters, TiedNamesBecomeAliases) {
  ModelBuilder model;
  model.input("tokens", {2, 2}, I64).floats("head.weight", {3, 2}, {1, 2, 3, 4, 5, 6});
  model.info("head.weight", kind, "PARAMETER");
  model.node("Gather", {"head.weight", "tokens"}, {"y"}, {}, "['', 'wte', 'embedding']").output("y");
  model.graphInfo(signature, "p_wte: PARAMETER target='wte.weight'\np_head: PARAMETER target='head.weight'\n"
                             "p_gone: PARAMETER target='gone.bias'\n");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  auto aliases = imported.param("head.weight").getAliases();
  ASSERT_TRUE(aliases);
  EXPECT_EQ(mlir::cast<mlir::StringAttr>((*aliases)[0]).getValue(), "wte.weight");
  EXPECT_NE(imported.report.remarks[0].find("gone.bias"), std::string::npos);
}

// The exporter's optimizer puts a batch norm into the convolution before it, under the convolution's name: weight and
// bias of the norm are gone, and are no other names of the weight.
TEST(Parameters, MergedNormsAreNotTied) {
  ModelBuilder model;
  model.input("x", {1, 1, 2, 2}).floats("conv.weight", {1, 1, 1, 1}, {2}).floats("conv.weight_bias", {1}, {3});
  model.node("Conv", {"x", "conv.weight", "conv.weight_bias"}, {"y"}, {}, "['', 'bn', 'batch_norm']").output("y");
  model.graphInfo(signature, "p_conv: PARAMETER target='conv.weight'\np_scale: PARAMETER target='bn.weight'\n"
                             "p_shift: PARAMETER target='bn.bias'\n");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_FALSE(imported.param("conv.weight").getAliases());
  EXPECT_NE(imported.report.remarks[0].find("not trained"), std::string::npos);
  EXPECT_NE(imported.report.remarks[0].find(": bn.bias, bn.weight"), std::string::npos) << imported.report.remarks[0];
}

TEST(Parameters, FilesWithoutMetadataAreGuessedAndSaid) {
  ModelBuilder model;
  model.input("x", {2}).floats("w", {2}, {1, 2}).floats("half", {}, {0.5f}).floats("dead", {2}, {1, 2});
  model.node("Mul", {"x", "w"}, {"m"}).node("Mul", {"m", "half"}, {"y"}).output("y");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  ASSERT_EQ(imported.report.parameters.size(), 1u);
  EXPECT_EQ(imported.report.parameters[0], (std::pair<std::string, bool>("w", true)));
  EXPECT_EQ(imported.report.remarks[0], "the file does not say what its parameters are; taken as trainable: w");
}

TEST(Parameters, PatternsDecide) {
  ImportOptions options;
  options.freeze = {"fc.w*"};
  Imported frozen = importBytes(linear().bytes(), options);
  ASSERT_TRUE(frozen.module) << frozen.errors;
  EXPECT_FALSE(frozen.param("fc.weight").getTrainable());
  EXPECT_TRUE(frozen.param("fc.bias").getTrainable());
  ModelBuilder model = linear();
  model.floats("scale", {1}, {3}).node("Mul", {"y", "scale"}, {"z"}).output("z");
  options = {};
  options.train = {"scale"};
  Imported trained = importBytes(model.bytes(), options);
  ASSERT_TRUE(trained.module) << trained.errors;
  EXPECT_TRUE(trained.param("scale").getTrainable());
}

// Files by old exporters have weights as Constant nodes.
TEST(Parameters, ConstantNodesCount) {
  ModelBuilder model;
  model.input("x", {2});
  auto *node = model.node("Constant", {}, {"w"}).proto().mutable_graph()->mutable_node(0);
  auto *attr = node->add_attribute();
  attr->set_name("value");
  attr->set_type(::onnx::AttributeProto::TENSOR);
  attr->mutable_t()->set_data_type(F32);
  attr->mutable_t()->add_dims(2);
  attr->mutable_t()->set_raw_data(std::string(8, 0));
  Imported imported = importModel(model.node("Add", {"x", "w"}, {"y"}).output("y"));
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_TRUE(imported.param("w"));
  EXPECT_EQ(sourceOf(imported.param("w")).getBytes(), 8);
}

// bf16 weights are f32 in a program for a target without bf16; the file keeps its type.
TEST(Parameters, NarrowWeights) {
  ModelBuilder model;
  model.input("x", {2}, BF16).raw("w", BF16, {2}, std::string("\x80\x3f\x00\x40", 4));
  model.node("Mul", {"x", "w"}, {"y"}).output("y");
  Imported wide = importModel(model);
  ASSERT_TRUE(wide.module) << wide.errors;
  EXPECT_EQ(typeOf(wide.param("w")), "tensor<2xf32>");
  EXPECT_TRUE(sourceOf(wide.param("w")).getElementType().isBF16());
  ImportOptions options;
  options.precision = "model";
  Imported narrow = importBytes(model.bytes(), options);
  ASSERT_TRUE(narrow.module) << narrow.errors;
  EXPECT_EQ(typeOf(narrow.param("w")), "tensor<2xbf16>");
}

ModelBuilder withDataFile(const std::string &location) {
  ModelBuilder model;
  model.input("x", {4}).external("w", {4}, location, 16, 16);
  return model.node("Add", {"x", "w"}, {"y"}).output("y");
}

TEST(Parameters, DataFiles) {
  ScratchFolder folder;
  std::string bytes = withDataFile("w.bin").bytes();
  // Absent: the driver decides whether the values are wanted.
  Imported absent = importBytes(bytes, {}, folder);
  ASSERT_TRUE(absent.module) << absent.errors;
  EXPECT_EQ(sourceOf(absent.param("w")).getFileBytes(), 0);
  EXPECT_EQ(sourceOf(absent.param("w")).getPath(), folder.path + "/w.bin");
  folder.write("w.bin", std::string(32, 0));
  Imported present = importBytes(bytes, {}, folder);
  ASSERT_TRUE(present.module) << present.errors;
  EXPECT_EQ(sourceOf(present.param("w")).getFileBytes(), 32);
  EXPECT_EQ(sourceOf(present.param("w")).getOffset(), 16);
  folder.write("w.bin", std::string(31, 0));
  Imported cut = importBytes(bytes, {}, folder);
  EXPECT_NE(cut.errors.find("w: its data are bytes 16 to 32 of"), std::string::npos) << cut.errors;
  EXPECT_NE(cut.errors.find("the file is truncated"), std::string::npos);
}

TEST(Parameters, DataFilesStayInTheFolder) {
  for (const char *location : {"../w.bin", "/etc/passwd", "a/../../b"}) {
    Imported imported = importModel(withDataFile(location));
    EXPECT_NE(imported.errors.find("lies outside the model's folder"), std::string::npos) << location;
  }
}

} // namespace

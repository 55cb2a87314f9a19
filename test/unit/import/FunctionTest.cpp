//===- FunctionTest.cpp - Operators that a model defines itself -*- C++ -*-===//
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

using List = std::vector<double>;

::onnx::NodeProto *addNode(::onnx::FunctionProto &function, const std::string &op, std::vector<std::string> inputs,
                           std::vector<std::string> outputs, const std::string &domain = "") {
  ::onnx::NodeProto *node = function.add_node();
  node->set_op_type(op);
  node->set_domain(domain);
  for (const std::string &name : inputs)
    node->add_input(name);
  for (const std::string &name : outputs)
    node->add_output(name);
  return node;
}

::onnx::FunctionProto &addFunction(ModelBuilder &model, const std::string &name, std::vector<std::string> inputs,
                                   std::vector<std::string> outputs, int64_t opset = 18) {
  ::onnx::FunctionProto &function = *model.proto().add_functions();
  function.set_domain("local");
  function.set_name(name);
  for (const std::string &input : inputs)
    function.add_input(input);
  for (const std::string &output : outputs)
    function.add_output(output);
  ::onnx::OperatorSetIdProto *import = function.add_opset_import();
  import->set_domain("");
  import->set_version(opset);
  return function;
}

/// Calls `name` on x: f32 [2, 3].
ModelBuilder calling(const std::string &name, const std::vector<Attr> &attributes = {}) {
  ModelBuilder model;
  model.input("x", {2, 3}).node(name, {"x"}, {"y"}, attributes).output("y");
  ::onnx::NodeProto &node = *model.proto().mutable_graph()->mutable_node(0);
  node.set_domain("local");
  node.set_name("call");
  return model;
}

/// alpha * x + 1, with alpha = 2 unless the call says another.
void addScale(ModelBuilder &model) {
  ::onnx::FunctionProto &scale = addFunction(model, "Scale", {"v"}, {"w"});
  ::onnx::AttributeProto *alpha = scale.add_attribute_proto();
  alpha->set_name("alpha");
  alpha->set_type(::onnx::AttributeProto::FLOAT);
  alpha->set_f(2);
  ::onnx::AttributeProto *value = addNode(scale, "Constant", {}, {"a"})->add_attribute();
  value->set_name("value_float");
  value->set_type(::onnx::AttributeProto::FLOAT);
  value->set_ref_attr_name("alpha");
  addNode(scale, "Mul", {"a", "v"}, {"scaled"});
  ::onnx::AttributeProto *one = addNode(scale, "Constant", {}, {"one"})->add_attribute();
  one->set_name("value_float");
  one->set_type(::onnx::AttributeProto::FLOAT);
  one->set_f(1);
  addNode(scale, "Add", {"scaled", "one"}, {"w"});
}

void expectError(const ModelBuilder &model, const std::string &text) {
  Imported imported = importModel(model);
  EXPECT_EQ(imported.errorCount, 1) << imported.errors;
  EXPECT_NE(imported.errors.find(text), std::string::npos) << "got: " << imported.errors << "wanted: " << text;
}

TEST(Functions, AttributesAndDefaults) {
  ModelBuilder model = calling("Scale");
  addScale(model);
  EXPECT_EQ(run(model, {{1, 2, 3, 4, 5, 6}}), (List{3, 5, 7, 9, 11, 13}));
  ModelBuilder given = calling("Scale", {{"alpha", 10.0f}});
  addScale(given);
  EXPECT_EQ(run(given, {{1, 2, 3, 4, 5, 6}}), (List{11, 21, 31, 41, 51, 61}));
}

// Two calls of one function do not share names; the inner attribute is passed on by the outer function.
TEST(Functions, CallEachOther) {
  ModelBuilder model = calling("Twice", {{"beta", 3.0f}});
  addScale(model);
  ::onnx::FunctionProto &twice = addFunction(model, "Twice", {"v"}, {"w"});
  twice.add_attribute("beta");
  for (auto [in, out] : {std::pair("v", "scaled"), std::pair("scaled", "w")}) {
    ::onnx::AttributeProto *alpha = addNode(twice, "Scale", {in}, {out}, "local")->add_attribute();
    alpha->set_name("alpha");
    alpha->set_type(::onnx::AttributeProto::FLOAT);
    alpha->set_ref_attr_name("beta");
  }
  EXPECT_EQ(run(model, {{1, 2, 3, 4, 5, 6}}), (List{13, 22, 31, 40, 49, 58}));
}

// Opset 13's ReduceMean has its axes as an attribute, the model's has them as an operand.
TEST(Functions, HaveOpsetsOfTheirOwn) {
  ModelBuilder model = calling("RowMean");
  ::onnx::FunctionProto &mean = addFunction(model, "RowMean", {"v"}, {"w"}, 13);
  ::onnx::AttributeProto *axes = addNode(mean, "ReduceMean", {"v"}, {"w"})->add_attribute();
  axes->set_name("axes");
  axes->set_type(::onnx::AttributeProto::INTS);
  axes->add_ints(1);
  EXPECT_EQ(run(model, {{1, 2, 3, 4, 5, 6}}), (List{2, 5}));
  ModelBuilder old = calling("Old");
  addNode(addFunction(old, "Old", {"v"}, {"w"}, 9), "Neg", {"v"}, {"w"});
  expectError(old, "local::Old: the function uses opset 9, Weft reads opsets 13 to 23");
}

// An operand that is a result, and an operand that the call leaves out.
TEST(Functions, PassOperandsThrough) {
  ModelBuilder model = calling("Same");
  addFunction(model, "Same", {"v", "unused"}, {"v"});
  EXPECT_EQ(run(model, {{1, 2, 3, 4, 5, 6}}), (List{1, 2, 3, 4, 5, 6}));
}

TEST(Functions, ErrorsNameThePathOfCalls) {
  ModelBuilder model = calling("Outer");
  addNode(addFunction(model, "Outer", {"v"}, {"w"}), "Inner", {"v"}, {"w"}, "local")->set_name("second");
  addNode(addFunction(model, "Inner", {"v"}, {"w"}), "Transpose", {"v"}, {"w"})->set_name("third");
  ::onnx::AttributeProto *perm = model.proto().mutable_functions(1)->mutable_node(0)->add_attribute();
  perm->set_name("perm");
  perm->set_type(::onnx::AttributeProto::INTS);
  perm->add_ints(7);
  expectError(model, "Transpose:call/second/third");
}

TEST(Functions, Faults) {
  ModelBuilder attribute = calling("Scale", {{"gamma", 1.0f}});
  addScale(attribute);
  expectError(attribute, "Scale:call: function 'local::Scale' has no attribute 'gamma'");
  ModelBuilder itself = calling("Loop");
  addNode(addFunction(itself, "Loop", {"v"}, {"w"}), "Loop", {"v"}, {"w"}, "local");
  expectError(itself, "a function calls itself: local::Loop -> local::Loop");
  ModelBuilder operands = calling("None");
  addNode(addFunction(operands, "None", {}, {"w"}), "Neg", {"u"}, {"w"});
  expectError(operands, "has 0 operands and 1 results, the call gives 1 and 1");
  ModelBuilder doubles = calling("F0");
  for (int i = 0; i < 40; ++i) {
    ::onnx::FunctionProto &f = addFunction(doubles, "F" + std::to_string(i), {"v"}, {"w"});
    std::string next = i == 39 ? "Neg" : "F" + std::to_string(i + 1), domain = i == 39 ? "" : "local";
    addNode(f, next, {"v"}, {"h"}, domain);
    addNode(f, next, {"h"}, {"w"}, domain);
  }
  expectError(doubles, "the model's functions expand to more than");
}

} // namespace

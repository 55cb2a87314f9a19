//===- BranchTest.cpp - Conditional nodes -*- C++ -*-===//
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

/// A graph attribute of a node.
::onnx::GraphProto &addBranch(::onnx::NodeProto &node, const std::string &name) {
  ::onnx::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(::onnx::AttributeProto::GRAPH);
  return *attribute.mutable_g();
}

/// Adds `out = op(inputs)`; every branch may call its result the same.
void addNode(::onnx::GraphProto &graph, const std::string &op, std::vector<std::string> inputs,
             const std::string &out = "r") {
  ::onnx::NodeProto &node = *graph.add_node();
  node.set_op_type(op);
  for (const std::string &input : inputs)
    node.add_input(input);
  node.add_output(out);
}

/// y = If(condition){-x}{|x|} with x: f32 [3].
ModelBuilder choosing(const std::string &condition) {
  ModelBuilder model;
  model.input("x", {3}).node("If", {condition}, {"y"}).output("y");
  ::onnx::NodeProto &node = *model.proto().mutable_graph()->mutable_node(0);
  node.set_name("choice");
  for (auto [name, op] : {std::pair("then_branch", "Neg"), std::pair("else_branch", "Abs")}) {
    ::onnx::GraphProto &branch = addBranch(node, name);
    addNode(branch, op, {"x"});
    branch.add_output()->set_name("r");
  }
  return model;
}

void expectError(const ModelBuilder &model, const std::string &text) {
  Imported imported = importModel(model);
  EXPECT_EQ(imported.errorCount, 1) << imported.errors;
  EXPECT_NE(imported.errors.find(text), std::string::npos) << "got: " << imported.errors << "wanted: " << text;
}

TEST(Branches, AKnownConditionChooses) {
  for (char taken : {1, 0}) {
    ModelBuilder model = choosing("known");
    model.raw("known", BOOL, {}, std::string(1, taken));
    EXPECT_EQ(run(model, {{1, -2, 3}}), taken ? (List{-1, 2, -3}) : (List{1, 2, 3}));
  }
}

// What PyTorch's tracing exporter writes for squeeze(1): the size decides, and the branch that is not taken cannot be
// imported for it.
TEST(Branches, SizesDecide) {
  for (int64_t size : {1, 2}) {
    ModelBuilder model;
    model.input("x", {2, size}).ints("index", {}, {1}).ints("one", {}, {1}).ints("axes", {1}, {1});
    model.node("Shape", {"x"}, {"shape"}).node("Gather", {"shape", "index"}, {"size"}, {{"axis", int64_t(0)}});
    model.node("Equal", {"size", "one"}, {"isOne"}).node("If", {"isOne"}, {"y"}).output("y");
    ::onnx::NodeProto &node = *model.proto().mutable_graph()->mutable_node(3);
    ::onnx::GraphProto &squeeze = addBranch(node, "then_branch"), &keep = addBranch(node, "else_branch");
    addNode(squeeze, "Squeeze", {"x", "axes"});
    squeeze.add_output()->set_name("r");
    keep.add_output()->set_name("x");
    Imported imported = importModel(model);
    ASSERT_EQ(imported.errors, "");
    EXPECT_EQ(mlir::cast<mlir::RankedTensorType>(imported.forward().getResultTypes()[0]).getRank(), size == 1 ? 1 : 2);
  }
}

// A branch may hold constants, and operators that Weft does not have where it is not taken; and branches.
TEST(Branches, InsideEachOther) {
  for (char taken : {1, 0}) {
    ModelBuilder model;
    model.input("x", {3}).raw("outer", BOOL, {}, std::string(1, 1)).raw("inner", BOOL, {1}, std::string(1, taken));
    model.node("If", {"outer"}, {"y"}).output("y");
    ::onnx::NodeProto &node = *model.proto().mutable_graph()->mutable_node(0);
    ::onnx::GraphProto &then = addBranch(node, "then_branch"), &mystery = addBranch(node, "else_branch");
    addNode(mystery, "Mystery", {"x"});
    mystery.add_output()->set_name("r");
    ::onnx::TensorProto &ten = *then.add_initializer();
    ten.set_name("ten");
    ten.set_data_type(F32);
    ten.add_float_data(10);
    addNode(then, "Mul", {"x", "ten"}, "scaled");
    addNode(then, "If", {"inner"});
    then.add_output()->set_name("r");
    ::onnx::NodeProto &second = *then.mutable_node(1);
    for (auto [name, op] : {std::pair("then_branch", "Neg"), std::pair("else_branch", "Abs")}) {
      ::onnx::GraphProto &branch = addBranch(second, name);
      addNode(branch, op, {"scaled"}, "scaled2");
      branch.add_output()->set_name("scaled2");
    }
    EXPECT_EQ(run(model, {{1, -2, 3}}), taken ? (List{-10, 20, -30}) : (List{10, 20, 30}));
  }
}

TEST(Branches, Faults) {
  ModelBuilder data = choosing("flag");
  data.input("flag", {}, BOOL);
  expectError(data, "If:choice: the condition ('flag') depends on data: Weft needs it to be known when it compiles");
  ModelBuilder half = choosing("known");
  half.raw("known", BOOL, {}, std::string(1, 1));
  half.proto().mutable_graph()->mutable_node(0)->mutable_attribute()->RemoveLast();
  expectError(half, "If:choice: it needs one condition and two branches");
  ModelBuilder results = choosing("known");
  results.raw("known", BOOL, {}, std::string(1, 1));
  results.proto().mutable_graph()->mutable_node(0)->add_output("more");
  expectError(results, "If:choice: it has 2 results, a branch has 1 and 0 operands");
  ModelBuilder mystery = choosing("known");
  mystery.raw("known", BOOL, {}, std::string(1, 1));
  mystery.proto().mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_op_type(
      "M");
  expectError(mystery, "operator M is not supported");
  ModelBuilder inside = choosing("known");
  inside.raw("known", BOOL, {}, std::string(1, 0)).output("choice/then/r");
  expectError(inside, "'choice/then/r' is of a branch that is not taken");
  ModelBuilder deep = choosing("known");
  deep.raw("known", BOOL, {}, std::string(1, 1));
  ::onnx::NodeProto *node = deep.proto().mutable_graph()->mutable_node(0);
  for (int i = 0; i < 40; ++i) {
    node = addBranch(*node, "body").add_node();
    node->set_op_type("If");
  }
  expectError(deep, "more than 32 graphs in each other");
  // The branch that is taken and the other one.
  for (int attribute : {0, 1}) {
    ModelBuilder nameless = choosing("known");
    nameless.raw("known", BOOL, {}, std::string(1, 1));
    ::onnx::NodeProto &node = *nameless.proto().mutable_graph()->mutable_node(0);
    node.mutable_attribute(attribute)->mutable_g()->mutable_output(0)->set_name("");
    expectError(nameless,
                attribute ? "a result of its else branch has no name" : "a result of its then branch has no name");
  }
}

// A call of a function may leave out what a branch inside needs.
TEST(Branches, LeftOutByACall) {
  for (bool condition : {true, false}) {
    ModelBuilder model;
    model.input("x", {3}).raw("yes", BOOL, {}, std::string(1, 1)).output("y");
    model.node("Choose", {"x", condition ? "" : "yes"}, {"y"});
    model.proto().mutable_graph()->mutable_node(0)->set_domain("local");
    ::onnx::FunctionProto &function = *model.proto().add_functions();
    function.set_domain("local");
    function.set_name("Choose");
    for (const char *name : {"v", "c", "nothing"})
      function.add_input(name);
    function.add_output("w");
    ::onnx::OperatorSetIdProto *version = function.add_opset_import();
    version->set_version(18);
    ::onnx::NodeProto &node = *function.add_node();
    node.set_op_type("If");
    node.add_input("c");
    node.add_output("w");
    for (const char *name : {"then_branch", "else_branch"}) {
      ::onnx::GraphProto &branch = addBranch(node, name);
      addNode(branch, "Neg", {"v"});
      branch.add_output()->set_name(condition ? "r" : "nothing");
    }
    expectError(model,
                condition ? "the condition is left out" : "what the branch that is taken gives as 'y' is left out");
  }
}

// A condition that nothing reads but the guards of a branch's nodes.
TEST(Branches, OnlyTheInsideIsWanted) {
  ModelBuilder model = choosing("known");
  model.raw("known", BOOL, {}, std::string(1, 1));
  model.proto().mutable_graph()->clear_output();
  EXPECT_EQ(run(model.output("choice/then/r"), {{1, -2, 3}}), List({-1, 2, -3}));
}

// Loops stay one clear error, whatever is in them.
TEST(Branches, LoopsAreRefused) {
  ModelBuilder model;
  model.input("x", {3}).ints("count", {}, {4}).node("Loop", {"count", "", "x"}, {"y"}).output("y");
  addNode(addBranch(*model.proto().mutable_graph()->mutable_node(0), "body"), "Neg", {"x"});
  expectError(model, "operator Loop is not supported (1 node)");
}

} // namespace

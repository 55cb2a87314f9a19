//===- SequenceTest.cpp - Lists of tensors ----------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "onnx.pb.h"
#include <gtest/gtest.h>

using namespace weft::test;

namespace {

using List = std::vector<double>;

/// x: f32 [2, 3] = 1..6, and numbers 0, 1, 2 and -1 by these names.
ModelBuilder matrix() {
  ModelBuilder model(17);
  model.input("x", {2, 3}).ints("0", {}, {0}).ints("1", {}, {1}).ints("2", {}, {2}).ints("-1", {}, {-1});
  return model;
}

List resultOf(ModelBuilder &model) { return run(model.output("y"), {{1, 2, 3, 4, 5, 6}}); }

std::string errorOf(ModelBuilder &model) {
  Imported imported = importModel(model.output("y"));
  EXPECT_FALSE(imported.module);
  EXPECT_EQ(imported.errorCount, 1) << imported.errors;
  return imported.errors;
}

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << text

TEST(Sequence, PartsOfOneSizeAndTheRest) {
  ModelBuilder model = matrix();
  model.node("SplitToSequence", {"x", "2"}, {"list"}, {{"axis", int64_t(1)}});
  EXPECT_EQ(resultOf(model.node("SequenceAt", {"list", "1"}, {"y"})), List({3, 6}));
}

TEST(Sequence, PartsOfGivenSizesFromTheEnd) {
  ModelBuilder model = matrix();
  model.ints("sizes", {2}, {1, 2}).node("SplitToSequence", {"x", "sizes"}, {"list"}, {{"axis", int64_t(-1)}});
  EXPECT_EQ(resultOf(model.node("SequenceAt", {"list", "-1"}, {"y"})), List({2, 3, 5, 6}));
}

// Without sizes, and with the single 1 that PyTorch writes for unbind, `keepdims` counts.
TEST(Sequence, RowsLoseTheirDimension) {
  for (bool given : {false, true}) {
    ModelBuilder model = matrix();
    model.node("SplitToSequence", given ? ModelBuilder::Names{"x", "1"} : ModelBuilder::Names{"x"}, {"list"},
               {{"keepdims", int64_t(0)}});
    model.node("SequenceAt", {"list", "1"}, {"row"}).node("Shape", {"row"}, {"y"});
    EXPECT_EQ(resultOf(model), List({3}));
  }
  ModelBuilder kept = matrix();
  kept.node("SplitToSequence", {"x"}, {"list"}).node("SequenceAt", {"list", "1"}, {"row"});
  EXPECT_EQ(resultOf(kept.node("Shape", {"row"}, {"y"})), List({1, 3}));
}

TEST(Sequence, BuiltChangedAndJoined) {
  ModelBuilder model = matrix();
  model.node("Neg", {"x"}, {"n"}).node("SequenceEmpty", {}, {"a"}).node("SequenceInsert", {"a", "x"}, {"b"});
  model.node("SequenceInsert", {"b", "n", "0"}, {"c"}).node("SequenceInsert", {"c", "x", "2"}, {"d"});
  model.node("SequenceErase", {"d", "1"}, {"e"}).node("Identity", {"e"}, {"f"});
  EXPECT_EQ(resultOf(model.node("ConcatFromSequence", {"f"}, {"y"}, {{"axis", int64_t(1)}})),
            List({-1, -2, -3, 1, 2, 3, -4, -5, -6, 4, 5, 6}));
}

TEST(Sequence, StackedAlongANewAxis) {
  ModelBuilder model = matrix();
  model.node("Neg", {"x"}, {"n"}).node("SequenceConstruct", {"x", "n"}, {"list"});
  model.node("ConcatFromSequence", {"list"}, {"z"}, {{"axis", int64_t(-1)}, {"new_axis", int64_t(1)}});
  EXPECT_EQ(resultOf(model.node("Slice", {"z", "from", "to"}, {"y"}).ints("from", {1}, {1}).ints("to", {1}, {2})),
            List({4, -4, 5, -5, 6, -6}));
}

// The number of tensors is known, and so are tensors of a list of constants.
TEST(Sequence, LengthsAndConstantsAreKnown) {
  ModelBuilder model = matrix();
  model.ints("shape", {3}, {1, 3, 2}).node("SplitToSequence", {"shape"}, {"sizes"});
  model.node("SequenceLength", {"sizes"}, {"three"}).node("Sub", {"three", "1"}, {"last"});
  model.node("SequenceErase", {"sizes", "0"}, {"rest"})
      .node("ConcatFromSequence", {"rest"}, {"to"}, {{"axis", int64_t(0)}});
  EXPECT_EQ(resultOf(model.node("Reshape", {"x", "to"}, {"z"}).node("Gather", {"z", "last"}, {"y"})), List({5, 6}));
}

TEST(Sequence, OfABranch) {
  ModelBuilder model = matrix();
  model.raw("yes", BOOL, {}, std::string(1, 1)).node("If", {"yes"}, {"list"});
  model.node("SequenceAt", {"list", "0"}, {"y"});
  auto *node = model.proto().mutable_graph()->mutable_node(0);
  for (const char *name : {"then_branch", "else_branch"}) {
    auto *branch = node->add_attribute();
    branch->set_name(name);
    branch->set_type(::onnx::AttributeProto::GRAPH);
    auto *inner = branch->mutable_g()->add_node();
    inner->set_op_type("SplitToSequence");
    inner->add_input("x");
    inner->add_output("parts");
    branch->mutable_g()->add_output()->set_name("parts");
  }
  EXPECT_EQ(resultOf(model), List({1, 2, 3}));
}

TEST(Sequence, FaultsAreSaid) {
  ModelBuilder list = matrix(), tensor = matrix(), outside = matrix(), result = matrix(), types = matrix();
  ModelBuilder second = matrix(), many(17), sizes = matrix(), zero = matrix(), joined = matrix();
  list.node("SplitToSequence", {"x"}, {"l"}).node("Neg", {"l"}, {"y"});
  EXPECT_SAYS(errorOf(list), "operand 'l' is a list of tensors, which Neg does not take there");
  EXPECT_SAYS(errorOf(tensor.node("SequenceAt", {"x", "0"}, {"y"})), "operand 'x' is a tensor and not a list");
  outside.node("SplitToSequence", {"x"}, {"l"}).node("SequenceAt", {"l", "2"}, {"y"});
  EXPECT_SAYS(errorOf(outside), "place 2 is outside a list of 2 tensors");
  EXPECT_SAYS(errorOf(result.node("SplitToSequence", {"x"}, {"y"})), "'y' is a list of tensors");
  EXPECT_SAYS(errorOf(second.node("SequenceConstruct", {"x"}, {"l", "y"})), "its result 'y' is not supported");
  types.node("SequenceConstruct", {"x"}, {"l"}).node("SequenceInsert", {"l", "0"}, {"m"});
  EXPECT_SAYS(errorOf(types.node("SequenceAt", {"m", "0"}, {"y"})), "a list of 'f32' does not take");
  many.input("x", {5000}).node("SplitToSequence", {"x"}, {"l"}).node("SequenceLength", {"l"}, {"y"});
  EXPECT_SAYS(errorOf(many), "a list has at most 4096 tensors");
  sizes.ints("s", {2}, {4, -1}).node("SplitToSequence", {"x", "s"}, {"l"}, {{"axis", int64_t(1)}});
  EXPECT_SAYS(errorOf(sizes.node("SequenceAt", {"l", "0"}, {"y"})), "do not make up size 3");
  zero.node("SplitToSequence", {"x", "0"}, {"l"}).node("SequenceAt", {"l", "0"}, {"y"});
  EXPECT_SAYS(errorOf(zero), "cannot cut parts of size 0");
  joined.ints("s", {2}, {1, 2}).node("SplitToSequence", {"x", "s"}, {"l"}, {{"axis", int64_t(1)}});
  EXPECT_SAYS(errorOf(joined.node("ConcatFromSequence", {"l"}, {"y"}, {{"axis", int64_t(0)}})),
              "differ in more than axis 0");
}

} // namespace

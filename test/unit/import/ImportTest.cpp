//===- ImportTest.cpp - Sizes, inputs and places of imported programs -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::test;

namespace {

/// y = embedding(tokens), the smallest language model.
ModelBuilder embedding() {
  ModelBuilder model;
  model.input("input_ids", {-1, -2}, I64).floats("table", {3, 2}, {1, 2, 3, 4, 5, 6});
  return model.node("Gather", {"table", "input_ids"}, {"y"}, {}, "['', 'model', 'model.wte', 'embedding']").output("y");
}

ImportOptions sized(int64_t batch, int64_t sequence) {
  ImportOptions options;
  options.dims = {{"batch", batch}, {"sequence", sequence}};
  return options;
}

std::string attr(mlir::func::FuncOp function, unsigned i, const char *name) {
  auto text = function.getArgAttrOfType<mlir::StringAttr>(i, name);
  return text ? text.getValue().str() : "";
}

TEST(Import, SpecialisesSizes) {
  Imported model = importModel(embedding(), sized(4, 8));
  ASSERT_TRUE(model.module) << model.errors;
  EXPECT_EQ(mlir::cast<mlir::RankedTensorType>(model.forward().getResultTypes()[0]).getShape(),
            (llvm::ArrayRef<int64_t>{4, 8, 2}));
  EXPECT_EQ(attr(model.forward(), 0, "weft.name"), "input_ids");
  EXPECT_EQ(attr(model.forward(), 0, "weft.role"), "tokens");
  EXPECT_EQ((*model.module)->getAttrOfType<mlir::IntegerAttr>("weft.batch").getInt(), 4);
}

// The program is one micro-batch, the batch of the module the whole.
TEST(Import, CutsTheBatchIntoMicrobatches) {
  ImportOptions options = sized(8, 3);
  options.microbatches = 4;
  Imported model = importModel(embedding(), options);
  ASSERT_TRUE(model.module) << model.errors;
  EXPECT_EQ(mlir::cast<mlir::RankedTensorType>(model.forward().getArgumentTypes()[0]).getDimSize(0), 2);
  EXPECT_EQ((*model.module)->getAttrOfType<mlir::IntegerAttr>("weft.batch").getInt(), 8);
  EXPECT_EQ((*model.module)->getAttrOfType<mlir::IntegerAttr>("weft.microbatches").getInt(), 4);
}

TEST(Import, KeepsPlaces) {
  Imported model = importModel(embedding(), sized(2, 2));
  ASSERT_TRUE(model.module) << model.errors;
  std::string places;
  model.forward().walk(
      [&](GatherOp op) { places += mlir::cast<mlir::NameLoc>(op.getLoc()).getName().getValue().str(); });
  EXPECT_EQ(places, "model.wte/Gather:node_y");
}

TEST(Import, GivesInputsTheirRoles) {
  ModelBuilder model;
  for (const char *name : {"input_ids", "labels", "position_ids", "attention_mask", "other", "token_type_ids"})
    model.input(name, {2, 3}, I64);
  model.input("pixels", {2, 3});
  model.node("Sum", {"pixels", "pixels"}, {"y"}).output("y");
  Imported imported = importModel(model);
  ASSERT_TRUE(imported.module) << imported.errors;
  const char *roles[] = {"tokens", "labels", "positions", "ones", "labels", "zeros", "field"};
  for (unsigned i = 0; i < 7; ++i)
    EXPECT_EQ(attr(imported.forward(), i, "weft.role"), roles[i]) << i;
  EXPECT_EQ(attr(imported.forward(), 6, "weft.field"), "pixels");

  ImportOptions options;
  options.inputs = {"other=weights", "labels=tokens"};
  Imported other = importBytes(model.bytes(), options);
  ASSERT_TRUE(other.module) << other.errors;
  EXPECT_EQ(attr(other.forward(), 4, "weft.role"), "field");
  EXPECT_EQ(attr(other.forward(), 4, "weft.field"), "weights");
  EXPECT_EQ(attr(other.forward(), 1, "weft.role"), "tokens");
}

TEST(Import, ListsSymbolicSizes) {
  ScratchFolder folder;
  std::vector<SymbolicDim> dims;
  std::string error;
  ASSERT_TRUE(listSymbolicDims(folder.write("m.onnx", embedding().bytes()), dims, error)) << error;
  ASSERT_EQ(dims.size(), 2u);
  EXPECT_EQ(dims[1].name, "sequence");
  EXPECT_EQ(dims[1].uses[0].input, "input_ids");
  EXPECT_EQ(dims[1].uses[0].axis, 1);
  EXPECT_FALSE(listSymbolicDims(folder.path + "/none.onnx", dims, error));
}

// Nodes may come in any order in files that other tools have edited.
TEST(Import, OrdersNodes) {
  ModelBuilder model;
  model.input("x", {2}).node("Neg", {"a"}, {"y"}).node("Exp", {"x"}, {"a"}).output("y");
  Imported imported = importModel(model);
  EXPECT_TRUE(imported.module) << imported.errors;
}

// Nothing that no result needs is imported, not even an operator nobody knows.
TEST(Import, IgnoresDeadNodes) {
  ModelBuilder model;
  model.input("x", {2}).node("Neg", {"x"}, {"y"}).node("Mystery", {"x"}, {"z"}).output("y");
  Imported imported = importModel(model);
  EXPECT_TRUE(imported.module) << imported.errors;
}

// Shape arithmetic leaves nothing behind, and a mask that is too large stays an expression.
TEST(Import, FoldsShapesAndKeepsLargeMasksSymbolic) {
  ModelBuilder model;
  model.input("x", {-1, -2}).ints("zero", {}, {0}).ints("one", {}, {1}).ints("axis", {1}, {1});
  model.node("Shape", {"x"}, {"size"}, {{"start", int64_t(1)}}).node("Squeeze", {"size"}, {"n"});
  model.node("Range", {"zero", "n", "one"}, {"columns"}).node("Unsqueeze", {"columns", "axis"}, {"rows"});
  model.node("LessOrEqual", {"columns", "rows"}, {"mask"}).output("mask");
  Imported imported = importModel(model, sized(1, 4096));
  ASSERT_TRUE(imported.module) << imported.errors;
  imported.forward().walk([&](mlir::arith::ConstantOp op) {
    auto value = mlir::cast<mlir::DenseElementsAttr>(op.getValue());
    EXPECT_TRUE(value.isSplat() || value.getNumElements() <= 4096);
  });
  EXPECT_EQ(imported.text().find("weft.reshape %arg0"), std::string::npos);
}

} // namespace

//===- BadInputTest.cpp - What is wrong with a file or a request is said once -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace weft;
using namespace weft::test;

namespace {

/// A few operators of several families on one symbolic input.
ModelBuilder sample() {
  ModelBuilder model;
  model.input("x", {-1, -2, 4}).floats("w", {4, 6}, std::vector<float>(24, 0.5f)).floats("b", {6}, {1, 2, 3, 4, 5, 6});
  model.ints("shape", {4}, {0, 0, 2, 3}).ints("starts", {1}, {1}).ints("ends", {1}, {3}).ints("axes", {1}, {-1});
  model.node("MatMul", {"x", "w"}, {"m"}, {}, "['', 'net', 'net.layer', 'linear']").node("Add", {"m", "b"}, {"a"});
  model.node("Reshape", {"a", "shape"}, {"r"})
      .node("Transpose", {"r"}, {"t"}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
  model.node("Slice", {"t", "starts", "ends", "axes"}, {"s"}).node("Softmax", {"s"}, {"p"}, {{"axis", int64_t(1)}});
  model.node("ReduceMean", {"p", "axes"}, {"y"}, {{"keepdims", int64_t(0)}});
  return model.output("y");
}

ImportOptions sizes() {
  ImportOptions options;
  options.dims = {{"batch", 2}, {"sequence", 3}};
  return options;
}

/// Exactly one error, which contains `text`.
void expectError(const Imported &imported, const std::string &text) {
  EXPECT_EQ(imported.errorCount, 1) << imported.errors;
  EXPECT_NE(imported.errors.find(text), std::string::npos) << "got: " << imported.errors << "wanted: " << text;
}

/// One error for a model whose only node is `opType` on x: f32 [2, 3].
void expectNodeError(const std::string &opType, const std::vector<Attr> &attributes, const std::string &text,
                     std::vector<std::string> operands = {"x"}) {
  ModelBuilder model;
  model.input("x", {2, 3}).input("i", {2, 3}, I64).ints("five", {1}, {5}).ints("list", {2}, {0, 0});
  expectError(importModel(model.node(opType, operands, {"y"}, attributes).output("y")), text);
}

TEST(BadInput, Files) {
  ImportOptions options = sizes();
  expectError(importBytes("", options), "it is not an ONNX model: the file is empty");
  expectError(importBytes("no model", options), "it is not an ONNX model: ");
  std::string bytes = sample().bytes();
  expectError(importBytes(bytes.substr(0, bytes.size() / 2), options), "the file is truncated or corrupt");
}

TEST(BadInput, Opsets) {
  ModelBuilder old(11), future(24);
  expectError(importModel(old.input("x", {1}).node("Neg", {"x"}, {"y"}).output("y")),
              "the file uses opset 11, Weft reads opsets 13 to 23");
  expectError(importModel(future.input("x", {1}).node("Neg", {"x"}, {"y"}).output("y")), "opset 24");
  ModelBuilder early(19);
  expectError(importModel(early.input("x", {1}).node("Gelu", {"x"}, {"y"}).output("y")),
              "Gelu:node_y: operator Gelu does not exist in opset 19");
}

TEST(BadInput, Sizes) {
  expectError(importModel(sample()),
              "the model has symbolic sizes that need values: sequence (x, axis 1); for example: --dim sequence=32");
  ImportOptions options = sizes();
  options.dims["heads"] = 4;
  expectError(importModel(sample(), options), "no symbolic size 'heads'; it has batch, sequence");
  options = sizes();
  options.dims["batch"] = 0;
  expectError(importModel(sample(), options), "size 'batch' cannot be 0");
  options.dims["batch"] = int64_t(1) << 50;
  expectError(importModel(sample(), options), "size 'batch' cannot be");
  options = sizes();
  options.microbatches = 3;
  expectError(importModel(sample(), options), "batch=2 does not divide into 3 micro-batches");
  ModelBuilder fixed;
  fixed.input("x", {16, 2}).node("Neg", {"x"}, {"y"}).output("y");
  options = {};
  options.microbatches = 4;
  expectError(importModel(fixed, options), "a fixed batch of 16");
}

// The cause, a size that somebody chose, is named, not only the index.
TEST(BadInput, PositionsBeyondTheTable) {
  ModelBuilder model;
  model.input("x", {-1, -2}).floats("wpe", {4, 2}, std::vector<float>(8, 1)).ints("zero", {}, {0}).ints("one", {}, {1});
  model.node("Shape", {"x"}, {"size"}, {{"start", int64_t(1)}}).node("Squeeze", {"size"}, {"n"});
  model.node("Range", {"zero", "n", "one"}, {"positions"});
  model.node("Gather", {"wpe", "positions"}, {"y"}, {}, "['', 'model.wpe', 'embedding']").output("y");
  ImportOptions options = sizes();
  options.dims["sequence"] = 6;
  expectError(importModel(model, options), "model.wpe/Gather:node_y: sequence=6 exceeds the 4 rows of wpe");
}

// All at once, and each once.
TEST(BadInput, UnknownOperators) {
  ModelBuilder model;
  model.input("x", {2}).node("Mystery", {"x"}, {"a"}, {}, "['', 'net.head', 'n']").node("Mystery", {"a"}, {"b"});
  model.node("Riddle", {"b"}, {"y"}).output("y");
  Imported imported = importModel(model);
  EXPECT_EQ(imported.errorCount, 2);
  EXPECT_NE(
      imported.errors.find("net.head/Mystery:node_a: operator Mystery is not supported (2 nodes, this is the first)"),
      std::string::npos)
      << imported.errors;
  EXPECT_NE(imported.errors.find("operator Riddle is not supported (1 node)"), std::string::npos);
}

// Not more than a dozen lines, however many there are.
TEST(BadInput, ManyUnknownOperators) {
  ModelBuilder model;
  model.input("x", {2});
  for (int i = 0; i < 40; ++i)
    model.node("Riddle" + std::to_string(i), {"x"}, {"y" + std::to_string(i)}).output("y" + std::to_string(i));
  Imported imported = importModel(model);
  EXPECT_EQ(imported.errorCount, 11);
  EXPECT_NE(imported.errors.find("30 more operators cannot be taken"), std::string::npos) << imported.errors;
}

// What asks for more than there can be is an error or stays arithmetic: no time or memory goes into elements.
TEST(BadInput, EnormousSizes) {
  auto options = [](int64_t batch) {
    ImportOptions options;
    options.dims = {{"batch", batch}};
    return options;
  };
  ModelBuilder backwards;
  backwards.input("x", {-1}).ints("last", {1}, {-1}).ints("first", {1}, {std::numeric_limits<int64_t>::min()});
  backwards.ints("axis", {1}, {0}).ints("step", {1}, {-1});
  backwards.node("Slice", {"x", "last", "first", "axis", "step"}, {"y"}).output("y");
  EXPECT_TRUE(importModel(backwards, options(int64_t(1) << 40)).module);
  ModelBuilder range;
  range.ints("from", {}, {0}).ints("to", {}, {int64_t(1) << 60}).ints("by", {}, {1});
  range.node("Range", {"from", "to", "by"}, {"y"}).output("y");
  expectError(importModel(range), "elements is beyond what Weft can hold");
  ModelBuilder filled;
  filled.ints("shape", {3}, {1 << 20, 1 << 20, 1 << 20}).node("ConstantOfShape", {"shape"}, {"y"}).output("y");
  expectError(importModel(filled), "is beyond what Weft can hold");
  // Indices that are all one number are looked at once.
  ModelBuilder repeated;
  repeated.input("x", {4, 4})
      .ints("one", {1}, {1})
      .ints("shape", {1}, {1 << 30})
      .node("Expand", {"one", "shape"}, {"i"});
  EXPECT_TRUE(importModel(repeated.node("Gather", {"x", "i"}, {"y"}).output("y")).module);
  ModelBuilder listed;
  listed.input("x", {4}).ints("one", {1}, {0}).ints("shape", {1}, {1 << 30}).node("Expand", {"one", "shape"}, {"axes"});
  expectError(importModel(listed.node("Unsqueeze", {"x", "axes"}, {"y"}).output("y")), "is beyond what Weft can hold");
  ModelBuilder last;
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  last.ints("from", {}, {most - 5})
      .ints("to", {}, {most})
      .ints("by", {}, {1 << 20})
      .node("Range", {"from", "to", "by"}, {"y"});
  EXPECT_TRUE(importModel(last.output("y")).errorCount <= 1);
  ModelBuilder tiled;
  tiled.input("x", {4}).ints("by", {1}, {int64_t(1) << 62}).node("Tile", {"x", "by"}, {"y"}).output("y");
  expectError(importModel(tiled), "is beyond what Weft can hold");
}

TEST(BadInput, Structure) {
  ModelBuilder cycle;
  expectError(importModel(cycle.input("x", {2}).node("Add", {"x", "b"}, {"a"}).node("Neg", {"a"}, {"b"}).output("b")),
              "it is part of a cycle");
  ModelBuilder dangling;
  expectError(importModel(dangling.input("x", {2}).node("Add", {"x", "ghost"}, {"y"}).output("y")),
              "its operand 'ghost' is not defined anywhere");
  ModelBuilder twice;
  expectError(importModel(twice.input("x", {2}).node("Neg", {"x"}, {"y"}).node("Exp", {"x"}, {"y"}).output("y")),
              "its result 'y' is already defined");
  ModelBuilder nothing;
  expectError(importModel(nothing.input("x", {2}).output("y")), "nothing makes the graph's result 'y'");
  ModelBuilder noResult;
  expectError(importModel(noResult.input("x", {2}).node("Neg", {"x"}, {"y"})), "the graph has no results");
  ModelBuilder same;
  expectError(
      importModel(
          same.input("x", {2}).floats("w", {1}, {1}).floats("w", {1}, {2}).node("Add", {"x", "w"}, {"y"}).output("y")),
      "two initializers are called 'w'");
  ModelBuilder narrowInput;
  expectError(importModel(narrowInput.input("x", {2}, F8).node("Identity", {"x"}, {"y"}).output("y")),
              "input 'x' has element type type 17");
  ModelBuilder unsignedInput;
  expectError(importModel(unsignedInput.input("x", {2}, U8).node("ReduceL1", {"x"}, {"y"}).output("y")),
              "operand 'x' is of unsigned integers, which Weft's ReduceL1 does not take");
}

TEST(BadInput, Initializers) {
  auto with = [](ElementKind kind, std::vector<int64_t> shape, size_t bytes) {
    ModelBuilder model;
    return model.input("x", {2})
        .raw("w", kind, shape, std::string(bytes, 0))
        .node("Add", {"x", "w"}, {"y"})
        .output("y");
  };
  expectError(importModel(with(F32, {2}, 4)),
              "w: a tensor of type FLOAT and shape [2] has 8 bytes, but the file gives it 4");
  expectError(importModel(with(F32, {-2}, 8)), "w: impossible shape [-2]");
  expectError(importModel(with(F32, {int64_t(1) << 40, int64_t(1) << 40}, 8)), "w: impossible shape");
  expectError(importModel(with(F8, {2}, 2)), "w: Weft has no element type type 17");
}

TEST(BadInput, Nodes) {
  expectNodeError("Softmax", {{"axis", int64_t(2)}}, "axis 2 is out of range for a tensor of rank 2");
  expectNodeError("Softmax", {{"axis", 1.0f}}, "attribute 'axis' has the wrong type");
  expectNodeError("Softmax", {{"colour", int64_t(1)}}, "attribute 'colour' means nothing to Weft's Softmax");
  expectNodeError("Transpose", {{"perm", std::vector<int64_t>{0, 0}}},
                  "[0, 0] is not a permutation of the 2 dimensions");
  expectNodeError("Reshape", {}, "'tensor<2x3xf32>' cannot be reshaped to [5]: 6 elements against 5", {"x", "five"});
  expectNodeError("Reshape", {}, "the new shape ('i') depends on data", {"x", "i"});
  expectNodeError("Expand", {}, "does not stretch to shape", {"x", "five"});
  expectNodeError("Unsqueeze", {}, "axis 0 is given twice", {"x", "list"});
  expectNodeError("Add", {}, "must have one type", {"x", "i"});
  expectNodeError("MatMul", {}, "the inner sizes of 'tensor<2x3xf32>' and 'tensor<2x3xf32>' differ: 3 and 2",
                  {"x", "x"});
  expectNodeError("Exp", {}, "must be of a float type", {"i"});
  expectNodeError("Add", {}, "Add with 1 operands and 1 results");
  expectNodeError("Gather", {}, "index 5 exceeds the 2 rows of x", {"x", "five"});
  expectNodeError("Split", {{"num_outputs", int64_t(3)}}, "num_outputs is 3 but the node has 1 results");
  expectNodeError("Cast", {{"to", int64_t(17)}}, "Weft has no element type type 17");
  expectNodeError("Einsum", {{"equation", std::string("ii->i")}}, "letter 'i' has sizes 2 and 3");
}

TEST(BadInput, Requests) {
  auto with = [](auto change) {
    ImportOptions options = sizes();
    change(options);
    return importModel(sample(), options);
  };
  expectError(with([](ImportOptions &o) { o.freeze = {"nothing*"}; }), "--freeze 'nothing*' matches no initializer");
  expectError(with([](ImportOptions &o) { o.train = {"shape"}; }),
              "shape: --train asks for it, but it is of type INT64");
  expectError(with([](ImportOptions &o) { o.train = {"["}; }), "--train '[' is not a pattern");
  expectError(with([](ImportOptions &o) { o.inputs = {"y=tokens"}; }), "the model has no input 'y'; it has x");
  expectError(with([](ImportOptions &o) { o.inputs = {"x=tokens"}; }), "cannot be tokens");
  expectError(with([](ImportOptions &o) { o.inputs = {"x"}; }), "must be NAME=ROLE");
  expectError(with([](ImportOptions &o) { o.precision = "fp4"; }), "precision 'fp4'");
}

// An axis is one of the operands, of any type. Found by the fuzzer.
TEST(BadInput, NumbersThatCountNothing) {
  for (float value : {1e30f, -1e30f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()})
    for (const char *opType : {"CumSum", "Trilu"}) {
      ModelBuilder model;
      model.input("x", {2, 3}).floats("at", {}, {value}).node(opType, {"x", "at"}, {"y"}).output("y");
      expectError(importModel(model), "which counts nothing");
    }
}

// A size is one of the operands, and may be any number. Found by the fuzzer: it was subtracted before it was looked at.
TEST(BadInput, SizesThatNothingHas) {
  for (int64_t size : {std::numeric_limits<int64_t>::min(), int64_t(-1), std::numeric_limits<int64_t>::max()}) {
    ModelBuilder model;
    model.input("x", {2, 3}).ints("size", {2}, {2, size}).node("CenterCropPad", {"x", "size"}, {"y"}).output("y");
    expectError(importModel(model), "is beyond what Weft can hold");
  }
}

// Sizes of 0 fit into blocks and heads of any size.
TEST(BadInput, NumbersThatDivideNothing) {
  constexpr int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
  auto errors = [](const std::string &opType, const std::vector<ModelBuilder::Shape> &operands,
                   const std::vector<Attr> &attributes) {
    ModelBuilder model(23);
    ModelBuilder::Names names;
    for (const ModelBuilder::Shape &shape : operands)
      model.input(names.emplace_back(std::string(1, static_cast<char>('a' + names.size()))), shape);
    return importModel(model.node(opType, names, {"y"}, attributes).output("y"));
  };
  for (int64_t block : {int64_t(1) << 21, int64_t(1) << 40, most}) {
    expectError(errors("SpaceToDepth", {{1, 8, 0, 0}}, {{"blocksize", block}}), "is beyond what Weft can hold");
    expectError(errors("DepthToSpace", {{1, 0, 4, 4}}, {{"blocksize", block}}), "is beyond what Weft can hold");
  }
  expectError(errors("Attention", {{1, 2, 0}, {1, 2, 0}, {1, 2, 0}}, {{"q_num_heads", most}, {"kv_num_heads", most}}),
              "is beyond what Weft can hold");
  // What a window spans is a product.
  for (const char *name : {"strides", "dilations"}) {
    std::vector<int64_t> far{int64_t(1) << 40};
    expectError(errors("MaxPool", {{1, 2, 4}}, {{"kernel_shape", far}, {name, far}}), "and at most 1048576");
    expectError(errors("ConvTranspose", {{1, 2, 4}, {2, 2, 3}}, {{name, far}}), "and at most 1048576");
  }
  ModelBuilder model;
  model.input("x", {2, 3}).ints("lengths", {2}, {1, 2});
  model.node("ReverseSequence", {"x", "lengths"}, {"y"}, {{"batch_axis", most}, {"time_axis", least}}).output("y");
  expectError(importModel(model), "must be 0 and 1");
}

// A node may name fewer results than its operator has. Found by the fuzzer: TopK wrote the indices nobody had asked
// for.
TEST(BadInput, ResultsLeftOut) {
  ModelBuilder model;
  model.input("x", {2, 4}).ints("k", {1}, {2}).node("TopK", {"x", "k"}, {"v"}).output("v");
  Imported imported = importModel(model);
  EXPECT_TRUE(imported.module) << imported.errors;
}

// No beginning of a file is taken for the whole.
TEST(BadInput, EveryPrefix) {
  std::string whole = sample().bytes();
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(importBytes(whole.substr(0, length), sizes()).module) << length;
}

// Damaged files give errors, never a crash: the seed is fixed, so a failure repeats.
TEST(BadInput, DamagedFiles) {
  std::string whole = sample().bytes();
  std::mt19937 random(7);
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = whole;
    for (unsigned damage = 0; damage <= random() % 3; ++damage) {
      size_t at = random() % bytes.size();
      switch (random() % 3) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, 1 + random() % 4);
        break;
      default:
        bytes.insert(at, 1, static_cast<char>(random()));
      }
    }
    importBytes(bytes, sizes());
  }
}

} // namespace

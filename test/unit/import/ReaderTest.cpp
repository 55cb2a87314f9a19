//===- ReaderTest.cpp - Reading ONNX files as plain values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ModelBuilder.h"
#include "onnx.pb.h"
// After the messages: inside weft, `onnx` then means weft::onnx.
#include "compiler/import/onnx/OnnxGraph.h"
#include <cstring>
#include <gtest/gtest.h>

using namespace weft::test;
using weft::onnx::Model;
using weft::onnx::readModel;
using weft::onnx::Tensor;

namespace {

/// Weights of 4, 2 and 6 elements in the three forms that lie in the file as in memory.
ModelBuilder sample() {
  ModelBuilder model;
  model.input("x", {-1, 4}).floats("w", {4}, {1, 2, 3, 4}).node("Add", {"x", "w"}, {"y"}, {{"axis", int64_t(-1)}});
  auto *packed = model.proto().mutable_graph()->add_initializer();
  packed->set_name("packed");
  packed->set_data_type(F32);
  packed->add_dims(2);
  packed->add_float_data(5);
  packed->add_float_data(6);
  model.external("far", {6}, "weights.bin", 128, 24);
  return model.output("y");
}

Model read(const std::string &bytes) {
  Model model;
  std::string error;
  EXPECT_TRUE(readModel(bytes, model, error)) << error;
  return model;
}

std::string refusal(const std::string &bytes) {
  Model model;
  std::string error;
  EXPECT_FALSE(readModel(bytes, model, error));
  return error;
}

TEST(OnnxReader, RefersToBytesOfTheFile) {
  std::string bytes = sample().bytes();
  Model model = read(bytes);
  ASSERT_EQ(model.initializers.size(), 3u);
  float values[4];
  const Tensor &raw = model.initializers[0], &packed = model.initializers[1], &far = model.initializers[2];
  ASSERT_EQ(raw.storage, Tensor::Storage::File);
  ASSERT_EQ(raw.bytes, 16);
  std::memcpy(values, bytes.data() + raw.offset, 16);
  EXPECT_EQ(values[3], 4);
  ASSERT_EQ(packed.storage, Tensor::Storage::File);
  ASSERT_EQ(packed.bytes, 8);
  std::memcpy(values, bytes.data() + packed.offset, 8);
  EXPECT_EQ(values[1], 6);
  EXPECT_EQ(far.storage, Tensor::Storage::External);
  EXPECT_EQ(far.location, "weights.bin");
  EXPECT_EQ(far.offset, 128);
  EXPECT_EQ(far.bytes, 24);
}

TEST(OnnxReader, ReadsTheGraph) {
  Model model = read(sample().bytes());
  EXPECT_EQ(model.opsets.at(""), 18);
  ASSERT_EQ(model.nodes.size(), 1u);
  EXPECT_EQ(model.nodes[0].opType, "Add");
  EXPECT_EQ(model.nodes[0].inputs, (std::vector<std::string>{"x", "w"}));
  EXPECT_EQ(model.nodes[0].attributes[0].i, -1);
  EXPECT_EQ(model.inputs[0].shape[0].param, "batch");
  EXPECT_EQ(model.inputs[0].shape[1].value, 4);
}

// Integers in typed fields are variable-length on the wire: they are laid out as they would lie in memory.
TEST(OnnxReader, LaysOutTypedIntegers) {
  ModelBuilder model = sample();
  auto *tensor = model.proto().mutable_graph()->add_initializer();
  tensor->set_name("flags");
  tensor->add_int32_data(1);
  tensor->add_int32_data(0);
  tensor->set_data_type(BOOL);
  tensor->add_dims(2);
  const Tensor flags = read(model.bytes()).initializers.back();
  EXPECT_EQ(flags.storage, Tensor::Storage::Inline);
  EXPECT_EQ(flags.data, std::string("\1\0", 2));
}

TEST(OnnxReader, SaysWhatAFileIsInstead) {
  EXPECT_EQ(refusal(""), "the file is empty");
  EXPECT_EQ(refusal("\x1f\x8b\x08"), "it is compressed with gzip: unpack it first");
  EXPECT_EQ(refusal("PK\x03\x04xyz"), "it is a zip archive");
  EXPECT_EQ(refusal("version https://git-lfs.github.com/spec/v1"), "it is a Git LFS pointer: fetch the file itself");
  EXPECT_NE(refusal("hello, world"), "");
}

// Wherever a file ends too early, that is noticed: the graph is one length-delimited field.
TEST(OnnxReader, RefusesEveryPrefix) {
  std::string bytes = sample().bytes();
  for (size_t size = 1; size < bytes.size(); ++size) {
    Model model;
    std::string error;
    bool whole = readModel(bytes.substr(0, size), model, error);
    // What follows the graph, the operator sets, is checked by the importer.
    EXPECT_TRUE(!whole || model.opsets.empty()) << "cut at byte " << size;
    EXPECT_EQ(whole, error.empty());
  }
}

TEST(OnnxReader, RefusesContradictoryData) {
  ModelBuilder both = sample();
  both.proto().mutable_graph()->mutable_initializer(2)->set_raw_data("1234");
  EXPECT_NE(refusal(both.bytes()).find("tensor 'far' has both embedded and external data"), std::string::npos);
  ModelBuilder twice = sample();
  twice.proto().mutable_graph()->mutable_initializer(0)->add_float_data(1);
  EXPECT_NE(refusal(twice.bytes()).find("tensor 'w' has its data in several pieces"), std::string::npos);
  ModelBuilder negative = sample();
  negative.proto().mutable_graph()->mutable_initializer(2)->mutable_external_data(1)->set_value("-4");
  EXPECT_NE(refusal(negative.bytes()).find("malformed external offset"), std::string::npos);
}

} // namespace

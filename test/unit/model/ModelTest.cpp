//===- ModelTest.cpp - Standard models as ONNX graphs ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/model/WriteModel.h"
#include "onnx.pb.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <unistd.h>

using namespace weft;

namespace {

/// What a written file holds, and its parameters by name.
struct Written {
  ModelSummary summary;
  onnx::ModelProto model;
  std::map<std::string, std::vector<int64_t>> parameters;
};

std::string temporaryPath(const std::string &name) {
  return testing::TempDir() + "weft-model-" + std::to_string(getpid()) + "-" + name;
}

Written write(const ModelOptions &options) {
  Written written;
  std::string path = temporaryPath("m.onnx"), error;
  EXPECT_TRUE(writeModel(options, path, written.summary, error)) << error;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(written.model.ParseFromIstream(&file));
  unlink(path.c_str());
  for (const onnx::TensorProto &tensor : written.model.graph().initializer())
    if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
      written.parameters[tensor.name()].assign(tensor.dims().begin(), tensor.dims().end());
  return written;
}

ModelOptions small(ModelFamily family) {
  ModelOptions options;
  options.family = family;
  options.layers = 2;
  options.dim = 64;
  options.heads = 8;
  options.vocabulary = 256;
  return options;
}

std::string refusal(const ModelOptions &options) {
  Architecture architecture;
  std::string error;
  EXPECT_FALSE(resolveArchitecture(options, architecture, error));
  return error;
}

const ModelFamily kFamilies[] = {ModelFamily::Gpt2, ModelFamily::Llama, ModelFamily::GptNeox};

// The sizes are the published ones: so are the numbers of parameters.
TEST(Model, PresetsHaveThePublishedParameters) {
  struct Case {
    ModelFamily family;
    const char *preset;
    int64_t parameters;
  } cases[] = {
      {ModelFamily::Gpt2, "124m", 124439808},
      {ModelFamily::Gpt2, "355m", 354823168},
      {ModelFamily::Gpt2, "774m", 774030080},
      {ModelFamily::Gpt2, "1558m", 1557611200},
      {ModelFamily::Llama, "2-7b", 6738415616},
      {ModelFamily::Llama, "2-13b", 13015864320},
      {ModelFamily::Llama, "2-70b", 68976648192},
      {ModelFamily::Llama, "3-8b", 8030261248},
      {ModelFamily::Llama, "3-70b", 70553706496},
      {ModelFamily::Llama, "tiny-1.1b", 1100048384},
      {ModelFamily::GptNeox, "20b", 20554567680},
      {ModelFamily::GptNeox, "pythia-70m", 70426624},
      {ModelFamily::GptNeox, "pythia-160m", 162322944},
      {ModelFamily::GptNeox, "pythia-410m", 405334016},
      {ModelFamily::GptNeox, "pythia-1.4b", 1414647808},
      {ModelFamily::GptNeox, "pythia-6.9b", 6857302016},
      {ModelFamily::GptNeox, "pythia-12b", 11846072320},
  };
  std::set<std::pair<ModelFamily, std::string>> seen;
  for (const Case &c : cases) {
    ModelOptions options;
    options.family = c.family;
    options.preset = c.preset;
    EXPECT_EQ(write(options).summary.parameters, c.parameters) << familyName(c.family) << " " << c.preset;
    seen.insert({c.family, c.preset});
  }
  for (ModelFamily family : kFamilies)
    for (const std::string &preset : presetNames(family))
      EXPECT_TRUE(seen.count({family, preset})) << "no published number for " << preset;
}

// Parameters carry Hugging Face's names and layouts.
TEST(Model, NamesAndLayoutsAreHuggingFaces) {
  auto gpt2 = write(small(ModelFamily::Gpt2)).parameters;
  EXPECT_EQ(gpt2["transformer.wte.weight"], (std::vector<int64_t>{256, 64}));
  EXPECT_EQ(gpt2["transformer.wpe.weight"], (std::vector<int64_t>{1024, 64}));
  EXPECT_EQ(gpt2["transformer.h.1.attn.c_attn.weight"], (std::vector<int64_t>{64, 192}));
  EXPECT_EQ(gpt2["transformer.h.1.mlp.c_proj.weight"], (std::vector<int64_t>{256, 64}));
  EXPECT_EQ(gpt2["transformer.ln_f.bias"], (std::vector<int64_t>{64}));
  EXPECT_EQ(gpt2.size(), 2u + 2 * 12 + 2);

  ModelOptions options = small(ModelFamily::Llama);
  options.keyValueHeads = 2;
  auto llama = write(options).parameters;
  EXPECT_EQ(llama["model.embed_tokens.weight"], (std::vector<int64_t>{256, 64}));
  EXPECT_EQ(llama["model.layers.0.self_attn.k_proj.weight"], (std::vector<int64_t>{16, 64}));
  EXPECT_EQ(llama["model.layers.0.mlp.gate_proj.weight"], (std::vector<int64_t>{256, 64}));
  EXPECT_EQ(llama["model.layers.1.post_attention_layernorm.weight"], (std::vector<int64_t>{64}));
  EXPECT_EQ(llama["model.norm.weight"], (std::vector<int64_t>{64}));
  EXPECT_EQ(llama["lm_head.weight"], (std::vector<int64_t>{256, 64}));
  EXPECT_EQ(llama.size(), 3u + 2 * 9);

  auto neox = write(small(ModelFamily::GptNeox)).parameters;
  EXPECT_EQ(neox["gpt_neox.embed_in.weight"], (std::vector<int64_t>{256, 64}));
  EXPECT_EQ(neox["gpt_neox.layers.0.attention.query_key_value.weight"], (std::vector<int64_t>{192, 64}));
  EXPECT_EQ(neox["gpt_neox.layers.1.mlp.dense_4h_to_h.bias"], (std::vector<int64_t>{64}));
  EXPECT_EQ(neox["gpt_neox.final_layer_norm.weight"], (std::vector<int64_t>{64}));
  EXPECT_EQ(neox["lm_head.weight"], (std::vector<int64_t>{256, 64}));
  EXPECT_EQ(neox.size(), 4u + 2 * 12);
}

// A tied head is one parameter, an untied one two, in every family.
TEST(Model, TiesTheHead) {
  for (ModelFamily family : kFamilies) {
    ModelOptions options = small(family);
    options.tied = true;
    auto tied = write(options);
    options.tied = false;
    auto untied = write(options);
    EXPECT_EQ(untied.summary.parameters - tied.summary.parameters, 256 * 64);
    EXPECT_EQ(untied.parameters.count("lm_head.weight"), 1u);
    EXPECT_EQ(tied.parameters.count("lm_head.weight"), 0u);
  }
}

// Nodes come after what they read, names occur once, and every parameter has its own range of the absent data file.
TEST(Model, GraphsAreWellFormed) {
  for (ModelFamily family : kFamilies) {
    const Written written = write(small(family));
    const onnx::GraphProto &graph = written.model.graph();
    std::set<std::string> known;
    for (const auto &input : graph.input())
      EXPECT_TRUE(known.insert(input.name()).second);
    int64_t end = 0;
    for (const auto &tensor : graph.initializer()) {
      EXPECT_TRUE(known.insert(tensor.name()).second) << tensor.name();
      if (tensor.data_location() != onnx::TensorProto::EXTERNAL)
        continue;
      std::map<std::string, std::string> data;
      for (const auto &entry : tensor.external_data())
        data[entry.key()] = entry.value();
      int64_t bytes = 4;
      for (int64_t size : tensor.dims())
        bytes *= size;
      EXPECT_EQ(data["offset"], std::to_string(end));
      EXPECT_EQ(data["length"], std::to_string(bytes));
      EXPECT_EQ(data["location"], "weft-model-" + std::to_string(getpid()) + "-m.onnx.data");
      end += bytes;
    }
    EXPECT_EQ(end, 4 * written.summary.parameters);
    std::set<std::string> read;
    for (const auto &node : graph.node()) {
      for (const std::string &operand : node.input()) {
        EXPECT_TRUE(known.count(operand)) << node.name() << " reads " << operand;
        read.insert(operand);
      }
      for (const std::string &result : node.output())
        EXPECT_TRUE(known.insert(result).second) << result;
    }
    for (const auto &[name, shape] : written.parameters)
      EXPECT_TRUE(read.count(name)) << name << " is not used";
    ASSERT_EQ(graph.output_size(), 1);
    EXPECT_EQ(graph.output(0).name(), "logits");
    EXPECT_TRUE(known.count("logits"));
  }
}

// PyTorch's marks tell the importer what is a parameter and which module a node is of.
TEST(Model, ParametersAndScopesAreMarked) {
  const Written written = write(small(ModelFamily::Llama));
  size_t parameters = 0;
  for (const auto &value : written.model.graph().value_info()) {
    ASSERT_EQ(value.metadata_props_size(), 1);
    EXPECT_EQ(value.metadata_props(0).key(), "pkg.torch.export.graph_signature.InputSpec.kind");
    bool isParameter = written.parameters.count(value.name());
    EXPECT_EQ(value.metadata_props(0).value(), isParameter ? "PARAMETER" : "BUFFER") << value.name();
    parameters += isParameter;
  }
  EXPECT_EQ(parameters, written.parameters.size());
  bool found = false;
  for (const auto &node : written.model.graph().node()) {
    ASSERT_EQ(node.metadata_props_size(), 1);
    EXPECT_EQ(node.metadata_props(0).key(), "pkg.torch.onnx.name_scopes");
    found |= node.metadata_props(0).value() ==
             "['', 'model', 'model.layers.1', 'model.layers.1.mlp', 'model.layers.1.mlp.up_proj', 'linear']";
  }
  EXPECT_TRUE(found);
}

// What is left out follows from what is given.
TEST(Model, SizesFollowTheGivenOnes) {
  Architecture a;
  std::string error;
  ModelOptions options = small(ModelFamily::Llama);
  options.dim = 4096;
  ASSERT_TRUE(resolveArchitecture(options, a, error)) << error;
  EXPECT_EQ(a.ffn, 11008);
  EXPECT_EQ(a.keyValueHeads, 8);
  options.preset = "3-8b";
  options.heads.reset();
  ASSERT_TRUE(resolveArchitecture(options, a, error)) << error;
  EXPECT_EQ(a.keyValueHeads, 8);
  EXPECT_EQ(a.heads, 32);
  EXPECT_EQ(a.ropeTheta, 5e5);
  EXPECT_EQ(a.vocabulary, 256);
  options = small(ModelFamily::Gpt2);
  ASSERT_TRUE(resolveArchitecture(options, a, error)) << error;
  EXPECT_EQ(a.ffn, 256);
}

// The same request gives the same bytes.
TEST(Model, IsDeterministic) {
  for (ModelFamily family : kFamilies)
    EXPECT_EQ(write(small(family)).model.SerializeAsString(), write(small(family)).model.SerializeAsString());
}

// Each request that makes no model is refused with what is wrong in it.
TEST(Model, RefusesImpossibleRequests) {
  auto expect = [](ModelFamily family, void (*change)(ModelOptions &), const char *message) {
    ModelOptions options = small(family);
    change(options);
    std::string error = refusal(options);
    EXPECT_NE(error.find(message), std::string::npos) << error;
  };
  expect(
      ModelFamily::Gpt2, [](ModelOptions &o) { o.heads = 7; }, "--heads 7 does not divide --dim 64");
  expect(
      ModelFamily::Gpt2, [](ModelOptions &o) { o.layers = 0; }, "--layers is 0; it must lie between 1 and");
  expect(
      ModelFamily::Gpt2, [](ModelOptions &o) { o.vocabulary = INT64_MAX; }, "--vocab is 9223372036854775807");
  expect(
      ModelFamily::Gpt2, [](ModelOptions &o) { o.dim = -64; }, "--dim is -64");
  expect(
      ModelFamily::Gpt2, [](ModelOptions &o) { o.preset = "9b"; }, "no preset '9b' of gpt2, only 124m, 355m");
  expect(
      ModelFamily::Gpt2, [](ModelOptions &o) { o.ropeTheta = 1e4; }, "--rope-theta does not apply to gpt2");
  expect(
      ModelFamily::Gpt2, [](ModelOptions &o) { o.normEpsilon = std::nan(""); }, "--norm-eps");
  expect(
      ModelFamily::Llama, [](ModelOptions &o) { o.keyValueHeads = 3; }, "--kv-heads 3 does not divide --heads 8");
  expect(
      ModelFamily::Llama, [](ModelOptions &o) { o.heads = 64; }, "turns 1 of the 1 elements of a head");
  expect(
      ModelFamily::Llama, [](ModelOptions &o) { o.positions = 1024; }, "--positions does not apply to llama");
  expect(
      ModelFamily::Llama, [](ModelOptions &o) { o.ropeTheta = INFINITY; }, "--rope-theta must be greater");
  expect(
      ModelFamily::GptNeox, [](ModelOptions &o) { o.keyValueHeads = 2; }, "--kv-heads does not apply");
  expect(
      ModelFamily::GptNeox, [](ModelOptions &o) { o.rotaryFraction = 0.4; }, "turns 3 of the 8 elements");
  expect(
      ModelFamily::GptNeox, [](ModelOptions &o) { o.rotaryFraction = 1.5; }, "--rotary-fraction must be");
}

// An output that cannot be written is an error, and nothing is left behind.
TEST(Model, ReportsUnwritableOutput) {
  std::string error;
  EXPECT_FALSE(writeModel(small(ModelFamily::Gpt2), temporaryPath("absent") + "/m.onnx", error));
  EXPECT_NE(error.find("cannot write"), std::string::npos) << error;
  if (access("/dev/full", W_OK) != 0)
    GTEST_SKIP() << "no /dev/full here";
  EXPECT_FALSE(writeModel(small(ModelFamily::Gpt2), "/dev/full", error));
  EXPECT_NE(error.find("No space left"), std::string::npos) << error;
}

} // namespace

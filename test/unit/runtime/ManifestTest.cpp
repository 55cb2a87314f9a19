//===- ManifestTest.cpp - Manifests, good and bad -------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Manifest.h"
#include "core/Error.h"
#include "sample/Sample.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace weft::rt;
using nlohmann::json;

namespace {

json sampleManifest() { return json::parse(sample::kManifest); }

Manifest parse(const json &document) {
  std::string text = document.dump();
  return Manifest::parse(text.data(), static_cast<int64_t>(text.size()));
}

std::string parseError(const json &document) {
  try {
    parse(document);
  } catch (const InternalError &error) {
    return error.what();
  }
  return "none";
}

} // namespace

TEST(Manifest, Sample) {
  Manifest manifest = parse(sampleManifest());
  EXPECT_EQ(manifest.params.size(), 2u);
  EXPECT_EQ(manifest.params[0].aliases, std::vector<std::string>{"tied.W"});
  EXPECT_EQ(manifest.samplesPerMicrobatch(), 2);
  EXPECT_EQ(manifest.findTask("update"), 2);
  EXPECT_EQ(manifest.findTask("step"), -1);
  EXPECT_EQ(manifest.findState("logits")->shape, (std::vector<int64_t>{2, 8, 16}));
  EXPECT_EQ(manifest.findState("nothing"), nullptr);
  EXPECT_EQ(*manifest.inputs[0].limit, 16);
}

TEST(Manifest, LibraryCalls) {
  json document = sampleManifest();
  document["matmuls"] = json::parse(R"([{"batch": [2], "m": 3, "n": 4, "k": 5, "dtype": "f32",
    "a_strides": [15, 5, 1], "b_strides": [0, 4, 1], "c_strides": [12, 4, 1], "bias": true, "accumulate": true,
    "scratch": 100}])");
  document["attentions"] = json::parse(R"([{"batch": 1, "heads": 4, "kv_heads": 2, "queries": 8, "keys": 9,
    "head": 16, "value_head": 12, "scale": 0.25, "causal": true, "dtype": "f32", "q_strides": [1, 2, 3, 4],
    "k_strides": [1, 2, 3, 4], "v_strides": [1, 2, 3, 4], "out_strides": [1, 2, 3, 4], "dout_strides": [1, 2, 3, 4],
    "dq_strides": [1, 2, 3, 4], "dk_strides": [1, 2, 3, 4], "dv_strides": [5, 6, 7, 8], "mask": "i1",
    "mask_strides": [0, 0, 9, 1]}])");
  Manifest manifest = parse(document);
  EXPECT_EQ(manifest.matmulScratch[0], 100);
  EXPECT_TRUE(manifest.matmuls[0].bias);
  EXPECT_EQ(manifest.attentions[0].dv[3], 8);
  EXPECT_EQ(manifest.attentions[0].maskStrides[2], 9);
  EXPECT_EQ(manifest.attentions[0].mask, AttentionDesc::Boolean);
  document["attentions"][0]["kv_heads"] = 3;
  EXPECT_EQ(parseError(document), "manifest: attentions[0].heads: not a multiple of kv_heads");
  document["matmuls"][0]["a_strides"] = {1, 2};
  EXPECT_EQ(parseError(document), "manifest: matmuls[0].a_strides: expected 3 strides");
}

// Each fault names its field.
TEST(Manifest, FaultsNameTheirPlace) {
  auto errorOf = [](const char *pointer, json value) {
    json document = sampleManifest();
    document[json::json_pointer(pointer)] = std::move(value);
    return parseError(document);
  };
  EXPECT_EQ(errorOf("/version", 2), "manifest: version: this runtime reads version 1");
  EXPECT_EQ(errorOf("/target", "cuda"), "manifest: target: this runtime is for target 'host'");
  EXPECT_EQ(errorOf("/batch", 5), "manifest: microbatches: does not divide the batch");
  EXPECT_EQ(errorOf("/batch", "4"), "manifest: batch: expected an integer of at least 1");
  EXPECT_EQ(errorOf("/persistent_bytes", 9000), "manifest: persistent_bytes: larger than arena_bytes");
  EXPECT_EQ(errorOf("/inputs/0/role", "x"), "manifest: inputs[0].role: unknown role 'x'");
  EXPECT_EQ(errorOf("/params/0/offset", 4900), "manifest: params[0]: 'W' does not lie in the persistent region");
  EXPECT_EQ(errorOf("/params/0/offset", 514), "manifest: params[0]: 'W' is not aligned");
  EXPECT_EQ(errorOf("/params/0/bytes", 7), "manifest: params[0]: 'W' has 7 bytes, which its shape does not give");
  EXPECT_EQ(errorOf("/params/1/name", "W"), "manifest: params: two parameters are named 'W'");
  EXPECT_EQ(errorOf("/params/0/dtype", "f31"), "manifest: params[0].dtype: unknown element type 'f31'");
  EXPECT_EQ(errorOf("/params/0/source/init", "x"), "manifest: params[0].source.init: unknown initialiser 'x'");
  EXPECT_EQ(errorOf("/params/0/source", json::object()), "manifest: params[0].source: 'file' is missing");
  EXPECT_EQ(errorOf("/states/1/dtype", "i32"),
            "manifest: states[1]: 'step' has 8 bytes, which its shape does not give");
  EXPECT_EQ(errorOf("/states/2/name", "x"), "manifest: states: state 'loss_sum' is missing or of another type");
  EXPECT_EQ(errorOf("/tasks/2", "x"), "manifest: tasks: task 'update' is missing");
  EXPECT_EQ(parseError(json::array()), "manifest: not a JSON object");
  json source = {{"file", "f"},    {"offset", 0},      {"bytes", 1024}, {"file_bytes", 1024},
                 {"dtype", "f32"}, {"shape", {32, 8}}, {"perm", {1, 0}}};
  EXPECT_EQ(errorOf("/params/0/source", source), "manifest: params[0].source: its shape does not give the parameter's");
  source["perm"] = {1, 1};
  EXPECT_EQ(errorOf("/params/0/source", source),
            "manifest: params[0].source.perm: not a permutation of the file's dimensions");
  source["dtype"] = "i32";
  source.erase("perm");
  EXPECT_EQ(errorOf("/params/0/source", source), "manifest: params[0].source: cannot convert i32 to f32");
}

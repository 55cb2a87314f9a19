//===- ManifestTest.cpp - Manifests with a mesh, good and bad -------------===//
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

using namespace weft;
using namespace weft::rt;
using nlohmann::json;

namespace {

/// The sample of one rank, with its matrix cut over two of four ranks.
json meshManifest() {
  json document = json::parse(sample::kManifest);
  document["mesh"] = {{"axes", {{{"name", "dp"}, {"size", 2}}, {{"name", "tp"}, {"size", 2}}}}};
  document["placement"] = "DPT";
  json &w = document["params"][0];
  w["sharding"] = {json::array(), {"tp"}};
  w["local_shape"] = {16, 8};
  w["bytes"] = 512;
  json &gradient = document["states"][9];
  gradient["unreduced"] = {"dp"};
  document["states"].push_back(
      {{"name", "coordinates"}, {"kind", "mesh"}, {"dtype", "i64"}, {"shape", {2}}, {"offset", 4928}, {"bytes", 16}});
  document["persistent_bytes"] = 4944;
  document["collectives"] = {{{"kind", "all_gather"},
                              {"axes", {"tp"}},
                              {"dtype", "f32"},
                              {"members", {{{"outer", 16}, {"split", 2}, {"middle", 1}, {"inner", 8}}}},
                              {"scratch", 1024},
                              {"what", "W"},
                              {"loc", "model"}},
                             {{"kind", "all_reduce"},
                              {"axes", {"tp", "dp"}},
                              {"reduce", "max"},
                              {"dtype", "f64"},
                              {"members", {{{"outer", 1}, {"inner", 4}}}},
                              {"scratch", 384}}};
  return document;
}

Manifest parse(const json &document) {
  std::string text = document.dump();
  return Manifest::parse(text.data(), static_cast<int64_t>(text.size()));
}

} // namespace

TEST(MeshManifest, Parses) {
  Manifest manifest = parse(meshManifest());
  EXPECT_EQ(manifest.mesh.size(), 4);
  EXPECT_EQ(manifest.mesh.describe(), "dp=2, tp=2");
  EXPECT_EQ(manifest.placement, "DPT");
  const ParamInfo &w = manifest.params[0];
  EXPECT_EQ(w.shape, (std::vector<int64_t>{16, 16}));
  EXPECT_EQ(w.localShape, (std::vector<int64_t>{16, 8}));
  EXPECT_EQ(w.elements(), 128);
  EXPECT_EQ(w.globalElements(), 256);
  Box box = manifest.boxOf(w, {1, 1});
  EXPECT_EQ(box.begin, (std::vector<int64_t>{0, 8}));
  EXPECT_EQ(manifest.findState("grad/W")->sharding.unreduced, (std::vector<int>{0}));
  ASSERT_EQ(manifest.collectives.size(), 2u);
  EXPECT_EQ(manifest.collectives[0].describe(manifest.mesh), "all_gather of 'W' (model) over tp");
  EXPECT_EQ(manifest.collectives[1].describe(manifest.mesh), "all_reduce over tp, dp");
  EXPECT_EQ(manifest.collectives[1].reduce, ReduceOperation::Max);
  // Without these keys: one rank, whole tensors.
  Manifest alone = parse(json::parse(sample::kManifest));
  EXPECT_EQ(alone.mesh.size(), 1);
  EXPECT_EQ(alone.params[0].localShape, alone.params[0].shape);
  EXPECT_TRUE(alone.boxOf(alone.params[0], {}).whole());
}

// Every fault names its field.
TEST(MeshManifest, Faults) {
  auto expect = [](const char *pointer, const json &value, const std::string &message) {
    json document = meshManifest();
    document[json::json_pointer(pointer)] = value;
    try {
      parse(document);
      ADD_FAILURE() << pointer << " was accepted";
    } catch (const InternalError &error) {
      EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
    }
  };
  expect("/mesh/axes/0/size", 0, "mesh.axes[0].size: expected an integer of at least 1");
  expect("/mesh/axes/1/name", "dp", "mesh.axes[1]: a second axis of that name");
  expect("/params/0/sharding", {{"tp"}}, "params[0].sharding: not one list for each dimension");
  expect("/params/0/sharding", {{"tp"}, {"tp"}}, "axis 'tp' is used twice");
  expect("/params/0/sharding", {{"xp"}, json::array()}, "the mesh has no axis 'xp'");
  expect("/mesh/axes/1/size", 3, "params[0].local_shape: the sharding of 'W' does not give it");
  expect("/params/0/local_shape", {8, 16}, "params[0].local_shape: the sharding of 'W' does not give it");
  expect("/params/0/bytes", 1024, "has 1024 bytes, which its shape does not give");
  expect("/states/9/unreduced", {"dp", "dp"}, "axis 'dp' is used twice");
  expect("/states/11/shape", {1}, "16 bytes, which its shape does not give");
  expect("/collectives/0/kind", "broadcast", "collectives[0].kind: unknown word 'broadcast'");
  expect("/collectives/0/members/0/split", 4, "not the number of ranks of a group, 2");
  expect("/collectives/0/members", json::array(), "nothing to move");
  expect("/collectives/0/scratch", 8, "needs 1024 bytes of scratch memory and has 8");
  expect("/collectives/0/carrier", "ring", "collectives[0].carrier: unknown word 'ring'");
  expect("/collectives/0/carrier", "copy", "collectives[0].carrier: copy engines do not carry this collective");
  expect("/collectives/1/dtype", "i8", "collectives[1].dtype: bytes are not reduced");
  expect("/collectives/1/reduce", "mean", "unknown word 'mean'");
}

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

Manifest parse(const json &document, const char *target = "host") {
  std::string text = document.dump();
  return Manifest::parse(text.data(), static_cast<int64_t>(text.size()), target);
}

std::string parseError(const json &document, const char *target = "host") {
  try {
    parse(document, target);
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

// What the target cuda adds: docs/cuda.md.
TEST(Manifest, DeviceProgram) {
  json document = sampleManifest();
  document["target"] = "cuda";
  document["kernels"] = json::parse(R"([{"name": "k3", "args": 4, "scratch_bytes": 4096, "launches": 2, "text": "t",
    "stages": [{"function": "k3_0", "grid": [128, 2, 1], "block": [256, 1, 1], "shared_bytes": 70000},
               {"function": "k3_1", "grid": [3, 1, 1], "block": [32, 2, 1]}]}])");
  document["device"]["code"] = json::parse(R"([{"arch": "sm_90", "kind": "cubin", "offset": 0, "bytes": 10},
    {"arch": "sm_80", "kind": "ptx", "offset": 16, "bytes": 20}])");
  document["constants"] = json::parse(R"([{"name": "c0", "offset": 64, "bytes": 8, "data": 16}])");
  document["matmuls"] = json::parse(R"([{"m": 3, "n": 4, "k": 5, "dtype": "f16", "a_strides": [5, 1],
    "b_strides": [4, 1], "c_strides": [4, 1], "bias": true, "epilogue": "gelu_aux", "scratch": 100},
    {"m": 3, "n": 4, "k": 5, "dtype": "f32", "tf32": true, "a_strides": [5, 1], "b_strides": [4, 1],
     "c_strides": [4, 1]}])");
  document["attentions"] = json::parse(R"([{"batch": 1, "heads": 4, "kv_heads": 2, "queries": 8, "keys": 9,
    "head": 16, "value_head": 16, "scale": 0.25, "causal": true, "dtype": "bf16", "deterministic": false,
    "q_strides": [1, 2, 3, 4], "k_strides": [1, 2, 3, 4], "v_strides": [1, 2, 3, 4], "out_strides": [1, 2, 3, 4],
    "dout_strides": [1, 2, 3, 4], "dq_strides": [1, 2, 3, 4], "dk_strides": [1, 2, 3, 4], "dv_strides": [5, 6, 7, 8],
    "mask": "bf16", "mask_strides": [0, 0, 9, 1], "scratch": 12345}])");
  Manifest manifest = parse(document, "cuda");
  const KernelInfo &kernel = manifest.deviceCode.kernels.at(0);
  EXPECT_EQ(kernel.parameters(), 5u);
  EXPECT_EQ(kernel.stages[0].function, "k3_0");
  EXPECT_EQ(kernel.stages[0].grid[1], 2u);
  EXPECT_EQ(kernel.stages[0].sharedBytes, 70000u);
  EXPECT_EQ(kernel.stages[1].block[1], 2u);
  EXPECT_EQ(manifest.deviceCode.code[1].kind, DeviceCodeInfo::Ptx);
  EXPECT_EQ(manifest.deviceCode.constants[0].data, 16);
  EXPECT_EQ(manifest.matmuls[0].epilogue, weft::MatmulEpilogue::GeluAux);
  EXPECT_EQ(manifest.matmuls[0].dtype, weft::MatmulType::F16);
  EXPECT_TRUE(manifest.matmuls[1].tf32);
  EXPECT_EQ(manifest.attentions[0].dtype, AttentionDesc::BF16);
  EXPECT_FALSE(manifest.attentions[0].deterministic);
  EXPECT_EQ(manifest.attentions[0].mask, AttentionDesc::AdditiveNarrow);
  EXPECT_EQ(manifest.attentions[0].scratch, 12345);

  auto errorOf = [&](const char *pointer, json value) {
    json changed = document;
    changed[json::json_pointer(pointer)] = std::move(value);
    return parseError(changed, "cuda");
  };
  EXPECT_EQ(errorOf("/kernels/0/stages", nullptr), "manifest: kernels[0].stages: expected an array");
  EXPECT_EQ(errorOf("/kernels/0/stages/0/grid", {1, 2}), "manifest: kernels[0].stages[0].grid: expected three sizes");
  EXPECT_EQ(errorOf("/kernels/0/stages/0/grid/1", 65536),
            "manifest: kernels[0].stages[0].grid: no device takes more than 65535 in dimension 1");
  EXPECT_EQ(errorOf("/kernels/0/stages/1/block/1", 64), "manifest: kernels[0].stages[1].block: more than 1024 threads");
  EXPECT_EQ(errorOf("/device/code/0/arch", "gfx90a"), "manifest: device.code[0].arch: not an architecture: 'gfx90a'");
  EXPECT_EQ(errorOf("/device/code/0/kind", "elf"), "manifest: device.code[0].kind: unknown word 'elf'");
  EXPECT_EQ(errorOf("/device/code", json::array()), "manifest: device: there is no code for the kernels");
  EXPECT_EQ(errorOf("/constants/0/offset", 4928), "manifest: constants[0]: 'c0' does not lie in the persistent region");
  EXPECT_EQ(errorOf("/attentions/0/mask", "f16"), "manifest: attentions[0].mask: unknown kind 'f16'");
  EXPECT_EQ(errorOf("/matmuls/0/accumulate", true), "manifest: matmuls[0].epilogue: excludes accumulate");
  EXPECT_EQ(errorOf("/matmuls/0/epilogue", "dgelu"), "manifest: matmuls[0].epilogue: a gradient has no bias");
  EXPECT_EQ(errorOf("/matmuls/0/dtype", "f64"), "manifest: matmuls[0].dtype: products take f32, bf16 or f16");
  document["target"] = "host";
  EXPECT_EQ(parseError(document), "manifest: matmuls[0].dtype: products take f32 or bf16");
  document["matmuls"][0]["dtype"] = "f32";
  EXPECT_EQ(parseError(document), "manifest: matmuls[0].epilogue: products on the host have none");
}

// Inputs lie one after another in a buffer that a device copies them from.
TEST(Manifest, PackedInputs) {
  Manifest manifest = parse(sampleManifest());
  ASSERT_EQ(manifest.inputs.size(), 2u);
  EXPECT_EQ(manifest.inputs[0].packedOffset, 0);
  EXPECT_EQ(manifest.inputs[1].packedOffset, 256);
  EXPECT_EQ(manifest.packedInputBytes(), 512);
  char buffer[512];
  EXPECT_EQ(InputMemory::packed(buffer).of(manifest.inputs[1]), buffer + 256);
  EXPECT_EQ(InputMemory(buffer).of(manifest.inputs[1]), buffer + manifest.inputs[1].offset);
}

// The device's own cubin, else the newest PTX that it runs, else what there is.
TEST(Manifest, DeviceCode) {
  std::vector<DeviceCodeInfo> code = {{DeviceCodeInfo::Ptx, "sm_80", 0, 1},
                                      {DeviceCodeInfo::Cubin, "sm_90a", 1, 1},
                                      {DeviceCodeInfo::Ptx, "sm_90", 2, 1},
                                      {DeviceCodeInfo::Ptx, "sm_90a", 3, 1},
                                      {DeviceCodeInfo::Ptx, "sm_100", 4, 1}};
  std::string error;
  auto offsetFor = [&](int major, int minor) {
    const DeviceCodeInfo *found = chooseDeviceCode(code, major, minor, error);
    return found ? found->offset : -1;
  };
  EXPECT_EQ(offsetFor(9, 0), 1);
  EXPECT_EQ(offsetFor(8, 9), 0);
  EXPECT_EQ(offsetFor(10, 0), 4);
  EXPECT_EQ(offsetFor(9, 5), 2);
  EXPECT_EQ(offsetFor(7, 5), -1);
  EXPECT_EQ(error, "this device is sm_75, and the executable has code for sm_80 (PTX), sm_90a, sm_90 (PTX), sm_90a "
                   "(PTX), sm_100 (PTX); compile it with --arch sm_75");
}

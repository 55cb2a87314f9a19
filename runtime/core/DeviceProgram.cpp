//===- DeviceProgram.cpp - Kernels, code and constants of a device --------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/DeviceProgram.h"

#include "core/ManifestNode.h"

#include <algorithm>
#include <cctype>

using namespace weft::rt;

/// Three sizes of at least 1, the most being `most`.
static void parseExtent(const Node &node, const int64_t (&most)[3], uint32_t (&extent)[3]) {
  std::vector<int64_t> sizes = node.integers(1);
  if (sizes.size() != 3)
    node.fail("expected three sizes");
  for (size_t i = 0; i < 3; ++i) {
    if (sizes[i] > most[i])
      node.fail("no device takes more than " + std::to_string(most[i]) + " in dimension " + std::to_string(i));
    extent[i] = static_cast<uint32_t>(sizes[i]);
  }
}

static KernelStage parseStage(const Node &node) {
  // CUDA's limits for every architecture.
  static constexpr int64_t mostBlocks[3] = {INT32_MAX, 65535, 65535}, mostThreads[3] = {1024, 1024, 64};
  KernelStage stage;
  stage.function = node.at("function").text();
  parseExtent(node.at("grid"), mostBlocks, stage.grid);
  parseExtent(node.at("block"), mostThreads, stage.block);
  if (stage.block[0] * stage.block[1] * stage.block[2] > 1024)
    node.at("block").fail("more than 1024 threads");
  if (node.has("shared_bytes"))
    stage.sharedBytes = static_cast<uint32_t>(node.at("shared_bytes").integer());
  return stage;
}

static KernelInfo parseKernel(const Node &node) {
  KernelInfo kernel;
  kernel.name = node.at("name").text();
  kernel.args = node.at("args").integer();
  kernel.scratchBytes = node.has("scratch_bytes") ? node.at("scratch_bytes").integer() : 0;
  kernel.packed = node.has("packed") && node.at("packed").boolean();
  if (kernel.packed && kernel.scratchBytes > 0)
    node.at("packed").fail("a kernel whose addresses are one array has no scratch memory");
  for (const Node &stage : node.at("stages").items())
    kernel.stages.push_back(parseStage(stage));
  return kernel;
}

/// "sm_90a": 90. -1 for anything else.
static int archNumber(const std::string &arch) {
  if (arch.size() < 5 || arch.compare(0, 3, "sm_") != 0)
    return -1;
  size_t end = 3;
  while (end < arch.size() && isdigit(static_cast<unsigned char>(arch[end])))
    ++end;
  bool good = end > 4 && end < 7 && end + 1 >= arch.size();
  return good ? std::stoi(arch.substr(3, end - 3)) : -1;
}

static DeviceCodeInfo parseCode(const Node &node) {
  static constexpr const char *kinds[] = {"cubin", "ptx"};
  DeviceCodeInfo code;
  code.kind = static_cast<DeviceCodeInfo::Kind>(parseWord(node.at("kind"), kinds));
  code.arch = node.at("arch").text();
  if (archNumber(code.arch) < 0)
    node.at("arch").fail("not an architecture: '" + code.arch + "'");
  code.offset = node.at("offset").integer();
  code.bytes = node.at("bytes").integer(1);
  return code;
}

DeviceProgram weft::rt::parseDeviceProgram(const Node &root, int64_t persistentBytes) {
  DeviceProgram program;
  if (root.has("kernels"))
    for (const Node &node : root.at("kernels").items())
      program.kernels.push_back(parseKernel(node));
  if (root.has("device"))
    for (const Node &node : root.at("device").at("code").items())
      program.code.push_back(parseCode(node));
  if (!program.kernels.empty() && program.code.empty())
    root.at("device").fail("there is no code for the kernels");
  if (root.has("constants"))
    for (const Node &node : root.at("constants").items()) {
      ConstantInfo constant;
      constant.name = node.at("name").text();
      constant.offset = node.at("offset").integer();
      constant.bytes = node.at("bytes").integer();
      constant.data = node.at("data").integer();
      if (constant.offset > persistentBytes || constant.bytes > persistentBytes - constant.offset)
        node.fail("'" + constant.name + "' does not lie in the persistent region");
      program.constants.push_back(constant);
    }
  return program;
}

const DeviceCodeInfo *weft::rt::chooseDeviceCode(const std::vector<DeviceCodeInfo> &code, int major, int minor,
                                                 std::string &error) {
  std::string own = "sm_" + std::to_string(major) + std::to_string(minor), list;
  const DeviceCodeInfo *newest = nullptr;
  for (const DeviceCodeInfo &one : code) {
    bool isOwn = one.arch == own || one.arch == own + "a";
    if (one.kind == DeviceCodeInfo::Cubin && isOwn)
      return &one;
    list += (list.empty() ? "" : ", ") + one.arch + (one.kind == DeviceCodeInfo::Ptx ? " (PTX)" : "");
    // PTX runs on its own and on later architectures; what is specific to a chip ("a") runs on that chip alone.
    bool runs =
        isalpha(static_cast<unsigned char>(one.arch.back())) ? isOwn : archNumber(one.arch) <= major * 10 + minor;
    if (one.kind == DeviceCodeInfo::Ptx && runs && (!newest || archNumber(one.arch) > archNumber(newest->arch)))
      newest = &one;
  }
  if (!newest)
    error = "this device is " + own + ", and the executable has code for " + (list.empty() ? "nothing" : list) +
            "; compile it with --arch " + own;
  return newest;
}

//===- CudaLibrary.cpp - The devices of the target cuda -------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "comm/Ranks.h"
#include "core/Error.h"
#include "core/Text.h"
#include "device/CudaDevice.h"

#include <map>

using namespace weft;
using namespace weft::rt;

// An executable without kernels or constants may lack them.
extern "C" {
extern const char weft_device_code[] __attribute__((weak));
extern const int64_t weft_device_code_size __attribute__((weak));
extern const char weft_constants[] __attribute__((weak));
}

namespace {

class CudaTargetLibrary final : public DeviceLibrary {
public:
  const char *target() const override { return "cuda"; }

  std::unique_ptr<Device> open(const Manifest &manifest, const weft_task_fn *tasks, Ranks &ranks,
                               const DeviceOptions &options) const override {
    if (ranks.world() > 1)
      throw InputError(format("this executable is for %lld ranks, and several GPUs cannot work together yet; compile "
                              "it for one, or with --target=host",
                              static_cast<long long>(ranks.world())));
    DeviceBlobs blobs;
    blobs.code = weft_device_code;
    if (&weft_device_code_size)
      blobs.codeBytes = weft_device_code_size;
    blobs.constants = weft_constants;
    return std::make_unique<CudaDevice>(manifest, tasks, options, blobs);
  }

  DevicePlan describePlan(const Manifest &manifest, const DeviceOptions &) const override {
    static constexpr const char *types[] = {"f32", "bf16", "f16"};
    DevicePlan plan;
    plan.memory = planLine("inputs on their way", formatBytes(manifest.packedInputBytes()) + ", behind the arena");
    std::map<std::string, int64_t> products;
    for (const MatmulDesc &desc : manifest.matmuls)
      ++products[types[static_cast<int>(desc.dtype)]];
    for (const auto &[type, count] : products)
      plan.calls += planLine("products", std::to_string(count) + " of " + type + " by cuBLASLt");
    if (!manifest.convolutions.empty())
      plan.calls += planLine("convolutions", std::to_string(manifest.convolutions.size()) + " by cuDNN");
    for (const AttentionDesc &desc : manifest.attentions)
      plan.calls += planLine("attention", describeAttention(desc) + ", " + types[desc.dtype] + ", cuDNN" +
                                              (desc.deterministic ? "" : ", not the same bits each time"));
    std::string code;
    for (const DeviceCodeInfo &one : manifest.deviceCode.code)
      code += (code.empty() ? "" : ", ") + one.arch + (one.kind == DeviceCodeInfo::Ptx ? " (PTX)" : "");
    if (!code.empty())
      plan.calls += planLine("device code", code);
    return plan;
  }
};

} // namespace

const DeviceLibrary *weft_device_library() {
  static const CudaTargetLibrary library;
  return &library;
}

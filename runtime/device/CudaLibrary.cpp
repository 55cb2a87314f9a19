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
#include "device/Cudnn.h"

#include <algorithm>
#include <map>

using namespace weft;
using namespace weft::rt;

// An executable without kernels or constants may lack them.
extern "C" {
extern const char weft_device_code[] __attribute__((weak));
extern const int64_t weft_device_code_size __attribute__((weak));
extern const char weft_constants[] __attribute__((weak));
}

// Only in what was linked with libweft_nccl.a.
extern "C" {
__attribute__((weak)) DeviceCollectives *weft_nccl_collectives(const Manifest &, Ranks &);
__attribute__((weak)) const char *weft_nccl_version();
}

namespace {

class CudaTargetLibrary final : public DeviceLibrary {
public:
  const char *target() const override { return "cuda"; }

  std::unique_ptr<Device> open(const Manifest &manifest, const weft_task_fn *tasks, Ranks &ranks,
                               const DeviceOptions &options) const override {
    if (ranks.world() > 1 && !weft_nccl_collectives)
      throw InternalError("this executable has a mesh of several ranks; it was linked without libweft_nccl.a");
    DeviceBlobs blobs;
    blobs.code = weft_device_code;
    if (&weft_device_code_size)
      blobs.codeBytes = weft_device_code_size;
    blobs.constants = weft_constants;
    return std::make_unique<CudaDevice>(manifest, tasks, ranks, options, blobs);
  }

  std::string sharedLibraries() const override {
    if (!weft_nccl_version)
      return "";
    return std::string(weft_nccl_version()) + ", cuBLASLt " + std::to_string(cublasLtGetVersion()) + ", cuDNN " +
           std::to_string(cudnnGetVersion());
  }

  DevicePlan describePlan(const Manifest &manifest, const DeviceOptions &) const override {
    static constexpr const char *types[] = {"f32", "bf16", "f16"};
    DevicePlan plan;
    plan.memory = planLine("inputs on their way", formatBytes(manifest.packedInputBytes()) + ", behind the arena");
    if (!manifest.collectives.empty() && weft_nccl_version) {
      int64_t copies = std::count_if(manifest.collectives.begin(), manifest.collectives.end(),
                                     [](const CollectiveInfo &info) { return info.carrier == Carrier::Copy; });
      std::string by =
          copies > 0 ? ", " + std::to_string(copies) + " of them by copy engines between GPUs of one host" : "";
      plan.calls +=
          planLine("collectives", std::to_string(manifest.collectives.size()) + " by " + weft_nccl_version() + by);
    }
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

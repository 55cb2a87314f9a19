//===- HostDevice.cpp - This machine's processors -------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "host/HostDevice.h"

#include "comm/Ranks.h"
#include "core/Profile.h"
#include "core/ProfileReport.h"
#include "core/Text.h"
#include "host/MachinePeak.h"
#include "kernels/Attention.h"
#include "kernels/Convolution.h"
#include "kernels/Matmul.h"

#include <sys/resource.h>

using namespace weft::rt;

HostDevice::HostDevice(const Manifest &manifest, const weft_task_fn *tasks, Ranks &ranks, const DeviceOptions &options)
    : manifest(manifest), tasks(tasks), ranks(ranks),
      context(manifest, options.threads > 0 ? options.threads : options.defaultThreads, options.threads == 0),
      arena(manifest.arenaBytes + manifest.hostBytes) {
  context.ranks = &ranks;
  context.hostMemory = arena.data() + manifest.arenaBytes;
  // Ranks that run in different orders show more than ranks in step.
  if (options.streamOrder)
    context.queue = std::make_unique<StreamQueue>(*options.streamOrder * 0x9e3779b97f4a7c15 + ranks.rank(),
                                                  manifest.streams, manifest.events);
  ranks.connect(arena.data(), arena.size());
}

HostDevice::~HostDevice() {
  // No connection reaches into the arena after it is gone.
  ranks.release();
}

void HostDevice::runTask(int task) {
  if (context.profile)
    context.profile->beginTask(task);
  tasks[task](&context, arena.data());
  if (context.queue)
    if (const char *fault = context.queue->run())
      context.fail("weft_wait", -1, fault);
  if (context.profile && !context.error())
    context.profile->endTask();
}

void HostDevice::noteMetrics() {
  auto scalar = [&](const char *state) {
    return loadDouble(manifest.findState(state)->in(arena.data()), DType::F64, 0);
  };
  metrics = {scalar("loss_sum"), scalar("loss_count"), scalar("grad_norm"), scalar("lr"),
             manifest.findState("loss_scale") ? scalar("loss_scale") : 0};
}

ProfileMachine HostDevice::measure() {
  ProfileMachine machine;
  machine.threads = context.threads;
  machine.peak = measureMultiplyAdds(context.threads);
  machine.copy = measureCopy(context.threads);
  return machine;
}

MemoryUse HostDevice::memoryUse() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  MemoryUse use;
  use.arena = manifest.arenaBytes;
  use.total = int64_t(1024) * usage.ru_maxrss;
  use.details = "the most that the process had at once, with files that were read";
  return use;
}

std::string HostDevice::describe() const { return format("%d threads", context.threads); }

DevicePlan weft::rt::describeHostPlan(const Manifest &manifest, const weft_context &context) {
  DevicePlan plan;
  plan.memory = planLine("attention buffers", formatBytes(context.attentionWorkspace->bytes()) + " for " +
                                                  std::to_string(context.threads) + " threads, outside the arena");
  std::map<std::string, int64_t> implementations;
  for (const auto &matmul : context.matmuls)
    ++implementations[matmul->implementation()];
  for (const auto &convolution : context.convolutions)
    ++implementations[convolution->implementation()];
  for (const auto &[name, count] : implementations)
    plan.calls +=
        planLine("products", std::to_string(count) + " by oneDNN " + name +
                                 (name.compare(0, 3, "ref") == 0 ? " (slow: its layout is not supported)" : ""));
  for (const AttentionDesc &desc : manifest.attentions)
    plan.calls += planLine("attention", describeAttention(desc) + ", " + availableAttentionKernels().front()->name);
  return plan;
}

namespace {

class HostLibrary final : public DeviceLibrary {
public:
  const char *target() const override { return "host"; }
  std::unique_ptr<Device> open(const Manifest &manifest, const weft_task_fn *tasks, Ranks &ranks,
                               const DeviceOptions &options) const override {
    return std::make_unique<HostDevice>(manifest, tasks, ranks, options);
  }
  DevicePlan describePlan(const Manifest &manifest, const DeviceOptions &options) const override {
    weft_context context(manifest, options.threads > 0 ? options.threads : options.defaultThreads,
                         options.threads == 0);
    return describeHostPlan(manifest, context);
  }
};

} // namespace

const DeviceLibrary *weft_device_library() {
  static const HostLibrary library;
  return &library;
}

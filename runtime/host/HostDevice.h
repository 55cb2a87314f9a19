//===- HostDevice.h - This machine's processors -----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_HOST_HOSTDEVICE_H
#define WEFT_HOST_HOSTDEVICE_H

#include "core/Device.h"
#include "core/HostPages.h"
#include "host/Context.h"

namespace weft::rt {

/// Tasks run in the thread that asks for them, on an arena in this process's memory: nothing is copied, and nothing is
/// still running when a call returns.
class HostDevice final : public Device {
public:
  HostDevice(const Manifest &manifest, const weft_task_fn *tasks, Ranks &ranks, const DeviceOptions &options);
  ~HostDevice() override;

  void write(int64_t offset, int64_t, FunctionRef<void(char *)> fill) override { fill(arena.data() + offset); }
  void read(int64_t offset, int64_t, FunctionRef<void(const char *)> use) override { use(arena.data() + offset); }
  void prepareInputs(FunctionRef<void(const InputMemory &)> fill) override { fill(arena.data()); }
  void loadInputs(FunctionRef<void(const InputMemory &)> fill) override { fill(arena.data()); }
  void runTask(int task) override;
  const char *error() const override { return context.error(); }
  void synchronize() override {}
  int stepsInFlight() const override { return 1; }
  void noteMetrics() override;
  StepMetrics takeMetrics() override { return metrics; }
  void setProfile(Profile *profile) override { context.profile = profile; }
  ProfileMachine measure() override;
  MemoryUse memoryUse() override;
  std::string describe() const override;
  std::string report() const override { return ""; }

private:
  const Manifest &manifest;
  const weft_task_fn *tasks;
  Ranks &ranks;
  weft_context context;
  HostPages arena;
  StepMetrics metrics;
};

/// What `--plan` prints about the library calls of `context`.
DevicePlan describeHostPlan(const Manifest &manifest, const weft_context &context);

} // namespace weft::rt

#endif // WEFT_HOST_HOSTDEVICE_H

//===- CudaDevice.h - One NVIDIA GPU ----------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_CUDADEVICE_H
#define WEFT_DEVICE_CUDADEVICE_H

#include "core/Device.h"
#include "device/CudaContext.h"
#include "device/CudaQueues.h"
#include "device/CudaRanks.h"
#include "device/Transfer.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::rt {

/// What an executable brings along beside its manifest.
struct DeviceBlobs {
  const char *code = nullptr;
  int64_t codeBytes = 0;
  const char *constants = nullptr;
};

/// Tasks are captured once as graphs and replayed on one stream; inputs are copied on another.
class CudaDevice final : public Device {
public:
  CudaDevice(const Manifest &manifest, const weft_task_fn *tasks, Ranks &ranks, const DeviceOptions &options,
             const DeviceBlobs &blobs);
  ~CudaDevice() override;

  void write(int64_t offset, int64_t bytes, FunctionRef<void(char *)> fill) override {
    transfer->write(offset, bytes, fill);
  }
  int64_t directBytes() const override { return copyQueue->bufferBytes(); }
  void writeNormal(int64_t offset, const NormalPart &part) override;
  void read(int64_t offset, int64_t bytes, FunctionRef<void(const char *)> use) override {
    transfer->read(offset, bytes, use);
  }
  void prepareInputs(FunctionRef<void(const InputMemory &)> fill) override { staging->prepare(fill); }
  void loadInputs(FunctionRef<void(const InputMemory &)> fill) override { staging->load(fill); }
  void runTask(int task) override;
  const char *error() const override { return context->error(); }
  void synchronize() override;
  int stepsInFlight() const override { return kSteps; }
  void noteMetrics() override { metrics->note(); }
  StepMetrics takeMetrics() override;
  void setProfile(Profile *profile) override { this->profile = profile; }
  ProfileMachine measure() override;
  MemoryUse memoryUse() override;
  std::string describe() const override { return name; }
  std::string report() const override { return prepared; }
  StartParts startParts() const override { return parts; }

  /// How the products' algorithms were chosen.
  const TuningReport &tuning() const { return tuned; }

private:
  static constexpr int kSteps = 2;

  int chooseDevice(int count) const;
  void openDevice();
  void openStreams();
  void allocate();
  double allocateHost();
  void prepareCalls();
  void tune();
  void copyConstants(const char *constants);
  void callTask(int task);
  GraphExec capture(int task);
  void profileTask(int task);

  const Manifest &manifest;
  const weft_task_fn *tasks;
  Ranks &ranks;
  DeviceOptions options;
  int number = 0;
  std::string name, prepared;
  StartParts parts;
  /// Free on the device when nothing was on it but the context.
  size_t freeAtStart = 0, totalBytes = 0;
  Stream compute, copies;
  /// Those of communication: the manifest's streams from the second on.
  std::vector<Stream> communication;
  /// Null for a process of its own. Above what holds graphs with its collectives, so that it goes after them.
  std::unique_ptr<CudaRanks> together;
  DeviceMemory memory;
  PinnedPages hostMemory;
  char *arena = nullptr;
  std::unique_ptr<weft_context> context;
  TuningReport tuned;
  std::unique_ptr<CudaCopies> copyQueue;
  std::unique_ptr<ArenaTransfer> transfer;
  std::unique_ptr<CudaInputs> inputQueue;
  std::unique_ptr<InputStaging> staging;
  std::unique_ptr<CudaMetrics> metrics;
  std::vector<GraphExec> graphs;

  /// A task's graph with events around its calls.
  struct ProfiledTask {
    CallTimes times;
    GraphExec graph;
  };
  Profile *profile = nullptr;
  std::vector<ProfiledTask> profiled;
};

/// Measured on the device: GFLOP/s of a large product of the given type on random values, and GB/s of a large copy,
/// read plus written. Takes device memory for the time being; 0 where there is too little.
double measureProducts(MatmulType type, cudaStream_t stream);
double measureDeviceCopy(cudaStream_t stream);

} // namespace weft::rt

#endif // WEFT_DEVICE_CUDADEVICE_H

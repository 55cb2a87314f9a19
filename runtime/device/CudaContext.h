//===- CudaContext.h - The C API on a stream --------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_CUDACONTEXT_H
#define WEFT_DEVICE_CUDACONTEXT_H

#include "core/Manifest.h"
#include "device/Attention.h"
#include "device/Convolution.h"
#include "device/Cuda.h"
#include "device/CudaRanks.h"
#include "device/Cudnn.h"
#include "device/LtMatmul.h"
#include "weft/runtime.h"

#include <memory>
#include <string>
#include <vector>

namespace weft::rt {

/// A kernel that runs on the host, among what a stream does.
struct HostCall {
  weft_kernel_fn kernel = nullptr;
  std::vector<void *> args;
  int64_t extent = 0, grain = 1;
  int threads = 1;
  /// It is no part of a graph, and goes when it has run.
  bool once = false;
};

/// When each call of a task began and ended on the device.
class CallTimes {
public:
  /// Enqueues an event; `inGraph`: as a node of the graph that is being captured.
  void mark(cudaStream_t stream, bool inGraph);
  void clear() { used = 0; }
  /// Calls so far: two events each.
  size_t calls() const { return used / 2; }
  /// Nanoseconds since the first event, after all events have come.
  int64_t start(size_t call) const { return since(2 * call); }
  int64_t end(size_t call) const { return since(2 * call + 1); }
  /// The first event that could not be recorded, or success.
  cudaError_t fault = cudaSuccess;

private:
  int64_t since(size_t event) const;

  std::vector<Event> events;
  size_t used = 0;
};

} // namespace weft::rt

/// The opaque type of the C API: prepared calls, and the stream that they are put on.
struct weft_context {
  /// The manifest and the streams outlive the context. Loads the kernels, prepares the products; the calls of cuDNN are
  /// prepared by prepareCudnn. Throws InputError and InternalError.
  weft_context(const weft::rt::Manifest &manifest, std::vector<cudaStream_t> streams, const char *deviceCode,
               int64_t deviceCodeBytes);
  ~weft_context();
  weft_context(const weft_context &) = delete;
  weft_context &operator=(const weft_context &) = delete;

  /// Builds cuDNN's plans; takes about a second for the first. May run on another thread.
  void prepareCudnn();

  /// A task begins: its calls are those of the schedule, in order.
  void beginTask(int task);
  /// Keeps the first failure of a call: its name, entry and place, and what was wrong.
  void fail(const char *call, int64_t id, const char *what) noexcept;
  const char *error() const { return failed ? message : nullptr; }

  const weft::rt::Manifest &manifest;
  /// What calls are put on now, the streams that a task may have, the first of which computes, and its events.
  cudaStream_t stream;
  std::vector<cudaStream_t> streams;
  std::vector<weft::rt::Event> events;
  /// The collectives; null for a process of its own. Not owned.
  weft::rt::CudaRanks *ranks = nullptr;
  std::vector<std::unique_ptr<weft::rt::LtMatmul>> matmuls;
  std::vector<std::shared_ptr<weft::rt::DeviceAttention>> attentions;
  std::vector<std::unique_ptr<weft::rt::DeviceConvolution>> convolutions;
  /// Told of every call while it is not null. Not owned.
  weft::rt::CallTimes *times = nullptr;
  /// The start of host memory, which the device reads and writes by itself; null where there is none. Not owned.
  char *hostMemory = nullptr;
  /// How many threads kernels have that run on the host.
  int hostThreads = 1;
  /// The calls are captured into a graph; otherwise, wait for each one, so that a fault is that call's.
  bool capturing = false, stepwise = false;

private:
  friend class Called;
  friend void weft_launch_kernel(weft_context *, int32_t, void *const *);
  friend void weft_launch(weft_context *, weft_kernel_fn, void *const *, int32_t, int64_t, int64_t);

  struct LoadedKernel {
    std::vector<cudaKernel_t> stages;
    size_t parameters = 0;
  };

  void loadKernels(const char *deviceCode, int64_t deviceCodeBytes);

  /// Of the graphs, which outlive none of them.
  std::vector<std::unique_ptr<weft::rt::HostCall>> hostCalls;
  weft::rt::CudaLibrary library;
  std::vector<LoadedKernel> kernels;
  /// Where a launch's parameters are, of the kernel with most of them.
  std::vector<void *> argumentPlaces;
  weft::rt::LtHandle lt;
  std::unique_ptr<weft::rt::CudnnHandle> cudnn;
  /// For each task, where its calls are in the schedule.
  std::vector<std::vector<size_t>> scheduled;
  int task = -1;
  size_t calls = 0;
  bool failed = false;
  char message[512] = {0};
};

#endif // WEFT_DEVICE_CUDACONTEXT_H

//===- Cuda.h - CUDA's objects with an owner --------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_CUDA_H
#define WEFT_DEVICE_CUDA_H

#include "core/Error.h"
#include "core/HostPages.h"

#include <cstdint>
#include <cuda_runtime_api.h>
#include <string>
#include <utility>

namespace weft::rt {

/// Throws InternalError with the call and CUDA's own words unless `status` is success.
inline void checkCuda(cudaError_t status, const char *call) {
  if (status != cudaSuccess)
    throw InternalError(std::string(call) + ": " + cudaGetErrorName(status) + ": " + cudaGetErrorString(status));
}

/// The libraries want their workspace aligned to this; the arena's buffers are aligned to 64 bytes.
inline constexpr int64_t kWorkspaceAlignment = 256, kWorkspaceSlack = kWorkspaceAlignment - 64;

/// The first address in scratch memory that is aligned so; null stays null.
inline void *alignWorkspace(void *scratch) {
  auto address = reinterpret_cast<uintptr_t>(scratch);
  return reinterpret_cast<void *>((address + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment);
}

/// A handle that is destroyed with its owner.
template <typename Handle, auto Destroy> class Owned {
public:
  Owned() = default;
  explicit Owned(Handle handle) : handle(handle) {}
  ~Owned() { reset(); }
  Owned(Owned &&other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  Owned &operator=(Owned &&other) noexcept {
    if (this != &other) {
      reset();
      handle = std::exchange(other.handle, nullptr);
    }
    return *this;
  }

  Handle get() const { return handle; }
  explicit operator bool() const { return handle != nullptr; }
  /// For functions that make a handle.
  Handle *out() {
    reset();
    return &handle;
  }
  void reset() {
    if (handle)
      (void)Destroy(std::exchange(handle, nullptr));
  }

private:
  Handle handle = nullptr;
};

using Stream = Owned<cudaStream_t, cudaStreamDestroy>;
using Event = Owned<cudaEvent_t, cudaEventDestroy>;
using Graph = Owned<cudaGraph_t, cudaGraphDestroy>;
using GraphExec = Owned<cudaGraphExec_t, cudaGraphExecDestroy>;
using CudaLibrary = Owned<cudaLibrary_t, cudaLibraryUnload>;

inline Stream makeStream() {
  Stream stream;
  checkCuda(cudaStreamCreateWithFlags(stream.out(), cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return stream;
}

/// An event for order alone, or one whose time is taken.
inline Event makeEvent(bool timed = false) {
  Event event;
  checkCuda(
      cudaEventCreateWithFlags(event.out(), timed ? cudaEventDefault : cudaEventDisableTiming | cudaEventBlockingSync),
      "cudaEventCreateWithFlags");
  return event;
}

/// Memory of this process that the device copies from and to by itself.
class PinnedMemory {
public:
  PinnedMemory() = default;
  explicit PinnedMemory(int64_t bytes) { checkCuda(cudaMallocHost(memory.out(), bytes), "cudaMallocHost"); }
  char *data() const { return static_cast<char *>(memory.get()); }

private:
  Owned<void *, cudaFreeHost> memory;
};

/// The same for a large part of the machine's memory: zeros in huge pages, brought in by several threads.
class PinnedPages {
public:
  PinnedPages() = default;
  explicit PinnedPages(int64_t bytes) : pages(bytes, /*elastic=*/true) {
    pages.populate();
    checkCuda(cudaHostRegister(pages.data(), bytes, cudaHostRegisterPortable), "cudaHostRegister");
    registered.reset();
    *registered.out() = pages.data();
  }
  char *data() const { return pages.data(); }

private:
  HostPages pages;
  Owned<void *, cudaHostUnregister> registered;
};

/// Memory of the device.
class DeviceMemory {
public:
  DeviceMemory() = default;
  explicit DeviceMemory(int64_t bytes) { checkCuda(cudaMalloc(memory.out(), bytes), "cudaMalloc"); }
  char *data() const { return static_cast<char *>(memory.get()); }
  void reset() { memory.reset(); }

private:
  Owned<void *, cudaFree> memory;
};

} // namespace weft::rt

#endif // WEFT_DEVICE_CUDA_H

//===- DevicePeak.cpp - What a device does at best ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/CudaDevice.h"
#include "device/Kernels.h"

#include <algorithm>

using namespace weft;
using namespace weft::rt;

/// Whether so much memory is free, with some to spare.
static bool hasFree(int64_t bytes) {
  size_t free = 0, total = 0;
  checkCuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free > static_cast<size_t>(bytes) + (size_t(256) << 20);
}

/// Seconds of the middle one of several runs.
template <typename Function> static double middleTime(cudaStream_t stream, Function run) {
  constexpr int kRuns = 10;
  run();
  std::vector<Event> events;
  for (int i = 0; i <= kRuns; ++i)
    events.push_back(makeEvent(/*timed=*/true));
  for (int i = 0; i <= kRuns; ++i) {
    if (i > 0)
      run();
    checkCuda(cudaEventRecord(events[i].get(), stream), "cudaEventRecord");
  }
  checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  std::vector<float> times(kRuns);
  for (int i = 0; i < kRuns; ++i)
    checkCuda(cudaEventElapsedTime(&times[i], events[i].get(), events[i + 1].get()), "cudaEventElapsedTime");
  std::nth_element(times.begin(), times.begin() + kRuns / 2, times.end());
  return 1e-3 * times[kRuns / 2];
}

double weft::rt::measureProducts(MatmulType type, cudaStream_t stream) {
  constexpr int64_t kSize = 8192, kWorkspace = int64_t(32) << 20;
  int64_t bytes = kSize * kSize * (type == MatmulType::F32 ? 4 : 2);
  if (!hasFree(3 * bytes + kWorkspace))
    return 0;
  LtHandle handle;
  checkLt(cublasLtCreate(handle.out()), "cublasLtCreate");
  MatmulDesc desc;
  desc.m = desc.n = desc.k = kSize;
  desc.dtype = type;
  desc.aStrides = desc.bStrides = desc.cStrides = {kSize, 1};
  LtMatmul product(handle.get(), desc, kWorkspace, /*deterministic=*/true);
  DeviceMemory a(bytes), b(bytes), c(bytes), scratch(kWorkspace);
  checkCuda(launchRandom(a.data(), bytes / 2, 1, stream), "random values");
  checkCuda(launchRandom(b.data(), bytes / 2, 2, stream), "random values");
  double seconds = middleTime(stream, [&] {
    if (const char *fault = product.run(stream, {a.data(), b.data(), nullptr, nullptr, c.data(), scratch.data()}))
      throw InternalError(std::string("cublasLtMatmul: ") + fault);
  });
  return 2.0 * kSize * kSize * kSize / seconds * 1e-9;
}

double weft::rt::measureDeviceCopy(cudaStream_t stream) {
  constexpr int64_t kBytes = int64_t(1) << 30;
  if (!hasFree(2 * kBytes))
    return 0;
  DeviceMemory from(kBytes), to(kBytes);
  checkCuda(launchRandom(from.data(), kBytes / 2, 3, stream), "random values");
  double seconds = middleTime(stream, [&] {
    checkCuda(cudaMemcpyAsync(to.data(), from.data(), kBytes, cudaMemcpyDeviceToDevice, stream), "cudaMemcpyAsync");
  });
  return 2.0 * kBytes / seconds * 1e-9;
}

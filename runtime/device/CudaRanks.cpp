//===- CudaRanks.cpp - A GPU among those of other ranks -------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/CudaRanks.h"

#include "comm/Ranks.h"
#include "core/Text.h"
#include "device/Kernels.h"

using namespace weft;
using namespace weft::rt;

// Only in what was linked with libweft_nccl.a; who makes ranks has looked.
extern "C" {
__attribute__((weak)) DeviceCollectives *weft_nccl_collectives(const Manifest &, Ranks &);
__attribute__((weak)) const char *weft_nccl_version();
}

using Clock = std::chrono::steady_clock;

DeviceCollectives::~DeviceCollectives() = default;

/// How often the library is asked for failures.
static constexpr std::chrono::milliseconds kWatchPeriod(100);

CudaRanks::CudaRanks(const Manifest &manifest, Ranks &ranks, int device)
    : manifest(manifest), ranks(ranks), device(device), count(static_cast<int64_t>(manifest.collectives.size())),
      memory(sizeof(Words)), words(reinterpret_cast<volatile Words *>(memory.data())), since(Clock::now()) {
  words->begun = 0;
  words->present = -1;
  void *address = nullptr;
  checkCuda(cudaHostGetDevicePointer(&address, memory.data(), 0), "cudaHostGetDevicePointer");
  deviceWords = static_cast<Words *>(address);
  library.reset(weft_nccl_collectives(manifest, ranks));
  thread = std::thread([this] { watch(); });
  ranks.follow([this] { return CollectiveProgress{words->begun, words->present}; });
  ranks.onAbort([this] { abort(); });
}

CudaRanks::~CudaRanks() {
  ranks.onAbort(nullptr);
  ranks.follow(nullptr);
  {
    std::lock_guard<std::mutex> lock(mutex);
    ending = true;
  }
  changed.notify_all();
  thread.join();
}

void CudaRanks::attach(char *arena, int64_t bytes) {
  auto made = std::make_unique<CopyCollectives>(manifest, ranks, arena, bytes);
  std::lock_guard<std::mutex> lock(mutex);
  copies = std::move(made);
}

const char *CudaRanks::run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch,
                           cudaStream_t stream) {
  cudaError_t status = launchNote(&deviceWords->begun, &deviceWords->present, 1, ranks.placeOf(index), stream);
  DeviceCollectives &carrier = copies && copies->carries(index) ? *copies : *library;
  if (const char *fault = carrier.run(index, inputs, outputs, scratch, stream))
    return fault;
  cudaError_t left = launchNote(&deviceWords->begun, &deviceWords->present, 0, -1, stream);
  if (status == cudaSuccess)
    status = left;
  return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}

void CudaRanks::check() { ranks.check(); }

void CudaRanks::abort() {
  {
    std::lock_guard<std::mutex> lock(mutex);
    giveUp = true;
  }
  changed.notify_all();
}

std::string CudaRanks::describe() const {
  int64_t communicators = library->communicators();
  std::string text =
      std::string(weft_nccl_version()) +
      format(", %lld communicator%s", static_cast<long long>(communicators), communicators == 1 ? "" : "s");
  if (int64_t carried = copies ? copies->carried() : 0)
    text += format(", %lld of %lld collectives by copy engines", static_cast<long long>(carried),
                   static_cast<long long>(count));
  return text;
}

/// Says once what is wrong; the server decides what that means for the job.
void CudaRanks::lookForFaults() {
  int64_t begun = words->begun, present = words->present;
  Clock::time_point now = Clock::now();
  if (begun != lastBegun || present != lastPresent) {
    lastBegun = begun;
    lastPresent = present;
    since = now;
  }
  bool stuck = present >= 0 && std::chrono::duration<double>(now - since).count() > ranks.patience();
  std::string fault = library->fault();
  if (told || (fault.empty() && !stuck))
    return;
  told = true;
  std::string place = present >= 0 ? ranks.describe(present) : "a collective";
  FaultReport report;
  report.kind = fault.empty() ? FaultReport::Stuck : FaultReport::Broken;
  report.text = fault.empty() ? place : place + ": " + fault;
  ranks.tell(report);
}

void CudaRanks::watch() {
  (void)cudaSetDevice(device);
  std::unique_lock<std::mutex> lock(mutex);
  while (!ending && !giveUp) {
    changed.wait_for(lock, kWatchPeriod);
    if (ending || giveUp)
      break;
    lock.unlock();
    lookForFaults();
    lock.lock();
  }
  bool gaveUp = giveUp;
  CopyCollectives *byCopies = copies.get();
  lock.unlock();
  // Not on the thread that listens to the server: this waits until the graphs are gone.
  if (gaveUp && byCopies)
    byCopies->abort();
  if (gaveUp)
    library->abort();
}

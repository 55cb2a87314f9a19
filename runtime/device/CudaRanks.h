//===- CudaRanks.h - A GPU among those of other ranks -----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_CUDARANKS_H
#define WEFT_DEVICE_CUDARANKS_H

#include "device/CopyCollectives.h"
#include "device/Cuda.h"
#include "device/DeviceCollectives.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace weft::rt {

class Ranks;

/// The collectives of one rank's tasks: the device runs them, the control connections are told how far it is, and a
/// thread watches for what does not end.
class CudaRanks {
public:
  /// Connects the devices. Throws as weft_nccl_collectives does.
  CudaRanks(const Manifest &manifest, Ranks &ranks, int device);
  /// Nothing on the device may still run, and no graph may hold a collective, unless `abort` was called.
  ~CudaRanks();

  /// Says where tensors of collectives lie, before any is run: what the manifest gives to copy engines, these carry
  /// from then on, if the ranks reach each other's memory. All ranks call it together.
  void attach(char *arena, int64_t bytes);
  /// Why the library carries what the manifest gives to copy engines; "" if it does not.
  std::string remark() const { return copies ? copies->remark() : ""; }
  /// Enqueues collective `index` of the present task. Null, or what failed.
  const char *run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch, cudaStream_t stream);
  /// How many entries there are.
  int64_t collectives() const { return count; }
  /// Throws FaultError if the job has failed: what the device computed since is of no use.
  void check();
  /// Gives up: collectives that run end, with anything. Returns at once.
  void abort();
  /// "NCCL 2.28.9, 2 communicators, 64 collectives by copy engines".
  std::string describe() const;

private:
  /// What kernels on the device write and this process reads.
  struct Words {
    int64_t begun, present;
  };

  void watch();
  void lookForFaults();

  const Manifest &manifest;
  Ranks &ranks;
  int device;
  int64_t count;
  std::unique_ptr<DeviceCollectives> library;
  /// Null before `attach`.
  std::unique_ptr<CopyCollectives> copies;
  PinnedMemory memory;
  volatile Words *words;
  Words *deviceWords = nullptr;

  std::mutex mutex;
  std::condition_variable changed;
  bool ending = false, giveUp = false, told = false;
  /// What the device did when it was last looked at, and since when it is there.
  int64_t lastBegun = -1, lastPresent = -1;
  std::chrono::steady_clock::time_point since;
  std::thread thread;
};

} // namespace weft::rt

#endif // WEFT_DEVICE_CUDARANKS_H

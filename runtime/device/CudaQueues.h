//===- CudaQueues.h - Copies between this process and a device --*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_CUDAQUEUES_H
#define WEFT_DEVICE_CUDAQUEUES_H

#include "core/Device.h"
#include "device/Cuda.h"
#include "device/Transfer.h"

namespace weft::rt {

/// A rank's memory by offset: the arena, and host memory behind it.
struct RankMemory {
  char *arena = nullptr, *host = nullptr;
  int64_t arenaBytes = 0;

  char *at(int64_t offset) const { return offset < arenaBytes ? arena + offset : host + (offset - arenaBytes); }
};

/// Copies on the tasks' stream, through two pinned buffers.
class CudaCopies final : public CopyQueue {
public:
  CudaCopies(cudaStream_t stream, const RankMemory &memory);

  char *buffer(int which) override { return slots[which].memory.data(); }
  int64_t bufferBytes() const override { return kBytes; }
  void toArena(int which, int64_t offset, int64_t bytes) override;
  void fromArena(int which, int64_t offset, int64_t bytes) override;
  void wait(int which) override;

private:
  static constexpr int64_t kBytes = int64_t(16) << 20;
  struct Slot {
    PinnedMemory memory{kBytes};
    Event done = makeEvent();
  };

  void copy(int which, void *to, const void *from, int64_t bytes);

  cudaStream_t stream;
  RankMemory memory;
  Slot slots[2];
};

/// Batches on a stream of their own into memory beside the arena, and from there, on the tasks' stream, to the inputs.
class CudaInputs final : public InputQueue {
public:
  /// `staged` is device memory for all inputs, packed.
  CudaInputs(const Manifest &manifest, cudaStream_t tasks, cudaStream_t copies, char *arena, char *staged);

  char *buffer(int which) override { return slots[which].memory.data(); }
  void waitSent(int which) override;
  void send(int which) override;
  void place() override;

private:
  struct Slot {
    PinnedMemory memory;
    Event sent = makeEvent();
  };

  const Manifest &manifest;
  cudaStream_t tasks, copies;
  char *arena, *staged;
  int64_t bytes;
  Slot slots[2];
  int lastSent = 0;
  /// What was sent last is in the arena: the memory beside it may be written again.
  Event placed = makeEvent();
};

/// The metrics of each step, taken a step later: one copy of the states that hold them, or one for each where they do
/// not lie together.
class CudaMetrics {
public:
  CudaMetrics(const Manifest &manifest, cudaStream_t stream, char *arena, int steps);

  void note();
  StepMetrics take();

private:
  struct Slot {
    PinnedMemory memory;
    Event done = makeEvent();
  };
  /// Bytes from `from` of the arena go to `to` of the copy.
  struct Part {
    int64_t from, to, bytes;
  };

  cudaStream_t stream;
  char *arena;
  std::vector<Part> parts;
  /// Where a metric is in the copy; -1 where the executable has none of it.
  int64_t places[5];
  std::vector<Slot> slots;
  size_t noted = 0, taken = 0;
};

} // namespace weft::rt

#endif // WEFT_DEVICE_CUDAQUEUES_H

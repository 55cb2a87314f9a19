//===- Transfer.h - Values into and out of a device's arena -----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// When a buffer may be filled again, and in which order things are copied. What
// copies is behind an interface, so that this is tested without a device.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_TRANSFER_H
#define WEFT_DEVICE_TRANSFER_H

#include "core/ArenaMemory.h"
#include "core/Manifest.h"

#include <cstdint>
#include <vector>

namespace weft::rt {

/// Two buffers that a device copies from and to by itself, in the order of the tasks.
class CopyQueue {
public:
  virtual ~CopyQueue();
  virtual char *buffer(int which) = 0;
  virtual int64_t bufferBytes() const = 0;
  /// Enqueue a copy of the buffer's first bytes to the arena, or from there to the buffer.
  virtual void toArena(int which, int64_t offset, int64_t bytes) = 0;
  virtual void fromArena(int which, int64_t offset, int64_t bytes) = 0;
  /// Waits until no copy uses the buffer.
  virtual void wait(int which) = 0;
};

/// Reads and writes the arena through the two buffers: one is filled or used while the other is copied.
class ArenaTransfer {
public:
  explicit ArenaTransfer(CopyQueue &queue) : queue(queue) {}

  void write(int64_t offset, int64_t bytes, FunctionRef<void(char *)> fill);
  void read(int64_t offset, int64_t bytes, FunctionRef<void(const char *)> use);

private:
  CopyQueue &queue;
  int next = 0;
};

/// What brings a batch into the arena.
class InputQueue {
public:
  virtual ~InputQueue();
  /// Memory for all inputs, packed.
  virtual char *buffer(int which) = 0;
  /// Waits until nothing is copied from the buffer any more.
  virtual void waitSent(int which) = 0;
  /// Enqueues: the buffer to the device, beside the tasks, once the batch sent before it is in the arena.
  virtual void send(int which) = 0;
  /// Enqueues: what was sent last into the arena, behind all tasks so far.
  virtual void place() = 0;
};

/// Batch after batch through two buffers. The caller fills one while the device still copies from the other and runs
/// the tasks of the batch before; so it is at most two batches ahead of the tasks.
class InputStaging {
public:
  explicit InputStaging(InputQueue &queue) : queue(queue) {}

  /// Fills every buffer.
  void prepare(FunctionRef<void(const InputMemory &)> fill);
  void load(FunctionRef<void(const InputMemory &)> fill);

private:
  InputQueue &queue;
  int next = 0;
};

} // namespace weft::rt

#endif // WEFT_DEVICE_TRANSFER_H

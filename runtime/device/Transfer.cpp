//===- Transfer.cpp - Values into and out of a device's arena -------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/Transfer.h"

#include <algorithm>
#include <cstring>
#include <memory>

using namespace weft::rt;

CopyQueue::~CopyQueue() = default;
InputQueue::~InputQueue() = default;

void ArenaTransfer::write(int64_t offset, int64_t bytes, FunctionRef<void(char *)> fill) {
  int64_t most = queue.bufferBytes();
  if (bytes <= most) {
    queue.wait(next);
    fill(queue.buffer(next));
    queue.toArena(next, offset, bytes);
    next ^= 1;
    return;
  }
  // The callback wants all of it at one place.
  std::unique_ptr<char[]> whole(new char[bytes]);
  fill(whole.get());
  for (int64_t at = 0; at < bytes; at += most, next ^= 1) {
    int64_t part = std::min(most, bytes - at);
    queue.wait(next);
    memcpy(queue.buffer(next), whole.get() + at, part);
    queue.toArena(next, offset + at, part);
  }
}

void ArenaTransfer::read(int64_t offset, int64_t bytes, FunctionRef<void(const char *)> use) {
  int64_t most = queue.bufferBytes();
  if (bytes <= most) {
    queue.wait(next);
    queue.fromArena(next, offset, bytes);
    queue.wait(next);
    use(queue.buffer(next));
    return;
  }
  std::unique_ptr<char[]> whole(new char[bytes]);
  // Part i is copied to its buffer while part i - 1 is taken out of the other one.
  int64_t parts = (bytes + most - 1) / most;
  auto sizeOf = [&](int64_t part) { return std::min(most, bytes - part * most); };
  for (int64_t part = 0; part <= parts; ++part, next ^= 1) {
    if (part < parts) {
      queue.wait(next);
      queue.fromArena(next, offset + part * most, sizeOf(part));
    }
    if (part > 0) {
      queue.wait(next ^ 1);
      memcpy(whole.get() + (part - 1) * most, queue.buffer(next ^ 1), sizeOf(part - 1));
    }
  }
  use(whole.get());
}

void InputStaging::prepare(FunctionRef<void(const InputMemory &)> fill) {
  for (int which : {0, 1}) {
    queue.waitSent(which);
    fill(InputMemory::packed(queue.buffer(which)));
  }
}

void InputStaging::load(FunctionRef<void(const InputMemory &)> fill) {
  queue.waitSent(next);
  fill(InputMemory::packed(queue.buffer(next)));
  queue.send(next);
  queue.place();
  next ^= 1;
}

//===- CudaQueues.cpp - Copies between this process and a device ----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/CudaQueues.h"

#include <algorithm>
#include <cstring>

using namespace weft::rt;

static void record(const Event &event, cudaStream_t stream) {
  checkCuda(cudaEventRecord(event.get(), stream), "cudaEventRecord");
}

static void waitFor(const Event &event) { checkCuda(cudaEventSynchronize(event.get()), "cudaEventSynchronize"); }

static void orderAfter(cudaStream_t stream, const Event &event) {
  checkCuda(cudaStreamWaitEvent(stream, event.get(), 0), "cudaStreamWaitEvent");
}

static void copy(void *to, const void *from, int64_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  checkCuda(cudaMemcpyAsync(to, from, bytes, kind, stream), "cudaMemcpyAsync");
}

CudaCopies::CudaCopies(cudaStream_t stream, const RankMemory &memory) : stream(stream), memory(memory) {}

void CudaCopies::copy(int which, void *to, const void *from, int64_t bytes) {
  ::copy(to, from, bytes, cudaMemcpyDefault, stream);
  record(slots[which].done, stream);
}

void CudaCopies::toArena(int which, int64_t offset, int64_t bytes) {
  copy(which, memory.at(offset), buffer(which), bytes);
}

void CudaCopies::fromArena(int which, int64_t offset, int64_t bytes) {
  copy(which, buffer(which), memory.at(offset), bytes);
}

// An event that was never recorded is over.
void CudaCopies::wait(int which) { waitFor(slots[which].done); }

CudaInputs::CudaInputs(const Manifest &manifest, cudaStream_t tasks, cudaStream_t copies, char *arena, char *staged)
    : manifest(manifest), tasks(tasks), copies(copies), arena(arena), staged(staged),
      bytes(manifest.packedInputBytes()) {
  for (Slot &slot : slots)
    slot.memory = PinnedMemory(std::max<int64_t>(bytes, 1));
}

void CudaInputs::waitSent(int which) { waitFor(slots[which].sent); }

void CudaInputs::send(int which) {
  orderAfter(copies, placed);
  copy(staged, buffer(which), bytes, cudaMemcpyHostToDevice, copies);
  record(slots[which].sent, copies);
  lastSent = which;
}

void CudaInputs::place() {
  orderAfter(tasks, slots[lastSent].sent);
  for (const InputInfo &input : manifest.inputs)
    if (input.bytes > 0)
      copy(arena + input.offset, staged + input.packedOffset, input.bytes, cudaMemcpyDeviceToDevice, tasks);
  record(placed, tasks);
}

CudaMetrics::CudaMetrics(const Manifest &manifest, cudaStream_t stream, char *arena, int steps)
    : stream(stream), arena(arena), slots(steps) {
  static constexpr const char *names[] = {"loss_sum", "loss_count", "grad_norm", "lr", "loss_scale"};
  // As many bytes as a copy takes as long as it takes to start another.
  constexpr int64_t kTogether = 16 << 10;
  int64_t first = INT64_MAX, last = 0;
  for (const char *name : names)
    if (const StateInfo *state = manifest.findState(name)) {
      first = std::min(first, state->offset);
      last = std::max(last, state->offset + state->bytes);
    }
  bool together = last - first <= kTogether;
  if (together)
    parts.push_back({first, 0, last - first});
  for (size_t i = 0; i < std::size(names); ++i) {
    const StateInfo *state = manifest.findState(names[i]);
    if (state && !together)
      parts.push_back({state->offset, static_cast<int64_t>(8 * i), 8});
    places[i] = !state ? -1 : together ? state->offset - first : static_cast<int64_t>(8 * i);
  }
  int64_t bytes = together ? last - first : static_cast<int64_t>(8 * std::size(names));
  for (Slot &slot : slots)
    slot.memory = PinnedMemory(bytes);
}

void CudaMetrics::note() {
  Slot &slot = slots[noted++ % slots.size()];
  for (const Part &part : parts)
    copy(slot.memory.data() + part.to, arena + part.from, part.bytes, cudaMemcpyDeviceToHost, stream);
  record(slot.done, stream);
}

StepMetrics CudaMetrics::take() {
  Slot &slot = slots[taken++ % slots.size()];
  waitFor(slot.done);
  auto value = [&](int which) {
    double number = 0;
    if (places[which] >= 0)
      memcpy(&number, slot.memory.data() + places[which], sizeof(number));
    return number;
  };
  return {value(0), value(1), value(2), value(3), value(4)};
}

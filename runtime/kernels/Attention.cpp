//===- Attention.cpp - Blocked attention ----------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kernels/Attention.h"

#include <algorithm>
#include <new>
#include <omp.h>

using namespace weft::rt;

std::vector<const AttentionKernels *> weft::rt::availableAttentionKernels() {
  __builtin_cpu_init();
  std::vector<const AttentionKernels *> kernels;
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    kernels.push_back(&attentionKernels_avx512);
  if (avx2)
    kernels.push_back(&attentionKernels_avx2);
  kernels.push_back(&attentionKernels_baseline);
  return kernels;
}

PreparedAttention::PreparedAttention(const AttentionDesc &desc, int threads, const AttentionKernels *chosen)
    : desc(desc), kernels(chosen ? chosen : availableAttentionKernels().front()) {
  // Long parts read and pack keys less often; short ones keep all threads busy when there are few heads.
  int64_t heads = desc.batch * desc.heads, block = kernels->queryBlock;
  int64_t partsPerHead = (4 * threads + heads - 1) / heads;
  int64_t blocks = (desc.queries + block - 1) / block;
  forwardQueries = std::max<int64_t>(blocks / partsPerHead, 1) * block;
  forwardQueries = std::min(forwardQueries, kernels->maxForwardQueries);
}

int64_t PreparedAttention::workspaceFloats() const { return kernels->workspaceFloats(desc); }

const char *PreparedAttention::forward(AttentionWorkspace &workspace,
                                       const AttentionForwardBuffers &buffers) const noexcept {
  if (!buffers.q || !buffers.k || !buffers.v || !buffers.out || !buffers.lse ||
      (desc.mask != AttentionDesc::NoMask && !buffers.mask))
    return "an operand is null";
  AttentionBuffers typed = {};
  typed.q = static_cast<const float *>(buffers.q);
  typed.k = static_cast<const float *>(buffers.k);
  typed.v = static_cast<const float *>(buffers.v);
  typed.mask = buffers.mask;
  typed.out = static_cast<float *>(buffers.out);
  typed.lse = static_cast<float *>(buffers.lse);
  int64_t parts = (desc.queries + forwardQueries - 1) / forwardQueries;
  int64_t items = desc.batch * desc.heads * parts;
  int threads = static_cast<int>(std::min<int64_t>(items, workspace.threads()));
  // Causal parts differ in length, so threads take the next part when they are free; each part writes only its own
  // queries, hence the order does not matter. The longest parts come first.
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int64_t item = 0; item < items; ++item) {
    int64_t part = parts - 1 - item / (desc.batch * desc.heads), unit = item % (desc.batch * desc.heads);
    int64_t begin = part * forwardQueries, end = std::min(begin + forwardQueries, desc.queries);
    kernels->forward(desc, typed, unit / desc.heads, unit % desc.heads, begin, end,
                     workspace.forThread(omp_get_thread_num()));
  }
  return nullptr;
}

const char *PreparedAttention::backward(AttentionWorkspace &workspace,
                                        const AttentionBackwardBuffers &buffers) const noexcept {
  if (!buffers.q || !buffers.k || !buffers.v || !buffers.out || !buffers.lse || !buffers.dout || !buffers.dq ||
      !buffers.dk || !buffers.dv || (desc.mask != AttentionDesc::NoMask && !buffers.mask))
    return "an operand is null";
  AttentionBuffers typed = {};
  typed.q = static_cast<const float *>(buffers.q);
  typed.k = static_cast<const float *>(buffers.k);
  typed.v = static_cast<const float *>(buffers.v);
  typed.mask = buffers.mask;
  // The backward pass only reads these two.
  typed.out = static_cast<float *>(const_cast<void *>(buffers.out));
  typed.lse = static_cast<float *>(const_cast<void *>(buffers.lse));
  typed.dout = static_cast<const float *>(buffers.dout);
  typed.dq = static_cast<float *>(buffers.dq);
  typed.dk = static_cast<float *>(buffers.dk);
  typed.dv = static_cast<float *>(buffers.dv);
  int64_t items = desc.batch * desc.kvHeads;
  int threads = static_cast<int>(std::min<int64_t>(items, workspace.threads()));
  // A key/value head is one part: its gradients are summed in a fixed order, by one thread.
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int64_t item = 0; item < items; ++item)
    kernels->backward(desc, typed, item / desc.kvHeads, item % desc.kvHeads, workspace.forThread(omp_get_thread_num()));
  return nullptr;
}

AttentionWorkspace::AttentionWorkspace(const std::vector<std::unique_ptr<PreparedAttention>> &attentions, int threads)
    : count(threads) {
  int64_t floats = 0;
  for (const auto &attention : attentions)
    floats = std::max(floats, attention->workspaceFloats());
  allocate(floats);
}

AttentionWorkspace::AttentionWorkspace(int64_t floatsPerThread, int threads) : count(threads) {
  allocate(floatsPerThread);
}

void AttentionWorkspace::allocate(int64_t floatsPerThread) {
  if (floatsPerThread == 0)
    return;
  // Page aligned: no two threads share a cache line.
  stride = (floatsPerThread + 1023) / 1024 * 1024;
  data = static_cast<float *>(::operator new(bytes(), std::align_val_t(4096)));
}

AttentionWorkspace::~AttentionWorkspace() {
  if (data)
    ::operator delete(data, std::align_val_t(4096));
}

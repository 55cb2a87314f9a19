//===- Attention.h - Blocked attention --------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_KERNELS_ATTENTION_H
#define WEFT_KERNELS_ATTENTION_H

#include "kernels/AttentionKernels.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace weft::rt {

/// Addresses of the forward pass; `mask` may be null where the entry has none.
struct AttentionForwardBuffers {
  const void *q, *k, *v, *mask;
  void *out, *lse;
};

/// Addresses of the backward pass.
struct AttentionBackwardBuffers {
  const void *dout, *q, *k, *v, *mask, *out, *lse;
  void *dq, *dk, *dv;
};

class AttentionWorkspace;

/// One attention with its kernels chosen for this machine.
class PreparedAttention {
public:
  /// `kernels` null: the widest variant that this machine runs.
  PreparedAttention(const AttentionDesc &desc, int threads, const AttentionKernels *kernels = nullptr);

  /// Floats that one thread needs.
  int64_t workspaceFloats() const;

  /// Null, or what is wrong with the operands.
  const char *forward(AttentionWorkspace &workspace, const AttentionForwardBuffers &buffers) const noexcept;
  const char *backward(AttentionWorkspace &workspace, const AttentionBackwardBuffers &buffers) const noexcept;

private:
  AttentionDesc desc;
  const AttentionKernels *kernels;
  /// Queries of one parallel part of the forward pass. Results do not depend on it.
  int64_t forwardQueries = 0;
};

/// One buffer for each thread, allocated before the first step.
class AttentionWorkspace {
public:
  AttentionWorkspace(const std::vector<std::unique_ptr<PreparedAttention>> &attentions, int threads);
  AttentionWorkspace(int64_t floatsPerThread, int threads);
  ~AttentionWorkspace();
  AttentionWorkspace(const AttentionWorkspace &) = delete;
  AttentionWorkspace &operator=(const AttentionWorkspace &) = delete;

  float *forThread(int thread) const { return data + thread * stride; }
  int threads() const { return count; }
  int64_t bytes() const { return stride * count * static_cast<int64_t>(sizeof(float)); }

private:
  void allocate(int64_t floatsPerThread);

  float *data = nullptr;
  int64_t stride = 0;
  int count = 1;
};

/// The variants that this machine runs, the widest first.
std::vector<const AttentionKernels *> availableAttentionKernels();

} // namespace weft::rt

#endif // WEFT_KERNELS_ATTENTION_H

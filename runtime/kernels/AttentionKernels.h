//===- AttentionKernels.h - The parts of blocked attention that are built per ISA -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Included by files that are compiled for one instruction set: plain data and
// declarations only, so that no function with wide instructions can be shared.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_KERNELS_ATTENTIONKERNELS_H
#define WEFT_KERNELS_ATTENTIONKERNELS_H

#include <stdint.h>

namespace weft::rt {

/// An entry of the manifest's `attentions`. Strides are in elements: batch, position, head, element.
struct AttentionDesc {
  /// Added in f32; bytes; added in the type of the operands, which the host does not take.
  enum MaskKind { NoMask, Additive, Boolean, AdditiveNarrow };
  enum ElementType { F32, BF16, F16 };

  int64_t batch, heads, kvHeads, queries, keys, head, valueHead;
  float scale;
  bool causal;
  int64_t q[4], k[4], v[4], out[4], dout[4], dq[4], dk[4], dv[4];
  MaskKind mask;
  /// Batch, head, query, key; 0 broadcasts.
  int64_t maskStrides[4];
  /// Of everything but lse and an additive mask, which are f32. The host's kernels take F32.
  ElementType dtype;
  /// The backward pass gives the same bits each time.
  bool deterministic;
  /// Bytes that the plan gives a pass, on a device.
  int64_t scratch;
};

/// Typed addresses of both passes; what a pass does not use is null.
struct AttentionBuffers {
  const float *q, *k, *v;
  const void *mask;
  /// Results of the forward pass, read by the backward pass.
  float *out, *lse;
  const float *dout;
  float *dq, *dk, *dv;
};

/// The kernels of one instruction set. All are free of allocation and locks.
struct AttentionKernels {
  const char *name;
  /// Queries of one block; parts of the forward pass are multiples of it.
  int64_t queryBlock;
  /// The most queries of a forward part.
  int64_t maxForwardQueries;
  /// Floats of workspace for one thread: the larger of both passes.
  int64_t (*workspaceFloats)(const AttentionDesc &desc);
  /// Queries [begin, end) of one batch entry and query head; at most maxForwardQueries of them.
  void (*forward)(const AttentionDesc &desc, const AttentionBuffers &buffers, int64_t batch, int64_t head,
                  int64_t begin, int64_t end, float *workspace);
  /// All gradients of one batch entry and key/value head, and of the query heads that share it.
  void (*backward)(const AttentionDesc &desc, const AttentionBuffers &buffers, int64_t batch, int64_t kvHead,
                   float *workspace);
};

extern const AttentionKernels attentionKernels_baseline, attentionKernels_avx2, attentionKernels_avx512;

} // namespace weft::rt

#endif // WEFT_KERNELS_ATTENTIONKERNELS_H

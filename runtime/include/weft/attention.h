//===- attention.h - Memory that attention on a GPU needs -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiler and runtime agree on it: the one reserves the bytes, the other
// refuses to start with a library that wants more.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_RUNTIME_ATTENTION_H
#define WEFT_RUNTIME_ATTENTION_H

#include <cstdint>

namespace weft {

/// The sizes of an attention call, by docs/executable.md.
struct AttentionDesc {
  int64_t batch = 1, heads = 1, kvHeads = 1, queries = 1, keys = 1, head = 1, valueHead = 1;
};

/// The workspace, in bytes, that cuDNN's fused attention may use. Forward it keeps little. Backward it adds up the
/// gradient of the queries in f32 beside one number per query; to do that in a fixed order, every block of 128 keys has
/// a gradient of its own: measured with 32 x 12 heads of 1,024 positions and 64 elements, 102 MB against 807 MB. Heads
/// that share keys have gradients of keys and values of their own first. Sizes are rounded up to the library's tiles.
inline int64_t attentionWorkspaceBytes(const AttentionDesc &desc, bool backward, bool deterministic) {
  auto round = [](int64_t value, int64_t to) { return (value + to - 1) / to * to; };
  constexpr int64_t slack = int64_t(1) << 20, tile = 128;
  int64_t rows = desc.batch * desc.heads * round(desc.queries, tile);
  if (!backward)
    return slack + 4 * rows;
  int64_t copies = deterministic ? round(desc.keys, tile) / tile : 1;
  int64_t bytes = slack + 4 * rows * (2 + round(desc.head, 64) * copies);
  if (desc.kvHeads != desc.heads)
    bytes += 4 * desc.batch * desc.heads * round(desc.keys, tile) * (round(desc.head, 64) + round(desc.valueHead, 64));
  return bytes;
}

} // namespace weft

#endif // WEFT_RUNTIME_ATTENTION_H

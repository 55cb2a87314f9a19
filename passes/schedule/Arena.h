//===- Arena.h - Offsets for buffers with lifetimes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_ARENA_H
#define WEFT_PASSES_SCHEDULE_ARENA_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace weft {

/// Every buffer starts at a multiple of this many bytes, or of what a target asks for: a cache line of processors, and
/// their widest vector.
inline constexpr int64_t bufferAlignment = 64;

inline int64_t alignBuffer(int64_t bytes, int64_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

/// A buffer that is alive from step `first` to step `last`, both included.
struct Lifetime {
  int64_t bytes = 0, first = 0, last = 0;
  int64_t offset = 0; ///< placed here
};

/// Gives every buffer an offset so that buffers alive at one time do not
/// overlap. Returns the bytes of the arena. Deterministic; near-linear in the
/// number of buffers (docs/memory.md says how, and how near to the least).
int64_t placeBuffers(llvm::MutableArrayRef<Lifetime> buffers, int64_t alignment = bufferAlignment);

/// The largest sum of bytes alive at one time: no placement is smaller.
int64_t peakLiveBytes(llvm::ArrayRef<Lifetime> buffers, int64_t alignment = bufferAlignment);

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_ARENA_H

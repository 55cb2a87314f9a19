//===- Arena.cpp - Offsets for buffers with lifetimes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/Arena.h"
#include "passes/schedule/Target.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <map>

using namespace llvm;
using namespace weft;

Target::~Target() = default;

int64_t weft::placeBuffers(MutableArrayRef<Lifetime> buffers) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, buffers.size()));
  llvm::stable_sort(order, [&](int64_t a, int64_t b) {
    if (buffers[a].bytes != buffers[b].bytes)
      return buffers[a].bytes > buffers[b].bytes;
    return buffers[a].last - buffers[a].first > buffers[b].last - buffers[b].first;
  });
  int64_t total = 0;
  // Placed buffers by offset; only those alive at the same time matter.
  std::multimap<int64_t, int64_t> placed;
  for (int64_t index : order) {
    Lifetime &buffer = buffers[index];
    int64_t size = alignBuffer(buffer.bytes), offset = 0;
    if (size == 0)
      continue;
    for (auto [start, other] : placed) {
      const Lifetime &taken = buffers[other];
      if (taken.last < buffer.first || buffer.last < taken.first)
        continue;
      if (offset + size <= start)
        break;
      offset = std::max(offset, start + alignBuffer(taken.bytes));
    }
    buffer.offset = offset;
    placed.emplace(offset, index);
    total = std::max(total, offset + size);
  }
  return total;
}

int64_t weft::peakLiveBytes(ArrayRef<Lifetime> buffers) {
  std::map<int64_t, int64_t> change;
  for (const Lifetime &buffer : buffers) {
    change[buffer.first] += alignBuffer(buffer.bytes);
    change[buffer.last + 1] -= alignBuffer(buffer.bytes);
  }
  int64_t live = 0, peak = 0;
  for (auto [step, bytes] : change)
    peak = std::max(peak, live += bytes);
  return peak;
}

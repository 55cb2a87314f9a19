//===- ArenaTest.cpp - Placement of buffers with lifetimes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/Arena.h"
#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace weft;

static std::vector<Lifetime> randomLifetimes(uint64_t seed) {
  std::mt19937_64 generator(seed);
  auto pick = [&](int64_t limit) { return std::uniform_int_distribution<int64_t>(0, limit - 1)(generator); };
  std::vector<Lifetime> buffers(1 + pick(60));
  int64_t steps = 1 + pick(40);
  for (Lifetime &buffer : buffers) {
    buffer.bytes = pick(8) == 0 ? 0 : 1 + pick(5000);
    buffer.first = pick(steps);
    buffer.last = buffer.first + pick(steps - buffer.first);
  }
  return buffers;
}

/// Buffers alive at one time lie apart and inside the arena, each aligned; the arena is no smaller than its peak.
TEST(Arena, RandomLifetimes) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    std::vector<Lifetime> buffers = randomLifetimes(seed), again = buffers;
    int64_t total = placeBuffers(buffers);
    EXPECT_GE(total, peakLiveBytes(buffers));
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Lifetime &a = buffers[i];
      EXPECT_EQ(a.offset % bufferAlignment, 0);
      EXPECT_GE(a.offset, 0);
      EXPECT_LE(a.offset + a.bytes, total);
      for (size_t j = 0; j < i; ++j) {
        const Lifetime &b = buffers[j];
        bool together = a.first <= b.last && b.first <= a.last;
        bool apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
        EXPECT_TRUE(!together || apart || a.bytes == 0 || b.bytes == 0)
            << "seed " << seed << ": buffers " << i << ", " << j;
      }
    }
    // The same lifetimes give the same places.
    EXPECT_EQ(placeBuffers(again), total);
    for (size_t i = 0; i < buffers.size(); ++i)
      EXPECT_EQ(again[i].offset, buffers[i].offset);
  }
}

TEST(Arena, ReusesWhatHasEnded) {
  std::vector<Lifetime> buffers{{640, 0, 1, 0}, {640, 2, 3, 0}, {64, 1, 2, 0}};
  EXPECT_EQ(placeBuffers(buffers), 704);
  EXPECT_EQ(peakLiveBytes(buffers), 704);
  EXPECT_EQ(buffers[0].offset, buffers[1].offset);
}

TEST(Arena, NothingTakesNothing) {
  std::vector<Lifetime> none;
  EXPECT_EQ(placeBuffers(none), 0);
  EXPECT_EQ(peakLiveBytes(none), 0);
}

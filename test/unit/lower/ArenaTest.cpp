//===- ArenaTest.cpp - Placement of buffers with lifetimes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/Arena.h"
#include <ctime>
#include <gtest/gtest.h>
#include <map>
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
    int64_t alignment = seed % 2 ? bufferAlignment : 256, total = placeBuffers(buffers, alignment);
    EXPECT_GE(total, peakLiveBytes(buffers, alignment));
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Lifetime &a = buffers[i];
      EXPECT_EQ(a.offset % alignment, 0);
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
    EXPECT_EQ(placeBuffers(again, alignment), total);
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

/// Buffers alive at one time lie apart: a sweep over steps that holds what is alive, by offset.
static bool lieApart(const std::vector<Lifetime> &buffers) {
  std::vector<std::pair<int64_t, size_t>> events; // ends of a step come after its starts
  for (size_t i = 0; i < buffers.size(); ++i)
    if (buffers[i].bytes) {
      events.push_back({2 * buffers[i].first, i});
      events.push_back({2 * buffers[i].last + 1, i});
    }
  std::sort(events.begin(), events.end());
  std::map<int64_t, int64_t> alive; // offset -> end
  for (auto [when, i] : events) {
    int64_t start = buffers[i].offset, end = start + alignBuffer(buffers[i].bytes, bufferAlignment);
    if (when % 2) {
      alive.erase(start);
      continue;
    }
    auto next = alive.lower_bound(start);
    if ((next != alive.end() && next->first < end) || (next != alive.begin() && std::prev(next)->second > start))
      return false;
    alive[start] = end;
  }
  return true;
}

/// Like the step of a deep model: every layer saves values that its backward pass reads in the opposite order, makes
/// temporaries on both ways, and (with `keepsGradients`) gradients that live until the end. `microbatches` of them, one
/// after another.
static std::vector<Lifetime> trainingStep(int layers, int microbatches, bool keepsGradients, uint64_t seed) {
  std::mt19937_64 generator(seed);
  auto pick = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(generator); };
  const int64_t width = 64 * 64;
  const std::vector<int64_t> saved{width, width, 3 * width, width, 768, width, width, 4 * width, 4 * width, 64};
  const std::vector<int64_t> gradients{3 * width, width, 4 * width, 4 * width, 64, 64};
  std::vector<Lifetime> buffers;
  std::vector<size_t> kept;
  int64_t now = 0;
  for (int micro = 0; micro < microbatches; ++micro) {
    std::vector<size_t> open;
    for (int layer = 0; layer < layers; ++layer)
      for (int64_t bytes : saved) {
        open.push_back(buffers.size());
        buffers.push_back({bytes + 64 * pick(0, 3), now, now, 0});
        if (pick(0, 3) == 0)
          buffers.push_back({bytes, now, now + pick(1, 3), 0});
        ++now;
      }
    buffers.push_back({20 * width, now, now + 3, 0});
    for (; !open.empty(); open.pop_back()) {
      buffers[open.back()].last = now + pick(0, 2);
      buffers.push_back({saved[open.size() % saved.size()], now, now + pick(1, 4), 0});
      if (pick(0, 1) == 0) {
        kept.push_back(buffers.size());
        buffers.push_back({gradients[pick(0, gradients.size() - 1)], now, now + 1, 0});
      }
      ++now;
    }
  }
  if (keepsGradients)
    for (size_t index : kept)
      buffers[index].last = now + 4;
  return buffers;
}

/// What schedules look like is placed within 1.02 of the bound.
TEST(Arena, TrainingStepsAreNearTheBound) {
  uint64_t seed = 1;
  for (int layers : {1, 2, 3, 6, 12, 24, 48, 80})
    for (bool keepsGradients : {false, true})
      for (int repeat = 0; repeat < 3; ++repeat) {
        std::vector<Lifetime> buffers = trainingStep(layers, 1, keepsGradients, ++seed);
        int64_t total = placeBuffers(buffers), bound = peakLiveBytes(buffers);
        EXPECT_LE(total, bound * 1.02) << layers << " layers, seed " << seed;
        EXPECT_TRUE(lieApart(buffers)) << layers << " layers, seed " << seed;
      }
}

/// A million buffers take seconds, and are within 1.02 of the bound too.
TEST(Arena, AMillionBuffers) {
  std::vector<Lifetime> buffers = trainingStep(80, 460, false, 7);
  ASSERT_GE(buffers.size(), 900000u);
  std::clock_t start = std::clock();
  int64_t total = placeBuffers(buffers);
  double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  std::printf("%zu buffers: %.2f s, %.4f of the bound\n", buffers.size(), seconds,
              static_cast<double>(total) / static_cast<double>(peakLiveBytes(buffers)));
  EXPECT_LE(total, peakLiveBytes(buffers) * 1.02);
  EXPECT_TRUE(lieApart(buffers));
  EXPECT_LE(seconds, 60);
}

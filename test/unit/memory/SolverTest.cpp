//===- SolverTest.cpp - Keep or compute again, against trying everything --===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/Solver.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <ctime>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <random>

using namespace weft;

namespace {

struct Random {
  std::mt19937_64 generator;
  explicit Random(uint64_t seed) : generator(seed) {}
  int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(generator); }
};

} // namespace

static BlockProblem randomBlock(Random &random, int64_t count) {
  BlockProblem block;
  int64_t moments = random.pick(2, 6);
  for (int64_t moment = 0; moment < moments; ++moment)
    block.others.push_back(random.pick(0, 10));
  for (int64_t i = 0; i < count; ++i) {
    BlockProblem::Value value;
    value.bytes = random.pick(1, 20);
    value.seconds = static_cast<double>(random.pick(1, 9));
    for (int64_t need = 0; need < i; ++need)
      if (random.pick(0, 2) == 0)
        value.needs.push_back(need);
    for (int64_t moment = 0; moment < moments; ++moment)
      if (random.pick(0, 3) == 0)
        value.readAt.push_back(moment);
    block.values.push_back(value);
  }
  return block;
}

/// What a pattern comes to, by running the backward pass: at each moment what is read is computed, if it is not there,
/// with what it needs, and what nobody needs any more goes away.
static BlockPattern run(const BlockProblem &block, const std::vector<bool> &kept) {
  BlockPattern result;
  int64_t count = block.values.size(), moments = block.others.size();
  std::vector<int64_t> firstUse(count, moments), lastUse(count, -1);
  std::vector<bool> computed(count);
  std::function<void(int64_t, int64_t)> use = [&](int64_t i, int64_t moment) {
    firstUse[i] = std::min(firstUse[i], moment);
    lastUse[i] = std::max(lastUse[i], moment);
    if (kept[i] || computed[i])
      return;
    computed[i] = true;
    result.seconds += block.values[i].seconds;
    for (int64_t need : block.values[i].needs)
      use(need, moment);
  };
  for (int64_t moment = 0; moment < moments; ++moment)
    for (int64_t i = 0; i < count; ++i)
      for (int64_t at : block.values[i].readAt)
        if (at == moment)
          use(i, moment);
  for (int64_t i = 0; i < count; ++i)
    if (kept[i] && lastUse[i] >= 0)
      result.keptBytes += block.values[i].bytes;
  for (int64_t moment = 0; moment < moments; ++moment) {
    int64_t bytes = block.others[moment];
    for (int64_t i = 0; i < count; ++i)
      if (moment <= lastUse[i] && (kept[i] || (computed[i] && firstUse[i] <= moment)))
        bytes += block.values[i].bytes;
    result.peakBytes = std::max(result.peakBytes, bytes);
  }
  return result;
}

/// Every pattern is what running it comes to, and for every choice that there is some pattern is as good.
TEST(Solver, PatternsAreExact) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(seed);
    BlockProblem block = randomBlock(random, random.pick(1, 8));
    std::vector<BlockPattern> patterns = findPatterns(block);
    for (const BlockPattern &pattern : patterns) {
      BlockPattern real = run(block, pattern.kept);
      EXPECT_EQ(pattern.keptBytes, real.keptBytes) << "seed " << seed;
      EXPECT_EQ(pattern.peakBytes, real.peakBytes) << "seed " << seed;
      EXPECT_EQ(pattern.seconds, real.seconds) << "seed " << seed;
    }
    for (uint64_t set = 0; set < uint64_t{1} << block.values.size(); ++set) {
      std::vector<bool> kept;
      for (size_t i = 0; i < block.values.size(); ++i)
        kept.push_back(set >> i & 1);
      BlockPattern real = run(block, kept);
      bool isMatched = false;
      for (const BlockPattern &pattern : patterns)
        isMatched |= pattern.seconds <= real.seconds && pattern.keptBytes <= real.keptBytes &&
                     pattern.peakBytes <= real.peakBytes;
      EXPECT_TRUE(isMatched) << "seed " << seed << ", choice " << set;
    }
  }
}

/// The same block, of whose values some may wait in host memory, over a link that covers some of it.
static BlockProblem offloadable(Random &random, BlockProblem block) {
  for (BlockProblem::Value &value : block.values)
    value.canOffload = random.pick(0, 3) != 0;
  // What crosses into the block cannot be dropped, only moved.
  block.values.front().canDrop = false;
  block.link = {static_cast<double>(random.pick(1, 4)), 100, static_cast<double>(random.pick(0, 12)),
                static_cast<double>(random.pick(0, 12))};
  return block;
}

/// Every pattern is what running it comes to, and for every choice of what is dropped and what of the rest is moved
/// away, some pattern is as good.
TEST(Solver, OffloadingIsExact) {
  size_t offloading = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Random random(500 + seed);
    BlockProblem block = offloadable(random, randomBlock(random, random.pick(1, 6)));
    std::vector<BlockPattern> patterns = findPatterns(block);
    size_t count = block.values.size();
    auto away = [&](BlockPattern real, const std::vector<bool> &kept, const std::vector<bool> &offloaded) {
      // What is needed of it, and what is not does not count.
      int64_t bytes = 0;
      for (size_t i = 0; i < count; ++i)
        if (offloaded[i]) {
          BlockProblem lighter = block;
          lighter.values[i].bytes = 0;
          bytes += real.keptBytes - run(lighter, kept).keptBytes;
        }
      real.seconds += block.exposedSeconds(bytes, real.seconds);
      real.keptBytes -= bytes;
      real.offloadedBytes = bytes;
      return real;
    };
    for (const BlockPattern &pattern : patterns) {
      BlockPattern real = away(run(block, pattern.kept), pattern.kept, pattern.offloaded);
      EXPECT_EQ(pattern.keptBytes, real.keptBytes) << "seed " << seed;
      EXPECT_EQ(pattern.offloadedBytes, real.offloadedBytes) << "seed " << seed;
      EXPECT_EQ(pattern.peakBytes, real.peakBytes) << "seed " << seed;
      EXPECT_EQ(pattern.seconds, real.seconds) << "seed " << seed;
      offloading += pattern.offloadedBytes > 0;
      for (size_t i = 0; i < count; ++i)
        EXPECT_TRUE(!pattern.offloaded[i] || (pattern.kept[i] && block.values[i].canOffload));
    }
    for (uint64_t set = 0; set < uint64_t{1} << count; ++set)
      for (uint64_t moved = set;; moved = (moved - 1) & set) {
        std::vector<bool> kept, offloaded;
        bool isAllowed = true;
        for (size_t i = 0; i < count; ++i) {
          kept.push_back(set >> i & 1);
          offloaded.push_back(moved >> i & 1);
          isAllowed &= (kept[i] || block.values[i].canDrop) && (!offloaded[i] || block.values[i].canOffload);
        }
        BlockPattern real = away(run(block, kept), kept, offloaded);
        EXPECT_TRUE(!isAllowed || llvm::any_of(patterns,
                                               [&](const BlockPattern &pattern) {
                                                 return pattern.seconds <= real.seconds &&
                                                        pattern.keptBytes <= real.keptBytes &&
                                                        pattern.peakBytes <= real.peakBytes &&
                                                        pattern.offloadedBytes <= real.offloadedBytes;
                                               }))
            << "seed " << seed << ", choice " << set << ", moved " << moved;
        if (moved == 0)
          break;
      }
  }
  EXPECT_GE(offloading, 100u);
}

/// A slow link is not used where computing again is quicker, and computing again not where copies hide.
TEST(Solver, TheQuickerWayWins) {
  BlockProblem block;
  block.others = {0, 0};
  BlockProblem::Value value;
  value.bytes = 1000;
  value.seconds = 2;
  value.readAt = {1};
  value.canOffload = true;
  block.values = {value};
  auto least = [&](double rate) {
    block.link = {rate, 1e6, 1, 1};
    for (const BlockPattern &pattern : findPatterns(block))
      if (pattern.keptBytes == 0)
        return pattern;
    return BlockPattern();
  };
  BlockPattern fast = least(1000), slow = least(10);
  EXPECT_TRUE(fast.offloaded[0] && fast.kept[0]);
  EXPECT_LT(fast.seconds, 0.01);
  EXPECT_FALSE(slow.kept[0]);
  EXPECT_EQ(slow.seconds, 2);
}

/// Whether a choice stays within the limit, by the definition.
static bool fits(const std::vector<PatternedBlock> &blocks, const std::vector<int64_t> &choice, int64_t head,
                 int64_t limit, double &seconds, int64_t horizon = 0) {
  int64_t before = 0;
  seconds = 0;
  for (size_t b = 0; b < blocks.size(); ++b) {
    const BlockPattern &pattern = (*blocks[b].patterns)[choice[b]];
    int64_t back = 0;
    for (size_t ahead = b - std::min<size_t>(b, horizon); ahead < b; ++ahead)
      back += (*blocks[ahead].patterns)[choice[ahead]].offloadedBytes;
    if (before + back + pattern.peakBytes + blocks[b].shift > limit)
      return false;
    before += pattern.keptBytes;
    seconds += pattern.seconds;
  }
  return before + head <= limit;
}

/// A stitching fits, and the least time of all choices lies between the bound and it.
TEST(Solver, StitchingIsWithinItsBound) {
  int found = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Random random(1000 + seed);
    std::vector<BlockPattern> a = findPatterns(randomBlock(random, 6)), b = findPatterns(randomBlock(random, 4));
    std::vector<PatternedBlock> blocks;
    double choices = 1;
    for (int64_t i = 0, count = random.pick(1, 5); i < count; ++i) {
      blocks.push_back({random.pick(0, 1) ? &a : &b, random.pick(0, 20)});
      choices *= static_cast<double>(blocks.back().patterns->size());
    }
    if (choices > 50000)
      continue;
    int64_t head = random.pick(0, 30), limit = random.pick(20, 200);
    double best = std::numeric_limits<double>::infinity();
    std::vector<int64_t> choice(blocks.size());
    std::function<void(size_t)> all = [&](size_t at) {
      double seconds;
      if (at == blocks.size()) {
        if (fits(blocks, choice, head, limit, seconds))
          best = std::min(best, seconds);
        return;
      }
      for (choice[at] = 0; choice[at] < static_cast<int64_t>(blocks[at].patterns->size()); ++choice[at])
        all(at + 1);
    };
    all(0);
    std::optional<Stitching> result = stitch(blocks, head, limit);
    // Limits this small are counted byte by byte: the least time is found.
    ASSERT_EQ(result.has_value(), best < std::numeric_limits<double>::infinity()) << "seed " << seed;
    if (!result)
      continue;
    ++found;
    double seconds;
    EXPECT_TRUE(fits(blocks, result->pattern, head, limit, seconds)) << "seed " << seed;
    EXPECT_EQ(seconds, result->seconds) << "seed " << seed;
    EXPECT_EQ(result->seconds, best) << "seed " << seed;
    EXPECT_LE(result->bound, best) << "seed " << seed;
  }
  EXPECT_GE(found, 50);
}

/// With offloading a stitching fits, and the least time of all choices lies between its bound and it.
TEST(Solver, StitchingWithOffloading) {
  int found = 0, best = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Random random(2000 + seed);
    std::vector<BlockPattern> a = findPatterns(offloadable(random, randomBlock(random, 4))),
                              b = findPatterns(offloadable(random, randomBlock(random, 3)));
    std::vector<PatternedBlock> blocks;
    double choices = 1;
    for (int64_t i = 0, count = random.pick(2, 4); i < count; ++i) {
      blocks.push_back({random.pick(0, 1) ? &a : &b, random.pick(0, 20)});
      choices *= static_cast<double>(blocks.back().patterns->size());
    }
    if (choices > 50000)
      continue;
    int64_t head = random.pick(0, 30), limit = random.pick(20, 120), horizon = random.pick(1, 2);
    double least = std::numeric_limits<double>::infinity(), seconds;
    std::vector<int64_t> choice(blocks.size());
    std::function<void(size_t)> all = [&](size_t at) {
      if (at == blocks.size()) {
        if (fits(blocks, choice, head, limit, seconds, horizon))
          least = std::min(least, seconds);
        return;
      }
      for (choice[at] = 0; choice[at] < static_cast<int64_t>(blocks[at].patterns->size()); ++choice[at])
        all(at + 1);
    };
    all(0);
    std::optional<Stitching> result = stitch(blocks, head, limit, horizon);
    if (!result)
      continue;
    ++found;
    ASSERT_TRUE(fits(blocks, result->pattern, head, limit, seconds, horizon)) << "seed " << seed;
    EXPECT_DOUBLE_EQ(seconds, result->seconds) << "seed " << seed;
    EXPECT_LE(least, result->seconds + 1e-9) << "seed " << seed;
    EXPECT_LE(result->bound, least + 1e-9) << "seed " << seed;
    best += result->seconds <= least + 1e-9;
  }
  EXPECT_GE(found, 50);
  // What is on its way back depends on the way to a state: nearly always the best is found.
  EXPECT_GE(10 * best, 9 * found);
}

/// Eighty blocks with offloading, within the time.
TEST(Solver, EightyBlocksWithOffloading) {
  Random random(6);
  BlockProblem block = randomBlock(random, 14);
  // Sizes as a transformer has them: multiples of one another.
  for (BlockProblem::Value &value : block.values) {
    value.bytes = random.pick(1, 4) << 24;
    value.seconds *= 1e-4;
    value.canOffload = true;
  }
  for (int64_t &bytes : block.others)
    bytes = random.pick(1 << 20, 1 << 26);
  block.link = {55e9, 3.6e12, 4e-3, 8e-3};
  std::clock_t start = std::clock();
  std::vector<BlockPattern> patterns = findPatterns(block);
  std::vector<PatternedBlock> blocks;
  for (int64_t i = 0; i < 80; ++i)
    blocks.push_back({&patterns, (80 - i) << 20});
  int64_t most = 80 * patterns.front().keptBytes;
  std::optional<Stitching> result = stitch(blocks, 1 << 28, most / 2, 2);
  double elapsed = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  ASSERT_TRUE(result.has_value());
  double seconds;
  EXPECT_TRUE(fits(blocks, result->pattern, 1 << 28, most / 2, seconds, 2));
  EXPECT_LE(result->bound, result->seconds);
  EXPECT_LE(elapsed, 10);
  std::printf("%zu patterns, %.2f s, gap %.2f %%\n", patterns.size(), elapsed,
              100 * (1 - result->bound / result->seconds));
}

/// Eighty blocks of sizes that share no divisor: a feasible choice near its bound, within the time.
TEST(Solver, EightyBlocks) {
  Random random(5);
  BlockProblem block = randomBlock(random, 14);
  for (BlockProblem::Value &value : block.values)
    value.bytes = random.pick(1 << 20, 1 << 26);
  for (int64_t &bytes : block.others)
    bytes = random.pick(1 << 20, 1 << 26);
  std::clock_t start = std::clock();
  std::vector<BlockPattern> patterns = findPatterns(block);
  std::vector<PatternedBlock> blocks;
  for (int64_t i = 0; i < 80; ++i)
    blocks.push_back({&patterns, (80 - i) << 20});
  int64_t most = 80 * patterns.front().keptBytes;
  std::optional<Stitching> result = stitch(blocks, 1 << 28, most / 2);
  double elapsed = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  ASSERT_TRUE(result.has_value());
  double seconds;
  EXPECT_TRUE(fits(blocks, result->pattern, 1 << 28, most / 2, seconds));
  EXPECT_LE(result->bound, result->seconds);
  EXPECT_GE(result->bound, 0.9 * result->seconds);
  EXPECT_LE(elapsed, 10);
  std::printf("%zu patterns, %.2f s, gap %.2f %%\n", patterns.size(), elapsed,
              100 * (1 - result->bound / result->seconds));
}

//===- RandomTest.cpp - Philox, normal numbers and the shuffle ------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Random.h"
#include "data/Shuffle.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

using namespace weft::rt;

// The known answers of Random123 (kat_vectors, philox4x32 with 10 rounds).
TEST(Random, PhiloxKnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// The published values of FNV-1a.
TEST(Random, NameHashKnownAnswers) {
  EXPECT_EQ(hashName(""), 0xcbf29ce484222325u);
  EXPECT_EQ(hashName("a"), 0xaf63dc4c8601ec8cu);
  EXPECT_EQ(hashName("foobar"), 0x85944171f73967e8u);
}

// Element by element what the definition says, in double precision.
TEST(Random, NormalFollowsItsDefinition) {
  uint64_t seed = 0x123456789abcdef0, name = hashName("h.0.w");
  std::vector<float> values(1000);
  fillNormal(values.data(), 0, 1000, seed, name, 0.02f);
  for (uint32_t block = 0; block < 250; ++block) {
    auto w = philox({block, 0, uint32_t(name), uint32_t(name >> 32)}, {uint32_t(seed), uint32_t(seed >> 32)});
    for (int pair = 0; pair < 4; pair += 2) {
      double u = ((w[pair] >> 8) + 1) * 0x1p-24, angle = 2 * M_PI * (w[pair + 1] >> 8) * 0x1p-24;
      double radius = 0.02 * std::sqrt(-2 * std::log(u));
      EXPECT_NEAR(values[4 * block + pair], radius * std::cos(angle), 2e-8);
      EXPECT_NEAR(values[4 * block + pair + 1], radius * std::sin(angle), 2e-8);
    }
  }
}

// Any range gives the same numbers as the whole.
TEST(Random, NormalDoesNotDependOnTheRange) {
  std::vector<float> whole(5000), part(5000);
  fillNormal(whole.data(), 0, 5000, 1, 2, 1.0f);
  for (int64_t begin = 0, size = 1; begin < 5000; begin += size, size = size * 3 % 701 + 1)
    fillNormal(part.data() + begin, begin, std::min<int64_t>(size, 5000 - begin), 1, 2, 1.0f);
  EXPECT_EQ(whole, part);
}

TEST(Random, NormalHasItsMoments) {
  constexpr int64_t count = 1 << 20;
  std::vector<float> values(count);
  fillNormal(values.data(), int64_t(1) << 33, count, 42, 43, 1.0f);
  double sum = 0, squares = 0, fourth = 0, neighbours = 0;
  int64_t beyondThree = 0;
  for (int64_t i = 0; i < count; ++i) {
    double x = values[i];
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
    neighbours += i ? x * values[i - 1] : 0;
    beyondThree += std::fabs(x) > 3;
  }
  EXPECT_NEAR(sum / count, 0, 0.005);
  EXPECT_NEAR(squares / count, 1, 0.006);
  EXPECT_NEAR(fourth / count, 3, 0.05);
  EXPECT_NEAR(neighbours / count, 0, 0.005);
  EXPECT_NEAR(double(beyondThree) / count, 0.0027, 0.0003);
}

// Another seed or name gives other numbers.
TEST(Random, NormalDependsOnSeedAndName) {
  float a, b, c;
  fillNormal(&a, 0, 1, 1, 1, 1.0f);
  fillNormal(&b, 0, 1, 2, 1, 1.0f);
  fillNormal(&c, 0, 1, 1, 2, 1.0f);
  EXPECT_NE(a, b);
  EXPECT_NE(a, c);
  EXPECT_NE(b, c);
}

TEST(Shuffle, IsAPermutation) {
  for (uint64_t size : {1, 2, 3, 4, 5, 16, 17, 100, 1000, 4097})
    for (uint64_t epoch : {0, 1}) {
      Shuffle shuffle(size, 5, epoch);
      std::vector<bool> seen(size);
      for (uint64_t i = 0; i < size; ++i) {
        uint64_t to = shuffle(i);
        ASSERT_LT(to, size);
        ASSERT_FALSE(seen[to]) << size << " " << i;
        seen[to] = true;
      }
    }
}

// Few elements stay where they are, and another epoch or seed is another order.
TEST(Shuffle, MovesElements) {
  Shuffle first(10000, 5, 0), second(10000, 5, 1), other(10000, 6, 0);
  int fixed = 0, same = 0, sameSeed = 0, ascents = 0;
  for (uint64_t i = 0; i < 10000; ++i) {
    fixed += first(i) == i;
    same += first(i) == second(i);
    sameSeed += first(i) == other(i);
    ascents += i > 0 && first(i) > first(i - 1);
  }
  EXPECT_LT(fixed, 10);
  EXPECT_LT(same, 10);
  EXPECT_LT(sameSeed, 10);
  EXPECT_NEAR(ascents, 5000, 200);
}

TEST(Shuffle, LargeRanges) {
  uint64_t size = (uint64_t(1) << 40) + 12345;
  Shuffle shuffle(size, 1, 2);
  for (uint64_t i = 0; i < 1000; ++i)
    EXPECT_LT(shuffle(size - 1 - i), size);
}

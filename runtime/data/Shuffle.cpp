//===- Shuffle.cpp - A permutation that needs no array --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "data/Shuffle.h"

#include "core/Random.h"

using namespace weft::rt;

/// Enough for a permutation to look random; the number of rounds is part of the data order's definition.
static constexpr uint32_t kRounds = 6;

Shuffle::Shuffle(uint64_t size, uint64_t seed, uint64_t epoch) : size(size), seed(seed), epoch(epoch) {
  while (halfBits < 32 && (uint64_t(1) << (2 * halfBits)) < size)
    ++halfBits;
}

uint64_t Shuffle::encrypt(uint64_t value) const {
  uint32_t mask = halfBits == 32 ? ~uint32_t(0) : (uint32_t(1) << halfBits) - 1;
  uint32_t left = static_cast<uint32_t>(value >> halfBits) & mask, right = static_cast<uint32_t>(value) & mask;
  for (uint32_t round = 0; round < kRounds; ++round) {
    uint32_t mixed = philox({right, round, static_cast<uint32_t>(epoch), static_cast<uint32_t>(epoch >> 32)},
                            {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)})[0];
    uint32_t next = left ^ (mixed & mask);
    left = right;
    right = next;
  }
  return (uint64_t(left) << halfBits) | right;
}

uint64_t Shuffle::operator()(uint64_t index) const {
  // The network permutes a range less than four times as large, so a walk leaves it again after few steps.
  do
    index = encrypt(index);
  while (index >= size);
  return index;
}

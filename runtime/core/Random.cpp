//===- Random.cpp - Counter-based random numbers --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Random.h"

#include "core/NormalNumbers.h"

#include <cstring>

using namespace weft::rt;

namespace {

/// Counters that are worked on together, for vectorisation.
constexpr int kBlocks = 64;

struct Words {
  uint32_t w[4][kBlocks];
};

/// `out` gets 4 * kBlocks normal numbers, with the same bits from every clone.
__attribute__((target_clones("avx512f", "avx2", "default"))) void
normalBlocks(uint64_t firstBlock, uint64_t seed, uint64_t name, float deviation, float *out) {
  Words words;
  for (int i = 0; i < kBlocks; ++i) {
    uint64_t block = firstBlock + static_cast<uint64_t>(i);
    uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32);
    uint32_t c2 = static_cast<uint32_t>(name), c3 = static_cast<uint32_t>(name >> 32);
    philoxRounds(c0, c1, c2, c3, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
    words.w[0][i] = c0;
    words.w[1][i] = c1;
    words.w[2][i] = c2;
    words.w[3][i] = c3;
  }
  for (int pair = 0; pair < 4; pair += 2)
    for (int i = 0; i < kBlocks; ++i)
      normalPair(words.w[pair][i], words.w[pair + 1][i], deviation, out[4 * i + pair], out[4 * i + pair + 1]);
}

} // namespace

std::array<uint32_t, 4> weft::rt::philox(std::array<uint32_t, 4> c, std::array<uint32_t, 2> key) {
  philoxRounds(c[0], c[1], c[2], c[3], key[0], key[1]);
  return c;
}

uint64_t weft::rt::hashName(const std::string &name) {
  uint64_t hash = 0xCBF29CE484222325;
  for (unsigned char c : name)
    hash = (hash ^ c) * 0x100000001B3;
  return hash;
}

void weft::rt::fillNormal(float *to, int64_t begin, int64_t count, uint64_t seed, uint64_t name, float deviation) {
  float block[4 * kBlocks];
  for (int64_t end = begin + count; begin < end;) {
    int64_t firstBlock = begin / 4, skip = begin - 4 * firstBlock;
    normalBlocks(static_cast<uint64_t>(firstBlock), seed, name, deviation, block);
    int64_t take = 4 * kBlocks - skip < end - begin ? 4 * kBlocks - skip : end - begin;
    memcpy(to, block + skip, take * sizeof(float));
    to += take;
    begin += take;
  }
}

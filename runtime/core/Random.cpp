//===- Random.cpp - Counter-based random numbers --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Random.h"

#include <cmath>
#include <cstring>

using namespace weft::rt;

namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57, kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;

/// Counters that are worked on together, for vectorisation.
constexpr int kBlocks = 64;

struct Words {
  uint32_t w[4][kBlocks];
};

inline void philoxRounds(uint32_t &c0, uint32_t &c1, uint32_t &c2, uint32_t &c3, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = uint64_t(kMultiplier0) * c0, p1 = uint64_t(kMultiplier1) * c2;
    uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0, n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<uint32_t>(p1);
    c3 = static_cast<uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
}

inline float fromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

inline uint32_t toBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

/// log(x) for normal x > 0: the polynomial of Cephes' logf on [sqrt(1/2), sqrt(2)).
inline float logarithm(float x) {
  uint32_t bits = toBits(x), shifted = bits - 0x3F3504F3;
  float exponent = static_cast<float>(static_cast<int32_t>(shifted) >> 23);
  float m = fromBits((shifted & 0x007FFFFF) + 0x3F3504F3) - 1.0f;
  float z = m * m, p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float y = m * z * p - 2.12194440e-4f * exponent - 0.5f * z;
  return m + y + 0.693359375f * exponent;
}

/// Box and Muller on SoA words: `out` gets 4 * kBlocks normal numbers. Plain arithmetic and square roots, compiled
/// without contraction, give the same bits in every clone.
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
    for (int i = 0; i < kBlocks; ++i) {
      // 24 bits each: the radius from (0, 1], the angle, in quarter turns, from [0, 4).
      float u = static_cast<float>(static_cast<int32_t>(words.w[pair][i] >> 8) + 1) * 0x1p-24f;
      float turns = static_cast<float>(static_cast<int32_t>(words.w[pair + 1][i] >> 8)) * 0x1p-22f;
      float radius = std::sqrt(-2.0f * logarithm(u)) * deviation;
      int32_t quarter = static_cast<int32_t>(turns + 0.5f);
      float x = (turns - static_cast<float>(quarter)) * 1.57079632679f, z = x * x;
      float sine = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
      float cosine =
          ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
      float first = quarter & 1 ? sine : cosine, second = quarter & 1 ? cosine : sine;
      // cos is negative in the second and third quarter, sin in the third and fourth.
      out[4 * i + pair] = radius * ((quarter + 1) & 2 ? -first : first);
      out[4 * i + pair + 1] = radius * (quarter & 2 ? -second : second);
    }
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

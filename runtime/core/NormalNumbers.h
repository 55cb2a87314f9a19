//===- NormalNumbers.h - The arithmetic of random numbers -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For processors and GPUs alike: integers, sums, products and square roots that
// are rounded one by one. Compiled without contraction into fused operations,
// they give the same bits everywhere.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_NORMALNUMBERS_H
#define WEFT_CORE_NORMALNUMBERS_H

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define WEFT_EVERYWHERE __host__ __device__
#else
#define WEFT_EVERYWHERE
#endif

namespace weft::rt {

/// Ten rounds of Philox 4x32 on the counter c0 to c3 under the key k0, k1.
WEFT_EVERYWHERE inline void philoxRounds(uint32_t &c0, uint32_t &c1, uint32_t &c2, uint32_t &c3, uint32_t k0,
                                         uint32_t k1) {
  constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57, kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
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

WEFT_EVERYWHERE inline float floatFromBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

WEFT_EVERYWHERE inline uint32_t bitsOfFloat(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

/// log(x) for normal x > 0: the polynomial of Cephes' logf on [sqrt(1/2), sqrt(2)).
WEFT_EVERYWHERE inline float logarithm(float x) {
  uint32_t bits = bitsOfFloat(x), shifted = bits - 0x3F3504F3;
  float exponent = static_cast<float>(static_cast<int32_t>(shifted) >> 23);
  float m = floatFromBits((shifted & 0x007FFFFF) + 0x3F3504F3) - 1.0f;
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

/// Two words of Philox to two numbers of the normal distribution, by Box and Muller.
WEFT_EVERYWHERE inline void normalPair(uint32_t word0, uint32_t word1, float deviation, float &out0, float &out1) {
  // 24 bits each: the radius from (0, 1], the angle, in quarter turns, from [0, 4).
  float u = static_cast<float>(static_cast<int32_t>(word0 >> 8) + 1) * 0x1p-24f;
  float turns = static_cast<float>(static_cast<int32_t>(word1 >> 8)) * 0x1p-22f;
  float radius = std::sqrt(-2.0f * logarithm(u)) * deviation;
  int32_t quarter = static_cast<int32_t>(turns + 0.5f);
  float x = (turns - static_cast<float>(quarter)) * 1.57079632679f, z = x * x;
  float sine = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
  float cosine =
      ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
  float first = quarter & 1 ? sine : cosine, second = quarter & 1 ? cosine : sine;
  // cos is negative in the second and third quarter, sin in the third and fourth.
  out0 = radius * ((quarter + 1) & 2 ? -first : first);
  out1 = radius * (quarter & 2 ? -second : second);
}

} // namespace weft::rt

#endif // WEFT_CORE_NORMALNUMBERS_H

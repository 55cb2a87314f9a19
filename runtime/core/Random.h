//===- Random.h - Counter-based random numbers ------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy
// as 1, 2, 3", SC 2011). Every number is a function of a seed, a name and an
// index, so it does not matter which thread or rank asks for it.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_RANDOM_H
#define WEFT_CORE_RANDOM_H

#include <array>
#include <cstdint>
#include <string>

namespace weft::rt {

/// Ten rounds of Philox 4x32 on `counter` under `key`.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// The 64-bit FNV-1a hash.
uint64_t hashName(const std::string &name);

/// Writes elements [begin, begin + count) of the normal distribution (mean 0, `deviation`) that belongs to `seed` and
/// `name`. Elements 4i to 4i+3 come from the counter (i low, i high, hash low, hash high) under the key (seed low, seed
/// high): words 0, 1 and 2, 3 each give a pair by Box and Muller. The same bits on every machine.
void fillNormal(float *to, int64_t begin, int64_t count, uint64_t seed, uint64_t name, float deviation);

} // namespace weft::rt

#endif // WEFT_CORE_RANDOM_H

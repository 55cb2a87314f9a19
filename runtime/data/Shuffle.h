//===- Shuffle.h - A permutation that needs no array ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DATA_SHUFFLE_H
#define WEFT_DATA_SHUFFLE_H

#include <cstdint>

namespace weft::rt {

/// The permutation of [0, size) that belongs to a seed and an epoch: a Feistel network over the next power of four,
/// walked until it lands in the range (Black and Rogaway: "Ciphers with arbitrary finite domains", 2002).
class Shuffle {
public:
  Shuffle(uint64_t size, uint64_t seed, uint64_t epoch);

  /// Where position `index` goes; both in [0, size).
  uint64_t operator()(uint64_t index) const;

private:
  uint64_t encrypt(uint64_t value) const;

  uint64_t size, seed, epoch;
  /// Bits of one half.
  int halfBits = 1;
};

} // namespace weft::rt

#endif // WEFT_DATA_SHUFFLE_H

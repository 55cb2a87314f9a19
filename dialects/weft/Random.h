//===- Random.h - Counter-based random numbers, for reference -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_RANDOM_H
#define WEFT_DIALECTS_WEFT_RANDOM_H

#include <cstdint>

namespace weft {

/// The number in [0, 1) of element `index`, by Philox 4x32-10. Key words: the low halves of stream and seed. Counter
/// words: the index (low, high), then the high halves of stream and seed, so that all 64 bits of both count. The first
/// output word gives the number: its leading `bits` (at most 32), as a fraction.
double uniformNumber(uint64_t seed, uint64_t stream, uint64_t index, unsigned bits);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_RANDOM_H

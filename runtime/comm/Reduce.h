//===- Reduce.h - Several ranks' values into one ----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMM_REDUCE_H
#define WEFT_COMM_REDUCE_H

#include "core/DType.h"
#include "weft/collective.h"

#include <cstdint>

namespace weft::rt {

/// Reduces `count` elements of each of the `ranks` parts into `out`, which may be one of them. Always in the order of
/// the parts, so that the bits do not depend on who reduces or when; bf16 and f16 are added in f32 and rounded once.
/// A part that is not a number makes the maximum and the minimum that. Integers wrap around.
void reduceParts(DType dtype, ReduceOperation kind, const void *const *parts, int64_t ranks, void *out, int64_t count);

} // namespace weft::rt

#endif // WEFT_COMM_REDUCE_H

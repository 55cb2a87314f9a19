//===- Reduce.cpp - Several ranks' values into one ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "comm/Reduce.h"

#include <cstring>
#include <type_traits>

using namespace weft;
using namespace weft::rt;

/// Elements that are reduced together: they stay in the first cache.
static constexpr int64_t kTile = 512;

template <typename T>
static void combine(ReduceOperation kind, T *__restrict to, const T *__restrict from, int64_t count) {
  // Unsigned arithmetic wraps around where signed overflow would be undefined.
  using Word = typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::common_type<T>>::type;
  switch (kind) {
  case ReduceOperation::Sum:
    for (int64_t i = 0; i < count; ++i)
      to[i] = static_cast<T>(static_cast<Word>(to[i]) + static_cast<Word>(from[i]));
    return;
  case ReduceOperation::Product:
    for (int64_t i = 0; i < count; ++i)
      to[i] = static_cast<T>(static_cast<Word>(to[i]) * static_cast<Word>(from[i]));
    return;
  case ReduceOperation::Max:
    for (int64_t i = 0; i < count; ++i)
      to[i] = to[i] > from[i] || to[i] != to[i] ? to[i] : from[i];
    return;
  case ReduceOperation::Min:
    for (int64_t i = 0; i < count; ++i)
      to[i] = to[i] < from[i] || to[i] != to[i] ? to[i] : from[i];
    return;
  }
}

/// Parts of type T.
template <typename T>
static void reduceNative(ReduceOperation kind, const void *const *parts, int64_t ranks, void *out, int64_t count) {
  T sum[kTile];
  for (int64_t begin = 0; begin < count; begin += kTile) {
    int64_t tile = std::min(kTile, count - begin);
    memcpy(sum, static_cast<const T *>(parts[0]) + begin, tile * sizeof(T));
    for (int64_t rank = 1; rank < ranks; ++rank)
      combine(kind, sum, static_cast<const T *>(parts[rank]) + begin, tile);
    memcpy(static_cast<T *>(out) + begin, sum, tile * sizeof(T));
  }
}

/// Parts of a type of two bytes, by way of f32.
static void reduceNarrow(DType dtype, ReduceOperation kind, const void *const *parts, int64_t ranks, void *out,
                         int64_t count) {
  float sum[kTile], part[kTile];
  for (int64_t begin = 0; begin < count; begin += kTile) {
    int64_t tile = std::min(kTile, count - begin);
    for (int64_t rank = 0; rank < ranks; ++rank) {
      const char *from = static_cast<const char *>(parts[rank]) + begin * 2;
      convertElements(from, dtype, rank == 0 ? sum : part, DType::F32, tile);
      if (rank > 0)
        combine(kind, sum, part, tile);
    }
    convertElements(sum, DType::F32, static_cast<char *>(out) + begin * 2, dtype, tile);
  }
}

void weft::rt::reduceParts(DType dtype, ReduceOperation kind, const void *const *parts, int64_t ranks, void *out,
                           int64_t count) {
  switch (dtype) {
  case DType::F32:
    return reduceNative<float>(kind, parts, ranks, out, count);
  case DType::F64:
    return reduceNative<double>(kind, parts, ranks, out, count);
  case DType::I64:
    return reduceNative<int64_t>(kind, parts, ranks, out, count);
  case DType::I32:
    return reduceNative<int32_t>(kind, parts, ranks, out, count);
  default:
    return reduceNarrow(dtype, kind, parts, ranks, out, count);
  }
}

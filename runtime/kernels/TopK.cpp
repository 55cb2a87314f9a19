//===- TopK.cpp - The first elements of an order --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Each line keeps the best elements so far in its own part of the results, as
// a heap whose root is the worst of them: no memory besides, size * log k
// comparisons at most, and mostly one for each element.
//
//===----------------------------------------------------------------------===//

#include "kernels/TopK.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace weft::rt {

namespace {

/// A 16-bit float in memory.
struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};

template <typename T> T numberOf(T element) { return element; }

float numberOf(BFloat element) {
  uint32_t wide = static_cast<uint32_t>(element.bits) << 16;
  float number;
  memcpy(&number, &wide, sizeof(number));
  return number;
}

float numberOf(Half element) {
  int exponent = (element.bits >> 10) & 31;
  float fraction = static_cast<float>(element.bits & 1023);
  float magnitude = exponent == 0    ? std::ldexp(fraction, -24)
                    : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                     : std::ldexp(1024 + fraction, exponent - 25);
  return element.bits & 0x8000 ? -magnitude : magnitude;
}

template <typename N> bool isLarger(N a, N b) {
  if constexpr (std::is_floating_point_v<N>)
    if (std::isnan(a))
      return !std::isnan(b);
  return a > b;
}

/// One line: `stride` elements lie between two of its elements, in the input and in the results.
template <typename T, bool smallest> class Line {
public:
  Line(const T *input, T *values, int64_t *indices, int64_t stride)
      : input(input), values(values), indices(indices), stride(stride) {}

  void select(int64_t size, int64_t k) {
    for (int64_t i = 0; i < k; ++i)
      put(i, {input[i * stride], i});
    for (int64_t i = k / 2 - 1; i >= 0; --i)
      sink(i, k);
    for (int64_t i = k; i < size; ++i) {
      Element next{input[i * stride], i};
      if (isBetter(next, get(0))) {
        put(0, next);
        sink(0, k);
      }
    }
    // The worst goes last, then the worst of the others.
    for (int64_t last = k - 1; last > 0; --last) {
      Element worst = get(0);
      put(0, get(last));
      put(last, worst);
      sink(0, last);
    }
  }

private:
  struct Element {
    T value;
    int64_t index;
  };

  static bool isBetter(const Element &a, const Element &b) {
    auto x = numberOf(a.value), y = numberOf(b.value);
    if (smallest ? isLarger(y, x) : isLarger(x, y))
      return true;
    return !(smallest ? isLarger(x, y) : isLarger(y, x)) && a.index < b.index;
  }
  Element get(int64_t i) const { return {values[i * stride], indices[i * stride]}; }
  void put(int64_t i, Element element) {
    values[i * stride] = element.value;
    indices[i * stride] = element.index;
  }
  /// Restores the heap of the first `count` elements below i: each is better than its parent.
  void sink(int64_t i, int64_t count) {
    Element moving = get(i);
    while (2 * i + 1 < count) {
      int64_t child = 2 * i + 1;
      if (child + 1 < count && isBetter(get(child), get(child + 1)))
        ++child;
      if (!isBetter(moving, get(child)))
        break;
      put(i, get(child));
      i = child;
    }
    put(i, moving);
  }

  const T *input;
  T *values;
  int64_t *indices;
  int64_t stride;
};

template <typename T> void run(const TopKDesc &desc, const void *input, void *values, int64_t *indices, int threads) {
  if (desc.k <= 0)
    return;
  int64_t lines = desc.outer * desc.inner;
  // Fewer elements than this cost more to hand out than to look at.
  constexpr int64_t kWork = 16384;
  int64_t parts =
      std::clamp<int64_t>(lines * desc.size / kWork, 1, std::max<int64_t>(1, std::min<int64_t>(threads, lines)));
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(parts)) if (parts > 1)
  for (int64_t part = 0; part < parts; ++part)
    for (int64_t i = lines * part / parts; i < lines * (part + 1) / parts; ++i) {
      int64_t o = i / desc.inner, j = i % desc.inner;
      const T *from = static_cast<const T *>(input) + o * desc.size * desc.inner + j;
      int64_t to = o * desc.k * desc.inner + j;
      if (desc.smallest)
        Line<T, true>(from, static_cast<T *>(values) + to, indices + to, desc.inner).select(desc.size, desc.k);
      else
        Line<T, false>(from, static_cast<T *>(values) + to, indices + to, desc.inner).select(desc.size, desc.k);
    }
}

} // namespace

const char *topK(const TopKDesc &desc, const void *input, void *values, int64_t *indices, int threads) {
  switch (desc.dtype) {
  case DType::F32:
    run<float>(desc, input, values, indices, threads);
    return nullptr;
  case DType::F64:
    run<double>(desc, input, values, indices, threads);
    return nullptr;
  case DType::F16:
    run<Half>(desc, input, values, indices, threads);
    return nullptr;
  case DType::BF16:
    run<BFloat>(desc, input, values, indices, threads);
    return nullptr;
  case DType::I64:
    run<int64_t>(desc, input, values, indices, threads);
    return nullptr;
  case DType::I32:
    run<int32_t>(desc, input, values, indices, threads);
    return nullptr;
  case DType::I16:
    run<int16_t>(desc, input, values, indices, threads);
    return nullptr;
  case DType::I8:
    run<int8_t>(desc, input, values, indices, threads);
    return nullptr;
  case DType::I1:
  case DType::U8:
    run<uint8_t>(desc, input, values, indices, threads);
    return nullptr;
  default:
    return "elements of a type that cannot be compared";
  }
}

} // namespace weft::rt

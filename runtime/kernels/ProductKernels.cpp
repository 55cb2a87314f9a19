//===- ProductKernels.cpp - Packing and the register tile of a product ----===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled once per instruction set (WEFT_VARIANT, WEFT_LANES floats in a
// vector, WEFT_ROWS rows in a register tile). The scheme is that of Goto and van
// de Geijn, Anatomy of high-performance matrix multiplication (2008): blocks of
// both operands are packed in the order in which the register tile reads them.
//
// Everything but the table at the end has internal linkage, and no header with
// inline functions is included: a function with wide instructions must never be
// the one that the linker keeps for everybody.
//
//===----------------------------------------------------------------------===//

#include "kernels/ProductKernels.h"

using weft::rt::ProductKernels;
using weft::rt::ProductOperand;
using weft::rt::ProductStart;

namespace {

constexpr int kLanes = WEFT_LANES, kRows = WEFT_ROWS, kColumns = 2 * kLanes;

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef float VecMemory __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));
typedef uint32_t Bits __attribute__((vector_size(kLanes * 4)));
typedef uint16_t Half __attribute__((vector_size(kLanes * 2)));
typedef uint16_t HalfMemory __attribute__((vector_size(kLanes * 2), aligned(2), may_alias));

inline Vec load(const float *from) { return *reinterpret_cast<const VecMemory *>(from); }
inline void store(float *to, Vec value) { *reinterpret_cast<VecMemory *>(to) = value; }

inline float widen(float value) { return value; }
inline float widen(uint16_t value) {
  uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  __builtin_memcpy(&result, &bits, 4);
  return result;
}
inline Vec loadWide(const float *from) { return load(from); }
inline Vec loadWide(const uint16_t *from) {
  Bits bits = __builtin_convertvector(*reinterpret_cast<const HalfMemory *>(from), Bits) << 16;
  return reinterpret_cast<Vec>(bits);
}

//===----------------------------------------------------------------------===//
// Packing
//===----------------------------------------------------------------------===//

/// One panel: to[d * Width + i] = from[i * stride + d * depthStride] for i below `count`, 0 for the others.
template <int Width, typename Element>
void packPanel(const Element *from, int64_t stride, int64_t depthStride, int64_t count, int64_t depth, float *to) {
  if (count < Width) {
    for (int64_t d = 0; d < depth; ++d, from += depthStride, to += Width)
      for (int64_t i = 0; i < Width; ++i)
        to[i] = i < count ? widen(from[i * stride]) : 0.0f;
    return;
  }
  if (stride == 1) {
    for (int64_t d = 0; d < depth; ++d, from += depthStride, to += Width) {
      if constexpr (Width % kLanes == 0) {
#pragma GCC unroll 2
        for (int i = 0; i < Width; i += kLanes)
          store(to + i, loadWide(from + i));
      } else {
#pragma GCC unroll 16
        for (int i = 0; i < Width; ++i)
          to[i] = widen(from[i]);
      }
    }
    return;
  }
  if (depthStride == 1) {
    // Short runs along each row: few enough for all rows' lines to stay in the first-level cache.
    for (int64_t d = 0; d < depth; ++d, ++from, to += Width)
#pragma GCC unroll 64
      for (int i = 0; i < Width; ++i)
        to[i] = widen(from[i * stride]);
    return;
  }
  for (int64_t d = 0; d < depth; ++d, from += depthStride, to += Width)
    for (int i = 0; i < Width; ++i)
      to[i] = widen(from[i * stride]);
}

template <int Width, typename Element>
void packPanels(const Element *from, int64_t stride, int64_t depthStride, int64_t extent, int64_t depth, float *to) {
  for (int64_t i = 0; i < extent; i += Width, to += Width * depth)
    packPanel<Width>(from + i * stride, stride, depthStride, extent - i < Width ? extent - i : Width, depth, to);
}

void packLeft(const ProductOperand &from, int64_t rows, int64_t depth, float *to) {
  if (from.bf16)
    packPanels<kRows>(static_cast<const uint16_t *>(from.data), from.rowStride, from.columnStride, rows, depth, to);
  else
    packPanels<kRows>(static_cast<const float *>(from.data), from.rowStride, from.columnStride, rows, depth, to);
}

void packRight(const ProductOperand &from, int64_t depth, int64_t columns, float *to) {
  if (from.bf16)
    packPanels<kColumns>(static_cast<const uint16_t *>(from.data), from.columnStride, from.rowStride, columns, depth,
                         to);
  else
    packPanels<kColumns>(static_cast<const float *>(from.data), from.columnStride, from.rowStride, columns, depth, to);
}

//===----------------------------------------------------------------------===//
// The register tile
//===----------------------------------------------------------------------===//

/// One tile: c[r][v] = start + sum over k of left[k][r] * right[k][v]. All loops over the tile are unrolled by request,
/// or the sums would live in memory.
template <ProductStart start>
__attribute__((noinline)) void tile(int64_t depth, const float *left, const float *right, float *c, int64_t cStride,
                                    const float *bias) {
  Vec sum[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r)
    __builtin_prefetch(c + r * cStride, 1);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v)
      sum[r][v] = Vec{};
  }
#pragma GCC unroll 4
  for (int64_t k = 0; k < depth; ++k) {
    Vec wide[2] = {load(right), load(right + kLanes)};
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float scalar = left[r];
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v)
        sum[r][v] += scalar * wide[v];
    }
    left += kRows;
    right += kColumns;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      if constexpr (start == ProductStart::Keep)
        sum[r][v] += load(c + r * cStride + v * kLanes);
      else if constexpr (start == ProductStart::Bias)
        sum[r][v] += load(bias + v * kLanes);
      store(c + r * cStride + v * kLanes, sum[r][v]);
    }
  }
}

/// A tile of which only `rows` x `columns` belong to the result.
void edgeTile(int64_t rows, int64_t columns, int64_t depth, const float *left, const float *right, float *c,
              int64_t cStride, ProductStart start, const float *bias) {
  alignas(64) float whole[kRows * kColumns];
  tile<ProductStart::Zero>(depth, left, right, whole, kColumns, nullptr);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < columns; ++i) {
      float *at = c + r * cStride + i;
      float before = start == ProductStart::Keep ? *at : start == ProductStart::Bias ? bias[i] : 0.0f;
      *at = whole[r * kColumns + i] + before;
    }
}

void multiply(int64_t rows, int64_t columns, int64_t depth, const float *left, const float *right, float *c,
              int64_t cStride, ProductStart start, const float *bias) {
  for (int64_t column = 0; column < columns; column += kColumns) {
    const float *panel = right + column * depth;
    const float *offset = bias ? bias + column : nullptr;
    for (int64_t row = 0; row < rows; row += kRows) {
      float *at = c + row * cStride + column;
      if (rows - row < kRows || columns - column < kColumns) {
        int64_t height = rows - row < kRows ? rows - row : kRows;
        int64_t width = columns - column < kColumns ? columns - column : kColumns;
        edgeTile(height, width, depth, left + row * depth, panel, at, cStride, start, offset);
      } else if (start == ProductStart::Keep) {
        tile<ProductStart::Keep>(depth, left + row * depth, panel, at, cStride, nullptr);
      } else if (start == ProductStart::Bias) {
        tile<ProductStart::Bias>(depth, left + row * depth, panel, at, cStride, offset);
      } else {
        tile<ProductStart::Zero>(depth, left + row * depth, panel, at, cStride, nullptr);
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

inline uint16_t narrow(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  uint32_t rounded = bits + 0x7FFF + ((bits >> 16) & 1);
  // A NaN stays one whatever its low bits are.
  return static_cast<uint16_t>((value == value ? rounded : bits | 0x400000) >> 16);
}

void roundToBf16(int64_t rows, int64_t columns, const float *from, int64_t fromStride, uint16_t *to, int64_t toStride,
                 bool add) {
  for (int64_t r = 0; r < rows; ++r, from += fromStride, to += toStride) {
    if (add) {
      for (int64_t i = 0; i < columns; ++i)
        to[i] = narrow(from[i] + widen(to[i]));
    } else {
      for (int64_t i = 0; i < columns; ++i)
        to[i] = narrow(from[i]);
    }
  }
}

} // namespace

#define WEFT_JOIN_(a, b) a##b
#define WEFT_JOIN(a, b) WEFT_JOIN_(a, b)
#define WEFT_TEXT_(a) #a
#define WEFT_TEXT(a) WEFT_TEXT_(a)

namespace weft::rt {
extern const ProductKernels WEFT_JOIN(productKernels_, WEFT_VARIANT);
const ProductKernels WEFT_JOIN(productKernels_, WEFT_VARIANT) = {
    WEFT_TEXT(WEFT_VARIANT), kRows, kColumns, packLeft, packRight, multiply, roundToBf16};
} // namespace weft::rt

//===- AttentionKernels.cpp - Blocked attention for one instruction set ---===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled once per instruction set (WEFT_VARIANT, WEFT_LANES floats in a
// vector, WEFT_ROWS rows in a register tile). The forward pass is that of
// FlashAttention-2 (Dao, 2023): a block of queries walks over blocks of keys
// with a running maximum and sum. The backward pass walks over blocks of keys,
// and within one over all queries that see it, recomputing the probabilities
// from the saved log-sum-exp.
//
// All five products are one register tile: WEFT_ROWS rows by one or two vectors,
// its left operand broadcast element by element, its right operand packed into
// panels of the tile's width. Packing pads with zeros, so that tiles are whole.
//
// Everything but the table at the end has internal linkage, and no header with
// inline functions is included: a function with wide instructions must never be
// the one that the linker keeps for everybody.
//
//===----------------------------------------------------------------------===//

#include "kernels/AttentionKernels.h"

using weft::rt::AttentionBuffers;
using weft::rt::AttentionDesc;
using weft::rt::AttentionKernels;

namespace {

constexpr int kLanes = WEFT_LANES, kRows = WEFT_ROWS;

/// Queries and keys of one block of scores: 18 KiB, half of a first-level cache.
constexpr int kQueryBlock = 48, kKeyBlock = 96;

/// Queries of a forward part, whose packed keys are reused this often; keys of a backward part.
constexpr int kForwardQueries = 6 * kQueryBlock, kBackwardKeys = 2 * kKeyBlock;

static_assert(kQueryBlock % kRows == 0 && kKeyBlock % kRows == 0 && kKeyBlock % (2 * kLanes) == 0,
              "blocks are whole tiles");

typedef float Vec __attribute__((vector_size(kLanes * 4)));
typedef unsigned VecBits __attribute__((vector_size(kLanes * 4)));
typedef float VecMemory __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

constexpr float kInfinity = __builtin_inff();

inline Vec load(const float *from) { return *reinterpret_cast<const VecMemory *>(from); }
inline void store(float *to, Vec value) { *reinterpret_cast<VecMemory *>(to) = value; }

inline Vec splat(float value) {
  Vec result;
  for (int i = 0; i < kLanes; ++i)
    result[i] = value;
  return result;
}

inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t roundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

/// e^x for x at or not far above 0: 2 to the nearest integer times a polynomial of degree 6 (error 3e-9, the rest
/// is rounding). Below the normal numbers it is 0, as for -inf; NaN stays NaN.
inline Vec exponential(Vec x) {
  const float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer, which its low bits then hold.
  Vec y = x * 1.44269504088896341f;
  Vec shifted = y + magic;
  Vec f = y - (shifted - magic);
  Vec p = splat(0.000154614447f);
  p = p * f + 0.00134004282f;
  p = p * f + 0.00961805668f;
  p = p * f + 0.0555032723f;
  p = p * f + 0.240226509f;
  p = p * f + 0.693147207f;
  p = p * f + 1.0f;
  // Far below the normal numbers this wraps around, as only unsigned numbers may; the result is not used there.
  VecBits exponent = (reinterpret_cast<VecBits>(shifted) - 0x4B400000u) << 23;
  Vec result = reinterpret_cast<Vec>(reinterpret_cast<VecBits>(p) + exponent);
  return y < -126.0f ? splat(0.0f) : result;
}

inline float exponential(float x) { return exponential(splat(x))[0]; }

/// The numbers from 0 to kLanes, for shuffles.
template <int... Lane> struct Lanes {};
template <int Count, int... Lane> struct LanesUpTo : LanesUpTo<Count - 1, Count - 1, Lane...> {};
template <int... Lane> struct LanesUpTo<0, Lane...> { using type = Lanes<Lane...>; };
using AllLanes = LanesUpTo<kLanes>::type;

template <int Distance, int... Lane> inline Vec rotate(Vec value, Lanes<Lane...>) {
  return __builtin_shufflevector(value, value, (Lane + Distance) % kLanes...);
}

template <int Distance = kLanes / 2> inline float maximumOf(Vec value) {
  Vec other = rotate<Distance>(value, AllLanes());
  value = value > other ? value : other;
  if constexpr (Distance > 1)
    return maximumOf<Distance / 2>(value);
  else
    return value[0];
}

template <int Distance = kLanes / 2> inline float sumOf(Vec value) {
  value += rotate<Distance>(value, AllLanes());
  if constexpr (Distance > 1)
    return sumOf<Distance / 2>(value);
  else
    return value[0];
}

/// Two by two, rows trade blocks of Distance lanes: the second block of a row for the first one of the row that is
/// Distance further.
template <int Distance, int... Lane> inline void tradeBlocks(Vec *rows, Lanes<Lane...>) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if (i & Distance)
      continue;
    Vec a = rows[i], b = rows[i + Distance];
    rows[i] = __builtin_shufflevector(a, b, (Lane & Distance ? kLanes + Lane - Distance : Lane)...);
    rows[i + Distance] = __builtin_shufflevector(a, b, (Lane & Distance ? kLanes + Lane : Lane + Distance)...);
  }
}

/// Transposes a square of kLanes rows.
template <int Distance = kLanes / 2> inline void transpose(Vec *rows) {
  tradeBlocks<Distance>(rows, AllLanes());
  if constexpr (Distance > 1)
    transpose<Distance / 2>(rows);
}

/// What a tile starts from: zeros, what is there, or what is there times the row's factor.
enum class Start { Zero, Keep, Scale };

/// One tile: c[r][v] = start + sum over k of a[r * RowStride + k * DepthStride] * b[k][v]. All loops over the tile are
/// unrolled by request, or the sums would live in memory.
template <int Width, int RowStride, int DepthStride, Start start>
__attribute__((noinline)) void productTile(int64_t depth, const float *a, const float *b, float *c, int64_t cStride,
                                           const float *factors) {
  Vec sum[kRows][Width];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < Width; ++v) {
      if constexpr (start == Start::Zero)
        sum[r][v] = Vec{};
      else if constexpr (start == Start::Keep)
        sum[r][v] = load(c + r * cStride + v * kLanes);
      else
        sum[r][v] = load(c + r * cStride + v * kLanes) * factors[r];
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    Vec right[Width];
#pragma GCC unroll 2
    for (int v = 0; v < Width; ++v)
      right[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float left = a[r * RowStride];
#pragma GCC unroll 2
      for (int v = 0; v < Width; ++v)
        sum[r][v] += left * right[v];
    }
    a += DepthStride;
    b += Width * kLanes;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < Width; ++v)
      store(c + r * cStride + v * kLanes, sum[r][v]);
  }
}

/// C = A * B, C += A * B or C = diag(factors) * C + A * B. `rows` is a multiple of kRows and `columns` of kLanes. Row
/// panel p of A starts at a + p * panelStride; B is packed in panels (packRows, packColumns) with `bDepth` rows.
template <int RowStride, int DepthStride, Start start>
void multiply(int64_t rows, int64_t columns, int64_t depth, const float *a, int64_t panelStride, const float *b,
              int64_t bDepth, float *c, int64_t cStride, const float *factors = nullptr) {
  int64_t column = 0;
  for (; column + 2 * kLanes <= columns; column += 2 * kLanes)
    for (int64_t row = 0; row < rows; row += kRows)
      productTile<2, RowStride, DepthStride, start>(depth, a + row / kRows * panelStride, b + column * bDepth,
                                                    c + row * cStride + column, cStride,
                                                    factors ? factors + row : nullptr);
  if (column < columns)
    for (int64_t row = 0; row < rows; row += kRows)
      productTile<1, RowStride, DepthStride, start>(depth, a + row / kRows * panelStride, b + column * bDepth,
                                                    c + row * cStride + column, cStride,
                                                    factors ? factors + row : nullptr);
}

/// A matrix in memory: element (i, j) at data[i * rowStride + j * columnStride].
struct Matrix {
  const float *data;
  int64_t rowStride, columnStride;
};

inline Matrix matrixOf(const float *data, const int64_t (&strides)[4], int64_t batch, int64_t position, int64_t head) {
  return {data + batch * strides[0] + position * strides[1] + head * strides[2], strides[1], strides[3]};
}

/// Loads the first `count` of kLanes rows that lie `stride` apart, dense, and transposes them; zeros for the others.
inline void loadTransposed(const float *from, int64_t stride, int64_t count, float scale, Vec *square) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i)
    square[i] = i < count ? load(from + i * stride) * scale : Vec{};
  transpose(square);
}

/// What packLeft may write behind the panels: the rest of a last vector.
constexpr int64_t kBehindPanels = kLanes;

/// One panel of kRows dense rows by squares. A vector that is longer than the rest of its row is stored whole, and what
/// is behind the row is written by the next one.
inline void packDensePanel(const float *from, int64_t stride, int64_t count, int64_t depth, float scale, float *to) {
  constexpr int kSquares = (kRows + kLanes - 1) / kLanes;
  for (int64_t k = 0; k < depth; k += kLanes) {
    Vec squares[kSquares][kLanes];
    for (int s = 0; s < kSquares; ++s)
      loadTransposed(from + s * kLanes * stride + k, stride, least(kRows, count) - s * kLanes, scale, squares[s]);
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i)
      for (int s = 0; s < kSquares; ++s)
        store(to + (k + i) * kRows + s * kLanes, squares[s][i]);
  }
}

/// Packs rows [0, rows) as the left operand, panels of kRows rows with the depth outermost, times `scale`.
void packLeft(const Matrix &from, int64_t rows, int64_t depth, float scale, float *to) {
  for (int64_t row = 0; row < rows; row += kRows) {
    int64_t count = least(kRows, rows - row);
    const float *source = from.data + row * from.rowStride;
    if (from.columnStride == 1 && depth % kLanes == 0) {
      packDensePanel(source, from.rowStride, count, depth, scale, to);
      to += depth * kRows;
      continue;
    }
    for (int64_t k = 0; k < depth; ++k, to += kRows)
      for (int64_t r = 0; r < kRows; ++r)
        to[r] = r < count ? source[r * from.rowStride + k * from.columnStride] * scale : 0.0f;
  }
}

/// Packs the transpose of rows [0, rows) as the right operand: its columns are the rows, padded to whole vectors. A
/// panel is two vectors wide, the last one if need be a single one.
void packColumns(const Matrix &from, int64_t rows, int64_t depth, float *to) {
  int64_t padded = roundUp(rows, kLanes);
  for (int64_t column = 0; column < padded;) {
    int64_t width = column + 2 * kLanes <= padded ? 2 * kLanes : kLanes, count = least(width, rows - column);
    const float *source = from.data + column * from.rowStride;
    if (from.columnStride == 1 && depth % kLanes == 0) {
      for (int64_t first = 0; first < width; first += kLanes)
        for (int64_t k = 0; k < depth; k += kLanes) {
          Vec square[kLanes];
          loadTransposed(source + first * from.rowStride + k, from.rowStride, count - first, 1.0f, square);
#pragma GCC unroll 16
          for (int i = 0; i < kLanes; ++i)
            store(to + (k + i) * width + first, square[i]);
        }
      to += depth * width;
      column += width;
      continue;
    }
    for (int64_t k = 0; k < depth; ++k, to += width)
      for (int64_t c = 0; c < width; ++c)
        to[c] = c < count ? source[c * from.rowStride + k * from.columnStride] : 0.0f;
    column += width;
  }
}

/// Columns to compute for the first `needed` of `rows` packed ones: whole panels.
inline int64_t packedColumns(int64_t needed, int64_t rows) {
  return least(roundUp(needed, 2 * kLanes), roundUp(rows, kLanes));
}

/// Packs rows [0, rows) as the right operand, rows being the depth, padded to `paddedRows` and to whole vectors.
void packRows(const Matrix &from, int64_t rows, int64_t paddedRows, int64_t columns, float *to) {
  int64_t padded = roundUp(columns, kLanes);
  for (int64_t column = 0; column < padded;) {
    int64_t width = column + 2 * kLanes <= padded ? 2 * kLanes : kLanes, count = least(width, columns - column);
    for (int64_t row = 0; row < paddedRows; ++row, to += width) {
      const float *source = from.data + row * from.rowStride + column * from.columnStride;
      if (row < rows && count == width && from.columnStride == 1) {
        for (int64_t c = 0; c < width; c += kLanes)
          store(to + c, load(source + c));
      } else {
        for (int64_t c = 0; c < width; ++c)
          to[c] = row < rows && c < count ? source[c * from.columnStride] : 0.0f;
      }
    }
    column += width;
  }
}

/// Keys of the block at `keyBegin`, of `keys` keys, that query `query` may see: the first ones. May be negative.
inline int64_t visibleKeys(const AttentionDesc &desc, int64_t query, int64_t keyBegin, int64_t keys) {
  return desc.causal ? least(query + desc.keys - desc.queries + 1 - keyBegin, keys) : keys;
}

/// Adds the mask and hides invisible keys in one row of scores of `padded` columns.
void maskRow(const AttentionDesc &desc, const void *mask, int64_t batch, int64_t head, int64_t query, int64_t keyBegin,
             int64_t visible, int64_t padded, float *row) {
  if (mask) {
    int64_t offset = batch * desc.maskStrides[0] + head * desc.maskStrides[1] + query * desc.maskStrides[2] +
                     keyBegin * desc.maskStrides[3];
    int64_t step = desc.maskStrides[3];
    if (desc.mask == AttentionDesc::Additive) {
      const float *bias = static_cast<const float *>(mask) + offset;
      if (step == 1)
        for (int64_t s = 0; s < visible; ++s)
          row[s] += bias[s];
      else
        for (int64_t s = 0; s < visible; ++s)
          row[s] += bias[s * step];
    } else {
      const uint8_t *seen = static_cast<const uint8_t *>(mask) + offset;
      for (int64_t s = 0; s < visible; ++s)
        row[s] = seen[s * step] ? row[s] : -kInfinity;
    }
  }
  for (int64_t s = most(visible, 0); s < padded; ++s)
    row[s] = -kInfinity;
}

/// Hands out consecutive, 64-byte aligned parts of a thread's workspace.
struct Cursor {
  float *next;
  int64_t used = 0;

  float *take(int64_t floats) {
    float *result = next ? next + used : nullptr;
    used += roundUp(floats, 16);
    return result;
  }
};

struct ForwardSpace {
  float *queries, *keys, *values, *scores, *sums, *maxima, *totals, *factors;
  int64_t floats;

  ForwardSpace(const AttentionDesc &desc, float *workspace) {
    Cursor cursor{workspace};
    queries = cursor.take(kForwardQueries * desc.head + kBehindPanels);
    keys = cursor.take(kKeyBlock * desc.head);
    values = cursor.take(kKeyBlock * roundUp(desc.valueHead, kLanes));
    scores = cursor.take(kQueryBlock * kKeyBlock);
    sums = cursor.take(kForwardQueries * roundUp(desc.valueHead, kLanes));
    maxima = cursor.take(kForwardQueries);
    totals = cursor.take(kForwardQueries);
    factors = cursor.take(kQueryBlock);
    floats = cursor.used;
  }
};

/// Turns one block of scores into probabilities against the running maximum, and says by which factor the sums so far
/// shrink. `rows` queries from `query` on.
void softmaxBlock(const AttentionDesc &desc, const AttentionBuffers &buffers, int64_t batch, int64_t head,
                  int64_t query, int64_t rows, int64_t keyBegin, int64_t keys, int64_t padded, float *scores,
                  float *maxima, float *totals, float *factors) {
  for (int64_t r = 0; r < rows; ++r) {
    float *row = scores + r * kKeyBlock;
    int64_t visible = visibleKeys(desc, query + r, keyBegin, keys);
    if (buffers.mask || visible < padded)
      maskRow(desc, buffers.mask, batch, head, query + r, keyBegin, visible, padded, row);
    Vec highest = load(row);
    for (int64_t s = kLanes; s < padded; s += kLanes) {
      Vec value = load(row + s);
      highest = value > highest ? value : highest;
    }
    float maximum = maximumOf(highest);
    maximum = maxima[r] > maximum ? maxima[r] : maximum;
    if (maximum == -kInfinity) { // Nothing seen so far: the difference of infinities would be NaN.
      factors[r] = 1.0f;
      for (int64_t s = 0; s < padded; s += kLanes)
        store(row + s, Vec{});
      continue;
    }
    Vec total = Vec{};
    for (int64_t s = 0; s < padded; s += kLanes) {
      Vec value = exponential(load(row + s) - maximum);
      store(row + s, value);
      total += value;
    }
    factors[r] = exponential(maxima[r] - maximum);
    totals[r] = totals[r] * factors[r] + sumOf(total);
    maxima[r] = maximum;
  }
  for (int64_t r = rows; r < roundUp(rows, kRows); ++r)
    factors[r] = 1.0f;
}

void forward(const AttentionDesc &desc, const AttentionBuffers &buffers, int64_t batch, int64_t head, int64_t begin,
             int64_t end, float *workspace) {
  ForwardSpace space(desc, workspace);
  int64_t kvHead = head / (desc.heads / desc.kvHeads), columns = roundUp(desc.valueHead, kLanes);
  // A block of queries starts on a whole tile, because kQueryBlock is a multiple of kRows.
  packLeft(matrixOf(buffers.q, desc.q, batch, begin, head), end - begin, desc.head, desc.scale, space.queries);
  for (int64_t i = 0; i < roundUp(end - begin, kRows) * columns; ++i)
    space.sums[i] = 0;
  for (int64_t i = 0; i < end - begin; ++i) {
    space.maxima[i] = -kInfinity;
    space.totals[i] = 0;
  }
  int64_t lastKey = visibleKeys(desc, end - 1, 0, desc.keys);
  for (int64_t keyBegin = 0; keyBegin < lastKey; keyBegin += kKeyBlock) {
    int64_t keys = least(kKeyBlock, desc.keys - keyBegin);
    packColumns(matrixOf(buffers.k, desc.k, batch, keyBegin, kvHead), keys, desc.head, space.keys);
    packRows(matrixOf(buffers.v, desc.v, batch, keyBegin, kvHead), keys, keys, desc.valueHead, space.values);
    for (int64_t block = begin; block < end; block += kQueryBlock) {
      int64_t rows = least(kQueryBlock, end - block), paddedRows = roundUp(rows, kRows);
      int64_t visible = visibleKeys(desc, block + rows - 1, keyBegin, keys);
      if (visible <= 0)
        continue;
      int64_t padded = packedColumns(visible, keys), first = block - begin;
      multiply<1, kRows, Start::Zero>(paddedRows, padded, desc.head, space.queries + first * desc.head,
                                      kRows * desc.head, space.keys, desc.head, space.scores, kKeyBlock);
      softmaxBlock(desc, buffers, batch, head, block, rows, keyBegin, visible, padded, space.scores,
                   space.maxima + first, space.totals + first, space.factors);
      multiply<kKeyBlock, 1, Start::Scale>(paddedRows, columns, visible, space.scores, kRows * kKeyBlock, space.values,
                                           keys, space.sums + first * columns, columns, space.factors);
    }
  }
  for (int64_t i = 0; i < end - begin; ++i) {
    float total = space.totals[i], inverse = total > 0 || total != total ? 1.0f / total : 0.0f;
    float *out = buffers.out + batch * desc.out[0] + (begin + i) * desc.out[1] + head * desc.out[2];
    for (int64_t d = 0; d < desc.valueHead; ++d)
      out[d * desc.out[3]] = space.sums[i * columns + d] * inverse;
    buffers.lse[(batch * desc.heads + head) * desc.queries + begin + i] =
        total == 0 ? -kInfinity : space.maxima[i] + __builtin_logf(total);
  }
}

struct BackwardSpace {
  float *keyColumns, *keyRows, *valueColumns, *dKeys, *dValues;
  float *queryLeft, *queryRows, *dOutLeft, *dOutRows, *dQueries, *scores, *dScores, *lse, *delta, *inverse;
  float *otherKeys; ///< a block of keys, for sums over all of them
  int64_t floats;

  BackwardSpace(const AttentionDesc &desc, float *workspace) {
    Cursor cursor{workspace};
    int64_t head = roundUp(desc.head, kLanes), valueHead = roundUp(desc.valueHead, kLanes);
    keyColumns = cursor.take(kBackwardKeys * desc.head);
    keyRows = cursor.take(kBackwardKeys * head);
    valueColumns = cursor.take(kBackwardKeys * desc.valueHead);
    dKeys = cursor.take(kBackwardKeys * head);
    dValues = cursor.take(kBackwardKeys * valueHead);
    queryLeft = cursor.take(kQueryBlock * desc.head + kBehindPanels);
    queryRows = cursor.take(kQueryBlock * head);
    dOutLeft = cursor.take(kQueryBlock * desc.valueHead + kBehindPanels);
    dOutRows = cursor.take(kQueryBlock * valueHead);
    dQueries = cursor.take(kQueryBlock * head);
    scores = cursor.take(kQueryBlock * kKeyBlock);
    dScores = cursor.take(kQueryBlock * kKeyBlock);
    lse = cursor.take(kQueryBlock);
    delta = cursor.take(kQueryBlock);
    inverse = cursor.take(kQueryBlock);
    otherKeys = cursor.take(kKeyBlock * desc.head);
    floats = cursor.used;
  }
};

/// Scores become probabilities and their gradients become those of the scaled products. Columns from `padded` to whole
/// tiles are cleared: they are rows of the products that follow.
void gradientBlock(const AttentionDesc &desc, const AttentionBuffers &buffers, int64_t batch, int64_t head,
                   int64_t query, int64_t rows, int64_t keyBegin, int64_t keys, int64_t padded,
                   const BackwardSpace &space) {
  int64_t cleared = roundUp(keys, kRows);
  for (int64_t r = 0; r < roundUp(rows, kRows); ++r) {
    float *row = space.scores + r * kKeyBlock, *gradient = space.dScores + r * kKeyBlock;
    if (r < rows) {
      int64_t visible = visibleKeys(desc, query + r, keyBegin, keys);
      if (buffers.mask || visible < padded)
        maskRow(desc, buffers.mask, batch, head, query + r, keyBegin, visible, padded, row);
    }
    float lse = space.lse[r], delta = space.delta[r], inverse = space.inverse[r];
    for (int64_t s = 0; s < padded; s += kLanes) {
      Vec value = exponential(load(row + s) - lse) * inverse;
      store(row + s, value);
      store(gradient + s, value * (load(gradient + s) - delta) * desc.scale);
    }
    for (int64_t s = padded; s < cleared; ++s)
      row[s] = gradient[s] = 0;
  }
}

/// The scalar product of row `row` of two matrices.
inline float productOfRows(const Matrix &a, const Matrix &b, int64_t row, int64_t columns) {
  const float *left = a.data + row * a.rowStride, *right = b.data + row * b.rowStride;
  int64_t i = 0;
  float sum = 0;
  if (a.columnStride == 1 && b.columnStride == 1) {
    Vec total = Vec{};
    for (; i + kLanes <= columns; i += kLanes)
      total += load(left + i) * load(right + i);
    sum = sumOf(total);
  }
  for (; i < columns; ++i)
    sum += left[i * a.columnStride] * right[i * b.columnStride];
  return sum;
}

/// Packs the queries [query, query + rows) with their output gradients, and what a row of scores needs.
void packQueries(const AttentionDesc &desc, const AttentionBuffers &buffers, int64_t batch, int64_t head, int64_t query,
                 int64_t rows, const BackwardSpace &space) {
  int64_t paddedRows = roundUp(rows, kRows);
  Matrix q = matrixOf(buffers.q, desc.q, batch, query, head);
  Matrix dOut = matrixOf(buffers.dout, desc.dout, batch, query, head);
  Matrix out = matrixOf(buffers.out, desc.out, batch, query, head);
  packLeft(q, rows, desc.head, desc.scale, space.queryLeft);
  packRows(q, rows, paddedRows, desc.head, space.queryRows);
  packLeft(dOut, rows, desc.valueHead, 1.0f, space.dOutLeft);
  packRows(dOut, rows, paddedRows, desc.valueHead, space.dOutRows);
  const float *lse = buffers.lse + (batch * desc.heads + head) * desc.queries + query;
  for (int64_t r = 0; r < paddedRows; ++r) {
    space.delta[r] = r < rows ? productOfRows(dOut, out, r, desc.valueHead) : 0.0f;
    // A row that saw nothing, and padding, get probabilities of 0.
    space.lse[r] = r < rows && lse[r] != -kInfinity ? lse[r] : kInfinity;
    space.inverse[r] = 1.0f;
  }
}

/// A row of which every key is hidden by a large negative number that is added, as -3e38: beside its maximum, the
/// logarithm of its sum has been rounded away. What is left of the sum is counted again. After packQueries.
void sumLostRows(const AttentionDesc &desc, const AttentionBuffers &buffers, int64_t batch, int64_t head, int64_t query,
                 int64_t rows, const BackwardSpace &space) {
  /// Scores of a model are far above it; a float near it has a precision of 2^-11.
  constexpr float kLost = -4096.0f;
  bool lost = false;
  for (int64_t r = 0; r < rows; ++r)
    lost |= space.lse[r] < kLost;
  if (!lost)
    return;
  for (int64_t r = 0; r < rows; ++r)
    space.inverse[r] = space.lse[r] < kLost ? 0.0f : 1.0f;
  int64_t kvHead = head / (desc.heads / desc.kvHeads);
  for (int64_t keyBegin = 0; keyBegin < desc.keys; keyBegin += kKeyBlock) {
    int64_t keys = least(kKeyBlock, desc.keys - keyBegin);
    int64_t visible = visibleKeys(desc, query + rows - 1, keyBegin, keys);
    if (visible <= 0)
      break;
    int64_t padded = packedColumns(visible, keys);
    packColumns(matrixOf(buffers.k, desc.k, batch, keyBegin, kvHead), keys, desc.head, space.otherKeys);
    multiply<1, kRows, Start::Zero>(roundUp(rows, kRows), padded, desc.head, space.queryLeft, kRows * desc.head,
                                    space.otherKeys, desc.head, space.scores, kKeyBlock);
    for (int64_t r = 0; r < rows; ++r) {
      if (!(space.lse[r] < kLost))
        continue;
      float *row = space.scores + r * kKeyBlock;
      maskRow(desc, buffers.mask, batch, head, query + r, keyBegin, visibleKeys(desc, query + r, keyBegin, visible),
              padded, row);
      Vec total = Vec{};
      for (int64_t s = 0; s < padded; s += kLanes)
        total += exponential(load(row + s) - space.lse[r]);
      space.inverse[r] += sumOf(total);
    }
  }
  for (int64_t r = 0; r < rows; ++r)
    if (space.lse[r] < kLost && space.inverse[r] > 0)
      space.inverse[r] = 1.0f / space.inverse[r];
}

/// Writes (or adds to) `rows` rows of a gradient from a dense buffer of row length `stride`.
template <bool Add>
void writeRows(const float *from, int64_t stride, int64_t rows, int64_t columns, float *to, const int64_t (&strides)[4],
               int64_t batch, int64_t position, int64_t head) {
  to += batch * strides[0] + position * strides[1] + head * strides[2];
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t d = 0; d < columns; ++d) {
      float &element = to[r * strides[1] + d * strides[3]];
      element = Add ? element + from[r * stride + d] : from[r * stride + d];
    }
}

void backward(const AttentionDesc &desc, const AttentionBuffers &buffers, int64_t batch, int64_t kvHead,
              float *workspace) {
  BackwardSpace space(desc, workspace);
  int64_t group = desc.heads / desc.kvHeads, head = roundUp(desc.head, kLanes),
          valueHead = roundUp(desc.valueHead, kLanes);
  for (int64_t part = 0; part < desc.keys; part += kBackwardKeys) {
    int64_t partKeys = least(kBackwardKeys, desc.keys - part);
    for (int64_t block = 0; block < partKeys; block += kKeyBlock) {
      int64_t keys = least(kKeyBlock, partKeys - block);
      Matrix k = matrixOf(buffers.k, desc.k, batch, part + block, kvHead);
      packColumns(k, keys, desc.head, space.keyColumns + block * desc.head);
      packRows(k, keys, keys, desc.head, space.keyRows + block * head);
      packColumns(matrixOf(buffers.v, desc.v, batch, part + block, kvHead), keys, desc.valueHead,
                  space.valueColumns + block * desc.valueHead);
    }
    for (int64_t i = 0; i < kBackwardKeys * head; ++i)
      space.dKeys[i] = 0;
    for (int64_t i = 0; i < kBackwardKeys * valueHead; ++i)
      space.dValues[i] = 0;
    for (int64_t h = kvHead * group; h < (kvHead + 1) * group; ++h)
      for (int64_t query = 0; query < desc.queries; query += kQueryBlock) {
        int64_t rows = least(kQueryBlock, desc.queries - query), paddedRows = roundUp(rows, kRows);
        // The first part also writes the gradient of queries that see nothing.
        if (part > 0 && visibleKeys(desc, query + rows - 1, part, partKeys) <= 0)
          continue;
        packQueries(desc, buffers, batch, h, query, rows, space);
        sumLostRows(desc, buffers, batch, h, query, rows, space);
        for (int64_t i = 0; i < paddedRows * head; ++i)
          space.dQueries[i] = 0;
        for (int64_t block = 0; block < partKeys; block += kKeyBlock) {
          int64_t keys = least(kKeyBlock, partKeys - block);
          int64_t visible = visibleKeys(desc, query + rows - 1, part + block, keys);
          if (visible <= 0)
            continue;
          int64_t padded = packedColumns(visible, keys), keyRows = roundUp(visible, kRows);
          multiply<1, kRows, Start::Zero>(paddedRows, padded, desc.head, space.queryLeft, kRows * desc.head,
                                          space.keyColumns + block * desc.head, desc.head, space.scores, kKeyBlock);
          multiply<1, kRows, Start::Zero>(paddedRows, padded, desc.valueHead, space.dOutLeft, kRows * desc.valueHead,
                                          space.valueColumns + block * desc.valueHead, desc.valueHead, space.dScores,
                                          kKeyBlock);
          gradientBlock(desc, buffers, batch, h, query, rows, part + block, visible, padded, space);
          multiply<1, kKeyBlock, Start::Keep>(keyRows, valueHead, paddedRows, space.scores, kRows, space.dOutRows,
                                              paddedRows, space.dValues + block * valueHead, valueHead);
          multiply<1, kKeyBlock, Start::Keep>(keyRows, head, paddedRows, space.dScores, kRows, space.queryRows,
                                              paddedRows, space.dKeys + block * head, head);
          multiply<kKeyBlock, 1, Start::Keep>(paddedRows, head, visible, space.dScores, kRows * kKeyBlock,
                                              space.keyRows + block * head, keys, space.dQueries, head);
        }
        if (part == 0)
          writeRows<false>(space.dQueries, head, rows, desc.head, buffers.dq, desc.dq, batch, query, h);
        else
          writeRows<true>(space.dQueries, head, rows, desc.head, buffers.dq, desc.dq, batch, query, h);
      }
    writeRows<false>(space.dKeys, head, partKeys, desc.head, buffers.dk, desc.dk, batch, part, kvHead);
    writeRows<false>(space.dValues, valueHead, partKeys, desc.valueHead, buffers.dv, desc.dv, batch, part, kvHead);
  }
}

int64_t workspaceFloats(const AttentionDesc &desc) {
  return most(ForwardSpace(desc, nullptr).floats, BackwardSpace(desc, nullptr).floats);
}

} // namespace

#define WEFT_JOIN_AGAIN(a, b) a##b
#define WEFT_JOIN(a, b) WEFT_JOIN_AGAIN(a, b)
#define WEFT_TEXT_AGAIN(a) #a
#define WEFT_TEXT(a) WEFT_TEXT_AGAIN(a)

namespace weft::rt {
extern const AttentionKernels WEFT_JOIN(attentionKernels_, WEFT_VARIANT) = {
    WEFT_TEXT(WEFT_VARIANT), kQueryBlock, kForwardQueries, workspaceFloats, forward, backward};
} // namespace weft::rt

//===- AttentionScores.cpp - Attention written out in products -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/AttentionScores.h"
#include "dialects/weft/RowStatistics.h"
#include <limits>

using namespace mlir;
using namespace weft;

static constexpr double infinity = std::numeric_limits<double>::infinity();

AttentionSizes::AttentionSizes(Value q, Value k)
    : B(tensorType(q).getDimSize(0)), T(tensorType(q).getDimSize(1)), S(tensorType(k).getDimSize(1)),
      H(tensorType(q).getDimSize(2)), G(tensorType(k).getDimSize(2)), R(H / G) {}

/// [B,P,H,N] as [B,P,G,R,N].
static Value inGroups(Build &e, Value x, int64_t groups) {
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  return e.reshape(x, {shape[0], shape[1], groups, shape[2] / groups, shape[3]});
}

/// [B,S,G,N] as [B,S,G,R,N], the same for each of the R heads of a group.
static Value forEachHead(Build &e, Value y, int64_t heads) {
  ArrayRef<int64_t> shape = tensorType(y).getShape();
  return e.broadcast(y, {0, 1, 2, 4}, {shape[0], shape[1], shape[2], heads, shape[3]});
}

Value weft::queryKeyProducts(Build &e, Value x, Value y) {
  AttentionSizes a(x, y);
  Value keys = forEachHead(e, y, a.R), product = e.dot(inGroups(e, x, a.G), keys, {0, 2, 3}, {0, 2, 3}, {4}, {4});
  return e.reshape(product, a.shape());
}

Value weft::sumOverKeys(Build &e, Value m, Value y) {
  ArrayRef<int64_t> scores = tensorType(m).getShape(), keys = tensorType(y).getShape();
  int64_t B = scores[0], H = scores[1], T = scores[2], S = scores[3], G = keys[2], N = keys[3];
  Value grouped = e.reshape(m, {B, G, H / G, T, S});
  Value product = e.dot(grouped, forEachHead(e, y, H / G), {0, 1, 2}, {0, 2, 3}, {4}, {1}); // [B,G,R,T,N]
  return e.transpose(e.reshape(product, {B, H, T, N}), {0, 2, 1, 3});
}

Value weft::sumOverQueries(Build &e, Value m, Value x, int64_t groups) {
  ArrayRef<int64_t> scores = tensorType(m).getShape();
  int64_t B = scores[0], H = scores[1], T = scores[2], S = scores[3], N = tensorType(x).getShape()[3];
  Value grouped = e.reshape(m, {B, groups, H / groups, T, S});
  // What several heads contribute is a longer sum of the product.
  Value product = e.dot(grouped, inGroups(e, x, groups), {0, 1}, {0, 2}, {2, 3}, {3, 1}); // [B,G,S,N]
  return e.transpose(e.reshape(product, {B, groups, S, N}), {0, 2, 1, 3});
}

Value weft::attentionScores(Build &e, Value q, Value k, Value mask, double scale, bool causal) {
  AttentionSizes a(q, k);
  Value keys = toStatistics(e, k), scores = queryKeyProducts(e, toStatistics(e, q), keys);
  scores = e.mul(scores, e.splatLike(scores, scale));
  Value unseen = e.splatLike(scores, -infinity);
  if (mask) {
    ArrayRef<int64_t> maskShape = tensorType(mask).getShape();
    SmallVector<int64_t> kept, keptShape;
    for (int64_t d = 0; d < 4; ++d)
      if (d > 1 || maskShape[d] != 1) {
        kept.push_back(d);
        keptShape.push_back(maskShape[d]);
      }
    Value repeated = e.broadcast(e.reshape(mask, keptShape), kept, a.shape());
    if (tensorType(mask).getElementType().isInteger(1))
      scores = e.select(repeated, scores, unseen);
    else
      scores = e.add(scores, e.cast(repeated, tensorType(scores).getElementType()));
  }
  if (causal) {
    // Key s is seen by query t when s <= t + S - T: s < t + (S - T + 1).
    auto type = RankedTensorType::get(a.shape(), e.b.getI32Type());
    Value shift = e.splat(type, static_cast<double>(a.S - a.T + 1)), limit = e.add(e.iota(type, 2), shift);
    scores = e.select(e.less(e.iota(type, 3), limit), scores, unseen);
  }
  return scores;
}

Value weft::attentionProbabilities(Build &e, Value scores, Value lse) {
  // A row that sees nothing has lse = -inf: its scores are -inf too, and 0 keeps the difference from being NaN.
  Value wide = e.cast(lse, tensorType(scores).getElementType());
  Value zero = e.splatLike(wide, 0), sees = e.select(e.equal(wide, e.splatLike(wide, -infinity)), zero, wide);
  Value weights = e.exp(e.sub(scores, broadcastRows(e, sees, scores)));
  // A row of which every key is hidden by a large negative number that is added, as -3e38: beside its maximum, the
  // logarithm of its sum has been rounded away, and the weights are summed again.
  Value lost = e.less(sees, e.splatLike(sees, -4096)), sum = rowSum(e, weights);
  Value divisor = e.select(lost, sum, e.splatLike(sum, 1));
  return e.div(weights, broadcastRows(e, divisor, weights));
}

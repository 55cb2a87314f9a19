//===- EvaluateComposite.cpp - Reference evaluation of composite ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything is computed in f64 and rounded once. Ops that are always applied
// to data are evaluated element by element, without a fast path for splats.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Random.h"
#include "dialects/weft/Weft.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

namespace {

/// The sizes of an attention and its masked, scaled scores.
struct Attention {
  Attention(const Literal &q, const Literal &k, const Literal &v, const Literal *mask, double scale, bool causal)
      : batch(q.getShape()[0]), queries(q.getShape()[1]), heads(q.getShape()[2]), size(q.getShape()[3]),
        keys(k.getShape()[1]), groups(k.getShape()[2]), valueSize(v.getShape()[3]), q(q), k(k), mask(mask),
        scale(scale), causal(causal) {}

  int64_t group(int64_t h) const { return h / (heads / groups); }
  /// Positions of element 0 of a row of q, k, v and out (e is the head size).
  int64_t query(int64_t b, int64_t t, int64_t h, int64_t e) const { return ((b * queries + t) * heads + h) * e; }
  int64_t key(int64_t b, int64_t s, int64_t h, int64_t e) const { return ((b * keys + s) * groups + group(h)) * e; }

  /// The score of key s for query t; -inf if it is not seen.
  double score(int64_t b, int64_t h, int64_t t, int64_t s) const {
    double unseen = -std::numeric_limits<double>::infinity();
    if (causal && s > t + keys - queries)
      return unseen;
    double sum = 0;
    for (int64_t d = 0; d < size; ++d)
      sum += q.getFloat(query(b, t, h, size) + d) * k.getFloat(key(b, s, h, size) + d);
    sum *= scale;
    if (!mask)
      return sum;
    ArrayRef<int64_t> shape = mask->getShape();
    int64_t row = (shape[0] == 1 ? 0 : b) * shape[1] + (shape[1] == 1 ? 0 : h);
    int64_t position = (row * queries + t) * keys + s;
    if (mask->isFloat())
      return sum + mask->getFloat(position);
    return mask->getInt(position) ? sum : unseen;
  }

  int64_t batch, queries, heads, size, keys, groups, valueSize;
  const Literal &q, &k;
  const Literal *mask;
  double scale;
  bool causal;
};

} // namespace

LogicalResult AttentionOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &v = operands[2];
  Attention a(operands[0], operands[1], v, getMask() ? &operands[3] : nullptr, getScale().convertToDouble(),
              getCausal());
  std::vector<double> out(a.batch * a.queries * a.heads * a.valueSize, 0.0);
  std::vector<double> lse(a.batch * a.heads * a.queries, -std::numeric_limits<double>::infinity());
  std::vector<double> row(a.keys);
  for (int64_t b = 0; b < a.batch; ++b)
    for (int64_t h = 0; h < a.heads; ++h)
      for (int64_t t = 0; t < a.queries; ++t) {
        double top = -std::numeric_limits<double>::infinity(), sum = 0;
        for (int64_t s = 0; s < a.keys; ++s)
          top = std::fmax(top, row[s] = a.score(b, h, t, s));
        if (std::isinf(top) && top < 0)
          continue; // nothing is seen
        for (double &score : row)
          sum += score = std::exp(score - top);
        for (int64_t s = 0; s < a.keys; ++s)
          for (int64_t e = 0; e < a.valueSize; ++e)
            out[a.query(b, t, h, a.valueSize) + e] += row[s] / sum * v.getFloat(a.key(b, s, h, a.valueSize) + e);
        lse[(b * a.heads + h) * a.queries + t] = top + std::log(sum);
      }
  results.push_back(Literal::ofFloats(typeOf(getOut()), std::move(out)));
  results.push_back(Literal::ofFloats(typeOf(getLse()), std::move(lse)));
  return success();
}

LogicalResult AttentionGradOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &dout = operands[0], &q = operands[1], &k = operands[2], &v = operands[3], &out = operands[4];
  const Literal &lse = operands[5];
  Attention a(q, k, v, getMask() ? &operands[6] : nullptr, getScale().convertToDouble(), getCausal());
  std::vector<double> dq(q.getNumElements(), 0.0), dk(k.getNumElements(), 0.0), dv(v.getNumElements(), 0.0);
  for (int64_t b = 0; b < a.batch; ++b)
    for (int64_t h = 0; h < a.heads; ++h)
      for (int64_t t = 0; t < a.queries; ++t) {
        double normalizer = lse.getFloat((b * a.heads + h) * a.queries + t), delta = 0;
        if (std::isinf(normalizer) && normalizer < 0)
          continue; // nothing is seen
        int64_t outRow = a.query(b, t, h, a.valueSize), qRow = a.query(b, t, h, a.size);
        for (int64_t e = 0; e < a.valueSize; ++e)
          delta += dout.getFloat(outRow + e) * out.getFloat(outRow + e);
        for (int64_t s = 0; s < a.keys; ++s) {
          double score = a.score(b, h, t, s);
          if (std::isinf(score) && score < 0)
            continue;
          int64_t vRow = a.key(b, s, h, a.valueSize), kRow = a.key(b, s, h, a.size);
          double p = std::exp(score - normalizer), dp = 0;
          for (int64_t e = 0; e < a.valueSize; ++e) {
            dp += dout.getFloat(outRow + e) * v.getFloat(vRow + e);
            dv[vRow + e] += p * dout.getFloat(outRow + e);
          }
          double dscore = p * (dp - delta) * a.scale;
          for (int64_t d = 0; d < a.size; ++d) {
            dq[qRow + d] += dscore * k.getFloat(kRow + d);
            dk[kRow + d] += dscore * q.getFloat(qRow + d);
          }
        }
      }
  results.push_back(Literal::ofFloats(typeOf(getDq()), std::move(dq)));
  results.push_back(Literal::ofFloats(typeOf(getDk()), std::move(dk)));
  results.push_back(Literal::ofFloats(typeOf(getDv()), std::move(dv)));
  return success();
}

//===----------------------------------------------------------------------===//
// Rows: norms, softmax, cross-entropy
//===----------------------------------------------------------------------===//

/// Calls `row(start, size)` for every row of the last dimension.
template <typename Function> static void forEachRow(const Literal &tensor, Function &&row) {
  int64_t size = tensor.getShape().back();
  for (int64_t start = 0, end = tensor.getNumElements(); start < end; start += size)
    row(start, size);
}

LogicalResult LayerNormOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0];
  const Literal *gamma = getGamma() ? &operands[1] : nullptr;
  const Literal *beta = getBeta() ? &operands.back() : nullptr;
  double eps = getEps().convertToDouble();
  std::vector<double> values(input.getNumElements());
  forEachRow(input, [&](int64_t start, int64_t size) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < size; ++i)
      mean += input.getFloat(start + i) / size;
    for (int64_t i = 0; i < size; ++i)
      variance += (input.getFloat(start + i) - mean) * (input.getFloat(start + i) - mean) / size;
    double inverse = 1 / std::sqrt(variance + eps);
    for (int64_t i = 0; i < size; ++i)
      values[start + i] = (input.getFloat(start + i) - mean) * inverse * (gamma ? gamma->getFloat(i) : 1.0) +
                          (beta ? beta->getFloat(i) : 0.0);
  });
  results.push_back(Literal::ofFloats(input.getType(), std::move(values)));
  return success();
}

LogicalResult RmsNormOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0];
  const Literal *gamma = getGamma() ? &operands[1] : nullptr;
  double eps = getEps().convertToDouble();
  std::vector<double> values(input.getNumElements());
  forEachRow(input, [&](int64_t start, int64_t size) {
    double square = 0;
    for (int64_t i = 0; i < size; ++i)
      square += input.getFloat(start + i) * input.getFloat(start + i) / size;
    double inverse = 1 / std::sqrt(square + eps);
    for (int64_t i = 0; i < size; ++i)
      values[start + i] = input.getFloat(start + i) * inverse * (gamma ? gamma->getFloat(i) : 1.0);
  });
  results.push_back(Literal::ofFloats(input.getType(), std::move(values)));
  return success();
}

/// The largest element of a row and the sum of exp(x - largest).
static std::pair<double, double> softmaxStatistics(const Literal &input, int64_t start, int64_t size) {
  double top = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t i = 0; i < size; ++i)
    top = std::fmax(top, input.getFloat(start + i));
  for (int64_t i = 0; i < size; ++i)
    sum += std::exp(input.getFloat(start + i) - top);
  return {top, sum};
}

LogicalResult SoftmaxOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0];
  std::vector<double> values(input.getNumElements());
  forEachRow(input, [&](int64_t start, int64_t size) {
    auto [top, sum] = softmaxStatistics(input, start, size);
    for (int64_t i = 0; i < size; ++i)
      values[start + i] = std::exp(input.getFloat(start + i) - top) / sum;
  });
  results.push_back(Literal::ofFloats(input.getType(), std::move(values)));
  return success();
}

LogicalResult CrossEntropyOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &logits = operands[0], &labels = operands[1];
  std::vector<double> values;
  bool valid = true;
  forEachRow(logits, [&](int64_t start, int64_t size) {
    int64_t label = labels.getInt(start / size);
    if (label == static_cast<int64_t>(getIgnoreIndex())) {
      values.push_back(0);
      return;
    }
    if (label < 0 || label >= size) {
      valid = false;
      return;
    }
    auto [top, sum] = softmaxStatistics(logits, start, size);
    values.push_back(top + std::log(sum) - logits.getFloat(start + label));
  });
  if (!valid)
    return failure();
  results.push_back(Literal::ofFloats(typeOf(getResult()), std::move(values)));
  return success();
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// Applies `function` to every element of a float tensor; a splat stays one.
template <typename Function> static Literal mapFloats(const Literal &input, Function &&function) {
  std::vector<double> values(input.isSplat() ? 1 : input.getNumElements());
  for (int64_t i = 0, e = values.size(); i < e; ++i)
    values[i] = function(input.getFloat(i));
  return Literal::ofFloats(input.getType(), std::move(values));
}

LogicalResult GeluOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  bool tanh = getTanh();
  results.push_back(mapFloats(operands[0], [tanh](double x) {
    if (tanh)
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    return 0.5 * x * std::erfc(-x * M_SQRT1_2);
  }));
  return success();
}

LogicalResult SiluOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  results.push_back(mapFloats(operands[0], [](double x) { return x / (1 + std::exp(-x)); }));
  return success();
}

//===----------------------------------------------------------------------===//
// Positions and random numbers
//===----------------------------------------------------------------------===//

LogicalResult RotaryOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0], &cos = operands[1], &sin = operands[2];
  ArrayRef<int64_t> shape = input.getShape();
  int64_t positions = shape[1], heads = shape[2], size = shape[3], rotated = cos.getShape().back(), half = rotated / 2;
  bool perBatch = cos.getShape().size() == 3, transposed = getTransposed();
  std::vector<double> values(input.getNumElements());
  for (int64_t row = 0, rows = shape[0] * positions * heads; row < rows; ++row) {
    int64_t position = row / heads, start = row * size;
    int64_t angles = (perBatch ? position : position % positions) * rotated;
    for (int64_t i = 0; i < size; ++i) {
      if (i >= rotated) {
        values[start + i] = input.getFloat(start + i);
        continue;
      }
      int64_t partner = i < half ? i + half : i - half;
      // rot takes its second half negated to the front; its transpose the other way round.
      double sign = (i < half) != transposed ? -1 : 1;
      double factor = sin.getFloat(angles + (transposed ? partner : i));
      values[start + i] =
          input.getFloat(start + i) * cos.getFloat(angles + i) + sign * input.getFloat(start + partner) * factor;
    }
  }
  results.push_back(Literal::ofFloats(input.getType(), std::move(values)));
  return success();
}

/// Philox 4x32-10 (Salmon et al., SC 2011): ten rounds over a counter and a key
/// that is bumped between rounds.
static void philox(uint32_t (&counter)[4], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    uint64_t product0 = uint64_t(0xD2511F53) * counter[0], product1 = uint64_t(0xCD9E8D57) * counter[2];
    uint32_t next[4] = {uint32_t(product1 >> 32) ^ counter[1] ^ key0, uint32_t(product1),
                        uint32_t(product0 >> 32) ^ counter[3] ^ key1, uint32_t(product0)};
    std::copy(next, next + 4, counter);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
}

double weft::uniformNumber(uint64_t seed, uint64_t stream, uint64_t index, unsigned bits) {
  uint32_t counter[4] = {uint32_t(index), uint32_t(index >> 32), uint32_t(stream >> 32), uint32_t(seed >> 32)};
  philox(counter, uint32_t(stream), uint32_t(seed));
  return std::ldexp(static_cast<double>(counter[0] >> (32 - bits)), -static_cast<int>(bits));
}

LogicalResult RandomOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  RankedTensorType type = typeOf(getResult());
  unsigned bits = std::min(cast<FloatType>(type.getElementType()).getFPMantissaWidth(), 32u);
  ArrayRef<int64_t> shape = type.getShape(), whole = getWhole().value_or(shape);
  std::vector<double> values(type.getNumElements());
  for (int64_t i = 0, e = values.size(); i < e; ++i) {
    // Where the element is in the whole tensor.
    int64_t index = 0, stride = 1, rest = i;
    for (int64_t dim = type.getRank(); dim-- > 0;) {
      int64_t place = rest % shape[dim] + (getOffsets().empty() ? 0 : operands[1 + dim].getInt(0));
      rest /= shape[dim];
      index += place * stride;
      stride *= whole[dim];
    }
    values[i] = uniformNumber(operands[0].getInt(0), getStream(), index, bits);
  }
  results.push_back(Literal::ofFloats(type, std::move(values)));
  return success();
}

//===- BatchNorm.cpp - Normalisation by statistics of the batch -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/BatchNorm.h"
#include "dialects/weft/CostModel.h"
#include "dialects/weft/RowStatistics.h"
#include "dialects/weft/ShardingRule.h"
#include "dialects/weft/VerifySupport.h"
#include <cmath>

using namespace mlir;
using namespace weft;

#include "dialects/weft/BatchNormInterfaces.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/weft/BatchNormOps.cpp.inc"

using Types = ArrayRef<RankedTensorType>;

LogicalResult BatchNormOp::verify() {
  RankedTensorType type = typeOf(getInput());
  if (type.getRank() < 2)
    return emitOpError("input has rank ") << type.getRank() << ", expected batch, channels and what else there is";
  std::pair<StringRef, Value> vectors[] = {{"scale", getScale()},     {"bias", getBias()},
                                           {"mean", getMean()},       {"variance", getVariance()},
                                           {"newMean", getNewMean()}, {"newVariance", getNewVariance()}};
  for (auto [name, vector] : vectors)
    if (failed(verifyShape(*this, name, typeOf(vector), {type.getDimSize(1)})))
      return failure();
  if (failed(verifyElementType(*this, "newMean", typeOf(getNewMean()), typeOf(getMean()))) ||
      failed(verifyElementType(*this, "newVariance", typeOf(getNewVariance()), typeOf(getVariance()))))
    return failure();
  return verifyType(*this, "result", typeOf(getResult()), type);
}

//===----------------------------------------------------------------------===//
// What it means
//===----------------------------------------------------------------------===//

/// x as [N, C, rest]: kernels run along the rest, however many dimensions it had.
static Value flatten(Build &e, Value x) {
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  if (shape.size() <= 3)
    return x;
  int64_t rest = 1;
  for (int64_t size : shape.drop_front(2))
    rest *= size;
  return e.reshape(x, {shape[0], shape[1], rest});
}

/// The sum over all dimensions but 1: first where elements lie side by side.
static Value channelSum(Build &e, Value x) {
  if (tensorType(x).getRank() == 3)
    x = e.sum(x, {2});
  return e.sum(x, {0});
}

/// A vector of one number per channel, of the shape of `like` in f32 or wider.
static Value perChannel(Build &e, Value vector, Value like) {
  RankedTensorType type = tensorType(like);
  return e.broadcast(e.cast(vector, type.getElementType()), {1}, type.getShape());
}

/// (centered * (scale / sqrt(variance + eps)) + bias as x was.
static Value scaleCentered(Build &e, Value centered, Value scale, Value bias, Value variance, double eps, Value x) {
  Type wide = tensorType(centered).getElementType();
  Value v = e.cast(variance, wide);
  Value deviation = e.rsqrt(e.add(v, e.splatLike(v, eps))), factor = e.mul(e.cast(scale, wide), deviation);
  Value offset = perChannel(e, bias, centered), y = e.add(e.mul(centered, perChannel(e, factor, centered)), offset);
  RankedTensorType type = tensorType(x);
  return e.cast(e.reshape(y, type.getShape()), type.getElementType());
}

Value weft::normalizeChannels(Build &e, Value x, Value scale, Value bias, Value mean, Value variance, double eps) {
  Value flat = toStatistics(e, flatten(e, x));
  return scaleCentered(e, e.sub(flat, perChannel(e, mean, flat)), scale, bias, variance, eps, x);
}

void BatchNormOp::buildForMode(OpBuilder &builder, bool training, SmallVectorImpl<Value> &results) {
  Build e{builder, getLoc()};
  double eps = getEps().convertToDouble(), momentum = getMomentum().convertToDouble();
  Value x = getInput();
  if (!training) {
    results.append(
        {normalizeChannels(e, x, getScale(), getBias(), getMean(), getVariance(), eps), getMean(), getVariance()});
    return;
  }
  Value flat = toStatistics(e, flatten(e, x));
  Value sum = channelSum(e, flat);
  double count = elements(tensorType(x)) / elements(tensorType(sum));
  Value mean = e.mul(sum, e.splatLike(sum, 1 / count));
  Value centered = e.sub(flat, perChannel(e, mean, flat));
  Value squares = channelSum(e, e.mul(centered, centered));
  Value variance = e.mul(squares, e.splatLike(squares, 1 / count));
  results.push_back(scaleCentered(e, centered, getScale(), getBias(), variance, eps, x));

  auto moved = [&](Value old, Value now) {
    Type wide = tensorType(now).getElementType();
    Value kept = e.cast(old, wide);
    Value part = e.mul(now, e.splatLike(now, 1 - momentum));
    Value next = e.add(e.mul(kept, e.splatLike(kept, momentum)), part);
    return e.cast(next, tensorType(old).getElementType());
  };
  results.push_back(moved(getMean(), mean));
  // The unbiased variance of a single element does not exist; it counts as it is.
  double divisor = getUnbiased() && count > 1 ? count - 1 : count;
  results.push_back(moved(getVariance(), e.mul(squares, e.splatLike(squares, 1 / divisor))));
}

//===----------------------------------------------------------------------===//
// Sharding, cost, evaluation
//===----------------------------------------------------------------------===//

/// Channels do not know each other. Statistics are of the whole batch: what has to be exchanged inside a rule cannot
/// say.
ShardingRule BatchNormOp::getShardingRule() {
  using Kind = ShardingRule::FactorKind;
  ShardingRuleBuilder builder(*this);
  SmallVector<ShardingRuleBuilder::Dim> channels{{operand(0), 1}, {result(0), 1}};
  for (int64_t i = 1; i < 5; ++i)
    channels.push_back({operand(i), 0});
  channels.append({{result(1), 0}, {result(2), 0}});
  for (int64_t d = 0, rank = builder.rank(operand(0)); d < rank; ++d) {
    if (d == 1)
      builder.add(Kind::Parallel, channels);
    else
      builder.add(Kind::Replicated, {{operand(0), d}, {result(0), d}});
  }
  return builder.take();
}

OpCost BatchNormOp::getCost(Types operands, Types results) {
  // Two sums and the squares between them; then the mean is taken off and a factor and a bias applied.
  return costOf(7 * elements(operands[0]) + functionFlops * elements(operands[1]), operands, results);
}

LogicalResult BatchNormOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &x = operands[0];
  ArrayRef<int64_t> shape = x.getShape();
  int64_t channels = shape[1], rest = 1;
  for (int64_t size : shape.drop_front(2))
    rest *= size;
  double count = static_cast<double>(shape[0] * rest), momentum = getMomentum().convertToDouble();
  std::vector<double> y(x.getNumElements()), means(channels), variances(channels);
  for (int64_t c = 0; c < channels; ++c) {
    auto forEach = [&](llvm::function_ref<void(int64_t)> visit) {
      for (int64_t n = 0; n < shape[0]; ++n)
        for (int64_t i = 0; i < rest; ++i)
          visit((n * channels + c) * rest + i);
    };
    double mean = 0, squares = 0;
    forEach([&](int64_t i) { mean += x.getFloat(i) / count; });
    forEach([&](int64_t i) { squares += (x.getFloat(i) - mean) * (x.getFloat(i) - mean); });
    double factor = operands[1].getFloat(c) / std::sqrt(squares / count + getEps().convertToDouble());
    forEach([&](int64_t i) { y[i] = (x.getFloat(i) - mean) * factor + operands[2].getFloat(c); });
    double divisor = getUnbiased() && count > 1 ? count - 1 : count;
    means[c] = momentum * operands[3].getFloat(c) + (1 - momentum) * mean;
    variances[c] = momentum * operands[4].getFloat(c) + (1 - momentum) * squares / divisor;
  }
  results.push_back(Literal::ofFloats(typeOf(getResult()), std::move(y)));
  results.push_back(Literal::ofFloats(typeOf(getNewMean()), std::move(means)));
  results.push_back(Literal::ofFloats(typeOf(getNewVariance()), std::move(variances)));
  return success();
}

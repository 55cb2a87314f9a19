//===- EvaluateUpdate.cpp - Reference evaluation of the optimizers -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"
#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace weft;

namespace {
/// Entries of `hyper`, by docs/executable.md.
enum Hyper { PeakRate, FinalRate, WarmupSteps, TotalSteps, Schedule, Beta1, Beta2, Epsilon, WeightDecay };
} // namespace

LogicalResult LearningRateOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  double step = static_cast<double>(operands[0].getInt(0));
  auto hyper = [&](Hyper entry) { return operands[1].getFloat(entry); };
  double peak = hyper(PeakRate), last = hyper(FinalRate), warmup = hyper(WarmupSteps), rate = peak;
  if (step < warmup) {
    rate = peak * (step + 1) / warmup;
  } else {
    double progress = (step - warmup) / std::max(1.0, hyper(TotalSteps) - warmup);
    progress = std::clamp(progress, 0.0, 1.0);
    if (hyper(Schedule) == 1)
      rate = peak + (last - peak) * progress;
    else if (hyper(Schedule) == 2)
      rate = last + (peak - last) * (1 + std::cos(M_PI * progress)) / 2;
  }
  Literal result(cast<RankedTensorType>(getResult().getType()));
  result.fillFloat(rate);
  result.round();
  results.push_back(std::move(result));
  return success();
}

LogicalResult AdamOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &param = operands[0], &grad = operands[1], &m = operands[2], &v = operands[3];
  double scale = operands[4].getFloat(0), rate = operands[5].getFloat(0);
  double t = static_cast<double>(operands[6].getInt(0)) + 1;
  auto hyper = [&](Hyper entry) { return operands[7].getFloat(entry); };
  double beta1 = hyper(Beta1), beta2 = hyper(Beta2), eps = hyper(Epsilon), decay = getDecay() ? hyper(WeightDecay) : 0;
  double correction1 = 1 - std::pow(beta1, t), correction2 = 1 - std::pow(beta2, t);
  int64_t count = param.getNumElements();
  std::vector<double> newParam(count), newM(count), newV(count);
  for (int64_t i = 0; i < count; ++i) {
    double value = param.getFloat(i), g = grad.getFloat(i) * scale;
    if (!getDecoupled())
      g += decay * value;
    newM[i] = beta1 * m.getFloat(i) + (1 - beta1) * g;
    newV[i] = beta2 * v.getFloat(i) + (1 - beta2) * g * g;
    if (getDecoupled())
      value *= 1 - rate * decay;
    newParam[i] = value - rate * (newM[i] / correction1) / (std::sqrt(newV[i] / correction2) + eps);
  }
  results.push_back(Literal::ofFloats(param.getType(), std::move(newParam)));
  results.push_back(Literal::ofFloats(m.getType(), std::move(newM)));
  results.push_back(Literal::ofFloats(v.getType(), std::move(newV)));
  return success();
}

LogicalResult SgdOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &param = operands[0], &grad = operands[1], &m = operands[2];
  double scale = operands[3].getFloat(0), rate = operands[4].getFloat(0);
  auto hyper = [&](Hyper entry) { return operands[5].getFloat(entry); };
  double momentum = hyper(Beta1), decay = getDecay() ? hyper(WeightDecay) : 0;
  int64_t count = param.getNumElements();
  std::vector<double> newParam(count), newM(count);
  for (int64_t i = 0; i < count; ++i) {
    newM[i] = momentum * m.getFloat(i) + grad.getFloat(i) * scale + decay * param.getFloat(i);
    newParam[i] = param.getFloat(i) - rate * newM[i];
  }
  results.push_back(Literal::ofFloats(param.getType(), std::move(newParam)));
  results.push_back(Literal::ofFloats(m.getType(), std::move(newM)));
  return success();
}

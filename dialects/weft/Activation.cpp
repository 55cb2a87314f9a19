//===- Activation.cpp - Gradients of activations -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Activation.h"
#include "dialects/weft/CostModel.h"
#include "dialects/weft/Literal.h"
#include "dialects/weft/ShardingRule.h"
#include "dialects/weft/VerifySupport.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace weft;

#define GET_OP_CLASSES
#include "dialects/weft/ActivationOps.cpp.inc"

LogicalResult GeluGradOp::verify() {
  if (failed(verifyType(*this, "gradient", typeOf(getDout()), typeOf(getInput()))))
    return failure();
  return verifyType(*this, "result", typeOf(getResult()), typeOf(getInput()));
}

ShardingRule GeluGradOp::getShardingRule() { return elementwiseRule(*this, {{0}}); }

OpCost GeluGradOp::getCost(ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) {
  return costOf((functionFlops + (getTanh() ? 16 : 8)) * elements(operands[0]), operands, results);
}

LogicalResult GeluGradOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &dout = operands[0], &input = operands[1];
  std::vector<double> values(input.getNumElements());
  for (int64_t i = 0, e = values.size(); i < e; ++i) {
    double x = input.getFloat(i), slope;
    if (getTanh()) {
      double c = std::sqrt(2 / llvm::numbers::pi), t = std::tanh(c * (x + 0.044715 * x * x * x));
      slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x);
    } else {
      slope =
          0.5 * std::erfc(-x / llvm::numbers::sqrt2) + x * std::exp(-0.5 * x * x) / std::sqrt(2 * llvm::numbers::pi);
    }
    values[i] = dout.getFloat(i) * slope;
  }
  results.push_back(Literal::ofFloats(typeOf(getResult()), std::move(values)));
  return success();
}

Value weft::geluSlope(Build &e, Value x, bool tanh) {
  auto constant = [&](double value) { return e.splatLike(x, value); };
  Value half = constant(0.5), one = constant(1), squared = e.mul(x, x);
  if (tanh) {
    // y = x (1 + t)/2 with t = tanh(u), u = c x (1 + a x^2): y' = (1 + t)/2 + x/2 (1 - t^2) u'.
    const double a = 0.044715, c = std::sqrt(2 / llvm::numbers::pi);
    Value u = e.mul(constant(c), e.mul(x, e.add(one, e.mul(constant(a), squared))));
    Value du = e.mul(constant(c), e.add(one, e.mul(constant(3 * a), squared)));
    Value t = e.tanh(u);
    Value dt = e.mul(e.sub(one, e.mul(t, t)), du);
    Value bend = e.mul(x, dt);
    return e.mul(half, e.add(e.add(one, t), bend));
  }
  // y = x Phi(x): y' = Phi(x) + x phi(x).
  Value cumulative = e.mul(half, e.add(one, e.erf(e.mul(x, constant(1 / llvm::numbers::sqrt2)))));
  Value density = e.mul(e.exp(e.mul(constant(-0.5), squared)), constant(1 / std::sqrt(2 * llvm::numbers::pi)));
  return e.add(cumulative, e.mul(x, density));
}

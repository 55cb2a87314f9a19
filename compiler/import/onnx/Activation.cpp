//===- Activation.cpp - ONNX activation functions -------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All written in primitive ops, so that their gradients follow from those.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// exp(x) - 1 for x <= 0 and 0 above: exp never overflows, nor does its gradient.
static Value negativeExp(Build &e, Value x) {
  Value zero = e.splatLike(x, 0);
  Value one = e.splatLike(x, 1);
  return e.sub(e.exp(e.min(x, zero)), one);
}

static LogicalResult elu(NodeImport &n) {
  double alpha = n.getFloat("alpha", 1);
  if (failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  Value x = n.input(0), zero = e.splatLike(x, 0);
  Value a = e.splatLike(x, alpha), below = e.mul(negativeExp(e, x), a);
  return n.done(e.select(e.less(x, zero), below, x));
}

static LogicalResult selu(NodeImport &n) {
  double alpha = n.getFloat("alpha", 1.67326319217681884765625f),
         gamma = n.getFloat("gamma", 1.05070102214813232421875f);
  if (failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  Value x = n.input(0), a = e.splatLike(x, alpha), below = e.mul(negativeExp(e, x), a);
  Value scale = e.splatLike(x, gamma);
  return n.done(e.mul(e.select(e.less(x, e.splatLike(x, 0)), below, x), scale));
}

/// max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).
static LogicalResult celu(NodeImport &n) {
  double alpha = n.getFloat("alpha", 1);
  if (failed(n.needFloat()))
    return failure();
  if (alpha == 0)
    return n.error() << "Celu with alpha 0";
  Build &e = n.e;
  Value x = n.input(0), zero = e.splatLike(x, 0), a = e.splatLike(x, alpha);
  Value below = e.mul(a, negativeExp(e, e.div(x, a)));
  below = e.min(below, zero);
  return n.done(e.add(e.max(x, zero), below));
}

/// max(0, min(1, alpha * x + beta)).
static Value hardSigmoid(Build &e, Value x, double alpha, double beta) {
  Value offset = e.splatLike(x, beta), line = e.add(e.mul(x, e.splatLike(x, alpha)), offset);
  Value zero = e.splatLike(x, 0);
  return e.max(e.min(line, e.splatLike(x, 1)), zero);
}

static LogicalResult hardSigmoid(NodeImport &n) {
  double alpha = n.getFloat("alpha", 0.2f), beta = n.getFloat("beta", 0.5f);
  if (failed(n.needFloat()))
    return failure();
  return n.done(hardSigmoid(n.e, n.input(0), alpha, beta));
}

static LogicalResult hardSwish(NodeImport &n) {
  if (failed(n.needFloat()))
    return failure();
  return n.done(n.e.mul(n.input(0), hardSigmoid(n.e, n.input(0), 1.0 / 6, 0.5)));
}

/// x * tanh(softplus(x)). With u = exp(-|x|): tanh(log(1 + exp(x))) is (1 + 2u) / (1 + 2u + 2u^2) for x >= 0 and
/// (u^2 + 2u) / (u^2 + 2u + 2) below: no exponential overflows.
static LogicalResult mish(NodeImport &n) {
  if (failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  Value x = n.input(0), two = e.splatLike(x, 2), one = e.splatLike(x, 1);
  Value u = e.exp(e.min(x, e.neg(x))), doubled = e.mul(two, u), square = e.mul(u, u);
  Value top = e.add(one, doubled), low = e.add(square, doubled);
  Value positive = e.div(top, e.add(top, e.mul(two, square))), negative = e.div(low, e.add(low, two));
  return n.done(e.mul(x, e.select(e.less(x, e.splatLike(x, 0)), negative, positive)));
}

static LogicalResult thresholdedRelu(NodeImport &n) {
  double alpha = n.getFloat("alpha", 1);
  if (failed(n.needFloat()))
    return failure();
  Value x = n.input(0), zero = n.e.splatLike(x, 0);
  return n.done(n.e.select(n.e.less(n.e.splatLike(x, alpha), x), x, zero));
}

static LogicalResult shrink(NodeImport &n) {
  double bias = n.getFloat("bias", 0), lambda = n.getFloat("lambd", 0.5f);
  if (failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  Value x = n.input(0), by = e.splatLike(x, bias);
  Value zero = e.splatLike(x, 0), less = e.sub(x, by), more = e.add(x, by);
  Value above = e.select(e.less(e.splatLike(x, lambda), x), less, zero);
  return n.done(e.select(e.less(x, e.splatLike(x, -lambda)), more, above));
}

static LogicalResult softsign(NodeImport &n) {
  if (failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  Value x = n.input(0), size = math::AbsFOp::create(e.b, e.loc, x);
  return n.done(e.div(x, e.add(e.splatLike(x, 1), size)));
}

static LogicalResult prelu(NodeImport &n) {
  if (failed(n.needFloat()) || failed(n.needSameElementType(0, 1)))
    return failure();
  FailureOr<Value> slope = n.stretch(n.input(1), n.shape(0));
  if (failed(slope))
    return failure();
  Value x = n.input(0), below = n.e.mul(*slope, x);
  return n.done(n.e.select(n.e.less(x, n.e.splatLike(x, 0)), below, x));
}

void weft::registerActivation(OpTable &table) {
  table.add("Elu", elu, 1, 1);
  table.add("Selu", selu, 1, 1);
  table.add("Celu", celu, 1, 1);
  table.add("HardSigmoid", hardSigmoid, 1, 1);
  table.add("HardSwish", hardSwish, 1, 1, 1, 14);
  table.add("Mish", mish, 1, 1, 1, 18);
  table.add("ThresholdedRelu", thresholdedRelu, 1, 1);
  table.add("Shrink", shrink, 1, 1);
  table.add("Softsign", softsign, 1, 1);
  table.add("PRelu", prelu, 2, 2);
}

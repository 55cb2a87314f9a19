//===- VjpComposite.cpp - Vector-Jacobian products of norms, activations and losses -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Written with primitive ops, in f32 where the values are narrower. Statistics
// of rows are recomputed as the forward decomposition writes them
// (RowStatistics.h), not saved: what is kept is a later decision.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Activation.h"
#include "dialects/weft/RowStatistics.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;

/// `grad`, computed in the statistics type, as the gradient of `of`.
static Value gradientOf(Build &e, Value of, Value grad) { return e.cast(grad, tensorType(of).getElementType()); }

/// Sum over all dimensions but the last.
static Value sumLeading(Build &e, Value x) {
  return e.sum(x, llvm::to_vector(llvm::seq<int64_t>(0, tensorType(x).getRank() - 1)));
}

/// `grad` times gamma (if there is one) along rows.
static Value timesGamma(Build &e, Value grad, Value gamma) {
  if (!gamma)
    return grad;
  gamma = e.cast(gamma, tensorType(grad).getElementType());
  return e.mul(grad, e.broadcastLast(gamma, tensorType(grad).getShape()));
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

LogicalResult LayerNormOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                    SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value grad = toStatistics(e, resultGrads[0]), gamma = getGamma(), beta = getBeta();
  LayerNormRows rows = layerNormRows(e, toStatistics(e, getInput()), getEps().convertToDouble());
  Value rstd = broadcastRows(e, rows.rstd, grad);
  Value normalized = e.mul(rows.centered, rstd);

  if (needed[0]) {
    // Removes from the gradient what shifting and scaling the row would undo.
    Value dNormalized = timesGamma(e, grad, gamma);
    Value mean = broadcastRows(e, rowMean(e, dNormalized), grad);
    Value slope = broadcastRows(e, rowMean(e, e.mul(dNormalized, normalized)), grad);
    Value scaling = e.mul(normalized, slope), dInput = e.mul(rstd, e.sub(e.sub(dNormalized, mean), scaling));
    operandGrads[0] = gradientOf(e, getInput(), dInput);
  }
  if (gamma && needed[1])
    operandGrads[1] = gradientOf(e, gamma, sumLeading(e, e.mul(grad, normalized)));
  unsigned betaIndex = gamma ? 2 : 1;
  if (beta && needed[betaIndex])
    operandGrads[betaIndex] = gradientOf(e, beta, sumLeading(e, grad));
  return success();
}

void LayerNormOp::getSavedValues(SmallVectorImpl<Value> &saved) {
  saved.push_back(getInput());
  if (getGamma())
    saved.push_back(getGamma());
}

LogicalResult RmsNormOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                  SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value grad = toStatistics(e, resultGrads[0]), input = toStatistics(e, getInput()), gamma = getGamma();
  Value rstd = broadcastRows(e, rmsNormRstd(e, input, getEps().convertToDouble()), grad);
  Value normalized = e.mul(input, rstd);

  if (needed[0]) {
    Value dNormalized = timesGamma(e, grad, gamma);
    Value slope = broadcastRows(e, rowMean(e, e.mul(dNormalized, normalized)), grad);
    Value dInput = e.mul(rstd, e.sub(dNormalized, e.mul(normalized, slope)));
    operandGrads[0] = gradientOf(e, getInput(), dInput);
  }
  if (gamma && needed[1])
    operandGrads[1] = gradientOf(e, gamma, sumLeading(e, e.mul(grad, normalized)));
  return success();
}

void RmsNormOp::getSavedValues(SmallVectorImpl<Value> &saved) {
  saved.push_back(getInput());
  if (getGamma())
    saved.push_back(getGamma());
}

//===----------------------------------------------------------------------===//
// Softmax and cross-entropy
//===----------------------------------------------------------------------===//

LogicalResult SoftmaxOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                  SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value grad = toStatistics(e, resultGrads[0]), y = toStatistics(e, getResult());
  Value mean = broadcastRows(e, rowSum(e, e.mul(grad, y)), y);
  operandGrads[0] = gradientOf(e, getInput(), e.mul(y, e.sub(grad, mean)));
  return success();
}

void SoftmaxOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.push_back(getResult()); }

LogicalResult CrossEntropyOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                       SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value logits = toStatistics(e, getLogits()), labels = getLabels();
  RankedTensorType type = tensorType(logits);
  Value probabilities = e.exp(e.sub(logits, broadcastRows(e, logSumExp(e, logits), logits)));

  // The one-hot rows are a comparison with the index: 32 bits are enough for it and half the traffic.
  Value labels32 = e.cast(labels, builder.getI32Type());
  Value index = e.iota(type.clone(builder.getI32Type()), type.getRank() - 1);
  Value isLabel = e.equal(index, broadcastRows(e, labels32, index));
  Value difference = e.select(isLabel, e.sub(probabilities, e.splatLike(probabilities, 1)), probabilities);

  Value grad = e.cast(resultGrads[0], type.getElementType());
  // The accessor is unsigned, the index usually negative.
  double ignored = static_cast<double>(getIgnoreIndexAttr().getInt());
  Value isIgnored = e.equal(labels, e.splatLike(labels, ignored));
  grad = e.select(isIgnored, e.splatLike(grad, 0), grad);
  operandGrads[0] = gradientOf(e, getLogits(), e.mul(difference, broadcastRows(e, grad, logits)));
  return success();
}

void CrossEntropyOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.append({getLogits(), getLabels()}); }

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

LogicalResult GeluOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                               SmallVectorImpl<Value> &operandGrads) {
  operandGrads[0] = GeluGradOp::create(builder, getLoc(), getInput().getType(), resultGrads[0], getInput(), getTanh());
  return success();
}

void GeluOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.push_back(getInput()); }

LogicalResult SiluOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                               SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value x = toStatistics(e, getInput()), grad = toStatistics(e, resultGrads[0]);
  Value one = e.splatLike(x, 1), sigmoid = e.sigmoid(x);
  Value slope = e.mul(sigmoid, e.add(one, e.mul(x, e.sub(one, sigmoid))));
  operandGrads[0] = gradientOf(e, getInput(), e.mul(grad, slope));
  return success();
}

void SiluOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.push_back(getInput()); }

//===- VjpAttention.cpp - Vector-Jacobian products of attention and rotary embedding -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/AttentionScores.h"
#include "dialects/weft/RowStatistics.h"

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// The gradient of a float mask that is trained (a relative position bias):
/// that of the scores, P * (dout V^T - rowsum(dout * out) + dlse), summed over
/// the dimensions along which the mask repeats. Unlike the gradients of q, k and
/// v it needs the score matrix, so it is written out. `gradOut` is in the
/// statistics type; `gradLse` may be null.
static Value maskGradient(Build &e, AttentionOp op, Value gradOut, Value gradLse) {
  Value scores =
      attentionScores(e, op.getQ(), op.getK(), op.getMask(), op.getScale().convertToDouble(), op.getCausal());
  Value probabilities = attentionProbabilities(e, scores, op.getLse());
  Type element = tensorType(scores).getElementType();

  Value rows = e.transpose(rowSum(e, e.mul(gradOut, toStatistics(e, op.getOut()))), {0, 2, 1});
  if (gradLse)
    rows = e.sub(rows, e.cast(gradLse, element));
  Value products = queryKeyProducts(e, gradOut, toStatistics(e, op.getV()));
  Value gradScore = e.mul(probabilities, e.sub(products, broadcastRows(e, rows, products)));
  ArrayRef<int64_t> maskShape = tensorType(op.getMask()).getShape();
  SmallVector<int64_t> repeated;
  for (int64_t d : {0, 1})
    if (maskShape[d] == 1)
      repeated.push_back(d);
  Value grad = e.reshape(e.sum(gradScore, repeated), maskShape);
  return e.cast(grad, tensorType(op.getMask()).getElementType());
}

LogicalResult AttentionOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                    SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value gradOut = resultGrads[0], gradLse = resultGrads[1], v = getV(), out = getOut();
  if (!gradOut)
    gradOut = e.splatLike(out, 0);

  if (needed[0] || needed[1] || needed[2]) {
    Value gradOutAll = gradOut;
    if (gradLse) {
      // The scores' gradient is P * (dout V^T - rowsum(dout * out)); an element more in dout, 1 in v and 0 in out adds
      // P * dlse to it.
      SmallVector<int64_t> column(tensorType(out).getShape()), valueColumn(tensorType(v).getShape());
      column[3] = valueColumn[3] = 1;
      Type element = tensorType(out).getElementType();
      Value lseColumn = e.cast(e.reshape(e.transpose(gradLse, {0, 2, 1}), column), element);
      gradOutAll = e.concat({gradOut, lseColumn}, 3);
      out = e.concat({out, e.splat(RankedTensorType::get(column, element), 0)}, 3);
      v = e.concat({v, e.splat(RankedTensorType::get(valueColumn, tensorType(v).getElementType()), 1)}, 3);
    }
    auto grad = AttentionGradOp::create(builder, getLoc(), getQ().getType(), getK().getType(), v.getType(), gradOutAll,
                                        getQ(), getK(), v, out, getLse(), getMask(), getScale(), getCausal());
    operandGrads[0] = grad.getDq();
    operandGrads[1] = grad.getDk();
    operandGrads[2] = e.slice(grad.getDv(), {0, 0, 0, 0}, tensorType(getV()).getShape());
  }
  if (getMask() && needed[3])
    operandGrads[3] = maskGradient(e, *this, toStatistics(e, gradOut), gradLse);
  return success();
}

void AttentionOp::getSavedValues(SmallVectorImpl<Value> &saved) {
  saved.append({getQ(), getK(), getV(), getOut(), getLse()});
  if (getMask())
    saved.push_back(getMask());
}

//===----------------------------------------------------------------------===//
// Rotary embedding
//===----------------------------------------------------------------------===//

/// rot(y) = concat(-y[R/2:], y[:R/2]) over the last dimension.
static Value rotateHalf(Build &e, Value y) {
  SmallVector<int64_t> shape(tensorType(y).getShape()), begin(shape.size(), 0), middle(shape.size(), 0);
  middle.back() = shape.back() /= 2;
  return e.concat({e.neg(e.slice(y, middle, shape)), e.slice(y, begin, shape)}, shape.size() - 1);
}

LogicalResult RotaryOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                 SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value grad = resultGrads[0];
  if (needed[0])
    operandGrads[0] =
        RotaryOp::create(builder, getLoc(), getInput().getType(), grad, getCos(), getSin(), !getTransposed());
  if (!needed[1] && !needed[2])
    return success();

  // The result is linear in cos and sin; sums run over what they repeat along.
  RankedTensorType table = tensorType(getCos());
  SmallVector<int64_t> shape(tensorType(getInput()).getShape()), begin(4, 0);
  shape[3] = table.getShape().back();
  Value y = e.slice(toStatistics(e, getInput()), begin, shape);
  Value g = e.slice(toStatistics(e, grad), begin, shape);
  auto tableGradient = [&](Value product) {
    SmallVector<int64_t> dims = {2};
    if (table.getRank() == 2)
      dims.insert(dims.begin(), 0);
    return e.cast(e.sum(product, dims), table.getElementType());
  };
  if (needed[1])
    operandGrads[1] = tableGradient(e.mul(g, y));
  if (needed[2])
    operandGrads[2] = tableGradient(getTransposed() ? e.mul(y, rotateHalf(e, g)) : e.mul(g, rotateHalf(e, y)));
  return success();
}

void RotaryOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.append({getInput(), getCos(), getSin()}); }

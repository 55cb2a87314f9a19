//===- VerifyComposite.cpp - What must hold for composite ops and updates -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/VerifySupport.h"

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// What attention and its gradient have in common. `out` has to be
/// [batch, queries, heads, element of v] and `lse` [batch, heads, queries] in f32.
static LogicalResult verifyAttention(Operation *op, Value q, Value k, Value v, Value mask, Value out, Value lse) {
  RankedTensorType qType = typeOf(q), kType = typeOf(k), vType = typeOf(v);
  if (failed(verifyRank(op, "q", qType, 4)) || failed(verifyRank(op, "k", kType, 4)) ||
      failed(verifyRank(op, "v", vType, 4)))
    return failure();
  int64_t batch = qType.getDimSize(0), queries = qType.getDimSize(1), heads = qType.getDimSize(2);
  int64_t keys = kType.getDimSize(1), groups = kType.getDimSize(2);
  if (failed(verifyType(op, "k", kType, qType.clone({batch, keys, groups, qType.getDimSize(3)}))) ||
      failed(verifyType(op, "v", vType, qType.clone({batch, keys, groups, vType.getDimSize(3)}))))
    return failure();
  if (groups == 0 || heads % groups != 0)
    return op->emitOpError() << "has " << heads << " query heads, which is no multiple of its " << groups
                             << " key/value heads";
  if (mask) {
    RankedTensorType type = typeOf(mask);
    if (!isa<FloatType>(type.getElementType()) && !type.getElementType().isInteger(1))
      return op->emitOpError() << "mask has elements of type " << type.getElementType() << ", expected i1 or a float";
    if (failed(verifyRank(op, "mask", type, 4)))
      return failure();
    int64_t maskBatch = type.getDimSize(0) == 1 ? 1 : batch, maskHeads = type.getDimSize(1) == 1 ? 1 : heads;
    if (failed(verifyShape(op, "mask", type, {maskBatch, maskHeads, queries, keys})))
      return failure();
  }
  if (failed(verifyType(op, "out", typeOf(out), qType.clone({batch, queries, heads, vType.getDimSize(3)}))))
    return failure();
  auto f32 = Float32Type::get(op->getContext());
  return verifyType(op, "lse", typeOf(lse), RankedTensorType::get({batch, heads, queries}, f32));
}

LogicalResult AttentionOp::verify() {
  return verifyAttention(*this, getQ(), getK(), getV(), getMask(), getOut(), getLse());
}

LogicalResult AttentionGradOp::verify() {
  if (failed(verifyAttention(*this, getQ(), getK(), getV(), getMask(), getOut(), getLse())) ||
      failed(verifyType(*this, "dout", typeOf(getDout()), typeOf(getOut()))) ||
      failed(verifyType(*this, "dq", typeOf(getDq()), typeOf(getQ()))) ||
      failed(verifyType(*this, "dk", typeOf(getDk()), typeOf(getK()))))
    return failure();
  return verifyType(*this, "dv", typeOf(getDv()), typeOf(getV()));
}

//===----------------------------------------------------------------------===//
// Rows and elements
//===----------------------------------------------------------------------===//

static LogicalResult verifyHasLast(Operation *op, StringRef name, RankedTensorType type) {
  if (type.getRank() > 0)
    return success();
  return op->emitOpError() << name << " is a scalar, which has no last dimension";
}

/// A norm: the result is like the input, scale and offset (or null) are vectors
/// of the last dimension's size, in any float type.
static LogicalResult verifyNorm(Operation *op, Value input, Value gamma, Value beta, const APFloat &eps) {
  RankedTensorType type = typeOf(input);
  if (failed(verifyHasLast(op, "input", type)) || failed(verifyType(op, "result", typeOf(op->getResult(0)), type)))
    return failure();
  for (auto [name, vector] : {std::pair<StringRef, Value>("gamma", gamma), {"beta", beta}})
    if (vector && failed(verifyShape(op, name, typeOf(vector), type.getShape().take_back())))
      return failure();
  if (eps.isNegative() || eps.isNaN())
    return op->emitOpError() << "eps " << eps.convertToDouble() << " is negative";
  return success();
}

LogicalResult LayerNormOp::verify() { return verifyNorm(*this, getInput(), getGamma(), getBeta(), getEps()); }
LogicalResult RmsNormOp::verify() { return verifyNorm(*this, getInput(), getGamma(), Value(), getEps()); }

LogicalResult SoftmaxOp::verify() {
  if (failed(verifyHasLast(*this, "input", typeOf(getInput()))))
    return failure();
  return verifyType(*this, "result", typeOf(getResult()), typeOf(getInput()));
}

LogicalResult CrossEntropyOp::verify() {
  RankedTensorType logits = typeOf(getLogits());
  if (failed(verifyHasLast(*this, "logits", logits)))
    return failure();
  ArrayRef<int64_t> shape = logits.getShape().drop_back();
  if (failed(verifyShape(*this, "labels", typeOf(getLabels()), shape)))
    return failure();
  auto f32 = Float32Type::get(getContext());
  return verifyType(*this, "result", typeOf(getResult()), RankedTensorType::get(shape, f32));
}

LogicalResult GeluOp::verify() { return verifyType(*this, "result", typeOf(getResult()), typeOf(getInput())); }
LogicalResult SiluOp::verify() { return verifyType(*this, "result", typeOf(getResult()), typeOf(getInput())); }

LogicalResult RotaryOp::verify() {
  RankedTensorType input = typeOf(getInput()), cos = typeOf(getCos());
  if (failed(verifyRank(*this, "input", input, 4)) || failed(verifyType(*this, "result", typeOf(getResult()), input)))
    return failure();
  if (cos.getRank() != 2 && cos.getRank() != 3)
    return emitOpError() << "cos has rank " << cos.getRank() << ", expected 2 (position, angle) or 3 (with a batch)";
  int64_t rotated = cos.getShape().back();
  if (rotated % 2 != 0 || rotated > input.getDimSize(3))
    return emitOpError() << "rotates " << rotated << " elements of heads of " << input.getDimSize(3)
                         << ": the number must be even and no larger";
  SmallVector<int64_t> shape{input.getDimSize(0), input.getDimSize(1), rotated};
  ArrayRef<int64_t> expected = ArrayRef<int64_t>(shape).take_back(cos.getRank());
  if (failed(verifyShape(*this, "cos", cos, expected)))
    return failure();
  return verifyShape(*this, "sin", typeOf(getSin()), expected);
}

LogicalResult RandomOp::verify() {
  if (failed(verifyRank(*this, "seed", typeOf(getSeed()), 0)))
    return failure();
  RankedTensorType type = typeOf(getResult());
  std::optional<ArrayRef<int64_t>> whole = getWhole();
  if (getOffsets().empty() && !whole)
    return success();
  if (!whole || static_cast<int64_t>(whole->size()) != type.getRank() ||
      static_cast<int64_t>(getOffsets().size()) != type.getRank())
    return emitOpError() << "is a part of " << type
                         << " and needs an offset and a size of the whole for each dimension";
  for (Value offset : getOffsets())
    if (failed(verifyRank(*this, "offset", typeOf(offset), 0)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// The update
//===----------------------------------------------------------------------===//

/// The named scalars and the table of hyperparameters have their fixed types.
static LogicalResult verifyScalars(Operation *op, ArrayRef<std::pair<StringRef, Value>> floats, Value step,
                                   Value hyper) {
  Builder builder(op->getContext());
  auto number = RankedTensorType::get({}, builder.getF64Type()),
       integer = RankedTensorType::get({}, builder.getI64Type());
  for (auto [name, value] : floats)
    if (failed(verifyType(op, name, typeOf(value), number)))
      return failure();
  if (step && failed(verifyType(op, "step", typeOf(step), integer)))
    return failure();
  return verifyType(op, "hyper", typeOf(hyper), number.clone({16}));
}

LogicalResult LearningRateOp::verify() {
  return verifyScalars(*this, {{"result", getResult()}}, getStep(), getHyper());
}

LogicalResult AdamOp::verify() {
  RankedTensorType param = typeOf(getParam());
  for (auto [name, value] : {std::pair<StringRef, Value>("grad", getGrad()), {"m", getM()}, {"v", getV()}})
    if (failed(verifyShape(*this, name, typeOf(value), param.getShape())))
      return failure();
  if (failed(verifyScalars(*this, {{"scale", getScale()}, {"lr", getLr()}}, getStep(), getHyper())) ||
      failed(verifyType(*this, "newParam", typeOf(getNewParam()), param)) ||
      failed(verifyType(*this, "newM", typeOf(getNewM()), typeOf(getM()))))
    return failure();
  return verifyType(*this, "newV", typeOf(getNewV()), typeOf(getV()));
}

LogicalResult SgdOp::verify() {
  RankedTensorType param = typeOf(getParam());
  for (auto [name, value] : {std::pair<StringRef, Value>("grad", getGrad()), {"m", getM()}})
    if (failed(verifyShape(*this, name, typeOf(value), param.getShape())))
      return failure();
  if (failed(verifyScalars(*this, {{"scale", getScale()}, {"lr", getLr()}}, Value(), getHyper())) ||
      failed(verifyType(*this, "newParam", typeOf(getNewParam()), param)))
    return failure();
  return verifyType(*this, "newM", typeOf(getNewM()), typeOf(getM()));
}

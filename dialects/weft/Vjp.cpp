//===- Vjp.cpp - Vector-Jacobian products of the primitive ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Products, reductions, changes of shape and indexed access. Most are linear:
// their product is their transpose and reads no value. Composite ops are in
// VjpComposite.cpp and VjpAttention.cpp, arith and math in VjpModels.cpp.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"

using namespace mlir;
using namespace weft;

/// [begin, end) as a list of dimensions.
static SmallVector<int64_t> dimRange(int64_t begin, int64_t end) {
  return llvm::to_vector(llvm::seq<int64_t>(begin, end));
}

static Type elementType(Value v) { return tensorType(v).getElementType(); }

//===----------------------------------------------------------------------===//
// Products and reductions
//===----------------------------------------------------------------------===//

/// Dimension k of `v` is dimension order[k] of the wanted value: puts them there.
static Value placeDims(Build &e, Value v, ArrayRef<int64_t> order) {
  SmallVector<int64_t> perm(order.size());
  for (auto [from, to] : llvm::enumerate(order))
    perm[to] = from;
  return e.transpose(v, perm);
}

/// The dimensions in `dims`, sorted, translated from `dims` to `partners`: how
/// the contracted dimensions of one operand, when they remain in a product in
/// ascending order, correspond to those of the other.
static SmallVector<int64_t> partnersInOrder(ArrayRef<int64_t> dims, ArrayRef<int64_t> partners) {
  SmallVector<std::pair<int64_t, int64_t>> pairs;
  for (auto [dim, partner] : llvm::zip_equal(dims, partners))
    pairs.push_back({dim, partner});
  llvm::sort(pairs);
  return llvm::map_to_vector(pairs, [](auto pair) { return pair.second; });
}

LogicalResult DotGeneralOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                     SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value grad = resultGrads[0], lhs = getLhs(), rhs = getRhs();
  SmallVector<int64_t> lhsFree = getLhsFree(), rhsFree = getRhsFree();
  int64_t numBatch = getLhsBatch().size(), endLhs = numBatch + lhsFree.size(), end = endLhs + rhsFree.size();
  SmallVector<int64_t> batch = dimRange(0, numBatch);

  if (needed[0]) {
    // Batch, the free dimensions of lhs, then rhs's contracted ones in the order in which rhs has them.
    Value product = e.dot(e.cast(grad, elementType(rhs)), rhs, batch, getRhsBatch(), dimRange(endLhs, end), rhsFree);
    SmallVector<int64_t> order(getLhsBatch());
    llvm::append_range(order, lhsFree);
    llvm::append_range(order, partnersInOrder(getRhsContract(), getLhsContract()));
    operandGrads[0] = e.cast(placeDims(e, product, order), elementType(lhs));
  }
  if (needed[1]) {
    // Batch, lhs's contracted dimensions in the order in which lhs has them, then rhs's free ones: for x[.., K] times
    // w[K, N] that is w's own layout.
    Value product =
        e.dot(lhs, e.cast(grad, elementType(lhs)), getLhsBatch(), batch, lhsFree, dimRange(numBatch, endLhs));
    SmallVector<int64_t> order(getRhsBatch());
    llvm::append_range(order, partnersInOrder(getLhsContract(), getRhsContract()));
    llvm::append_range(order, rhsFree);
    operandGrads[1] = e.cast(placeDims(e, product, order), elementType(rhs));
  }
  return success();
}

void DotGeneralOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.append({getLhs(), getRhs()}); }

LogicalResult ReduceOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                 SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  Value x = getInput(), grad = resultGrads[0];
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  auto spread = [&](Value rows) { return e.broadcastAlong(rows, getDims(), shape); };
  auto toNumber = [&](Value condition) { return e.cast(condition, elementType(x)); };

  switch (getKind()) {
  case ReduceKind::sum:
    operandGrads[0] = spread(grad);
    return success();
  case ReduceKind::max:
  case ReduceKind::min: {
    // Elements that share the extremum share its gradient.
    Value isExtremum = e.equal(x, spread(getResult()));
    Value share = e.div(grad, e.sum(toNumber(isExtremum), getDims()));
    operandGrads[0] = e.select(isExtremum, spread(share), e.splatLike(x, 0));
    return success();
  }
  case ReduceKind::prod: {
    // The product of the other elements; a quotient alone would be 0/0 where an element is zero.
    Value zero = e.splatLike(x, 0), isZero = e.equal(x, zero);
    Value nonZero = e.select(isZero, e.splatLike(x, 1), x);
    Value product = spread(e.reduce(ReduceKind::prod, nonZero, getDims()));
    Value zeros = toNumber(isZero);
    Value otherZeros = e.sub(spread(e.sum(zeros, getDims())), zeros);
    Value quotient = e.div(product, nonZero), others = e.select(e.equal(otherZeros, zero), quotient, zero);
    operandGrads[0] = e.mul(spread(grad), others);
    return success();
  }
  }
  llvm_unreachable("a kind of reduction without a case");
}

void ReduceOp::getSavedValues(SmallVectorImpl<Value> &saved) {
  if (getKind() == ReduceKind::sum)
    return;
  saved.push_back(getInput());
  if (getKind() != ReduceKind::prod)
    saved.push_back(getResult());
}

LogicalResult CumsumOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                 SmallVectorImpl<Value> &operandGrads) {
  operandGrads[0] = CumsumOp::create(builder, getLoc(), getInput().getType(), resultGrads[0], getDim(), !getReverse(),
                                     getExclusive());
  return success();
}

void CumsumOp::getSavedValues(SmallVectorImpl<Value> &saved) {}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                    SmallVectorImpl<Value> &operandGrads) {
  SmallVector<int64_t> repeated;
  for (int64_t d = 0, rank = tensorType(getResult()).getRank(); d < rank; ++d)
    if (!llvm::is_contained(getDims(), d))
      repeated.push_back(d);
  operandGrads[0] = Build{builder, getLoc()}.sum(resultGrads[0], repeated);
  return success();
}

void BroadcastOp::getSavedValues(SmallVectorImpl<Value> &saved) {}

LogicalResult TransposeOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                    SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  operandGrads[0] = placeDims(e, resultGrads[0], getPerm());
  return success();
}

void TransposeOp::getSavedValues(SmallVectorImpl<Value> &saved) {}

LogicalResult ReshapeOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                  SmallVectorImpl<Value> &operandGrads) {
  operandGrads[0] = Build{builder, getLoc()}.reshape(resultGrads[0], tensorType(getInput()).getShape());
  return success();
}

void ReshapeOp::getSavedValues(SmallVectorImpl<Value> &saved) {}

LogicalResult SliceOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                SmallVectorImpl<Value> &operandGrads) {
  RankedTensorType from = tensorType(getInput()), to = tensorType(getResult());
  if (to.getNumElements() == 0) {
    operandGrads[0] = Build{builder, getLoc()}.splat(from, 0);
    return success();
  }
  SmallVector<int64_t> high, interior;
  for (int64_t d = 0; d < from.getRank(); ++d) {
    int64_t last = getOffsets()[d] + (to.getDimSize(d) - 1) * getStrides()[d];
    high.push_back(from.getDimSize(d) - last - 1);
    interior.push_back(getStrides()[d] - 1);
  }
  operandGrads[0] = PadOp::create(builder, getLoc(), from, resultGrads[0], getOffsets(), high, interior);
  return success();
}

void SliceOp::getSavedValues(SmallVectorImpl<Value> &saved) {}

LogicalResult PadOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                              SmallVectorImpl<Value> &operandGrads) {
  SmallVector<int64_t> strides;
  for (int64_t interior : getInterior())
    strides.push_back(interior + 1);
  operandGrads[0] =
      Build{builder, getLoc()}.slice(resultGrads[0], getLow(), tensorType(getInput()).getShape(), strides);
  return success();
}

void PadOp::getSavedValues(SmallVectorImpl<Value> &saved) {}

LogicalResult ConcatOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                 SmallVectorImpl<Value> &operandGrads) {
  Build e{builder, getLoc()};
  SmallVector<int64_t> offsets(tensorType(getResult()).getRank(), 0);
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    ArrayRef<int64_t> shape = tensorType(input).getShape();
    if (needed[i])
      operandGrads[i] = e.slice(resultGrads[0], offsets, shape);
    offsets[getDim()] += shape[getDim()];
  }
  return success();
}

void ConcatOp::getSavedValues(SmallVectorImpl<Value> &saved) {}

//===----------------------------------------------------------------------===//
// Indexed access
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                 SmallVectorImpl<Value> &operandGrads) {
  operandGrads[0] =
      ScatterAddOp::create(builder, getLoc(), getInput().getType(), resultGrads[0], getIndices(), getAxis());
  return success();
}

void GatherOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.push_back(getIndices()); }

LogicalResult ScatterAddOp::buildVjp(OpBuilder &builder, ArrayRef<Value> resultGrads, ArrayRef<bool> needed,
                                     SmallVectorImpl<Value> &operandGrads) {
  operandGrads[0] = Build{builder, getLoc()}.gather(resultGrads[0], getIndices(), getAxis());
  return success();
}

void ScatterAddOp::getSavedValues(SmallVectorImpl<Value> &saved) { saved.push_back(getIndices()); }

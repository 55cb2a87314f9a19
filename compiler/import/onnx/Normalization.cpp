//===- Normalization.cpp - ONNX softmax and norms -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// The permutation that moves `axis` to the end.
static Shape axisLast(int64_t axis, int64_t rank) {
  Shape perm;
  for (int64_t d = 0; d < rank; ++d)
    if (d != axis)
      perm.push_back(d);
  perm.push_back(axis);
  return perm;
}

static Shape inverse(ArrayRef<int64_t> perm) {
  Shape result(perm.size());
  for (auto [i, p] : llvm::enumerate(perm))
    result[p] = i;
  return result;
}

static LogicalResult softmax(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", -1), n.rank(0));
  if (failed(axis) || failed(n.needFloat()))
    return failure();
  Shape perm = axisLast(*axis, n.rank(0));
  Value x = n.e.transpose(n.input(0), perm);
  Value y = SoftmaxOp::create(n.e.b, n.e.loc, x.getType(), x);
  return n.done(n.e.transpose(y, inverse(perm)));
}

static LogicalResult logSoftmax(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", -1), n.rank(0));
  if (failed(axis) || failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  ArrayRef<int64_t> shape = n.shape(0);
  Value x = n.input(0);
  Value top = e.broadcastAlong(e.reduce(ReduceKind::max, x, {*axis}), {*axis}, shape);
  Value shifted = e.sub(x, top);
  Value total = e.log(e.sum(e.exp(shifted), {*axis}));
  Value result = e.sub(shifted, e.broadcastAlong(total, {*axis}, shape));
  // A loss that follows takes the logits instead.
  n.context.logSoftmax[result] = {x, *axis};
  return n.done(result);
}

/// A scale or bias of a norm over the last dimensions `normal`, as a vector.
static FailureOr<Value> flatAffine(NodeImport &n, size_t i, ArrayRef<int64_t> normal, int64_t elements) {
  if (failed(n.needSameElementType(0, i)))
    return failure();
  FailureOr<Value> full = n.stretch(n.input(i), normal);
  if (failed(full))
    return failure();
  return n.e.reshape(*full, {elements});
}

/// x with the dimensions from `axis` on made one, which is what the norms of the dialect work on.
static LogicalResult layerNorm(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", -1), n.rank(0));
  double eps = n.getFloat("epsilon", 1e-5f);
  n.getInt("stash_type", 1); // statistics are f32 always
  if (failed(axis) || failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  ArrayRef<int64_t> shape = n.shape(0), normal = shape.drop_front(*axis);
  int64_t elements = 1;
  for (int64_t size : normal)
    elements *= size;
  Shape flat(shape.take_front(*axis));
  flat.push_back(elements);
  Value x = e.reshape(n.input(0), flat), gamma, beta;
  for (size_t i : {1, 2}) {
    if (!n.has(i))
      continue;
    FailureOr<Value> vector = flatAffine(n, i, normal, elements);
    if (failed(vector))
      return failure();
    (i == 1 ? gamma : beta) = *vector;
  }
  Value y = LayerNormOp::create(e.b, e.loc, x.getType(), x, gamma, beta, e.b.getF64FloatAttr(eps));
  n.set(0, e.reshape(y, shape));
  if (!n.wants(1) && !n.wants(2))
    return success();
  // The statistics as results of their own.
  Value wide = e.cast(x, e.b.getF32Type());
  Shape statShape(shape.take_front(*axis));
  statShape.append(normal.size(), 1);
  Value sum = e.sum(wide, {*axis}), mean = e.div(sum, e.splatLike(sum, elements));
  Value centered = e.sub(wide, e.broadcastAlong(mean, {*axis}, flat));
  Value squares = e.sum(e.mul(centered, centered), {*axis}), variance = e.div(squares, e.splatLike(squares, elements));
  Value inverseDeviation = e.rsqrt(e.add(variance, e.splatLike(variance, eps)));
  if (n.wants(1))
    n.set(1, e.reshape(mean, statShape));
  if (n.wants(2))
    n.set(2, e.reshape(inverseDeviation, statShape));
  return success();
}

static LogicalResult rmsNorm(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", -1), n.rank(0));
  double eps = n.getFloat("epsilon", 1e-5f);
  n.getInt("stash_type", 1);
  if (failed(axis) || failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  ArrayRef<int64_t> shape = n.shape(0), normal = shape.drop_front(*axis);
  int64_t elements = 1;
  for (int64_t size : normal)
    elements *= size;
  Shape flat(shape.take_front(*axis));
  flat.push_back(elements);
  FailureOr<Value> gamma = flatAffine(n, 1, normal, elements);
  if (failed(gamma))
    return failure();
  Value x = e.reshape(n.input(0), flat);
  Value y = RmsNormOp::create(e.b, e.loc, x.getType(), x, *gamma, e.b.getF64FloatAttr(eps));
  return n.done(e.reshape(y, shape));
}

static LogicalResult lpNormalization(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", -1), n.rank(0));
  int64_t p = n.getInt("p", 2);
  if (failed(axis) || failed(n.needFloat()))
    return failure();
  if (p != 1 && p != 2)
    return n.error() << "p must be 1 or 2, not " << p;
  Build &e = n.e;
  Value x = n.input(0);
  Value norm = p == 1 ? e.sum(math::AbsFOp::create(e.b, e.loc, x), {*axis}) : e.sqrt(e.sum(e.mul(x, x), {*axis}));
  // A vector of zeros stays one.
  Value one = e.splatLike(norm, 1);
  norm = e.select(e.equal(norm, e.splatLike(norm, 0)), one, norm);
  return n.done(e.div(x, e.broadcastAlong(norm, {*axis}, n.shape(0))));
}

static LogicalResult meanVarianceNormalization(NodeImport &n) {
  Shape list{0, 2, 3};
  if (auto given = n.getInts("axes"))
    list = *given;
  FailureOr<Shape> axes = n.axes(list, n.rank(0));
  if (failed(axes) || failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  Value x = n.input(0);
  auto mean = [&](Value v) {
    Value sum = e.sum(v, *axes);
    double count = static_cast<double>(n.type(0).getNumElements()) / tensorType(sum).getNumElements();
    return e.broadcastAlong(e.div(sum, e.splatLike(sum, count)), *axes, n.shape(0));
  };
  Value centered = e.sub(x, mean(x));
  Value deviation = e.sqrt(mean(e.mul(centered, centered)));
  return n.done(e.div(centered, e.add(deviation, e.splatLike(x, 1e-9))));
}

void weft::registerNormalization(OpTable &table) {
  table.add("Softmax", softmax, 1, 1);
  table.add("LogSoftmax", logSoftmax, 1, 1);
  table.add("LpNormalization", lpNormalization, 1, 1);
  table.add("MeanVarianceNormalization", meanVarianceNormalization, 1, 1);
  table.add("LayerNormalization", layerNorm, 2, 3, 3, 17);
  table.add("RMSNormalization", rmsNorm, 2, 2, 1, 23);
}

//===- Loss.cpp - ONNX losses -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// Moves the classes, dimension 1 of [N, C, d1, ...], to the end.
static Value classesLast(Build &e, Value scores) {
  int64_t rank = tensorType(scores).getRank();
  Shape perm{0};
  for (int64_t d = 2; d < rank; ++d)
    perm.push_back(d);
  perm.push_back(1);
  return e.transpose(scores, perm);
}

namespace {
/// What both losses have in common.
struct LossForm {
  std::string reduction;
  std::optional<int64_t> ignored;
};
} // namespace

static FailureOr<LossForm> lossForm(NodeImport &n) {
  LossForm form{n.getString("reduction", "mean"), std::nullopt};
  if (n.hasAttr("ignore_index"))
    form.ignored = n.getInt("ignore_index", -100);
  if (form.reduction != "mean" && form.reduction != "sum" && form.reduction != "none") {
    n.error() << "reduction must be 'mean', 'sum' or 'none', not '" << form.reduction << "'";
    return failure();
  }
  Shape labels(n.shape(0));
  if (n.rank(0) < 2) {
    n.error() << "scores must be [batch, classes, ...], not " << n.type(0);
    return failure();
  }
  labels.erase(labels.begin() + 1);
  Type index = n.elementType(1);
  if (n.shape(1) != ArrayRef<int64_t>(labels) || !(index.isInteger(64) || index.isInteger(32))) {
    n.error() << "labels of type " << n.type(1) << " do not fit scores of type " << n.type(0);
    return failure();
  }
  if (failed(n.needFloat()) || (n.has(2) && failed(n.needSameElementType(0, 2))))
    return failure();
  if (n.has(2) && n.shape(2) != ArrayRef<int64_t>{n.shape(0)[1]}) {
    n.error() << "class weights of type " << n.type(2) << " do not fit scores of type " << n.type(0);
    return failure();
  }
  return form;
}

/// 1 where a position counts, else 0; null if all count.
static Value countsMask(NodeImport &n, const LossForm &form) {
  if (!form.ignored)
    return {};
  Build &e = n.e;
  Value differs = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, n.input(1),
                                        e.splatLike(n.input(1), static_cast<double>(*form.ignored)));
  return e.cast(differs, e.b.getF32Type());
}

/// The labels with 0 where they do not count: an index that a table has.
static Value withoutIgnored(Build &e, Value labels, int64_t ignored) {
  Value zero = e.splatLike(labels, 0);
  return e.select(e.equal(labels, e.splatLike(labels, static_cast<double>(ignored))), zero, labels);
}

/// Weighs and reduces losses per position, which are f32 and 0 where ignored.
static Value reduceLosses(NodeImport &n, const LossForm &form, Value losses) {
  Build &e = n.e;
  Shape all = llvm::to_vector(llvm::seq<int64_t>(0, tensorType(losses).getRank()));
  Value counted = countsMask(n, form), weights = counted;
  if (n.has(2)) {
    Value labels = n.input(1);
    if (form.ignored)
      labels = withoutIgnored(e, labels, *form.ignored);
    weights = e.cast(e.gather(n.input(2), labels, 0), e.b.getF32Type());
    losses = e.mul(losses, weights);
    if (counted)
      weights = e.mul(weights, counted);
  }
  if (form.reduction == "none")
    return e.cast(losses, n.elementType(0));
  Value total = e.sum(losses, all);
  if (form.reduction == "mean") {
    Value norm =
        weights ? e.sum(weights, all) : e.splatLike(total, static_cast<double>(tensorType(losses).getNumElements()));
    total = e.div(total, norm);
  }
  return e.cast(total, n.elementType(0));
}

static LogicalResult softmaxCrossEntropy(NodeImport &n) {
  FailureOr<LossForm> form = lossForm(n);
  if (failed(form))
    return failure();
  Build &e = n.e;
  Value logits = classesLast(e, n.input(0));
  auto type = RankedTensorType::get(n.shape(1), e.b.getF32Type());
  Value losses = CrossEntropyOp::create(e.b, e.loc, type, logits, n.input(1), form->ignored.value_or(-100));
  n.set(0, reduceLosses(n, *form, losses));
  if (n.wants(1)) {
    ArrayRef<int64_t> shape = n.shape(0);
    Value x = n.input(0);
    Value shifted = e.sub(x, e.broadcastAlong(e.reduce(ReduceKind::max, x, {1}), {1}, shape));
    n.set(1, e.sub(shifted, e.broadcastAlong(e.log(e.sum(e.exp(shifted), {1})), {1}, shape)));
  }
  return success();
}

/// The logits, classes last, if the scores are a LogSoftmax over the classes, possibly reshaped since.
static Value logitsOf(NodeImport &n) {
  auto &known = n.context.logSoftmax;
  Value scores = n.input(0);
  if (auto it = known.find(scores); it != known.end() && it->second.second == 1)
    return classesLast(n.e, it->second.first);
  auto reshape = scores.getDefiningOp<ReshapeOp>();
  if (!reshape || n.rank(0) != 2)
    return {};
  auto it = known.find(reshape.getInput());
  if (it == known.end())
    return {};
  RankedTensorType source = tensorType(it->second.first);
  if (it->second.second != source.getRank() - 1 || source.getShape().back() != n.shape(0)[1])
    return {};
  return n.e.reshape(it->second.first, n.shape(0));
}

static LogicalResult negativeLogLikelihood(NodeImport &n) {
  FailureOr<LossForm> form = lossForm(n);
  if (failed(form))
    return failure();
  Build &e = n.e;
  Value losses;
  if (Value logits = logitsOf(n)) {
    auto type = RankedTensorType::get(n.shape(1), e.b.getF32Type());
    losses = CrossEntropyOp::create(e.b, e.loc, type, logits, n.input(1), form->ignored.value_or(-100));
  } else {
    // Picks the label's score of every position out of the flat scores.
    Value scores = classesLast(e, n.input(0)), labels = n.input(1), counted = countsMask(n, *form);
    if (form->ignored)
      labels = withoutIgnored(e, labels, *form->ignored);
    int64_t positions = n.type(1).getNumElements(), classes = n.shape(0)[1];
    auto flat = RankedTensorType::get({positions}, n.elementType(1));
    Value width = e.splat(flat, static_cast<double>(classes)), row = e.mul(e.iota(flat, 0), width);
    Value index = e.add(row, e.reshape(labels, {positions}));
    Value picked = e.gather(e.reshape(scores, {positions * classes}), index, 0);
    losses = e.neg(e.cast(e.reshape(picked, n.shape(1)), e.b.getF32Type()));
    if (counted)
      losses = e.mul(losses, counted);
  }
  return n.done(reduceLosses(n, *form, losses));
}

void weft::registerLoss(OpTable &table) {
  table.add("SoftmaxCrossEntropyLoss", softmaxCrossEntropy, 2, 3, 2);
  table.add("NegativeLogLikelihoodLoss", negativeLogLikelihood, 2, 3);
}

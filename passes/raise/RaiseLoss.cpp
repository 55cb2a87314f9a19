//===- RaiseLoss.cpp - Cross-entropy from log-probabilities -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A log-softmax of which one element per position is picked, by a gather from
// the flat tensor or by a one-hot product, is minus a cross-entropy. The minus
// that the model has itself cancels it later.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/raise/Condition.h"
#include "passes/raise/Match.h"

using namespace mlir;
using namespace weft;

/// What `view` is a reduction of over the index `last`.
static std::optional<View> reducedOver(Factors &factors, View view, ReduceKind kind, const FactorList &last) {
  view = trace(factors, std::move(view), {/*broadcasts=*/true});
  auto reduce = view.value.getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getKind() != kind || reduce.getDims().size() != 1)
    return std::nullopt;
  int64_t dim = reduce.getDims().front();
  if (tensorType(reduce.getInput()).getDimSize(dim) != factors.size(last))
    return std::nullopt;
  Layout layout = view.layout;
  layout.insert(layout.begin() + dim, last);
  return View{reduce.getInput(), std::move(layout)};
}

static View operand(Factors &factors, const View &view, unsigned i) {
  return trace(factors, {view.value.getDefiningOp()->getOperand(i), view.layout});
}

/// The logits of which `view` is the log-softmax along its last dimension.
static std::optional<View> logitsOf(Factors &factors, View view) {
  view = trace(factors, std::move(view));
  if (view.layout.empty() || view.layout.back().empty())
    return std::nullopt;
  FactorList last = view.layout.back();
  if (view.value.getDefiningOp<math::LogOp>()) {
    View softmax = operand(factors, view, 0);
    auto op = softmax.value.getDefiningOp<SoftmaxOp>();
    if (!op || !factors.same(softmax.layout.back(), last))
      return std::nullopt;
    return View{op.getInput(), softmax.layout};
  }
  // shifted - log(sum(exp(shifted))), with or without a maximum subtracted.
  if (!view.value.getDefiningOp<arith::SubFOp>())
    return std::nullopt;
  View shifted = operand(factors, view, 0);
  View log = trace(factors, {view.value.getDefiningOp()->getOperand(1), view.layout}, {/*broadcasts=*/true});
  if (!log.value.getDefiningOp<math::LogOp>())
    return std::nullopt;
  std::optional<View> exp = reducedOver(factors, operand(factors, log, 0), ReduceKind::sum, last);
  if (!exp)
    return std::nullopt;
  *exp = trace(factors, *exp);
  if (!exp->value.getDefiningOp<math::ExpOp>() || !sameView(factors, operand(factors, *exp, 0), shifted))
    return std::nullopt;
  if (shifted.value.getDefiningOp<arith::SubFOp>()) {
    View x = operand(factors, shifted, 0);
    View top{shifted.value.getDefiningOp()->getOperand(1), shifted.layout};
    std::optional<View> greatest = reducedOver(factors, top, ReduceKind::max, last);
    if (greatest && sameView(factors, *greatest, x))
      return x;
  }
  return shifted;
}

/// Replaces `root`, which picks `logits[label]` of a log-softmax times `sign`.
static LogicalResult replaceWithLoss(Operation *root, Raising &raising, Factors &factors, const View &logits,
                                     const View &labels, const Layout &positions, const FactorList &classes,
                                     double sign) {
  // The labels must name each position once.
  FactorList rows;
  for (const FactorList &dim : positions)
    llvm::append_range(rows, dim);
  FactorList labelled = factors.leaves(labels.layout), all = factors.leaves(rows);
  llvm::sort(labelled);
  llvm::sort(all);
  if (labelled != all || !isa<IntegerType>(tensorType(labels.value).getElementType()))
    return failure();
  Build build = raising.at(root);
  Layout withClasses = positions;
  withClasses.push_back(classes);
  Value x = materialize(build, factors, logits, withClasses);
  Value y = materialize(build, factors, labels, positions);
  SmallVector<int64_t> shape(tensorType(y).getShape());
  Value loss = CrossEntropyOp::create(build.b, build.loc, RankedTensorType::get(shape, build.b.getF32Type()), x, y);
  Value picked = build.cast(loss, getElementTypeOrSelf(root->getResult(0).getType()));
  if (sign > 0)
    picked = build.neg(picked);
  root->getResult(0).replaceAllUsesWith(build.reshape(picked, tensorType(root->getResult(0)).getShape()));
  return success();
}

/// gather(reshape(logp, [n * classes]), position * classes + label).
static LogicalResult raiseGather(GatherOp root, Raising &raising) {
  RankedTensorType type = root.getType();
  auto flat = root.getInput().getDefiningOp<ReshapeOp>();
  if (!flat || tensorType(root.getInput()).getRank() != 1)
    return failure();
  RankedTensorType scores = tensorType(flat.getInput());
  if (scores.getRank() == 0 || scores.getNumElements() != type.getNumElements() * scores.getShape().back())
    return failure();
  Factors factors;
  Layout index = factors.freshLayout(root.getIndices());
  FactorList classes = factors.fresh(scores.getShape().back()), rows;
  for (const FactorList &dim : index)
    llvm::append_range(rows, dim);

  // The indices as a sum: one term is the labels, the others count positions.
  std::optional<View> labels;
  Affine position;
  SmallVector<View> terms{{root.getIndices(), index}};
  constexpr int maxTerms = 16;
  for (int i = 0; i < maxTerms && !terms.empty(); ++i) {
    View term = trace(factors, terms.pop_back_val());
    if (std::optional<Affine> counted = evaluateAffine(factors, term)) {
      position.add(*counted, 1);
    } else if (auto sum = term.value.getDefiningOp<arith::AddIOp>()) {
      terms.push_back({sum.getLhs(), term.layout});
      terms.push_back({sum.getRhs(), term.layout});
    } else if (labels) {
      return failure();
    } else {
      labels = term;
    }
  }
  Affine expected;
  expected.addIndex(factors, rows, factors.size(classes));
  if (!labels || !terms.empty() || !(position.normalized(factors) == expected.normalized(factors)))
    return failure();
  std::optional<Layout> layout = factors.regroup({rows, classes}, scores.getShape());
  std::optional<View> logits = layout ? logitsOf(factors, {flat.getInput(), *layout}) : std::nullopt;
  if (!logits || !factors.same(logits->layout.back(), classes))
    return failure();
  return replaceWithLoss(root, raising, factors, *logits, *labels, index, classes, /*sign=*/1);
}

/// The labels that an i1 tensor compares with the index `classes`.
static std::optional<View> oneHotLabels(Factors &factors, View view, const FactorList &classes) {
  view = trace(factors, std::move(view), {/*broadcasts=*/true});
  auto cmp = view.value.getDefiningOp<arith::CmpIOp>();
  if (!cmp || cmp.getPredicate() != arith::CmpIPredicate::eq)
    return std::nullopt;
  Affine expected;
  expected.addIndex(factors, classes, 1);
  for (auto [label, index] : bothOrders(cmp)) {
    std::optional<Affine> counted = evaluateAffine(factors, {index, view.layout});
    if (counted && counted->normalized(factors) == expected.normalized(factors))
      return trace(factors, {label, view.layout}, {/*broadcasts=*/true});
  }
  return std::nullopt;
}

/// sum(logp * onehot(label)) over the classes.
static LogicalResult raiseOneHot(ReduceOp root, Raising &raising) {
  int64_t classDim = tensorType(root.getInput()).getRank() - 1;
  if (root.getKind() != ReduceKind::sum || root.getDims() != ArrayRef<int64_t>{classDim})
    return failure();
  Factors factors;
  Layout layout = factors.freshLayout(root.getInput());
  FactorList classes = layout.back();
  Layout positions(layout.begin(), layout.end() - 1);
  Operation *op = root.getInput().getDefiningOp();
  SmallVector<std::pair<Value, Value>> candidates; // log-probabilities and condition
  auto conditionOf = [](Value v) -> Value {
    if (auto select = v.getDefiningOp<arith::SelectOp>())
      return splatOf(select.getTrueValue()) == 1.0 && splatOf(select.getFalseValue()) == 0.0 ? select.getCondition()
                                                                                             : Value();
    auto cast = v.getDefiningOp<arith::UIToFPOp>();
    return cast ? cast.getIn() : Value();
  };
  if (isa_and_nonnull<arith::MulFOp>(op)) {
    for (auto [scores, oneHot] : bothOrders(op))
      if (Value condition = conditionOf(oneHot))
        candidates.push_back({scores, condition});
  } else if (auto select = dyn_cast_or_null<arith::SelectOp>(op)) {
    if (splatOf(select.getFalseValue()) == 0.0)
      candidates.push_back({select.getTrueValue(), select.getCondition()});
  }
  for (auto [scores, condition] : candidates) {
    Value inner = negated(scores);
    std::optional<View> logits = logitsOf(factors, {inner ? inner : scores, layout});
    if (!logits || !factors.same(logits->layout.back(), classes))
      continue;
    if (std::optional<View> labels = oneHotLabels(factors, {condition, layout}, classes))
      return replaceWithLoss(root, raising, factors, *logits, *labels, positions, classes, inner ? -1 : 1);
  }
  return failure();
}

LogicalResult weft::raiseCrossEntropy(Operation *root, Raising &raising) {
  if (auto gather = dyn_cast<GatherOp>(root))
    return raiseGather(gather, raising);
  if (auto reduce = dyn_cast<ReduceOp>(root))
    return raiseOneHot(reduce, raising);
  return failure();
}

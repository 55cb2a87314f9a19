//===- RaiseNorm.cpp - Norms and softmax from their arithmetic -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A norm is recovered in steps: first the normalised value, at the product with
// (or quotient by) a root of a mean of squares; then, where that is multiplied
// by a vector or a vector is added, gamma and beta.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/raise/Match.h"

using namespace mlir;
using namespace weft;

namespace {
/// A statistic over the last dimension of a tensor, being matched.
struct Rows {
  Factors factors;
  /// The tensor's dimensions, and the last one.
  Layout layout;
  FactorList last;

  explicit Rows(Value v) : layout(factors.freshLayout(v)), last(layout.back()) {}

  /// Looks through views and broadcasts.
  View through(View view) { return trace(factors, std::move(view), {/*broadcasts=*/true}); }
  View through(Value v) { return through({v, layout}); }
  /// The operand of `view`'s op, which must be elementwise.
  View operand(const View &view, unsigned i) {
    return through({view.value.getDefiningOp()->getOperand(i), view.layout});
  }
  int64_t size() const { return factors.size(last); }
  std::optional<View> reduced(View view, ReduceKind kind);
  std::optional<View> mean(View view);
};
} // namespace

/// What `view` is a reduction of, over all of the last dimension and nothing else.
std::optional<View> Rows::reduced(View view, ReduceKind kind) {
  auto reduce = view.value.getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getKind() != kind || reduce.getDims().size() != 1)
    return std::nullopt;
  int64_t dim = reduce.getDims().front();
  if (tensorType(reduce.getInput()).getDimSize(dim) != size())
    return std::nullopt;
  Layout layout = view.layout;
  layout.insert(layout.begin() + dim, last);
  FactorList before = factors.leaves(view.layout);
  if (llvm::any_of(factors.leaves(last), [&](int f) { return llvm::is_contained(before, f); }))
    return std::nullopt;
  return through({reduce.getInput(), std::move(layout)});
}

/// What `view` is the mean of.
std::optional<View> Rows::mean(View view) {
  double scale = 1;
  view = trace(factors, std::move(view), {/*broadcasts=*/true, /*casts=*/true, &scale});
  if (!isNear(scale, 1.0 / static_cast<double>(size())))
    return std::nullopt;
  return reduced(std::move(view), ReduceKind::sum);
}

static bool isPower(Operation *op, double exponent) {
  return isa<math::PowFOp>(op) && splatOf(op->getOperand(1)) == exponent;
}

/// What `view` is the square of.
static std::optional<View> squared(Rows &rows, const View &view) {
  Operation *op = view.value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (isPower(op, 2))
    return rows.operand(view, 0);
  if (!isa<arith::MulFOp>(op))
    return std::nullopt;
  View x = rows.operand(view, 0);
  if (!sameView(rows.factors, x, rows.operand(view, 1)))
    return std::nullopt;
  return x;
}

/// What `view` is the square root (or, `inverse`, its reciprocal) of.
static std::optional<View> rootOf(Rows &rows, const View &view, bool inverse) {
  Operation *op = view.value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (isPower(op, inverse ? -0.5 : 0.5))
    return rows.operand(view, 0);
  if (inverse ? isa<math::RsqrtOp>(op) : isa<math::SqrtOp>(op))
    return rows.operand(view, 0);
  if (isa<arith::DivFOp>(op) && splatOf(op->getOperand(0)) == 1.0)
    return rootOf(rows, rows.operand(view, 1), !inverse);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

/// `x` of x - mean(x), or nothing.
static std::optional<View> centered(Rows &rows, const View &view) {
  if (!view.value.getDefiningOp<arith::SubFOp>())
    return std::nullopt;
  View x = rows.operand(view, 0);
  std::optional<View> averaged = rows.mean(rows.operand(view, 1));
  if (!averaged || !sameView(rows.factors, *averaged, x))
    return std::nullopt;
  return x;
}

/// root = x * rsqrt(mean(x*x) + eps), where x may be centred.
static LogicalResult raiseNormalized(Operation *root, Raising &raising) {
  bool divides = isa<arith::DivFOp>(root);
  Value result = root->getResult(0);
  for (auto [value, statistic] : bothOrders(root)) {
    if (divides && value != root->getOperand(0))
      continue;
    Rows rows(result);
    if (rows.last.empty())
      return failure();
    std::optional<View> variance = rootOf(rows, rows.through(statistic), /*inverse=*/!divides);
    if (!variance || !variance->value.getDefiningOp<arith::AddFOp>())
      continue;
    for (unsigned i : {0, 1}) {
      std::optional<double> eps = splatOf(variance->value.getDefiningOp()->getOperand(1 - i));
      if (!eps || *eps < 0)
        continue;
      std::optional<View> square = rows.mean(rows.operand(*variance, i));
      std::optional<View> base = square ? squared(rows, *square) : std::nullopt;
      View x = rows.through(value);
      if (!base || !sameView(rows.factors, *base, x))
        continue;
      Build build = raising.at(root);
      FloatAttr epsilon = build.b.getF64FloatAttr(*eps);
      Value norm;
      if (std::optional<View> source = centered(rows, x))
        norm = LayerNormOp::create(build.b, build.loc, result.getType(),
                                   materialize(build, rows.factors, *source, rows.layout), Value(), Value(), epsilon);
      else
        norm = RmsNormOp::create(build.b, build.loc, result.getType(), materialize(build, rows.factors, x, rows.layout),
                                 Value(), epsilon);
      result.replaceAllUsesWith(norm);
      return success();
    }
  }
  return failure();
}

/// `v` as a vector along the last dimension of `like`, or null.
static Value vectorAlongLast(Build &build, Value v, Value like) {
  Rows rows(like);
  View view = rows.through(v);
  if (!rows.factors.same(rows.factors.leaves(view.layout), rows.last) || rows.last.empty())
    return {};
  return materialize(build, rows.factors, view, {rows.last});
}

/// Takes a following product into gamma and a following sum into beta.
static LogicalResult raiseScaleAndShift(Operation *root, Raising &raising) {
  bool isSum = isa<arith::AddFOp>(root);
  for (auto [value, vector] : bothOrders(root)) {
    if (!value.hasOneUse())
      continue;
    auto layerNorm = value.getDefiningOp<LayerNormOp>();
    auto rmsNorm = value.getDefiningOp<RmsNormOp>();
    bool open =
        layerNorm ? !layerNorm.getBeta() && (isSum || !layerNorm.getGamma()) : rmsNorm && !isSum && !rmsNorm.getGamma();
    if (!open)
      continue;
    Build build = raising.at(root);
    Value along = vectorAlongLast(build, vector, value);
    if (!along)
      continue;
    Value norm;
    if (rmsNorm)
      norm = RmsNormOp::create(build.b, build.loc, value.getType(), rmsNorm.getInput(), along, rmsNorm.getEpsAttr());
    else
      norm = LayerNormOp::create(build.b, build.loc, value.getType(), layerNorm.getInput(),
                                 isSum ? layerNorm.getGamma() : along, isSum ? along : Value(), layerNorm.getEpsAttr());
    root->getResult(0).replaceAllUsesWith(norm);
    return success();
  }
  return failure();
}

/// Narrow tensors are widened for a norm and its result is narrowed; the ops do
/// their statistics in f32 whatever they are given.
static LogicalResult raiseNarrow(arith::TruncFOp root, Raising &raising) {
  auto norm = root.getIn().getDefiningOp<RmsNormOp>();
  auto layerNorm = root.getIn().getDefiningOp<LayerNormOp>();
  if (!root.getIn().hasOneUse() || (!norm && !layerNorm))
    return failure();
  bool bare = norm ? !norm.getGamma() : !layerNorm.getGamma() && !layerNorm.getBeta();
  auto widened = root.getIn().getDefiningOp()->getOperand(0).getDefiningOp<arith::ExtFOp>();
  if (!bare || !widened || widened.getIn().getType() != root.getType())
    return failure();
  Build build = raising.at(root);
  Value result;
  if (norm)
    result = RmsNormOp::create(build.b, build.loc, root.getType(), widened.getIn(), Value(), norm.getEpsAttr());
  else
    result = LayerNormOp::create(build.b, build.loc, root.getType(), widened.getIn(), Value(), Value(),
                                 layerNorm.getEpsAttr());
  root.getResult().replaceAllUsesWith(result);
  return success();
}

LogicalResult weft::raiseNorm(Operation *root, Raising &raising) {
  if (auto cast = dyn_cast<arith::TruncFOp>(root); cast && isa<RankedTensorType>(cast.getType()))
    return raiseNarrow(cast, raising);
  if (!isa<arith::MulFOp, arith::DivFOp, arith::AddFOp>(root) || tensorType(root->getResult(0)).getRank() == 0)
    return failure();
  if (!isa<arith::DivFOp>(root) && succeeded(raiseScaleAndShift(root, raising)))
    return success();
  return isa<arith::AddFOp>(root) ? failure() : raiseNormalized(root, raising);
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

LogicalResult weft::raiseSoftmax(Operation *root, Raising &raising) {
  if (!isa<arith::MulFOp, arith::DivFOp>(root) || tensorType(root->getResult(0)).getRank() == 0)
    return failure();
  Value result = root->getResult(0);
  for (auto [value, normalizer] : bothOrders(root)) {
    if (isa<arith::DivFOp>(root) && value != root->getOperand(0))
      continue;
    Rows rows(result);
    View weights = rows.through(value), total = rows.through(normalizer);
    if (isa<arith::MulFOp>(root)) {
      auto reciprocal = total.value.getDefiningOp<arith::DivFOp>();
      if (!reciprocal || splatOf(reciprocal.getLhs()) != 1.0)
        continue;
      total = rows.operand(total, 1);
    }
    if (rows.last.empty() || !weights.value.getDefiningOp<math::ExpOp>())
      continue;
    std::optional<View> summed = rows.reduced(total, ReduceKind::sum);
    if (!summed || !sameView(rows.factors, *summed, weights))
      continue;
    // A maximum that is subtracted changes nothing but the range.
    View logits = rows.operand(weights, 0);
    if (logits.value.getDefiningOp<arith::SubFOp>()) {
      View x = rows.operand(logits, 0);
      std::optional<View> greatest = rows.reduced(rows.operand(logits, 1), ReduceKind::max);
      if (greatest && sameView(rows.factors, *greatest, x))
        logits = x;
    }
    Build build = raising.at(root);
    Value input = materialize(build, rows.factors, logits, rows.layout);
    result.replaceAllUsesWith(SoftmaxOp::create(build.b, build.loc, result.getType(), input));
    return success();
  }
  return failure();
}

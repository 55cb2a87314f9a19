//===- Condition.cpp - see Condition.h -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/raise/Condition.h"
#include "dialects/weft/Literal.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/raise/Match.h"
#include <cmath>

using namespace mlir;
using namespace weft;

/// Expressions of masks are shallow; deeper ones are taken as they are.
static constexpr int maxDepth = 12;

//===----------------------------------------------------------------------===//
// Affine
//===----------------------------------------------------------------------===//

void Affine::add(const Affine &other, int64_t multiple) {
  for (auto [factor, coefficient] : other.terms)
    terms.emplace_back(factor, coefficient * multiple);
  constant += other.constant * multiple;
}

void Affine::addIndex(const Factors &factors, ArrayRef<int> list, int64_t multiple) {
  FactorList leaves = factors.leaves(list);
  for (int factor : llvm::reverse(leaves)) {
    terms.emplace_back(factor, multiple);
    multiple *= factors.size(factor);
  }
}

Affine Affine::normalized(const Factors &factors) const {
  Affine parts;
  parts.constant = constant;
  for (auto [factor, coefficient] : terms)
    parts.addIndex(factors, {factor}, coefficient);
  llvm::sort(parts.terms);
  Affine merged;
  merged.constant = constant;
  for (auto [factor, coefficient] : parts.terms) {
    if (!merged.terms.empty() && merged.terms.back().first == factor)
      merged.terms.back().second += coefficient;
    else
      merged.terms.emplace_back(factor, coefficient);
  }
  llvm::erase_if(merged.terms, [](const auto &term) { return term.second == 0; });
  return merged;
}

std::pair<int64_t, int64_t> Affine::range(const Factors &factors) const {
  int64_t low = constant, high = constant;
  for (auto [factor, coefficient] : normalized(factors).terms)
    (coefficient < 0 ? low : high) += coefficient * (factors.size(factor) - 1);
  return {low, high};
}

static std::optional<int64_t> toInteger(double value) {
  constexpr double exact = 9007199254740992.0; // 2^53
  if (!(std::abs(value) < exact) || value != std::floor(value))
    return std::nullopt;
  return static_cast<int64_t>(value);
}

/// A constant whose elements grow evenly along every dimension.
static std::optional<Affine> fitAffine(Factors &factors, const View &view, DenseElementsAttr attr) {
  if (attr.getNumElements() == 0)
    return std::nullopt;
  ArrayRef<int64_t> shape = attr.getType().getShape();
  SmallVector<int64_t> slopes(shape.size()), firstSteps = rowMajorStrides(shape);
  std::vector<double> numbers(attr.getNumElements());
  visitNumbers(attr, [&](int64_t i, double value) {
    numbers[i] = value;
    return true;
  });
  std::optional<int64_t> origin = toInteger(numbers[0]);
  if (!origin)
    return std::nullopt;
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] > 1) {
      std::optional<int64_t> step = toInteger(numbers[firstSteps[d]]);
      if (!step)
        return std::nullopt;
      slopes[d] = *step - *origin;
    }
  for (int64_t i = 0, e = numbers.size(); i < e; ++i) {
    int64_t expected = *origin;
    for (size_t d = 0; d < shape.size(); ++d)
      expected += slopes[d] * (i / firstSteps[d] % shape[d]);
    if (numbers[i] != static_cast<double>(expected))
      return std::nullopt;
  }
  Affine affine;
  affine.constant = *origin;
  for (size_t d = 0; d < shape.size(); ++d)
    affine.addIndex(factors, view.layout[d], slopes[d]);
  return affine;
}

/// Whether every value of `affine` is exact in the element type.
static bool isExact(const Factors &factors, const Affine &affine, Type element) {
  auto [low, high] = affine.range(factors);
  int64_t bits = 0;
  if (auto type = dyn_cast<FloatType>(element))
    bits = std::min<int64_t>(type.getFPMantissaWidth(), 53);
  else
    bits = std::min<int64_t>(element.getIntOrFloatBitWidth(), 63) - 1;
  int64_t limit = int64_t(1) << bits;
  return -limit <= low && high < limit;
}

static std::optional<Affine> affineOf(Factors &factors, const View &view, int depth);

static std::optional<Affine> affine(Factors &factors, View view, int depth) {
  if (depth == 0)
    return std::nullopt;
  view = trace(factors, std::move(view), {/*broadcasts=*/true});
  std::optional<Affine> result = affineOf(factors, view, depth);
  if (result && !isExact(factors, *result, getElementTypeOrSelf(view.value.getType())))
    return std::nullopt;
  return result;
}

static std::optional<Affine> affineOf(Factors &factors, const View &view, int depth) {
  if (std::optional<double> splat = splatOf(view.value)) {
    std::optional<int64_t> constant = toInteger(*splat);
    if (!constant)
      return std::nullopt;
    Affine result;
    result.constant = *constant;
    return result;
  }
  if (DenseElementsAttr attr = denseOf(view.value))
    return fitAffine(factors, view, attr);
  Operation *op = view.value.getDefiningOp();
  if (!op)
    return std::nullopt;
  auto operand = [&](int i) { return affine(factors, {op->getOperand(i), view.layout}, depth - 1); };
  if (auto iota = dyn_cast<IotaOp>(op)) {
    Affine result;
    result.addIndex(factors, view.layout[iota.getDim()], 1);
    return result;
  }
  if (isa<arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp, arith::SIToFPOp, arith::FPToSIOp, arith::ExtFOp,
          arith::TruncFOp>(op) &&
      !getElementTypeOrSelf(op->getOperand(0).getType()).isInteger(1))
    return operand(0);
  if (!isa<arith::AddIOp, arith::AddFOp, arith::SubIOp, arith::SubFOp, arith::MulIOp, arith::MulFOp>(op))
    return std::nullopt;
  std::optional<Affine> a = operand(0), b = operand(1);
  if (!a || !b)
    return std::nullopt;
  if (isa<arith::MulIOp, arith::MulFOp>(op)) {
    Affine x = a->normalized(factors), y = b->normalized(factors);
    if (!x.terms.empty())
      std::swap(x, y);
    if (!x.terms.empty())
      return std::nullopt;
    Affine product;
    product.add(y, x.constant);
    return product;
  }
  a->add(*b, isa<arith::SubIOp, arith::SubFOp>(op) ? -1 : 1);
  return a;
}

//===----------------------------------------------------------------------===//
// Conditions
//===----------------------------------------------------------------------===//

std::optional<Conjunction> weft::negate(const Conjunction &conjunction) {
  Conjunction result;
  if (conjunction.never)
    return result;
  if (conjunction.always()) {
    result.never = true;
    return result;
  }
  if (conjunction.conditions.size() > 1)
    return std::nullopt;
  Condition condition = conjunction.conditions.front();
  condition.inverted = !condition.inverted;
  if (condition.bound) {
    // Not (b <= 0) is 1 - b <= 0 in integers.
    Affine opposite;
    opposite.constant = 1;
    opposite.add(*condition.bound, -1);
    condition.bound = opposite;
  }
  result.conditions.push_back(std::move(condition));
  return result;
}

static Conjunction constantCondition(bool value) {
  Conjunction result;
  result.never = !value;
  return result;
}

/// The predicate of a comparison, signed and ordered: for the finite integers
/// compared here the kinds are the same.
enum class Relation { equal, notEqual, less, lessEqual, greater, greaterEqual };

static std::optional<Relation> relationOf(Operation *op) {
  if (auto cmp = dyn_cast<arith::CmpIOp>(op)) {
    switch (cmp.getPredicate()) {
    case arith::CmpIPredicate::eq:
      return Relation::equal;
    case arith::CmpIPredicate::ne:
      return Relation::notEqual;
    case arith::CmpIPredicate::slt:
      return Relation::less;
    case arith::CmpIPredicate::sle:
      return Relation::lessEqual;
    case arith::CmpIPredicate::sgt:
      return Relation::greater;
    case arith::CmpIPredicate::sge:
      return Relation::greaterEqual;
    default:
      return std::nullopt;
    }
  }
  auto cmp = dyn_cast<arith::CmpFOp>(op);
  if (!cmp)
    return std::nullopt;
  switch (cmp.getPredicate()) {
  case arith::CmpFPredicate::OEQ:
  case arith::CmpFPredicate::UEQ:
    return Relation::equal;
  case arith::CmpFPredicate::ONE:
  case arith::CmpFPredicate::UNE:
    return Relation::notEqual;
  case arith::CmpFPredicate::OLT:
  case arith::CmpFPredicate::ULT:
    return Relation::less;
  case arith::CmpFPredicate::OLE:
  case arith::CmpFPredicate::ULE:
    return Relation::lessEqual;
  case arith::CmpFPredicate::OGT:
  case arith::CmpFPredicate::UGT:
    return Relation::greater;
  case arith::CmpFPredicate::OGE:
  case arith::CmpFPredicate::UGE:
    return Relation::greaterEqual;
  default:
    return std::nullopt;
  }
}

static bool holds(Relation relation, double a, double b) {
  switch (relation) {
  case Relation::equal:
    return a == b;
  case Relation::notEqual:
    return a != b;
  case Relation::less:
    return a < b;
  case Relation::lessEqual:
    return a <= b;
  case Relation::greater:
    return a > b;
  case Relation::greaterEqual:
    return a >= b;
  }
  llvm_unreachable("all relations are listed");
}

static Conjunction condition(Factors &factors, View view, int depth);
static std::optional<TwoValues> twoValues(Factors &factors, View view, int depth);

/// A comparison of indices, as a bound.
static std::optional<Conjunction> compareIndices(Factors &factors, const View &view, Relation relation, int depth) {
  Operation *op = view.value.getDefiningOp();
  std::optional<Affine> a = affine(factors, {op->getOperand(0), view.layout}, depth);
  std::optional<Affine> b = a ? affine(factors, {op->getOperand(1), view.layout}, depth) : std::nullopt;
  if (!b)
    return std::nullopt;
  Affine difference = *a;
  difference.add(*b, -1);
  difference = difference.normalized(factors);
  if (difference.terms.empty())
    return constantCondition(holds(relation, static_cast<double>(difference.constant), 0));
  if (relation == Relation::equal || relation == Relation::notEqual)
    return std::nullopt;
  Affine bound;
  bool flipped = relation == Relation::greater || relation == Relation::greaterEqual;
  bound.add(difference, flipped ? -1 : 1);
  if (relation == Relation::less || relation == Relation::greater)
    bound.constant += 1;
  Conjunction result;
  Condition &condition = result.conditions.emplace_back();
  condition.view = view;
  condition.bound = bound;
  return result;
}

/// A comparison of a two-valued tensor with a constant.
static std::optional<Conjunction> compareValues(Factors &factors, const View &view, Relation relation, int depth) {
  Operation *op = view.value.getDefiningOp();
  for (bool swapped : {false, true}) {
    std::optional<double> constant = splatOf(op->getOperand(swapped ? 0 : 1));
    if (!constant)
      continue;
    std::optional<TwoValues> values = twoValues(factors, {op->getOperand(swapped ? 1 : 0), view.layout}, depth);
    if (!values)
      return std::nullopt;
    auto test = [&](double x) { return swapped ? holds(relation, *constant, x) : holds(relation, x, *constant); };
    bool whenTrue = test(values->whenTrue), whenFalse = test(values->whenFalse);
    if (whenTrue == whenFalse)
      return constantCondition(whenTrue);
    return whenTrue ? values->condition : negate(values->condition);
  }
  return std::nullopt;
}

static Conjunction bothOf(Conjunction a, const Conjunction &b) {
  a.never |= b.never;
  a.conditions.append(b.conditions.begin(), b.conditions.end());
  return a;
}

static Conjunction condition(Factors &factors, View view, int depth) {
  view = trace(factors, std::move(view), {/*broadcasts=*/true});
  if (std::optional<double> splat = splatOf(view.value))
    return constantCondition(*splat != 0);
  Conjunction opaque;
  Condition &self = opaque.conditions.emplace_back();
  self.view = view;
  self.dense = denseOf(view.value);
  Operation *op = view.value.getDefiningOp();
  if (!op || self.dense || depth == 0)
    return opaque;
  auto operand = [&](int i) { return condition(factors, {op->getOperand(i), view.layout}, depth - 1); };
  if (isa<arith::AndIOp>(op))
    return bothOf(operand(0), operand(1));
  if (isa<arith::OrIOp>(op)) {
    Conjunction a = operand(0), b = operand(1);
    if (a.always() || b.never)
      return a;
    if (b.always() || a.never)
      return b;
    return opaque;
  }
  if (isa<arith::XOrIOp>(op)) {
    for (int i : {0, 1})
      if (std::optional<double> splat = splatOf(op->getOperand(i))) {
        Conjunction other = operand(1 - i);
        return *splat == 0 ? other : negate(other).value_or(opaque);
      }
    return opaque;
  }
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    std::optional<double> yes = splatOf(select.getTrueValue()), no = splatOf(select.getFalseValue());
    if (no && *no == 0)
      return bothOf(operand(0), operand(1));
    if (yes && *yes == 0)
      if (std::optional<Conjunction> flipped = negate(operand(0)))
        return bothOf(*flipped, operand(2));
    return opaque;
  }
  if (std::optional<Relation> relation = relationOf(op)) {
    if (std::optional<Conjunction> result = compareIndices(factors, view, *relation, depth - 1))
      return *result;
    if (std::optional<Conjunction> result = compareValues(factors, view, *relation, depth - 1))
      return *result;
  }
  return opaque;
}

/// A constant of exactly two values.
static std::optional<TwoValues> splitConstant(const View &view, DenseElementsAttr attr) {
  std::optional<double> first, second;
  bool more = false;
  visitNumbers(attr, [&](int64_t, double value) {
    if (!first)
      first = value;
    else if (value != *first && !second)
      second = value;
    else if (value != *first && value != *second)
      more = true;
    return !more;
  });
  if (more || !second || std::isnan(*first) || std::isnan(*second))
    return std::nullopt;
  TwoValues result{{}, *first, *second};
  Condition &condition = result.condition.conditions.emplace_back();
  condition.view = view;
  condition.dense = attr;
  condition.trueValue = *first;
  return result;
}

static std::optional<TwoValues> twoValues(Factors &factors, View view, int depth) {
  if (depth == 0)
    return std::nullopt;
  view = trace(factors, std::move(view), {/*broadcasts=*/true});
  if (std::optional<double> splat = splatOf(view.value))
    return TwoValues{{}, *splat, *splat};
  if (DenseElementsAttr attr = denseOf(view.value))
    return splitConstant(view, attr);
  Operation *op = view.value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    std::optional<double> yes = splatOf(select.getTrueValue()), no = splatOf(select.getFalseValue());
    if (!yes || !no)
      return std::nullopt;
    return TwoValues{condition(factors, {select.getCondition(), view.layout}, depth - 1), *yes, *no};
  }
  bool fromBool = op->getNumOperands() == 1 && getElementTypeOrSelf(op->getOperand(0).getType()).isInteger(1);
  if (fromBool) {
    if (!isa<arith::ExtUIOp, arith::UIToFPOp, arith::ExtSIOp, arith::SIToFPOp>(op))
      return std::nullopt;
    double one = isa<arith::ExtUIOp, arith::UIToFPOp>(op) ? 1 : -1;
    return TwoValues{condition(factors, {op->getOperand(0), view.layout}, depth - 1), one, 0};
  }
  auto operand = [&](int i) { return twoValues(factors, {op->getOperand(i), view.layout}, depth - 1); };
  if (isa<arith::ExtFOp, arith::TruncFOp, arith::ExtSIOp, arith::ExtUIOp, arith::SIToFPOp, arith::UIToFPOp>(op))
    return operand(0);
  if (isa<arith::NegFOp>(op)) {
    std::optional<TwoValues> values = operand(0);
    if (values)
      values = TwoValues{values->condition, -values->whenTrue, -values->whenFalse};
    return values;
  }
  if (!isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivFOp>(op))
    return std::nullopt;
  // Computed in f64, then rounded as the tensor's type would.
  auto type = dyn_cast<FloatType>(getElementTypeOrSelf(view.value.getType()));
  for (bool swapped : {false, true}) {
    std::optional<double> constant = splatOf(op->getOperand(swapped ? 0 : 1));
    if (!constant)
      continue;
    std::optional<TwoValues> values = operand(swapped ? 1 : 0);
    if (!values)
      return std::nullopt;
    auto apply = [&](double x) {
      double a = swapped ? *constant : x, b = swapped ? x : *constant, value;
      if (isa<arith::AddFOp, arith::AddIOp>(op))
        value = a + b;
      else if (isa<arith::SubFOp, arith::SubIOp>(op))
        value = a - b;
      else
        value = isa<arith::DivFOp>(op) ? a / b : a * b;
      return type ? roundTo(value, type.getFloatSemantics()) : value;
    };
    return TwoValues{values->condition, apply(values->whenTrue), apply(values->whenFalse)};
  }
  return std::nullopt;
}

std::optional<Affine> weft::evaluateAffine(Factors &factors, View view) {
  return affine(factors, std::move(view), maxDepth);
}

Conjunction weft::evaluateCondition(Factors &factors, View view) {
  return condition(factors, std::move(view), maxDepth);
}

std::optional<TwoValues> weft::evaluateTwoValues(Factors &factors, View view) {
  return twoValues(factors, std::move(view), maxDepth);
}

void weft::visitNumbers(DenseElementsAttr attr, llvm::function_ref<bool(int64_t, double)> visit) {
  int64_t i = 0;
  auto visitAll = [&](auto values, auto convert) {
    for (auto value : values)
      if (!visit(i++, convert(value)))
        return;
  };
  Type element = attr.getElementType();
  if (element.isF32())
    return visitAll(attr.getValues<float>(), [](float x) { return static_cast<double>(x); });
  if (element.isInteger(1))
    return visitAll(attr.getValues<bool>(), [](bool x) { return x ? 1.0 : 0.0; });
  if (isa<IntegerType>(element))
    return visitAll(attr.getValues<APInt>(), [](const APInt &x) { return static_cast<double>(x.getSExtValue()); });
  return visitAll(attr.getValues<APFloat>(), [](APFloat x) {
    bool lost;
    x.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
    return x.convertToDouble();
  });
}

//===- RuleCheck.cpp - Factor rules against reference evaluation -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "RuleCheck.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Verifier.h"
#include <cmath>
#include <map>

using namespace mlir;
using namespace weft;
using namespace weft::test;

using Kind = ShardingRule::FactorKind;
using Combine = ShardingRule::Combine;

/// How often something false may turn out true on random values before it is believed.
static constexpr int64_t chances = 8;

//===----------------------------------------------------------------------===//
// Literals
//===----------------------------------------------------------------------===//

double test::toleranceOf(ArrayRef<Literal> tensors) {
  // A short sum of doubles with cancellation.
  double tolerance = 1e-11;
  for (const Literal &tensor : tensors)
    if (auto type = dyn_cast<FloatType>(tensor.getType().getElementType()))
      tolerance = std::max(tolerance, std::ldexp(16, -static_cast<int>(type.getFPMantissaWidth())));
  return tolerance;
}

bool test::isNear(const Literal &actual, const Literal &expected, double tolerance) {
  if (actual.getType() != expected.getType())
    return false;
  int64_t count = actual.getNumElements();
  if (!actual.isFloat()) {
    for (int64_t i = 0; i < count; ++i)
      if (actual.getInt(i) != expected.getInt(i))
        return false;
    return true;
  }
  double scale = 1;
  for (int64_t i = 0; i < count; ++i)
    if (std::isfinite(expected.getFloat(i)))
      scale = std::max(scale, std::fabs(expected.getFloat(i)));
  for (int64_t i = 0; i < count; ++i) {
    double x = actual.getFloat(i), y = expected.getFloat(i);
    bool same = x == y || (std::isnan(x) && std::isnan(y));
    if (!same && !(std::fabs(x - y) <= tolerance * scale))
      return false;
  }
  return true;
}

/// `function` of the elements of two literals of the same type.
template <typename Function> static Literal zip(const Literal &x, const Literal &y, Function &&function) {
  int64_t count = x.getNumElements();
  if (x.isFloat()) {
    std::vector<double> values(count);
    for (int64_t i = 0; i < count; ++i)
      values[i] = function(x.getFloat(i), y.getFloat(i));
    return Literal::ofFloats(x.getType(), std::move(values));
  }
  std::vector<int64_t> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = function(x.getInt(i), y.getInt(i));
  return Literal::ofInts(x.getType(), std::move(values));
}

static Literal combine(Combine how, const Literal &x, const Literal &y) {
  // Integers wrap, for which they have to be unsigned while they are added.
  auto wrapping = [](auto value) {
    if constexpr (std::is_integral_v<decltype(value)>)
      return static_cast<uint64_t>(value);
    else
      return value;
  };
  switch (how) {
  case Combine::Sum:
    return zip(x, y, [&](auto a, auto b) { return wrapping(a) + wrapping(b); });
  case Combine::Product:
    return zip(x, y, [&](auto a, auto b) { return wrapping(a) * wrapping(b); });
  case Combine::Max:
    return zip(x, y, [](auto a, auto b) { return std::max(a, b); });
  case Combine::Min:
    return zip(x, y, [](auto a, auto b) { return std::min(a, b); });
  }
  llvm_unreachable("unknown combination");
}

static const Cut *findCut(ArrayRef<Cut> cuts, int64_t factor) {
  const Cut *found = llvm::find_if(cuts, [&](const Cut &cut) { return cut.factor == factor; });
  return found == cuts.end() ? nullptr : found;
}

Literal test::cutLiteral(const Literal &whole, const ShardingRule::TensorMap &map, const ShardingRule &rule,
                         ArrayRef<Cut> cuts) {
  // The tensor with one dimension per factor, of which the part is a slice.
  SmallVector<int64_t> factorSizes, partSizes, shape;
  for (auto [dim, factors] : llvm::enumerate(map)) {
    int64_t size = 1;
    for (int64_t factor : factors) {
      const Cut *cut = findCut(cuts, factor);
      factorSizes.push_back(rule.factors[factor].size);
      partSizes.push_back(cut ? cut->end - cut->begin : factorSizes.back());
      size *= partSizes.back();
    }
    shape.push_back(size);
  }
  SmallVector<int64_t> strides = rowMajorStrides(factorSizes);
  int64_t base = 0, next = 0;
  for (ArrayRef<int64_t> factors : map)
    for (int64_t factor : factors) {
      const Cut *cut = findCut(cuts, factor);
      base += (cut ? cut->begin : 0) * strides[next++];
    }
  Literal part = whole.gatherStrided(whole.getType().clone(partSizes), base, strides);
  return part.withType(whole.getType().clone(shape));
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

RuleCheck::RuleCheck(Operation *op, ArrayRef<Literal> operands, std::mt19937 &generator)
    : rule(cast<ShardingRuleOpInterface>(op).getShardingRule()), op(op), operands(operands), generator(generator) {
  LogicalResult evaluated = cast<EvaluateOpInterface>(op).evaluate(operands, results);
  if (failed(evaluated))
    results.clear();
}

std::optional<SmallVector<Literal>> RuleCheck::evaluate(ArrayRef<Literal> values) {
  SmallVector<Literal> computed;
  if (failed(cast<EvaluateOpInterface>(op).evaluate(values, computed)))
    return std::nullopt;
  return computed;
}

std::optional<SmallVector<Literal>> RuleCheck::evaluateCut(ArrayRef<Cut> cuts) {
  Block block;
  SmallVector<Literal> parts;
  Operation *local = op->clone();
  for (auto [i, literal] : llvm::enumerate(operands)) {
    parts.push_back(cutLiteral(literal, rule.operands[i], rule, cuts));
    local->setOperand(i, block.addArgument(parts.back().getType(), op->getLoc()));
  }
  for (auto [i, literal] : llvm::enumerate(results))
    local->getResult(i).setType(cutLiteral(literal, rule.results[i], rule, cuts).getType());
  // The one op whose attribute has a shape.
  if (auto constant = dyn_cast<arith::ConstantOp>(local))
    if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue()))
      constant.setValueAttr(splat.resizeSplat(cast<ShapedType>(local->getResult(0).getType())));
  block.push_back(local);
  SmallVector<Literal> computed;
  // A clone that does not verify is a fault of the rule, not of the test: no message.
  ScopedDiagnosticHandler quiet(op->getContext(), [](Diagnostic &) { return success(); });
  if (failed(verify(local)) || failed(cast<EvaluateOpInterface>(local).evaluate(parts, computed)))
    return std::nullopt;
  return computed;
}

Literal RuleCheck::randomLike(const Literal &like) {
  int64_t count = like.getNumElements();
  if (like.isFloat()) {
    std::normal_distribution<double> normal;
    std::vector<double> values(count);
    for (double &value : values)
      value = normal(generator);
    return Literal::ofFloats(like.getType(), std::move(values));
  }
  std::vector<int64_t> values(count);
  for (int64_t &value : values)
    value = static_cast<int32_t>(generator());
  return Literal::ofInts(like.getType(), std::move(values));
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

static Fault fault(const ShardingRule &rule, const Twine &what) {
  std::string text;
  llvm::raw_string_ostream(text) << what << " in " << rule;
  return text;
}

/// The factors of a tensor, in the order of its dimensions.
static SmallVector<int64_t> factorsOf(const ShardingRule::TensorMap &map) {
  SmallVector<int64_t> factors;
  for (ArrayRef<int64_t> dim : map)
    llvm::append_range(factors, dim);
  return factors;
}

static bool has(const ShardingRule::TensorMap &map, int64_t factor) {
  return llvm::is_contained(factorsOf(map), factor);
}

Fault RuleCheck::checkForm() const {
  if (results.size() != op->getNumResults())
    return fault(rule, "cannot be evaluated, the op");
  auto checkTensors = [&](ArrayRef<ShardingRule::TensorMap> maps, ArrayRef<Literal> tensors) -> Fault {
    if (maps.size() != tensors.size())
      return fault(rule, "wrong number of tensors");
    for (auto [map, tensor] : llvm::zip_equal(maps, tensors)) {
      if (static_cast<int64_t>(map.size()) != tensor.getType().getRank())
        return fault(rule, "wrong rank");
      for (auto [factors, size] : llvm::zip_equal(map, tensor.getShape())) {
        int64_t product = 1;
        for (int64_t factor : factors) {
          if (factor < 0 || factor >= static_cast<int64_t>(rule.factors.size()))
            return fault(rule, "unknown factor");
          product *= rule.factors[factor].size;
        }
        if (product != size)
          return fault(rule, "dimension of size " + Twine(size) + " has factors of " + Twine(product));
      }
      SmallVector<int64_t> factors = factorsOf(map);
      llvm::sort(factors);
      if (std::adjacent_find(factors.begin(), factors.end()) != factors.end())
        return fault(rule, "factor twice in a tensor");
    }
    return std::nullopt;
  };
  if (Fault bad = checkTensors(rule.operands, operands))
    return bad;
  if (Fault bad = checkTensors(rule.results, results))
    return bad;
  for (auto [i, factor] : llvm::enumerate(rule.factors)) {
    auto appears = [&, index = i](const ShardingRule::TensorMap &map) { return has(map, index); };
    bool inOperand = llvm::any_of(rule.operands, appears);
    if (!inOperand && !llvm::any_of(rule.results, appears))
      return fault(rule, "factor " + Twine(i) + " appears nowhere");
    if (factor.kind == Kind::Parallel && !llvm::any_of(rule.results, appears))
      return fault(rule, "Parallel factor " + Twine(i) + " is in no result");
    if (factor.kind == Kind::Reduction && (!inOperand || llvm::all_of(rule.results, appears)))
      return fault(rule, "Reduction factor " + Twine(i) + " is in no operand or in every result");
  }
  for (ArrayRef<int64_t> set : rule.linear)
    if (set.empty() || llvm::any_of(set, [&](int64_t i) { return i < 0 || i >= op->getNumOperands(); }))
      return fault(rule, "linear in operands that are not there");
  return std::nullopt;
}

Fault RuleCheck::checkFactors(ArrayRef<int64_t> factors) {
  SmallVector<int64_t> middles;
  for (int64_t factor : factors)
    middles.push_back(std::uniform_int_distribution<int64_t>(1, rule.factors[factor].size - 1)(generator));

  // Partial results by result and by the cuts of all factors that are not summed (or the like) in it.
  struct Partial {
    SmallVector<Cut> cuts;
    Literal value;
  };
  std::map<std::pair<int64_t, std::vector<int64_t>>, Partial> partials;
  for (int64_t shard = 0; shard < int64_t(1) << factors.size(); ++shard) {
    SmallVector<Cut> cuts;
    for (auto [i, factor] : llvm::enumerate(factors))
      cuts.push_back(shard >> i & 1 ? Cut{factor, middles[i], rule.factors[factor].size} : Cut{factor, 0, middles[i]});
    std::optional<SmallVector<Literal>> computed = evaluateCut(cuts);
    if (!computed)
      return fault(rule, "the shard cannot be evaluated, cut in factor " + Twine(factors[0]));
    for (auto [i, value] : llvm::enumerate(*computed)) {
      std::vector<int64_t> key;
      Combine how = Combine::Sum;
      for (const Cut &cut : cuts) {
        const ShardingRule::Factor &factor = rule.factors[cut.factor];
        if (factor.kind == Kind::Reduction && !has(rule.results[i], cut.factor))
          how = factor.combine;
        else
          key.push_back(cut.begin);
      }
      auto [found, isNew] = partials.try_emplace({i, key}, Partial{cuts, value});
      if (!isNew)
        found->second.value = combine(how, found->second.value, value);
    }
  }
  for (const auto &[key, partial] : partials) {
    auto [i, cutsOfKey] = key;
    Literal expected = cutLiteral(results[i], rule.results[i], rule, partial.cuts);
    if (!isNear(partial.value, expected, toleranceOf(results)))
      return fault(rule, "result " + Twine(i) + " is wrong if cut in factor " + Twine(factors[0]) +
                             (factors.size() > 1 ? " and " + Twine(factors[1]) : Twine()));
  }
  return std::nullopt;
}

Fault RuleCheck::checkLinear(ArrayRef<int64_t> set) {
  SmallVector<Literal> first(operands), second(operands), sum(operands);
  for (int64_t i : set) {
    first[i] = randomLike(operands[i]);
    second[i] = randomLike(operands[i]);
    sum[i] = combine(Combine::Sum, first[i], second[i]);
  }
  auto ofFirst = evaluate(first), ofSecond = evaluate(second), ofSum = evaluate(sum);
  if (!ofFirst || !ofSecond || !ofSum)
    return fault(rule, "cannot be evaluated on a partial operand " + Twine(set[0]));
  double tolerance = std::max(toleranceOf(operands), toleranceOf(results));
  for (auto [x, y, z] : llvm::zip_equal(*ofFirst, *ofSecond, *ofSum))
    if (!isNear(combine(Combine::Sum, x, y), z, tolerance))
      return fault(rule, "not linear in operand " + Twine(set[0]));
  return std::nullopt;
}

Fault RuleCheck::checkClaims() {
  if (Fault bad = checkForm())
    return bad;
  SmallVector<int64_t> factors;
  for (auto [i, factor] : llvm::enumerate(rule.factors))
    if (factor.kind != Kind::Replicated && factor.size > 1)
      factors.push_back(i);
  for (int64_t one : factors) {
    if (Fault bad = checkFactors({one}))
      return bad;
    for (int64_t other : factors)
      if (one < other)
        if (Fault bad = checkFactors({one, other}))
          return bad;
  }
  for (ArrayRef<int64_t> set : rule.linear)
    if (Fault bad = checkLinear(set))
      return bad;
  return std::nullopt;
}

void RuleCheck::shuffleOperands() {
  for (Literal &operand : operands) {
    if (!operand.isFloat() || operand.isSplat())
      continue;
    std::vector<double> values;
    for (int64_t i = 0, count = operand.getNumElements(); i < count; ++i)
      values.push_back(operand.getFloat(i));
    std::shuffle(values.begin(), values.end(), generator);
    operand = Literal::ofFloats(operand.getType(), std::move(values));
  }
  results = *evaluate(operands);
}

Fault RuleCheck::checkNothingMissing(int64_t candidates) {
  // A factor that could be sharded one way or another.
  for (auto [i, factor] : llvm::enumerate(rule.factors)) {
    if (factor.kind != Kind::Replicated || factor.size < 2)
      continue;
    ShardingRule::Factor declared = factor;
    for (ShardingRule::Factor tried : {ShardingRule::Factor{factor.size, Kind::Parallel, Combine::Sum},
                                       {factor.size, Kind::Reduction, Combine::Sum},
                                       {factor.size, Kind::Reduction, Combine::Product},
                                       {factor.size, Kind::Reduction, Combine::Max},
                                       {factor.size, Kind::Reduction, Combine::Min}}) {
      rule.factors[i] = tried;
      // Some values and cuts may do by chance.
      bool possible = !checkForm();
      for (int64_t repeat = 0; possible && repeat < chances; ++repeat) {
        possible = !checkFactors({static_cast<int64_t>(i)});
        shuffleOperands();
      }
      if (possible)
        return fault(rule, "factor " + Twine(i) + " need not be Replicated: it could be as it is");
    }
    rule.factors[i] = declared;
  }
  // Sets of operands in which the op is linear without saying so.
  SmallVector<int64_t> floats;
  for (auto [i, operand] : llvm::enumerate(operands))
    if (operand.isFloat() && static_cast<int64_t>(i) < candidates)
      floats.push_back(i);
  for (int64_t bits = 1; bits < int64_t(1) << floats.size(); ++bits) {
    SmallVector<int64_t, 2> set;
    for (auto [i, operand] : llvm::enumerate(floats))
      if (bits >> i & 1)
        set.push_back(operand);
    bool possible = !llvm::is_contained(rule.linear, set);
    for (int64_t repeat = 0; possible && repeat < chances; ++repeat)
      possible = !checkLinear(set);
    if (possible) {
      std::string text;
      llvm::raw_string_ostream stream(text);
      llvm::interleaveComma(set, stream);
      return fault(rule, "linear in {" + text + "}, which is not declared");
    }
  }
  return std::nullopt;
}

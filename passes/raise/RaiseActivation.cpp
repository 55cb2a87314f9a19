//===- RaiseActivation.cpp - GELU and SiLU from their arithmetic -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Exporters write these formulas in every algebraic order. So both the whole
// and the argument of its tanh, erf or exp are expanded into polynomials in the
// input x and the function's value f; coefficients decide.
//
//===----------------------------------------------------------------------===//

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/raise/Match.h"
#include <cmath>

using namespace mlir;
using namespace weft;

namespace {
/// Coefficients of x^i f^j.
struct Polynomial {
  static constexpr int maxX = 3, maxF = 1;
  double c[maxX + 1][maxF + 1] = {};

  static Polynomial term(double value, int i, int j) {
    Polynomial p;
    p.c[i][j] = value;
    return p;
  }
  /// Whether every coefficient but those of x^1 f^0, x^1 f^1 and x^3 f^0 is zero.
  bool isOdd() const {
    for (int i = 0; i <= maxX; ++i)
      for (int j = 0; j <= maxF; ++j)
        if (c[i][j] != 0 && !(i == 1 || (i == 3 && j == 0)))
          return false;
    return true;
  }
};
} // namespace

/// The product, or nothing if a degree becomes too high.
static std::optional<Polynomial> multiply(const Polynomial &a, const Polynomial &b) {
  Polynomial result;
  for (int i = 0; i <= Polynomial::maxX; ++i)
    for (int j = 0; j <= Polynomial::maxF; ++j)
      for (int k = 0; k <= Polynomial::maxX; ++k)
        for (int l = 0; l <= Polynomial::maxF; ++l) {
          double term = a.c[i][j] * b.c[k][l];
          if (term == 0)
            continue;
          if (i + k > Polynomial::maxX || j + l > Polynomial::maxF)
            return std::nullopt;
          result.c[i + k][j + l] += term;
        }
  return result;
}

static Polynomial combine(const Polynomial &a, const Polynomial &b, double multiple) {
  Polynomial result = a;
  for (int i = 0; i <= Polynomial::maxX; ++i)
    for (int j = 0; j <= Polynomial::maxF; ++j)
      result.c[i][j] += multiple * b.c[i][j];
  return result;
}

/// `v` as a polynomial in `x` and `f`; `f` may be null.
static std::optional<Polynomial> expand(Value v, Value x, Value f, int depth = 8) {
  if (v == x)
    return Polynomial::term(1, 1, 0);
  if (v == f)
    return Polynomial::term(1, 0, 1);
  if (std::optional<double> splat = splatOf(v))
    return Polynomial::term(*splat, 0, 0);
  Operation *op = v.getDefiningOp();
  if (!op || depth == 0)
    return std::nullopt;
  if (isa<arith::NegFOp>(op)) {
    std::optional<Polynomial> a = expand(op->getOperand(0), x, f, depth - 1);
    return a ? std::optional(combine({}, *a, -1)) : std::nullopt;
  }
  if (isa<math::PowFOp>(op)) {
    std::optional<double> exponent = splatOf(op->getOperand(1));
    std::optional<Polynomial> a = expand(op->getOperand(0), x, f, depth - 1);
    if (!a || !exponent || (*exponent != 2 && *exponent != 3))
      return std::nullopt;
    std::optional<Polynomial> square = multiply(*a, *a);
    return square && *exponent == 3 ? multiply(*square, *a) : square;
  }
  if (isa<arith::DivFOp>(op)) {
    std::optional<double> divisor = splatOf(op->getOperand(1));
    std::optional<Polynomial> a = divisor ? expand(op->getOperand(0), x, f, depth - 1) : std::nullopt;
    return a ? std::optional(combine({}, *a, 1 / *divisor)) : std::nullopt;
  }
  if (!isa<arith::AddFOp, arith::SubFOp, arith::MulFOp>(op))
    return std::nullopt;
  std::optional<Polynomial> a = expand(op->getOperand(0), x, f, depth - 1);
  std::optional<Polynomial> b = a ? expand(op->getOperand(1), x, f, depth - 1) : std::nullopt;
  if (!b)
    return std::nullopt;
  if (isa<arith::MulFOp>(op))
    return multiply(*a, *b);
  return combine(*a, *b, isa<arith::SubFOp>(op) ? -1 : 1);
}

/// Values within `depth` arithmetic ops of `v` for which `wanted` holds.
static void collect(Value v, int depth, llvm::function_ref<bool(Value)> wanted, SmallVectorImpl<Value> &out) {
  constexpr size_t enough = 8;
  if (out.size() >= enough)
    return;
  if (wanted(v) && !llvm::is_contained(out, v))
    out.push_back(v);
  Operation *op = v.getDefiningOp();
  if (depth == 0 || !op ||
      !isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::NegFOp, math::PowFOp>(op))
    return;
  for (Value operand : op->getOperands())
    collect(operand, depth - 1, wanted, out);
}

/// The exponential in c / (1 + exp(u)), or null; sets `c`.
static math::ExpOp logisticExp(Value v, double &c) {
  auto div = v.getDefiningOp<arith::DivFOp>();
  std::optional<double> numerator = div ? splatOf(div.getLhs()) : std::nullopt;
  auto sum = div ? div.getRhs().getDefiningOp<arith::AddFOp>() : nullptr;
  if (!numerator || !sum)
    return {};
  c = *numerator;
  for (auto [one, exp] : bothOrders(sum))
    if (splatOf(one) == 1.0)
      if (auto op = exp.getDefiningOp<math::ExpOp>())
        return op;
  return {};
}

namespace {
enum class Activation { none, geluTanh, geluErf, silu };
} // namespace

/// `root` = x/2 (1 + f) with f a tanh or erf of a polynomial in x.
static Activation matchSymmetric(Value root, Value x, Value f) {
  std::optional<Polynomial> whole = expand(root, x, f);
  if (!whole || !whole->isOdd() || whole->c[3][0] != 0 || !isNear(whole->c[1][0], 0.5) || !isNear(whole->c[1][1], 0.5))
    return Activation::none;
  Operation *function = f.getDefiningOp();
  std::optional<Polynomial> argument = expand(function->getOperand(0), x, {});
  if (!argument || !argument->isOdd())
    return Activation::none;
  double linear = argument->c[1][0], cubic = argument->c[3][0];
  if (isa<math::ErfOp>(function))
    return cubic == 0 && isNear(linear, std::sqrt(0.5)) ? Activation::geluErf : Activation::none;
  // (1 + tanh(x/2)) / 2 is the logistic function.
  if (cubic == 0)
    return linear == 0.5 ? Activation::silu : Activation::none;
  double outer = std::sqrt(2 / M_PI), inner = 0.044715;
  bool matches = isNear(linear, outer) && (isNear(cubic / linear, inner) || isNear(cubic, outer * inner));
  return matches ? Activation::geluTanh : Activation::none;
}

/// `root` = x / (1 + exp(-x)), with the quotient anywhere in it.
static Activation matchLogistic(Value root, Value x, Value f) {
  double c = 1;
  math::ExpOp exp = logisticExp(f, c);
  std::optional<Polynomial> whole = expand(root, x, f), argument = exp ? expand(exp.getOperand(), x, {}) : std::nullopt;
  if (!whole || !argument || !whole->isOdd() || !argument->isOdd())
    return Activation::none;
  bool matches = whole->c[1][0] == 0 && whole->c[3][0] == 0 && isNear(whole->c[1][1] * c, 1) &&
                 argument->c[1][0] == -1 && argument->c[3][0] == 0;
  return matches ? Activation::silu : Activation::none;
}

/// x / (1 + exp(-x)) as one quotient.
static Activation matchQuotient(Operation *root, Value &x) {
  if (!isa<arith::DivFOp>(root))
    return Activation::none;
  x = root->getOperand(0);
  auto sum = root->getOperand(1).getDefiningOp<arith::AddFOp>();
  if (!sum)
    return Activation::none;
  for (auto [one, value] : bothOrders(sum)) {
    auto exp = value.getDefiningOp<math::ExpOp>();
    if (exp && splatOf(one) == 1.0 && negated(exp.getOperand()) == x)
      return Activation::silu;
  }
  return Activation::none;
}

static Activation match(Operation *root, Value &x) {
  Activation quotient = matchQuotient(root, x);
  if (quotient != Activation::none)
    return quotient;
  Value result = root->getResult(0);
  double c;
  auto isFunction = [&](Value v) {
    return v.getDefiningOp<math::TanhOp>() || v.getDefiningOp<math::ErfOp>() || logisticExp(v, c);
  };
  SmallVector<Value> functions, inputs;
  collect(result, /*depth=*/4, isFunction, functions);
  for (Value f : functions) {
    math::ExpOp exp = logisticExp(f, c);
    Value argument = exp ? exp.getOperand() : f.getDefiningOp()->getOperand(0);
    inputs.clear();
    collect(
        argument, /*depth=*/6, [&](Value v) { return v.getType() == result.getType() && !splatOf(v); }, inputs);
    for (Value candidate : inputs) {
      Activation activation = exp ? matchLogistic(result, candidate, f) : matchSymmetric(result, candidate, f);
      if (activation != Activation::none) {
        x = candidate;
        return activation;
      }
    }
  }
  return Activation::none;
}

LogicalResult weft::raiseActivation(Operation *root, Raising &raising) {
  if (!isa<arith::MulFOp, arith::DivFOp, arith::AddFOp>(root) || !isa<RankedTensorType>(root->getResult(0).getType()))
    return failure();
  Value x;
  Activation activation = match(root, x);
  if (activation == Activation::none)
    return failure();
  Build build = raising.at(root);
  Value result;
  if (activation == Activation::silu)
    result = SiluOp::create(build.b, build.loc, x.getType(), x);
  else
    result = GeluOp::create(build.b, build.loc, x.getType(), x, activation == Activation::geluTanh);
  root->getResult(0).replaceAllUsesWith(result);
  return success();
}

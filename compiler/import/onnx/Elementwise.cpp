//===- Elementwise.cpp - ONNX operators that work element by element -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"
#include "dialects/weft/BatchNorm.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Two operands, and any number of them
//===----------------------------------------------------------------------===//

/// Operands 0 and 1, of one element type, stretched to their common shape.
static FailureOr<std::pair<Value, Value>> operandPair(NodeImport &n) {
  SmallVector<Value> both{n.input(0), n.input(1)};
  if (failed(n.needSameElementType(0, 1)) || failed(n.stretchTogether(both)))
    return failure();
  return std::pair(both[0], both[1]);
}

/// One of Build's binary operations on numbers.
template <Value (Build::*op)(Value, Value)> static LogicalResult binary(NodeImport &n) {
  auto both = operandPair(n);
  if (failed(both))
    return failure();
  if (n.elementType(0).isInteger(1))
    return n.error() << n.node.opType << " is not defined on booleans";
  return n.done((n.e.*op)(both->first, both->second));
}

static LogicalResult div(NodeImport &n) {
  if (!n.isUnsigned(0))
    return binary<&Build::div>(n);
  auto both = operandPair(n);
  if (failed(both))
    return failure();
  return n.done(arith::DivUIOp::create(n.e.b, n.e.loc, both->first, both->second));
}

template <typename Op> static LogicalResult logical(NodeImport &n) {
  auto both = operandPair(n);
  if (failed(both))
    return failure();
  if (!n.elementType(0).isInteger(1))
    return n.error() << n.node.opType << " is defined on booleans only, not on " << n.elementType(0);
  return n.done(Op::create(n.e.b, n.e.loc, both->first, both->second));
}

template <arith::CmpFPredicate floats, arith::CmpIPredicate integers> static LogicalResult compare(NodeImport &n) {
  auto both = operandPair(n);
  if (failed(both))
    return failure();
  if (n.isFloat(0))
    return n.done(arith::CmpFOp::create(n.e.b, n.e.loc, floats, both->first, both->second));
  return n.done(arith::CmpIOp::create(n.e.b, n.e.loc, integers, n.ordered(both->first, n.isUnsigned(0)),
                                      n.ordered(both->second, n.isUnsigned(0))));
}

/// Sum, Mean, Min, Max: left to right over all operands.
template <Value (Build::*op)(Value, Value), bool mean> static LogicalResult variadic(NodeImport &n) {
  SmallVector<Value> all;
  for (size_t i = 0; i < n.numInputs(); ++i) {
    if (!n.has(i))
      return n.error() << "operand " << i << " is left out";
    if (failed(n.needSameElementType(0, i)))
      return failure();
    all.push_back(n.input(i));
  }
  if (mean && failed(n.needFloat()))
    return failure();
  if (failed(n.stretchTogether(all)))
    return failure();
  // Sums of unsigned integers are those of signed ones; what compares goes by their order.
  bool compares = n.isUnsigned(0) && (op == &Build::min || op == &Build::max);
  Value result = n.ordered(all.front(), compares);
  for (Value v : ArrayRef(all).drop_front())
    result = (n.e.*op)(result, n.ordered(v, compares));
  result = n.ordered(result, compares);
  if (mean)
    result = n.e.div(result, n.e.splatLike(result, all.size()));
  return n.done(result);
}

static LogicalResult mod(NodeImport &n) {
  bool likeC = n.getInt("fmod", 0) != 0;
  auto both = operandPair(n);
  if (failed(both))
    return failure();
  auto [x, y] = *both;
  Build &e = n.e;
  if (n.isFloat(0)) {
    Value rest = arith::RemFOp::create(e.b, e.loc, x, y), zero = e.splatLike(rest, 0);
    if (likeC)
      return n.done(rest);
    Value negative = e.less(y, zero), wrongSign = arith::XOrIOp::create(e.b, e.loc, e.less(rest, zero), negative);
    Value some = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNE, rest, zero);
    Value mended = e.add(rest, y);
    return n.done(e.select(arith::AndIOp::create(e.b, e.loc, wrongSign, some), mended, rest));
  }
  if (n.isUnsigned(0))
    return n.done(arith::RemUIOp::create(e.b, e.loc, x, y));
  Value rest = arith::RemSIOp::create(e.b, e.loc, x, y);
  if (likeC)
    return n.done(rest);
  // The result has the sign of the divisor: add it where the signs differ and something is left.
  Value zero = e.splatLike(rest, 0);
  Value negative = e.less(y, zero), wrongSign = arith::XOrIOp::create(e.b, e.loc, e.less(rest, zero), negative);
  Value some = arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::ne, rest, zero);
  Value fix = arith::AndIOp::create(e.b, e.loc, wrongSign, some);
  return n.done(e.select(fix, e.add(rest, y), rest));
}

/// x to the power of the small natural number k, by repeated squaring.
static Value power(Build &e, Value x, int64_t k) {
  if (k == 0)
    return e.splatLike(x, 1);
  if (k == 1)
    return x;
  Value half = power(e, x, k / 2);
  Value square = e.mul(half, half);
  return k % 2 ? e.mul(square, x) : square;
}

/// Integers of another width; unsigned ones are widened by zeros.
static Value integerCast(Build &e, Value x, bool isUnsigned, Type to) {
  Type from = tensorType(x).getElementType();
  if (isUnsigned && from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth())
    return arith::ExtUIOp::create(e.b, e.loc, tensorType(x).clone(to), x);
  return e.cast(x, to);
}

static Value toFloatUnsigned(Build &e, Value x, Type to) {
  return arith::UIToFPOp::create(e.b, e.loc, tensorType(x).clone(to), x);
}

/// x to the power of y >= 0, both integers, modulo 2^width: the powers of x at the bits of y.
static Value integerPower(Build &e, Value x, Value y) {
  Value result = e.splatLike(x, 1), zero = e.splatLike(x, 0), one = result;
  unsigned width = tensorType(x).getElementType().getIntOrFloatBitWidth();
  for (unsigned bit = 0; bit + 1 < width; ++bit) {
    Value set = arith::AndIOp::create(
        e.b, e.loc, arith::ShRUIOp::create(e.b, e.loc, y, e.splatLike(y, static_cast<double>(bit))), one);
    Value more = e.mul(result, x);
    result = e.select(e.equal(set, zero), result, more);
    x = e.mul(x, x);
  }
  return result;
}

static LogicalResult pow(NodeImport &n) {
  Build &e = n.e;
  // The exponents that models use are products and roots, which have cheaper and smoother gradients.
  DenseElementsAttr exponent = constantValue(n.input(1));
  FailureOr<NodeImport::Shape> common = n.commonShape({n.input(0), n.input(1)});
  if (failed(common))
    return failure();
  FailureOr<Value> x = n.stretch(n.input(0), *common);
  if (failed(x))
    return failure();
  if (exponent && exponent.isSplat()) {
    double k = 0;
    if (isa<FloatType>(exponent.getElementType())) {
      APFloat value = exponent.getSplatValue<APFloat>();
      bool lost;
      value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
      k = value.convertToDouble();
    } else {
      k = static_cast<double>(exponent.getSplatValue<APInt>().getSExtValue());
    }
    if (k == std::floor(k) && k >= 0 && k <= 16)
      return n.done(power(e, *x, static_cast<int64_t>(k)));
    if (n.isFloat(0) && k == 0.5)
      return n.done(e.sqrt(*x));
    if (n.isFloat(0) && k == -0.5)
      return n.done(e.rsqrt(*x));
    if (n.isFloat(0) && k == std::floor(k) && k < 0 && k >= -16) {
      Value below = power(e, *x, static_cast<int64_t>(-k));
      return n.done(e.div(e.splatLike(*x, 1), below));
    }
  }
  if (!n.isFloat(0) && n.isFloat(1)) {
    // By way of f64, like NumPy's.
    FailureOr<Value> y = n.stretch(e.cast(n.input(1), e.b.getF64Type()), *common);
    if (failed(y))
      return failure();
    if (n.isUnsigned(0))
      return n.error() << "a power of unsigned integers with an exponent of type " << n.elementType(1);
    Value wide = math::PowFOp::create(e.b, e.loc, e.cast(*x, e.b.getF64Type()), *y);
    return n.done(e.cast(wide, n.elementType(0)));
  }
  if (!n.isFloat(0)) {
    FailureOr<Value> y = n.stretch(integerCast(e, n.input(1), n.isUnsigned(1), n.elementType(0)), *common);
    if (failed(y))
      return failure();
    return n.done(integerPower(e, *x, *y));
  }
  Value converted =
      n.isUnsigned(1) ? toFloatUnsigned(e, n.input(1), n.elementType(0)) : e.cast(n.input(1), n.elementType(0));
  FailureOr<Value> y = n.stretch(converted, *common);
  if (failed(y))
    return failure();
  return n.done(math::PowFOp::create(e.b, e.loc, *x, *y));
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

/// A function of one float tensor.
template <Value (*function)(Build &, Value)> static LogicalResult unary(NodeImport &n) {
  if (failed(n.needFloat()))
    return failure();
  return n.done(function(n.e, n.input(0)));
}

/// One of Build's functions of one float tensor.
template <Value (Build::*function)(Value)> static LogicalResult method(NodeImport &n) {
  if (failed(n.needFloat()))
    return failure();
  return n.done((n.e.*function)(n.input(0)));
}

/// One of upstream's ops of one float tensor.
template <typename Op> static LogicalResult upstream(NodeImport &n) {
  if (failed(n.needFloat()))
    return failure();
  return n.done(Op::create(n.e.b, n.e.loc, n.input(0)));
}

static LogicalResult neg(NodeImport &n) {
  if (n.elementType(0).isInteger(1))
    return n.error() << "Neg is not defined on booleans";
  return n.done(n.e.neg(n.input(0)));
}

static LogicalResult abs(NodeImport &n) {
  Value x = n.input(0);
  if (n.isFloat(0))
    return n.done(math::AbsFOp::create(n.e.b, n.e.loc, x));
  if (n.isUnsigned(0))
    return n.done(x);
  return n.done(n.e.max(x, n.e.neg(x)));
}

static LogicalResult logicalNot(NodeImport &n) {
  if (!n.elementType(0).isInteger(1))
    return n.error() << "Not is defined on booleans only";
  return n.done(arith::XOrIOp::create(n.e.b, n.e.loc, n.input(0), n.e.splatLike(n.input(0), 1)));
}

static LogicalResult isNaN(NodeImport &n) {
  if (failed(n.needFloat()))
    return failure();
  return n.done(arith::CmpFOp::create(n.e.b, n.e.loc, arith::CmpFPredicate::UNO, n.input(0), n.input(0)));
}

static Value reciprocal(Build &e, Value x) { return e.div(e.splatLike(x, 1), x); }

static LogicalResult relu(NodeImport &n) { return n.done(n.e.max(n.input(0), n.e.splatLike(n.input(0), 0))); }

static LogicalResult leakyRelu(NodeImport &n) {
  double alpha = n.getFloat("alpha", 0.01f);
  if (failed(n.needFloat()))
    return failure();
  Value x = n.input(0), below = n.e.mul(x, n.e.splatLike(x, alpha));
  return n.done(n.e.select(n.e.less(x, n.e.splatLike(x, 0)), below, x));
}

/// log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)): exp never overflows.
static Value softplus(Build &e, Value x) {
  Value toZero = e.min(x, e.neg(x));
  Value power = e.exp(toZero), rest = e.log(e.add(e.splatLike(x, 1), power));
  return e.add(e.max(x, e.splatLike(x, 0)), rest);
}

static LogicalResult gelu(NodeImport &n) {
  std::string form = n.getString("approximate", "none");
  if (failed(n.needFloat()))
    return failure();
  if (form != "none" && form != "tanh")
    return n.error() << "approximate must be 'none' or 'tanh', not '" << form << "'";
  return n.done(GeluOp::create(n.e.b, n.e.loc, n.type(0), n.input(0), form == "tanh"));
}

static LogicalResult clip(NodeImport &n) {
  Value x = n.ordered(0);
  for (size_t i : {1, 2}) {
    if (!n.has(i))
      continue;
    if (failed(n.needSameElementType(0, i)))
      return failure();
    if (n.type(i).getNumElements() != 1)
      return n.error() << "a bound of Clip must be one number";
    FailureOr<Value> bound = n.stretch(n.e.reshape(n.input(i), {}), n.shape(0));
    if (failed(bound))
      return failure();
    Value limit = n.ordered(*bound, n.isUnsigned(0));
    x = i == 1 ? n.e.max(x, limit) : n.e.min(x, limit);
  }
  return n.done(n.ordered(x, n.isUnsigned(0)));
}

/// -1, 0 or 1; NaN stays.
static LogicalResult sign(NodeImport &n) {
  Build &e = n.e;
  Value x = n.input(0), zero = e.splatLike(x, 0), one = e.splatLike(x, 1);
  if (n.isUnsigned(0))
    return n.done(e.select(e.equal(x, zero), zero, one));
  Value positive = e.select(e.less(zero, x), one, x), minus = e.splatLike(x, -1);
  return n.done(e.select(e.less(x, zero), minus, positive));
}

static LogicalResult isInf(NodeImport &n) {
  bool positive = n.getInt("detect_positive", 1) != 0, negative = n.getInt("detect_negative", 1) != 0;
  if (failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  Value x = n.input(0), infinity = e.splatLike(x, std::numeric_limits<double>::infinity());
  Value found = e.splat(n.type(0).clone(e.b.getI1Type()), 0);
  if (positive)
    found = e.equal(x, infinity);
  if (negative)
    found = arith::OrIOp::create(e.b, e.loc, found, e.equal(x, e.neg(infinity)));
  return n.done(found);
}

//===----------------------------------------------------------------------===//
// Conversions, selection, and what only passes values on
//===----------------------------------------------------------------------===//

/// Operand 0 as another element type, with regard to what is unsigned.
static Value convert(NodeImport &n, Type to, bool toUnsigned) {
  Build &e = n.e;
  Value x = n.input(0);
  n.setUnsigned(0, toUnsigned);
  bool toInteger = isa<IntegerType>(to) && !to.isInteger(1);
  if (n.isFloat(0) && toInteger && toUnsigned)
    return arith::FPToUIOp::create(e.b, e.loc, n.type(0).clone(to), x);
  if (n.isUnsigned(0) && isa<FloatType>(to))
    return toFloatUnsigned(e, x, to);
  if (n.isUnsigned(0) && toInteger)
    return integerCast(e, x, /*isUnsigned=*/true, to);
  return e.cast(x, to);
}

static LogicalResult cast(NodeImport &n) {
  auto to = static_cast<onnx::ElementType>(n.getInt("to", 0));
  n.getInt("saturate", 1); // both concern 8-bit floats only
  n.getString("round_mode", "up");
  Type type = n.context.convertType(to);
  if (!type)
    return n.error() << "Weft has no element type " << onnx::elementTypeName(to);
  return n.done(convert(n, type, onnx::isUnsigned(to)));
}

static LogicalResult castLike(NodeImport &n) {
  n.getInt("saturate", 1);
  n.getString("round_mode", "up");
  return n.done(convert(n, n.elementType(1), n.isUnsigned(1)));
}

static LogicalResult where(NodeImport &n) {
  if (!n.elementType(0).isInteger(1))
    return n.error() << "the condition of Where must be boolean, not " << n.elementType(0);
  SmallVector<Value> all{n.input(0), n.input(1), n.input(2)};
  if (failed(n.needSameElementType(1, 2)) || failed(n.stretchTogether(all)))
    return failure();
  return n.done(n.e.select(all[0], all[1], all[2]));
}

static LogicalResult identity(NodeImport &n) {
  if (n.has(0))
    return n.done(n.input(0));
  FailureOr<ArrayRef<Value>> sequence = n.sequence();
  return failed(sequence) ? failure() : n.doneSequence(*sequence);
}

/// The seed of this micro-batch: a state that every pass forward counts up, as the first to ask for it says.
static Value dropoutSeed(NodeImport &n) {
  Value &seed = n.context.dropoutSeed;
  if (seed)
    return seed;
  Operation *function = n.e.b.getInsertionBlock()->getParentOp();
  auto type = RankedTensorType::get({}, n.e.b.getI64Type());
  {
    OpBuilder::InsertionGuard guard(n.e.b);
    n.e.b.setInsertionPoint(function);
    StateOp::create(n.e.b, n.e.loc, "random", type, StateKind::random, APFloat(0.0), FlatSymbolRefAttr(),
                    /*checkpointed=*/true);
  }
  seed = n.e.read("random", type);
  n.e.write("random", n.e.add(seed, n.e.splatLike(seed, 1)));
  return seed;
}

static LogicalResult dropout(NodeImport &n) {
  bool isSeeded = n.hasAttr("seed");
  n.getInt("seed", 0);
  if (n.has(2)) {
    FailureOr<double> training = n.constantNumber(2, "training mode");
    if (failed(training))
      return failure();
    double ratio = 0.5;
    if (n.has(1)) {
      FailureOr<double> given = n.constantNumber(1, "ratio");
      if (failed(given))
        return failure();
      ratio = *given;
    }
    if (*training && ratio != 0) {
      if (isSeeded)
        return n.error()
               << "its 'seed' stands for another generator's numbers; leave it out, and --seed seeds the training run";
      if (!(ratio > 0 && ratio < 1))
        return n.error() << "its ratio " << ratio << " is not in [0, 1)";
      Value seed = dropoutSeed(n);
      int64_t stream = n.context.trainedDropouts++;
      auto drop = [&](Value x) -> Value {
        return DropoutOp::create(n.e.b, n.e.loc, tensorType(x), x, seed, APFloat(ratio), stream);
      };
      n.set(0, drop(n.input(0)));
      // Whether an element is kept: the same numbers, from the same seed and stream, applied to ones.
      if (n.wants(1)) {
        Value kept = drop(n.e.splat(n.type(0).clone(n.e.b.getF32Type()), 1));
        n.set(1, n.e.less(n.e.splatLike(kept, 0), kept));
      }
      return success();
    }
  }
  if (n.wants(1))
    n.set(1, n.e.splat(n.type(0).clone(n.e.b.getI1Type()), 1));
  return n.done(n.input(0));
}

void weft::registerElementwise(OpTable &table) {
  table.add("Add", binary<&Build::add>, 2, 2);
  table.add("Sub", binary<&Build::sub>, 2, 2);
  table.add("Mul", binary<&Build::mul>, 2, 2);
  table.add("Div", div, 2, 2);
  table.add("Mod", mod, 2, 2);
  table.add("Pow", pow, 2, 2);
  table.add("And", logical<arith::AndIOp>, 2, 2);
  table.add("Or", logical<arith::OrIOp>, 2, 2);
  table.add("Xor", logical<arith::XOrIOp>, 2, 2);
  table.add("Equal", compare<arith::CmpFPredicate::OEQ, arith::CmpIPredicate::eq>, 2, 2);
  table.add("Less", compare<arith::CmpFPredicate::OLT, arith::CmpIPredicate::slt>, 2, 2);
  table.add("LessOrEqual", compare<arith::CmpFPredicate::OLE, arith::CmpIPredicate::sle>, 2, 2);
  table.add("Greater", compare<arith::CmpFPredicate::OGT, arith::CmpIPredicate::sgt>, 2, 2);
  table.add("GreaterOrEqual", compare<arith::CmpFPredicate::OGE, arith::CmpIPredicate::sge>, 2, 2);
  table.add("Sum", variadic<&Build::add, false>, 1, kAnyNumber);
  table.add("Mean", variadic<&Build::add, true>, 1, kAnyNumber);
  table.add("Min", variadic<&Build::min, false>, 1, kAnyNumber);
  table.add("Max", variadic<&Build::max, false>, 1, kAnyNumber);

  table.add("Neg", neg, 1, 1);
  table.add("Abs", abs, 1, 1);
  table.add("Not", logicalNot, 1, 1);
  table.add("IsNaN", isNaN, 1, 1);
  table.add("Exp", method<&Build::exp>, 1, 1);
  table.add("Log", method<&Build::log>, 1, 1);
  table.add("Sqrt", method<&Build::sqrt>, 1, 1);
  table.add("Tanh", method<&Build::tanh>, 1, 1);
  table.add("Erf", method<&Build::erf>, 1, 1);
  table.add("Sigmoid", method<&Build::sigmoid>, 1, 1);
  table.add("Reciprocal", unary<reciprocal>, 1, 1);
  table.add("Softplus", unary<softplus>, 1, 1);
  table.add("Sin", upstream<math::SinOp>, 1, 1);
  table.add("Cos", upstream<math::CosOp>, 1, 1);
  table.add("Tan", upstream<math::TanOp>, 1, 1);
  table.add("Asin", upstream<math::AsinOp>, 1, 1);
  table.add("Acos", upstream<math::AcosOp>, 1, 1);
  table.add("Atan", upstream<math::AtanOp>, 1, 1);
  table.add("Sinh", upstream<math::SinhOp>, 1, 1);
  table.add("Cosh", upstream<math::CoshOp>, 1, 1);
  table.add("Asinh", upstream<math::AsinhOp>, 1, 1);
  table.add("Acosh", upstream<math::AcoshOp>, 1, 1);
  table.add("Atanh", upstream<math::AtanhOp>, 1, 1);
  table.add("Round", upstream<math::RoundEvenOp>, 1, 1);
  table.add("Sign", sign, 1, 1);
  table.add("IsInf", isInf, 1, 1);
  table.add("Floor", upstream<math::FloorOp>, 1, 1);
  table.add("Ceil", upstream<math::CeilOp>, 1, 1);
  table.add("Relu", relu, 1, 1);
  table.add("LeakyRelu", leakyRelu, 1, 1);
  table.add("Gelu", gelu, 1, 1, 1, 20);
  table.add("Clip", clip, 1, 3);

  table.add("Cast", cast, 1, 1);
  table.add("CastLike", castLike, 2, 2, 1, 15);
  table.add("Where", where, 3, 3);
  table.add("Identity", identity, 1, 1);
  table.takeSequence({"Identity"});
  table.add("Dropout", dropout, 1, 3, 2);

  table.takeUnsigned(
      0, {"Add", "Sub", "Mul", "Div", "Mod", "Pow", "Sum", "Min", "Max", "Abs", "Sign", "Clip", "Identity"});
  table.takeUnsigned(1, {"Where"});
  table.takeUnsigned(-1, {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Cast", "CastLike"});
}

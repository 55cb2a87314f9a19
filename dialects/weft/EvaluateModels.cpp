//===- EvaluateModels.cpp - Reference evaluation of arith and math -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One line per op at the end: its class of operands and the function of one
// element. Elements are computed in f64 and rounded once, which for the basic
// operations on f32 and narrower gives exactly the type's own arithmetic.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Element by element
//===----------------------------------------------------------------------===//

using Literals = ArrayRef<Literal>;
using Results = SmallVectorImpl<Literal>;

/// The type of the only result; null if it is not a static tensor.
static RankedTensorType resultType(Operation *op) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  return type && type.hasStaticShape() ? type : RankedTensorType();
}

/// Calls `element(i)` for every index of the result, once if all operands are
/// splats, and collects what it returns, of type Number.
template <typename Number, typename Element>
static LogicalResult mapElements(Operation *op, Literals operands, Results &results, Element &&element) {
  RankedTensorType type = resultType(op);
  if (!type)
    return failure();
  bool splat = llvm::all_of(operands, [](const Literal &operand) { return operand.isSplat(); });
  std::vector<Number> values(splat ? 1 : type.getNumElements());
  for (int64_t i = 0, e = values.size(); i < e; ++i)
    values[i] = element(i);
  if constexpr (std::is_same_v<Number, double>)
    results.push_back(Literal::ofFloats(type, std::move(values)));
  else
    results.push_back(Literal::ofInts(type, std::move(values)));
  return success();
}

static unsigned intWidth(const Literal &literal) { return literal.getType().getElementType().getIntOrFloatBitWidth(); }

/// An integer element read as a signed number: a true i1 is -1.
static int64_t getSigned(const Literal &literal, int64_t index) {
  int64_t value = literal.getInt(index);
  return intWidth(literal) == 1 ? -value : value;
}

static uint64_t getUnsigned(const Literal &literal, int64_t index) {
  unsigned width = intWidth(literal);
  uint64_t value = literal.getInt(index);
  return width >= 64 ? value : value & ((uint64_t(1) << width) - 1);
}

/// Whether division by `y`, or a shift by it (`shift`), is defined everywhere.
static bool isDefined(const Literal &y, bool shift) {
  uint64_t width = intWidth(y);
  for (int64_t i = 0, e = y.isSplat() ? 1 : y.getNumElements(); i < e; ++i)
    if (shift ? getUnsigned(y, i) >= width : y.getInt(i) == 0)
      return false;
  return true;
}

/// Which second operands leave an integer op undefined: it is not evaluated on such.
enum class Undefined { Never, ForZero, ForWidth };

/// The base of the models below, which knows its op.
template <typename Model, typename Op> struct ModelBase : EvaluateOpInterface::ExternalModel<Model, Op> {
  using Target = Op;
};

template <typename Op, double (*F)(double)> struct FloatUnary : ModelBase<FloatUnary<Op, F>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<double>(op, in, results, [&](int64_t i) { return F(in[0].getFloat(i)); });
  }
};

template <typename Op, double (*F)(double, double)> struct FloatBinary : ModelBase<FloatBinary<Op, F>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<double>(op, in, results, [&](int64_t i) { return F(in[0].getFloat(i), in[1].getFloat(i)); });
  }
};

template <typename Op, double (*F)(double, double, double)> struct FloatTernary : ModelBase<FloatTernary<Op, F>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<double>(op, in, results,
                               [&](int64_t i) { return F(in[0].getFloat(i), in[1].getFloat(i), in[2].getFloat(i)); });
  }
};

template <typename Op, bool (*F)(double)> struct FloatTest : ModelBase<FloatTest<Op, F>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<int64_t>(op, in, results, [&](int64_t i) { return F(in[0].getFloat(i)); });
  }
};

template <typename Op, int64_t (*F)(int64_t)> struct SignedUnary : ModelBase<SignedUnary<Op, F>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<int64_t>(op, in, results, [&](int64_t i) { return F(getSigned(in[0], i)); });
  }
};

template <typename Op, int64_t (*F)(int64_t, int64_t), Undefined undefined = Undefined::Never>
struct SignedBinary : ModelBase<SignedBinary<Op, F, undefined>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    if (undefined != Undefined::Never && !isDefined(in[1], undefined == Undefined::ForWidth))
      return failure();
    return mapElements<int64_t>(op, in, results,
                                [&](int64_t i) { return F(getSigned(in[0], i), getSigned(in[1], i)); });
  }
};

template <typename Op, uint64_t (*F)(uint64_t, uint64_t), Undefined undefined = Undefined::Never>
struct UnsignedBinary : ModelBase<UnsignedBinary<Op, F, undefined>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    if (undefined != Undefined::Never && !isDefined(in[1], undefined == Undefined::ForWidth))
      return failure();
    return mapElements<int64_t>(op, in, results,
                                [&](int64_t i) { return F(getUnsigned(in[0], i), getUnsigned(in[1], i)); });
  }
};

//===----------------------------------------------------------------------===//
// Functions of one element
//===----------------------------------------------------------------------===//

static double addf(double x, double y) { return x + y; }
static double subf(double x, double y) { return x - y; }
static double mulf(double x, double y) { return x * y; }
static double divf(double x, double y) { return x / y; }
static double negf(double x) { return -x; }
static double rsqrt(double x) { return 1 / std::sqrt(x); }

/// IEEE 754-2019: a NaN wins, and -0 is less than +0.
static double maximum(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return std::numeric_limits<double>::quiet_NaN();
  if (x == y)
    return std::signbit(x) ? y : x;
  return x > y ? x : y;
}
static double minimum(double x, double y) { return -maximum(-x, -y); }
/// The other operand wins over a NaN.
static double maxnum(double x, double y) { return std::isnan(x) ? y : std::isnan(y) ? x : maximum(x, y); }
static double minnum(double x, double y) { return -maxnum(-x, -y); }
static double clampf(double x, double low, double high) { return std::fmin(std::fmax(x, low), high); }

static bool isNan(double x) { return std::isnan(x); }
static bool isInf(double x) { return std::isinf(x); }
static bool isFinite(double x) { return std::isfinite(x); }

static uint64_t addi(uint64_t x, uint64_t y) { return x + y; }
static uint64_t subi(uint64_t x, uint64_t y) { return x - y; }
static uint64_t muli(uint64_t x, uint64_t y) { return x * y; }
static uint64_t andi(uint64_t x, uint64_t y) { return x & y; }
static uint64_t ori(uint64_t x, uint64_t y) { return x | y; }
static uint64_t xori(uint64_t x, uint64_t y) { return x ^ y; }
static uint64_t divui(uint64_t x, uint64_t y) { return x / y; }
static uint64_t remui(uint64_t x, uint64_t y) { return x % y; }
static uint64_t maxui(uint64_t x, uint64_t y) { return std::max(x, y); }
static uint64_t minui(uint64_t x, uint64_t y) { return std::min(x, y); }
static uint64_t shli(uint64_t x, uint64_t y) { return x << y; }
static uint64_t shrui(uint64_t x, uint64_t y) { return x >> y; }
static int64_t shrsi(int64_t x, int64_t y) { return x >> y; }
static int64_t maxsi(int64_t x, int64_t y) { return std::max(x, y); }
static int64_t minsi(int64_t x, int64_t y) { return std::min(x, y); }
// The smallest number divided by -1 wraps.
static int64_t divsi(int64_t x, int64_t y) { return y == -1 ? -static_cast<uint64_t>(x) : x / y; }
static int64_t remsi(int64_t x, int64_t y) { return y == -1 ? 0 : x % y; }
static int64_t floordivsi(int64_t x, int64_t y) { return divsi(x, y) - (remsi(x, y) != 0 && (x < 0) != (y < 0)); }
static int64_t ceildivsi(int64_t x, int64_t y) { return divsi(x, y) + (remsi(x, y) != 0 && (x < 0) == (y < 0)); }
static uint64_t ceildivui(uint64_t x, uint64_t y) { return x / y + (x % y != 0); }
static int64_t absi(int64_t x) { return x < 0 ? -static_cast<uint64_t>(x) : x; }

/// Truncation; what does not fit, which arith leaves undefined, saturates.
static int64_t floatToSigned(double x) {
  if (std::isnan(x))
    return 0;
  if (x >= 0x1p63)
    return std::numeric_limits<int64_t>::max();
  if (x < -0x1p63)
    return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(x);
}
static int64_t floatToUnsigned(double x) {
  if (!(x > 0))
    return 0;
  return x >= 0x1p64 ? std::numeric_limits<uint64_t>::max() : static_cast<uint64_t>(x);
}

//===----------------------------------------------------------------------===//
// Ops with a shape of their own
//===----------------------------------------------------------------------===//

/// Conversions between floats; the result's type does the rounding.
template <typename Op> struct FloatCast : ModelBase<FloatCast<Op>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<double>(op, in, results, [&](int64_t i) { return in[0].getFloat(i); });
  }
};

template <typename Op, bool isSigned> struct IntCast : ModelBase<IntCast<Op, isSigned>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<int64_t>(
        op, in, results, [&](int64_t i) -> int64_t { return isSigned ? getSigned(in[0], i) : getUnsigned(in[0], i); });
  }
};

template <typename Op, bool isSigned> struct IntToFloat : ModelBase<IntToFloat<Op, isSigned>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<double>(op, in, results, [&](int64_t i) {
      return isSigned ? static_cast<double>(getSigned(in[0], i)) : static_cast<double>(getUnsigned(in[0], i));
    });
  }
};

template <typename Op, int64_t (*F)(double)> struct FloatToInt : ModelBase<FloatToInt<Op, F>, Op> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    return mapElements<int64_t>(op, in, results, [&](int64_t i) { return F(in[0].getFloat(i)); });
  }
};

struct Constant : ModelBase<Constant, arith::ConstantOp> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    std::optional<Literal> value = Literal::fromAttr(cast<arith::ConstantOp>(op).getValue());
    if (!value)
      return failure();
    results.push_back(std::move(*value));
    return success();
  }
};

struct CmpI : ModelBase<CmpI, arith::CmpIOp> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    unsigned width = intWidth(in[0]);
    auto predicate = cast<arith::CmpIOp>(op).getPredicate();
    return mapElements<int64_t>(op, in, results, [&](int64_t i) {
      return arith::applyCmpPredicate(predicate, APInt(width, getUnsigned(in[0], i)),
                                      APInt(width, getUnsigned(in[1], i)));
    });
  }
};

struct CmpF : ModelBase<CmpF, arith::CmpFOp> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    auto predicate = cast<arith::CmpFOp>(op).getPredicate();
    return mapElements<int64_t>(op, in, results, [&](int64_t i) {
      return arith::applyCmpPredicate(predicate, APFloat(in[0].getFloat(i)), APFloat(in[1].getFloat(i)));
    });
  }
};

struct Select : ModelBase<Select, arith::SelectOp> {
  LogicalResult evaluate(Operation *op, Literals in, Results &results) const {
    if (in[0].isSplat()) {
      results.push_back(in[0].getInt(0) ? in[1] : in[2]);
      return success();
    }
    auto chosen = [&](int64_t i) -> const Literal & { return in[0].getInt(i) ? in[1] : in[2]; };
    if (in[1].isFloat())
      return mapElements<double>(op, in, results, [&](int64_t i) { return chosen(i).getFloat(i); });
    return mapElements<int64_t>(op, in, results, [&](int64_t i) { return chosen(i).getInt(i); });
  }
};

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

/// Attaches every model to its op.
template <typename... Models> static void attach(MLIRContext *context) {
  (Models::Target::template attachInterface<Models>(*context), ...);
}

static void attachArith(MLIRContext *context, arith::ArithDialect *) {
  using namespace arith;
  constexpr Undefined zero = Undefined::ForZero, width = Undefined::ForWidth;
  attach<Constant, CmpF, CmpI, Select>(context);
  attach<FloatBinary<AddFOp, addf>, FloatBinary<SubFOp, subf>, FloatBinary<MulFOp, mulf>, FloatBinary<DivFOp, divf>,
         FloatBinary<RemFOp, std::fmod>, FloatUnary<NegFOp, negf>, FloatBinary<MaximumFOp, maximum>,
         FloatBinary<MinimumFOp, minimum>, FloatBinary<MaxNumFOp, maxnum>, FloatBinary<MinNumFOp, minnum>>(context);
  attach<UnsignedBinary<AddIOp, addi>, UnsignedBinary<SubIOp, subi>, UnsignedBinary<MulIOp, muli>,
         UnsignedBinary<AndIOp, andi>, UnsignedBinary<OrIOp, ori>, UnsignedBinary<XOrIOp, xori>,
         UnsignedBinary<MaxUIOp, maxui>, UnsignedBinary<MinUIOp, minui>, SignedBinary<MaxSIOp, maxsi>,
         SignedBinary<MinSIOp, minsi>>(context);
  attach<SignedBinary<DivSIOp, divsi, zero>, SignedBinary<RemSIOp, remsi, zero>,
         SignedBinary<FloorDivSIOp, floordivsi, zero>, SignedBinary<CeilDivSIOp, ceildivsi, zero>,
         UnsignedBinary<DivUIOp, divui, zero>, UnsignedBinary<RemUIOp, remui, zero>,
         UnsignedBinary<CeilDivUIOp, ceildivui, zero>, UnsignedBinary<ShLIOp, shli, width>,
         UnsignedBinary<ShRUIOp, shrui, width>, SignedBinary<ShRSIOp, shrsi, width>>(context);
  attach<FloatCast<ExtFOp>, FloatCast<TruncFOp>, IntCast<ExtSIOp, true>, IntCast<ExtUIOp, false>,
         IntCast<TruncIOp, true>, IntToFloat<SIToFPOp, true>, IntToFloat<UIToFPOp, false>,
         FloatToInt<FPToSIOp, floatToSigned>, FloatToInt<FPToUIOp, floatToUnsigned>>(context);
}

static void attachMath(MLIRContext *context, math::MathDialect *) {
  using namespace math;
  attach<FloatUnary<ExpOp, std::exp>, FloatUnary<Exp2Op, std::exp2>, FloatUnary<ExpM1Op, std::expm1>,
         FloatUnary<LogOp, std::log>, FloatUnary<Log2Op, std::log2>, FloatUnary<Log10Op, std::log10>,
         FloatUnary<Log1pOp, std::log1p>, FloatUnary<SqrtOp, std::sqrt>, FloatUnary<RsqrtOp, rsqrt>,
         FloatUnary<CbrtOp, std::cbrt>, FloatBinary<PowFOp, std::pow>>(context);
  attach<FloatUnary<TanhOp, std::tanh>, FloatUnary<SinhOp, std::sinh>, FloatUnary<CoshOp, std::cosh>,
         FloatUnary<AsinhOp, std::asinh>, FloatUnary<AcoshOp, std::acosh>, FloatUnary<AtanhOp, std::atanh>,
         FloatUnary<ErfOp, std::erf>, FloatUnary<ErfcOp, std::erfc>>(context);
  attach<FloatUnary<SinOp, std::sin>, FloatUnary<CosOp, std::cos>, FloatUnary<TanOp, std::tan>,
         FloatUnary<AsinOp, std::asin>, FloatUnary<AcosOp, std::acos>, FloatUnary<AtanOp, std::atan>,
         FloatBinary<Atan2Op, std::atan2>>(context);
  attach<FloatUnary<AbsFOp, std::fabs>, SignedUnary<AbsIOp, absi>, FloatUnary<FloorOp, std::floor>,
         FloatUnary<CeilOp, std::ceil>, FloatUnary<RoundOp, std::round>, FloatUnary<RoundEvenOp, std::nearbyint>,
         FloatUnary<TruncOp, std::trunc>, FloatBinary<CopySignOp, std::copysign>, FloatTernary<FmaOp, std::fma>,
         FloatTernary<ClampFOp, clampf>, FloatTest<IsNaNOp, isNan>, FloatTest<IsInfOp, isInf>,
         FloatTest<IsFiniteOp, isFinite>>(context);
}

void weft::registerEvaluateModels(DialectRegistry &registry) {
  registry.addExtension(attachArith);
  registry.addExtension(attachMath);
}

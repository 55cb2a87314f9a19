//===- LiteralTest.cpp - Rounding, attributes and splats of literals -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

class LiteralTest : public ProgramTest {};

/// What APFloat makes of the number.
double reference(double value, const llvm::fltSemantics &semantics) {
  llvm::APFloat number(value);
  bool lost;
  number.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &lost);
  number.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

TEST_F(LiteralTest, RoundsAsAPFloat) {
  std::uniform_real_distribution<double> mantissa(-2, 2);
  std::uniform_int_distribution<int> exponent(-160, 140), smallExponent(-30, 20);
  std::vector<double> values{0.0,    -0.0,       65504,      65519.999, 65520,   1e300,
                             -1e300, 0x1.FEp127, 0x1.FFp127, 0x1p-149,  0x1p-150};
  for (int i = 0; i < 20000; ++i)
    values.push_back(std::ldexp(mantissa(generator), i % 2 ? exponent(generator) : smallExponent(generator)));
  for (FloatType type : {FloatType(Float16Type::get(&context)), FloatType(BFloat16Type::get(&context)),
                         FloatType(Float32Type::get(&context))})
    for (double value : values) {
      double rounded = roundToType(value, type), expected = reference(value, type.getFloatSemantics());
      ASSERT_EQ(rounded, expected) << value;
      ASSERT_EQ(std::signbit(rounded), std::signbit(expected)) << value;
    }
  EXPECT_TRUE(std::isnan(roundToType(std::nan(""), BFloat16Type::get(&context))));
}

TEST_F(LiteralTest, WrapsIntegers) {
  EXPECT_EQ(Literal::ofInts(ints({2}, 8), {200, -129}).getInt(0), -56);
  EXPECT_EQ(Literal::ofInts(ints({2}, 8), {200, -129}).getInt(1), 127);
  EXPECT_EQ(Literal::ofInts(ints({1}, 1), {3}).getInt(0), 1);
}

TEST_F(LiteralTest, AttributesRoundTrip) {
  Builder b(&context);
  SmallVector<Type> elements{
      b.getF16Type(), b.getBF16Type(),      b.getF32Type(), b.getF64Type(), b.getI1Type(),
      b.getI8Type(),  b.getIntegerType(12), b.getI32Type(), b.getI64Type(), b.getType<Float8E4M3FNType>()};
  for (Type element : elements)
    for (SmallVector<int64_t> shape : {SmallVector<int64_t>{}, {17}, {3, 5}, {0, 4}}) {
      Literal literal = random(RankedTensorType::get(shape, element), 2);
      std::optional<Literal> back = Literal::fromAttr(literal.toAttr());
      ASSERT_TRUE(back.has_value());
      expectNear(*back, literal, 0);
    }
}

TEST_F(LiteralTest, EqualElementsAreASplat) {
  Literal literal = Literal::ofFloats(singles({2, 2}), {3, 3, 3, 3});
  EXPECT_FALSE(literal.isSplat());
  EXPECT_TRUE(literal.toAttr().isSplat());
  EXPECT_TRUE(Literal::fromAttr(literal.toAttr())->isSplat());
  // Zeros of different sign are different.
  EXPECT_FALSE(Literal::ofFloats(singles({2}), {0.0, -0.0}).toAttr().isSplat());
}

TEST_F(LiteralTest, SettingExpandsASplat) {
  Literal literal(floats({3}));
  literal.setFloat(1, 5);
  expectNear(literal, Literal::ofFloats(floats({3}), {0, 5, 0}));
}

} // namespace

//===- EvaluateModelsTest.cpp - arith and math against their own folders -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "dialects/weft/Fold.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

class EvaluateModelsTest : public ProgramTest {
protected:
  /// Folds an op on random constants upstream's way and ours; counts in
  /// `compared` where upstream has a folder that takes them.
  void compare(StringRef name, ArrayRef<Literal> operands, Type resultElement, ArrayRef<NamedAttribute> attributes = {},
               double tolerance = 0) {
    OpBuilder builder(&context);
    OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
    builder.setInsertionPointToStart(module->getBody());
    OperationState state(builder.getUnknownLoc(), name);
    SmallVector<Attribute> constants;
    for (const Literal &operand : operands) {
      constants.push_back(operand.toAttr());
      auto constant = arith::ConstantOp::create(builder, state.location, cast<TypedAttr>(constants.back()));
      state.addOperands(constant.getResult());
    }
    state.addTypes(operands.front().getType().clone(resultElement));
    state.addAttributes(attributes);
    Operation *op = builder.create(state);
    ASSERT_TRUE(succeeded(verify(op)));
    SmallVector<OpFoldResult> folded;
    SmallVector<Attribute> values;
    ASSERT_TRUE(evaluateToConstants(op, defaultFoldLimit, values)) << name.str();
    if (failed(op->fold(constants, folded)) || folded.size() != 1 || !isa<Attribute>(folded.front()))
      return;
    ++compared;
    SCOPED_TRACE(name.str());
    expectNear(*Literal::fromAttr(values.front()), *Literal::fromAttr(cast<Attribute>(folded.front())), tolerance);
  }

  SmallVector<Type> intTypes() {
    Builder b(&context);
    return {b.getI1Type(), b.getI8Type(), b.getI32Type(), b.getI64Type()};
  }
  SmallVector<Type> floatTypes() {
    Builder b(&context);
    return {b.getF16Type(), b.getBF16Type(), b.getF32Type(), b.getF64Type()};
  }
  Literal randomOf(Type element, int64_t low = -300, int64_t high = 300) {
    auto type = RankedTensorType::get({40}, element);
    if (isa<FloatType>(element)) {
      Literal literal = random(type);
      // Equal operands and zeros too.
      literal.setFloat(0, 1);
      literal.setFloat(1, 0);
      return literal;
    }
    std::uniform_int_distribution<int64_t> uniform(low, high);
    std::vector<int64_t> values(type.getNumElements());
    for (int64_t &value : values)
      value = uniform(generator);
    return Literal::ofInts(type, std::move(values));
  }

  int compared = 0;
};

TEST_F(EvaluateModelsTest, Integers) {
  for (Type type : intTypes()) {
    for (StringRef name : {"arith.addi", "arith.subi", "arith.muli", "arith.andi", "arith.ori", "arith.xori",
                           "arith.maxsi", "arith.minsi", "arith.maxui", "arith.minui"})
      compare(name, {randomOf(type), randomOf(type)}, type);
    if (type.isInteger(1))
      continue;
    for (StringRef name : {"arith.divsi", "arith.remsi", "arith.divui", "arith.remui", "arith.floordivsi",
                           "arith.ceildivsi", "arith.ceildivui"}) {
      compare(name, {randomOf(type, -100, 100), randomOf(type, 1, 9)}, type);
      compare(name, {randomOf(type, -100, 100), randomOf(type, -9, -1)}, type);
    }
    for (StringRef name : {"arith.shli", "arith.shrsi", "arith.shrui"})
      compare(name, {randomOf(type), randomOf(type, 0, 7)}, type);
    compare("math.absi", {randomOf(type)}, type);
  }
  EXPECT_GT(compared, 80);
}

TEST_F(EvaluateModelsTest, Comparisons) {
  Builder b(&context);
  for (Type type : intTypes())
    for (int64_t predicate = 0; predicate <= static_cast<int64_t>(arith::getMaxEnumValForCmpIPredicate()); ++predicate)
      compare("arith.cmpi", {randomOf(type, -2, 2), randomOf(type, -2, 2)}, b.getI1Type(),
              b.getNamedAttr("predicate", b.getI64IntegerAttr(predicate)));
  compare("arith.select", {randomOf(b.getI1Type()), randomOf(b.getF32Type()), randomOf(b.getF32Type())},
          b.getF32Type());
  EXPECT_EQ(compared, 41);
}

TEST_F(EvaluateModelsTest, FloatComparisons) {
  // Of equal, less, greater and unordered operands, those for which a predicate holds.
  using P = arith::CmpFPredicate;
  std::pair<P, std::vector<int64_t>> table[] = {
      {P::AlwaysFalse, {0, 0, 0, 0}}, {P::OEQ, {1, 0, 0, 0}}, {P::OGT, {0, 0, 1, 0}}, {P::OGE, {1, 0, 1, 0}},
      {P::OLT, {0, 1, 0, 0}},         {P::OLE, {1, 1, 0, 0}}, {P::ONE, {0, 1, 1, 0}}, {P::ORD, {1, 1, 1, 0}},
      {P::UEQ, {1, 0, 0, 1}},         {P::UGT, {0, 0, 1, 1}}, {P::UGE, {1, 0, 1, 1}}, {P::ULT, {0, 1, 0, 1}},
      {P::ULE, {1, 1, 0, 1}},         {P::UNE, {0, 1, 1, 1}}, {P::UNO, {0, 0, 0, 1}}, {P::AlwaysTrue, {1, 1, 1, 1}}};
  Literal x = Literal::ofFloats(singles({4}), {1, 1, 2, NAN}), y = Literal::ofFloats(singles({4}), {1, 2, 1, 1});
  for (auto &[predicate, expected] : table) {
    P chosen = predicate;
    Literals out = run({x, y}, [chosen](Build &e, ValueRange in, Values &out) {
      out.push_back(arith::CmpFOp::create(e.b, e.loc, chosen, in[0], in[1]));
    });
    expectNear(out[0], Literal::ofInts(ints({4}, 1), expected));
  }
}

TEST_F(EvaluateModelsTest, Floats) {
  for (Type type : floatTypes()) {
    for (StringRef name : {"arith.addf", "arith.subf", "arith.mulf", "arith.divf", "arith.remf", "arith.maximumf",
                           "arith.minimumf", "arith.maxnumf", "arith.minnumf", "math.copysign"}) {
      Literal x = randomOf(type), y = randomOf(type);
      x.setFloat(2, NAN);
      y.setFloat(3, NAN);
      x.setFloat(4, -0.0);
      y.setFloat(4, 0.0);
      compare(name, {x, y}, type);
    }
    compare("arith.negf", {randomOf(type)}, type);
  }
  Builder b(&context);
  // Upstream computes these in the element's own type, we round once.
  for (Type type : {Type(b.getF32Type()), Type(b.getF64Type())}) {
    for (StringRef name : {"math.exp", "math.exp2", "math.expm1", "math.tanh", "math.erf", "math.sin", "math.cos",
                           "math.tan", "math.atan", "math.absf", "math.floor", "math.ceil", "math.round",
                           "math.roundeven", "math.trunc", "math.cbrt"})
      compare(name, {randomOf(type)}, type, {}, 1e-6);
    Literal positive = randomOf(type);
    for (int64_t i = 0; i < positive.getNumElements(); ++i)
      positive.setFloat(i, std::fabs(positive.getFloat(i)) + 0.25);
    positive.round();
    for (StringRef name : {"math.log", "math.log2", "math.log10", "math.log1p", "math.sqrt", "math.rsqrt"})
      compare(name, {positive}, type, {}, 1e-6);
    compare("math.powf", {positive, randomOf(type)}, type, {}, 1e-6);
    compare("math.atan2", {randomOf(type), positive}, type, {}, 1e-6);
  }
  EXPECT_GT(compared, 60);
}

TEST_F(EvaluateModelsTest, Conversions) {
  for (Type from : intTypes())
    for (Type to : floatTypes()) {
      compare("arith.sitofp", {randomOf(from)}, to);
      compare("arith.uitofp", {randomOf(from)}, to);
      if (!from.isInteger(1)) {
        // Floats that fit.
        Literal x = randomOf(to);
        for (int64_t i = 0; i < x.getNumElements(); ++i)
          x.setFloat(i, std::fabs(x.getFloat(i)) * 5);
        x.round();
        compare("arith.fptosi", {x}, from);
        compare("arith.fptoui", {x}, from);
      }
    }
  for (Type from : intTypes())
    for (Type to : intTypes()) {
      unsigned fromBits = from.getIntOrFloatBitWidth(), toBits = to.getIntOrFloatBitWidth();
      if (fromBits < toBits) {
        compare("arith.extsi", {randomOf(from)}, to);
        compare("arith.extui", {randomOf(from)}, to);
      } else if (fromBits > toBits) {
        compare("arith.trunci", {randomOf(from)}, to);
      }
    }
  for (Type from : floatTypes())
    for (Type to : floatTypes()) {
      if (from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth())
        compare("arith.extf", {randomOf(from)}, to);
      else if (from.getIntOrFloatBitWidth() > to.getIntOrFloatBitWidth())
        compare("arith.truncf", {randomOf(from)}, to);
    }
  EXPECT_GT(compared, 60);
}

TEST_F(EvaluateModelsTest, UndefinedIsNotEvaluated) {
  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToStart(module->getBody());
  Build e{builder, builder.getUnknownLoc()};
  SmallVector<Attribute> values;
  Value zero = e.splat(ints({2}), 0), width = e.splat(ints({2}), 64), table = e.splat(floats({3}), 1);
  EXPECT_FALSE(evaluateToConstants(e.div(width, zero).getDefiningOp(), defaultFoldLimit, values));
  EXPECT_FALSE(evaluateToConstants(arith::ShLIOp::create(builder, e.loc, width, width), defaultFoldLimit, values));
  EXPECT_FALSE(evaluateToConstants(e.gather(table, width, 0).getDefiningOp(), defaultFoldLimit, values));
  EXPECT_TRUE(values.empty());
}

} // namespace

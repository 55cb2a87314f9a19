//===- BatchNormTest.cpp - What a batch norm means in each mode -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/BatchNorm.h"
#include "Support.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

class BatchNormTest : public ProgramTest {
protected:
  /// x, scale, bias, mean, variance.
  Literals operands(ArrayRef<int64_t> shape) {
    Literals all{random(floats(shape))};
    for (int64_t i = 0; i < 4; ++i)
      all.push_back(random(floats({shape[1]})));
    for (int64_t i = 0; i < shape[1]; ++i)
      all[4].setFloat(i, std::abs(all[4].getFloat(i)) + 0.1);
    return all;
  }

  BatchNormOp make(Build &e, ValueRange in, bool unbiased) {
    return BatchNormOp::create(e.b, e.loc, TypeRange{in[0].getType(), in[3].getType(), in[4].getType()}, in[0], in[1],
                               in[2], in[3], in[4], e.b.getF64FloatAttr(1e-3), e.b.getF64FloatAttr(0.9),
                               unbiased ? e.b.getUnitAttr() : UnitAttr());
  }
};

// The ops that training is built from compute what the op says.
TEST_F(BatchNormTest, TrainingIsItsEvaluation) {
  for (auto shape : {SmallVector<int64_t>{3, 4}, SmallVector<int64_t>{2, 3, 5}, SmallVector<int64_t>{2, 3, 4, 2},
                     SmallVector<int64_t>{1, 2}})
    for (bool unbiased : {false, true}) {
      Literals in = operands(shape);
      Literals expected = run(in, [&](Build &e, ValueRange args, Values &out) {
        llvm::append_range(out, make(e, args, unbiased).getResults());
      });
      Literals built = run(in, [&](Build &e, ValueRange args, Values &out) {
        BatchNormOp norm = make(e, args, unbiased);
        norm.buildForMode(e.b, /*training=*/true, out);
        norm.erase();
      });
      ASSERT_EQ(built.size(), 3u);
      for (auto [x, y] : llvm::zip_equal(built, expected))
        expectNear(x, y, 1e-9);
    }
}

// Numbers by hand: two channels of two elements each.
TEST_F(BatchNormTest, MovesRunningStatistics) {
  auto vector = [&](double a, double b) { return Literal::ofFloats(floats({2}), {a, b}); };
  Literals in{Literal::ofFloats(floats({2, 2}), {1, 10, 3, 30}), vector(1, 2), vector(0, 5), vector(0, 0),
              vector(1, 1)};
  for (bool unbiased : {false, true}) {
    Literals out = run(in, [&](Build &e, ValueRange args, Values &values) {
      make(e, args, unbiased).buildForMode(e.b, /*training=*/true, values);
    });
    // Means 2 and 20, variances 1 and 100; without bias 2 and 200.
    expectNear(out[1], vector(0.2, 2), 1e-9);
    expectNear(out[2], unbiased ? vector(1.1, 20.9) : vector(1, 10.9), 1e-9);
    double first = 1 / std::sqrt(1.001), second = 20 / std::sqrt(100.001);
    expectNear(out[0], Literal::ofFloats(floats({2, 2}), {-first, 5 - second, first, 5 + second}), 1e-9);
  }
}

// Evaluation takes the running statistics and leaves them.
TEST_F(BatchNormTest, EvaluationUsesRunningStatistics) {
  Literals in = operands({2, 3, 4});
  Literals out = run(in, [&](Build &e, ValueRange args, Values &values) {
    make(e, args, false).buildForMode(e.b, /*training=*/false, values);
  });
  expectNear(out[1], in[3]);
  expectNear(out[2], in[4]);
  for (int64_t i = 0; i < 24; ++i) {
    int64_t c = i / 4 % 3;
    double expected =
        (in[0].getFloat(i) - in[3].getFloat(c)) / std::sqrt(in[4].getFloat(c) + 1e-3) * in[1].getFloat(c) +
        in[2].getFloat(c);
    EXPECT_NEAR(out[0].getFloat(i), expected, 1e-9) << i;
  }
}

} // namespace

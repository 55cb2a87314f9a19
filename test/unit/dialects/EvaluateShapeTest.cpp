//===- EvaluateShapeTest.cpp - Identities of shape ops and products -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

class EvaluateShapeTest : public ProgramTest {};

TEST_F(EvaluateShapeTest, TransposeAndItsInverseCancel) {
  Literal x = random(floats({2, 3, 4}));
  Literals out = run({x}, [](Build &e, ValueRange in, Values &out) {
    out.push_back(e.transpose(e.transpose(in[0], {2, 0, 1}), {1, 2, 0}));
    out.push_back(e.transpose(in[0], {2, 0, 1}));
  });
  expectNear(out[0], x);
  // Element [k][i][j] of the transpose is element [i][j][k].
  EXPECT_EQ(out[1].getFloat((3 * 2 + 1) * 3 + 2), x.getFloat((1 * 3 + 2) * 4 + 3));
}

TEST_F(EvaluateShapeTest, PadIsTheTransposeOfSlice) {
  Literal x = random(floats({5, 9})), y = random(floats({3, 4}));
  Literals out = run({x, y}, [&](Build &e, ValueRange in, Values &out) {
    out.push_back(e.slice(in[0], {1, 2}, {3, 4}, {1, 2}));
    out.push_back(PadOp::create(e.b, e.loc, in[0].getType(), in[1], ArrayRef<int64_t>{1, 2}, ArrayRef<int64_t>{1, 0},
                                ArrayRef<int64_t>{0, 1}));
  });
  EXPECT_NEAR(innerProduct(out[0], y), innerProduct(x, out[1]), 1e-12);
  EXPECT_EQ(out[0].getFloat(1), x.getFloat(9 + 4));
}

TEST_F(EvaluateShapeTest, ScatterAddIsTheTransposeOfGather) {
  for (int64_t axis : {0, 1, 2}) {
    SmallVector<int64_t> shape{3, 4, 5}, updates{3, 4, 5};
    updates[axis] = 2;
    updates.insert(updates.begin() + axis + 1, 3);
    Literal x = random(floats(shape)), y = random(floats(updates)), indices = random(ints({2, 3}), 3);
    Literals out = run({x, y, indices}, [&](Build &e, ValueRange in, Values &out) {
      out.push_back(e.gather(in[0], in[2], axis));
      out.push_back(ScatterAddOp::create(e.b, e.loc, in[0].getType(), in[1], in[2], axis));
    });
    EXPECT_NEAR(innerProduct(out[0], y), innerProduct(x, out[1]), 1e-12);
  }
}

TEST_F(EvaluateShapeTest, SumIsTheTransposeOfBroadcast) {
  Literal x = random(floats({3, 5})), y = random(floats({2, 3, 4, 5}));
  Literals out = run({x, y}, [](Build &e, ValueRange in, Values &out) {
    out.push_back(e.broadcast(in[0], {1, 3}, {2, 3, 4, 5}));
    out.push_back(e.sum(in[1], {0, 2}));
  });
  EXPECT_NEAR(innerProduct(out[0], y), innerProduct(x, out[1]), 1e-12);
}

TEST_F(EvaluateShapeTest, SlicesOfConcatAreItsOperands) {
  Literal x = random(singles({2, 3})), y = random(singles({2, 4}));
  Literals out = run({x, y}, [](Build &e, ValueRange in, Values &out) {
    Value both = e.concat({in[0], in[1]}, 1);
    out.push_back(e.slice(both, {0, 0}, {2, 3}));
    out.push_back(e.slice(both, {0, 3}, {2, 4}));
  });
  expectNear(out[0], x);
  expectNear(out[1], y);
}

TEST_F(EvaluateShapeTest, CumsumAgainstLoops) {
  Literal x = random(floats({2, 4, 3}));
  for (bool reverse : {false, true})
    for (bool exclusive : {false, true}) {
      Literals out = run({x}, [&](Build &e, ValueRange in, Values &out) {
        out.push_back(CumsumOp::create(e.b, e.loc, in[0].getType(), in[0], 1, reverse, exclusive));
      });
      Literal expected(x.getType());
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t j = 0; j < 4; ++j)
          for (int64_t k = 0; k < 3; ++k) {
            double sum = 0;
            for (int64_t other = 0; other < 4; ++other)
              if ((reverse ? other > j : other < j) || (!exclusive && other == j))
                sum += x.getFloat((i * 4 + other) * 3 + k);
            expected.setFloat((i * 4 + j) * 3 + k, sum);
          }
      expectNear(out[0], expected);
    }
}

TEST_F(EvaluateShapeTest, DotGeneralAgainstLoops) {
  // lhs [k, b, m, c], rhs [b, n, c, k]: two contracted dimensions, in different places.
  Literal x = random(floats({2, 3, 4, 5})), y = random(floats({3, 6, 5, 2}));
  Literals out = run({x, y}, [](Build &e, ValueRange in, Values &out) {
    out.push_back(e.dot(in[0], in[1], {1}, {0}, {3, 0}, {2, 3}));
  });
  Literal expected(floats({3, 4, 6}));
  for (int64_t b = 0; b < 3; ++b)
    for (int64_t m = 0; m < 4; ++m)
      for (int64_t n = 0; n < 6; ++n) {
        double sum = 0;
        for (int64_t c = 0; c < 5; ++c)
          for (int64_t k = 0; k < 2; ++k)
            sum += x.getFloat(((k * 3 + b) * 4 + m) * 5 + c) * y.getFloat(((b * 6 + n) * 5 + c) * 2 + k);
        expected.setFloat((b * 4 + m) * 6 + n, sum);
      }
  expectNear(out[0], expected);
}

TEST_F(EvaluateShapeTest, SplatsStaySplatsWithTheSameValues) {
  Literal splat(singles({4, 6}));
  splat.fillFloat(1.5);
  Literal indices = random(ints({3}));
  auto body = [](Build &e, ValueRange in, Values &out) {
    Value x = in[0];
    out.push_back(e.broadcast(x, {0, 2}, {4, 2, 6}));
    out.push_back(e.transpose(x, {1, 0}));
    out.push_back(e.reshape(x, {24}));
    out.push_back(e.slice(x, {1, 1}, {2, 3}));
    out.push_back(e.gather(x, in[1], 0));
    out.push_back(e.sum(x, {1}));
    out.push_back(e.reduce(ReduceKind::prod, x, {0}));
    out.push_back(e.reduce(ReduceKind::max, x, {0}));
    out.push_back(e.dot(x, x, {}, {}, {1}, {1}));
    out.push_back(e.exp(e.mul(x, x)));
    out.push_back(e.concat({x, x}, 0));
  };
  Literals fromSplat = run({splat, indices}, body);
  Literal dense = splat;
  dense.setFloat(0, 1.5);
  ASSERT_FALSE(dense.isSplat());
  Literals fromDense = run({dense, indices}, body);
  for (auto [fast, slow] : llvm::zip_equal(fromSplat, fromDense)) {
    EXPECT_TRUE(fast.isSplat());
    expectNear(fast, slow);
  }
}

TEST_F(EvaluateShapeTest, ReductionsOfIntegersWrapAndCompareSigned) {
  Literal x = Literal::ofInts(ints({2, 2}, 8), {100, 100, -3, 5});
  Literals out = run({x}, [](Build &e, ValueRange in, Values &out) {
    for (ReduceKind kind : {ReduceKind::sum, ReduceKind::prod, ReduceKind::max, ReduceKind::min})
      out.push_back(e.reduce(kind, in[0], {1}));
  });
  EXPECT_EQ(out[0].getInt(0), 200 - 256);
  EXPECT_EQ(out[1].getInt(1), -15);
  EXPECT_EQ(out[2].getInt(1), 5);
  EXPECT_EQ(out[3].getInt(1), -3);
}

} // namespace

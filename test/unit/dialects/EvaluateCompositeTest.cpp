//===- EvaluateCompositeTest.cpp - Composite ops against their parts -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

class EvaluateCompositeTest : public ProgramTest {
protected:
  FloatAttr f64(double value) { return Builder(&context).getF64FloatAttr(value); }

  /// An attention and its log-sum-exp; `mask` may be null.
  static AttentionOp attention(Build &e, Value q, Value k, Value v, Value mask, double scale, bool causal) {
    RankedTensorType type = tensorType(q);
    SmallVector<int64_t> out(type.getShape());
    out[3] = tensorType(v).getDimSize(3);
    auto lse = RankedTensorType::get({out[0], out[2], out[1]}, e.b.getF32Type());
    return AttentionOp::create(e.b, e.loc, type.clone(out), lse, q, k, v, mask, e.b.getF64FloatAttr(scale),
                               causal ? e.b.getUnitAttr() : UnitAttr());
  }
};

TEST_F(EvaluateCompositeTest, SoftmaxRowsSumToOne) {
  Literal x = random(floats({3, 7}));
  Literals out = run({x}, [](Build &e, ValueRange in, Values &out) {
    Value y = SoftmaxOp::create(e.b, e.loc, in[0].getType(), in[0]);
    out.push_back(e.sum(y, {1}));
    out.push_back(y);
    Value exps = e.exp(in[0]);
    out.push_back(e.div(exps, e.broadcast(e.sum(exps, {1}), {0}, {3, 7})));
  });
  for (int64_t i = 0; i < 3; ++i)
    EXPECT_NEAR(out[0].getFloat(i), 1, 1e-12);
  expectNear(out[1], out[2]);
}

TEST_F(EvaluateCompositeTest, AttentionIsSoftmaxBetweenProducts) {
  // Two query heads to each of two key/value heads, a float mask shared by the heads.
  Literal q = random(floats({2, 3, 4, 5})), k = random(floats({2, 6, 2, 5})), v = random(floats({2, 6, 2, 7}));
  Literal mask = random(floats({2, 1, 3, 6}));
  Literals out = run({q, k, v, mask}, [](Build &e, ValueRange in, Values &out) {
    out.push_back(attention(e, in[0], in[1], in[2], in[3], 0.3, false).getOut());
    auto repeatHeads = [&](Value x, int64_t size) {
      return e.reshape(e.broadcast(x, {0, 1, 2, 4}, {2, 6, 2, 2, size}), {2, 6, 4, size});
    };
    Value scores = e.dot(in[0], repeatHeads(in[1], 5), {0, 2}, {0, 2}, {3}, {3});
    scores = e.mul(scores, e.splatLike(scores, 0.3));
    scores = e.add(scores, e.broadcast(e.reshape(in[3], {2, 3, 6}), {0, 2, 3}, {2, 4, 3, 6}));
    Value p = SoftmaxOp::create(e.b, e.loc, scores.getType(), scores);
    out.push_back(e.transpose(e.dot(p, repeatHeads(in[2], 7), {0, 1}, {0, 2}, {3}, {1}), {0, 2, 1, 3}));
  });
  expectNear(out[0], out[1]);
}

TEST_F(EvaluateCompositeTest, CausalAttentionIsThatOfItsMask) {
  // Six keys, of which the last three belong to the three queries; without past keys, query 0 of -2 sees nothing.
  for (int64_t keys : {6, 3, 1}) {
    Literal q = random(floats({1, 3, 2, 4})), k = random(floats({1, keys, 2, 4})), v = random(floats({1, keys, 2, 4}));
    std::vector<int64_t> seen;
    for (int64_t t = 0; t < 3; ++t)
      for (int64_t s = 0; s < keys; ++s)
        seen.push_back(s <= t + keys - 3);
    // One element would be taken for a splat of the whole mask.
    Literal mask(ints({1, 1, 3, keys}, 1));
    for (auto [i, value] : llvm::enumerate(seen))
      mask.setInt(i, value);
    Literals out = run({q, k, v, mask}, [](Build &e, ValueRange in, Values &out) {
      auto causal = attention(e, in[0], in[1], in[2], Value(), 1, true);
      auto masked = attention(e, in[0], in[1], in[2], in[3], 1, false);
      llvm::append_range(out, causal.getResults());
      llvm::append_range(out, masked.getResults());
    });
    expectNear(out[0], out[2]);
    expectNear(out[1], out[3]);
    if (keys == 1) {
      EXPECT_EQ(out[0].getFloat(0), 0);
      EXPECT_TRUE(std::isinf(out[1].getFloat(0)));
    }
  }
}

TEST_F(EvaluateCompositeTest, AttentionGradAgainstDifferences) {
  Literal q = random(floats({1, 3, 4, 2})), k = random(floats({1, 3, 2, 2})), v = random(floats({1, 3, 2, 3}));
  Literal dout = random(floats({1, 3, 4, 3}));
  auto loss = [&](const Literal &q, const Literal &k, const Literal &v) {
    Literals out = run({q, k, v}, [](Build &e, ValueRange in, Values &out) {
      out.push_back(attention(e, in[0], in[1], in[2], Value(), 0.7, true).getOut());
    });
    return innerProduct(out[0], dout);
  };
  Literals grads = run({q, k, v, dout}, [](Build &e, ValueRange in, Values &out) {
    auto forward = attention(e, in[0], in[1], in[2], Value(), 0.7, true);
    auto grad = AttentionGradOp::create(e.b, e.loc, in[0].getType(), in[1].getType(), in[2].getType(), in[3], in[0],
                                        in[1], in[2], forward.getOut(), forward.getLse(), Value(),
                                        e.b.getF64FloatAttr(0.7), e.b.getUnitAttr());
    llvm::append_range(out, grad.getResults());
  });
  Literals point{q, k, v};
  for (int operand = 0; operand < 3; ++operand)
    for (int64_t i = 0; i < point[operand].getNumElements(); ++i) {
      double h = 1e-5, value = point[operand].getFloat(i);
      Literals up = point, down = point;
      up[operand].setFloat(i, value + h);
      down[operand].setFloat(i, value - h);
      double difference = (loss(up[0], up[1], up[2]) - loss(down[0], down[1], down[2])) / (2 * h);
      // lse is held in f32.
      EXPECT_NEAR(grads[operand].getFloat(i), difference, 1e-5) << "operand " << operand << " element " << i;
    }
}

TEST_F(EvaluateCompositeTest, NormsAgainstTheirDefinition) {
  Literal x = random(floats({3, 8})), gamma = random(floats({8})), beta = random(floats({8}));
  Literals out = run({x, gamma, beta}, [](Build &e, ValueRange in, Values &out) {
    SmallVector<int64_t> shape{3, 8};
    auto type = in[0].getType();
    FloatAttr eps = e.b.getF64FloatAttr(0.01);
    auto mean = [&](Value v) {
      Value sum = e.sum(v, {1});
      return e.broadcast(e.mul(sum, e.splatLike(sum, 0.125)), {0}, shape);
    };
    auto normalize = [&](Value v) {
      Value square = mean(e.mul(v, v));
      return e.mul(v, e.rsqrt(e.add(square, e.splatLike(square, 0.01))));
    };
    Value g = e.broadcast(in[1], {1}, shape), b = e.broadcast(in[2], {1}, shape);
    Value centered = e.sub(in[0], mean(in[0]));
    out.push_back(LayerNormOp::create(e.b, e.loc, type, in[0], in[1], in[2], eps));
    out.push_back(e.add(e.mul(normalize(centered), g), b));
    out.push_back(LayerNormOp::create(e.b, e.loc, type, in[0], Value(), in[2], eps));
    out.push_back(e.add(normalize(centered), b));
    out.push_back(RmsNormOp::create(e.b, e.loc, type, in[0], in[1], eps));
    out.push_back(e.mul(normalize(in[0]), g));
  });
  for (int i : {0, 2, 4})
    expectNear(out[i], out[i + 1]);
}

TEST_F(EvaluateCompositeTest, CrossEntropyIsLogSoftmaxAtTheLabel) {
  Literal x = random(floats({4, 5})), labels = Literal::ofInts(ints({4}), {0, -100, 4, 2});
  Literals out = run({x, labels}, [&](Build &e, ValueRange in, Values &out) {
    out.push_back(CrossEntropyOp::create(e.b, e.loc, singles({4}), in[0], in[1]));
    out.push_back(e.log(SoftmaxOp::create(e.b, e.loc, in[0].getType(), in[0])));
  });
  for (int64_t i = 0; i < 4; ++i) {
    double expected = i == 1 ? 0 : -out[1].getFloat(i * 5 + labels.getInt(i));
    EXPECT_NEAR(out[0].getFloat(i), expected, 1e-6);
  }
}

TEST_F(EvaluateCompositeTest, RotaryKeepsLengthsAndItsTransposeIsAdjoint) {
  Literal x = random(floats({2, 3, 2, 6})), y = random(floats({2, 3, 2, 6}));
  // cos and sin of angles that repeat in the second half, as models have them.
  Literal angles = random(floats({3, 2}));
  Literal cos(floats({3, 4})), sin(floats({3, 4})), any = random(floats({3, 4}));
  for (int64_t t = 0; t < 3; ++t)
    for (int64_t i = 0; i < 4; ++i) {
      cos.setFloat(t * 4 + i, std::cos(angles.getFloat(t * 2 + i % 2)));
      sin.setFloat(t * 4 + i, std::sin(angles.getFloat(t * 2 + i % 2)));
    }
  Literals out = run({x, y, cos, sin, any}, [](Build &e, ValueRange in, Values &out) {
    auto rotary = [&](Value x, Value sin, bool transposed) {
      return RotaryOp::create(e.b, e.loc, x.getType(), x, in[2], sin, transposed).getResult();
    };
    out.push_back(rotary(in[0], in[3], false));
    out.push_back(rotary(out[0], in[3], true));
    // Adjointness holds for any factors, not only for rotations.
    out.push_back(rotary(in[0], in[4], false));
    out.push_back(rotary(in[1], in[4], true));
  });
  EXPECT_NEAR(innerProduct(out[0], out[0]), innerProduct(x, x), 1e-12);
  expectNear(out[1], x);
  EXPECT_NEAR(innerProduct(out[2], y), innerProduct(x, out[3]), 1e-12);
  // The first element pairs with the one half a rotation further; the rest of the head passes.
  EXPECT_NEAR(out[0].getFloat(0), x.getFloat(0) * cos.getFloat(0) - x.getFloat(2) * sin.getFloat(0), 1e-12);
  EXPECT_EQ(out[0].getFloat(5), x.getFloat(5));
}

TEST_F(EvaluateCompositeTest, ActivationsAgainstTheirDefinition) {
  Literal x = random(floats({50}));
  Literals out = run({x}, [](Build &e, ValueRange in, Values &out) {
    auto type = in[0].getType();
    out.push_back(GeluOp::create(e.b, e.loc, type, in[0], false));
    out.push_back(GeluOp::create(e.b, e.loc, type, in[0], true));
    out.push_back(SiluOp::create(e.b, e.loc, type, in[0]));
    Value half = e.splatLike(in[0], 0.5), one = e.splatLike(in[0], 1);
    Value erf = e.erf(e.mul(in[0], e.splatLike(in[0], M_SQRT1_2)));
    out.push_back(e.mul(e.mul(half, in[0]), e.add(one, erf)));
    out.push_back(e.mul(in[0], e.sigmoid(in[0])));
  });
  expectNear(out[0], out[3]);
  expectNear(out[1], out[0], 1e-3);
  expectNear(out[2], out[4]);
}

TEST_F(EvaluateCompositeTest, RandomIsPhilox) {
  // The generator's known answers for a zero counter: key 0 gives 6627e8d5 (Random123's kat_vectors).
  Literal zero = Literal::ofInts(ints({}), {0}), seed = Literal::ofInts(ints({}), {42});
  Literals out = run({zero, seed}, [&](Build &e, ValueRange in, Values &out) {
    out.push_back(RandomOp::create(e.b, e.loc, singles({4}), in[0], 0));
    out.push_back(RandomOp::create(e.b, e.loc, singles({100, 100}), in[1], 3));
    out.push_back(RandomOp::create(e.b, e.loc, singles({10000}), in[1], 3));
    out.push_back(RandomOp::create(e.b, e.loc, singles({10000}), in[1], 4));
  });
  EXPECT_EQ(out[0].getFloat(0), std::ldexp(0x6627e8d5 >> 8, -24));
  double sum = 0, square = 0, correlation = 0;
  for (int64_t i = 0; i < 10000; ++i) {
    double value = out[1].getFloat(i);
    ASSERT_TRUE(value >= 0 && value < 1);
    // A number depends on its index alone, not on the shape.
    ASSERT_EQ(value, out[2].getFloat(i));
    sum += value;
    square += value * value;
    correlation += (value - 0.5) * (out[3].getFloat(i) - 0.5);
  }
  EXPECT_NEAR(sum / 1e4, 0.5, 0.01);
  EXPECT_NEAR(square / 1e4, 1.0 / 3, 0.01);
  EXPECT_NEAR(correlation / 1e4, 0, 0.005);
}

TEST_F(EvaluateCompositeTest, LearningRateFollowsItsSchedule) {
  auto rate = [&](double schedule, int64_t step) {
    std::vector<double> hyper(16, 0.0);
    hyper[0] = 1.0, hyper[1] = 0.1, hyper[2] = 10, hyper[3] = 110, hyper[4] = schedule;
    return run({Literal::ofInts(ints({}), {step}), Literal::ofFloats(floats({16}), hyper)},
               [&](Build &e, ValueRange in, Values &out) {
                 out.push_back(LearningRateOp::create(e.b, e.loc, floats({}), in[0], in[1]));
               })[0]
        .getFloat(0);
  };
  EXPECT_DOUBLE_EQ(rate(0, 4), 0.5);
  EXPECT_DOUBLE_EQ(rate(0, 50), 1.0);
  EXPECT_DOUBLE_EQ(rate(1, 60), 0.55);
  EXPECT_DOUBLE_EQ(rate(2, 10), 1.0);
  EXPECT_DOUBLE_EQ(rate(2, 60), 0.55);
  EXPECT_DOUBLE_EQ(rate(2, 1000), 0.1);
}

TEST_F(EvaluateCompositeTest, FirstStepsOfTheOptimizers) {
  std::vector<double> hyper(16, 0.0);
  hyper[5] = 0.9, hyper[6] = 0.99, hyper[7] = 1e-8, hyper[8] = 0.1;
  Literal p = Literal::ofFloats(floats({2}), {2, -1}), g = Literal::ofFloats(floats({2}), {3, -0.5});
  Literal zero(floats({2})), scale = Literal::ofFloats(floats({}), {0.5}), lr = Literal::ofFloats(floats({}), {0.01});
  Literals out = run({p, g, zero, scale, lr, Literal(ints({})), Literal::ofFloats(floats({16}), hyper)},
                     [](Build &e, ValueRange in, Values &out) {
                       auto type = in[0].getType();
                       auto adam = AdamOp::create(e.b, e.loc, type, type, type, in[0], in[1], in[2], in[2], in[3],
                                                  in[4], in[5], in[6], true, true);
                       auto sgd = SgdOp::create(e.b, e.loc, type, type, in[0], in[1], in[2], in[3], in[4], in[6], true);
                       llvm::append_range(out, adam.getResults());
                       llvm::append_range(out, sgd.getResults());
                     });
  // The first step of Adam goes by the sign of the gradient alone, after decay.
  EXPECT_NEAR(out[0].getFloat(0), 2 * (1 - 0.001) - 0.01, 1e-9);
  EXPECT_NEAR(out[0].getFloat(1), -1 * (1 - 0.001) + 0.01, 1e-9);
  EXPECT_NEAR(out[1].getFloat(0), 0.1 * 1.5, 1e-12);
  EXPECT_NEAR(out[2].getFloat(0), 0.01 * 2.25, 1e-12);
  // m' = g*scale + decay*p, and a step of lr*m'.
  EXPECT_NEAR(out[4].getFloat(0), 1.5 + 0.2, 1e-12);
  EXPECT_NEAR(out[3].getFloat(0), 2 - 0.01 * 1.7, 1e-12);
}

} // namespace

//===- ConvolutionTest.cpp - Convolutions, compiled -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Convolution.h"
#include "Harness.h"
#include "dialects/weft/BatchNorm.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

using Dims = std::vector<int64_t>;

/// One convolution: its sizes and how windows lie.
struct Case {
  const char *name;
  Dims input, filter, strides, low, high, dilations;
};

/// The sizes of the output.
Dims outputOf(const Case &c) {
  Dims shape{c.input[0], c.filter[0]};
  for (size_t d = 0; d + 2 < c.input.size(); ++d)
    shape.push_back(convolvedSize(c.input[d + 2], c.filter[d + 2], c.strides[d], c.low[d], c.high[d], c.dilations[d]));
  return shape;
}

template <typename Op> Value make(Build &e, const Case &c, const Dims &result, Value a, Value b) {
  auto type = RankedTensorType::get(result, e.b.getF32Type());
  return Op::create(e.b, e.loc, type, a, b, c.strides, c.low, c.high, c.dilations);
}

} // namespace

// Every kind of window, in each of the three directions.
TEST(Convolution, AgreesWithTheEvaluator) {
  const Case cases[] = {
      {"plain", {2, 3, 8, 7}, {4, 3, 3, 3}, {1, 1}, {0, 0}, {0, 0}, {1, 1}},
      {"padding that differs", {2, 3, 8, 7}, {5, 3, 3, 2}, {1, 1}, {1, 0}, {2, 1}, {1, 1}},
      {"strides that leave a rest", {2, 4, 9, 10}, {6, 4, 3, 3}, {2, 3}, {1, 1}, {1, 1}, {1, 1}},
      {"dilation", {1, 3, 12, 11}, {4, 3, 3, 2}, {1, 2}, {2, 2}, {2, 1}, {2, 3}},
      {"groups", {2, 6, 7, 7}, {8, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
      {"depthwise", {2, 17, 9, 9}, {17, 1, 7, 7}, {1, 1}, {3, 3}, {3, 3}, {1, 1}},
      {"depthwise with a multiplier", {2, 4, 9, 9}, {8, 1, 3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
      {"points", {2, 16, 5, 6}, {24, 16, 1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}},
      {"points, strided", {2, 16, 5, 6}, {8, 16, 1, 1}, {2, 2}, {0, 0}, {0, 0}, {1, 1}},
      {"patches", {2, 3, 16, 16}, {20, 3, 4, 4}, {4, 4}, {0, 0}, {0, 0}, {1, 1}},
      {"one dimension", {3, 5, 20}, {7, 5, 4}, {2}, {1}, {2}, {1}},
      {"three dimensions", {1, 3, 6, 5, 7}, {4, 3, 3, 2, 3}, {1, 2, 1}, {1, 0, 1}, {1, 1, 1}, {1, 1, 2}},
      {"one of everything", {1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}},
  };
  Program p;
  Build &e = p.e;
  for (const Case &c : cases) {
    p.begin(c.name);
    Dims output = outputOf(c);
    p.expect(make<ConvolutionOp>(e, c, output, p.input(c.input), p.input(c.filter)), 1e-5);
    p.expect(make<ConvolutionInputGradOp>(e, c, c.input, p.input(output), p.input(c.filter)), 1e-5);
    p.expect(make<ConvolutionWeightGradOp>(e, c, c.filter, p.input(c.input), p.input(output)), 1e-5);
  }
  p.check();
}

// Operands that are views are copied where the library cannot read through their strides; results feed kernels.
TEST(Convolution, BetweenKernelsAndViews) {
  Program p;
  Build &e = p.e;
  Case c{"", {2, 3, 6, 6}, {4, 3, 3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}};
  p.begin("a transposed input");
  Value nhwc = p.input({2, 6, 6, 3});
  Value w = p.input({4, 3, 3, 3});
  Value y = make<ConvolutionOp>(e, c, {2, 4, 6, 6}, e.transpose(nhwc, {0, 3, 1, 2}), w);
  p.expect(y, 1e-5);
  p.begin("part of a larger tensor, dense");
  Value whole = p.input({5, 3, 6, 6});
  p.expect(make<ConvolutionOp>(e, c, {2, 4, 6, 6}, e.slice(whole, {2, 0, 0, 0}, {2, 3, 6, 6}), w), 1e-5);
  p.begin("a bias and a rectifier");
  Value biased = e.add(make<ConvolutionOp>(e, c, {2, 4, 6, 6}, p.input({2, 3, 6, 6}), w),
                       e.broadcast(p.input({4}), {1}, {2, 4, 6, 6}));
  p.expect(e.max(biased, e.splatLike(biased, 0)), 1e-5);
  p.begin("a filter that is repeated");
  Value row = p.input({3, 3, 3});
  p.expect(make<ConvolutionOp>(e, c, {2, 4, 6, 6}, p.input({2, 3, 6, 6}), e.broadcast(row, {1, 2, 3}, {4, 3, 3, 3})),
           1e-5);
  p.check();
}

// The kernels of a batch norm in training, for inputs of every rank.
TEST(BatchNorm, AgreesWithTheEvaluator) {
  Program p;
  Build &e = p.e;
  auto vector = RankedTensorType::get({5}, e.b.getF32Type());
  for (const Dims &shape : {Dims{4, 5, 3, 6}, Dims{7, 5}, Dims{2, 5, 9}}) {
    p.begin("batch norm of rank " + std::to_string(shape.size()));
    Value x = p.input(shape), variance = p.input({5});
    auto norm = BatchNormOp::create(e.b, e.loc, TypeRange{x.getType(), vector, vector}, x, p.input({5}), p.input({5}),
                                    p.input({5}), e.mul(variance, variance), e.b.getF64FloatAttr(1e-5),
                                    e.b.getF64FloatAttr(0.9), e.b.getUnitAttr());
    SmallVector<Value> results;
    norm.buildForMode(e.b, /*training=*/true, results);
    norm.erase();
    for (Value result : results)
      p.expect(result, 1e-5);
  }
  p.check();
}

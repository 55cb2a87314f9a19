//===- ReductionTest.cpp - Reductions, norms and losses, compiled -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

TEST(Reduction, EveryDimension) {
  Program p;
  Build &e = p.e;
  for (Type type : {p.f32(), p.f64(), p.i64()})
    for (ReduceKind kind : {ReduceKind::sum, ReduceKind::max, ReduceKind::min, ReduceKind::prod})
      for (const std::vector<int64_t> &dims :
           std::vector<std::vector<int64_t>>{{0}, {1}, {2}, {0, 1}, {1, 2}, {0, 2}, {0, 1, 2}}) {
        // Code is what takes the time here: other types differ in little.
        if (!type.isF32() && dims.size() > 1)
          continue;
        std::string name = stringifyReduceKind(kind).str();
        for (int64_t dim : dims)
          name += " " + std::to_string(dim);
        p.begin(name);
        p.expect(e.reduce(kind, p.input({3, 7, 5}, type), dims));
        p.begin(name + " of an expression");
        Value x = p.input({3, 7, 5}, type);
        p.expect(e.reduce(kind, e.add(e.mul(x, x), x), dims));
      }
  p.check();
}

TEST(Reduction, Sizes) {
  Program p;
  Build &e = p.e;
  p.begin("a vector");
  p.expect(e.sum(p.input({1000}), {0}));
  p.begin("long columns");
  p.expect(e.sum(p.input({300, 9}), {0}));
  p.expect(e.reduce(ReduceKind::max, p.input({129, 3}), {0}));
  p.begin("many columns");
  p.expect(e.sum(p.input({5, 700}), {0}));
  p.begin("many rows");
  p.expect(e.sum(p.input({4000, 8}), {1}));
  p.begin("one column");
  Value x = p.input({6, 1});
  p.expect(e.sum(x, {1}));
  p.expect(e.sub(x, e.broadcastAlong(e.sum(e.exp(x), {1}), {1}, {6, 1})));
  p.begin("one row");
  p.expect(e.sum(p.input({1, 6}), {0}));
  p.expect(e.sum(p.input({1, 6}), {1}));
  p.begin("one element");
  p.expect(e.sum(p.input({1}), {0}));
  p.expect(e.sum(p.input({1, 1}), {0, 1}));
  p.begin("bf16 sums are in f32");
  Value narrow = e.cast(p.input({4, 600}), e.b.getBF16Type());
  p.expect(e.sum(narrow, {1}));
  p.expect(e.sum(narrow, {0}));
  p.begin("rows and columns of one value");
  Value both = p.input({7, 9}), squares = e.mul(both, both);
  p.expect(e.sum(squares, {0}));
  p.expect(e.sum(squares, {1}));
  p.expect(e.sum(squares, {0, 1}));
  p.begin("reductions that build on another");
  Value mean = e.broadcastAlong(e.sum(both, {1}), {1}, {7, 9});
  Value centered = e.sub(both, mean);
  p.expect(e.sum(centered, {0}));
  p.expect(e.reduce(ReduceKind::max, centered, {1}));
  p.expect(centered);
  p.begin("of a transpose");
  p.expect(e.sum(e.transpose(both, {1, 0}), {0}));
  p.expect(e.sum(e.transpose(e.exp(both), {1, 0}), {1}));
  p.begin("of a slice and of a concat");
  p.expect(e.sum(e.slice(both, {1, 2}, {5, 3}), {1}));
  p.expect(e.sum(e.concat({both, e.neg(both)}, 1), {0}));
  // Found by the fuzzer: indices in a tensor without elements were divided by its sizes.
  p.begin("of nothing, through indices");
  Value nothing = p.input({0, 3});
  p.expect(e.sum(e.transpose(e.exp(nothing), {1, 0}), {1}));
  p.expect(e.sum(e.concat({nothing, e.neg(nothing)}, 0), {0}));
  p.expect(e.reduce(ReduceKind::max, e.slice(e.exp(p.input({4, 0, 2})), {1, 0, 0}, {2, 0, 2}), {1, 2}));
  p.begin("maximum with infinities");
  Value masked = e.select(p.input({7, 9}, p.i1()), both, e.splatLike(both, -INFINITY));
  p.expect(e.reduce(ReduceKind::max, masked, {1}));
  p.check();
}

TEST(Reduction, Norms) {
  Program p;
  Build &e = p.e;
  auto layerNorm = [&](Value x, Value gamma, Value beta) -> Value {
    return LayerNormOp::create(e.b, e.loc, x.getType(), x, gamma, beta, APFloat(1e-5));
  };
  auto rmsNorm = [&](Value x, Value gamma) -> Value {
    return RmsNormOp::create(e.b, e.loc, x.getType(), x, gamma, APFloat(1e-5));
  };
  for (Type type : {p.f32(), Type(e.b.getBF16Type()), p.f64()}) {
    p.begin("layer_norm");
    Value x = p.input({3, 4, 24}, type), gamma = p.input({24}, type), beta = p.input({24}, type);
    p.expect(layerNorm(x, gamma, beta));
    p.expect(layerNorm(x, gamma, {}));
    p.expect(layerNorm(x, {}, {}));
    p.begin("rms_norm");
    p.expect(rmsNorm(x, gamma));
    p.expect(rmsNorm(x, {}));
    p.begin("softmax");
    p.expect(SoftmaxOp::create(e.b, e.loc, x.getType(), x));
    p.begin("gelu and silu");
    p.expect(GeluOp::create(e.b, e.loc, x.getType(), x, /*tanh=*/false));
    p.expect(GeluOp::create(e.b, e.loc, x.getType(), x, /*tanh=*/true));
    p.expect(SiluOp::create(e.b, e.loc, x.getType(), x));
  }
  p.begin("residual, norm and activation");
  Value x = p.input({5, 16}), y = p.input({5, 16});
  Value residual = e.add(x, y), normed = layerNorm(residual, p.input({16}), p.input({16}));
  p.expect(residual);
  p.expect(GeluOp::create(e.b, e.loc, x.getType(), normed, true));
  p.begin("norms of rank 1");
  Value v = p.input({10});
  p.expect(layerNorm(v, {}, {}));
  p.expect(SoftmaxOp::create(e.b, e.loc, v.getType(), v));
  p.check();
}

TEST(Reduction, CrossEntropy) {
  Program p;
  Build &e = p.e;
  p.begin("cross_entropy");
  Value labels = p.indices({6}, 11);
  p.expect(CrossEntropyOp::create(e.b, e.loc, p.type({6}, p.f32()), p.input({6, 11}), labels, -100));
  p.begin("ignored labels");
  Literal some = p.random(p.type({2, 5}, p.i64()), 0, 11);
  for (int64_t i : {0, 3, 4, 9})
    some.setInt(i, -100);
  Value partial = p.input(some), logits = p.input({2, 5, 11});
  Value loss = CrossEntropyOp::create(e.b, e.loc, p.type({2, 5}, p.f32()), logits, partial, -100);
  p.expect(loss);
  p.expect(e.sum(loss, {0, 1}));
  Value counted = e.cast(e.equal(partial, e.splatLike(partial, -100)), p.f32());
  p.expect(e.div(e.sum(loss, {0, 1}), e.sum(e.sub(e.splatLike(counted, 1), counted), {0, 1})));
  p.begin("another ignored label");
  Value zeros = p.input(p.random(p.type({7}, p.i64()), 0, 3));
  p.expect(CrossEntropyOp::create(e.b, e.loc, p.type({7}, p.f32()), p.input({7, 3}), zeros, 0));
  p.begin("bf16 logits");
  Value narrow = p.input({6, 11}, e.b.getBF16Type());
  p.expect(CrossEntropyOp::create(e.b, e.loc, p.type({6}, p.f32()), narrow, labels, -100));
  p.check();
}

TEST(Reduction, Rotary) {
  Program p;
  Build &e = p.e;
  for (int64_t rotated : {8, 4, 2})
    for (bool batched : {false, true})
      for (bool transposed : {false, true}) {
        p.begin("rotary " + std::to_string(rotated) + (batched ? " batched" : "") + (transposed ? " transposed" : ""));
        Value x = p.input({2, 3, 4, 8});
        SmallVector<int64_t> table{3, rotated};
        if (batched)
          table.insert(table.begin(), 2);
        Value cos = p.input(table), sin = p.input(table);
        p.expect(RotaryOp::create(e.b, e.loc, x.getType(), x, cos, sin, transposed));
        p.expect(e.tanh(RotaryOp::create(e.b, e.loc, x.getType(), e.exp(x), e.tanh(cos), sin, transposed)));
        Value narrow = p.input({2, 3, 4, 8}, e.b.getBF16Type());
        p.expect(RotaryOp::create(e.b, e.loc, narrow.getType(), narrow, cos, sin, transposed), 1e-2);
      }
  p.check();
}

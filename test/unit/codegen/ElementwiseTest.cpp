//===- ElementwiseTest.cpp - Arithmetic and shapes, compiled -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

TEST(Elementwise, FloatChains) {
  Program p;
  Build &e = p.e;
  for (Type type : {p.f32(), p.f64()}) {
    std::string suffix = type.isF32() ? " f32" : " f64";
    p.begin("add, sub, mul, div" + suffix);
    Value x = p.input({3, 17}, type), y = p.input({3, 17}, type);
    p.expect(e.div(e.sub(e.mul(x, y), x), e.add(e.mul(y, y), e.splatLike(y, 1))));
    p.begin("max, min, neg, select" + suffix);
    p.expect(e.select(e.less(x, y), e.max(e.neg(x), y), e.min(x, e.splatLike(x, 0.25))));
    p.begin("exp, log, sqrt, rsqrt" + suffix);
    Value positive = e.add(e.mul(x, x), e.splatLike(x, 0.5));
    p.expect(e.add(e.log(positive), e.exp(e.sub(e.sqrt(positive), e.rsqrt(positive)))));
    p.begin("tanh, erf, sigmoid" + suffix);
    p.expect(e.add(e.add(e.tanh(x), e.erf(y)), e.sigmoid(e.mul(x, y))));
    p.begin("sin, cos, abs, floor" + suffix);
    Value angle = e.mul(x, e.splatLike(x, 3));
    p.expect(e.add(math::SinOp::create(e.b, e.loc, angle), math::CosOp::create(e.b, e.loc, y)));
    p.expect(e.add(math::AbsFOp::create(e.b, e.loc, x), math::FloorOp::create(e.b, e.loc, y)));
    p.begin("large arguments" + suffix);
    Value far = e.mul(x, e.splatLike(x, 60));
    p.expect(e.exp(far), type.isF32() ? 1e-4 : 1e-11);
    p.expect(e.sigmoid(far), type.isF32() ? 1e-4 : 1e-11);
    p.expect(e.tanh(far));
    p.expect(e.erf(far));
    p.begin("pow" + suffix);
    p.expect(math::PowFOp::create(e.b, e.loc, positive, e.splatLike(x, 3)));
    p.expect(math::PowFOp::create(e.b, e.loc, positive, y), type.isF32() ? 1e-4 : 1e-11);
    p.begin("scalar" + suffix);
    Value s = p.input({}, type);
    p.expect(e.add(e.mul(s, s), e.splatLike(s, 2)));
    p.begin("one element of rank 3" + suffix);
    Value one = p.input({1, 1, 1}, type);
    p.expect(e.exp(one));
  }
  p.begin("infinities");
  Value x = p.input({8}), zero = e.splatLike(x, 0);
  p.expect(e.div(x, zero));
  p.expect(e.log(zero));
  p.expect(e.exp(e.div(x, zero)));
  p.check();
}

TEST(Elementwise, Integers) {
  Program p;
  Build &e = p.e;
  Value a = p.input(p.random(p.type({5, 7}, p.i64()), -50, 50)), b = p.input(p.random(p.type({5, 7}, p.i64()), 1, 9));
  p.begin("i64 arithmetic");
  p.expect(e.add(e.mul(a, b), e.sub(a, e.splatLike(a, 3))));
  p.expect(e.div(a, b));
  p.expect(e.max(e.min(a, b), e.neg(b)));
  p.expect(arith::RemSIOp::create(e.b, e.loc, a, b));
  p.begin("i1");
  Value less = e.less(a, b), equal = e.equal(a, e.splatLike(a, 4));
  p.expect(less);
  p.expect(arith::AndIOp::create(e.b, e.loc, less, equal));
  p.expect(arith::OrIOp::create(e.b, e.loc, less, equal));
  p.expect(arith::XOrIOp::create(e.b, e.loc, less, e.splatLike(less, 1)));
  p.expect(e.select(less, a, b));
  Value flags = p.input({5, 7}, p.i1());
  p.expect(e.select(flags, b, a));
  p.expect(arith::AndIOp::create(e.b, e.loc, flags, less));
  p.begin("casts");
  Value x = p.input({5, 7});
  p.expect(e.cast(flags, p.f32()));
  p.expect(e.cast(flags, p.i64()));
  p.expect(e.cast(a, p.f32()));
  p.expect(e.cast(a, p.f64()));
  p.expect(e.cast(e.mul(x, e.splatLike(x, 10)), p.i64()));
  p.expect(e.cast(x, p.f64()));
  p.expect(e.cast(e.cast(x, p.f64()), p.f32()));
  p.expect(e.cast(x, p.i1()));
  p.expect(e.cast(a, e.b.getI32Type()));
  Value bf = e.cast(x, e.b.getBF16Type());
  p.expect(bf);
  p.expect(e.cast(e.add(bf, bf), p.f32()), 1e-2);
  p.expect(e.cast(x, e.b.getF16Type()));
  p.check();
}

/// Arithmetic of 16-bit floats keeps f32 in between, but what is compared is what another kernel would read: 1 + 1/128
/// and 1 + 1/1024, squared, are not 1 + 1/64 and 1 + 1/512 before they are rounded.
TEST(Elementwise, ComparedAsStored) {
  Program p;
  Build &e = p.e;
  for (auto [type, small] : {std::pair<Type, double>{e.b.getBF16Type(), 1.0 / 128}, {e.b.getF16Type(), 1.0 / 1024}}) {
    p.begin(type.isBF16() ? "products of bf16" : "products of f16");
    Literal near = p.random(p.type({64}, type), -1, 1), square = near;
    for (int64_t i = 0; i < 64; ++i) {
      near.setFloat(i, 1 + small * (i % 2));
      square.setFloat(i, 1 + 2 * small * (i % 3 != 0));
    }
    Value x = p.input(near), product = e.mul(x, x);
    p.expect(arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OEQ, product, p.input(square)));
  }
  p.check();
}

TEST(Shape, Broadcast) {
  Program p;
  Build &e = p.e;
  Value x = p.input({4, 6, 5});
  auto against = [&](const char *name, Program::Shape shape, Program::Shape dims) {
    p.begin(name);
    Value small = p.input(shape);
    p.expect(e.mul(x, e.broadcast(small, dims, {4, 6, 5})));
    p.begin(std::string(name) + " of an expression, alone");
    p.expect(e.broadcast(e.tanh(p.input(shape)), dims, {4, 6, 5}));
  };
  against("a scalar", {}, {});
  against("a row vector", {5}, {2});
  against("a column vector", {4}, {0});
  against("a middle vector", {6}, {1});
  against("leading dimensions", {4, 6}, {0, 1});
  against("trailing dimensions", {6, 5}, {1, 2});
  against("outer dimensions", {4, 5}, {0, 2});
  p.begin("a vector both ways");
  Value v = p.input({5});
  p.expect(e.add(e.broadcast(v, {0}, {5, 5}), e.broadcast(v, {1}, {5, 5})));
  p.begin("a constant vector");
  Value c = p.constant(p.random(p.type({5}, p.f32())));
  p.expect(e.add(x, e.broadcast(c, {2}, {4, 6, 5})));
  p.begin("a constant i1 matrix");
  Value mask = p.constant(p.random(p.type({6, 5}, p.i1())));
  p.expect(e.select(e.broadcast(mask, {1, 2}, {4, 6, 5}), x, e.splatLike(x, 0)));
  p.begin("square: a row and a column of equal size");
  Value square = p.input({6, 6}), w = p.input({6});
  p.expect(e.mul(square, e.broadcast(w, {0}, {6, 6})));
  p.expect(e.mul(square, e.broadcast(w, {1}, {6, 6})));
  p.check();
}

TEST(Shape, Views) {
  Program p;
  Build &e = p.e;
  Value x = p.input({4, 6, 5});
  p.begin("reshape");
  p.expect(e.reshape(x, {24, 5}));
  p.expect(e.add(e.reshape(x, {2, 60}), e.splatLike(e.reshape(x, {2, 60}), 1)));
  p.expect(e.reshape(e.tanh(x), {5, 24}));
  p.expect(e.add(e.reshape(x, {120}), e.reshape(e.exp(x), {120})));
  p.begin("transpose");
  p.expect(e.transpose(x, {2, 0, 1}));
  p.expect(e.add(e.transpose(x, {1, 0, 2}), p.input({6, 4, 5})));
  p.expect(e.transpose(e.reshape(e.transpose(x, {2, 1, 0}), {30, 4}), {1, 0}));
  p.begin("reshape of a transpose");
  p.expect(e.reshape(e.transpose(x, {1, 0, 2}), {24, 5}));
  p.expect(e.reshape(e.transpose(e.exp(x), {2, 0, 1}), {120}));
  p.begin("slice");
  p.expect(e.slice(x, {1, 2, 0}, {2, 3, 5}));
  p.expect(e.slice(x, {0, 1, 0}, {2, 2, 3}, {3, 4, 2}));
  p.expect(e.mul(e.slice(x, {0, 0, 0}, {4, 3, 5}), e.slice(x, {0, 3, 0}, {4, 3, 5})));
  p.begin("a slice of the first columns");
  Value wide = p.input({7, 12});
  p.expect(e.mul(e.slice(wide, {0, 0}, {7, 4}), e.slice(wide, {0, 4}, {7, 4})));
  p.begin("concat");
  Value y = p.input({4, 2, 5}), z = p.input({4, 3, 5});
  p.expect(e.concat({x, y, z}, 1));
  p.expect(e.concat({e.tanh(x), e.neg(x)}, 0));
  p.expect(e.concat({x, e.exp(x), x}, 2));
  p.begin("concat of heads, with what is done to it");
  Value q = p.input({2, 3, 4, 8}), k = p.input({2, 3, 2, 8}), v = p.input({2, 3, 2, 8});
  Value packed = e.concat({e.reshape(q, {2, 3, 32}), e.reshape(k, {2, 3, 16}), e.reshape(v, {2, 3, 16})}, 2);
  p.expect(packed);
  Value scaled = e.mul(packed, e.splatLike(packed, 3));
  p.expect(scaled);
  p.expect(e.sum(e.exp(scaled), {2}), 1e-4);
  p.expect(e.sum(scaled, {0, 1}));
  p.begin("pad");
  auto pad = [&](Value v, Program::Shape low, Program::Shape high, Program::Shape interior) {
    SmallVector<int64_t> shape;
    for (auto [n, l, h, i] : llvm::zip(tensorType(v).getShape(), low, high, interior))
      shape.push_back(l + (n - 1) * (i + 1) + 1 + h);
    return PadOp::create(e.b, e.loc, tensorType(v).clone(shape), v, low, high, interior).getResult();
  };
  p.expect(pad(x, {1, 0, 2}, {0, 3, 1}, {0, 0, 0}));
  p.expect(pad(x, {0, 1, 0}, {1, 0, 0}, {2, 0, 1}));
  p.expect(e.add(pad(e.tanh(x), {0, 0, 1}, {0, 0, 1}, {0, 1, 0}), p.input({4, 11, 7})));
  p.expect(pad(p.input({3}, p.i64()), {2}, {2}, {1}));
  p.begin("iota");
  p.expect(e.iota(p.type({3, 4}, p.f32()), 0));
  p.expect(e.iota(p.type({3, 4}, p.i64()), 1));
  p.expect(e.add(e.iota(p.type({4, 6, 5}, p.f32()), 1), x));
  p.begin("constants");
  p.expect(e.splat(p.type({3, 3}, p.f32()), 2.5));
  p.expect(p.constant(p.random(p.type({3, 5}, p.f32()))));
  p.expect(p.constant(p.random(p.type({9}, p.i1()))));
  p.begin("an input as it is");
  p.expect(x);
  p.expect(p.input({6}, p.i1()));
  p.begin("the same value twice");
  Value twice = e.exp(x);
  p.expect(twice);
  p.expect(twice);
  p.begin("a value and a view of it");
  Value seen = e.tanh(p.input({4, 6}));
  p.expect(seen);
  p.expect(e.reshape(seen, {24}));
  p.expect(e.transpose(seen, {1, 0}));
  p.check();
}

TEST(Shape, Indexing) {
  Program p;
  Build &e = p.e;
  Value table = p.input({9, 4}), cube = p.input({3, 7, 5});
  p.begin("gather");
  p.expect(e.gather(table, p.indices({6}, 9), 0));
  p.expect(e.gather(table, p.indices({2, 3}, 9), 0));
  p.expect(e.gather(table, p.indices({}, 9), 0));
  p.expect(e.gather(cube, p.indices({4}, 7), 1));
  p.expect(e.gather(cube, p.indices({2, 2}, 5), 2));
  p.expect(e.gather(e.tanh(table), e.sub(e.splatLike(p.indices({6}, 9), 8), p.indices({6}, 9)), 0));
  p.begin("gather by i32");
  p.expect(e.gather(table, p.input(p.random(p.type({5}, e.b.getI32Type()), 0, 9)), 0));
  p.begin("scatter_add");
  auto scatter = [&](Value updates, Value indices, Program::Shape shape, int64_t axis) {
    return ScatterAddOp::create(e.b, e.loc, tensorType(updates).clone(shape), updates, indices, axis).getResult();
  };
  p.expect(scatter(p.input({6, 4}), p.indices({6}, 9), {9, 4}, 0));
  p.expect(scatter(p.input({2, 3, 4}), p.indices({2, 3}, 9), {9, 4}, 0));
  p.expect(scatter(p.input({3, 4, 5}), p.indices({4}, 7), {3, 7, 5}, 1));
  p.expect(scatter(p.input({3, 2, 4, 5}), p.indices({2, 4}, 7), {3, 7, 5}, 1));
  p.expect(scatter(p.input({3, 6}), p.indices({6}, 4), {3, 4}, 1));
  p.expect(scatter(p.input({6}), p.indices({6}, 4), {4}, 0));
  p.expect(scatter(p.input({6, 4}, p.i64()), p.indices({6}, 9), {9, 4}, 0));
  Value rows = p.indices({6}, 9);
  p.expect(e.add(scatter(e.exp(p.input({6, 4})), rows, {9, 4}, 0), table));
  p.check();
}

TEST(Shape, CumulativeSums) {
  Program p;
  Build &e = p.e;
  for (int64_t dim = 0; dim < 3; ++dim)
    for (bool reverse : {false, true})
      for (bool exclusive : {false, true}) {
        p.begin("cumsum " + std::to_string(dim) + (reverse ? " reverse" : "") + (exclusive ? " exclusive" : ""));
        Value x = p.input({3, 4, 5});
        p.expect(CumsumOp::create(e.b, e.loc, x.getType(), x, dim, reverse, exclusive));
        Value y = p.input({3, 4, 5}, p.i64()), squares = e.mul(y, y);
        Value sums = CumsumOp::create(e.b, e.loc, y.getType(), squares, dim, reverse, exclusive);
        p.expect(e.add(sums, y));
      }
  p.check();
}

TEST(Shape, Random) {
  Program p;
  Build &e = p.e;
  for (Type type : {p.f32(), p.f64(), Type(e.b.getBF16Type())}) {
    p.begin("random");
    Value seed = p.input(Literal::ofInts(p.type({}, p.i64()), {0x123456789abcdefll}));
    Value r = RandomOp::create(e.b, e.loc, p.type({5, 9}, type), seed, int64_t(7) << 33 | 5);
    p.expect(r);
    p.begin("dropout");
    Value x = p.input({5, 9}, type);
    Value s = RandomOp::create(e.b, e.loc, p.type({5, 9}, type), seed, 8);
    p.expect(e.select(e.less(s, e.splatLike(s, 0.25)), e.splatLike(x, 0), e.div(x, e.splatLike(x, 0.75))));
  }
  p.check();
}

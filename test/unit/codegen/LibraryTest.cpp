//===- LibraryTest.cpp - Products, attention and updates, compiled -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

TEST(Library, Products) {
  Program p;
  Build &e = p.e;
  p.begin("plain");
  p.expect(e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0}));
  p.begin("transposed rhs");
  p.expect(e.dot(p.input({5, 7}), p.input({6, 7}), {}, {}, {1}, {1}));
  p.begin("transposed lhs");
  p.expect(e.dot(p.input({7, 5}), p.input({7, 6}), {}, {}, {0}, {0}));
  p.begin("both transposed");
  p.expect(e.dot(p.input({7, 5}), p.input({6, 7}), {}, {}, {0}, {1}));
  p.begin("explicit transpose");
  p.expect(e.dot(p.input({5, 7}), e.transpose(p.input({6, 7}), {1, 0}), {}, {}, {1}, {0}));
  p.begin("leading dimensions");
  p.expect(e.dot(p.input({2, 3, 7}), p.input({7, 6}), {}, {}, {2}, {0}));
  p.begin("gradient of a weight");
  p.expect(e.dot(p.input({2, 3, 7}), p.input({2, 3, 6}), {}, {}, {0, 1}, {0, 1}));
  p.begin("one batch dimension");
  p.expect(e.dot(p.input({3, 5, 7}), p.input({3, 7, 6}), {0}, {0}, {2}, {1}));
  p.begin("two batch dimensions");
  p.expect(e.dot(p.input({2, 3, 5, 7}), p.input({2, 3, 6, 7}), {0, 1}, {0, 1}, {3}, {3}));
  p.begin("heads in the middle");
  p.expect(e.dot(p.input({2, 5, 3, 7}), p.input({2, 6, 3, 7}), {0, 2}, {0, 2}, {3}, {3}));
  p.begin("three batch dimensions");
  p.expect(e.dot(p.input({2, 2, 3, 5, 7}), p.input({2, 2, 3, 7, 6}), {0, 1, 2}, {0, 1, 2}, {4}, {3}));
  p.begin("contracted dimensions apart");
  p.expect(e.dot(p.input({3, 5, 4}), p.input({3, 6, 4}), {}, {}, {0, 2}, {0, 2}));
  p.begin("contracted in another order");
  p.expect(e.dot(p.input({5, 3, 4}), p.input({4, 3, 6}), {}, {}, {2, 1}, {0, 1}));
  p.begin("no strides");
  Value x = p.input({4, 6, 5});
  p.expect(e.dot(e.reshape(e.transpose(x, {1, 0, 2}), {6, 20}), p.input({20, 3}), {}, {}, {1}, {0}));
  Value folded = e.reshape(e.transpose(p.input({4, 6, 5}), {1, 0, 2}), {24, 5});
  p.expect(e.dot(folded, p.input({3, 5}), {}, {}, {1}, {1}));
  p.expect(e.dot(e.slice(folded, {4, 0}, {8, 5}), p.input({3, 5}), {}, {}, {1}, {1}));
  p.begin("strided columns");
  p.expect(e.dot(e.slice(p.input({5, 14}), {0, 0}, {5, 7}, {1, 2}), p.input({7, 6}), {}, {}, {1}, {0}));
  p.begin("slices of one matrix");
  Value qkv = p.input({5, 12});
  p.expect(e.dot(e.slice(qkv, {0, 0}, {5, 4}), e.slice(qkv, {0, 4}, {5, 4}), {}, {}, {1}, {1}));
  p.begin("vectors");
  p.expect(e.dot(p.input({7}), p.input({7}), {}, {}, {0}, {0}));
  p.expect(e.dot(p.input({5, 7}), p.input({7}), {}, {}, {1}, {0}));
  p.expect(e.dot(p.input({7}), p.input({7, 5}), {}, {}, {0}, {0}));
  p.begin("outer product");
  p.expect(e.dot(p.input({4}), p.input({6}), {}, {}, {}, {}));
  p.begin("one row, one column");
  p.expect(e.dot(p.input({1, 7}), p.input({7, 6}), {}, {}, {1}, {0}));
  p.expect(e.dot(p.input({5, 7}), p.input({7, 1}), {}, {}, {1}, {0}));
  p.expect(e.dot(p.input({5, 1}), p.input({1, 6}), {}, {}, {1}, {0}));
  p.begin("repeated operand");
  p.expect(e.dot(e.broadcast(p.input({7}), {1}, {5, 7}), p.input({7, 6}), {}, {}, {1}, {0}));
  p.expect(e.dot(p.input({3, 5, 7}), e.broadcast(p.input({7, 6}), {1, 2}, {3, 7, 6}), {0}, {0}, {2}, {1}));
  p.begin("constant operands");
  p.expect(e.dot(p.input({5, 7}), p.constant(p.random(p.type({7, 6}, p.f32()))), {}, {}, {1}, {0}));
  Value twos = e.splat(p.type({5, 7}, p.f32()), 2), wide = p.input({7, 6});
  p.expect(e.dot(twos, wide, {}, {}, {1}, {0}));
  p.begin("operand from a kernel, result to a kernel");
  Value h = e.dot(e.tanh(p.input({5, 7})), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.exp(e.mul(h, e.splatLike(h, 0.1))));
  p.begin("with itself");
  Value s = p.input({5, 7});
  p.expect(e.dot(s, s, {}, {}, {1}, {1}));
  p.begin("chain");
  Value a = p.input({6, 6});
  Value squared = e.dot(a, a, {}, {}, {1}, {0});
  p.expect(e.dot(squared, a, {}, {}, {1}, {0}));
  p.expect(squared);
  p.begin("iota operand");
  p.expect(e.dot(e.iota(p.type({5, 7}, p.f32()), 1), p.input({7, 6}), {}, {}, {1}, {0}));
  p.check();
}

TEST(Library, ProductsWithBias) {
  Program p;
  Build &e = p.e;
  auto bias = [&](Value product, Value b) { return e.broadcastLast(b, tensorType(product).getShape()); };
  p.begin("bias");
  Value y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(y, bias(y, p.input({6}))));
  p.begin("bias first");
  y = e.dot(p.input({2, 5, 7}), p.input({6, 7}), {}, {}, {2}, {1});
  p.expect(e.add(bias(y, p.input({6})), y));
  p.begin("bias of an expression");
  y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(y, bias(y, e.tanh(p.input({6})))));
  p.begin("bias that is a slice");
  y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(y, bias(y, e.slice(p.input({18}), {6}, {6}))));
  p.begin("bias that is a strided slice");
  y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(y, bias(y, e.slice(p.input({12}), {0}, {6}, {2}))));
  p.begin("constant bias");
  y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(y, bias(y, p.constant(p.random(p.type({6}, p.f32()))))));
  p.begin("splat bias");
  y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(y, bias(y, e.splat(p.type({6}, p.f32()), 0.5))));
  p.begin("iota bias");
  y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(y, bias(y, e.iota(p.type({6}, p.f32()), 0))));
  p.begin("bias of a matrix product's column");
  Value square = e.dot(p.input({6, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(square, e.broadcast(p.input({6}), {0}, {6, 6})));
  p.begin("batched");
  y = e.dot(p.input({3, 5, 7}), p.input({3, 7, 6}), {0}, {0}, {2}, {1});
  p.expect(e.add(y, bias(y, p.input({6}))));
  p.begin("two products added");
  Value one = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  Value two = e.dot(p.input({5, 3}), p.input({3, 6}), {}, {}, {1}, {0});
  p.expect(e.add(one, two));
  p.begin("the product is used again");
  y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  p.expect(e.add(y, bias(y, p.input({6}))));
  p.expect(y);
  p.begin("bias defined after the product");
  y = e.dot(p.input({5, 7}), p.input({7, 6}), {}, {}, {1}, {0});
  Value later = e.sum(e.exp(p.input({5, 6})), {0});
  p.expect(GeluOp::create(e.b, e.loc, y.getType(), e.add(y, bias(y, later)), true));
  p.check();
}

TEST(Library, Attention) {
  Program p;
  Build &e = p.e;
  struct Case {
    const char *name;
    int64_t batch, queries, keys, heads, groups, element, valueElement;
    bool causal;
    int mask; ///< 0: none, 1: i1, 2: f32
    int64_t maskBatch, maskHeads;
  };
  for (const Case &c :
       {Case{"plain", 2, 5, 5, 3, 3, 8, 8, false, 0, 1, 1}, Case{"causal", 2, 6, 6, 2, 2, 4, 4, true, 0, 1, 1},
        Case{"causal with a past", 1, 3, 7, 2, 2, 8, 8, true, 0, 1, 1},
        Case{"grouped queries", 2, 5, 6, 4, 2, 8, 6, false, 0, 1, 1},
        Case{"grouped and causal", 1, 9, 9, 6, 2, 16, 16, true, 0, 1, 1},
        Case{"boolean mask", 2, 5, 7, 2, 2, 8, 8, false, 1, 2, 1},
        Case{"boolean mask per head, causal", 2, 5, 5, 2, 1, 8, 8, true, 1, 1, 2},
        Case{"added mask", 2, 5, 7, 2, 2, 8, 8, false, 2, 2, 2},
        Case{"one added mask", 2, 5, 7, 4, 2, 8, 8, false, 2, 1, 1}}) {
    Value q = p.input({c.batch, c.queries, c.heads, c.element}), k = p.input({c.batch, c.keys, c.groups, c.element});
    Value v = p.input({c.batch, c.keys, c.groups, c.valueElement}), mask;
    if (c.mask)
      mask = p.input({c.maskBatch, c.maskHeads, c.queries, c.keys}, c.mask == 1 ? p.i1() : p.f32());
    auto outType = p.type({c.batch, c.queries, c.heads, c.valueElement}, p.f32());
    auto lseType = p.type({c.batch, c.heads, c.queries}, p.f32());
    auto attention = AttentionOp::create(e.b, e.loc, outType, lseType, q, k, v, mask, APFloat(0.35), c.causal);
    p.begin(c.name);
    p.expect(attention.getOut(), 2e-5);
    p.begin(std::string(c.name) + ", lse");
    p.expect(attention.getLse(), 2e-5);
    Value dout = p.input(outType.getShape());
    auto grad = AttentionGradOp::create(e.b, e.loc, q.getType(), k.getType(), v.getType(), dout, q, k, v,
                                        attention.getOut(), attention.getLse(), mask, APFloat(0.35), c.causal);
    for (auto [i, result] : llvm::enumerate(grad.getResults())) {
      p.begin(std::string(c.name) + ", gradient " + std::to_string(i));
      p.expect(result, 5e-5);
    }
  }
  p.begin("views of one product");
  Value qkv = e.dot(p.input({2, 5, 6}), p.input({6, 24}), {}, {}, {2}, {0});
  auto part = [&](int64_t i) { return e.reshape(e.slice(qkv, {0, 0, 8 * i}, {2, 5, 8}), {2, 5, 2, 4}); };
  Value q = part(0), k = part(1), v = part(2);
  auto attention = AttentionOp::create(e.b, e.loc, p.type({2, 5, 2, 4}, p.f32()), p.type({2, 2, 5}, p.f32()), q, k, v,
                                       Value(), APFloat(0.5), true);
  Value out = e.reshape(attention.getOut(), {2, 5, 8});
  p.expect(e.dot(out, p.input({8, 6}), {}, {}, {2}, {0}), 5e-5);
  p.begin("gradient through views");
  Value dout = e.reshape(e.tanh(p.input({2, 5, 8})), {2, 5, 2, 4});
  auto grad = AttentionGradOp::create(e.b, e.loc, q.getType(), k.getType(), v.getType(), dout, q, k, v,
                                      attention.getOut(), attention.getLse(), Value(), APFloat(0.5), true);
  SmallVector<Value> parts;
  for (Value result : grad.getResults())
    parts.push_back(e.reshape(result, {2, 5, 8}));
  p.expect(e.concat(parts, 2), 1e-4);
  p.begin("transposed heads and a computed mask");
  Value qt = e.transpose(e.tanh(p.input({2, 2, 5, 4})), {0, 2, 1, 3});
  Value mask = e.broadcast(e.less(p.indices({5, 5}, 4), e.splat(p.type({5, 5}, p.i64()), 3)), {2, 3}, {1, 1, 5, 5});
  auto masked = AttentionOp::create(e.b, e.loc, p.type({2, 5, 2, 4}, p.f32()), p.type({2, 2, 5}, p.f32()), qt, k, v,
                                    mask, APFloat(0.5), false);
  p.expect(masked.getOut(), 5e-5);
  p.begin("a slice of a view that strides cannot express");
  Value odd =
      e.slice(e.reshape(e.transpose(p.input({4, 5, 2, 2}), {1, 0, 3, 2}), {4, 5, 2, 2}), {1, 0, 0, 0}, {2, 5, 2, 2});
  auto fromOdd = AttentionOp::create(e.b, e.loc, p.type({2, 5, 2, 2}, p.f32()), p.type({2, 2, 5}, p.f32()), odd, odd,
                                     odd, Value(), APFloat(0.5), false);
  p.expect(fromOdd.getOut(), 5e-5);
  p.begin("constant mask");
  Value fixed = p.constant(p.random(p.type({1, 1, 5, 5}, p.i1())));
  p.expect(AttentionOp::create(e.b, e.loc, p.type({2, 5, 2, 4}, p.f32()), p.type({2, 2, 5}, p.f32()), qt, k, v, fixed,
                               APFloat(0.5), false)
               .getOut(),
           5e-5);
  p.check();
}

/// The hyper-parameter vector: rates, the schedule, Adam's constants and weight decay.
static Literal hyperParameters(Program &p, double schedule, double warmup, double total) {
  return Literal::ofFloats(p.type({16}, p.f64()),
                           {0.01, 0.001, warmup, total, schedule, 0.9, 0.99, 1e-8, 0.1, 0, 0, 0, 0, 0, 0, 0});
}

TEST(Library, LearningRate) {
  Program p;
  Build &e = p.e;
  for (int schedule : {0, 1, 2})
    for (int64_t step : {0, 2, 5, 9, 30}) {
      p.begin("schedule " + std::to_string(schedule) + ", step " + std::to_string(step));
      Value at = p.input(Literal::ofInts(p.type({}, p.i64()), {step}));
      p.expect(
          LearningRateOp::create(e.b, e.loc, p.type({}, p.f64()), at, p.input(hyperParameters(p, schedule, 4, 20))));
    }
  p.check();
}

TEST(Library, UpdatesInPlace) {
  Program p;
  Build &e = p.e;
  Value hyper = p.input(hyperParameters(p, 0, 4, 20));
  Value step = p.input(Literal::ofInts(p.type({}, p.i64()), {3}));
  Value scale = p.input(Literal::ofFloats(p.type({}, p.f64()), {0.5}));
  Value lr = p.input(Literal::ofFloats(p.type({}, p.f64()), {0.02}));
  auto positive = [&](RankedTensorType type) {
    Literal v = p.random(type);
    for (int64_t i = 0; i < v.getNumElements(); ++i)
      v.setFloat(i, std::fabs(v.getFloat(i)));
    return v;
  };
  for (bool decay : {false, true})
    for (bool decoupled : {false, true}) {
      p.begin(std::string("adam") + (decay ? " decay" : "") + (decoupled ? " decoupled" : ""));
      RankedTensorType type = p.type({6, 5}, p.f32());
      std::string param = p.state(p.random(type)), m = p.state(p.random(type)), v = p.state(positive(type));
      auto adam = AdamOp::create(e.b, e.loc, type, type, type, p.read(param), p.input({6, 5}), p.read(m), p.read(v),
                                 scale, lr, step, hyper, decay, decoupled);
      p.write(param, adam.getNewParam());
      p.write(m, adam.getNewM());
      p.write(v, adam.getNewV());
    }
  for (bool decay : {false, true}) {
    p.begin(std::string("sgd") + (decay ? " decay" : ""));
    RankedTensorType type = p.type({33}, p.f32());
    std::string param = p.state(p.random(type)), m = p.state(p.random(type));
    auto sgd = SgdOp::create(e.b, e.loc, type, type, p.read(param), p.input({33}), p.read(m), scale, lr, hyper, decay);
    p.write(param, sgd.getNewParam());
    p.write(m, sgd.getNewM());
  }
  p.check();
}

TEST(Library, StatesAreReadAndWritten) {
  Program p;
  Build &e = p.e;
  auto fresh = [&](Program::Shape shape) { return p.state(p.random(p.type(shape, p.f32()))); };
  p.begin("accumulate");
  std::string a = fresh({4, 5});
  p.write(a, e.add(p.read(a), p.input({4, 5})));
  p.begin("swap");
  std::string x = fresh({4, 5}), y = fresh({4, 5});
  Value oldX = p.read(x), oldY = p.read(y);
  p.write(x, oldY);
  p.write(y, oldX);
  p.begin("swap, computed");
  std::string s = fresh({4, 5}), t = fresh({4, 5});
  Value oldS = p.read(s), oldT = p.read(t);
  p.write(s, e.exp(oldT));
  p.write(t, e.tanh(oldS));
  p.begin("the old value is read later");
  std::string b = fresh({4, 5});
  Value old = p.read(b), next = e.dot(old, p.input({5, 5}), {}, {}, {1}, {0});
  p.write(b, next);
  p.expect(e.dot(next, old, {}, {}, {1}, {1}), 1e-4);
  p.begin("a product over its own operand");
  std::string c = fresh({5, 5});
  p.write(c, e.dot(p.read(c), p.input({5, 5}), {}, {}, {1}, {0}));
  p.begin("a transpose over its own operand");
  std::string d = fresh({5, 5});
  p.write(d, e.transpose(p.read(d), {1, 0}));
  p.begin("a shift over its own operand");
  std::string g = fresh({3, 5});
  Value rows = p.read(g);
  p.write(g, e.concat({e.slice(rows, {1, 0}, {2, 5}), p.input({1, 5})}, 0));
  p.begin("a view of a state");
  std::string h = fresh({4, 5});
  p.write(h, e.reshape(e.tanh(e.reshape(p.read(h), {20})), {4, 5}));
  p.begin("unchanged");
  std::string i = fresh({4, 5});
  p.write(i, p.read(i));
  p.begin("a row statistic of the old value");
  std::string j = fresh({4, 5});
  Value before = p.read(j);
  p.write(j, e.sub(before, e.broadcastAlong(e.sum(before, {1}), {1}, {4, 5})));
  p.begin("a column statistic of the old value");
  std::string k = fresh({4, 5});
  Value was = p.read(k);
  p.write(k, e.sub(was, e.broadcastAlong(e.sum(was, {0}), {0}, {4, 5})));
  p.begin("one value in two states");
  std::string m = fresh({4, 5}), n = fresh({4, 5});
  Value shared = e.tanh(p.input({4, 5}));
  p.write(m, shared);
  p.write(n, shared);
  p.begin("a counter");
  std::string counter = p.state(Literal::ofInts(p.type({}, p.i64()), {41}));
  Value count = p.read(counter);
  p.write(counter, e.add(count, e.splatLike(count, 1)));
  p.expect(e.cast(count, p.f32()));
  p.begin("a constant");
  p.write(fresh({4, 5}), e.splat(p.type({4, 5}, p.f32()), 3));
  p.begin("never touched");
  fresh({3});
  p.begin("read only");
  std::string q = fresh({4, 5});
  p.expect(e.neg(p.read(q)));
  p.begin("a slice of the old value with itself");
  std::string r = fresh({4, 4});
  Value whole = p.read(r);
  p.write(r, e.add(whole, e.transpose(whole, {1, 0})));
  p.begin("a broadcast of a row of the old value");
  std::string u = fresh({4, 4});
  Value table = p.read(u);
  p.write(u, e.add(table, e.broadcast(e.reshape(e.slice(table, {0, 0}, {1, 4}), {4}), {1}, {4, 4})));
  p.check();
}

//===- ScatterTest.cpp - Scatters of many updates, compiled -----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A GPU sorts updates by where they go: sizes that need several blocks, digits
// and pieces of the sort.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"
#include "dialects/weft/Sort.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

static Value scatterAdd(Build &e, Value updates, Value indices, Program::Shape shape, int64_t axis) {
  return ScatterAddOp::create(e.b, e.loc, tensorType(updates).clone(shape), updates, indices, axis);
}

TEST(Scatter, ManyUpdates) {
  Program p;
  Build &e = p.e;
  for (Type type : {p.f32(), p.f64(), Type(e.b.getBF16Type()), p.i64()}) {
    p.begin("2,500 updates of 40 rows");
    // Some sixty updates a row: narrow ones are added up in f32 and rounded once.
    p.expect(scatterAdd(e, p.input({2500, 24}, type), p.indices({2500}, 40), {40, 24}, 0));
  }
  p.begin("most go to one row");
  Literal same = p.random(p.type({1500}, p.i64()), 0, 9);
  for (int64_t i = 0; i < 1500; ++i)
    if (i % 7)
      same.setInt(i, 4);
  p.expect(scatterAdd(e, p.input({1500, 16}), p.input(same), {9, 16}, 0), 1e-4);
  p.begin("all go to one row");
  p.expect(scatterAdd(e, p.input({1100, 8}), p.indices({1100}, 1), {3, 8}, 0), 1e-4);
  p.begin("a table of 70,000 rows");
  p.expect(scatterAdd(e, p.input({200, 4}), p.indices({200}, 70000), {70000, 4}, 0));
  p.begin("odd columns");
  p.expect(scatterAdd(e, p.input({100, 7}), p.indices({100}, 12), {12, 7}, 0));
  p.begin("single elements");
  p.expect(scatterAdd(e, p.input({1000}), p.indices({1000}, 20), {20}, 0), 1e-4);
  p.begin("axis 1");
  p.expect(scatterAdd(e, p.input({3, 700, 6}), p.indices({700}, 31), {3, 31, 6}, 1), 1e-4);
  p.begin("the last axis");
  p.expect(scatterAdd(e, p.input({40, 33}), p.indices({33}, 5), {40, 5}, 1));
  p.begin("indices of rank 2, of an expression");
  Value where = p.indices({20, 30}, 50);
  p.expect(scatterAdd(e, e.tanh(p.input({20, 30, 8})), e.sub(e.splatLike(where, 49), where), {50, 8}, 0));
  p.begin("i32 indices");
  p.expect(scatterAdd(e, p.input({90, 8}), p.input(p.random(p.type({90}, e.b.getI32Type()), 0, 17)), {17, 8}, 0));
  p.check();
}

TEST(Scatter, Combined) {
  Program p;
  Build &e = p.e;
  auto scatter = [&](Value input, Value indices, Value updates, int64_t axis, std::optional<ReduceKind> combine) {
    ReduceKindAttr kind = combine ? ReduceKindAttr::get(e.b.getContext(), *combine) : ReduceKindAttr();
    return ScatterOp::create(e.b, e.loc, input.getType(), input, indices, updates, axis, kind).getResult();
  };
  for (int64_t count : {5, 300}) {
    p.begin("the last update stays, of " + std::to_string(count));
    p.expect(scatter(p.input({30, 8}), p.indices({count}, 30), p.input({count, 8}), 0, std::nullopt));
    p.expect(scatter(p.input({2, 30, 3}), p.indices({count}, 30), p.input({2, count, 3}), 1, std::nullopt));
    p.begin("a single slot, of " + std::to_string(count));
    p.expect(scatter(p.input({4}), p.indices({count}, 4), p.input({count}), 0, std::nullopt));
    for (ReduceKind kind : {ReduceKind::sum, ReduceKind::max, ReduceKind::min, ReduceKind::prod}) {
      p.begin(stringifyReduceKind(kind).str() + " of " + std::to_string(count));
      Value updates = p.input({count, 8});
      if (kind == ReduceKind::prod)
        updates = e.add(e.splatLike(updates, 1), e.mul(updates, e.splatLike(updates, 0.01)));
      p.expect(scatter(p.input({3, 8}), p.indices({count}, 3), updates, 0, kind), 1e-4);
    }
    p.begin("a sum of bf16, of " + std::to_string(count));
    Type narrow = e.b.getBF16Type();
    p.expect(
        scatter(p.input({2, 3, 8}, narrow), p.indices({count}, 3), p.input({2, count, 8}, narrow), 1, ReduceKind::sum));
    p.begin("integers, of " + std::to_string(count));
    p.expect(
        scatter(p.input({3, 2}, p.i64()), p.indices({count}, 3), p.input({count, 2}, p.i64()), 0, ReduceKind::max));
    p.begin("booleans, of " + std::to_string(count));
    p.expect(scatter(p.input({9, 2}, p.i1()), p.indices({count}, 9), p.input({count, 2}, p.i1()), 0, std::nullopt));
  }
  p.check();
}

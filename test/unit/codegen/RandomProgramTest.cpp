//===- RandomProgramTest.cpp - Random compositions of ops, compiled -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

/// Composes ops at random over a pool of values. Magnitudes stay small, so that rounding does too.
class Composer {
public:
  Composer(Program &program, uint64_t seed) : p(program), e(program.e), generator(seed) {}

  void compose() {
    element = pick(3) == 0 ? p.f64() : p.f32();
    SmallVector<int64_t> shape;
    for (int64_t i = 0, rank = 2 + pick(2); i < rank; ++i)
      shape.push_back(1 + pick(6));
    pool = {p.input(shape, element), p.input(shape, element), p.input({shape.back()}, element)};
    for (int64_t i = 0, count = 4 + pick(10); i < count; ++i)
      if (Value next = step())
        pool.push_back(next);
    // The last value, and some on the way: what else a kernel has to store.
    tolerance = element.isF32() ? 2e-4 : 1e-9;
    p.expect(pool.back(), tolerance);
    for (size_t i = 3; i + 1 < pool.size(); ++i)
      if (pick(4) == 0)
        p.expect(pool[i], tolerance);
  }

private:
  int64_t pick(int64_t limit) { return std::uniform_int_distribution<int64_t>(0, limit - 1)(generator); }
  Value any() { return pool[pool.size() - 1 - pick(std::min<int64_t>(pool.size(), 5))]; }
  ArrayRef<int64_t> shapeOf(Value v) { return tensorType(v).getShape(); }

  /// A value of the shape of `like`: of the pool if there is one, or a broadcast.
  Value partner(Value like) {
    SmallVector<Value> found;
    for (Value v : pool)
      if (v.getType() == like.getType())
        found.push_back(v);
    if (found.size() > 1 || pick(2))
      return found[pick(found.size())];
    return p.input(shapeOf(like), element);
  }

  Value step() {
    Value x = any();
    ArrayRef<int64_t> shape = shapeOf(x);
    int64_t rank = shape.size();
    if (rank == 0)
      return e.broadcast(e.tanh(x), {}, {1 + pick(4), 1 + pick(5)});
    int64_t dim = pick(rank);
    switch (pick(20)) {
    case 0:
      return e.tanh(x);
    case 1:
      return e.exp(e.tanh(x));
    case 2:
      return e.sigmoid(e.neg(x));
    case 3:
      return e.add(x, partner(x));
    case 4:
      return e.tanh(e.mul(x, partner(x)));
    case 5:
      return e.sub(e.max(x, partner(x)), e.min(x, partner(x)));
    case 6:
      return e.div(x, e.add(e.mul(x, x), e.splatLike(x, 1)));
    case 7: {
      SmallVector<int64_t> dims;
      for (int64_t i = 0; i < rank; ++i)
        if (pick(2))
          dims.push_back(i);
      if (dims.empty())
        dims.push_back(dim);
      Value reduced = e.reduce(pick(2) ? ReduceKind::sum : pick(2) ? ReduceKind::max : ReduceKind::min, x, dims);
      return pick(2) ? reduced : e.sub(x, e.broadcastAlong(e.tanh(reduced), dims, shape));
    }
    case 8: {
      Value sums = e.sum(e.tanh(x), {rank - 1});
      return e.mul(x, e.broadcastAlong(e.sigmoid(sums), {rank - 1}, shape));
    }
    case 9: {
      Value row = e.tanh(e.sum(x, {0}));
      return e.add(x, e.broadcastAlong(row, {0}, shape));
    }
    case 10: {
      SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
      std::shuffle(perm.begin(), perm.end(), generator);
      return e.transpose(x, perm);
    }
    case 11:
      return pick(2) ? e.reshape(x, {tensorType(x).getNumElements()})
                     : e.reshape(x, {shape.front(), tensorType(x).getNumElements() / shape.front()});
    case 12: {
      SmallVector<int64_t> offsets(rank, 0), sizes(shape), strides(rank, 1);
      offsets[dim] = pick(shape[dim]);
      strides[dim] = 1 + pick(2);
      sizes[dim] = 1 + (shape[dim] - offsets[dim] - 1) / strides[dim];
      return e.slice(x, offsets, sizes, strides);
    }
    case 13:
      return tensorType(x).getNumElements() > 400 ? Value() : e.concat({x, partner(x)}, dim);
    case 14: {
      SmallVector<int64_t> low(rank, 0), high(rank, 0), interior(rank, 0), to(shape);
      low[dim] = pick(3);
      high[dim] = pick(2);
      interior[dim] = pick(2);
      to[dim] = low[dim] + (shape[dim] - 1) * (interior[dim] + 1) + 1 + high[dim];
      return PadOp::create(e.b, e.loc, tensorType(x).clone(to), x, low, high, interior);
    }
    case 15:
      return e.gather(x, p.indices({1 + pick(5)}, shape[dim]), dim);
    case 16: {
      SmallVector<int64_t> to(shape);
      to[dim] = 1 + pick(5);
      return ScatterAddOp::create(e.b, e.loc, tensorType(x).clone(to), x, p.indices({shape[dim]}, to[dim]), dim);
    }
    case 17:
      return e.tanh(CumsumOp::create(e.b, e.loc, x.getType(), x, dim, pick(2) == 0, pick(2) == 0));
    case 18:
      if (pick(2))
        return SoftmaxOp::create(e.b, e.loc, x.getType(), x);
      return LayerNormOp::create(e.b, e.loc, x.getType(), x, Value(), Value(), APFloat(0.1));
    default: {
      // Products are of f32.
      if (!element.isF32())
        return GeluOp::create(e.b, e.loc, x.getType(), x, pick(2) == 0);
      Value y = e.dot(x, p.input({shape[dim], 1 + pick(5)}), {}, {}, {dim}, {0});
      if (pick(2))
        y = e.add(y, e.broadcastLast(p.input({shapeOf(y).back()}), shapeOf(y)));
      return e.tanh(y);
    }
    }
  }

  Program &p;
  Build &e;
  std::mt19937_64 generator;
  Type element;
  double tolerance = 0;
  SmallVector<Value> pool;
};

class RandomPrograms : public ::testing::TestWithParam<int> {};

} // namespace

/// Many compositions of one task: each has inputs of its own, so a kernel belongs to one of them.
TEST_P(RandomPrograms, ComputeWhatTheInterpreterDoes) {
  constexpr int perTask = 12;
  Program program(GetParam());
  for (int i = 0; i < perTask; ++i) {
    int seed = GetParam() * perTask + i;
    program.begin("seed " + std::to_string(seed));
    Composer(program, seed).compose();
  }
  program.check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomPrograms, ::testing::Range(0, 10));

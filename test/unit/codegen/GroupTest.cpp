//===- GroupTest.cpp - Small kernels that are one launch -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

/// Updates of parameters of several sizes in place, in several types, whose lengths are multiples of a run or not.
TEST(Groups, Updates) {
  Program p;
  p.groupKernels();
  Build &e = p.e;
  Value rate = p.input({}, p.f32());
  for (int64_t size : {1600, 333, 8, 1})
    for (int copy = 0; copy < 5; ++copy) {
      p.begin("update of " + std::to_string(size) + ", " + std::to_string(copy));
      RankedTensorType type = p.type({size}, p.f32());
      std::string moment = p.state(p.random(type)), parameter = p.state(p.random(type));
      std::string narrow = p.state(p.random(p.type({size}, e.b.getBF16Type())));
      Value gradient = p.input({size}, e.b.getBF16Type());
      Value wide = e.cast(gradient, p.f32());
      Value mean = e.add(e.mul(p.read(moment), e.splatLike(wide, 0.9)), e.mul(wide, e.splatLike(wide, 0.1)));
      Value step = e.div(mean, e.add(e.sqrt(e.mul(mean, mean)), e.splatLike(mean, 1e-3)));
      Value next = e.sub(p.read(parameter), e.mul(step, e.broadcastLast(rate, {size})));
      p.write(moment, mean);
      p.write(parameter, next);
      p.write(narrow, e.cast(next, e.b.getBF16Type()));
    }
  p.check();
}

/// Sums of rows, of up to a thousand columns and of more, and what is computed of them.
TEST(Groups, Rows) {
  Program p;
  p.groupKernels();
  Build &e = p.e;
  for (auto [rows, cols] : {std::pair<int64_t, int64_t>(1, 1600), {1, 77}, {4, 64}, {3, 5000}, {2, 40000}})
    for (int copy = 0; copy < 4; ++copy) {
      p.begin("rows of " + std::to_string(cols) + ", " + std::to_string(copy));
      Value x = p.input({rows, cols});
      Value sum = e.sum(e.mul(x, x), {1});
      p.expect(sum);
      p.expect(e.sub(x, e.broadcastAlong(e.div(sum, e.splatLike(sum, 3)), {1}, {rows, cols})), 1e-4);
    }
  p.check();
}

/// Kernels that are alike and read each other's results are not run beside each other; nor is an operand written over
/// that another member reads.
TEST(Groups, Dependences) {
  Program p;
  p.groupKernels();
  Build &e = p.e;
  p.begin("a chain");
  Value x = p.input({64});
  Value y = p.input({64});
  // What is read at more than one place is stored in between.
  for (int i = 0; i < 3; ++i) {
    x = e.sub(x, e.broadcastLast(e.sum(e.mul(x, x), {0}), {64}));
    y = e.sub(y, e.broadcastLast(e.sum(e.mul(y, y), {0}), {64}));
  }
  p.expect(x);
  p.expect(y);
  p.begin("an operand of both");
  std::string a = p.state(p.random(p.type({100}, p.f32()))), b = p.state(p.random(p.type({100}, p.f32())));
  Value left = p.read(a), right = p.read(b);
  Value sum = e.sum(e.mul(left, right), {0});
  p.write(a, e.add(e.mul(left, e.broadcastLast(sum, {100})), right));
  p.write(b, e.add(e.mul(right, e.broadcastLast(sum, {100})), left));
  p.check();
}

//===- WideTest.cpp - Sizes at which GPUs do things differently -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Rows of part of a warp, a warp, a block and more, at multiples of an access
// and beside them; columns of many blocks; views whose parts are runs.
//
//===----------------------------------------------------------------------===//

#include "Harness.h"

using namespace mlir;
using namespace weft;
using namespace weft::test;

TEST(Wide, Rows) {
  Program p;
  Build &e = p.e;
  Type bf16 = e.b.getBF16Type();
  for (Type type : {p.f32(), bf16})
    for (int64_t cols : {1, 3, 8, 24, 33, 64, 100, 768, 1000, 1024, 1536, 2304, 4096, 4104, 9000, 20011, 20016}) {
      std::string suffix = " of " + std::to_string(cols) + (type.isF32() ? " f32" : " bf16");
      int64_t rows = cols > 4000 ? 3 : 7;
      Value x = p.input({rows, cols}, type), y = p.input({rows, cols}, type);
      double tolerance = type.isF32() ? 1e-4 : 2e-2;
      p.begin("softmax" + suffix);
      p.expect(SoftmaxOp::create(e.b, e.loc, x.getType(), x), tolerance);
      p.begin("norm of a sum" + suffix);
      Value sum = e.add(x, y);
      p.expect(sum);
      Value gamma = p.input({cols}, type), beta = p.input({cols}, type);
      p.expect(LayerNormOp::create(e.b, e.loc, x.getType(), sum, gamma, beta, APFloat(1e-5)), tolerance);
      p.begin("row sums" + suffix);
      Value wide = e.cast(x, p.f32());
      p.expect(e.sum(wide, {1}), 1e-4);
      p.expect(e.reduce(ReduceKind::max, wide, {1}));
      if (cols > 2) {
        p.begin("cross entropy" + suffix);
        p.expect(CrossEntropyOp::create(e.b, e.loc, p.type({rows}, p.f32()), y, p.indices({rows}, cols), -100), 1e-4);
      }
    }
  p.check();
}

TEST(Wide, Columns) {
  Program p;
  Build &e = p.e;
  for (Type type : {p.f32(), Type(e.b.getBF16Type()), p.f64()})
    for (auto [rows, cols] : std::vector<std::pair<int64_t, int64_t>>{
             {1, 8}, {300, 8}, {5000, 8}, {5000, 1}, {3000, 33}, {700, 768}, {129, 2304}, {2000, 7}}) {
      p.begin("sums of " + std::to_string(rows) + " rows of " + std::to_string(cols));
      Value x = p.input({rows, cols}, type);
      Value wide = type.isF64() ? x : e.cast(x, p.f32());
      p.expect(e.sum(wide, {0}), 1e-4);
      p.expect(e.sum(e.mul(wide, wide), {0}), 1e-4);
      p.expect(e.reduce(ReduceKind::max, wide, {0}));
      p.begin("narrow sums of " + std::to_string(rows) + " rows of " + std::to_string(cols));
      p.expect(e.sum(x, {0}));
    }
  p.check();
}

TEST(Wide, Elements) {
  Program p;
  Build &e = p.e;
  for (Type type : {p.f32(), Type(e.b.getBF16Type()), Type(e.b.getF16Type())}) {
    for (int64_t count : {1, 7, 8, 2048, 2049, 5000}) {
      p.begin("gelu of " + std::to_string(count));
      Value x = p.input({count}, type);
      p.expect(GeluOp::create(e.b, e.loc, x.getType(), x, true));
      p.expect(GeluOp::create(e.b, e.loc, x.getType(), x, false));
      p.expect(SiluOp::create(e.b, e.loc, x.getType(), x));
      p.begin("two types of " + std::to_string(count));
      Value y = p.input({count});
      p.expect(e.add(e.cast(x, p.f32()), y), 2e-2);
      p.expect(e.cast(e.mul(y, y), type));
      p.expect(e.less(y, e.splatLike(y, 0.5)));
    }
    p.begin("a bias");
    Value x = p.input({50, 64}, type);
    p.expect(e.add(x, e.broadcast(p.input({64}, type), {1}, {50, 64})));
    p.expect(e.add(x, e.broadcast(p.input({50}, type), {0}, {50, 64})));
    p.begin("a transpose");
    p.expect(e.transpose(x, {1, 0}));
    p.expect(e.transpose(p.input({4, 6, 16, 8}, type), {0, 2, 1, 3}));
    p.begin("slices");
    Value packed = p.input({6, 5, 96}, type);
    for (int64_t i = 0; i < 3; ++i)
      p.expect(e.tanh(e.reshape(e.slice(packed, {0, 0, 32 * i}, {6, 5, 32}), {6, 5, 2, 16})));
    p.expect(e.slice(packed, {0, 0, 4}, {6, 5, 64}));
    p.begin("a concatenation");
    Value a = p.input({6, 5, 2, 16}, type), b = p.input({6, 5, 32}, type);
    p.expect(e.concat({e.reshape(a, {6, 5, 32}), b, e.neg(b)}, 2));
    p.expect(e.concat({b, p.input({6, 5, 12}, type)}, 2));
    p.begin("rows of a table");
    p.expect(e.gather(p.input({100, 64}, type), p.indices({7, 11}, 100), 0));
    p.begin("rotary");
    for (int64_t rotated : {32, 16})
      for (bool transposed : {false, true}) {
        Value heads = p.input({2, 5, 3, 32}, type);
        p.expect(RotaryOp::create(e.b, e.loc, heads.getType(), heads, p.input({5, rotated}), p.input({5, rotated}),
                                  transposed),
                 type.isF32() ? 0 : 2e-2);
      }
    p.begin("padding");
    Value padded = p.input({6, 24}, type);
    p.expect(PadOp::create(e.b, e.loc, p.type({8, 40}, type), padded, SmallVector<int64_t>{1, 8},
                           SmallVector<int64_t>{1, 8}, SmallVector<int64_t>{0, 0}));
  }
  p.check();
}

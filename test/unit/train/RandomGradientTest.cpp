//===- RandomGradientTest.cpp - Derivatives of random programs -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Programs of a few dozen ops on values with several uses: what is tested is
// the walk, the sums of gradients and shapes that no one thought of. Every
// value stays in [-1, 1] or so, and no op has a corner.
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using namespace weft::test;

namespace {

class Generator {
public:
  Generator(ModuleOp module, uint64_t seed) : random(seed), builder(module.getContext()) {
    Type f64 = builder.getF64Type();
    SmallVector<Type> inputs = {RankedTensorType::get({2, 3, 4}, f64), RankedTensorType::get({4}, f64),
                                RankedTensorType::get({3, 4}, f64), RankedTensorType::get({}, f64)};
    builder.setInsertionPointToStart(module.getBody());
    function = func::FuncOp::create(builder, builder.getUnknownLoc(), "f", builder.getFunctionType(inputs, {}));
    Block *body = function.addEntryBlock();
    builder.setInsertionPointToStart(body);
    values.assign(body->args_begin(), body->args_end());
  }

  func::FuncOp generate(int64_t numOps) {
    for (int64_t i = 0; i < numOps; ++i)
      if (Value v = step())
        values.push_back(v);
    // Every input reaches the results, so that each has a gradient.
    SmallVector<Value> results = {values.back(), values[values.size() - 2]};
    Build e{builder, builder.getUnknownLoc()};
    Value all = e.splat(RankedTensorType::get({}, builder.getF64Type()), 0);
    for (Value input : function.getArguments())
      all = e.add(all, e.sum(input, allDims(input)));
    results.push_back(e.mul(all, all));
    func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
    function.setType(builder.getFunctionType(function.getArgumentTypes(), TypeRange(results)));
    return function;
  }

  std::mt19937_64 random;

private:
  int64_t pick(int64_t limit) { return std::uniform_int_distribution<int64_t>(0, limit - 1)(random); }
  static SmallVector<int64_t> allDims(Value v) {
    return llvm::to_vector(llvm::seq<int64_t>(0, tensorType(v).getRank()));
  }
  SmallVector<int64_t> shuffledDims(Value v) {
    SmallVector<int64_t> dims = allDims(v);
    std::shuffle(dims.begin(), dims.end(), random);
    return dims;
  }
  /// One of the later values more often than not.
  Value anyValue() {
    int64_t n = values.size();
    return values[std::max(pick(n), pick(n))];
  }

  /// A new value, or null if the op that was drawn does not fit.
  Value step() {
    Build e{builder, builder.getUnknownLoc()};
    Value x = anyValue();
    RankedTensorType type = tensorType(x);
    int64_t rank = type.getRank();
    switch (pick(16)) {
    case 0:
    case 1:
      for (Value y : llvm::reverse(values))
        if (y.getType() == type && y != x)
          return pick(2) ? e.mul(x, y) : e.sub(x, y);
      return e.mul(x, x);
    case 2:
      return e.tanh(x);
    case 3:
      return math::SinOp::create(builder, e.loc, x);
    case 4:
      return e.div(x, e.add(e.mul(x, x), e.splatLike(x, 1)));
    case 5:
      return e.sigmoid(x);
    case 6:
      return e.transpose(x, shuffledDims(x));
    case 7: {
      if (rank == 0)
        return {};
      SmallVector<int64_t> dims = shuffledDims(x);
      dims.truncate(1 + pick(rank));
      return e.tanh(e.sum(x, dims));
    }
    case 8: {
      if (rank > 2)
        return {};
      SmallVector<int64_t> dims, shape;
      for (int64_t d = 0; d < rank; ++d) {
        if (pick(2))
          shape.push_back(2);
        dims.push_back(shape.size());
        shape.push_back(type.getDimSize(d));
      }
      if (pick(2) || static_cast<int64_t>(shape.size()) == rank)
        shape.push_back(3);
      return e.broadcast(x, dims, shape);
    }
    case 9:
      return e.reshape(x, {type.getNumElements()});
    case 10: {
      SmallVector<int64_t> offsets, sizes, strides;
      for (int64_t size : type.getShape()) {
        offsets.push_back(pick(size));
        strides.push_back(1 + pick(2));
        sizes.push_back(1 + pick((size - offsets.back() - 1) / strides.back() + 1));
      }
      return e.slice(x, offsets, sizes, strides);
    }
    case 11: {
      if (rank == 0)
        return {};
      int64_t dim = pick(rank);
      SmallVector<Value> parts = {x};
      for (Value y : values)
        if (parts.size() < 3 && y.getType() == type)
          parts.push_back(y);
      return e.concat(parts, dim);
    }
    case 12:
      for (Value y : values)
        if (rank > 0 && tensorType(y).getRank() > 0)
          if (tensorType(y).getShape().front() == type.getShape().back())
            return e.tanh(e.dot(x, y, {}, {}, {rank - 1}, {0}));
      return {};
    case 13:
      return rank ? SoftmaxOp::create(builder, e.loc, type, x).getResult() : Value();
    case 14:
      if (rank == 0 || type.getShape().back() < 2)
        return {};
      for (Value gamma : values)
        if (tensorType(gamma).getShape() == type.getShape().take_back(1))
          return LayerNormOp::create(builder, e.loc, type, x, gamma, gamma, APFloat(0.5));
      return RmsNormOp::create(builder, e.loc, type, x, Value(), APFloat(0.5));
    default: {
      if (rank == 0)
        return {};
      auto indexType = RankedTensorType::get({3}, builder.getI64Type());
      SmallVector<int64_t> numbers;
      int64_t axis = pick(rank);
      for (int64_t i = 0; i < 3; ++i)
        numbers.push_back(pick(type.getDimSize(axis)));
      Value indices =
          arith::ConstantOp::create(builder, e.loc, DenseElementsAttr::get(indexType, ArrayRef<int64_t>(numbers)));
      return e.gather(x, indices, axis);
    }
    }
  }

  OpBuilder builder;
  func::FuncOp function;
  SmallVector<Value> values;
};

TEST(RandomGradient, EqualsCentralDifference) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto context = makeContext();
    OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(context.get()));
    Generator generator(*module, seed);
    func::FuncOp function = generator.generate(24);
    ASSERT_TRUE(succeeded(module->verify()));
    checkGradients(function, generator.random);
    if (HasFailure())
      return;
  }
}

} // namespace

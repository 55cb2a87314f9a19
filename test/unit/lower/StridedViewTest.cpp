//===- StridedViewTest.cpp - Views against the elements they name -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/StridedView.h"
#include "dialects/weft/Build.h"
#include "dialects/weft/EvaluateFunction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <gtest/gtest.h>
#include <numeric>
#include <random>

using namespace mlir;
using namespace weft;

namespace {

class StridedViews : public ::testing::Test {
protected:
  StridedViews() : builder(&context), e{builder, builder.getUnknownLoc()} {
    DialectRegistry registry;
    registry.insert<WeftDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
    registerExternalModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  int64_t pick(int64_t limit) { return std::uniform_int_distribution<int64_t>(0, limit - 1)(generator); }

  /// Starts a function of one argument.
  Value start(ArrayRef<int64_t> shape) {
    module = ModuleOp::create(e.loc);
    builder.setInsertionPointToStart(module->getBody());
    auto type = RankedTensorType::get(shape, builder.getI64Type());
    function = func::FuncOp::create(builder, e.loc, "f", builder.getFunctionType({Type(type)}, {}));
    function.addEntryBlock();
    builder.setInsertionPointToStart(&function.getBody().front());
    return function.getArgument(0);
  }

  Value randomView(Value x) {
    SmallVector<int64_t> shape(tensorType(x).getShape());
    int64_t rank = shape.size(), dim = rank ? pick(rank) : 0;
    switch (rank ? pick(4) : 3) {
    case 0: {
      SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
      std::shuffle(perm.begin(), perm.end(), generator);
      return e.transpose(x, perm);
    }
    case 1: {
      SmallVector<int64_t> offsets(rank, 0), sizes(shape), strides(rank, 1);
      offsets[dim] = pick(shape[dim]);
      strides[dim] = 1 + pick(2);
      sizes[dim] = 1 + (shape[dim] - offsets[dim] - 1) / strides[dim];
      return e.slice(x, offsets, sizes, strides);
    }
    case 2: {
      // Splits one dimension, or joins it with the next.
      SmallVector<int64_t> to(shape);
      if (shape[dim] % 2 == 0) {
        to[dim] /= 2;
        to.insert(to.begin() + dim + pick(2), 2);
      } else if (dim + 1 < rank) {
        to[dim] *= to[dim + 1];
        to.erase(to.begin() + dim + 1);
      }
      return e.reshape(x, to);
    }
    default: {
      int64_t where = pick(rank + 1);
      shape.insert(shape.begin() + where, 1 + pick(3));
      SmallVector<int64_t> dims;
      for (int64_t i = 0; i <= rank; ++i)
        if (i != where)
          dims.push_back(i);
      return e.broadcast(x, dims, shape);
    }
    }
  }

  /// The values of `wanted` when every element of the argument is its own index.
  SmallVector<Literal> evaluate(ArrayRef<Value> wanted) {
    func::ReturnOp::create(builder, e.loc, wanted);
    function.setFunctionType(builder.getFunctionType(function.getArgumentTypes(), ValueRange(wanted).getTypes()));
    auto type = cast<RankedTensorType>(function.getArgumentTypes()[0]);
    std::vector<int64_t> indices(type.getNumElements());
    std::iota(indices.begin(), indices.end(), 0);
    SmallVector<Literal> results;
    EXPECT_TRUE(succeeded(evaluateFunction(function, {Literal::ofInts(type, indices)}, results)));
    return results;
  }

  MLIRContext context;
  OpBuilder builder;
  Build e;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  std::mt19937_64 generator{7};
};

} // namespace

/// Every element of a chain of views is the base's element where offset and strides say.
TEST_F(StridedViews, NameTheElementsOfTheirBase) {
  int64_t expressed = 0;
  for (int round = 0; round < 400; ++round) {
    Value base = start({1 + pick(4), 1 + pick(6), 1 + pick(4)}), value = base;
    for (int64_t i = 0, count = 1 + pick(5); i < count && tensorType(value).getNumElements() < 500; ++i)
      value = randomView(value);
    exec::StridedView view = exec::StridedView::resolve(value);
    expressed += view.base == base;
    EXPECT_EQ(ArrayRef<int64_t>(view.shape), tensorType(value).getShape());
    SmallVector<Literal> found = evaluate({value, view.base});
    int64_t i = 0;
    forEachStrided(view.shape, view.offset, view.strides, [&](int64_t position) {
      ASSERT_LT(position, found[1].getNumElements());
      EXPECT_EQ(found[0].getInt(i++), found[1].getInt(position)) << "round " << round;
    });
  }
  // Most chains need no copy.
  EXPECT_GT(expressed, 200);
}

/// A matrix names the elements of the view, its dimensions taken together; one of its strides is 1.
TEST_F(StridedViews, MatricesNameTheElementsOfTheirView) {
  int64_t matrices = 0;
  for (int round = 0; round < 400; ++round) {
    Value base = start({1 + pick(4), 1 + pick(6), 1 + pick(4)}), value = base;
    for (int64_t i = 0, count = pick(4); i < count && tensorType(value).getNumElements() < 500; ++i)
      value = randomView(value);
    SmallVector<int64_t> batch, rows, columns;
    for (int64_t i = 0, rank = tensorType(value).getRank(); i < rank; ++i)
      (pick(3) == 0 ? batch : pick(2) ? rows : columns).push_back(i);
    auto matrix = exec::MatrixView::get(value, batch, rows, columns);
    if (!matrix)
      continue;
    ++matrices;
    EXPECT_TRUE(matrix->rowStride == 1 || matrix->columnStride == 1);
    // The same elements, with the dimensions brought into the matrix's order.
    SmallVector<int64_t> perm(batch);
    llvm::append_range(perm, rows);
    llvm::append_range(perm, columns);
    SmallVector<Literal> found = evaluate({e.transpose(value, perm), matrix->view.base});
    SmallVector<int64_t> shape(matrix->batchSizes), strides(matrix->batchStrides);
    shape.append({matrix->rows, matrix->columns});
    strides.append({matrix->rowStride, matrix->columnStride});
    int64_t i = 0;
    forEachStrided(shape, matrix->view.offset, strides, [&](int64_t position) {
      ASSERT_LT(position, found[1].getNumElements());
      EXPECT_EQ(found[0].getInt(i++), found[1].getInt(position)) << "round " << round;
    });
    EXPECT_EQ(i, found[0].getNumElements());
  }
  EXPECT_GT(matrices, 100);
}

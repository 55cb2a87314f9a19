//===- Support.h - Building and running small programs in tests -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_DIALECTS_SUPPORT_H
#define WEFT_TEST_UNIT_DIALECTS_SUPPORT_H

#include "dialects/weft/Build.h"
#include "dialects/weft/EvaluateFunction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "gtest/gtest.h"
#include <random>

namespace weft::test {

using Values = llvm::SmallVector<mlir::Value>;
using Literals = llvm::SmallVector<Literal>;

/// A context with the dialects of a program, and random values of any type.
class ProgramTest : public ::testing::Test {
protected:
  ProgramTest() {
    mlir::DialectRegistry registry;
    registry.insert<WeftDialect, mlir::arith::ArithDialect, mlir::math::MathDialect, mlir::func::FuncDialect>();
    registerExternalModels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
  }

  mlir::RankedTensorType floats(llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, mlir::Float64Type::get(&context));
  }
  mlir::RankedTensorType singles(llvm::ArrayRef<int64_t> shape) {
    return mlir::RankedTensorType::get(shape, mlir::Float32Type::get(&context));
  }
  mlir::RankedTensorType ints(llvm::ArrayRef<int64_t> shape, unsigned width = 64) {
    return mlir::RankedTensorType::get(shape, mlir::IntegerType::get(&context, width));
  }

  /// Normally distributed floats; integers in [0, limit).
  Literal random(mlir::RankedTensorType type, int64_t limit = 4) {
    if (mlir::isa<mlir::FloatType>(type.getElementType())) {
      std::normal_distribution<double> normal;
      std::vector<double> values(type.getNumElements());
      for (double &value : values)
        value = normal(generator);
      return Literal::ofFloats(type, std::move(values));
    }
    std::uniform_int_distribution<int64_t> uniform(0, limit - 1);
    std::vector<int64_t> values(type.getNumElements());
    for (int64_t &value : values)
      value = uniform(generator);
    return Literal::ofInts(type, std::move(values));
  }

  /// Builds a function of the arguments' types whose results `body` appends, and runs it on them.
  Literals run(llvm::ArrayRef<Literal> arguments,
               llvm::function_ref<void(Build &e, mlir::ValueRange in, Values &out)> body) {
    mlir::OpBuilder builder(&context);
    mlir::Location loc = builder.getUnknownLoc();
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
    builder.setInsertionPointToStart(module->getBody());
    auto types = llvm::map_to_vector(arguments, [](const Literal &a) -> mlir::Type { return a.getType(); });
    auto function = mlir::func::FuncOp::create(builder, loc, "f", builder.getFunctionType(types, {}));
    mlir::Block *block = function.addEntryBlock();
    builder.setInsertionPointToStart(block);
    Build e{builder, loc};
    Values out;
    body(e, block->getArguments(), out);
    mlir::func::ReturnOp::create(builder, loc, out);
    function.setFunctionType(builder.getFunctionType(types, mlir::ValueRange(out).getTypes()));
    Literals results;
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
    EXPECT_TRUE(mlir::succeeded(evaluateFunction(function, arguments, results)));
    EXPECT_EQ(results.size(), out.size());
    results.resize(out.size());
    return results;
  }

  mlir::MLIRContext context;
  std::mt19937 generator{0};
};

/// Both have the same type, and elements within `tolerance` (relative to 1 + the
/// magnitude); infinities and NaNs agree.
inline void expectNear(const Literal &actual, const Literal &expected, double tolerance = 1e-12) {
  ASSERT_TRUE(actual.getType() == expected.getType());
  bool splats = actual.isSplat() && expected.isSplat();
  for (int64_t i = 0, count = splats ? 1 : actual.getNumElements(); i < count; ++i) {
    double x = actual.getNumber(i), y = expected.getNumber(i);
    if (x == y || (std::isnan(x) && std::isnan(y)))
      continue;
    ASSERT_LE(std::fabs(x - y), tolerance * (1 + std::fabs(y))) << "at element " << i << ": " << x << ", not " << y;
  }
}

/// The sum of the products of elements.
inline double innerProduct(const Literal &x, const Literal &y) {
  EXPECT_TRUE(x.getType() == y.getType());
  double sum = 0;
  for (int64_t i = 0, count = x.getNumElements(); i < count; ++i)
    sum += x.getNumber(i) * y.getNumber(i);
  return sum;
}

} // namespace weft::test

#endif // WEFT_TEST_UNIT_DIALECTS_SUPPORT_H

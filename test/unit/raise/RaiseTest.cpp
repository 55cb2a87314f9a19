//===- RaiseTest.cpp - Raising changes no result --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every function of the lit tests of weft-raise, positive and negative, is run
// before and after the pass on the same random inputs and parameters.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/EvaluateFunction.h"
#include "dialects/weft/Literal.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/raise/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace weft;

/// Random values: floats around 0, truth values with the first of each row
/// true (so that no row of a mask is without a key), labels of 8 classes.
static Literal randomLiteral(RankedTensorType type, std::mt19937 &random) {
  Literal literal(type);
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int64_t> label(0, 7), coin(0, 1);
  int64_t row = type.getRank() == 0 ? 1 : type.getShape().back();
  for (int64_t i = 0, e = type.getNumElements(); i < e; ++i) {
    if (literal.isFloat())
      literal.setFloat(i, normal(random));
    else if (type.getElementType().isInteger(1))
      literal.setInt(i, i % row == 0 || coin(random));
    else
      literal.setInt(i, label(random));
  }
  literal.round();
  return literal;
}

/// Asserts that two results agree within `tolerance` times the largest value;
/// NaN and infinities must be in the same places.
static void expectNear(const Literal &before, const Literal &after, double tolerance, StringRef name) {
  ASSERT_EQ(before.getType(), after.getType()) << name.str();
  double scale = 1;
  for (int64_t i = 0, e = before.getNumElements(); i < e; ++i)
    if (before.isFloat() && std::isfinite(before.getFloat(i)))
      scale = std::max(scale, std::abs(before.getFloat(i)));
  for (int64_t i = 0, e = before.getNumElements(); i < e; ++i) {
    if (!before.isFloat()) {
      ASSERT_EQ(before.getInt(i), after.getInt(i)) << name.str() << " at " << i;
      continue;
    }
    double a = before.getFloat(i), b = after.getFloat(i);
    // A row that sees nothing is NaN in arithmetic and 0 by weft.attention's definition.
    if (std::isnan(a) && (std::isnan(b) || b == 0))
      continue;
    ASSERT_TRUE(a == b || std::abs(a - b) <= tolerance * scale)
        << name.str() << " at " << i << ": " << a << " and " << b;
  }
}

namespace {
class RaiseEquivalence : public testing::TestWithParam<std::string> {
protected:
  RaiseEquivalence() {
    DialectRegistry registry;
    registry.insert<WeftDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
    registerExternalModels(registry);
    context.appendDialectRegistry(registry);
    context.disableMultithreading();
  }

  /// Runs the pass on a copy of `module` and both on the same inputs.
  void check(ModuleOp module) {
    OwningOpRef<ModuleOp> raised = module.clone();
    PassManager manager(&context);
    manager.addNestedPass<func::FuncOp>(createRaise());
    ScopedDiagnosticHandler quiet(&context,
                                  [](Diagnostic &d) { return success(d.getSeverity() == DiagnosticSeverity::Remark); });
    ASSERT_TRUE(succeeded(manager.run(*raised)));
    std::mt19937 random(7);
    std::map<std::string, Literal> parameters;
    for (auto param : module.getOps<ParamOp>())
      parameters.emplace(param.getSymName().str(), randomLiteral(cast<RankedTensorType>(param.getType()), random));
    auto lookup = [&](StringRef symbol) -> std::optional<Literal> {
      auto found = parameters.find(symbol.str());
      return found == parameters.end() ? std::nullopt : std::optional(found->second);
    };
    for (auto func : module.getOps<func::FuncOp>()) {
      SmallVector<Literal> arguments, before, after;
      for (Type type : func.getArgumentTypes())
        arguments.push_back(randomLiteral(cast<RankedTensorType>(type), random));
      auto other = raised->lookupSymbol<func::FuncOp>(func.getSymName());
      ASSERT_TRUE(succeeded(evaluateFunction(func, arguments, before, lookup))) << func.getSymName().str();
      ASSERT_TRUE(succeeded(evaluateFunction(other, arguments, after, lookup))) << func.getSymName().str();
      ASSERT_EQ(before.size(), after.size());
      // Reordered sums of f32, unless constants were rounded to a narrow type.
      auto wide = func->getAttrOfType<FloatAttr>("tolerance");
      double tolerance = wide ? wide.getValueAsDouble() : 2e-5;
      for (auto [x, y] : llvm::zip_equal(before, after))
        expectNear(x, y, tolerance, func.getSymName());
    }
  }

  MLIRContext context;
};
} // namespace

TEST_P(RaiseEquivalence, SameResults) {
  auto buffer = llvm::MemoryBuffer::getFile(std::string(WEFT_RAISE_CASES) + "/" + GetParam());
  ASSERT_TRUE(static_cast<bool>(buffer));
  SmallVector<StringRef> parts;
  (*buffer)->getBuffer().split(parts, "// -----");
  for (StringRef part : parts) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(part, &context);
    ASSERT_TRUE(module) << part.str();
    check(*module);
    if (HasFatalFailure())
      return;
  }
}

/// The lit tests, in the order of their names.
static std::vector<std::string> cases() {
  std::vector<std::string> names;
  std::error_code error;
  for (llvm::sys::fs::directory_iterator it(WEFT_RAISE_CASES, error), end; it != end && !error; it.increment(error))
    if (llvm::sys::path::extension(it->path()) == ".mlir")
      names.push_back(llvm::sys::path::filename(it->path()).str());
  llvm::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(LitTests, RaiseEquivalence, testing::ValuesIn(cases()), [](const auto &info) {
  std::string name;
  for (char c : info.param)
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

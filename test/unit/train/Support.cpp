//===- Support.cpp - Gradients against finite differences -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "passes/train/Differentiate.h"
#include "llvm/ADT/SetVector.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using namespace weft::test;

std::unique_ptr<MLIRContext> weft::test::makeContext() {
  DialectRegistry registry;
  registry.insert<WeftDialect, arith::ArithDialect, math::MathDialect, func::FuncDialect>();
  registerExternalModels(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  context->allowUnregisteredDialects(); // For the attributes test.low and so on.
  return context;
}

OwningOpRef<ModuleOp> weft::test::parse(MLIRContext &context, const std::string &text) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text;
  return module;
}

Literal weft::test::randomArgument(func::FuncOp function, unsigned index, std::mt19937_64 &random) {
  auto type = cast<RankedTensorType>(function.getArgumentTypes()[index]);
  auto bound = [&](StringRef attr, double fallback) {
    auto value = function.getArgAttrOfType<FloatAttr>(index, attr);
    return value ? value.getValueAsDouble() : fallback;
  };
  Literal literal(type);
  if (literal.isFloat()) {
    std::uniform_real_distribution<double> pick(bound("test.low", -1), bound("test.high", 1));
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      literal.setFloat(i, pick(random));
  } else {
    auto limit = function.getArgAttrOfType<IntegerAttr>(index, "weft.limit");
    std::uniform_int_distribution<int64_t> pick(0, limit ? limit.getInt() - 1 : 1);
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      literal.setInt(i, pick(random));
  }
  literal.round();
  return literal;
}

/// A copy of `function` that takes the results' gradients as further arguments and returns the gradients of `wrt`.
static func::FuncOp buildGradient(func::FuncOp function, ArrayRef<unsigned> wrt) {
  func::FuncOp gradient = function.clone();
  gradient.setName("gradient");
  function->getBlock()->push_back(gradient);
  Block &body = gradient.getBody().front();
  Operation *ret = body.getTerminator();
  SmallVector<Value> losses(ret->getOperands()), seeds, values, grads;
  for (Value loss : losses)
    seeds.push_back(body.addArgument(loss.getType(), loss.getLoc()));
  for (unsigned i : wrt)
    values.push_back(body.getArgument(i));
  OpBuilder builder(ret);
  if (failed(differentiate(builder, losses, seeds, values, grads)))
    return nullptr;
  SmallVector<Type> types;
  for (auto [value, grad] : llvm::zip_equal(values, grads)) {
    EXPECT_TRUE(grad) << "an argument has no gradient";
    if (!grad)
      return nullptr;
    types.push_back(grad.getType());
  }
  ret->setOperands(grads);
  gradient.removeArgAttrsAttr();
  gradient.removeResAttrsAttr();
  gradient.setType(FunctionType::get(function.getContext(), body.getArgumentTypes(), types));
  return succeeded(verify(gradient)) ? gradient : nullptr;
}

static std::string print(func::FuncOp function) {
  std::string text;
  llvm::raw_string_ostream(text) << function;
  return text;
}

void weft::test::checkGradients(func::FuncOp function, std::mt19937_64 &random, GradientCheck check) {
  SmallVector<unsigned> wrt;
  SmallVector<Literal> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    arguments.push_back(randomArgument(function, i, random));
    if (arguments.back().isFloat() && !function.getArgAttr(i, "test.constant"))
      wrt.push_back(i);
  }
  func::FuncOp gradient = buildGradient(function, wrt);
  ASSERT_TRUE(gradient) << print(function);

  SmallVector<Literal> outputs, seeds(arguments), grads;
  ASSERT_TRUE(succeeded(evaluateFunction(function, arguments, outputs)));
  std::uniform_real_distribution<double> pick(-1, 1);
  for (const Literal &output : outputs) {
    Literal &seed = seeds.emplace_back(output.getType());
    for (int64_t i = 0; i < output.getNumElements(); ++i)
      seed.setFloat(i, pick(random));
    seed.round();
  }
  ASSERT_TRUE(succeeded(evaluateFunction(gradient, seeds, grads))) << print(gradient);

  auto loss = [&](ArrayRef<Literal> at) {
    SmallVector<Literal> values;
    EXPECT_TRUE(succeeded(evaluateFunction(function, at, values)));
    double sum = 0;
    for (auto [k, value] : llvm::enumerate(values))
      for (int64_t i = 0; i < value.getNumElements(); ++i)
        sum += value.getFloat(i) * seeds[arguments.size() + k].getFloat(i);
    return sum;
  };
  for (auto [k, argument] : llvm::enumerate(wrt)) {
    std::vector<double> expected;
    double largest = 0;
    for (int64_t i = 0; i < arguments[argument].getNumElements(); ++i) {
      SmallVector<Literal> above(arguments), below(arguments);
      double x = arguments[argument].getFloat(i);
      above[argument].setFloat(i, x + check.step);
      below[argument].setFloat(i, x - check.step);
      expected.push_back((loss(above) - loss(below)) / (2 * check.step));
      largest = std::max(largest, std::abs(expected.back()));
    }
    for (auto [i, value] : llvm::enumerate(expected))
      ASSERT_NEAR(grads[k].getFloat(i), value, check.tolerance * (1 + largest))
          << "argument " << argument << ", element " << i << "\n"
          << print(gradient);
  }
}

void weft::test::checkSavedValues(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front().without_terminator())) {
    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (!differentiable)
      continue;
    auto carriesGradient = [](Value v) { return isa<FloatType>(cast<RankedTensorType>(v.getType()).getElementType()); };
    // The gradients come from ops of their own, so that they cannot be taken for values of the forward pass.
    OpBuilder builder(&op);
    builder.setInsertionPointAfter(&op);
    SmallVector<Value> resultGrads, operandGrads(op.getNumOperands());
    for (Value result : op.getResults())
      resultGrads.push_back(op.getNumResults() > 1 && result != op.getResult(0)
                                ? Value()
                                : arith::NegFOp::create(builder, op.getLoc(), result).getResult());
    Operation *before = resultGrads.front().getDefiningOp();
    SmallVector<bool> needed = llvm::map_to_vector(op.getOperands(), carriesGradient);
    ASSERT_TRUE(succeeded(differentiable.buildVjp(builder, resultGrads, needed, operandGrads)));

    llvm::SetVector<Value> forward, read;
    forward.insert(op.operand_begin(), op.operand_end());
    forward.insert(op.result_begin(), op.result_end());
    for (auto it = std::next(before->getIterator()); it != builder.getInsertionPoint(); ++it)
      for (Value operand : it->getOperands())
        if (forward.contains(operand))
          read.insert(operand);
    SmallVector<Value> savedList;
    differentiable.getSavedValues(savedList);
    llvm::SetVector<Value> saved(savedList.begin(), savedList.end());
    std::string name = op.getName().getStringRef().str();
    for (Value v : read)
      EXPECT_TRUE(saved.contains(v)) << name << " reads a value that it does not save: " << print(function);
    for (Value v : saved)
      EXPECT_TRUE(read.contains(v)) << name << " saves a value that it does not read: " << print(function);
  }
}

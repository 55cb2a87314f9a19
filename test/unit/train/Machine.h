//===- Machine.h - The tasks of a training step, executed -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_TRAIN_MACHINE_H
#define WEFT_TEST_UNIT_TRAIN_MACHINE_H

#include "Support.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "passes/train/Passes.h"
#include <gtest/gtest.h>
#include <map>

namespace weft::test {

/// Parameters and states by name, and the tasks that change them.
class Machine {
public:
  Machine(const std::string &text, const BuildTrainingStepOptions &options) : context(makeContext()) {
    module = parse(*context, text);
    mlir::PassManager manager(context.get());
    manager.addPass(createBuildTrainingStep(options));
    EXPECT_TRUE(succeeded(manager.run(*module)));
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> pick(-1, 1);
    for (ParamOp param : module->getOps<ParamOp>()) {
      Literal value(mlir::cast<mlir::RankedTensorType>(param.getType()));
      for (int64_t i = 0; i < value.getNumElements(); ++i)
        value.setFloat(i, pick(random));
      value.round();
      memory[param.getSymName().str()] = value;
    }
    for (StateOp state : module->getOps<StateOp>()) {
      Literal value(mlir::cast<mlir::RankedTensorType>(state.getType()));
      double init = state.getInit().convertToDouble();
      if (mlir::isa<mlir::FloatType>(value.getType().getElementType()))
        value.fillFloat(init);
      else
        for (int64_t i = 0; i < value.getNumElements(); ++i)
          value.setInt(i, static_cast<int64_t>(init));
      memory[state.getSymName().str()] = value;
    }
    double defaults[] = {0.1, 0.01, 2, 10, 1, 0.9, 0.95, 1e-8, 0.1, 0.5, 1};
    for (auto [i, number] : llvm::enumerate(defaults))
      memory["hyper"].setFloat(i, number);
  }

  void run(llvm::StringRef task, llvm::ArrayRef<Literal> arguments) {
    auto function = module->lookupSymbol<mlir::func::FuncOp>(("task_" + task).str());
    ASSERT_TRUE(function) << task.str();
    llvm::SmallVector<Literal> results;
    auto lookup = [&](llvm::StringRef name) -> std::optional<Literal> {
      auto it = memory.find(name.str());
      return it == memory.end() ? std::nullopt : std::optional(it->second);
    };
    auto sink = [&](llvm::StringRef name, const Literal &value) { memory[name.str()] = value; };
    ASSERT_TRUE(succeeded(evaluateFunction(function, arguments, results, lookup, sink)));
    EXPECT_TRUE(results.empty());
  }

  double number(const std::string &name) { return memory.at(name).getNumber(0); }
  Literal tokens(llvm::ArrayRef<int64_t> values, llvm::ArrayRef<int64_t> shape) {
    auto type = mlir::RankedTensorType::get(shape, mlir::IntegerType::get(context.get(), 64));
    return Literal::ofInts(type, std::vector<int64_t>(values.begin(), values.end()));
  }

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, Literal> memory;
};

/// An embedding tied to the head, with a norm between them.
inline std::string tiedModel(int64_t batch) {
  std::string text = R"(
    weft.param @embed : tensor<7x4xf64> trainable = #weft.normal<1.0>
    weft.param @gamma : tensor<4xf64> trainable = #weft.normal<1.0>
    weft.param @frozen : tensor<4xf64> = #weft.normal<1.0>
    func.func @forward(%ids: tensor<Bx3xi64> {weft.name = "ids", weft.role = "tokens"})
        -> (tensor<Bx3x7xf64> {weft.name = "logits"}) {
      %e = weft.read @embed : tensor<7x4xf64>
      %g = weft.read @gamma : tensor<4xf64>
      %f = weft.read @frozen : tensor<4xf64>
      %x = weft.gather %e[%ids] axis 0 : tensor<7x4xf64>, tensor<Bx3xi64> -> tensor<Bx3x4xf64>
      %b = weft.broadcast %f dims [2] : tensor<4xf64> -> tensor<Bx3x4xf64>
      %y = arith.addf %x, %b : tensor<Bx3x4xf64>
      %n = weft.rms_norm %y gamma %g eps 0.1 : (tensor<Bx3x4xf64>, tensor<4xf64>) -> tensor<Bx3x4xf64>
      %w = weft.read @embed : tensor<7x4xf64>
      %l = weft.dot_general %n, %w batch [] x [] contract [2] x [1] : tensor<Bx3x4xf64>, tensor<7x4xf64> -> tensor<Bx3x7xf64>
      return %l : tensor<Bx3x7xf64>
    })";
  for (size_t at = text.find("<Bx"); at != std::string::npos; at = text.find("<Bx"))
    text.replace(at, 2, "<" + std::to_string(batch));
  return text;
}

inline const int64_t kTokens[] = {0, 1, 2, 3, 4, 5, 6, 0, 2, 1, 3, 5};
inline const int64_t kLabels[] = {1, 2, 3, -100, 5, 6, 0, 2, -100, -100, 5, 4};

inline void expectClose(const Literal &a, const Literal &b, double tolerance, const std::string &what) {
  ASSERT_EQ(a.getNumElements(), b.getNumElements()) << what;
  for (int64_t i = 0; i < a.getNumElements(); ++i)
    EXPECT_NEAR(a.getNumber(i), b.getNumber(i), tolerance * (1 + std::abs(b.getNumber(i)))) << what << "[" << i << "]";
}

} // namespace weft::test

#endif // WEFT_TEST_UNIT_TRAIN_MACHINE_H

//===- Harness.h - Programs that are evaluated, compiled, run and compared -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_CODEGEN_HARNESS_H
#define WEFT_TEST_UNIT_CODEGEN_HARNESS_H

#include "dialects/weft/Build.h"
#include "dialects/weft/EvaluateFunction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace weft::test {

/// One task that holds many independent cases. Every case reads inputs and states of its own and writes what it
/// computes to states; `check` evaluates the task by the interpreter, compiles it for this machine, runs the object
/// code in this process and compares every state.
class Program {
public:
  explicit Program(uint64_t seed = 1);

  using V = mlir::Value;
  using Shape = llvm::ArrayRef<int64_t>;

  /// Inputs and outputs from here on belong to a case of this name.
  void begin(const std::string &name) { current = name; }

  mlir::Type f32() { return e.b.getF32Type(); }
  mlir::Type f64() { return e.b.getF64Type(); }
  mlir::Type i64() { return e.b.getI64Type(); }
  mlir::Type i1() { return e.b.getI1Type(); }
  mlir::RankedTensorType type(Shape shape, mlir::Type element) { return mlir::RankedTensorType::get(shape, element); }

  /// Random elements: normally distributed floats, integers in [low, high).
  Literal random(mlir::RankedTensorType type, int64_t low = 0, int64_t high = 4);
  /// A new argument of the task.
  V input(const Literal &value);
  V input(Shape shape, mlir::Type element) { return input(random(type(shape, element))); }
  V input(Shape shape) { return input(shape, f32()); }
  /// Random indices in [0, limit).
  V indices(Shape shape, int64_t limit) { return input(random(type(shape, i64()), 0, limit)); }
  V constant(const Literal &value) { return mlir::arith::ConstantOp::create(e.b, e.loc, value.toAttr()); }
  /// A state with this value before the task; e.read and e.write take its symbol.
  std::string state(const Literal &value);
  V read(const std::string &symbol);
  /// Writes a result to a state; floats may differ by `tolerance` (0: the usual one of their type).
  void write(const std::string &symbol, V value, double tolerance = 0);
  /// A result, in a state of its own.
  void expect(V value, double tolerance = 0);

  /// On this machine too, let alike small kernels become one, as targets do that gain by it.
  void groupKernels() { grouped = true; }

  /// Compiles, runs with `threads` threads, and compares (HostCheck.cpp); another program that links these tests may
  /// do something else with them (test/kernels/Cases.cpp).
  void check(int threads = 2);

private:
  /// What the task writes, by the interpreter. Fails the test if it cannot be evaluated.
  std::map<std::string, Literal> evaluate();
  void addState(const std::string &symbol, const Literal &value);

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::OpBuilder builder;
  mlir::func::FuncOp task;
  std::mt19937_64 generator;
  std::string current = "program";
  bool grouped = false;
  struct State {
    Literal before;
    std::string name; ///< of the case
    double tolerance = 0;
  };
  std::map<std::string, State> states;
  std::vector<Literal> arguments;

public:
  /// Builds at the end of the task.
  Build e;
};

/// A literal's elements as they lie in memory.
void storeLiteral(const Literal &literal, char *to);
Literal loadLiteral(mlir::RankedTensorType type, const char *from);
/// The relative error that floats of a type may have, unless a case says otherwise.
double usualTolerance(mlir::Type element);

} // namespace weft::test

#endif // WEFT_TEST_UNIT_CODEGEN_HARNESS_H

//===- Support.h - Gradients against finite differences -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_TRAIN_SUPPORT_H
#define WEFT_TEST_UNIT_TRAIN_SUPPORT_H

#include "dialects/weft/EvaluateFunction.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <random>
#include <string>

namespace weft::test {

/// A context with everything that a program uses.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// Parses and verifies; a failure fails the test with `text`.
mlir::OwningOpRef<mlir::ModuleOp> parse(mlir::MLIRContext &context, const std::string &text);

/// Values for an argument: floats in the interval of its attributes `test.low`
/// and `test.high` (default -1 to 1), integers in [0, weft.limit), i1 at random.
Literal randomArgument(mlir::func::FuncOp function, unsigned index, std::mt19937_64 &random);

struct GradientCheck {
  double step = 1e-5;      ///< of the central difference
  double tolerance = 1e-6; ///< absolute, and relative to the largest derivative of the argument
};

/// Differentiates `function` (of one block, returning floats) in all of its
/// float arguments that lack the attribute `test.constant`, with random
/// gradients of its results, and compares every entry with a central difference.
void checkGradients(mlir::func::FuncOp function, std::mt19937_64 &random, GradientCheck check = {});

/// Checks, for every differentiable op of `function` on its own, that the values its product reads are exactly what
/// getSavedValues says, if all operands with gradients need one.
void checkSavedValues(mlir::func::FuncOp function);

} // namespace weft::test

#endif // WEFT_TEST_UNIT_TRAIN_SUPPORT_H

//===- StepFacts.h - Finds what theory needs to know of a step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_STEPFACTS_H
#define WEFT_COMPILER_PLAN_STEPFACTS_H

#include "compiler/plan/Theory.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace weft {

/// The task whose forward pass a plan names: the one that trains first.
mlir::func::FuncOp firstTask(mlir::ModuleOp module);

/// What theory needs to know of the step, of a module on the train rung.
StepFacts factsOf(mlir::ModuleOp train);

} // namespace weft

#endif // WEFT_COMPILER_PLAN_STEPFACTS_H

//===- InputLimits.h - What the values of inputs must be below -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_TRAIN_INPUTLIMITS_H
#define WEFT_PASSES_TRAIN_INPUTLIMITS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weft {

/// Sets the argument attribute `weft.limit` (i64) on every argument of `function`
/// that is an index into an axis of that size, or a label of that many classes;
/// with several uses the least. The runtime checks data against it.
void setInputLimits(mlir::func::FuncOp function);

} // namespace weft

#endif // WEFT_PASSES_TRAIN_INPUTLIMITS_H

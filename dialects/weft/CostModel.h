//===- CostModel.h - What counts how much -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Private to the dialect's implementation.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_COSTMODEL_H
#define WEFT_DIALECTS_WEFT_COSTMODEL_H

#include "dialects/weft/Weft.h"

namespace weft {

/// Operations of one exponential, logarithm, error function, sine or the like: reducing the argument, a polynomial of
/// degree five or six, putting the exponent back. Vectorised implementations are within a factor of two of it.
constexpr double functionFlops = 10;

/// Elements of a tensor; a number, since products of sizes leave 64 bits when costs are multiplied.
inline double elements(mlir::RankedTensorType type) { return static_cast<double>(type.getNumElements()); }
inline double bytes(mlir::RankedTensorType type) { return static_cast<double>(tensorBytes(type)); }

/// `flops` operations; every operand is read once and every result written once.
OpCost costOf(double flops, llvm::ArrayRef<mlir::RankedTensorType> operands,
              llvm::ArrayRef<mlir::RankedTensorType> results);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_COSTMODEL_H

//===- Precision.h - The types an op computes in -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_PRECISION_PRECISION_H
#define WEFT_PASSES_PRECISION_PRECISION_H

#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/OpDefinition.h"

namespace weft {

/// The type of a float operand or result in a narrow program.
enum class Precision {
  Narrow, ///< the narrow type
  Full,   ///< f32
  Any     ///< as it comes: the op takes both
};

/// Gives ops of other dialects and of `weft` their PrecisionOpInterface.
void registerPrecisionModels(mlir::DialectRegistry &registry);

} // namespace weft

#include "passes/precision/PrecisionInterface.h.inc"

#endif // WEFT_PASSES_PRECISION_PRECISION_H

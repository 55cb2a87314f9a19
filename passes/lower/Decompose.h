//===- Decompose.h - Composite ops in terms of others -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_LOWER_DECOMPOSE_H
#define WEFT_PASSES_LOWER_DECOMPOSE_H

#include "mlir/IR/Operation.h"

namespace weft {

/// Replaces a composite op by elementwise ops and reductions, as weft-decompose does; false if it is none and stays.
bool decomposeOp(mlir::Operation *op);

} // namespace weft

#endif // WEFT_PASSES_LOWER_DECOMPOSE_H

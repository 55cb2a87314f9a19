//===- Functions.h - Operators that a model defines itself -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_FUNCTIONS_H
#define WEFT_COMPILER_IMPORT_ONNX_FUNCTIONS_H

#include "compiler/import/onnx/GraphOrder.h"

namespace weft {

/// Replaces each call of one of the model's functions by the function's nodes, and those that call functions themselves
/// by theirs. A function for a standard operator that `isKnown` holds for is not used. Nodes are called CALL/NODE, and
/// keep the opset of the function they are of. Calls that do not fit, and functions that call themselves, are errors.
mlir::LogicalResult inlineFunctions(mlir::MLIRContext *context, onnx::Model &model,
                                    llvm::function_ref<bool(llvm::StringRef)> isKnown);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_FUNCTIONS_H

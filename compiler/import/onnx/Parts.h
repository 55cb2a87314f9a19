//===- Parts.h - Tensors put together and cut apart -------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_PARTS_H
#define WEFT_COMPILER_IMPORT_ONNX_PARTS_H

#include "compiler/import/onnx/NodeImport.h"

namespace weft {

/// At least one tensor, one after the other along `axis` of their dimensions; an error where they differ in another one
/// or in their type.
mlir::FailureOr<mlir::Value> concatenate(NodeImport &n, llvm::ArrayRef<mlir::Value> parts, int64_t axis);

/// Operand 0 in parts of these sizes along `axis`; an error if they are not all of it.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> cutIntoParts(NodeImport &n, int64_t axis,
                                                             llvm::ArrayRef<int64_t> sizes);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_PARTS_H

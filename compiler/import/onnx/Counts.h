//===- Counts.h - Operands that count something -----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_COUNTS_H
#define WEFT_COMPILER_IMPORT_ONNX_COUNTS_H

#include "compiler/import/onnx/NodeImport.h"

namespace weft {

/// Operand `i`, one number of any type that is known when compiling, as an axis or an offset; an error if it is beyond
/// all of them.
mlir::FailureOr<int64_t> constantCount(NodeImport &n, size_t i, llvm::StringRef what);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_COUNTS_H

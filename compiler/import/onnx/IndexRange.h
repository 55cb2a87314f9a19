//===- IndexRange.h - Indices of ONNX operators, brought into range -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_INDEXRANGE_H
#define WEFT_COMPILER_IMPORT_ONNX_INDEXRANGE_H

#include "compiler/import/onnx/NodeImport.h"

namespace weft {

/// Bounds of every element of an integer tensor, both included.
struct IndexRange {
  int64_t low, high;
};

/// What the arithmetic that made `v` says of its elements, whatever the data are; nullopt if that is nothing.
std::optional<IndexRange> rangeOf(mlir::Value v);

/// How indices that come from a program's input are treated: the runtime checks them before a step, but only those that
/// are used as they are.
enum class DataIndices { Checked, Computed };

/// Indices into a dimension of `size` elements brought from [-size, size) to [0, size). Indices that are known to be
/// out of range are an error that says what has only `size` elements; computed ones that may be are held in range, with
/// a remark.
mlir::FailureOr<mlir::Value> normalIndices(NodeImport &n, mlir::Value indices, int64_t size, const llvm::Twine &what,
                                           DataIndices data = DataIndices::Computed);

/// An error unless operand i has integers of 32 or 64 bits.
mlir::LogicalResult needIndices(NodeImport &n, size_t i = 1);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_INDEXRANGE_H

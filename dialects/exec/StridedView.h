//===- StridedView.h - Values that are strided views of others -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_STRIDEDVIEW_H
#define WEFT_DIALECTS_EXEC_STRIDEDVIEW_H

#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
#include <optional>

namespace weft::exec {

/// A value seen as a strided window of a row-major base.
struct StridedView {
  mlir::Value base;
  int64_t offset = 0; ///< elements from the start of the base
  llvm::SmallVector<int64_t> shape, strides;

  /// The base itself.
  static StridedView ofBase(mlir::Value base);

  /// Follows weft's reshape, transpose, slice and broadcast upwards from
  /// `value`; stops at the first value that is none of them, or at one that
  /// strides cannot express.
  static StridedView resolve(mlir::Value value);

  /// The same elements under another shape; none if strides cannot express it.
  std::optional<StridedView> reshaped(llvm::ArrayRef<int64_t> shape) const;

  /// The stride of dimensions `dims` taken together as one, first dimension
  /// slowest; none if they do not form one regular sequence. Dimensions of size
  /// 1 do not count; no dimensions give 1.
  std::optional<int64_t> collapsedStride(llvm::ArrayRef<int64_t> dims) const;
};

/// Whether `op` only renames elements: reshape, transpose, slice or broadcast.
bool isView(mlir::Operation *op);

/// The value whose elements `value` has: what a chain of views starts from.
mlir::Value storedValue(mlir::Value value);

/// One operand of a product as a matrix (or a batch of them) that a library
/// reads in place: strides of the batch dimensions, then of `rows` and `columns`.
struct MatrixView {
  StridedView view;
  llvm::SmallVector<int64_t> batchSizes, batchStrides;
  int64_t rows, columns, rowStride, columnStride;

  /// None if strides cannot express it, or no stride of the matrix is 1.
  static std::optional<MatrixView> get(mlir::Value operand, llvm::ArrayRef<int64_t> batch, llvm::ArrayRef<int64_t> rows,
                                       llvm::ArrayRef<int64_t> columns);

  /// The operands of a product, with its batch dimensions: lhs as [free, contracted], rhs as [contracted, free].
  static std::optional<MatrixView> ofLhs(ProductOp product);
  static std::optional<MatrixView> ofRhs(ProductOp product);
};

} // namespace weft::exec

#endif // WEFT_DIALECTS_EXEC_STRIDEDVIEW_H

//===- Kernel.h - What kernels of all targets have in common ----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_KERNEL_H
#define WEFT_COMPILER_CODEGEN_KERNEL_H

#include "dialects/exec/Exec.h"
#include "dialects/weft/Sort.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <map>

namespace weft {

/// What a kernel function (docs/schedule.md) says of itself.
struct KernelInfo {
  exec::KernelKind kind;
  int64_t rows, cols;
  llvm::SmallVector<int64_t> outputs; ///< the argument that each result goes to

  explicit KernelInfo(mlir::func::FuncOp kernel);
};

/// The value that `kind` starts from.
mlir::Value reductionIdentity(mlir::OpBuilder &builder, mlir::Location loc, ReduceKind kind, mlir::Type type);
/// One step of a reduction. With `reassociate` the order of floating-point steps may be changed.
mlir::Value combineElements(mlir::OpBuilder &builder, mlir::Location loc, ReduceKind kind, mlir::Value total,
                            mlir::Value element, bool reassociate);

/// The type in which a reduction is carried: f32 for narrower floats.
mlir::Type carriedType(mlir::Type element);
mlir::Value widenElement(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);
mlir::Value narrowElement(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value, mlir::Type type);

/// The reductions of a row kernel by the pass over the columns in which they are computed, from 1: after those they
/// depend on.
std::map<int64_t, llvm::SmallVector<ReduceOp>> reductionPasses(mlir::func::FuncOp kernel);

/// With one column, full and row values have the same size: those after a reduction are row values.
bool isRowValue(mlir::Value value, int64_t cols);

/// What a scatter kernel computes: slices of `updates` combined with those of `input`, or of zeros.
struct ScatterSource {
  mlir::Value input, indices, updates;
  int64_t axis;
  std::optional<ReduceKind> combine; ///< absent: the last update of a slice wins

  explicit ScatterSource(mlir::Operation *op);

  /// Whether slices are combined in a wider type than the result's, which is rounded once, at the end.
  bool isCarried() const;
};

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_KERNEL_H

//===- LibraryCalls.h - What a library computes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_LIBRARYCALLS_H
#define WEFT_DIALECTS_EXEC_LIBRARYCALLS_H

#include "dialects/exec/StridedView.h"
#include "llvm/Support/JSON.h"

namespace weft::exec {

/// Where the tensors of an op lie, asked by the op while it becomes a call.
class CallBuffers {
public:
  virtual ~CallBuffers();
  /// A view of the buffer of `base`, which is no view itself; offset and strides in elements.
  virtual mlir::Value at(mlir::Value base, int64_t offset, llvm::ArrayRef<int64_t> shape,
                         llvm::ArrayRef<int64_t> strides) = 0;
  /// The op's workspace, as bytes; null if it has none.
  virtual mlir::Value workspace() = 0;

  /// The buffer of `tensor` through the strides that lead there.
  mlir::Value strided(mlir::Value tensor);
  mlir::Value matrix(const MatrixView &view);
  /// The buffer of a tensor that lies dense and row-major.
  mlir::Value dense(mlir::Value tensor);
};

/// A batch of matrix products as a library sees it; strides in elements, batch
/// dimensions first, then rows and columns of the operand.
struct ProductShape {
  mlir::Type elementType;
  llvm::SmallVector<int64_t> batch;
  int64_t m, n, k;
  llvm::SmallVector<int64_t> aStrides, bStrides, cStrides;
  bool bias;

  /// Of a product whose operands it can read; weft-form-kernels sees to that.
  static ProductShape of(ProductOp product);
};

/// The manifest's entry of a product on buffers; `bias` and `scratch` may be null.
llvm::json::Object describeProduct(mlir::Value a, mlir::Value b, mlir::Value bias, mlir::Value c, mlir::Value scratch);

/// The manifest's name of an element type: f32, i64, i1.
std::string dtypeName(mlir::Type elementType);

/// Gives ops on tensors that libraries compute their LibraryOpInterface. The exec dialect does it when it is loaded.
void attachLibraryOps(mlir::MLIRContext *context);
/// Gives calls on buffers that were declared without it their LibraryCallInterface.
void attachLibraryCalls(mlir::MLIRContext *context);

} // namespace weft::exec

#include "dialects/exec/LibraryInterfaces.h.inc"

#include "dialects/exec/ConvolutionEnums.h.inc"
#define GET_OP_CLASSES
#include "dialects/exec/ConvolutionOps.h.inc"

#endif // WEFT_DIALECTS_EXEC_LIBRARYCALLS_H

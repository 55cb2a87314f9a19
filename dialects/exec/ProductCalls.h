//===- ProductCalls.h - Products with an activation -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_PRODUCTCALLS_H
#define WEFT_DIALECTS_EXEC_PRODUCTCALLS_H

#include "dialects/exec/LibraryCalls.h"

#define GET_OP_CLASSES
#include "dialects/exec/ProductOps.h.inc"

namespace weft::exec {

/// Whether strides express both operands of a product without batch dimensions as matrices.
bool haveMatrixViews(mlir::Value lhs, mlir::Value rhs, llvm::ArrayRef<int64_t> lhsContract,
                     llvm::ArrayRef<int64_t> rhsContract);

/// Gives products with an activation their LibraryOpInterface.
void attachProductOps(mlir::MLIRContext *context);

} // namespace weft::exec

#endif // WEFT_DIALECTS_EXEC_PRODUCTCALLS_H

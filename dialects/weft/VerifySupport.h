//===- VerifySupport.h - Checks that verifiers share -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every check emits one error that names the value and the offending dimension.
// Private to the dialect's implementation.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_VERIFYSUPPORT_H
#define WEFT_DIALECTS_WEFT_VERIFYSUPPORT_H

#include "dialects/weft/Weft.h"

namespace weft {

inline mlir::RankedTensorType typeOf(mlir::Value value) { return mlir::cast<mlir::RankedTensorType>(value.getType()); }

/// "[1, 2]".
std::string list(llvm::ArrayRef<int64_t> values);

/// Whether `perm` contains each of 0 to rank-1 once.
bool isPermutation(llvm::ArrayRef<int64_t> perm, int64_t rank);

/// `dim` is a dimension of the value called `name`.
mlir::LogicalResult verifyDim(mlir::Operation *op, llvm::StringRef name, int64_t dim, mlir::RankedTensorType type);
mlir::LogicalResult verifyRank(mlir::Operation *op, llvm::StringRef name, mlir::RankedTensorType type, int64_t rank);
/// The attribute `name` has one entry per dimension.
mlir::LogicalResult verifyCount(mlir::Operation *op, llvm::StringRef name, llvm::ArrayRef<int64_t> values,
                                int64_t rank);
/// `type` and `like` have the same element type.
mlir::LogicalResult verifyElementType(mlir::Operation *op, llvm::StringRef name, mlir::RankedTensorType type,
                                      mlir::RankedTensorType like);
/// Rank, every size and the element type are as expected.
mlir::LogicalResult verifyType(mlir::Operation *op, llvm::StringRef name, mlir::RankedTensorType type,
                               mlir::RankedTensorType expected);
/// Rank and every size are as expected.
mlir::LogicalResult verifyShape(mlir::Operation *op, llvm::StringRef name, mlir::RankedTensorType type,
                                llvm::ArrayRef<int64_t> expected);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_VERIFYSUPPORT_H

//===- DotDims.h - Dimension numbers of a dot_general -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_DOTDIMS_H
#define WEFT_DIALECTS_WEFT_DOTDIMS_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace weft {

/// The dimensions of a product's operand that are neither `batch` nor `contract`, in order.
llvm::SmallVector<int64_t> freeDims(mlir::Value operand, llvm::ArrayRef<int64_t> batch,
                                    llvm::ArrayRef<int64_t> contract);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_DOTDIMS_H

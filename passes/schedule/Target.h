//===- Target.h - What a schedule asks of a target -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_TARGET_H
#define WEFT_PASSES_SCHEDULE_TARGET_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"

namespace weft {

/// A batch of matrix products as a library sees it; strides in elements, batch
/// dimensions first, then rows and columns of the operand.
struct ProductShape {
  mlir::Type elementType;
  llvm::SmallVector<int64_t> batch;
  int64_t m, n, k;
  llvm::SmallVector<int64_t> aStrides, bStrides, cStrides;
  bool bias;
};

/// What differs between targets before code is generated.
class Target {
public:
  virtual ~Target();
  /// Whether its libraries compute products, or attention, of an element type.
  virtual bool takesProduct(mlir::Type elementType) const = 0;
  virtual bool takesAttention(mlir::Type elementType) const = 0;
  /// Bytes of workspace that a product's library call may use.
  virtual int64_t productWorkspace(const ProductShape &product) const = 0;
};

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_TARGET_H

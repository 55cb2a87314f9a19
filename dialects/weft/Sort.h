//===- Sort.h - Ordering and placing elements -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_SORT_H
#define WEFT_DIALECTS_WEFT_SORT_H

#include "dialects/weft/Build.h"

#define GET_OP_CLASSES
#include "dialects/weft/SortOps.h.inc"

namespace weft {

/// Elements of `x` (rank 1 or more) at `indices` along `axis`: result[.., i, ..] = x[.., indices[.., i, ..], ..]. Both
/// have the same sizes but along the axis.
mlir::Value gatherAlong(Build &e, mlir::Value x, mlir::Value indices, int64_t axis);

/// The places of `indices` along `axis` in a tensor of shape `shape` that was flattened: what gatherAlong reads from,
/// as integers of the indices' type.
mlir::Value placesAlong(Build &e, mlir::Value indices, llvm::ArrayRef<int64_t> shape, int64_t axis);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_SORT_H

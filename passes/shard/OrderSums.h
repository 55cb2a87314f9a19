//===- OrderSums.h - Additions in the order in which they cost least -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_ORDERSUMS_H
#define WEFT_PASSES_SHARD_ORDERSUMS_H

#include "dialects/dist/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weft {

/// In a propagated function, puts those parts of a sum first of which ranks have partial sums over the same axes: one
/// reduction is enough for all of them, which a part that every rank has whole must not come between. Sums of which
/// no two parts are such, or whose parts are in order, stay as they are.
void orderSums(mlir::func::FuncOp function, const dist::Mesh &mesh);

} // namespace weft

#endif // WEFT_PASSES_SHARD_ORDERSUMS_H

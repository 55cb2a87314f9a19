//===- RepeatedVector.h - Biases -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_LOWER_REPEATEDVECTOR_H
#define WEFT_PASSES_LOWER_REPEATEDVECTOR_H

#include "dialects/weft/Build.h"

namespace weft {

/// The vector that `value` repeats along its last dimension, if it does.
inline mlir::Value repeatedVector(mlir::Value value) {
  auto broadcast = value.getDefiningOp<BroadcastOp>();
  if (!broadcast)
    return {};
  mlir::RankedTensorType from = tensorType(broadcast.getInput()), to = tensorType(value);
  if (from.getRank() != 1 || broadcast.getDims().front() != to.getRank() - 1)
    return {};
  return broadcast.getInput();
}

} // namespace weft

#endif // WEFT_PASSES_LOWER_REPEATEDVECTOR_H

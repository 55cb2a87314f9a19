//===- Differentiate.h - Reverse-mode differentiation -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_TRAIN_DIFFERENTIATE_H
#define WEFT_PASSES_TRAIN_DIFFERENTIATE_H

#include "dialects/weft/Weft.h"
#include "mlir/IR/Builders.h"

namespace weft {

/// The location of an op that `region` ("loss", "backward", "update") of a
/// training step has because of something at `loc`: a fused location with the
/// region's name as metadata, so that people still see their layer's name.
mlir::Location regionLocation(mlir::Location loc, llvm::StringRef region);

/// The operations that carry a gradient between two sets of values of one block.
struct GradientPaths {
  /// `from` and `to` are values of the same block.
  GradientPaths(mlir::ValueRange from, mlir::ValueRange to);

  /// Whether `v` depends on `from` by floating-point values.
  bool isActive(mlir::Value v) const { return active.contains(v); }
  /// Operations on a path from a value of `from` to a value of `to`, in block order.
  llvm::SmallVector<mlir::Operation *> ops;

private:
  llvm::DenseSet<mlir::Value> active;
};

/// Appends the backward pass of `losses` to the builder's insertion point, which
/// is behind all of them in the same block.
///
/// `seeds` holds the gradient of each loss, of its type. `grads` receives one
/// entry per value of `wrt`: its gradient, of its type, or null if no path
/// leads from it to a loss. Only ops on such paths are visited; a value with
/// several uses gets the sum of their gradients, last use first (slices that
/// cover a value, as one concatenation: their pads may remain as dead ops). A
/// path through an op without DifferentiableOpInterface is an error at that op.
/// The new ops have their forward op's location, in the region "backward".
llvm::LogicalResult differentiate(mlir::OpBuilder &builder, mlir::ValueRange losses, mlir::ValueRange seeds,
                                  mlir::ValueRange wrt, llvm::SmallVectorImpl<mlir::Value> &grads);

} // namespace weft

#endif // WEFT_PASSES_TRAIN_DIFFERENTIATE_H

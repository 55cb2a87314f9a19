//===- Region.h - Forward, backward, update -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_REGION_H
#define WEFT_PASSES_SHARD_REGION_H

#include "dialects/dist/Dist.h"
#include "mlir/IR/Location.h"

namespace weft {

/// The part of a training step that an op belongs to: what the training step tagged its location with, or `forward`.
inline llvm::StringRef regionOf(mlir::Location loc) {
  if (auto fused = mlir::dyn_cast<mlir::FusedLoc>(loc))
    if (auto tag = mlir::dyn_cast_or_null<mlir::StringAttr>(fused.getMetadata()); tag && tag.getValue() != "loss")
      return tag.getValue();
  return "forward";
}

/// Whether a collective brings together, in the forward pass, what the update of the step before has left in parts:
/// once for the whole step (docs/partitioning.md, "Updated parameters stay in parts").
inline bool isOfLastUpdate(mlir::Operation *op) {
  auto region = op->getAttrOfType<mlir::StringAttr>(dist::regionAttr);
  return mlir::isa<dist::AllGatherOp>(op) && region && region.getValue() == "update" &&
         regionOf(op->getLoc()) == "forward";
}

} // namespace weft

#endif // WEFT_PASSES_SHARD_REGION_H

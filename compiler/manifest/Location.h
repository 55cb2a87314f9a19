//===- Location.h - Locations in the terms of the model ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MANIFEST_LOCATION_H
#define WEFT_COMPILER_MANIFEST_LOCATION_H

#include "mlir/IR/Location.h"
#include <string>

namespace weft {

/// The names of a location, outermost first: the node's or module's name, or
/// file, line and column; of many (a fused kernel's) the first few. Empty if unknown.
std::string describeLocation(mlir::Location loc);

/// The layer of a location: its outermost scope down to the first number in it, `model.layers.3` of
/// `model.layers.3.mlp.up_proj`; without a number the scope of the node.
std::string describeLayer(mlir::Location loc);
/// The same of a location as describeLocation writes it, or of a parameter's name.
std::string layerOfName(llvm::StringRef name);

/// The part of a training step that the tag of a fused location says: `loss`, `backward` or `update`; else `forward`.
llvm::StringRef describeRegion(mlir::Location loc);

} // namespace weft

#endif // WEFT_COMPILER_MANIFEST_LOCATION_H

//===- Layers.h - What a plan calls the ops of a step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_LAYERS_H
#define WEFT_PASSES_SHARD_LAYERS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// The names that a plan has for the forward ops of a task: layer, kind of op, ordinal among those. They are the same
/// in all tasks of a step, and in every compilation of the model.
class LayerNames {
public:
  struct Name {
    std::string layer, op;
    int64_t ordinal = 0;
  };

  explicit LayerNames(mlir::func::FuncOp function);

  /// The name of a forward op.
  const Name &of(mlir::Operation *op) const { return names.find(op)->second; }
  /// The op of that name, or null.
  mlir::Operation *find(llvm::StringRef layer, llvm::StringRef op, int64_t ordinal) const;

private:
  llvm::DenseMap<mlir::Operation *, Name> names;
  llvm::StringMap<mlir::Operation *> ops;
};

/// The layer that a location says: its outermost name.
std::string layerOf(mlir::Location loc);

} // namespace weft

#endif // WEFT_PASSES_SHARD_LAYERS_H

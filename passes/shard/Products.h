//===- Products.h - Products of activations with weights -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_PRODUCTS_H
#define WEFT_PASSES_SHARD_PRODUCTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace weft {

/// An op of which one tensor is a weight, or a weight's gradient.
struct WeightUse {
  mlir::Operation *op = nullptr; ///< null: there is none
  int64_t tensor = 0;            ///< operands first, then results
};

/// A product of activations with a weight, or a lookup in one, with the two that the backward pass has for it.
struct WeightProduct {
  std::string parameter, layer;
  WeightUse forward, dataGradient, weightGradient;
  mlir::Value input;     ///< the activations, as the op before made them; null: a lookup
  mlir::Value cotangent; ///< of what it makes; null: the backward pass has none of the two
};

/// Those of a task, in the order of the forward pass. Names are the model's: they are the same in every task, before
/// and after constraints are put in.
std::vector<WeightProduct> findWeightProducts(mlir::func::FuncOp task);

/// A parameter whose gradient is a sum of another tensor, as a bias' is.
struct BiasGradient {
  std::string parameter;
  WeightUse sum;
};
std::vector<BiasGradient> findBiasGradients(mlir::func::FuncOp task);

/// The parameter of which a use takes the gradient: to update it, or to add it to its accumulator. Empty if it is none.
llvm::StringRef parameterOfGradient(mlir::ModuleOp train, mlir::OpOperand &use);

/// What a value is, seen through changes of its shape and constraints.
mlir::Value sourceOf(mlir::Value value);

/// The dimensions of the parameter that a product sums over, or that a lookup chooses in; empty if the product reads
/// the parameter in another shape.
llvm::SmallVector<int64_t> summedDims(const WeightProduct &product);

} // namespace weft

#endif // WEFT_PASSES_SHARD_PRODUCTS_H

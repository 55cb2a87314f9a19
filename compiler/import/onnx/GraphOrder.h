//===- GraphOrder.h - Checks and orders the nodes of a graph -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_GRAPHORDER_H
#define WEFT_COMPILER_IMPORT_ONNX_GRAPHORDER_H

#include "compiler/import/onnx/Parameters.h"

namespace weft {

/// The structure of a graph whose every name is defined once.
struct GraphOrder {
  /// The nodes that results depend on, operands before users, in the file's order where that is such an order.
  std::vector<const onnx::Node *> nodes;
  /// The places of every node: "scope/Op:name".
  llvm::DenseMap<const onnx::Node *, mlir::Location> locations;
  /// The module every node belongs to, or is taken to belong to.
  llvm::DenseMap<const onnx::Node *, std::string> scopes;
  /// The operands that each value is for the nodes above; results of the graph have an entry, too.
  llvm::StringMap<llvm::SmallVector<Use, 2>> uses;
};

/// Makes Constant nodes and the values of ConstantOfShape initializers, so that all constants are in one place.
mlir::LogicalResult hoistConstants(mlir::MLIRContext *context, onnx::Model &model);

/// Lets the users of a copy of an initializer, which exporters make of equal ones, read the initializer itself, so that
/// all its uses are known.
void resolveCopies(onnx::Model &model);

/// Finds duplicate and missing names, cycles and results that nothing makes: an error each.
mlir::FailureOr<GraphOrder> orderGraph(mlir::MLIRContext *context, llvm::StringRef path, const onnx::Model &model);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_GRAPHORDER_H

//===- Branches.h - Conditional nodes as guarded ones -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_BRANCHES_H
#define WEFT_COMPILER_IMPORT_ONNX_BRANCHES_H

#include "compiler/import/onnx/OnnxGraph.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"

namespace weft {

/// Puts the nodes of both branches of every If before it, in the graph and in the model's functions, guarded by its
/// condition and with names of their own. What is left of the If has the condition, the results of the one branch and
/// those of the other as operands. Whether the condition is known is found out when the nodes are imported.
mlir::LogicalResult flattenBranches(mlir::MLIRContext *context, onnx::Model &model);

/// Whether a node is what flattenBranches leaves of an If.
bool isBranch(const onnx::Node &node);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_BRANCHES_H

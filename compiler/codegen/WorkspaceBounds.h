//===- WorkspaceBounds.h - Workspaces that targets share --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_WORKSPACEBOUNDS_H
#define WEFT_COMPILER_CODEGEN_WORKSPACEBOUNDS_H

#include "mlir/IR/Operation.h"

namespace weft {

/// Whether `op` exchanges data between ranks.
bool isCollective(mlir::Operation *op);
/// Bytes in which a collective packs what it exchanges (docs/communication.md).
int64_t collectiveWorkspaceBytes(mlir::Operation *op);
/// The same on a device, whose library needs no memory for what is dense.
int64_t deviceCollectiveWorkspaceBytes(mlir::Operation *op);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_WORKSPACEBOUNDS_H

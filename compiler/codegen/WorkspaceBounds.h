//===- WorkspaceBounds.h - Workspaces that targets share --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_WORKSPACEBOUNDS_H
#define WEFT_COMPILER_CODEGEN_WORKSPACEBOUNDS_H

#include "passes/schedule/StepRates.h"

#include "mlir/IR/Operation.h"

namespace weft {
namespace exec {
class CollectiveOp;
} // namespace exec

/// Whether `op` exchanges data between ranks.
bool isCollective(mlir::Operation *op);
/// Bytes in which a collective packs what it exchanges (docs/communication.md).
int64_t collectiveWorkspaceBytes(mlir::Operation *op);
/// The same on a device, whose library needs no memory for what is dense; `copies`: copy engines may carry it too.
int64_t deviceCollectiveWorkspaceBytes(mlir::Operation *op, bool copies = false);
/// How a collective of a device could be carried.
struct CopyChoice {
  bool possible = false;  ///< by copy engines, between ranks of one host
  int64_t blockBytes = 0; ///< that each rank sends to each other one
  double copySeconds = 0; ///< by copy engines
  double ncclSeconds = 0; ///< by NCCL
};
/// `ranksPerNode`: consecutive ranks on one host; 0: not known, and eight are assumed.
CopyChoice copyChoiceOf(mlir::Operation *op, int64_t ranksPerNode, const StepRates &rates);

/// What a scheduled collective is in a graph, if copy engines carry it.
struct CopyGraph {
  int64_t nodes = 0;  ///< copies and reductions
  bool forks = false; ///< whether it has a second stream
};
CopyGraph copyGraphOf(exec::CollectiveOp call);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_WORKSPACEBOUNDS_H

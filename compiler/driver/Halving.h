//===- Halving.h - Whether samples are computed in halves -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_HALVING_H
#define WEFT_COMPILER_DRIVER_HALVING_H

#include "compiler/driver/MeshOptions.h"
#include "compiler/driver/Session.h"
#include "mlir/IR/OwningOpRef.h"
#include "passes/schedule/Target.h"

namespace weft {

/// Partitions a step from the train rung to the local rung: as `mesh` says, or, where it leaves that open, in halves of
/// each rank's samples if these are predicted to take less time (docs/schedule.md); then `mesh` and its plan say so.
/// `overlap`: collectives have streams of their own.
ExitCode partition(Session &session, mlir::OwningOpRef<mlir::ModuleOp> &module, MeshChoice &mesh, const Target &target,
                   bool overlap);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_HALVING_H

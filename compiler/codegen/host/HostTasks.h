//===- HostTasks.h - Tasks that call kernels on the host --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_HOST_HOSTTASKS_H
#define WEFT_COMPILER_CODEGEN_HOST_HOSTTASKS_H

#include "compiler/codegen/host/KernelEmitter.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// Lowers tasks (TaskLowering.h) whose kernels, by now LLVM functions
/// `name(buffers..., lo, hi)`, each get the entry point that the runtime calls.
/// `extents` says how each kernel is run. Constants become data.
void lowerHostTasks(mlir::ModuleOp module, llvm::StringRef manifest, const llvm::StringMap<ParallelExtent> &extents);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_HOST_HOSTTASKS_H

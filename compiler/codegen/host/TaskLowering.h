//===- TaskLowering.h - Tasks as functions that call the runtime -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_HOST_TASKLOWERING_H
#define WEFT_COMPILER_CODEGEN_HOST_TASKLOWERING_H

#include "compiler/codegen/host/KernelEmitter.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// Replaces exec.task, exec.constant and exec.input ops, and weft's symbols, by
/// LLVM functions and globals: the symbols of docs/executable.md. Kernels, by
/// now LLVM functions `name(buffers..., lo, hi)`, each get the entry point that
/// the runtime calls. `extents` says how each kernel is run.
void lowerTasks(mlir::ModuleOp module, llvm::StringRef manifest, const llvm::StringMap<ParallelExtent> &extents);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_HOST_TASKLOWERING_H

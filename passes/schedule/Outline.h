//===- Outline.h - Kernels as functions, each once -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_OUTLINE_H
#define WEFT_PASSES_SCHEDULE_OUTLINE_H

#include "dialects/exec/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// Turns fused ops into functions at the end of a module. Fused ops that
/// compute the same thing, with the same arguments written, share a function.
class KernelOutliner {
public:
  explicit KernelOutliner(mlir::ModuleOp module) : module(module) {}

  /// The kernel of `fused`. Its arguments are the fused op's inputs, one buffer
  /// each, followed by a buffer for every result r with outputs[r] ==
  /// inputs + position; outputs[r] < inputs writes over that input.
  mlir::func::FuncOp get(exec::FusedOp fused, llvm::ArrayRef<int64_t> outputs);

  int64_t size() const { return kernels.size(); }

private:
  mlir::ModuleOp module;
  llvm::StringMap<mlir::func::FuncOp> kernels;
};

/// Whether the kernel reads input `index` only at the element it computes, so
/// that a result may be written over it.
bool readsInPlace(exec::FusedOp fused, int64_t index);

/// Whether a kernel may write `result` over `old`: nothing of it is needed any more by whoever computes another
/// element, or another member.
bool mayWriteOver(exec::FusedOp fused, mlir::OpResult result, mlir::Value old);

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_OUTLINE_H

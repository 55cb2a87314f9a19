//===- KernelEmitter.h - Loops for a kernel, on the host -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_HOST_KERNELEMITTER_H
#define WEFT_COMPILER_CODEGEN_HOST_KERNELEMITTER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weft {

/// Replaces a kernel function on tensors (docs/schedule.md) by one on buffers,
/// `name(buffers..., lo, hi)`: memrefs of rank 1 that do not overlap, and the
/// part of the parallel extent to compute. Loops are scalar; LLVM vectorises them.
void emitHostKernel(mlir::func::FuncOp kernel);

/// How a kernel is run in parallel: `extent` indices in runs of at least `grain`.
struct ParallelExtent {
  int64_t extent, grain;
};
ParallelExtent parallelExtent(mlir::func::FuncOp kernel);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_HOST_KERNELEMITTER_H

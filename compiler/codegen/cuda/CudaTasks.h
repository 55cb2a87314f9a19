//===- CudaTasks.h - Tasks that launch kernels on a GPU ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_CUDA_CUDATASKS_H
#define WEFT_COMPILER_CODEGEN_CUDA_CUDATASKS_H

#include "compiler/codegen/cuda/CudaCodegen.h"
#include "compiler/codegen/host/HostCodegen.h"

namespace weft {

/// Turns a scheduled module without its kernels into an object file for the host that enqueues them: the symbols of
/// docs/executable.md and docs/cuda.md. The module is consumed.
mlir::LogicalResult emitCudaObject(mlir::ModuleOp scheduled, llvm::StringRef manifest, const DeviceCode &code,
                                   const HostCpu &cpu, llvm::SmallVectorImpl<char> &object);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_CUDA_CUDATASKS_H

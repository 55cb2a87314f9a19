//===- DeviceModule.h - NVVM to PTX and machine code ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_CUDA_DEVICEMODULE_H
#define WEFT_COMPILER_CODEGEN_CUDA_DEVICEMODULE_H

#include "compiler/codegen/cuda/CudaCodegen.h"
#include "llvm/ADT/StringSet.h"

namespace weft {

/// On a kernel's functions: they have one parameter, an array of so many addresses.
inline constexpr llvm::StringLiteral packedAttr = "weft.packed";

/// Translates a module of LLVM and NVVM functions: optimised for each architecture, with what it needs of libdevice.
/// Functions named in `narrow` flush denormal f32 numbers to zero.
mlir::LogicalResult translateDeviceModule(mlir::ModuleOp device, const llvm::StringSet<> &narrow,
                                          llvm::ArrayRef<std::string> architectures, const CudaToolkit &toolkit,
                                          bool assemble, DeviceCode &code);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_CUDA_DEVICEMODULE_H

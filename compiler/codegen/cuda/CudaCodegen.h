//===- CudaCodegen.h - From kernels to code for GPUs ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_CUDA_CUDACODEGEN_H
#define WEFT_COMPILER_CODEGEN_CUDA_CUDACODEGEN_H

#include "compiler/codegen/cuda/KernelGeometry.h"
#include "compiler/codegen/cuda/Toolkit.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/JSON.h"

namespace weft {

/// A kernel as the runtime launches it.
struct DeviceKernel {
  int64_t args = 0, scratchBytes = 0;
  std::vector<KernelStage> stages;
  /// Not empty: the kernel has one parameter, an array of addresses, which are those of these buffers of the launch.
  std::vector<int64_t> packed;
};

/// The code of a program's kernels, as docs/cuda.md specifies it.
struct DeviceCode {
  struct Image {
    std::string arch, kind; ///< "sm_90"; "cubin" or "ptx"
    int64_t offset = 0, bytes = 0;
  };
  std::vector<char> blob;
  std::vector<Image> images;
  std::string ptx;                                                  ///< of the oldest architecture
  llvm::MapVector<llvm::StringRef, DeviceKernel> kernels;           ///< by name, a string of the module's
  std::vector<std::pair<std::string, FunctionResources>> resources; ///< by architecture

  /// The manifest's key `device`.
  llvm::json::Object describe() const;
  /// What the entry of a kernel has besides its name.
  llvm::json::Object describeKernel(llvm::StringRef kernel) const;
};

/// Checks and sorts names such as sm_90, the oldest first; empty with `error` set if one is none.
std::vector<std::string> parseArchitectures(llvm::StringRef list, std::string &error);

/// Replaces the kernels of a scheduled module by code for GPUs of these architectures: machine code for each, and PTX
/// of the oldest for those to come. With `assemble` false, PTX alone.
mlir::LogicalResult emitDeviceCode(mlir::ModuleOp scheduled, llvm::ArrayRef<std::string> architectures,
                                   const CudaToolkit &toolkit, bool assemble, DeviceCode &code);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_CUDA_CUDACODEGEN_H

//===- HostCodegen.h - From a schedule to an object file for the host -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_HOST_HOSTCODEGEN_H
#define WEFT_COMPILER_CODEGEN_HOST_HOSTCODEGEN_H

#include "compiler/codegen/host/KernelEmitter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include <string>
#include <vector>

namespace weft {

/// The processor that code is generated for.
struct HostCpu {
  std::string name;                  ///< LLVM's name: "znver3", "x86-64-v3"
  std::vector<std::string> features; ///< features the code may use, without the sign: "avx2"

  /// `native` is the machine this runs on. Fails, with the list of known names,
  /// on a name that LLVM does not know.
  static mlir::FailureOr<HostCpu> get(llvm::StringRef name, std::string &error);
};

/// Moves the kernels of a scheduled module into a new one and lowers them there to LLVM functions
/// `name(buffers..., lo, hi)`; `extents` says how each is run. Null, with an error, if that fails.
mlir::OwningOpRef<mlir::ModuleOp> lowerHostKernels(mlir::ModuleOp scheduled, llvm::StringMap<ParallelExtent> &extents);

/// Turns a scheduled module (`exec` tasks and kernels) into an object file that
/// defines the symbols of docs/executable.md. `manifest` is the JSON text. With
/// `llvmIr` the optimised LLVM IR is also returned as text. The module is
/// consumed: its contents are undefined afterwards.
mlir::LogicalResult emitHostObject(mlir::ModuleOp scheduled, llvm::StringRef manifest, const HostCpu &cpu,
                                   llvm::SmallVectorImpl<char> &object, std::string *llvmIr = nullptr);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_HOST_HOSTCODEGEN_H

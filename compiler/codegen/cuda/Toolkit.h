//===- Toolkit.h - The CUDA toolkit that machine code comes from -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_CUDA_TOOLKIT_H
#define WEFT_COMPILER_CODEGEN_CUDA_TOOLKIT_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// What ptxas says of one function.
struct FunctionResources {
  std::string function;
  int64_t registers = 0, stackBytes = 0, spillBytes = 0, sharedBytes = 0;
};

/// An installed CUDA toolkit, of which compiling needs two files: the assembler and the mathematical functions.
class CudaToolkit {
public:
  /// The one of CUDA_HOME or CUDA_PATH, of the build, in /usr/local/cuda, or that of the ptxas in PATH: the first that
  /// is complete. `error` says where it was looked for.
  static std::optional<CudaToolkit> find(std::string &error);

  /// Its folder.
  const std::string &root() const { return folder; }
  /// LLVM bitcode of the functions that GPUs have no instruction for.
  std::string libdevice() const;
  /// Assembles PTX for `arch`; false with `error` set if it cannot.
  bool assemble(llvm::StringRef ptx, llvm::StringRef arch, llvm::SmallVectorImpl<char> &cubin,
                std::vector<FunctionResources> &resources, std::string &error) const;

private:
  std::string folder;
};

/// What `ptxas --verbose` printed, by function.
std::vector<FunctionResources> parseResources(llvm::StringRef text);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_CUDA_TOOLKIT_H

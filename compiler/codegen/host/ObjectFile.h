//===- ObjectFile.h - LLVM IR to an optimised object file -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_HOST_OBJECTFILE_H
#define WEFT_COMPILER_CODEGEN_HOST_OBJECTFILE_H

#include "compiler/codegen/host/HostCodegen.h"

namespace llvm {
class Module;
}

namespace weft {

/// Optimises `module` for `cpu` and writes its object file; false with `error`
/// set if LLVM cannot. With `text`, the optimised IR as well.
bool emitObjectFile(llvm::Module &module, const HostCpu &cpu, llvm::SmallVectorImpl<char> &object, std::string *text,
                    std::string &error);

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_HOST_OBJECTFILE_H

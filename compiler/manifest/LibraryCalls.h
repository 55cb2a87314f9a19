//===- LibraryCalls.h - The library calls of a schedule, numbered -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MANIFEST_LIBRARYCALLS_H
#define WEFT_COMPILER_MANIFEST_LIBRARYCALLS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"
#include <string>
#include <vector>

namespace weft {

/// On every exec.LibraryCallInterface (i32): the entry of its list in the
/// manifest that describes the call. Code generation passes it to the runtime.
inline constexpr llvm::StringLiteral libraryCallAttr = "exec.call";

/// One of the manifest's lists of library calls (docs/executable.md): `matmuls`, say.
struct LibraryCallList {
  std::string name;
  llvm::json::Array entries;
};

/// Describes every library call of a scheduled module and sets its `exec.call`;
/// equal calls share an entry, entries are in program order.
std::vector<LibraryCallList> numberLibraryCalls(mlir::ModuleOp scheduled);

} // namespace weft

#endif // WEFT_COMPILER_MANIFEST_LIBRARYCALLS_H

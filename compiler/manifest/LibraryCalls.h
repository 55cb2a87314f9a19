//===- LibraryCalls.h - The products and attentions of a schedule, numbered ----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MANIFEST_LIBRARYCALLS_H
#define WEFT_COMPILER_MANIFEST_LIBRARYCALLS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace weft {

/// On exec.matmul, exec.attention and exec.attention_grad (i32): the entry of
/// the manifest's `matmuls` or `attentions` that describes the call. Code
/// generation passes it to the runtime.
inline constexpr llvm::StringLiteral libraryCallAttr = "exec.call";

/// The manifest's descriptions of library calls (docs/executable.md).
struct LibraryCalls {
  llvm::json::Array matmuls, attentions;
};

/// Describes every library call of a scheduled module and sets its
/// `exec.call`; equal calls share an entry, entries are in program order.
LibraryCalls numberLibraryCalls(mlir::ModuleOp scheduled);

/// The manifest's name of an element type: f32, i64, i1.
std::string dtypeName(mlir::Type elementType);

} // namespace weft

#endif // WEFT_COMPILER_MANIFEST_LIBRARYCALLS_H

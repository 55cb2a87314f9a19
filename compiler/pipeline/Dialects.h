//===- Dialects.h - The dialects of every rung ------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PIPELINE_DIALECTS_H
#define WEFT_COMPILER_PIPELINE_DIALECTS_H

#include "mlir/IR/DialectRegistry.h"

namespace weft {

/// Registers every dialect that a program may be made of, from the import rung to the schedule rung, with the
/// interfaces that Weft gives to the ops of upstream's dialects. The compiler, weft-opt and weft-lsp-server know what
/// is registered here.
void registerDialects(mlir::DialectRegistry &registry);

} // namespace weft

#endif // WEFT_COMPILER_PIPELINE_DIALECTS_H

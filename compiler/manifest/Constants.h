//===- Constants.h - Constants that lie in the arena ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MANIFEST_CONSTANTS_H
#define WEFT_COMPILER_MANIFEST_CONSTANTS_H

#include "dialects/exec/Exec.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace weft {

/// A constant of a target that has them in the arena, and where its bytes are in the executable's data.
struct ConstantPlace {
  exec::ConstantOp op;
  int64_t offset, bytes; ///< in the arena
  int64_t data;          ///< in the blob
};

/// The constants of a scheduled module that have a place in the arena, in order.
std::vector<ConstantPlace> placeConstants(mlir::ModuleOp scheduled);
/// Their bytes, one after another.
std::string constantBytes(const std::vector<ConstantPlace> &places);

} // namespace weft

#endif // WEFT_COMPILER_MANIFEST_CONSTANTS_H

//===- Sources.h - Where parameter values come from -------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_SOURCES_H
#define WEFT_COMPILER_DRIVER_SOURCES_H

#include "mlir/IR/BuiltinOps.h"
#include <cstdint>
#include <optional>
#include <string>

namespace weft {

/// How parameters get their first values, from `--weights` and `--init`.
struct SourceChoice {
  std::string weights;          ///< a safetensors file, or empty
  bool random = false;          ///< `--init random`
  std::optional<uint64_t> seed; ///< its seed, if given
};

/// Understands `--init`'s value: empty, `file`, `random` or `random:SEED`. False if it is none of these.
bool parseInit(llvm::StringRef text, SourceChoice &choice);

/// Sets the source of every parameter of a module at the import rung.
///
/// Random values go by what a parameter is used for: 1 for the scale of a norm
/// (and any other vector that multiplies), 0 for other vectors and scalars,
/// normal with standard deviation 0.02 for the rest. A parameter that is not
/// trained keeps the model's own values if the file has them.
///
/// Fails, with an error for what is missing or does not fit, on the weights file.
mlir::LogicalResult chooseSources(mlir::ModuleOp module, const SourceChoice &choice);

/// Fails, naming the files, if a parameter's values are in a file that is not there.
mlir::LogicalResult checkSources(mlir::ModuleOp module);

/// Copies every file that values come from into `folder` (empty: the current one), which is the executable's, and makes
/// the sources begin with $ORIGIN. Reports a copy that fails, and two files of one name.
mlir::LogicalResult bundleSources(mlir::ModuleOp module, llvm::StringRef folder);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_SOURCES_H

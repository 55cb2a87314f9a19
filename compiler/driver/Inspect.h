//===- Inspect.h - weft inspect ---------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_INSPECT_H
#define WEFT_COMPILER_DRIVER_INSPECT_H

#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace weft {

/// The manifest of an executable that Weft wrote, without running it. Nothing
/// if it is not one, after reporting why.
std::optional<std::string> readManifest(const std::string &executable);

/// What `weft inspect` shows.
struct InspectOptions {
  std::string executable;
  bool json = false;    ///< the manifest as it is
  bool kernels = false; ///< the text of every kernel too
  std::string memory;   ///< the file to draw the arena in, as a page; empty: none
};

/// Carries out `weft inspect`; returns the exit code.
int inspect(const InspectOptions &options);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_INSPECT_H

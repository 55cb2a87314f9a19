//===- Manifest.h - What an executable says about itself --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MANIFEST_MANIFEST_H
#define WEFT_COMPILER_MANIFEST_MANIFEST_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft {

struct ArenaReport;

/// What the manifest says that the module does not.
struct ManifestFacts {
  std::string model; ///< the file's name without its folder
  std::string target, cpu;
  std::vector<std::string> cpuFeatures;
  struct Size {
    std::string name;
    int64_t value;
    std::string why; ///< what the default is that was taken; empty: it was given
  };
  std::vector<Size> sizes; ///< symbolic ones of the model
  std::string optimizer;
  int64_t microbatches = 1;
  std::optional<uint64_t> seed;       ///< default of the executable's --seed
  std::string placement;              ///< letters; empty: one rank
  const ArenaReport *arena = nullptr; ///< what lies where, if it is to be said
  bool clipping = true;               ///< whether updates can clip
  bool deterministic = true;          ///< whether library calls give the same bits every time
  std::string precision;              ///< as asked for; empty: the model's types
};

/// How the path of a source begins that lies in the folder of the executable, wherever that is: as in ELF's run paths.
inline constexpr llvm::StringLiteral besideExecutable = "$ORIGIN/";

/// The section of an executable that holds the manifest.
inline constexpr llvm::StringLiteral manifestSection = ".weft.manifest";

/// Describes a scheduled module, by docs/executable.md. Numbers its library
/// calls (LibraryCalls.h), so it comes before code generation.
llvm::json::Object buildManifest(mlir::ModuleOp scheduled, const ManifestFacts &facts);

} // namespace weft

#endif // WEFT_COMPILER_MANIFEST_MANIFEST_H

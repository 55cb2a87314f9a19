//===- MeshOptions.h - What --mesh and its like ask for ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_MESHOPTIONS_H
#define WEFT_COMPILER_DRIVER_MESHOPTIONS_H

#include "compiler/driver/Options.h"
#include "compiler/pipeline/Pipelines.h"
#include <optional>

namespace weft {

/// The mesh of a compilation.
struct MeshChoice {
  PartitionOptions partition;
  std::string placement; ///< the letters in their order; empty: one rank
  /// What the options say, decisions still to be made; or the plan of --plan, to be carried out.
  Plan plan;
  bool isGiven = false; ///< by --plan
  /// Whether there are halves is still to be decided, by cost (Halving.h).
  bool weighsHalves = false;
};

/// Reads --mesh and what else says how a step is cut, or --plan, which then says that and changes the options
/// accordingly. Reports what cannot be; then nothing.
std::optional<MeshChoice> chooseMesh(CompileOptions &options);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_MESHOPTIONS_H

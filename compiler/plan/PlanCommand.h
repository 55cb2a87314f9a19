//===- PlanCommand.h - weft plan --------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_PLANCOMMAND_H
#define WEFT_COMPILER_PLAN_PLANCOMMAND_H

#include <cstdint>
#include <string>

namespace weft {

/// What `weft plan --ranks` is asked.
struct RanksOptions {
  std::string mesh;
  std::string placement = "cluster";
  /// How many ranks there are; 0: as many as the mesh says.
  int64_t world = 0;
};

/// Prints which rank is where, and all groups, on the standard output; a fault is one line on the standard error.
/// Returns the exit code.
int printRanks(const RanksOptions &options);

} // namespace weft

#endif // WEFT_COMPILER_PLAN_PLANCOMMAND_H

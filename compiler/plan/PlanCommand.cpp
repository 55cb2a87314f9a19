//===- PlanCommand.cpp - weft plan ----------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/PlanCommand.h"

#include "compiler/plan/Placement.h"

#include <cstdio>

using namespace weft;

int weft::printRanks(const RanksOptions &options) {
  std::string error;
  std::optional<Degrees> degrees = Degrees::parse(options.mesh, options.world, error);
  std::optional<Placement> placement;
  if (degrees)
    placement = Placement::create(options.placement, *degrees, error);
  if (!placement) {
    std::fprintf(stderr, "weft: error: %s\n", error.c_str());
    return 1;
  }
  std::fputs(placement->describe().c_str(), stdout);
  return 0;
}

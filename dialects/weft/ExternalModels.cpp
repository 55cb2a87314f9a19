//===- ExternalModels.cpp - The interfaces for arith and math -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"

using namespace mlir;
using namespace weft;

void weft::registerExternalModels(DialectRegistry &registry) {
  registerVjpModels(registry);
  registerEvaluateModels(registry);
  registerShardingModels(registry);
}

//===- BuildTrainingStep.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/train/Passes.h"

namespace weft {
#define GEN_PASS_DEF_BUILDTRAININGSTEP
#include "passes/train/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {
struct BuildTrainingStep : weft::impl::BuildTrainingStepBase<BuildTrainingStep> {
  using Base::Base;
  void runOnOperation() override {}
};
} // namespace

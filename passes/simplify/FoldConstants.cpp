//===- FoldConstants.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/simplify/Passes.h"

namespace weft {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "passes/simplify/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {
struct FoldConstants : weft::impl::FoldConstantsBase<FoldConstants> {
  using Base::Base;
  void runOnOperation() override {}
};
} // namespace

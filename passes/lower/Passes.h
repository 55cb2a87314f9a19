//===- Passes.h - The lower passes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_LOWER_PASSES_H
#define WEFT_PASSES_LOWER_PASSES_H

#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
#include "mlir/Pass/Pass.h"
#include "passes/schedule/Target.h"

namespace weft {

#define GEN_PASS_DECL
#include "passes/lower/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/lower/Passes.h.inc"

/// The pass that writes products as sums where `target`, which outlives it, has no library for them.
std::unique_ptr<mlir::Pass> createLoopProductsPass(const Target *target);
/// The pass that makes activations part of the products that `target`, which outlives it, has a library for.
std::unique_ptr<mlir::Pass> createFuseActivationsPass(const Target *target);
/// The pass that widens logits to what the libraries of `target`, which outlives it, like.
std::unique_ptr<mlir::Pass> createPadColumnsPass(const PadColumnsOptions &options, const Target *target);
/// The pass that writes out attention where `target`, which outlives it, has no library for it.
std::unique_ptr<mlir::Pass> createExpandAttentionPass(const Target *target);

} // namespace weft

#endif // WEFT_PASSES_LOWER_PASSES_H

//===- Passes.h - The precision pass -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_PRECISION_PASSES_H
#define WEFT_PASSES_PRECISION_PASSES_H

#include "dialects/weft/Weft.h"
#include "mlir/Pass/Pass.h"
#include "passes/schedule/Target.h"

namespace weft {

#define GEN_PASS_DECL
#include "passes/precision/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/precision/Passes.h.inc"

/// The precision pass for a target, which outlives it: what its libraries do not take in the narrow type stays f32,
/// with a remark. Without one, everything is narrow.
std::unique_ptr<mlir::Pass> createSetPrecisionPass(const SetPrecisionOptions &options, const Target *target);

} // namespace weft

#endif // WEFT_PASSES_PRECISION_PASSES_H

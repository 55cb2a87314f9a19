//===- BatchNorm.h - Normalisation by statistics of the batch -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_BATCHNORM_H
#define WEFT_DIALECTS_WEFT_BATCHNORM_H

#include "dialects/weft/Build.h"

#include "dialects/weft/BatchNormInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/weft/BatchNormOps.h.inc"

namespace weft {

/// On a weft.state: a `#weft.file` that its first value comes from, instead of its `init`.
inline constexpr llvm::StringLiteral stateSourceAttr = "weft.source";

/// (x - mean) / sqrt(variance + eps) * scale + bias, computed in f32 or wider and
/// of x's type. x is [N, C, ...], all others are vectors [C] of any float type.
mlir::Value normalizeChannels(Build &e, mlir::Value x, mlir::Value scale, mlir::Value bias, mlir::Value mean,
                              mlir::Value variance, double eps);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_BATCHNORM_H

//===- Activation.h - Gradients of activations -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_ACTIVATION_H
#define WEFT_DIALECTS_WEFT_ACTIVATION_H

#include "dialects/weft/Build.h"

#define GET_OP_CLASSES
#include "dialects/weft/ActivationOps.h.inc"

namespace weft {

/// gelu'(x), in x's type, which is a statistics type.
mlir::Value geluSlope(Build &e, mlir::Value x, bool tanh);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_ACTIVATION_H

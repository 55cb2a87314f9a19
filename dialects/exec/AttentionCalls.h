//===- AttentionCalls.h - Attention as library calls -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_ATTENTIONCALLS_H
#define WEFT_DIALECTS_EXEC_ATTENTIONCALLS_H

#include "dialects/exec/LibraryCalls.h"

#define GET_OP_CLASSES
#include "dialects/exec/AttentionOps.h.inc"

namespace weft::exec {

/// Gives attention and its gradients their LibraryOpInterface.
void attachAttentionOps(mlir::MLIRContext *context);

} // namespace weft::exec

#endif // WEFT_DIALECTS_EXEC_ATTENTIONCALLS_H

//===- SortCalls.h - Sorting on buffers -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_SORTCALLS_H
#define WEFT_DIALECTS_EXEC_SORTCALLS_H

#include "dialects/exec/LibraryCalls.h"

#define GET_OP_CLASSES
#include "dialects/exec/SortOps.h.inc"

namespace weft::exec {

/// Gives weft.top_k its LibraryOpInterface.
void attachSortOps(mlir::MLIRContext *context);

} // namespace weft::exec

#endif // WEFT_DIALECTS_EXEC_SORTCALLS_H

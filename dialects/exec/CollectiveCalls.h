//===- CollectiveCalls.h - Collectives on buffers -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_COLLECTIVECALLS_H
#define WEFT_DIALECTS_EXEC_COLLECTIVECALLS_H

#include "dialects/dist/Dist.h"
#include "dialects/exec/LibraryCalls.h"

#define GET_OP_CLASSES
#include "dialects/exec/CollectiveOps.h.inc"

namespace weft::exec {

/// On a collective that the target's library does not carry: "copy", copy engines do.
inline constexpr llvm::StringLiteral carrierAttr = "exec.carrier";

/// A collective of the dist dialect, in the terms of the runtime (docs/communication.md).
struct CollectiveShape {
  llvm::StringRef kind, reduce;
  mlir::ArrayAttr axes;
  int64_t ranks = 1;
  llvm::SmallVector<int64_t> outer, middle, inner; ///< sizes in elements, for each member
  static CollectiveShape of(mlir::Operation *op);
};

/// Gives the collectives of the dist dialect their LibraryOpInterface.
void attachCollectiveOps(mlir::MLIRContext *context);

} // namespace weft::exec

#endif // WEFT_DIALECTS_EXEC_COLLECTIVECALLS_H

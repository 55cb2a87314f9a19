//===- OffloadStates.h - Updates of what is in host memory ------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_MEMORY_OFFLOADSTATES_H
#define WEFT_PASSES_MEMORY_OFFLOADSTATES_H

#include "dialects/exec/Exec.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/memory/Passes.h"
#include "llvm/ADT/StringSet.h"

namespace weft {

inline mlir::Value transfer(mlir::OpBuilder &builder, mlir::Value value, bool toHost, int64_t moment) {
  return exec::TransferOp::create(builder, value.getLoc(), value.getType(), value, toHost, moment);
}

/// When transfers of updates run, and where updates do.
struct UpdateOptions {
  int64_t firstMoment = 0, horizon = 2;
  UpdatePlace place = UpdatePlace::Cheapest;
  StepRates rates;
};

/// Has the updates of one task find their states, which are in host memory: each runs on the host, where they are, or
/// they come to it and go back. Adds to `counts`.
void offloadStates(mlir::func::FuncOp task, const llvm::StringSet<> &states, const UpdateOptions &options,
                   UpdateCounts &counts);

} // namespace weft

#endif // WEFT_PASSES_MEMORY_OFFLOADSTATES_H

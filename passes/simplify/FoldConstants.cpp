//===- FoldConstants.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Fold.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
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

  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (op != getOperation())
        ops.push_back(op);
    });
    SmallVector<Operation *> constants;
    for (Operation *op : ops)
      fold(op, constants);
    // Users come before what they use, so that one sweep removes whole chains; the new constants, in the way of
    // nobody, come last.
    for (Operation *op : llvm::concat<Operation *>(llvm::reverse(ops), constants))
      if (isOpTriviallyDead(op))
        op->erase();
  }

private:
  /// Replaces an op by new constants, which are added to `constants`.
  void fold(Operation *op, SmallVectorImpl<Operation *> &constants) {
    SmallVector<Attribute> values;
    // A dead op's value would only be thrown away.
    if (isOpTriviallyDead(op) || !evaluateToConstants(op, limit, values))
      return;
    OpBuilder builder(op);
    for (auto [result, value] : llvm::zip_equal(op->getResults(), values))
      if (!result.use_empty()) {
        constants.push_back(arith::ConstantOp::create(builder, op->getLoc(), cast<TypedAttr>(value)));
        result.replaceAllUsesWith(constants.back()->getResult(0));
      }
    ++numFolded;
  }
};
} // namespace

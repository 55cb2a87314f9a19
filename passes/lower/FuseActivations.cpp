//===- FuseActivations.cpp - Activations that a library computes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/ProductCalls.h"
#include "dialects/weft/Activation.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/lower/Passes.h"
#include "passes/lower/RepeatedVector.h"

namespace weft {
#define GEN_PASS_DEF_FUSEACTIVATIONS
#include "passes/lower/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// A product that an activation can be part of: one matrix, whose operands a library reads in place.
bool isPlainProduct(DotGeneralOp dot) {
  return dot && dot.getLhsBatch().empty() && dot.getType().getNumElements() > 0 &&
         tensorType(dot.getLhs()).getNumElements() > 0 &&
         exec::haveMatrixViews(dot.getLhs(), dot.getRhs(), dot.getLhsContract(), dot.getRhsContract());
}

struct FuseActivations : weft::impl::FuseActivationsBase<FuseActivations> {
  using Base::Base;
  explicit FuseActivations(const Target *target) : target(target) {}

  void runOnOperation() override {
    if (!target && !all)
      return;
    for (Block &block : getOperation().getBody()) {
      for (GeluOp gelu : llvm::make_early_inc_range(block.getOps<GeluOp>()))
        if (gelu.getTanh())
          fuse(gelu);
      for (GeluGradOp gelu : llvm::make_early_inc_range(block.getOps<GeluGradOp>()))
        if (gelu.getTanh())
          fuse(gelu);
    }
  }

private:
  bool takes(Operation *op) const { return all || target->takes(cast<exec::LibraryOpInterface>(op)); }

  /// gelu(product + bias): the sum is a result of the call too, for the backward pass.
  void fuse(GeluOp gelu) {
    Value input = gelu.getInput(), bias;
    auto dot = input.getDefiningOp<DotGeneralOp>();
    if (auto add = input.getDefiningOp<arith::AddFOp>()) {
      bool first = add.getLhs().getDefiningOp<DotGeneralOp>() != nullptr;
      dot = (first ? add.getLhs() : add.getRhs()).getDefiningOp<DotGeneralOp>();
      bias = repeatedVector(first ? add.getRhs() : add.getLhs());
      if (!bias || !dot || !dot->hasOneUse() || dot.getRhsFree().size() != 1)
        return;
    }
    if (!isPlainProduct(dot))
      return;
    OpBuilder builder(input.getDefiningOp());
    auto fused = exec::GeluProductOp::create(builder, dot.getLoc(), input.getType(), gelu.getType(), dot.getLhs(),
                                             dot.getRhs(), bias, dot.getLhsContract(), dot.getRhsContract());
    if (!takes(fused))
      return fused.erase();
    Operation *old = input.getDefiningOp();
    input.replaceAllUsesWith(fused.getInput());
    gelu.replaceAllUsesWith(fused.getResult());
    gelu.erase();
    old->erase();
    if (old != dot)
      dot.erase();
    ++numFused;
  }

  /// A product times gelu's derivative.
  void fuse(GeluGradOp gelu) {
    auto dot = gelu.getDout().getDefiningOp<DotGeneralOp>();
    if (!dot || !dot->hasOneUse() || !isPlainProduct(dot))
      return;
    OpBuilder builder(gelu);
    auto fused = exec::GeluGradProductOp::create(builder, dot.getLoc(), gelu.getType(), dot.getLhs(), dot.getRhs(),
                                                 gelu.getInput(), dot.getLhsContract(), dot.getRhsContract());
    if (!takes(fused))
      return fused.erase();
    gelu.replaceAllUsesWith(fused.getResult());
    gelu.erase();
    dot.erase();
    ++numFused;
  }

  const Target *target = nullptr;
};

} // namespace

std::unique_ptr<Pass> weft::createFuseActivationsPass(const Target *target) {
  return std::make_unique<FuseActivations>(target);
}

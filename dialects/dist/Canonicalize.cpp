//===- Canonicalize.cpp - Fewer and cheaper collectives -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What collectives one after another are together. Reshards are shortened before
// they become collectives (Verify.cpp); this is for what comes together later.
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

/// The only member of a collective that `value` is the result of; null if there are others.
template <typename Op> static Op aloneBehind(Value value) {
  auto op = value.getDefiningOp<Op>();
  return op && op->getNumOperands() == 1 ? op : Op();
}

/// A rank's part of what all ranks' parts make is its own.
OpFoldResult LocalSliceOp::fold(FoldAdaptor) {
  auto gather = aloneBehind<AllGatherOp>(getInput());
  if (gather && gather.getAxes() == getAxes() && gather.getDims()[0] == static_cast<int64_t>(getDim()))
    return gather.getInputs()[0];
  return {};
}

namespace {

/// A part of a sum over ranks is reduced where it is wanted: half of the bytes, and none of what is thrown away. Axes
/// of the reduction that do not cut are reduced afterwards, when the tensor is smaller.
struct SliceOfReduction : OpRewritePattern<LocalSliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(LocalSliceOp slice, PatternRewriter &rewriter) const override {
    auto reduce = aloneBehind<AllReduceOp>(slice.getInput());
    if (!reduce || !reduce->hasOneUse())
      return failure();
    SmallVector<Attribute> rest;
    for (Attribute axis : reduce.getAxes())
      if (!llvm::is_contained(slice.getAxes(), axis))
        rest.push_back(axis);
    if (rest.size() + slice.getAxes().size() != reduce.getAxes().size())
      return failure();
    auto scatter = ReduceScatterOp::create(rewriter, slice.getLoc(), TypeRange(slice.getType()), reduce.getInputs(),
                                           reduce.getKind(), ArrayRef<int64_t>(slice.getDim()), slice.getAxes());
    Attribute region = reduce->getAttr(regionAttr);
    if (region)
      scatter->setAttr(regionAttr, region);
    if (rest.empty()) {
      rewriter.replaceOp(slice, scatter.getResults());
      return success();
    }
    auto second = AllReduceOp::create(rewriter, slice.getLoc(), TypeRange(slice.getType()), scatter.getResults(),
                                      reduce.getKind(), rewriter.getArrayAttr(rest));
    if (region)
      second->setAttr(regionAttr, region);
    rewriter.replaceOp(slice, second.getResults());
    return success();
  }
};

/// What each rank takes its part of, it has as a whole.
struct GatherOfSlice : OpRewritePattern<AllGatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AllGatherOp gather, PatternRewriter &rewriter) const override {
    if (gather->getNumOperands() != 1)
      return failure();
    auto slice = gather.getInputs()[0].getDefiningOp<LocalSliceOp>();
    if (!slice || slice.getAxes() != gather.getAxes() || static_cast<int64_t>(slice.getDim()) != gather.getDims()[0])
      return failure();
    rewriter.replaceOp(gather, slice.getInput());
    return success();
  }
};

/// Two gathers of one dimension, of the inner axes and then of the outer ones, are one.
struct GatherOfGather : OpRewritePattern<AllGatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(AllGatherOp gather, PatternRewriter &rewriter) const override {
    if (gather->getNumOperands() != 1)
      return failure();
    auto inner = aloneBehind<AllGatherOp>(gather.getInputs()[0]);
    if (!inner || !inner->hasOneUse() || inner.getDims() != gather.getDims() ||
        inner->getAttr(regionAttr) != gather->getAttr(regionAttr))
      return failure();
    SmallVector<Attribute> axes(gather.getAxes().begin(), gather.getAxes().end());
    llvm::append_range(axes, inner.getAxes());
    auto whole = AllGatherOp::create(rewriter, gather.getLoc(), gather.getResultTypes(), inner.getInputs(),
                                     gather.getDims(), rewriter.getArrayAttr(axes));
    if (Attribute region = gather->getAttr(regionAttr))
      whole->setAttr(regionAttr, region);
    rewriter.replaceOp(gather, whole.getResults());
    return success();
  }
};

} // namespace

void LocalSliceOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<SliceOfReduction>(context);
}

void AllGatherOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<GatherOfSlice, GatherOfGather>(context);
}

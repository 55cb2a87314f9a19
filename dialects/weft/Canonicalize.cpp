//===- Canonicalize.cpp - Folding and canonical forms of shape ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every rule is local: it looks at an op and what defines its operands, and
// leaves no more ops than it found.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace weft;

/// A splat operand's value in the result's type; null for anything else.
static Attribute foldSplat(Attribute operand, Type resultType) {
  auto splat = dyn_cast_or_null<SplatElementsAttr>(operand);
  return splat ? splat.resizeSplat(cast<ShapedType>(resultType)) : Attribute();
}

static bool isIdentity(ArrayRef<int64_t> perm) { return llvm::equal(perm, llvm::seq<int64_t>(0, perm.size())); }

static bool isIncreasing(ArrayRef<int64_t> values) {
  for (size_t i = 1; i < values.size(); ++i)
    if (values[i - 1] >= values[i])
      return false;
  return true;
}

/// `values` at the positions `indices`.
static SmallVector<int64_t> pick(ArrayRef<int64_t> values, ArrayRef<int64_t> indices) {
  return llvm::map_to_vector(indices, [&](int64_t i) { return values[i]; });
}

//===----------------------------------------------------------------------===//
// Broadcast
//===----------------------------------------------------------------------===//

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  return foldSplat(adaptor.getInput(), getType());
}

/// Broadcast of a broadcast: the dims compose.
static LogicalResult composeBroadcasts(BroadcastOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<BroadcastOp>();
  if (!inner)
    return failure();
  rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), inner.getInput(), pick(op.getDims(), inner.getDims()));
  return success();
}

void BroadcastOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(composeBroadcasts);
}

//===----------------------------------------------------------------------===//
// Transpose
//===----------------------------------------------------------------------===//

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (isIdentity(getPerm()))
    return getInput();
  if (auto inner = getInput().getDefiningOp<TransposeOp>())
    if (isIdentity(pick(inner.getPerm(), getPerm())))
      return inner.getInput();
  return foldSplat(adaptor.getInput(), getType());
}

/// Transpose of a transpose: the permutations compose.
static LogicalResult composeTransposes(TransposeOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<TransposeOp>();
  if (!inner)
    return failure();
  rewriter.replaceOpWithNewOp<TransposeOp>(op, op.getType(), inner.getInput(), pick(inner.getPerm(), op.getPerm()));
  return success();
}

/// Transpose of a broadcast: a broadcast to other dimensions, if that keeps the
/// operand's dimensions in order.
static LogicalResult transposeOfBroadcast(TransposeOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<BroadcastOp>();
  if (!inner)
    return failure();
  SmallVector<int64_t> inverse(op.getPerm().size());
  for (auto [i, p] : llvm::enumerate(op.getPerm()))
    inverse[p] = i;
  SmallVector<int64_t> dims = pick(inverse, inner.getDims());
  if (!isIncreasing(dims))
    return failure();
  rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), inner.getInput(), dims);
  return success();
}

/// Transpose of a product that only it uses: the product in another order, where
/// the permutation reorders batch dimensions or swaps the two operands.
static LogicalResult transposeOfDot(TransposeOp op, PatternRewriter &rewriter) {
  auto dot = op.getInput().getDefiningOp<DotGeneralOp>();
  if (!dot || !dot->hasOneUse())
    return failure();
  int64_t batch = dot.getLhsBatch().size(), lhsFree = dot.getLhsFree().size(), rhsFree = dot.getRhsFree().size();
  ArrayRef<int64_t> order = op.getPerm().take_front(batch), rest = op.getPerm().drop_front(batch);
  if (llvm::any_of(order, [&](int64_t p) { return p >= batch; }))
    return failure();
  auto isRun = [](ArrayRef<int64_t> values, int64_t begin) {
    return llvm::equal(values, llvm::seq<int64_t>(begin, begin + values.size()));
  };
  SmallVector<int64_t> lhsBatch = pick(dot.getLhsBatch(), order), rhsBatch = pick(dot.getRhsBatch(), order);
  if (isRun(rest, batch)) {
    rewriter.replaceOpWithNewOp<DotGeneralOp>(op, op.getType(), dot.getLhs(), dot.getRhs(), lhsBatch, rhsBatch,
                                              dot.getLhsContract(), dot.getRhsContract());
    return success();
  }
  if (!isRun(rest.take_front(rhsFree), batch + lhsFree) || !isRun(rest.drop_front(rhsFree), batch))
    return failure();
  rewriter.replaceOpWithNewOp<DotGeneralOp>(op, op.getType(), dot.getRhs(), dot.getLhs(), rhsBatch, lhsBatch,
                                            dot.getRhsContract(), dot.getLhsContract());
  return success();
}

void TransposeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(composeTransposes);
  patterns.add(transposeOfBroadcast);
  patterns.add(transposeOfDot);
}

//===----------------------------------------------------------------------===//
// Reshape
//===----------------------------------------------------------------------===//

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (auto inner = getInput().getDefiningOp<ReshapeOp>(); inner && inner.getInput().getType() == getType())
    return inner.getInput();
  // The elements of a constant are stored in row-major order already.
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(adaptor.getInput()))
    return dense.reshape(cast<ShapedType>(getType()));
  return {};
}

static LogicalResult composeReshapes(ReshapeOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<ReshapeOp>();
  if (!inner)
    return failure();
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), inner.getInput());
  return success();
}

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(composeReshapes);
}

//===----------------------------------------------------------------------===//
// Slice and pad
//===----------------------------------------------------------------------===//

OpFoldResult SliceOp::fold(FoldAdaptor adaptor) {
  // The size of a dimension fits only once: offsets are 0 and strides 1, or do not matter.
  if (getInput().getType() == getType())
    return getInput();
  return foldSplat(adaptor.getInput(), getType());
}

/// Slice of a slice: offsets and strides compose.
static LogicalResult composeSlices(SliceOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<SliceOp>();
  if (!inner)
    return failure();
  SmallVector<int64_t> offsets(inner.getOffsets()), strides(inner.getStrides());
  for (auto [d, offset] : llvm::enumerate(offsets)) {
    offset += op.getOffsets()[d] * strides[d];
    strides[d] *= op.getStrides()[d];
  }
  rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), inner.getInput(), offsets, strides);
  return success();
}

/// Slice of a concatenation that lies within one operand: a slice of that operand.
static LogicalResult sliceOfConcat(SliceOp op, PatternRewriter &rewriter) {
  auto concat = op.getInput().getDefiningOp<ConcatOp>();
  if (!concat || op.getType().getNumElements() == 0)
    return failure();
  int64_t dim = concat.getDim(), begin = op.getOffsets()[dim];
  int64_t end = begin + (op.getType().getDimSize(dim) - 1) * op.getStrides()[dim] + 1, start = 0;
  for (Value input : concat.getInputs()) {
    int64_t size = tensorType(input).getDimSize(dim);
    if (begin >= start && end <= start + size) {
      SmallVector<int64_t> offsets(op.getOffsets());
      offsets[dim] -= start;
      rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), input, offsets, op.getStrides());
      return success();
    }
    start += size;
  }
  return failure();
}

void SliceOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(composeSlices);
  patterns.add(sliceOfConcat);
}

OpFoldResult PadOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getType())
    return getInput();
  if (matchPattern(adaptor.getInput(), m_PosZeroFloat()) || matchPattern(adaptor.getInput(), m_Zero()))
    return foldSplat(adaptor.getInput(), getType());
  return {};
}

//===----------------------------------------------------------------------===//
// Concat
//===----------------------------------------------------------------------===//

OpFoldResult ConcatOp::fold(FoldAdaptor adaptor) {
  if (getInputs().size() == 1)
    return getInputs().front();
  Attribute first = foldSplat(adaptor.getInputs().front(), getType());
  for (Attribute input : adaptor.getInputs())
    if (!first || foldSplat(input, getType()) != first)
      return {};
  return first;
}

/// Operands without elements are dropped.
static LogicalResult dropEmptyOperands(ConcatOp op, PatternRewriter &rewriter) {
  SmallVector<Value> kept;
  for (Value input : op.getInputs())
    if (tensorType(input).getDimSize(op.getDim()) != 0)
      kept.push_back(input);
  if (kept.size() == op.getInputs().size() || kept.empty())
    return failure();
  rewriter.modifyOpInPlace(op, [&] { op.getInputsMutable().assign(kept); });
  return success();
}

/// Adjacent slices of one value put together again: one slice.
static LogicalResult concatOfSlices(ConcatOp op, PatternRewriter &rewriter) {
  auto first = op.getInputs().front().getDefiningOp<SliceOp>();
  if (!first)
    return failure();
  int64_t dim = op.getDim(), stride = first.getStrides()[dim], next = first.getOffsets()[dim];
  for (Value input : op.getInputs()) {
    auto slice = input.getDefiningOp<SliceOp>();
    if (!slice || slice.getInput() != first.getInput() || slice.getStrides() != first.getStrides())
      return failure();
    for (auto [d, offset] : llvm::enumerate(slice.getOffsets()))
      if (offset != (static_cast<int64_t>(d) == dim ? next : first.getOffsets()[d]))
        return failure();
    next += slice.getType().getDimSize(dim) * stride;
  }
  rewriter.replaceOpWithNewOp<SliceOp>(op, op.getType(), first.getInput(), first.getOffsets(), first.getStrides());
  return success();
}

void ConcatOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(dropEmptyOperands);
  patterns.add(concatOfSlices);
}

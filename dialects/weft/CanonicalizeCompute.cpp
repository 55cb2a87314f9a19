//===- CanonicalizeCompute.cpp - Canonical forms of what computes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "dialects/weft/Fold.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// A transposed operand of a product: the dimension numbers say the same, as
/// long as the free dimensions stay in order.
static bool absorbTranspose(Value &operand, ArrayRef<int64_t> freeDims, SmallVectorImpl<int64_t> &batch,
                            SmallVectorImpl<int64_t> &contract) {
  auto transpose = operand.getDefiningOp<TransposeOp>();
  if (!transpose)
    return false;
  ArrayRef<int64_t> perm = transpose.getPerm();
  for (size_t i = 1; i < freeDims.size(); ++i)
    if (perm[freeDims[i - 1]] >= perm[freeDims[i]])
      return false;
  for (int64_t &d : batch)
    d = perm[d];
  for (int64_t &d : contract)
    d = perm[d];
  operand = transpose.getInput();
  return true;
}

static LogicalResult absorbTransposes(DotGeneralOp op, PatternRewriter &rewriter) {
  Value lhs = op.getLhs(), rhs = op.getRhs();
  SmallVector<int64_t> lhsBatch(op.getLhsBatch()), rhsBatch(op.getRhsBatch());
  SmallVector<int64_t> lhsContract(op.getLhsContract()), rhsContract(op.getRhsContract());
  bool changed = absorbTranspose(lhs, op.getLhsFree(), lhsBatch, lhsContract);
  changed |= absorbTranspose(rhs, op.getRhsFree(), rhsBatch, rhsContract);
  if (!changed)
    return failure();
  rewriter.replaceOpWithNewOp<DotGeneralOp>(op, op.getType(), lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract);
  return success();
}

void DotGeneralOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(absorbTransposes);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// A reduction over dimensions of size 1, or none, only changes the shape.
static LogicalResult reduceNothing(ReduceOp op, PatternRewriter &rewriter) {
  RankedTensorType type = tensorType(op.getInput());
  if (llvm::any_of(op.getDims(), [&](int64_t d) { return type.getDimSize(d) != 1; }))
    return failure();
  rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput());
  return success();
}

/// A reduction of a reduction of the same kind: one over both sets of dimensions.
static LogicalResult composeReductions(ReduceOp op, PatternRewriter &rewriter) {
  auto inner = op.getInput().getDefiningOp<ReduceOp>();
  if (!inner || inner.getKind() != op.getKind())
    return failure();
  SmallVector<int64_t> kept, dims(inner.getDims());
  for (int64_t d = 0, e = tensorType(inner.getInput()).getRank(); d < e; ++d)
    if (!llvm::is_contained(inner.getDims(), d))
      kept.push_back(d);
  for (int64_t d : op.getDims())
    dims.push_back(kept[d]);
  llvm::sort(dims);
  rewriter.replaceOpWithNewOp<ReduceOp>(op, op.getType(), op.getKind(), inner.getInput(), dims);
  return success();
}

/// A reduction along repeated dimensions: a multiple of the operand for a sum,
/// the operand itself for a maximum or minimum.
static LogicalResult reduceOfBroadcast(ReduceOp op, PatternRewriter &rewriter) {
  auto broadcast = op.getInput().getDefiningOp<BroadcastOp>();
  if (!broadcast || op.getKind() == ReduceKind::prod)
    return failure();
  int64_t count = 1;
  SmallVector<int64_t> inputDims;
  for (int64_t d : op.getDims()) {
    auto found = llvm::find(broadcast.getDims(), d);
    if (found == broadcast.getDims().end())
      count *= broadcast.getType().getDimSize(d);
    else
      inputDims.push_back(found - broadcast.getDims().begin());
  }
  bool repeats = inputDims.size() != op.getDims().size();
  if (!repeats || count == 0)
    return failure();
  // Where the remaining dimensions of the operand end up.
  SmallVector<int64_t> dims;
  for (int64_t d : broadcast.getDims())
    if (!llvm::is_contained(op.getDims(), d))
      dims.push_back(d - llvm::count_if(op.getDims(), [&](int64_t reduced) { return reduced < d; }));
  Build e{rewriter, op.getLoc()};
  Value value = e.reduce(op.getKind(), broadcast.getInput(), inputDims);
  if (op.getKind() == ReduceKind::sum && count != 1)
    value = e.mul(value, e.splatLike(value, static_cast<double>(count)));
  rewriter.replaceOp(op, e.broadcast(value, dims, op.getType().getShape()));
  return success();
}

void ReduceOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  // Before a reduction in between turns into a reshape.
  patterns.add(composeReductions, /*benefit=*/2);
  patterns.add(reduceNothing);
  patterns.add(reduceOfBroadcast);
}

//===----------------------------------------------------------------------===//
// Gather
//===----------------------------------------------------------------------===//

namespace {
/// Indices that repeat start, start + step, ... along their last dimensions.
struct IndexRange {
  int64_t start, step, count;
  int64_t repeated; ///< leading dimensions along which the range repeats
};
} // namespace

static std::optional<IndexRange> findRange(const Literal &indices) {
  ArrayRef<int64_t> shape = indices.getShape();
  int64_t total = indices.getNumElements(), count = total;
  for (int64_t repeated = 0, rank = shape.size(); repeated <= rank; ++repeated) {
    int64_t start = indices.getInt(0), step = 1;
    bool matches = count == 1 || (!llvm::SubOverflow(indices.getInt(1), start, step) && step > 0);
    // Equal elements, of which there may be any number, count up only where each is alone.
    if (indices.isSplat())
      matches = count == 1;
    for (int64_t i = 0; i < total && matches && !indices.isSplat(); ++i) {
      int64_t number = 0;
      matches = !llvm::MulOverflow(i % count, step, number) && !llvm::AddOverflow(start, number, number) &&
                indices.getInt(i) == number;
    }
    if (matches)
      return IndexRange{start, step, count, repeated};
    if (repeated < rank)
      count /= shape[repeated];
  }
  return std::nullopt;
}

/// Constant indices that count up (positions): a slice, repeated where they repeat.
static LogicalResult gatherOfRange(GatherOp op, PatternRewriter &rewriter) {
  std::optional<Literal> indices = constantLiteral(op.getIndices(), defaultFoldLimit);
  if (!indices || indices->getNumElements() == 0)
    return failure();
  std::optional<IndexRange> range = findRange(*indices);
  RankedTensorType type = tensorType(op.getInput());
  int64_t axis = op.getAxis();
  // All indices are elements of the range, so its last one is one of them.
  if (!range || range->start < 0 || range->start + (range->count - 1) * range->step >= type.getDimSize(axis))
    return failure();

  SmallVector<int64_t> offsets(type.getRank(), 0), strides(type.getRank(), 1), sizes(type.getShape());
  offsets[axis] = range->start;
  strides[axis] = range->step;
  sizes[axis] = range->count;
  Build e{rewriter, op.getLoc()};
  Value value = e.slice(op.getInput(), offsets, sizes, strides);
  // The dimensions of the result that the repetitions give.
  ArrayRef<int64_t> resultShape = op.getType().getShape();
  SmallVector<int64_t> shape, dims;
  for (auto [d, size] : llvm::enumerate(resultShape)) {
    int64_t dim = d;
    if (dim >= axis && dim < axis + range->repeated)
      continue;
    shape.push_back(size);
    dims.push_back(dim);
  }
  rewriter.replaceOp(op, e.broadcast(e.reshape(value, shape), dims, resultShape));
  return success();
}

void GatherOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add(gatherOfRange);
}

//===----------------------------------------------------------------------===//
// Arithmetic on tensors
//===----------------------------------------------------------------------===//

/// The value of a float splat.
static std::optional<APFloat> splatFloat(Value value) {
  SplatElementsAttr splat;
  if (!matchPattern(value, m_Constant(&splat)) || !isa<FloatType>(splat.getElementType()))
    return std::nullopt;
  return splat.getSplatValue<APFloat>();
}

/// x + 0 is x. (arith itself only drops -0, for the sake of the sign of a zero,
/// which no model depends on.)
static LogicalResult addOfZero(arith::AddFOp op, PatternRewriter &rewriter) {
  for (auto [zero, other] : {std::pair(op.getRhs(), op.getLhs()), std::pair(op.getLhs(), op.getRhs())})
    if (std::optional<APFloat> value = splatFloat(zero); value && value->isZero()) {
      rewriter.replaceOp(op, other);
      return success();
    }
  return failure();
}

/// x / c is x * (1/c) where the reciprocal is exact: powers of two.
static LogicalResult divisionByPowerOfTwo(arith::DivFOp op, PatternRewriter &rewriter) {
  std::optional<APFloat> value = splatFloat(op.getRhs());
  APFloat inverse(0.0);
  if (!value || !value->getExactInverse(&inverse))
    return failure();
  auto constant = DenseElementsAttr::get(cast<ShapedType>(op.getType()), inverse);
  Value factor = arith::ConstantOp::create(rewriter, op.getLoc(), constant);
  rewriter.replaceOpWithNewOp<arith::MulFOp>(op, op.getLhs(), factor, op.getFastmath());
  return success();
}

void WeftDialect::getCanonicalizationPatterns(RewritePatternSet &patterns) const {
  patterns.add(addOfZero);
  patterns.add(divisionByPowerOfTwo);
}

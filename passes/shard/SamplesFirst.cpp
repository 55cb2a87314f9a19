//===- SamplesFirst.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/shard/Factors.h"
#include "passes/shard/Passes.h"

namespace weft {
#define GEN_PASS_DEF_SAMPLESFIRST
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

/// Whether an op treats all elements of its operands and its result alike.
static bool isElementwise(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 || isa<ReshapeOp, BroadcastOp, TransposeOp>(op))
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !llvm::all_of(op->getOperandTypes(), [&](Type operand) {
        auto tensor = dyn_cast<RankedTensorType>(operand);
        return tensor && tensor.getShape() == type.getShape();
      }))
    return false;
  OpFactors factors(op);
  return factors.isKnown() && static_cast<int64_t>(factors.getRule().factors.size()) == type.getRank() &&
         llvm::all_of(factors.getRule().factors, [](const ShardingRule::Factor &factor) {
           return factor.kind == ShardingRule::FactorKind::Parallel;
         });
}

/// Whether a value is a row or a number that is repeated.
static bool isRepeated(Value value) {
  if (auto row = value.getDefiningOp<BroadcastOp>())
    return row.getDims().empty() || row.getDims() == ArrayRef<int64_t>{tensorType(value).getRank() - 1};
  return matchPattern(value, m_Constant<SplatElementsAttr>(nullptr));
}

/// The same, repeated over another shape with the same last dimension.
static Value repeatedOver(Build &e, Value value, ArrayRef<int64_t> shape) {
  if (auto row = value.getDefiningOp<BroadcastOp>())
    return e.broadcastLast(row.getInput(), shape);
  SplatElementsAttr splat;
  matchPattern(value, m_Constant(&splat));
  auto type = tensorType(value).clone(shape);
  return arith::ConstantOp::create(e.b, e.loc, type, SplatElementsAttr::get(type, splat.getSplatValue<Attribute>()));
}

/// Replaces an elementwise op by one on what `sourceOf` gives for each operand that is not repeated, and `restore` of
/// its result.
static void replaceOnSources(PatternRewriter &rewriter, Operation *op, ArrayRef<int64_t> shape,
                             llvm::function_ref<Value(Build &, Value)> sourceOf,
                             llvm::function_ref<Value(Build &, Value)> restore) {
  Build e{rewriter, op->getLoc()};
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(isRepeated(operand) ? repeatedOver(e, operand, shape) : sourceOf(e, operand));
  Operation *clone = rewriter.clone(*op);
  clone->setOperands(operands);
  clone->getResult(0).setType(tensorType(op->getResult(0)).clone(shape));
  rewriter.replaceOp(op, restore(e, clone->getResult(0)));
}

//===----------------------------------------------------------------------===//
// Flattened rows
//===----------------------------------------------------------------------===//

/// Of how many leading dimensions a reshape makes the rows of [N, C]: [.., C], or [.., H, D] where heads are joined
/// too. 0 if it makes no rows of several dimensions.
static int64_t rowDims(ReshapeOp reshape) {
  RankedTensorType from = tensorType(reshape.getInput()), to = tensorType(reshape.getResult());
  if (to.getRank() != 2 || from.getRank() < 3)
    return 0;
  int64_t rows = 1;
  for (int64_t dim = 0; dim + 1 < from.getRank(); ++dim) {
    rows *= from.getDimSize(dim);
    if (dim > 0 && rows == to.getDimSize(0))
      return dim + 1;
  }
  return 0;
}

/// The reshape that flattens rows; null if `value` is none.
static ReshapeOp flattening(Value value) {
  auto reshape = value.getDefiningOp<ReshapeOp>();
  return reshape && rowDims(reshape) ? reshape : ReshapeOp();
}

/// The shape of flattened rows of `width` before they were flattened.
static SmallVector<int64_t> unflattened(ReshapeOp reshape, int64_t width) {
  SmallVector<int64_t> shape(tensorType(reshape.getInput()).getShape().take_front(rowDims(reshape)));
  shape.push_back(width);
  return shape;
}

/// What was flattened, with rows of one dimension.
static Value rowsOf(Build &e, ReshapeOp reshape) {
  return e.reshape(reshape.getInput(), unflattened(reshape, tensorType(reshape.getResult()).getShape().back()));
}

namespace {

struct ProductOfFlattened : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op, PatternRewriter &rewriter) const override {
    ReshapeOp reshape = flattening(op.getLhs());
    if (!reshape || !op.getLhsBatch().empty() || op.getLhsContract() != ArrayRef<int64_t>{1} ||
        tensorType(op.getRhs()).getRank() != 2)
      return failure();
    Build e{rewriter, op.getLoc()};
    Value rows = rowsOf(e, reshape);
    int64_t last = tensorType(rows).getRank() - 1;
    Value product = e.dot(rows, op.getRhs(), {}, {}, {last}, op.getRhsContract());
    rewriter.replaceOp(op, e.reshape(product, tensorType(op.getResult()).getShape()));
    return success();
  }
};

/// A norm of each row.
template <typename NormOp> struct NormOfFlattened : OpRewritePattern<NormOp> {
  using OpRewritePattern<NormOp>::OpRewritePattern;
  LogicalResult matchAndRewrite(NormOp op, PatternRewriter &rewriter) const override {
    ReshapeOp reshape = flattening(op.getInput());
    // Channels, and what is normalised in each of them without a scale, are no rows of elements.
    if (!reshape || !op.getGamma() ||
        tensorType(reshape.getInput()).getShape().back() != tensorType(op.getInput()).getShape().back())
      return failure();
    Build e{rewriter, op.getLoc()};
    Value rows = rowsOf(e, reshape);
    Operation *clone = rewriter.clone(*op);
    clone->setOperand(0, rows);
    RankedTensorType type = tensorType(op.getResult());
    clone->getResult(0).setType(type.clone(tensorType(rows).getShape()));
    rewriter.replaceOp(op, e.reshape(clone->getResult(0), type.getShape()));
    return success();
  }
};

struct ElementwiseOnFlattened : RewritePattern {
  explicit ElementwiseOnFlattened(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isElementwise(op) || tensorType(op->getResult(0)).getRank() != 2)
      return failure();
    RankedTensorType type = tensorType(op->getResult(0));
    ReshapeOp reshape;
    for (Value operand : op->getOperands())
      if (ReshapeOp found = flattening(operand))
        reshape = found;
    if (!reshape)
      return failure();
    SmallVector<int64_t> shape = unflattened(reshape, type.getShape().back());
    for (Value operand : op->getOperands()) {
      ReshapeOp found = flattening(operand);
      if (!isRepeated(operand) && !(found && unflattened(found, shape.back()) == shape))
        return failure();
    }
    replaceOnSources(
        rewriter, op, shape, [](Build &e, Value operand) { return rowsOf(e, operand.getDefiningOp<ReshapeOp>()); },
        [&](Build &e, Value result) { return e.reshape(result, type.getShape()); });
    return success();
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Samples that come second
//===----------------------------------------------------------------------===//

/// Up to which dimension a permutation moves anything.
static int64_t movedDims(ArrayRef<int64_t> perm) {
  auto count = static_cast<int64_t>(perm.size());
  while (count > 0 && perm[count - 1] == count - 1)
    --count;
  return count;
}

/// The transpose that puts other dimensions before the samples, and leaves elements last; null if `value` is none.
static TransposeOp displacing(Value value) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  if (!transpose)
    return {};
  ArrayRef<int64_t> perm = transpose.getPerm();
  return perm.front() != 0 && movedDims(perm) < static_cast<int64_t>(perm.size()) ? transpose : TransposeOp();
}

/// The permutation, and further dimensions that stay.
static SmallVector<int64_t> extended(ArrayRef<int64_t> perm, int64_t rank) {
  SmallVector<int64_t> result(perm);
  for (int64_t dim = static_cast<int64_t>(perm.size()); dim < rank; ++dim)
    result.push_back(dim);
  return result;
}

namespace {

struct ProductOfDisplaced : OpRewritePattern<DotGeneralOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DotGeneralOp op, PatternRewriter &rewriter) const override {
    TransposeOp transpose = displacing(op.getLhs());
    int64_t last = tensorType(op.getLhs()).getRank() - 1;
    if (!transpose || !op.getLhsBatch().empty() || op.getLhsContract() != ArrayRef<int64_t>{last} ||
        tensorType(op.getRhs()).getRank() != 2)
      return failure();
    Build e{rewriter, op.getLoc()};
    Value product = e.dot(transpose.getInput(), op.getRhs(), {}, {}, {last}, op.getRhsContract());
    rewriter.replaceOp(op, e.transpose(product, transpose.getPerm()));
    return success();
  }
};

struct ElementwiseOnDisplaced : RewritePattern {
  explicit ElementwiseOnDisplaced(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!isElementwise(op))
      return failure();
    TransposeOp transpose;
    for (Value operand : op->getOperands())
      if (TransposeOp found = displacing(operand))
        transpose = found;
    if (!transpose)
      return failure();
    for (Value operand : op->getOperands()) {
      auto found = operand.getDefiningOp<TransposeOp>();
      if (!isRepeated(operand) && !(found && found.getPerm() == transpose.getPerm()))
        return failure();
    }
    replaceOnSources(
        rewriter, op, tensorType(transpose.getInput()).getShape(),
        [](Build &, Value operand) { return operand.getDefiningOp<TransposeOp>().getInput(); },
        [&](Build &e, Value result) { return e.transpose(result, transpose.getPerm()); });
    return success();
  }
};

/// Of what only the dimensions behind those that moved get another shape.
struct ReshapeOfDisplaced : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    TransposeOp transpose = displacing(op.getInput());
    if (!transpose)
      return failure();
    ArrayRef<int64_t> from = tensorType(op.getInput()).getShape(), to = tensorType(op.getResult()).getShape();
    auto moved = static_cast<size_t>(movedDims(transpose.getPerm()));
    if (to.size() <= moved || from.take_front(moved) != to.take_front(moved))
      return failure();
    SmallVector<int64_t> shape(tensorType(transpose.getInput()).getShape().take_front(moved));
    llvm::append_range(shape, to.drop_front(moved));
    Build e{rewriter, op.getLoc()};
    Value reshaped = e.reshape(transpose.getInput(), shape);
    auto rank = static_cast<int64_t>(to.size());
    rewriter.replaceOp(op, e.transpose(reshaped, extended(transpose.getPerm().take_front(moved), rank)));
    return success();
  }
};

/// What is taken apart after it was moved, as queries, keys and values are, is taken apart before.
struct SliceOfTransposed : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose || transpose.getPerm().front() == 0)
      return failure();
    ArrayRef<int64_t> perm = transpose.getPerm(), to = tensorType(op.getResult()).getShape();
    SmallVector<int64_t> offsets(perm.size()), sizes(perm.size()), strides(perm.size());
    for (auto [dim, source] : llvm::enumerate(perm)) {
      offsets[source] = op.getOffsets()[dim];
      sizes[source] = to[dim];
      strides[source] = op.getStrides()[dim];
    }
    Build e{rewriter, op.getLoc()};
    rewriter.replaceOp(op, e.transpose(e.slice(transpose.getInput(), offsets, sizes, strides), perm));
    return success();
  }
};

/// [.., n, C] of [.., n * C], of which one of n is taken: a slice of [.., n * C].
struct SliceOfSplit : OpRewritePattern<SliceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(SliceOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    if (!reshape)
      return failure();
    ArrayRef<int64_t> from = tensorType(reshape.getInput()).getShape(), split = tensorType(op.getInput()).getShape(),
                      to = tensorType(op.getResult()).getShape();
    size_t last = from.size() - 1;
    if (split.size() != from.size() + 1 || split.take_front(last) != from.take_front(last) || to[last] != 1 ||
        to.take_front(last) != split.take_front(last) || to.back() != split.back())
      return failure();
    SmallVector<int64_t> offsets(from.size(), 0), sizes(from);
    offsets[last] = op.getOffsets()[last] * split.back();
    sizes[last] = split.back();
    Build e{rewriter, op.getLoc()};
    rewriter.replaceOp(op, e.reshape(e.slice(reshape.getInput(), offsets, sizes), to));
    return success();
  }
};

/// Dimensions of size 1 are nowhere.
struct TransposeOfUnits : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> from = tensorType(op.getInput()).getShape();
    if (op.getPerm().front() == 0 || !llvm::is_contained(from, 1))
      return failure();
    SmallVector<int64_t> shape, places(from.size(), -1), perm;
    for (auto [dim, size] : llvm::enumerate(from))
      if (size != 1) {
        places[dim] = static_cast<int64_t>(shape.size());
        shape.push_back(size);
      }
    for (int64_t source : op.getPerm())
      if (places[source] >= 0)
        perm.push_back(places[source]);
    Build e{rewriter, op.getLoc()};
    Value moved = e.transpose(e.reshape(op.getInput(), shape), perm);
    rewriter.replaceOp(op, e.reshape(moved, tensorType(op.getResult()).getShape()));
    return success();
  }
};

/// [B, H, T, D] of [B * H, T, D] of [T, B * H, D] of [T, B, H * D], as torch.nn.functional's attention moves heads
/// beside the samples: without the dimension of both.
struct SplitOfMerged : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    auto merge = transpose ? transpose.getInput().getDefiningOp<ReshapeOp>() : ReshapeOp();
    if (!merge || transpose.getPerm() != ArrayRef<int64_t>{1, 0, 2})
      return failure();
    ArrayRef<int64_t> from = tensorType(merge.getInput()).getShape(), to = tensorType(op.getResult()).getShape(),
                      merged = tensorType(merge.getResult()).getShape();
    if (from.size() != 3 || to.size() != 4 || from[0] != to[2] || from[1] != to[0] || from[2] != to[1] * to[3] ||
        merged != ArrayRef<int64_t>{from[0], to[0] * to[1], to[3]})
      return failure();
    Build e{rewriter, op.getLoc()};
    Value heads = e.reshape(merge.getInput(), {to[2], to[0], to[1], to[3]});
    rewriter.replaceOp(op, e.transpose(heads, {1, 2, 0, 3}));
    return success();
  }
};

struct SamplesFirst : weft::impl::SamplesFirstBase<SamplesFirst> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ProductOfFlattened, NormOfFlattened<LayerNormOp>, NormOfFlattened<RmsNormOp>, ElementwiseOnFlattened,
                 ProductOfDisplaced, ElementwiseOnDisplaced, ReshapeOfDisplaced, SliceOfTransposed, SliceOfSplit,
                 TransposeOfUnits, SplitOfMerged>(&getContext());
    ReshapeOp::getCanonicalizationPatterns(patterns, &getContext());
    TransposeOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      getOperation().emitError("samples could not be put first");
      signalPassFailure();
    }
  }
};

} // namespace

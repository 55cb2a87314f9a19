//===- Unpack.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "dialects/weft/SymbolAttrs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/shard/Factors.h"
#include "passes/shard/Passes.h"

namespace weft {
#define GEN_PASS_DEF_UNPACK
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

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

/// Any op that treats all elements alike, on flattened rows, repeated rows and splats.
struct ElementwiseOnFlattened : RewritePattern {
  explicit ElementwiseOnFlattened(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || op->getNumOperands() == 0 || isa<ReshapeOp, BroadcastOp>(op))
      return failure();
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type || type.getRank() != 2)
      return failure();
    OpFactors factors(op);
    if (!factors.isKnown() || factors.getRule().factors.size() != 2)
      return failure();
    for (const ShardingRule::Factor &factor : factors.getRule().factors)
      if (factor.kind != ShardingRule::FactorKind::Parallel)
        return failure();
    ReshapeOp reshape;
    for (Value operand : op->getOperands()) {
      auto operandType = dyn_cast<RankedTensorType>(operand.getType());
      if (!operandType || operandType.getShape() != type.getShape())
        return failure();
      if (ReshapeOp found = flattening(operand))
        reshape = found;
    }
    if (!reshape)
      return failure();
    SmallVector<int64_t> shape = unflattened(reshape, type.getShape().back());
    Build e{rewriter, op->getLoc()};
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      if (ReshapeOp found = flattening(operand)) {
        if (unflattened(found, shape.back()) != shape)
          return failure();
        operands.push_back(rowsOf(e, found));
      } else if (auto row = operand.getDefiningOp<BroadcastOp>(); row && row.getDims() == ArrayRef<int64_t>{1}) {
        operands.push_back(e.broadcastLast(row.getInput(), shape));
      } else if (SplatElementsAttr splat; matchPattern(operand, m_Constant(&splat))) {
        auto splatType = tensorType(operand).clone(shape);
        operands.push_back(arith::ConstantOp::create(
            rewriter, op->getLoc(), splatType, SplatElementsAttr::get(splatType, splat.getSplatValue<Attribute>())));
      } else {
        return failure();
      }
    }
    Operation *clone = rewriter.clone(*op);
    clone->setOperands(operands);
    clone->getResult(0).setType(type.clone(shape));
    rewriter.replaceOp(op, e.reshape(clone->getResult(0), type.getShape()));
    return success();
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Packed projections
//===----------------------------------------------------------------------===//

namespace {

/// A product with a parameter (and a bias) that equal slices of its last dimension take apart.
struct Packed {
  DotGeneralOp dot;
  ReadOp weight;
  int64_t weightDim = 0;  ///< the dimension of the weight that is packed
  arith::AddFOp addition; ///< of the bias; null if there is none
  BroadcastOp repeatedBias;
  ReadOp bias;
  SmallVector<SliceOp> slices;
  int64_t parts = 0;
};

} // namespace

/// The read of a parameter that this is the only use of.
static ReadOp readOnce(Value value) {
  auto read = value.getDefiningOp<ReadOp>();
  if (!read || !read.getResult().hasOneUse())
    return {};
  // The same parameter read elsewhere would have another type there.
  int64_t reads = 0;
  read->getParentOfType<func::FuncOp>().walk([&](ReadOp other) { reads += other.getSymbol() == read.getSymbol(); });
  return reads == 1 ? read : ReadOp();
}

static std::optional<Packed> matchPacked(DotGeneralOp dot) {
  Packed packed;
  packed.dot = dot;
  packed.weight = readOnce(dot.getRhs());
  if (!packed.weight || !dot.getLhsBatch().empty() || dot.getRhsContract().size() != 1 ||
      tensorType(dot.getRhs()).getRank() != 2)
    return std::nullopt;
  packed.weightDim = 1 - dot.getRhsContract()[0];
  Value value = dot.getResult();
  if (value.hasOneUse())
    if (auto add = dyn_cast<arith::AddFOp>(*value.getUsers().begin())) {
      Value other = add.getLhs() == value ? add.getRhs() : add.getLhs();
      auto repeated = other.getDefiningOp<BroadcastOp>();
      ReadOp bias = repeated && repeated->hasOneUse() ? readOnce(repeated.getInput()) : ReadOp();
      if (!bias || tensorType(bias.getResult()).getRank() != 1)
        return std::nullopt;
      packed.addition = add;
      packed.repeatedBias = repeated;
      packed.bias = bias;
      value = add.getResult();
    }
  int64_t last = tensorType(value).getRank() - 1, size = tensorType(value).getDimSize(last), width = 0;
  for (Operation *user : value.getUsers()) {
    auto slice = dyn_cast<SliceOp>(user);
    if (!slice || llvm::any_of(slice.getStrides(), [](int64_t stride) { return stride != 1; }))
      return std::nullopt;
    int64_t part = tensorType(slice.getResult()).getDimSize(last);
    for (int64_t dim = 0; dim < last; ++dim)
      if (tensorType(slice.getResult()).getDimSize(dim) != tensorType(value).getDimSize(dim))
        return std::nullopt;
    if ((width && width != part) || slice.getOffsets()[last] % part != 0)
      return std::nullopt;
    width = part;
    packed.slices.push_back(slice);
  }
  if (!width || width == size || size % width != 0)
    return std::nullopt;
  packed.parts = size / width;
  return packed;
}

/// Declares dimension `dim` of a parameter as [parts, size / parts].
static void split(ParamOp param, int64_t dim, int64_t parts) {
  auto type = cast<RankedTensorType>(param.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] /= parts;
  shape.insert(shape.begin() + dim, parts);
  if (!param->hasAttr(savedShapeAttr))
    param->setAttr(savedShapeAttr, DenseI64ArrayAttr::get(param.getContext(), type.getShape()));
  param.setType(type.clone(shape));
  auto file = dyn_cast<FileSourceAttr>(param.getSource());
  if (!file)
    return;
  // The same split of the file's dimension that becomes this one.
  SmallVector<int64_t> perm(file.getPerm()), fileShape(file.getShape()), newPerm;
  if (perm.empty())
    perm = llvm::to_vector(llvm::seq<int64_t>(0, fileShape.size()));
  int64_t from = perm[dim];
  fileShape[from] /= parts;
  fileShape.insert(fileShape.begin() + from, parts);
  for (int64_t other : perm) {
    newPerm.push_back(other > from ? other + 1 : other);
    if (other == from)
      newPerm.push_back(from + 1);
  }
  if (llvm::is_sorted(newPerm))
    newPerm.clear();
  param.setSourceAttr(FileSourceAttr::get(param.getContext(), file.getPath(), file.getOffset(), file.getBytes(),
                                          file.getFileBytes(), file.getElementType(), fileShape, newPerm));
}

/// Reads a parameter at its new type.
static Value readAgain(Build &e, ReadOp read, ParamOp param) { return e.read(read.getSymbol(), param.getType()); }

static void unpack(Packed packed, SymbolTable &symbols) {
  OpBuilder builder(packed.addition ? packed.addition.getOperation() : packed.dot.getOperation());
  Build e{builder, packed.dot.getLoc()};
  auto weight = symbols.lookup<ParamOp>(packed.weight.getSymbol());
  split(weight, packed.weightDim, packed.parts);
  int64_t contract = packed.weightDim == 0 ? 2 : 0;
  Value value =
      e.dot(packed.dot.getLhs(), readAgain(e, packed.weight, weight), {}, {}, packed.dot.getLhsContract(), {contract});
  RankedTensorType type = tensorType(value);
  int64_t rank = type.getRank();
  if (packed.addition) {
    auto bias = symbols.lookup<ParamOp>(packed.bias.getSymbol());
    split(bias, 0, packed.parts);
    value = e.add(value, e.broadcast(readAgain(e, packed.bias, bias), {rank - 2, rank - 1}, type.getShape()));
  }
  for (SliceOp slice : packed.slices) {
    RankedTensorType sliceType = tensorType(slice.getResult());
    SmallVector<int64_t> offsets(rank, 0), sizes(type.getShape());
    offsets[rank - 2] = slice.getOffsets().back() / sliceType.getShape().back();
    sizes[rank - 2] = 1;
    OpBuilder at(slice);
    Build s{at, slice.getLoc()};
    slice.replaceAllUsesWith(s.reshape(s.slice(value, offsets, sizes), sliceType.getShape()));
    slice.erase();
  }
  if (packed.addition)
    packed.addition.getOperation()->erase();
  if (packed.repeatedBias)
    packed.repeatedBias.getOperation()->erase();
}

namespace {

struct Unpack : weft::impl::UnpackBase<Unpack> {
  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      RewritePatternSet patterns(&getContext());
      patterns.add<ProductOfFlattened, ElementwiseOnFlattened>(&getContext());
      ReshapeOp::getCanonicalizationPatterns(patterns, &getContext());
      if (failed(applyPatternsGreedily(function, std::move(patterns)))) {
        function.emitError("rows could not be unflattened");
        return signalPassFailure();
      }
    }
    SymbolTable symbols(getOperation());
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      for (DotGeneralOp dot : llvm::to_vector(function.getOps<DotGeneralOp>()))
        if (std::optional<Packed> packed = matchPacked(dot)) {
          unpack(*packed, symbols);
          for (Operation *op : {packed->dot.getOperation(), packed->weight.getOperation(),
                                packed->bias ? packed->bias.getOperation() : nullptr})
            if (op)
              op->erase();
          ++numUnpacked;
        }
  }
};

} // namespace

//===- Verify.cpp - Verifiers and rewrites of the dist dialect -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

static Mesh meshAround(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  return module ? meshOf(module) : Mesh();
}

/// Fails with an error unless all names are axes of the mesh, each at most once.
static LogicalResult checkAxes(Operation *op, ArrayAttr names) {
  Mesh mesh = meshAround(op);
  SmallVector<StringRef> seen;
  for (Attribute name : names) {
    StringRef axis = cast<StringAttr>(name).getValue();
    if (mesh.indexOf(axis) < 0)
      return op->emitOpError() << "names the axis '" << axis << "', which the mesh does not have";
    if (llvm::is_contained(seen, axis))
      return op->emitOpError() << "names the axis '" << axis << "' twice";
    seen.push_back(axis);
  }
  if (names.empty())
    return op->emitOpError("needs an axis");
  return success();
}

static FailureOr<Sharding> checkSharding(Operation *op, ShardingAttr attr, RankedTensorType type) {
  if (static_cast<int64_t>(attr.getDims().size()) != type.getRank())
    return op->emitOpError() << "has a sharding of " << attr.getDims().size() << " dimensions for " << type;
  std::optional<Sharding> sharding = fromAttr(meshAround(op), attr);
  if (!sharding)
    return op->emitOpError() << "has the sharding " << attr << ", whose axes are not of the mesh or not in its order";
  return *sharding;
}

LogicalResult MeshOp::verify() {
  if (getAxes().size() != getSizes().size())
    return emitOpError() << "has " << getAxes().size() << " axes and " << getSizes().size() << " sizes";
  SmallVector<StringRef> seen;
  for (auto [name, size] : llvm::zip_equal(getAxes(), getSizes())) {
    StringRef axis = cast<StringAttr>(name).getValue();
    if (size < 1)
      return emitOpError() << "has the size " << size << " for the axis '" << axis << "'";
    if (llvm::is_contained(seen, axis))
      return emitOpError() << "has the axis '" << axis << "' twice";
    seen.push_back(axis);
  }
  ArrayAttr order = getOrderAttr();
  if (!order)
    return success();
  for (Attribute name : order) {
    auto *it = llvm::find(seen, cast<StringAttr>(name).getValue());
    if (it == seen.end())
      return emitOpError() << "orders " << name << ", which is no axis, or is ordered twice";
    seen.erase(it);
  }
  if (!seen.empty())
    return emitOpError() << "has no place for the axis '" << seen.front() << "' in its order";
  return success();
}

LogicalResult ConstrainOp::verify() { return checkSharding(*this, getSharding(), cast<RankedTensorType>(getType())); }

weft::ShardingRule ConstrainOp::getShardingRule() {
  ShardingRule rule;
  auto type = cast<RankedTensorType>(getType());
  ShardingRule::TensorMap map;
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    rule.factors.push_back({size, ShardingRule::FactorKind::Parallel});
    map.push_back({static_cast<int64_t>(dim)});
  }
  rule.operands.push_back(map);
  rule.results.push_back(map);
  rule.linear.push_back({0});
  return rule;
}

LogicalResult ConstrainOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  results.push_back(operands[0]);
  return success();
}

LogicalResult ReshardOp::verify() {
  auto in = cast<RankedTensorType>(getInput().getType()), out = cast<RankedTensorType>(getType());
  FailureOr<Sharding> from = checkSharding(*this, getFrom(), in), to = checkSharding(*this, getTo(), out);
  if (failed(from) || failed(to))
    return failure();
  Mesh mesh = meshAround(*this);
  if (getWhole() && static_cast<int64_t>(getWhole()->size()) != in.getRank())
    return emitOpError() << "is of a tensor of " << getWhole()->size() << " dimensions and holds " << in;
  RankedTensorType global = wholeType(mesh);
  if (from->localType(mesh, global) != in)
    return emitOpError() << "holds " << global << " as " << in << ", which is not what " << getFrom() << " says";
  if ((!getWhole() && !to->divides(mesh, global)) || to->localType(mesh, global) != out)
    return emitOpError() << "holds " << global << " as " << out << ", which is not what " << getTo() << " says";
  for (auto [axis, how] : llvm::enumerate(to->axes))
    if (how == Sharding::Unreduced && (*from)[axis] >= 0)
      return emitOpError() << "makes unreduced on '" << mesh.axes[axis] << "' what is cut on it";
  return success();
}

void ReshardOp::build(OpBuilder &builder, OperationState &state, Value input, const Mesh &mesh, const Sharding &from,
                      const Sharding &to, RankedTensorType whole) {
  MLIRContext *context = builder.getContext();
  bool isEven = from.divides(mesh, whole) && to.divides(mesh, whole);
  build(builder, state, to.localType(mesh, whole), input, toAttr(context, mesh, from, whole.getRank()),
        toAttr(context, mesh, to, whole.getRank()),
        isEven ? DenseI64ArrayAttr() : builder.getDenseI64ArrayAttr(whole.getShape()));
}

RankedTensorType ReshardOp::wholeType(const Mesh &mesh) {
  auto type = cast<RankedTensorType>(getInput().getType());
  return getWhole() ? type.clone(*getWhole()) : fromAttr(mesh, getFrom())->globalType(mesh, type);
}

OpFoldResult ReshardOp::fold(FoldAdaptor) { return getFrom() == getTo() ? getInput() : OpFoldResult(); }

namespace {

/// Two reshards in a row are one.
struct ChainedReshards : OpRewritePattern<ReshardOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReshardOp op, PatternRewriter &rewriter) const override {
    auto first = op.getInput().getDefiningOp<ReshardOp>();
    // A reshape between them that does nothing locally is gone: then they are of different tensors.
    if (!first || !first->hasOneUse() || first.getTo() != op.getFrom())
      return failure();
    // What the last update has left in parts is put together once, by a gather of its own.
    Attribute region = op->getAttr(regionAttr), firstRegion = first->getAttr(regionAttr);
    Mesh mesh = meshAround(op);
    if (first.wholeType(mesh) != op.wholeType(mesh) ||
        (firstRegion != region && firstRegion == StringAttr::get(op.getContext(), "update")))
      return failure();
    Sharding from = *fromAttr(mesh, first.getFrom()), to = *fromAttr(mesh, op.getTo());
    for (auto [axis, how] : llvm::enumerate(to.axes))
      if (how == Sharding::Unreduced && from[axis] >= 0)
        return failure();
    auto both = rewriter.replaceOpWithNewOp<ReshardOp>(op, first.getInput(), mesh, from, to, op.wholeType(mesh));
    if (region)
      both->setAttr(regionAttr, region);
    return success();
  }
};

} // namespace

void ReshardOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ChainedReshards>(context);
}

LogicalResult AxisIndexOp::verify() {
  if (cast<RankedTensorType>(getType()).getRank() != 0)
    return emitOpError("is a scalar");
  return checkAxes(*this, getAxes());
}

/// Checks that `out` is `in` with dimension `dim` multiplied by `times` and divided by `by`.
static LogicalResult checkShape(Operation *op, Value in, Value out, int64_t dim, int64_t times, int64_t by) {
  auto from = cast<RankedTensorType>(in.getType()), to = cast<RankedTensorType>(out.getType());
  if (dim < 0 || dim >= from.getRank())
    return op->emitOpError() << "has no dimension " << dim << " in " << from;
  SmallVector<int64_t> shape(from.getShape());
  if (shape[dim] % by != 0)
    return op->emitOpError() << "cannot cut dimension " << dim << " of " << from << " into " << by << " parts";
  shape[dim] = shape[dim] / by * times;
  if (to != from.clone(shape))
    return op->emitOpError() << "gives " << from.clone(shape) << ", not " << to;
  return success();
}

LogicalResult LocalSliceOp::verify() {
  if (failed(checkAxes(*this, getAxes())))
    return failure();
  Mesh mesh = meshAround(*this);
  return checkShape(*this, getInput(), getResult(), getDim(), 1, mesh.sizeOf(axesOf(mesh, getAxes())));
}

/// What all collectives have: axes of the mesh, and as many results and `lists` as members.
static LogicalResult checkCollective(Operation *op, ArrayAttr axes, ArrayRef<ArrayRef<int64_t>> lists = {}) {
  if (failed(checkAxes(op, axes)))
    return failure();
  if (op->getNumOperands() == 0 || op->getNumOperands() != op->getNumResults())
    return op->emitOpError() << "has " << op->getNumOperands() << " operands and " << op->getNumResults() << " results";
  for (ArrayRef<int64_t> list : lists)
    if (list.size() != op->getNumOperands())
      return op->emitOpError() << "has dimensions for " << list.size() << " members, not " << op->getNumOperands();
  return success();
}

LogicalResult AllReduceOp::verify() {
  if (failed(checkCollective(*this, getAxes())))
    return failure();
  for (auto [in, out] : llvm::zip_equal(getInputs(), getResults()))
    if (in.getType() != out.getType())
      return emitOpError() << "gives " << in.getType() << ", not " << out.getType();
  return success();
}

LogicalResult AllGatherOp::verify() {
  if (failed(checkCollective(*this, getAxes(), {getDims()})))
    return failure();
  Mesh mesh = meshAround(*this);
  int64_t ranks = mesh.sizeOf(axesOf(mesh, getAxes()));
  for (auto [in, out, dim] : llvm::zip_equal(getInputs(), getResults(), getDims()))
    if (failed(checkShape(*this, in, out, dim, ranks, 1)))
      return failure();
  return success();
}

LogicalResult ReduceScatterOp::verify() {
  if (failed(checkCollective(*this, getAxes(), {getDims()})))
    return failure();
  Mesh mesh = meshAround(*this);
  int64_t ranks = mesh.sizeOf(axesOf(mesh, getAxes()));
  for (auto [in, out, dim] : llvm::zip_equal(getInputs(), getResults(), getDims()))
    if (failed(checkShape(*this, in, out, dim, 1, ranks)))
      return failure();
  return success();
}

LogicalResult AllToAllOp::verify() {
  if (failed(checkCollective(*this, getAxes(), {getSplit(), getConcat()})))
    return failure();
  Mesh mesh = meshAround(*this);
  int64_t ranks = mesh.sizeOf(axesOf(mesh, getAxes()));
  for (auto [in, out, split, concat] : llvm::zip_equal(getInputs(), getResults(), getSplit(), getConcat())) {
    auto from = cast<RankedTensorType>(in.getType()), to = cast<RankedTensorType>(out.getType());
    if (split < 0 || split >= from.getRank() || concat < 0 || concat >= from.getRank() || split == concat)
      return emitOpError() << "splits dimension " << split << " and joins dimension " << concat << " of " << from;
    SmallVector<int64_t> shape(from.getShape());
    if (shape[split] % ranks != 0)
      return emitOpError() << "cannot cut dimension " << split << " of " << from << " into " << ranks << " parts";
    shape[split] /= ranks;
    shape[concat] *= ranks;
    if (to != from.clone(shape))
      return emitOpError() << "gives " << from.clone(shape) << ", not " << to;
  }
  return success();
}

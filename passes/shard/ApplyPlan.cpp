//===- ApplyPlan.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/Decompose.h"
#include "passes/shard/Factors.h"
#include "passes/shard/Passes.h"
#include "passes/shard/Preferences.h"
#include "passes/shard/Region.h"

namespace weft {
#define GEN_PASS_DEF_APPLYPLAN
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

namespace {

struct ApplyPlan : weft::impl::ApplyPlanBase<ApplyPlan> {
  using Base::Base;
  void runOnOperation() override;

private:
  LogicalResult buildMesh();
  LogicalResult cutInputs(func::FuncOp function);
  void cutHeads(func::FuncOp function);
  void cutHidden(func::FuncOp function);
  void cutVocabulary(func::FuncOp function);
  void cutSequence(func::FuncOp function);
  /// Constrains a dimension of an operand on `tp` (more than one rank); says so if it does not divide.
  bool constrain(OpOperand &operand, int64_t dim, int64_t priority, const Twine &what);

  Mesh mesh;
};

} // namespace

LogicalResult ApplyPlan::buildMesh() {
  ModuleOp module = getOperation();
  if (!dist::meshOf(module).axes.empty())
    return module.emitError("has a mesh already");
  for (auto [name, size] :
       {std::pair("tp", tp.getValue()), {"shard", shard.getValue()}, {"replica", replica.getValue()}}) {
    if (size < 1)
      return module.emitError("the mesh axis '") << name << "' has at least one rank, not " << size;
    if (size == 1)
      continue;
    mesh.axes.push_back(name);
    mesh.sizes.push_back(size);
  }
  SmallVector<std::string> names(order.begin(), order.end());
  if (names.empty())
    names = {"replica", "shard", "tp"};
  for (const std::string &name : names)
    if (int64_t axis = mesh.indexOf(name); axis >= 0)
      mesh.order.push_back(axis);
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, mesh.getNumAxes()));
  auto op = dist::MeshOp::create(b, module.getLoc(), "mesh", dist::axesAttr(&getContext(), mesh, all), mesh.sizes,
                                 dist::axesAttr(&getContext(), mesh, mesh.order));
  return op.verify();
}

LogicalResult ApplyPlan::cutInputs(func::FuncOp function) {
  // The batch of a step; arguments have that of a micro-batch.
  auto batch = getOperation()->getAttrOfType<IntegerAttr>("weft.batch"),
       microbatches = getOperation()->getAttrOfType<IntegerAttr>("weft.microbatches");
  int64_t samples = batch ? batch.getInt() / (microbatches ? microbatches.getInt() : 1) : 0;
  int64_t parts = shard * replica;
  for (BlockArgument argument : function.getArguments()) {
    auto type = cast<RankedTensorType>(argument.getType());
    if (parts == 1 || type.getRank() == 0 || (batch && type.getDimSize(0) != samples))
      continue;
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
    if (type.getDimSize(0) % parts != 0)
      return function.emitError("a micro-batch of ")
             << type.getDimSize(0) << " cannot be cut into " << parts
             << " equal parts for the data-parallel ranks (input '" << (name ? name.getValue() : "?")
             << "'); choose --dim batch=N with N / --microbatches a multiple of " << parts;
    Sharding sharding = Sharding::whole(mesh);
    for (StringRef axis : {"shard", "replica"})
      if (int64_t index = mesh.indexOf(axis); index >= 0)
        sharding[index] = 0;
    function.setArgAttr(argument.getArgNumber(), dist::shardingAttr,
                        dist::toAttr(&getContext(), mesh, sharding, type.getRank()));
  }
  return success();
}

bool ApplyPlan::constrain(OpOperand &operand, int64_t dim, int64_t priority, const Twine &what) {
  Value value = operand.get();
  Operation *user = operand.getOwner();
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getDimSize(dim) % tp != 0) {
    user->emitRemark() << what << " of " << type.getDimSize(dim) << " are not a multiple of tp=" << tp.getValue()
                       << ": not cut, every rank of 'tp' computes all of it";
    return false;
  }
  Sharding sharding = Sharding::whole(mesh);
  sharding[mesh.indexOf("tp")] = dim;
  OpBuilder b(user);
  operand.set(dist::ConstrainOp::create(b, user->getLoc(), type, value,
                                        dist::toAttr(&getContext(), mesh, sharding, type.getRank()),
                                        b.getI64IntegerAttr(priority), b.getStringAttr(what)));
  return true;
}

/// Query heads are cut together with the key/value heads they use.
void ApplyPlan::cutHeads(func::FuncOp function) {
  for (AttentionOp attention : llvm::to_vector(function.getOps<AttentionOp>())) {
    int64_t groups = tensorType(attention.getK()).getDimSize(2);
    if (groups != 1 && groups % tp != 0) {
      attention.emitRemark("key/value heads of ") << groups << " are not a multiple of tp=" << tp.getValue()
                                                  << ": attention is not cut, every rank of 'tp' computes all of it";
      continue;
    }
    constrain(attention.getQMutable(), 2, kTensorPriority, "attention heads");
  }
}

/// Whether an op treats all elements alike, and does not change the shape.
static bool isElementwise(Operation *op) {
  if (op->getNumResults() != 1 || op->hasTrait<OpTrait::ConstantLike>())
    return false;
  OpFactors factors(op);
  if (!factors.isKnown() || factors.getNumTensors() < 2)
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  for (const ShardingRule::Factor &factor : factors.getRule().factors)
    if (factor.kind != ShardingRule::FactorKind::Parallel)
      return false;
  for (Value operand : op->getOperands()) {
    auto other = dyn_cast<RankedTensorType>(operand.getType());
    if (!other || (other.getRank() != 0 && other.getShape() != type.getShape()))
      return false;
  }
  return true;
}

/// A parameter, as it is or seen through a change of its shape.
static bool isParameter(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isa<TransposeOp, ReshapeOp, dist::ConstrainOp>(op))
    op = op->getOperand(0).getDefiningOp();
  auto read = dyn_cast_or_null<ReadOp>(op);
  return read && isa_and_nonnull<ParamOp>(SymbolTable::lookupNearestSymbolFrom(read, read.getSymbolAttr()));
}

static bool isProjection(Operation *op) {
  auto dot = dyn_cast_or_null<DotGeneralOp>(op);
  return dot && dot.getLhsBatch().empty() && dot.getRhsContract().size() == 1 && isParameter(dot.getRhs());
}

/// A product with a parameter of what elementwise ops made of products with parameters: its contracted dimension is
/// hidden.
void ApplyPlan::cutHidden(func::FuncOp function) {
  for (DotGeneralOp dot : llvm::to_vector(function.getOps<DotGeneralOp>())) {
    // What the backward pass multiplies follows.
    if (!isProjection(dot) || regionOf(dot.getLoc()) != "forward")
      continue;
    SmallVector<Value> worklist = {dot.getLhs()};
    llvm::SmallDenseSet<Value> seen;
    bool found = false, between = false;
    while (!worklist.empty()) {
      Operation *op = worklist.pop_back_val().getDefiningOp();
      if (!op || !seen.insert(op->getResult(0)).second)
        continue;
      found |= between && isProjection(op);
      if (!isElementwise(op))
        continue;
      between = true;
      llvm::append_range(worklist, op->getOperands());
    }
    int64_t dim = dot.getLhsContract()[0];
    // Between blocks a residual addition leads to products too; what is hidden is as wide as it is only inside.
    if (found && dim == tensorType(dot.getLhs()).getRank() - 1)
      constrain(dot.getLhsMutable(), dim, kTensorPriority, "hidden elements");
  }
}

void ApplyPlan::cutVocabulary(func::FuncOp function) {
  for (CrossEntropyOp loss : llvm::to_vector(function.getOps<CrossEntropyOp>()))
    constrain(loss.getLogitsMutable(), tensorType(loss.getLogits()).getRank() - 1, kTensorPriority,
              "vocabulary entries of the head");
  for (GatherOp gather : llvm::to_vector(function.getOps<GatherOp>())) {
    auto argument = dyn_cast<BlockArgument>(gather.getIndices());
    if (!argument || gather.getAxis() != 0 || !isParameter(gather.getInput()))
      continue;
    auto role = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.role");
    if (role && role.getValue() == "tokens")
      constrain(gather.getInputMutable(), 0, kTensorPriority, "vocabulary entries of the embedding");
  }
}

/// What norms read is cut along the sequence: dimension 1 of [batch, position, element].
void ApplyPlan::cutSequence(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front()))
    if (isa<LayerNormOp, RmsNormOp>(op) && tensorType(op.getOperand(0)).getRank() == 3)
      constrain(op.getOpOperand(0), 1, kSequencePriority, "positions between blocks");
}

void ApplyPlan::runOnOperation() {
  if (failed(buildMesh()))
    return signalPassFailure();
  for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
    if (failed(cutInputs(function)))
      return signalPassFailure();
    if (tp == 1)
      continue;
    cutHeads(function);
    cutHidden(function);
    cutVocabulary(function);
    if (sequenceParallel)
      cutSequence(function);
    // A row of logits is cut: its statistics are reductions that say so.
    for (CrossEntropyOp loss : llvm::to_vector(function.getOps<CrossEntropyOp>()))
      decomposeOp(loss);
  }
}

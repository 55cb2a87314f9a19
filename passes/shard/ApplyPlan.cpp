//===- ApplyPlan.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Plan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/lower/Decompose.h"
#include "passes/shard/FindCuts.h"
#include "passes/shard/Layers.h"
#include "passes/shard/Passes.h"
#include "passes/shard/PlanAttrs.h"
#include "passes/shard/Preferences.h"
#include <map>

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
  explicit ApplyPlan(const Plan &plan) : plan(&plan) {}
  void runOnOperation() override;

private:
  LogicalResult buildMesh();
  /// The axes over which samples are cut.
  SmallVector<StringRef> batchAxes() const;
  LogicalResult cutInputs(func::FuncOp function);
  void cutInputsAsPlanned(func::FuncOp function);
  LogicalResult readParameterCuts();
  /// What the graph says, and what `shard-param` says over it.
  FailureOr<SmallVector<FoundCut>> findAll(func::FuncOp function, bool remark);
  SmallVector<FoundCut> planned(func::FuncOp function, const LayerNames &names);
  void constrain(const FoundCut &cut, const LayerNames &names);

  const Plan *plan = nullptr; ///< null: find the constraints
  Mesh mesh;
  SmallVector<ParameterCut> parameterCuts;
};

} // namespace

LogicalResult ApplyPlan::buildMesh() {
  ModuleOp module = getOperation();
  if (!dist::meshOf(module).axes.empty())
    return module.emitError("has a mesh already");
  SmallVector<std::string> names(order.begin(), order.end());
  if (names.empty())
    names = {"replica", "shard", "tp"};
  if (plan) {
    tp = plan->sizeOf("tp");
    shard = plan->sizeOf("shard");
    replica = plan->sizeOf("replica");
    names = llvm::map_to_vector(plan->axes, [](const Plan::Axis &axis) { return axis.name; });
  }
  if (plan)
    prescaledBatch = plan->prescaledBatch;
  std::map<llvm::StringRef, int64_t> sizes = {{"tp", tp}, {"shard", shard}, {"replica", replica}};
  for (llvm::StringRef name : Plan::meshOrder(prescaledBatch)) {
    int64_t size = sizes[name];
    if (size < 1)
      return module.emitError("the mesh axis '") << name << "' has at least one rank, not " << size;
    if (size == 1)
      continue;
    mesh.axes.push_back(name.str());
    mesh.sizes.push_back(size);
  }
  for (const std::string &name : names)
    if (int64_t axis = mesh.indexOf(name); axis >= 0)
      mesh.order.push_back(axis);
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, mesh.getNumAxes()));
  auto op = dist::MeshOp::create(b, module.getLoc(), "mesh", dist::axesAttr(&getContext(), mesh, all), mesh.sizes,
                                 dist::axesAttr(&getContext(), mesh, mesh.order));
  return op.verify();
}

SmallVector<StringRef> ApplyPlan::batchAxes() const {
  SmallVector<StringRef> axes = {"shard", "replica"};
  if (!prescaledBatch)
    axes.push_back("tp");
  return axes;
}

LogicalResult ApplyPlan::cutInputs(func::FuncOp function) {
  // The batch of a step; arguments have that of a micro-batch.
  auto batch = getOperation()->getAttrOfType<IntegerAttr>("weft.batch"),
       microbatches = getOperation()->getAttrOfType<IntegerAttr>("weft.microbatches");
  int64_t samples = batch ? batch.getInt() / (microbatches ? microbatches.getInt() : 1) : 0;
  Sharding sharding = Sharding::whole(mesh);
  for (StringRef axis : batchAxes())
    if (int64_t index = mesh.indexOf(axis); index >= 0)
      sharding[index] = 0;
  int64_t parts = sharding.partsOf(mesh, 0);
  for (BlockArgument argument : function.getArguments()) {
    auto type = cast<RankedTensorType>(argument.getType());
    if (parts == 1 || type.getRank() == 0 || (batch && type.getDimSize(0) != samples))
      continue;
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
    if (type.getDimSize(0) % parts != 0)
      return function.emitError("a micro-batch of ")
             << type.getDimSize(0) << " cannot be cut into " << parts << " equal parts for the "
             << (prescaledBatch ? "data-parallel ranks"
                                : "ranks, as without --prescaled-batch each of 'tp' has its own")
             << " (input '" << (name ? name.getValue() : "?")
             << "'); choose --dim batch=N with N / --microbatches a multiple of " << parts;
    function.setArgAttr(argument.getArgNumber(), dist::shardingAttr,
                        dist::toAttr(&getContext(), mesh, sharding, type.getRank()));
  }
  return success();
}

void ApplyPlan::cutInputsAsPlanned(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments()) {
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
    for (const Plan::Input &input : plan->inputs)
      if (name && input.name == name.getValue() && !input.layout.isWhole())
        function.setArgAttr(argument.getArgNumber(), dist::shardingAttr, toAttr(&getContext(), input.layout));
  }
}

LogicalResult ApplyPlan::readParameterCuts() {
  for (const std::string &text : shardParam) {
    FailureOr<ParameterCut> cut = parseParameterCut(getOperation(), mesh, text);
    if (failed(cut))
      return failure();
    parameterCuts.push_back(*cut);
  }
  return success();
}

FailureOr<SmallVector<FoundCut>> ApplyPlan::findAll(func::FuncOp function, bool remark) {
  Between between = sequenceParallel ? Between::Positions : prescaledBatch ? Between::Same : Between::Samples;
  FailureOr<SmallVector<FoundCut>> found = findCuts(function, mesh, between, remark);
  if (failed(found))
    return failure();
  SmallVector<FoundCut> &cuts = *found;
  SymbolTable symbols(getOperation());
  for (ReadOp read : function.getOps<ReadOp>())
    for (const ParameterCut &cut : parameterCuts)
      // How `shard` cuts is a matter of storage alone.
      if (auto param = symbols.lookup<ParamOp>(read.getSymbol());
          param && cut.axis == "tp" && cut.dim >= 0 && matches(cut, param)) {
        cuts.push_back({read, 0, cut.dim, cut.axis, "--shard-param " + cut.text, kUserPriority});
        break;
      }
  return found;
}

SmallVector<FoundCut> ApplyPlan::planned(func::FuncOp function, const LayerNames &names) {
  SmallVector<FoundCut> cuts;
  for (const Plan::Cut &cut : plan->cuts)
    // The eval task lacks nothing of the forward pass, the update has nothing of it: the driver has checked that a
    // name is known to the task that trains.
    if (Operation *op = names.find(cut.layer, cut.op, cut.ordinal))
      cuts.push_back({op, cut.operand, cut.dim, cut.axis, cut.why, cut.priority});
  return cuts;
}

void ApplyPlan::constrain(const FoundCut &cut, const LayerNames &names) {
  Value value = cut.value();
  auto type = cast<RankedTensorType>(value.getType());
  Sharding sharding = Sharding::whole(mesh);
  sharding[mesh.indexOf(cut.axis)] = cut.dim;
  OpBuilder b(cut.op);
  bool isRead = isa<ReadOp>(cut.op);
  if (isRead)
    b.setInsertionPointAfter(cut.op);
  auto op = dist::ConstrainOp::create(b, cut.op->getLoc(), type, value,
                                      dist::toAttr(&getContext(), mesh, sharding, type.getRank()),
                                      b.getI64IntegerAttr(cut.priority), b.getStringAttr(cut.why));
  const LayerNames::Name &name = names.of(cut.op);
  op->setAttr(cutAttr, b.getDictionaryAttr({b.getNamedAttr("layer", b.getStringAttr(name.layer)),
                                            b.getNamedAttr("op", b.getStringAttr(name.op)),
                                            b.getNamedAttr("operand", b.getI64IntegerAttr(cut.operand)),
                                            b.getNamedAttr("ordinal", b.getI64IntegerAttr(name.ordinal))}));
  // What is read is constrained by the op's being there: the update goes on to read the parameter as it is stored.
  if (!isRead)
    cut.op->setOperand(cut.operand, op);
}

void ApplyPlan::runOnOperation() {
  if (failed(buildMesh()) || failed(readParameterCuts()))
    return signalPassFailure();
  bool remark = true;
  for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
    if (plan)
      cutInputsAsPlanned(function);
    else if (failed(cutInputs(function)))
      return signalPassFailure();
    LayerNames names(function);
    FailureOr<SmallVector<FoundCut>> cuts = plan ? planned(function, names) : findAll(function, remark);
    if (failed(cuts))
      return signalPassFailure();
    for (const FoundCut &cut : *cuts)
      constrain(cut, names);
    // Tasks share the forward pass: once is enough.
    remark = false;
    if (tp == 1)
      continue;
    // A row of logits is cut: its statistics are reductions that say so.
    for (CrossEntropyOp loss : llvm::to_vector(function.getOps<CrossEntropyOp>()))
      decomposeOp(loss);
    // So is a row that heads are made of.
    for (Operation &op : llvm::make_early_inc_range(function.getBody().front()))
      if (headsMadeOf(&op) > 0)
        decomposeOp(&op);
  }
}

std::unique_ptr<Pass> weft::createApplyPlanPass(const Plan &plan) { return std::make_unique<ApplyPlan>(plan); }

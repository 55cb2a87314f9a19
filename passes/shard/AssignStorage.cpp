//===- AssignStorage.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/FindCuts.h"
#include "passes/shard/Passes.h"
#include "passes/shard/PlanAttrs.h"
#include "passes/shard/Unreduced.h"

namespace weft {
#define GEN_PASS_DEF_ASSIGNSTORAGE
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

namespace {

struct AssignStorage : weft::impl::AssignStorageBase<AssignStorage> {
  using Base::Base;
  explicit AssignStorage(const Plan &plan) : plan(&plan) {}
  void runOnOperation() override;

private:
  /// How a parameter and its states are stored.
  struct Storage {
    Sharding param, states;
  };

  LogicalResult readOptions();
  /// How tasks want parameters: they agree, as constraints do not depend on the task.
  void findWanted();
  Storage decide(ParamOp param);
  /// Cuts a dimension on `shard`: one that no other axis cuts, the first that divides; else the first that divides at
  /// all; else the one that needs the least padding. Only a tensor of one element cannot be cut.
  bool cutOnShard(Sharding &sharding, RankedTensorType type) const;
  void cutAsAsked(ParamOp param, Storage &storage) const;
  /// How gradients lie that are added over micro-batches.
  Sharding accumulated(Sharding states) const;
  void store(Operation *symbol, const Sharding &sharding, RankedTensorType type) {
    symbol->setAttr(dist::shardingAttr, dist::toAttr(&getContext(), mesh, sharding, type.getRank()));
  }
  void storeAsPlanned();
  /// Leaves a parameter in the parts that are updated, if the next step can put it together by gathers alone.
  void leaveInParts(ParamOp param, StateOp state);

  const Plan *plan = nullptr; ///< null: decide
  Mesh mesh;
  Accumulate order = Accumulate::ByZero;
  SmallVector<ParameterCut> parameterCuts;
  llvm::StringMap<Sharding> wanted;
};

} // namespace

LogicalResult AssignStorage::readOptions() {
  if (zero < 0 || zero > 3)
    return getOperation().emitError("--zero is 0, 1, 2 or 3, not ") << zero.getValue();
  std::optional<Accumulate> parsed = parseAccumulate(accumulate);
  if (!parsed)
    return getOperation().emitError("--accumulate is mb, dp or by-zero, not ") << accumulate.getValue();
  order = *parsed;
  for (const std::string &text : shardParam) {
    FailureOr<ParameterCut> cut = parseParameterCut(getOperation(), mesh, text);
    if (failed(cut))
      return failure();
    parameterCuts.push_back(*cut);
  }
  return success();
}

void AssignStorage::findWanted() {
  int64_t tp = mesh.indexOf("tp");
  for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
    for (ReadOp read : function.getOps<ReadOp>()) {
      Sharding preferred = preferredSharding(mesh, cast<OpResult>(read.getResult()));
      auto [it, isNew] = wanted.try_emplace(read.getSymbol(), preferred);
      if (!isNew && tp >= 0 && it->second[tp] < 0)
        it->second[tp] = preferred[tp];
    }
}

bool AssignStorage::cutOnShard(Sharding &sharding, RankedTensorType type) const {
  int64_t axis = mesh.indexOf("shard");
  for (bool alone : {true, false})
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      int64_t parts = sharding.partsOf(mesh, dim);
      if ((alone && parts != 1) || type.getDimSize(dim) % (parts * mesh.sizes[axis]) != 0)
        continue;
      sharding[axis] = dim;
      return true;
    }
  Sharding cut = sharding;
  int64_t least = sharding.localType(mesh, type).getNumElements();
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    cut[axis] = dim;
    if (int64_t held = cut.localType(mesh, type).getNumElements(); held < least) {
      least = held;
      sharding = cut;
    }
  }
  return sharding[axis] >= 0;
}

/// What `shard-param` says of storage; on `tp` it is a constraint already where it cuts.
void AssignStorage::cutAsAsked(ParamOp param, Storage &storage) const {
  auto type = cast<RankedTensorType>(param.getType());
  for (const ParameterCut &cut : parameterCuts) {
    if (!matches(cut, param))
      continue;
    int64_t axis = mesh.indexOf(cut.axis);
    Storage asked = storage;
    asked.states[axis] = cut.dim < 0 ? Sharding::Whole : static_cast<int8_t>(cut.dim);
    if (cut.axis == "tp" || zero >= 3 || cut.dim < 0)
      asked.param[axis] = asked.states[axis];
    storage = asked;
    if (cut.dim < 0 || asked.states.divides(mesh, type))
      continue;
    RankedTensorType held = asked.states.localType(mesh, type);
    int64_t parts = 1;
    for (int64_t dim = 0; dim < type.getRank(); ++dim)
      parts *= asked.states.partsOf(mesh, dim);
    param.emitRemark("--shard-param '") << cut.text << "': dimension " << cut.dim << " of '" << param.getSymName()
                                        << "' of " << type << " is not a multiple of "
                                        << asked.states.partsOf(mesh, cut.dim) << ": each rank holds " << held
                                        << " with padding, " << tensorBytes(held) * parts - tensorBytes(type)
                                        << " bytes of it in all";
  }
}

AssignStorage::Storage AssignStorage::decide(ParamOp param) {
  int64_t tp = mesh.indexOf("tp"), shard = mesh.indexOf("shard");
  auto type = cast<RankedTensorType>(param.getType());
  Sharding stored = Sharding::whole(mesh);
  if (auto it = wanted.find(param.getSymName()); it != wanted.end() && tp >= 0)
    stored[tp] = it->second[tp];
  Sharding cut = stored;
  bool isCut = shard >= 0 && cutOnShard(cut, type), isAsked = zero >= 1 && param.getTrainable();
  if (shard >= 0 && isAsked && !isCut)
    param.emitRemark("'") << param.getSymName() << "' of " << type << " has nothing that " << mesh.sizes[shard]
                          << " ranks could share: its states (" << tensorBytes(stored.localType(mesh, type))
                          << " bytes each) stay whole on every rank of 'shard'";
  if (isCut && isAsked && !cut.divides(mesh, type)) {
    RankedTensorType held = cut.localType(mesh, type);
    param.emitRemark("'") << param.getSymName() << "' of " << type << " has no dimension that " << mesh.sizes[shard]
                          << " ranks divide: each holds " << held << " with padding, "
                          << tensorBytes(held) * mesh.sizes[shard] - tensorBytes(stored.localType(mesh, type))
                          << " bytes of it in all";
  }
  bool isLarge = type.getNumElements() >= persistence;
  Storage storage{zero >= 3 && isLarge ? cut : stored, zero >= 1 ? cut : stored};
  cutAsAsked(param, storage);
  return storage;
}

Sharding AssignStorage::accumulated(Sharding states) const {
  bool microbatchFirst = order == Accumulate::MicrobatchFirst;
  if (order == Accumulate::DataFirst)
    return states;
  // Summed over micro-batches first, unless only shards may be held.
  for (auto [axis, name] : llvm::enumerate(mesh.axes))
    if (name == "replica" || (name == "shard" && (zero < 2 || microbatchFirst)))
      states[axis] = Sharding::Unreduced;
  return states;
}

void AssignStorage::storeAsPlanned() {
  llvm::StringMap<const Plan::Parameter *> lines;
  for (const Plan::Parameter &parameter : plan->parameters)
    lines[parameter.name] = &parameter;
  for (ParamOp param : getOperation().getOps<ParamOp>())
    if (const Plan::Parameter *line = lines.lookup(param.getSymName())) {
      param->setAttr(dist::shardingAttr, toAttr(&getContext(), line->stored));
      if (line->betweenSteps)
        param->setAttr(betweenStepsAttr, toAttr(&getContext(), *line->betweenSteps));
    }
  for (StateOp state : getOperation().getOps<StateOp>())
    if (const Plan::Parameter *line = state.getParam() ? lines.lookup(*state.getParam()) : nullptr) {
      bool isGradient = state.getKind() == StateKind::accumulator;
      state->setAttr(dist::shardingAttr, toAttr(&getContext(), isGradient ? line->gradients : line->states));
    }
}

void AssignStorage::leaveInParts(ParamOp param, StateOp state) {
  auto parts = state->getAttrOfType<dist::ShardingAttr>(dist::shardingAttr);
  if (cast<RankedTensorType>(state.getType()).getShape() == cast<RankedTensorType>(param.getType()).getShape() &&
      toLayout(parts).refines(toLayout(param->getAttrOfType<dist::ShardingAttr>(dist::shardingAttr))))
    param->setAttr(betweenStepsAttr, parts);
}

void AssignStorage::runOnOperation() {
  ModuleOp module = getOperation();
  mesh = dist::meshOf(module);
  if (plan)
    return storeAsPlanned();
  if (failed(readOptions()))
    return signalPassFailure();
  findWanted();
  llvm::StringMap<Sharding> states;
  for (ParamOp param : module.getOps<ParamOp>()) {
    Storage storage = decide(param);
    store(param, storage.param, cast<RankedTensorType>(param.getType()));
    states[param.getSymName()] = storage.states;
  }
  bool accumulates = module.lookupSymbol<func::FuncOp>("task_next") != nullptr;
  for (StateOp state : module.getOps<StateOp>()) {
    if (!state.getParam())
      continue;
    Sharding stored = states.lookup(*state.getParam());
    if (state.getKind() == StateKind::accumulator && accumulates)
      stored = accumulated(stored);
    store(state, stored, cast<RankedTensorType>(state.getType()));
  }
  // Micro-batches share nothing but what is stored: each would gather. With ZeRO-3 what is whole is small, and stays
  // so.
  if (zero == 0 || zero == 3 || accumulates)
    return;
  for (StateOp state : module.getOps<StateOp>())
    if (state.getParam() && state.getKind() != StateKind::accumulator)
      leaveInParts(module.lookupSymbol<ParamOp>(*state.getParam()), state);
}

std::unique_ptr<Pass> weft::createAssignStoragePass(const Plan &plan) { return std::make_unique<AssignStorage>(plan); }

//===- AssignStorage.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Passes.h"
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
  void runOnOperation() override;

private:
  /// Cuts a dimension on `shard`: one that no other axis cuts, the first that divides; else the first that divides at
  /// all.
  bool cutOnShard(Sharding &sharding, RankedTensorType type) const;
  void store(Operation *symbol, const Sharding &sharding, RankedTensorType type) {
    symbol->setAttr(dist::shardingAttr, dist::toAttr(&getContext(), mesh, sharding, type.getRank()));
  }

  Mesh mesh;
};

} // namespace

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
  return false;
}

void AssignStorage::runOnOperation() {
  ModuleOp module = getOperation();
  mesh = dist::meshOf(module);
  int64_t tp = mesh.indexOf("tp"), shard = mesh.indexOf("shard");
  if (zero < 0 || zero > 3) {
    module.emitError("--zero is 0, 1, 2 or 3, not ") << zero.getValue();
    return signalPassFailure();
  }

  // As tasks want a parameter: they agree, as constraints do not depend on the task.
  llvm::StringMap<Sharding> wanted;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    for (ReadOp read : function.getOps<ReadOp>()) {
      Sharding preferred = preferredSharding(mesh, cast<OpResult>(read.getResult()));
      auto [it, isNew] = wanted.try_emplace(read.getSymbol(), preferred);
      if (!isNew && tp >= 0 && it->second[tp] < 0)
        it->second[tp] = preferred[tp];
    }

  llvm::StringMap<Sharding> optimizer;
  for (ParamOp param : module.getOps<ParamOp>()) {
    auto type = cast<RankedTensorType>(param.getType());
    Sharding stored = Sharding::whole(mesh);
    if (auto it = wanted.find(param.getSymName()); it != wanted.end() && tp >= 0)
      stored[tp] = it->second[tp];
    Sharding cut = stored;
    bool divides = shard >= 0 && cutOnShard(cut, type);
    if (shard >= 0 && zero >= 1 && param.getTrainable() && !divides)
      param.emitRemark("'") << param.getSymName() << "' of " << type << " has no dimension that " << mesh.sizes[shard]
                            << " ranks divide: its states (" << tensorBytes(stored.localType(mesh, type))
                            << " bytes each) stay whole on every rank of 'shard'";
    optimizer[param.getSymName()] = zero >= 1 ? cut : stored;
    bool isLarge = type.getNumElements() >= persistence;
    store(param, zero >= 3 && isLarge ? cut : stored, type);
  }

  // Accumulators are summed over micro-batches first, unless only shards may be held.
  bool accumulates = module.lookupSymbol<func::FuncOp>("task_next") != nullptr;
  for (StateOp state : module.getOps<StateOp>()) {
    if (!state.getParam())
      continue;
    auto type = cast<RankedTensorType>(state.getType());
    Sharding stored = optimizer.lookup(*state.getParam());
    if (state.getKind() == StateKind::accumulator && accumulates && !reduceFirst)
      for (auto [axis, name] : llvm::enumerate(mesh.axes))
        if (name == "replica" || (name == "shard" && zero < 2))
          stored[axis] = Sharding::Unreduced;
    store(state, stored, type);
  }
}

//===- Preferences.cpp - Which factor an axis cuts at an op -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Preferences.h"
#include "passes/shard/Region.h"
#include "passes/shard/ReshardCost.h"
#include <tuple>

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

StringRef Origin::kind() const {
  if (priority == kInputPriority)
    return "inputs";
  return priority == kStatePriority ? "stored states" : name.getValue();
}

bool Preferences::set(const Mesh &mesh, Value value, int64_t axis, int64_t dim, Origin origin) {
  auto [it, isNew] = known.try_emplace(value);
  Preference &preference = it->second;
  if (isNew) {
    preference.sharding = Sharding::whole(mesh);
    preference.origins.resize(mesh.getNumAxes());
  }
  if (preference.sharding[axis] >= 0)
    return false;
  preference.sharding[axis] = static_cast<int8_t>(dim);
  preference.origins[axis] = origin;
  return true;
}

/// What one rank sends for an op alone at which the axis cuts `factor`, so that operands come from how they are
/// preferred, and results become that. What nothing is preferred of costs nothing: it will be held as it is needed.
static double sentFor(const Mesh &mesh, const OpFactors &factors, Operation *op, int64_t axis, int64_t factor,
                      const Preferences &preferences) {
  double sent = 0;
  for (int64_t tensor = 0, count = factors.getNumTensors(); tensor < count; ++tensor) {
    Value value = tensorOf(op, tensor);
    int64_t dim = factors.dimOf(tensor, factor);
    bool isResult = tensor >= static_cast<int64_t>(op->getNumOperands());
    auto at = static_cast<int8_t>(dim != OpFactors::None ? dim : Sharding::Whole);
    if (isResult && dim == OpFactors::None && factors.factor(factor).kind == ShardingRule::FactorKind::Reduction)
      at = Sharding::Unreduced;
    int8_t preferred = preferences.at(value, axis);
    // An open result is held as it comes, unless it is a sum.
    if (isResult && preferred < 0 && at >= 0)
      continue;
    double bytes = bytesBeside(mesh, value, preferences.of(mesh, value), axis);
    sent += isResult ? reshardBytes(bytes, mesh.sizes[axis], at, preferred)
                     : reshardBytes(bytes, mesh.sizes[axis], preferred, at);
  }
  return sent;
}

/// Whether all that is preferred at an op is how states are stored, though it is in the forward pass, or reads nothing
/// but parameters. That says nothing of it: what is stored whole would be sliced here, and gathered behind.
static bool isOfUpdate(Operation *op, int64_t axis, const Preferences &preferences) {
  StringRef region = regionOf(op->getLoc());
  if (region == "update")
    return false;
  auto isOfStates = [&](Value value) {
    return preferences.at(value, axis) < 0 || preferences.find(value)->origins[axis].priority == kStatePriority;
  };
  auto isOpen = [&](Value value) { return preferences.at(value, axis) < 0; };
  if (region == "forward")
    return llvm::all_of(op->getResults(), isOfStates) && llvm::all_of(op->getOperands(), isOfStates);
  return llvm::all_of(op->getResults(), isOpen) && llvm::all_of(op->getOperands(), [&](Value value) {
           return isOpen(value) || (value.getDefiningOp<ReadOp>() && isOfStates(value));
         });
}

SmallVector<Contender, 2> weft::contendersAt(const Mesh &mesh, const OpFactors &factors, Operation *op, int64_t axis,
                                             const Preferences &preferences) {
  SmallVector<Contender, 2> contenders;
  auto add = [&](int64_t tensor, const Sharding &sharding, Origin origin) {
    int64_t factor = factors.factorOf(mesh, tensor, sharding, axis);
    if (factor == OpFactors::None || factors.factor(factor).kind == ShardingRule::FactorKind::Replicated)
      return;
    int64_t bytes = tensorBytes(cast<RankedTensorType>(tensorOf(op, tensor).getType()));
    auto known = llvm::find_if(contenders, [&](const Contender &c) { return c.factor == factor; });
    if (known == contenders.end()) {
      contenders.push_back({factor, origin, bytes, 0});
      return;
    }
    if (origin.priority < known->origin.priority)
      known->origin = origin;
    known->bytes = std::max(known->bytes, bytes);
  };
  for (int64_t tensor = 0, count = factors.getNumTensors(); tensor < count; ++tensor) {
    Value value = tensorOf(op, tensor);
    const Preference *preference = preferences.find(value);
    if (!preference || preference->sharding[axis] < 0)
      continue;
    add(tensor, preference->sharding, preference->origins[axis]);
    // A constraint on this operand that came to a value which was cut already is one of this op still.
    auto constrain = value.getDefiningOp<dist::ConstrainOp>();
    if (!constrain || tensor >= static_cast<int64_t>(op->getNumOperands()))
      continue;
    int8_t dim = (*dist::fromAttr(mesh, constrain.getSharding()))[axis];
    if (dim < 0 || dim == preference->sharding[axis])
      continue;
    Sharding asked = preference->sharding;
    asked[axis] = dim;
    add(tensor, asked, {static_cast<int64_t>(constrain.getPriority()), constrain.getOriginAttr()});
  }
  if (contenders.size() == 1 && isOfUpdate(op, axis, preferences))
    contenders.clear();
  if (contenders.size() < 2)
    return contenders;
  for (Contender &contender : contenders)
    contender.sent = sentFor(mesh, factors, op, axis, contender.factor, preferences);
  llvm::stable_sort(contenders, [](const Contender &a, const Contender &b) {
    return std::tuple(a.origin.priority, a.sent, -a.bytes) < std::tuple(b.origin.priority, b.sent, -b.bytes);
  });
  return contenders;
}

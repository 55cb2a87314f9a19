//===- Unreduced.cpp - How long partial sums stay unreduced -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Unreduced.h"
#include "passes/shard/ReshardCost.h"
#include <cmath>

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

Sharding weft::preferredSharding(const Mesh &mesh, OpResult result) {
  auto attrs = result.getOwner()->getAttrOfType<ArrayAttr>(dist::shardingsAttr);
  if (!attrs)
    return Sharding::whole(mesh);
  return *dist::fromAttr(mesh, cast<dist::ShardingAttr>(attrs[result.getResultNumber()]));
}

SmallVector<int64_t> weft::factorsOf(const Mesh &mesh, Operation *op) {
  if (auto attr = op->getAttrOfType<DenseI64ArrayAttr>(dist::factorsAttr))
    return SmallVector<int64_t>(attr.asArrayRef());
  return SmallVector<int64_t>(mesh.getNumAxes(), OpFactors::None);
}

static bool isScalar(Value value) { return cast<RankedTensorType>(value.getType()).getRank() == 0; }

SmallVector<int64_t> UnreducedAnalysis::passingSet(Operation *op, const OpFactors &factors,
                                                   llvm::function_ref<bool(int64_t)> canBe,
                                                   llvm::function_ref<bool(int64_t)> isCut) {
  for (const auto &set : factors.getRule().linear) {
    // What is whole becomes a sum of it and zeros: a number; or what is added to a sum that is stored, which would have
    // to be reduced otherwise.
    bool isStored = llvm::any_of(
        set, [&](int64_t operand) { return canBe(operand) && op->getOperand(operand).getDefiningOp<ReadOp>(); });
    auto canBecome = [&](int64_t operand) {
      Value value = op->getOperand(operand);
      return (isScalar(value) || (isStored && !isCut(operand))) &&
             isa<FloatType, IntegerType>(getElementTypeOrSelf(value));
    };
    bool any = false, all = true;
    for (int64_t operand : set) {
      any |= canBe(operand);
      all &= canBe(operand) || canBecome(operand);
    }
    for (int64_t operand = 0, count = op->getNumOperands(); operand < count; ++operand)
      all &= llvm::is_contained(set, operand) || (!canBe(operand) && !isCut(operand));
    if (any && all)
      return SmallVector<int64_t>(set.begin(), set.end());
  }
  return {};
}

double UnreducedAnalysis::costHere(Value value, int64_t axis) const {
  auto result = dyn_cast<OpResult>(value);
  Sharding preferred = result ? preferredSharding(mesh, result) : Sharding::whole(mesh);
  return costAs(value, preferred, axis, preferred[axis]);
}

double UnreducedAnalysis::costAs(Value value, const Sharding &preferred, int64_t axis, int8_t to) const {
  return reshardBytes(bytesBeside(mesh, value, preferred, axis), mesh.sizes[axis], Sharding::Unreduced, to);
}

Sharding UnreducedAnalysis::storedAs(StringRef symbol) const {
  Operation *op = symbols.lookup(symbol);
  return op ? dist::storedSharding(mesh, op) : Sharding::whole(mesh);
}

bool UnreducedAnalysis::isCut(Value value, int64_t axis) const {
  auto result = dyn_cast<OpResult>(value);
  return result && preferredSharding(mesh, result)[axis] >= 0;
}

SmallVector<int64_t> UnreducedAnalysis::passing(Operation *op, const OpFactors &factors, int64_t axis) const {
  return passingSet(
      op, factors, [&](int64_t i) { return canBe(op->getOperand(i), axis); },
      [&](int64_t i) { return isCut(op->getOperand(i), axis); });
}

UnreducedAnalysis::UnreducedAnalysis(func::FuncOp function, const Mesh &mesh)
    : mesh(mesh), symbols(function->getParentOfType<ModuleOp>()) {
  Ops ops;
  for (Operation &op : function.getBody().front())
    ops.push_back({&op, OpFactors(&op)});
  // A value that is reduced early takes others with it; a few rounds find all of them. What a round too few would leave
  // is partitioned as well, with a reduction more.
  constexpr int kRounds = 16;
  for (int round = 0; round < kRounds; ++round) {
    later.clear();
    findPossible(ops);
    findCosts(ops);
    if (!findStranded(ops))
      break;
  }
}

bool UnreducedAnalysis::makesPartial(const OpFactors &factors, OpResult result, int64_t axis) const {
  Operation *op = result.getOwner();
  int64_t chosen = weft::factorsOf(mesh, op)[axis];
  return chosen != OpFactors::None && factors.factor(chosen).kind == ShardingRule::FactorKind::Reduction &&
         factors.factor(chosen).combine == ShardingRule::Combine::Sum &&
         factors.dimOf(op->getNumOperands() + result.getResultNumber(), chosen) == OpFactors::None;
}

void UnreducedAnalysis::findPossible(const Ops &ops) {
  for (const auto &[op, factors] : ops) {
    if (auto read = dyn_cast<ReadOp>(op)) {
      Sharding stored = storedAs(read.getSymbol());
      for (int64_t axis : stored.axesOf(Sharding::Unreduced))
        later[{read.getResult(), axis}] = INFINITY;
      continue;
    }
    if (!factors.isKnown())
      continue;
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis) {
      bool passes = !passing(op, factors, axis).empty();
      for (OpResult result : op->getResults())
        if ((passes || makesPartial(factors, result, axis)) && !early.contains({result, axis}))
          later[{result, axis}] = INFINITY;
    }
  }
}

void UnreducedAnalysis::findCosts(const Ops &ops) {
  llvm::DenseMap<Operation *, const OpFactors *> factorsOfOp;
  for (const auto &[op, factors] : ops)
    factorsOfOp[op] = &factors;
  for (const auto &[op, factors] : llvm::reverse(ops))
    for (Value result : op->getResults())
      for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis) {
        auto it = later.find({result, axis});
        if (it == later.end())
          continue;
        double cost = 0;
        for (Operation *user : result.getUsers()) {
          if (auto write = dyn_cast<WriteOp>(user)) {
            cost += costAs(result, preferredSharding(mesh, cast<OpResult>(result)), axis,
                           storedAs(write.getSymbol())[axis]);
            continue;
          }
          const OpFactors &userFactors = *factorsOfOp.lookup(user);
          SmallVector<int64_t> set;
          if (userFactors.isKnown())
            set = passing(user, userFactors, axis);
          bool inSet = llvm::any_of(set, [&](int64_t i) { return user->getOperand(i) == result; });
          if (!inSet) {
            cost = INFINITY;
            break;
          }
          double sum = 0, sharers = 0;
          for (Value passed : user->getResults()) {
            auto other = later.find({passed, axis});
            sum += std::min(costHere(passed, axis), other == later.end() ? INFINITY : other->second);
          }
          for (int64_t i : set)
            sharers += canBe(user->getOperand(i), axis);
          cost += sum / sharers;
        }
        it->second = cost;
      }
}

bool UnreducedAnalysis::findStranded(const Ops &ops) {
  // What partitioning will hold unreduced, by what it decides from `later`.
  llvm::DenseSet<Key> held;
  bool any = false;
  for (const auto &[op, factors] : ops) {
    if (isa<WriteOp>(op))
      continue;
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis) {
      auto isHeld = [&](int64_t i) { return held.contains({op->getOperand(i), axis}); };
      SmallVector<int64_t> set;
      if (factors.isKnown())
        set = passingSet(op, factors, isHeld, [&](int64_t i) { return isCut(op->getOperand(i), axis); });
      for (int64_t i = 0, count = op->getNumOperands(); i < count; ++i) {
        Value operand = op->getOperand(i);
        // What is read lies unreduced, whatever becomes of it.
        if (isHeld(i) && !llvm::is_contained(set, i) && !operand.getDefiningOp<ReadOp>())
          any |= early.insert({operand, axis}).second;
      }
      for (OpResult result : op->getResults()) {
        if (!canBe(result, axis))
          continue;
        bool isRead = isa<ReadOp>(op);
        bool isMade = isRead || !set.empty() || makesPartial(factors, result, axis);
        if (isMade && (isRead || isKept(result, axis)))
          held.insert({result, axis});
      }
    }
  }
  return any;
}

bool UnreducedAnalysis::isKept(Value value, int64_t axis) const {
  auto it = later.find({value, axis});
  if (it == later.end())
    return false;
  // A number that is added to others waits for the axes of all of them: one reduction over several is less than many.
  // Not for what is stored, and whole: one rank alone would have to add that.
  auto isStored = [](Operation *user) {
    return isa<WriteOp>(user) ||
           llvm::any_of(user->getOperands(), [](Value other) { return other.getDefiningOp<ReadOp>(); });
  };
  bool isAdded = isScalar(value) && llvm::none_of(value.getUsers(), isStored);
  if (isAdded)
    return it->second <= costHere(value, axis) * (1 + 1e-9);
  // Shares of a cost add up to it but for rounding.
  return it->second < costHere(value, axis) * (1 - 1e-9);
}

//===- AxisCost.cpp - What ops cost, by what an axis cuts at them -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/AxisCost.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/schedule/OpSeconds.h"
#include "passes/shard/Region.h"
#include "passes/shard/Unreduced.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft;
using dist::Sharding;

const Sharding &AxisCost::storedAs(StringRef symbol) {
  auto [it, isNew] = stored.try_emplace(symbol);
  if (isNew) {
    Operation *op = symbols.lookup(symbol);
    it->second = op ? dist::storedSharding(mesh, op) : Sharding::whole(mesh);
  }
  return it->second;
}

Sharding AxisCost::neededAt(OpOperand &use) {
  Operation *user = use.getOwner();
  if (auto write = dyn_cast<WriteOp>(user))
    return storedAs(write.getSymbol());
  Sharding need = Sharding::whole(mesh);
  if (auto it = chosen.find(user); it != chosen.end())
    for (auto [other, factor] : llvm::enumerate(it->second))
      if (factor != OpFactors::None)
        if (int64_t dim = factors.of(user).dimOf(use.getOperandNumber(), factor); dim != OpFactors::None)
          need[other] = static_cast<int8_t>(dim);
  return need;
}

SmallVector<int64_t> AxisCost::passing(Operation *op, int depth) {
  if (depth > kMaxSums || op->getNumResults() == 0)
    return {};
  const OpFactors &known = factors.of(op);
  if (!known.isKnown() || known.getRule().linear.empty())
    return {};
  // Each is asked about once: with more, a tree of sums would be walked over and over.
  SmallVector<bool> partial =
      llvm::map_to_vector(op->getOperands(), [&](Value operand) { return isPartial(operand, depth + 1); });
  return UnreducedAnalysis::passingSet(
      op, known, [&](int64_t i) { return partial[i]; },
      [&](int64_t i) { return preferences.at(op->getOperand(i), axis) >= 0; });
}

int8_t AxisCost::madeAs(Value value, int depth) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return preferences.at(value, axis);
  if (auto read = dyn_cast<ReadOp>(op))
    return storedAs(read.getSymbol())[axis];
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue()) ? preferences.at(value, axis) : Whole;
  if (!passing(op, depth).empty())
    return Unreduced;
  if (isa<dist::ConstrainOp>(op))
    return heldAs(op->getOperand(0), depth + 1);
  int64_t factor = factorAt(op);
  if (factor == OpFactors::None)
    return Whole;
  const OpFactors &known = factors.of(op);
  int64_t dim = known.dimOf(op->getNumOperands() + cast<OpResult>(value).getResultNumber(), factor);
  if (dim != OpFactors::None)
    return static_cast<int8_t>(dim);
  const ShardingRule::Factor &cut = known.factor(factor);
  bool isSum = cut.kind == ShardingRule::FactorKind::Reduction && cut.combine == ShardingRule::Combine::Sum;
  return isSum ? Unreduced : Whole;
}

bool AxisCost::passesOn(Value value, int depth) {
  if (!value.hasOneUse())
    return false;
  OpOperand &use = *value.use_begin();
  return llvm::is_contained(passing(use.getOwner(), depth), use.getOperandNumber());
}

int8_t AxisCost::reducedTo(Value value) {
  if (value.hasOneUse())
    if (auto write = dyn_cast<WriteOp>(*value.user_begin()))
      return storedAs(write.getSymbol())[axis];
  return preferences.at(value, axis);
}

int8_t AxisCost::heldAs(Value value, int depth) {
  int8_t made = madeAs(value, depth);
  // Arguments and what is read lie as they lie.
  if (!value.getDefiningOp() || value.getDefiningOp<ReadOp>() || (made == Unreduced && passesOn(value, depth)))
    return made;
  if (made == Unreduced)
    return reducedTo(value);
  if (made != Whole)
    return made;
  // What is whole and read so somewhere stays whole: parts of it are slices.
  bool isReadWhole = llvm::any_of(value.getUses(), [&](OpOperand &use) {
    return !isa<dist::ConstrainOp>(use.getOwner()) && neededAt(use)[axis] == Whole;
  });
  return isReadWhole ? int8_t(Whole) : preferences.at(value, axis);
}

bool AxisCost::isGradient(Value value, int depth) {
  return depth < kMaxSums && !value.use_empty() && llvm::all_of(value.getUsers(), [&](Operation *user) {
           return regionOf(user->getLoc()) == "update" ||
                  (isa<TransposeOp, ReshapeOp, arith::TruncFOp>(user) && isGradient(user->getResult(0), depth + 1));
         });
}

StepCost AxisCost::costOf(Value value) {
  StepCost cost;
  auto become = [&](int8_t from, int8_t to, const Sharding &others) {
    double bytes = bytesBeside(mesh, value, others, axis);
    // What an axis cuts comes together, or goes elsewhere, only with what the axes minor to it have cut of that; and
    // cuts what they have cut only when that is together.
    struct Minor {
      int64_t parts = 1, ranks = 1; ///< halves are on one rank
    };
    auto minorTo = [&](int8_t dim) {
      Minor minor;
      for (int64_t other = axis + 1; other < mesh.getNumAxes() && dim >= 0; ++other)
        if (others[other] == dim) {
          minor.parts *= mesh.sizes[other];
          minor.ranks *= mesh.axes[other] == dist::halfAxis ? 1 : mesh.sizes[other];
        }
      return minor;
    };
    Minor behind = minorTo(from), before = minorTo(to);
    if (reshardKind(from, to).empty())
      return;
    if (before.ranks > 1)
      cost += reshardCost(bytes * static_cast<double>(before.parts), before.ranks, to, Whole, rates);
    if (behind.parts > 1)
      cost +=
          reshardCost(bytes * static_cast<double>(behind.parts), mesh.sizes[axis] * behind.ranks, from, Whole, rates);
    else
      cost += reshardCost(bytes, mesh.sizes[axis], from, to, rates);
  };
  Sharding preferred = preferences.of(mesh, value);
  int8_t made = madeAs(value), held = heldAs(value);
  Operation *op = value.getDefiningOp();
  if (made == Unreduced && !isa_and_nonnull<ReadOp>(op)) {
    become(made, held, preferred);
    // Gradients wait for one another and are reduced together: one of them more is no collective more.
    if (isGradient(value) && cost.seconds > 0)
      cost.seconds -= rates.collectiveSeconds;
  }
  // Maxima and the like are combined where they are made.
  if (int64_t factor = op ? factorAt(op) : OpFactors::None; factor != OpFactors::None && made == Whole)
    if (factors.of(op).factor(factor).kind == ShardingRule::FactorKind::Reduction)
      become(Unreduced, Whole, preferred);
  // One reshard for all uses of a region.
  SmallVector<std::pair<StringRef, Sharding>> needs;
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isa<dist::ConstrainOp>(user) ||
        (held == Unreduced && llvm::is_contained(passing(user, 0), use.getOperandNumber())))
      continue;
    std::pair<StringRef, Sharding> need(regionOf(user->getLoc()), neededAt(use));
    if (reshardKind(held, need.second[axis]).empty() || llvm::is_contained(needs, need))
      continue;
    become(held, need.second[axis], need.second);
    needs.push_back(std::move(need));
  }
  return cost;
}

double AxisCost::workOf(Operation *op) {
  const OpFactors &known = factors.of(op);
  if (!known.isKnown() || isa<dist::ConstrainOp>(op))
    return 0;
  // Sums over ranks are added as they are, by each.
  int64_t factor = passing(op, 0).empty() ? factorAt(op) : OpFactors::None;
  auto [it, isNew] = work.try_emplace({op, factor}, 0);
  if (!isNew)
    return it->second;
  SmallVector<int64_t> cuts(mesh.getNumAxes(), OpFactors::None);
  if (auto at = chosen.find(op); at != chosen.end())
    cuts = at->second;
  cuts[axis] = factor;
  SmallVector<RankedTensorType> operands, results;
  for (int64_t tensor = 0, count = known.getNumTensors(); tensor < count; ++tensor) {
    auto type = cast<RankedTensorType>(tensorOf(op, tensor).getType());
    Sharding sharding = known.shardingOf(mesh, tensor, cuts).value_or(Sharding::whole(mesh));
    (tensor < static_cast<int64_t>(op->getNumOperands()) ? operands : results)
        .push_back(sharding.localType(mesh, type));
  }
  return work[{op, factor}] = secondsOf(op, operands, results, rates);
}

StepCost AxisCost::of(ArrayRef<Operation *> ops) {
  // What a sum is added to behind its op decides where it is reduced.
  llvm::SetVector<Operation *> all(ops.begin(), ops.end());
  for (Operation *op : ops)
    for (int length = 0; length < kMaxSums && op->getNumResults() == 1 && op->getResult(0).hasOneUse(); ++length) {
      op = *op->getResult(0).user_begin();
      if (op->getNumResults() == 0 || !factors.of(op).isKnown() || factors.of(op).getRule().linear.empty())
        break;
      all.insert(op);
    }
  llvm::SetVector<Value> values;
  StepCost cost;
  for (Operation *op : all) {
    values.insert(op->operand_begin(), op->operand_end());
    values.insert(op->result_begin(), op->result_end());
    cost.seconds += workOf(op);
  }
  for (Value value : values)
    cost += costOf(value);
  return cost;
}

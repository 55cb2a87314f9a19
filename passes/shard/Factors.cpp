//===- Factors.cpp - Axes of a mesh on the factors of an op -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Factors.h"
#include "passes/shard/Localize.h"

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

Value weft::tensorOf(Operation *op, int64_t tensor) {
  int64_t operands = op->getNumOperands();
  return tensor < operands ? op->getOperand(tensor) : Value(op->getResult(tensor - operands));
}

OpFactors::OpFactors(Operation *op) : numOperands(op->getNumOperands()) {
  auto interface = dyn_cast<ShardingRuleOpInterface>(op);
  if (!interface || op->getNumResults() == 0)
    return;
  known = true;
  rule = interface.getShardingRule();
  placed = relaxRule(op, rule);
  llvm::append_range(maps, rule.operands);
  llvm::append_range(maps, rule.results);
}

bool OpFactors::canBePadded(int64_t index) const {
  const ShardingRule::Factor &factor = rule.factors[index];
  if (factor.kind == ShardingRule::FactorKind::Parallel || isPlaced(index))
    return true;
  if (factor.kind == ShardingRule::FactorKind::Replicated)
    return false;
  if (factor.combine != ShardingRule::Combine::Sum)
    return numOperands == 1;
  // An operand in which the op is linear adds nothing where it is zero.
  return llvm::any_of(rule.linear,
                      [&](const auto &set) { return set.size() == 1 && dimOf(set.front(), index) != None; });
}

int64_t OpFactors::factorOf(const Mesh &mesh, int64_t tensor, const Sharding &sharding, int64_t axis) const {
  int64_t dim = sharding[axis];
  if (dim < 0)
    return None;
  ArrayRef<int64_t> factors = maps[tensor][dim];
  // A dimension that is one factor can have padding behind it.
  if (factors.size() == 1 && canBePadded(factors.front()))
    return factors.front();
  // Axes fill factors from the major one on; a minor factor is contiguous only if those before it are cut completely.
  int64_t parts = 1;
  size_t next = 0;
  for (int64_t other : sharding.axesOf(dim)) {
    while (next < factors.size() && rule.factors[factors[next]].size == parts) {
      ++next;
      parts = 1;
    }
    if (next == factors.size() || rule.factors[factors[next]].size % (parts * mesh.sizes[other]) != 0)
      return None;
    if (other == axis)
      return factors[next];
    parts *= mesh.sizes[other];
  }
  llvm_unreachable("the axis is one of the dimension's");
}

int64_t OpFactors::dimOf(int64_t tensor, int64_t factor) const {
  for (auto [dim, factors] : llvm::enumerate(maps[tensor]))
    if (llvm::is_contained(factors, factor))
      return dim;
  return None;
}

std::optional<Sharding> OpFactors::shardingOf(const Mesh &mesh, int64_t tensor, ArrayRef<int64_t> factors) const {
  Sharding sharding = Sharding::whole(mesh);
  for (auto [axis, factor] : llvm::enumerate(factors)) {
    if (factor == None)
      continue;
    if (int64_t dim = dimOf(tensor, factor); dim != None)
      sharding[axis] = dim;
    else if (tensor >= numOperands && rule.factors[factor].kind == ShardingRule::FactorKind::Reduction)
      sharding[axis] = Sharding::Unreduced;
  }
  for (auto [axis, factor] : llvm::enumerate(factors))
    if (sharding[axis] >= 0 && factorOf(mesh, tensor, sharding, axis) != factor)
      return std::nullopt;
  return sharding;
}

bool OpFactors::isFeasible(const Mesh &mesh, ArrayRef<int64_t> factors) const {
  for (int64_t factor : factors)
    if (factor != None && rule.factors[factor].kind == ShardingRule::FactorKind::Replicated)
      return false;
  for (int64_t tensor = 0; tensor < getNumTensors(); ++tensor)
    if (!shardingOf(mesh, tensor, factors))
      return false;
  return true;
}

//===- FusionGraph.cpp - Which ops share a kernel -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/lower/FusionGraph.h"
#include "dialects/exec/StridedView.h"
#include "dialects/weft/Sort.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace weft;
using exec::KernelKind;

/// Ops that a virtual op may hold: more would be computed again too often.
static constexpr int64_t maxVirtualOps = 16;

/// Ops that are computed in one go even if each has one use, and ops of one kernel. Programs of people have a few
/// dozens; beyond that a kernel gains nothing, and what works on kernels takes more than linear time and stack.
static constexpr int64_t maxExpressionOps = 256, maxKernelOps = 512;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static int64_t countOf(Value value) { return typeOf(value).getNumElements(); }

bool weft::isElementwise(Operation *op) {
  return op->getNumResults() == 1 && op->hasTrait<OpTrait::Elementwise>() &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

bool weft::isPointwise(Operation *op) {
  return isElementwise(op) || isa<GatherOp, ConcatOp, PadOp, RotaryOp, RandomOp, CumsumOp, exec::MaterializeOp>(op);
}

/// Ops that write slices to computed places.
static bool isScatter(Operation *op) { return isa<ScatterAddOp, ScatterOp>(op); }

/// Whether operand `i` of a scatter is what it writes: one element for each of the kernel's space.
static bool isUpdates(Operation *op, int64_t i) {
  return (isa<ScatterAddOp>(op) && i == 0) || (isa<ScatterOp>(op) && i == 2);
}

static bool isConstantLike(Operation *op) { return isa<arith::ConstantOp, IotaOp>(op); }

/// Whether the dimensions a reduction drops are the last ones.
static bool reducesRows(ReduceOp op) {
  int64_t first = typeOf(op.getInput()).getRank() - static_cast<int64_t>(op.getDims().size());
  return op.getDims().front() == first;
}

Space weft::nodeSpace(Operation *node) {
  if (auto reduce = dyn_cast<ReduceOp>(node)) {
    int64_t kept = countOf(reduce.getResult()), all = countOf(reduce.getInput());
    int64_t each = kept ? all / kept : 0;
    return reducesRows(reduce) ? Space{kept, each} : Space{each, kept};
  }
  auto slices = [](Value updates, Value result, int64_t axis) -> Space {
    int64_t cols = 1;
    for (int64_t size : typeOf(result).getShape().drop_front(axis + 1))
      cols *= size;
    return {cols ? countOf(updates) / cols : 0, cols};
  };
  if (auto scatter = dyn_cast<ScatterAddOp>(node))
    return slices(scatter.getUpdates(), scatter.getResult(), scatter.getAxis());
  if (auto scatter = dyn_cast<ScatterOp>(node))
    return slices(scatter.getUpdates(), scatter.getResult(), scatter.getAxis());
  RankedTensorType type = typeOf(node->getResult(0));
  if (type.getRank() == 0)
    return {1, 1};
  int64_t cols = type.getShape().back();
  return {cols ? type.getNumElements() / cols : 0, cols};
}

static KernelKind kindOf(Operation *node) {
  if (isScatter(node))
    return KernelKind::scatter;
  if (auto reduce = dyn_cast<ReduceOp>(node); reduce && !reducesRows(reduce))
    return KernelKind::column;
  return KernelKind::row;
}

/// The first user that is not a view, if the value has just one, over views of one use each.
static Operation *onlyUser(Value value) {
  while (value.hasOneUse()) {
    Operation *user = *value.getUsers().begin();
    if (!exec::isView(user))
      return user;
    value = user->getResult(0);
  }
  return nullptr;
}

/// Whether `op` only makes the elements of its operand wider: whoever reads the operand can do it again for nothing.
static bool isWidening(Operation *op) { return isa<arith::ExtFOp, arith::ExtSIOp, arith::ExtUIOp>(op); }

/// The op that makes `value`, over views.
static Operation *makerOf(Value value) {
  Operation *def = value.getDefiningOp();
  while (def && exec::isView(def))
    def = def->getOperand(0).getDefiningOp();
  return def;
}

/// Whether every user, over views, is an op that a kernel computes.
static bool usedByKernelsOnly(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (exec::isView(user))
      return usedByKernelsOnly(user->getResult(0));
    return isPointwise(user) || isa<ReduceOp>(user) || isScatter(user);
  });
}

FusionGraph::FusionGraph(Block &block) {
  findVirtualOps(block);
  assignGroups(block);
  finish();
}

void FusionGraph::findVirtualOps(Block &block) {
  // Per virtual op: the ops it holds and the full-sized values it reads.
  struct Expression {
    int64_t ops = 0;
    llvm::SmallSetVector<Value, 2> full;
  };
  DenseMap<Operation *, Expression> expressions;
  for (Operation &op : block) {
    if (!isPointwise(&op) || isa<exec::MaterializeOp>(op))
      continue;
    Value result = op.getResult(0);
    if (!usedByKernelsOnly(result))
      continue;
    Expression expression;
    expression.ops = 1;
    // A value much smaller than the result costs nothing to read again.
    auto read = [&](Value source) {
      if (countOf(source) * 8 > countOf(result))
        expression.full.insert(source);
    };
    for (Value operand : op.getOperands()) {
      Value source = operand;
      while (Operation *def = source.getDefiningOp()) {
        if (!exec::isView(def))
          break;
        source = def->getOperand(0);
      }
      Operation *def = source.getDefiningOp();
      if (def && isConstantLike(def))
        continue;
      if (auto it = def ? expressions.find(def) : expressions.end(); it != expressions.end()) {
        expression.ops += it->second.ops;
        llvm::for_each(it->second.full, read);
        continue;
      }
      read(source);
    }
    opsOf[&op] = expression.ops;
    bool cheap = expression.full.size() <= 1 && expression.ops <= maxVirtualOps && countOf(result) > 1;
    if (!cheap && (!onlyUser(result) || expression.ops > maxExpressionOps)) {
      // What would be stored wide is stored narrow: the operand becomes a node, the widening is done by who reads it.
      Operation *narrow = isWidening(&op) ? makerOf(op.getOperand(0)) : nullptr;
      if (!narrow || !virtualOps.contains(narrow))
        continue;
      virtualOps.erase(narrow);
      expressions.erase(narrow);
      expression.ops = opsOf[&op] = 1;
      expression.full.clear();
      expression.full.insert(narrow->getResult(0));
    }
    // A single use holds any number of inputs, but they count for those that build on them.
    virtualOps.insert(&op);
    while (expression.full.size() > 2)
      expression.full.pop_back();
    expressions[&op] = expression;
  }
}

void FusionGraph::walkLeaves(Value value, Access access, Space space, SmallVectorImpl<Leaf> &leaves) const {
  Operation *op = value.getDefiningOp();
  if (op && isConstantLike(op))
    return;
  if (!op || (!exec::isView(op) && !virtualOps.contains(op))) {
    leaves.push_back({value, access});
    return;
  }
  if (isa<ReshapeOp>(op) || isElementwise(op)) {
    for (Value operand : op->getOperands())
      walkLeaves(operand, access, space, leaves);
    return;
  }
  if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
    Access inner = Access::Mapped;
    // A value per row: the operand's dimensions are the first ones of the result, and the rest make up the columns.
    bool leading = llvm::equal(broadcast.getDims(), llvm::seq<int64_t>(0, broadcast.getDims().size()));
    if (access == Access::Full && leading && countOf(broadcast.getInput()) == space.rows &&
        countOf(value) == space.rows * space.cols)
      inner = Access::Row;
    walkLeaves(broadcast.getInput(), inner, space, leaves);
    return;
  }
  for (Value operand : op->getOperands())
    walkLeaves(operand, Access::Mapped, space, leaves);
}

SmallVector<FusionGraph::Leaf> FusionGraph::leavesIn(Operation *node, Space space, bool asRow) const {
  SmallVector<Leaf> leaves;
  bool own = isa<ReduceOp>(node) || isElementwise(node) || isa<exec::MaterializeOp>(node);
  for (auto [i, operand] : llvm::enumerate(node->getOperands())) {
    Access access = asRow ? Access::Row : Access::Full;
    if (!own && !isUpdates(node, i))
      access = Access::Mapped;
    walkLeaves(operand, access, space, leaves);
  }
  return leaves;
}

SmallVector<FusionGraph::Leaf> FusionGraph::getLeaves(Operation *node) const {
  int64_t group = getGroup(node);
  Space space = group >= 0 ? groups[group].space : nodeSpace(node);
  bool asRow = !isa<ReduceOp>(node) && !isScatter(node) && countOf(node->getResult(0)) != space.rows * space.cols;
  return leavesIn(node, space, asRow);
}

int64_t FusionGraph::find(int64_t group) const {
  while (parent[group] != group)
    group = parent[group] = parent[parent[group]];
  return group;
}

int64_t FusionGraph::getGroup(Operation *op) const {
  auto it = groupOf.find(op);
  return it == groupOf.end() ? -1 : it->second;
}

/// Whether `node`, which reads `leaves` in the space of `group`, can be computed in it.
bool FusionGraph::canJoin(Operation *node, const Group &group, ArrayRef<Leaf> leaves) const {
  for (const Leaf &leaf : leaves) {
    Operation *def = leaf.value.getDefiningOp();
    auto it = def ? groupOf.find(def) : groupOf.end();
    if (it == groupOf.end())
      continue;
    const Group &other = groups[find(it->second)];
    // Column and scatter kernels of this level depend on no row kernel of it: their results come from outside.
    if (other.level < group.level || other.kind != KernelKind::row)
      continue;
    if (!(other.space == group.space))
      return false;
    // The access must meet the form in which the group has the value.
    int64_t wanted = leaf.access == Access::Full  ? group.space.rows * group.space.cols
                     : leaf.access == Access::Row ? group.space.rows
                                                  : -1;
    if (countOf(leaf.value) != wanted)
      return false;
  }
  return true;
}

void FusionGraph::assignGroups(Block &block) {
  // By root: the ops of each kernel so far.
  SmallVector<int64_t> sizes;
  auto sizeOf = [&](Operation *op) { return std::max<int64_t>(1, opsOf.lookup(op)); };
  // Kernels of one level, kind and space that read a common full value become one: it is read once.
  DenseMap<std::pair<Value, int64_t>, SmallVector<int64_t, 2>> readers;
  auto startOrShare = [&](Operation *op, KernelKind kind, Space space, int64_t level, ArrayRef<Leaf> leaves) {
    if (kind != KernelKind::scatter)
      for (const Leaf &leaf : leaves)
        if (leaf.access == Access::Full)
          for (int64_t candidate : readers[{leaf.value, level}]) {
            const Group &group = groups[find(candidate)];
            if (group.kind == kind && group.space == space && sizes[find(candidate)] + sizeOf(op) <= maxKernelOps) {
              sizes[find(candidate)] += sizeOf(op);
              groupOf[op] = find(candidate);
              levelOf[op] = level;
              return;
            }
          }
    int64_t group = groups.size();
    groups.push_back({kind, space, level, {}});
    parent.push_back(group);
    sizes.push_back(sizeOf(op));
    groupOf[op] = group;
    levelOf[op] = level;
    for (const Leaf &leaf : leaves)
      if (leaf.access == Access::Full)
        readers[{leaf.value, level}].push_back(group);
  };
  auto levelOfValue = [&](Value value) -> int64_t {
    Operation *def = value.getDefiningOp();
    auto it = def ? levelOf.find(def) : levelOf.end();
    return it == levelOf.end() ? 0 : it->second;
  };
  /// The least level of an op that cannot join a kernel.
  auto barrierLevel = [&](ArrayRef<Leaf> leaves) {
    int64_t level = 0;
    for (const Leaf &leaf : leaves) {
      Operation *def = leaf.value.getDefiningOp();
      bool fromKernel = def && groupOf.contains(def);
      level = std::max(level, levelOfValue(leaf.value) + (fromKernel ? 1 : 0));
    }
    return level;
  };

  for (Operation &op : block) {
    if (virtualOps.contains(&op) || exec::isView(&op) || isConstantLike(&op))
      continue;
    bool isNode = isPointwise(&op) || isa<ReduceOp>(op) || isScatter(&op);
    if (!isNode) {
      // A library call, a read or a write: it waits for the kernels it reads from.
      SmallVector<Leaf> leaves;
      for (Value operand : op.getOperands())
        walkLeaves(operand, Access::Mapped, {1, 1}, leaves);
      levelOf[&op] = barrierLevel(leaves);
      continue;
    }
    KernelKind kind = kindOf(&op);
    Space own = nodeSpace(&op);
    SmallVector<Leaf> leaves = leavesIn(&op, own, /*asRow=*/false);
    int64_t barrier = barrierLevel(leaves);
    if (kind != KernelKind::row) {
      startOrShare(&op, kind, own, barrier, leaves);
      continue;
    }
    // The highest level among the kernels it reads from: those it could join.
    int64_t top = -1, base = 0;
    for (const Leaf &leaf : leaves) {
      Operation *def = leaf.value.getDefiningOp();
      bool fromRow = def && groupOf.contains(def) && groups[find(groupOf[def])].kind == KernelKind::row;
      if (fromRow)
        top = std::max(top, levelOfValue(leaf.value));
      base = std::max(base, levelOfValue(leaf.value));
    }
    bool joined = false;
    if (top >= 0 && top == base) {
      llvm::SmallSetVector<int64_t, 4> candidates;
      for (const Leaf &leaf : leaves) {
        Operation *def = leaf.value.getDefiningOp();
        if (def && groupOf.contains(def) && levelOfValue(leaf.value) == top)
          if (int64_t group = find(groupOf[def]); groups[group].kind == KernelKind::row)
            candidates.insert(group);
      }
      Space space = groups[candidates.front()].space;
      int64_t count = countOf(op.getResult(0));
      bool asRow = !isa<ReduceOp>(op) && count == space.rows && count != space.rows * space.cols;
      bool fits = isa<ReduceOp>(op) ? own == space : asRow || own == space;
      int64_t ops = sizeOf(&op);
      for (int64_t candidate : candidates)
        ops += sizes[candidate];
      if (fits && ops <= maxKernelOps && canJoin(&op, groups[candidates.front()], leavesIn(&op, space, asRow))) {
        int64_t root = candidates.front();
        for (int64_t other : candidates)
          parent[find(other)] = root;
        sizes[root] = ops;
        groupOf[&op] = root;
        levelOf[&op] = top;
        joined = true;
      }
    }
    if (!joined)
      startOrShare(&op, kind, own, barrier, leaves);
  }

  for (Operation &op : block)
    if (auto it = groupOf.find(&op); it != groupOf.end())
      groups[it->second = find(it->second)].nodes.push_back(&op);
}

/// Drops merged groups and finds the kernels whose accesses are all at the element itself.
void FusionGraph::finish() {
  std::vector<Group> kept;
  SmallVector<int64_t> renumbered(groups.size(), -1);
  for (auto [i, group] : llvm::enumerate(groups)) {
    if (group.nodes.empty())
      continue;
    renumbered[i] = kept.size();
    kept.push_back(group);
  }
  for (auto &entry : groupOf)
    entry.second = renumbered[entry.second];
  groups = std::move(kept);
  for (Group &group : groups) {
    if (group.kind != KernelKind::row)
      continue;
    int64_t count = group.space.rows * group.space.cols;
    bool flat = llvm::all_of(group.nodes, [&](Operation *node) {
      if (!isElementwise(node) || countOf(node->getResult(0)) != count)
        return false;
      // Every value on the way has to be full or a repeated scalar.
      SmallVector<Value> work(node->getOperands());
      while (!work.empty()) {
        Value value = work.pop_back_val();
        Operation *op = value.getDefiningOp();
        if (!op || (!virtualOps.contains(op) && !exec::isView(op) && !isConstantLike(op)))
          continue;
        if (auto broadcast = dyn_cast<BroadcastOp>(op)) {
          if (countOf(broadcast.getInput()) != 1)
            return false;
          continue;
        }
        if (isa<arith::ConstantOp>(op))
          continue;
        if (!isElementwise(op) && !isa<ReshapeOp>(op))
          return false;
        llvm::append_range(work, op->getOperands());
      }
      return true;
    });
    if (flat)
      group.kind = KernelKind::flat;
  }
}

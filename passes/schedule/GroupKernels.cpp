//===- GroupKernels.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/StridedView.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/schedule/Passes.h"

namespace weft {
#define GEN_PASS_DEF_GROUPKERNELS
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

static int64_t bytesOf(ValueRange values) {
  int64_t bytes = 0;
  for (Value value : values)
    bytes += tensorBytes(cast<RankedTensorType>(value.getType()));
  return bytes;
}

/// Whether both compute the same thing, of what has the same types.
static bool isAlike(exec::FusedOp a, exec::FusedOp b) {
  return a.getKind() == b.getKind() && a.getRows() == b.getRows() && a.getCols() == b.getCols() &&
         a->getOperandTypes() == b->getOperandTypes() && a->getResultTypes() == b->getResultTypes() &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

namespace {

/// Kernels that wait for others like them, and what has to come after them: views of their results, and writes.
struct Waiting {
  SmallVector<exec::FusedOp> members;
  SmallVector<Operation *> followers;
  int64_t heldBytes = 0;
};

struct Limits {
  int64_t bytes, arguments, held;
};

/// Groups the kernels of one task.
class Grouping {
public:
  explicit Grouping(const Limits &limits) : limits(limits) {}
  void run(Block &block);

  int64_t numGroups = 0, numMembers = 0;

private:
  bool isSmall(exec::FusedOp fused) const;
  Waiting &groupOf(exec::FusedOp fused);
  void add(exec::FusedOp fused);
  /// Whether all that there is to `op` is that it comes after a kernel that waits, as a follower.
  bool follows(Operation *op);
  /// Launches what `op` reads and waits, before it.
  void launchFor(Operation *op);
  void launch(Waiting &group, Operation *before);

  Limits limits;
  std::vector<std::unique_ptr<Waiting>> groups; ///< of one kind of kernel each, some of them empty
  DenseMap<Operation *, Waiting *> waiting;
};

struct GroupKernels : weft::impl::GroupKernelsBase<GroupKernels> {
  using Base::Base;
  void runOnOperation() override {
    Grouping grouping({bytes, arguments, held});
    grouping.run(getOperation().getBody().front());
    numGroups += grouping.numGroups;
    numMembers += grouping.numMembers;
  }
};

} // namespace

bool Grouping::isSmall(exec::FusedOp fused) const {
  bool side = fused.getKind() == exec::KernelKind::flat || fused.getKind() == exec::KernelKind::row;
  return side && !fused->hasAttr(exec::hostAttr) && !fused->hasAttr(exec::membersAttr) && fused->getNumResults() > 0 &&
         bytesOf(fused->getOperands()) + bytesOf(fused->getResults()) <= limits.bytes;
}

Waiting &Grouping::groupOf(exec::FusedOp fused) {
  Waiting *empty = nullptr;
  for (auto &group : groups) {
    if (group->members.empty())
      empty = group.get();
    else if (isAlike(group->members.front(), fused))
      return *group;
  }
  if (!empty)
    empty = groups.emplace_back(std::make_unique<Waiting>()).get();
  return *empty;
}

void Grouping::add(exec::FusedOp fused) {
  Waiting &group = groupOf(fused);
  auto each = static_cast<int64_t>(fused->getNumOperands() + fused->getNumResults());
  int64_t operandBytes = bytesOf(fused->getOperands());
  if (each * static_cast<int64_t>(group.members.size() + 1) > limits.arguments ||
      group.heldBytes + operandBytes > limits.held)
    launch(group, fused);
  group.members.push_back(fused);
  group.heldBytes += operandBytes;
  waiting[fused] = &group;
}

bool Grouping::follows(Operation *op) {
  if (!exec::isView(op) && !isa<WriteOp>(op))
    return false;
  auto found = waiting.find(exec::storedValue(op->getOperand(0)).getDefiningOp());
  if (found == waiting.end())
    return false;
  found->second->followers.push_back(op);
  return true;
}

void Grouping::launchFor(Operation *op) {
  for (Value operand : op->getOperands())
    if (auto found = waiting.find(exec::storedValue(operand).getDefiningOp()); found != waiting.end())
      launch(*found->second, op);
}

void Grouping::launch(Waiting &group, Operation *before) {
  SmallVector<exec::FusedOp> members = std::exchange(group.members, {});
  SmallVector<Operation *> followers = std::exchange(group.followers, {});
  group.heldBytes = 0;
  for (exec::FusedOp member : members)
    waiting.erase(member);
  // One by itself is where it was.
  if (members.size() < 2)
    return;
  SmallVector<Value> inputs;
  SmallVector<Type> results;
  for (exec::FusedOp member : members) {
    for (Value input : member.getInputs())
      inputs.push_back(input);
    for (Type type : member->getResultTypes())
      results.push_back(type);
  }
  OpBuilder builder(before);
  exec::FusedOp first = members.front();
  auto fused = exec::FusedOp::create(builder, first.getLoc(), results, inputs, first.getKind(), first.getRows(),
                                     first.getCols());
  fused->setDiscardableAttrs(first->getDiscardableAttrDictionary());
  fused->setAttr(exec::membersAttr, builder.getI64IntegerAttr(members.size()));
  Block *body = builder.createBlock(&fused.getBody());
  SmallVector<Value> yielded;
  for (exec::FusedOp member : members) {
    Block &from = member.getBody().front();
    IRMapping mapping;
    for (BlockArgument argument : from.getArguments())
      mapping.map(argument, body->addArgument(argument.getType(), argument.getLoc()));
    for (Operation &op : from.without_terminator())
      builder.clone(op, mapping);
    for (Value value : from.getTerminator()->getOperands())
      yielded.push_back(mapping.lookup(value));
  }
  exec::YieldOp::create(builder, first.getLoc(), yielded);
  int64_t next = 0;
  for (exec::FusedOp member : members) {
    for (Value result : member->getResults())
      result.replaceAllUsesWith(fused->getResult(next++));
    member.erase();
  }
  for (Operation *follower : followers)
    follower->moveBefore(before);
  ++numGroups;
  numMembers += members.size();
}

void Grouping::run(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (follows(&op))
      continue;
    launchFor(&op);
    auto fused = dyn_cast<exec::FusedOp>(op);
    if (fused && isSmall(fused))
      add(fused);
    else if (op.hasTrait<OpTrait::IsTerminator>())
      for (auto &group : groups)
        launch(*group, &op);
  }
}

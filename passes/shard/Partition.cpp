//===- Partition.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/weft/SymbolAttrs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Factors.h"
#include "passes/shard/Localize.h"
#include "passes/shard/OrderSums.h"
#include "passes/shard/Passes.h"
#include "passes/shard/PlanAttrs.h"
#include "passes/shard/Region.h"
#include "passes/shard/Unreduced.h"
#include <map>

namespace weft {
#define GEN_PASS_DEF_PARTITION
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

namespace {

/// Writes the local form of one function beside its ops, then removes them.
class FunctionPartition {
public:
  FunctionPartition(func::FuncOp function, const Mesh &mesh, SymbolTable &symbols)
      : function(function), mesh(mesh), symbols(symbols), unreduced(function, mesh), builder(function.getContext()) {}

  void run();
  int64_t numReshards = 0;

private:
  /// A value of the old program in the new one.
  struct Held {
    Value local;
    Sharding sharding;
    bool isClean = true; ///< padding is zero, or there is none
  };

  void write(Operation &op);
  void write(ReadOp read);
  void write(WriteOp write);
  void writeOp(Operation &op);
  /// Reduces a result where it is not to stay unreduced, slices it where it is whole and should be cut.
  void settle(OpResult result, Value local, Sharding sharding, bool isClean);
  /// Operand `i` of an op whose axes cut the factors `chosen`, with what its padding has to be.
  Value padded(Operation &op, const OpFactors &factors, int64_t i, Value local, const Sharding &sharding);
  /// The value, held as `to` says; one reshard for all uses of a region.
  Value held(Value value, const Sharding &to, Location loc);
  Value reshard(Value local, const Sharding &from, const Sharding &to, RankedTensorType whole, Location loc,
                StringRef region);
  /// Moves what was put together where it was read to its first use.
  void placeLateGathers();
  bool hasPadding(const Sharding &sharding, Value whole) const {
    return !sharding.divides(mesh, cast<RankedTensorType>(whole.getType()));
  }
  /// How tasks read a symbol, and how they find and leave it.
  Sharding readAs(StringRef symbol) {
    Operation *op = symbols.lookup(symbol);
    return op ? dist::storedSharding(mesh, op) : Sharding::whole(mesh);
  }
  Sharding storedAs(StringRef symbol) {
    Operation *op = symbols.lookup(symbol);
    auto between = op ? op->getAttrOfType<dist::ShardingAttr>(betweenStepsAttr) : dist::ShardingAttr();
    return between ? *dist::fromAttr(mesh, between) : readAs(symbol);
  }
  /// Whether padding of what is held so is zero, or there is none.
  bool isClean(Value value, const Sharding &sharding);
  /// Whether an op that has the value reads all of it on an axis.
  bool isReadWhole(OpResult value, int64_t axis);

  func::FuncOp function;
  const Mesh &mesh;
  SymbolTable &symbols;
  UnreducedAnalysis unreduced;
  FactorCache factorsOfOps;
  OpBuilder builder;
  DenseMap<Value, Held> values;
  /// By value, region and sharding.
  using ReshardKey = std::tuple<void *, std::string, std::vector<int8_t>>;
  static ReshardKey keyOf(Value value, StringRef region, const Sharding &to) {
    return {value.getAsOpaquePointer(), region.str(), std::vector<int8_t>(to.axes.begin(), to.axes.end())};
  }
  std::map<ReshardKey, Value> resharded;
  SmallVector<Operation *> lateGathers;
};

} // namespace

Value FunctionPartition::reshard(Value local, const Sharding &from, const Sharding &to, RankedTensorType whole,
                                 Location loc, StringRef region) {
  if (from == to)
    return local;
  auto op = dist::ReshardOp::create(builder, loc, local, mesh, from, to, whole);
  // Regions have reshards of their own: with the same operand and attributes, they would be one to CSE.
  op->setAttr(dist::regionAttr, builder.getStringAttr(region));
  ++numReshards;
  return op.getResult();
}

Value FunctionPartition::held(Value value, const Sharding &to, Location loc) {
  const Held &now = values.find(value)->second;
  if (now.sharding == to)
    return now.local;
  Value &known = resharded[keyOf(value, regionOf(loc), to)];
  auto type = cast<RankedTensorType>(value.getType());
  SplatElementsAttr splat;
  // A number that is repeated is had anywhere.
  if (!known && !llvm::is_contained(to.axes, Sharding::Unreduced) && matchPattern(value, m_Constant(&splat)))
    known = arith::ConstantOp::create(builder, loc, splat.resizeSplat(to.localType(mesh, type)));
  if (!known)
    known = reshard(now.local, now.sharding, to, type, loc, regionOf(loc));
  return known;
}

bool FunctionPartition::isClean(Value value, const Sharding &sharding) {
  SplatElementsAttr splat;
  if (matchPattern(value, m_Constant(&splat)))
    return matchPattern(value, m_Zero()) || matchPattern(value, m_AnyZeroFloat()) || !hasPadding(sharding, value);
  return values.find(value)->second.isClean;
}

bool FunctionPartition::isReadWhole(OpResult value, int64_t axis) {
  return llvm::any_of(value.getUses(), [&](OpOperand &use) {
    Operation *user = use.getOwner();
    if (auto write = dyn_cast<WriteOp>(user))
      return storedAs(write.getSymbol())[axis] == Sharding::Whole;
    if (isa<dist::ConstrainOp>(user))
      return false;
    int64_t factor = factorsOf(mesh, user)[axis];
    return factor == OpFactors::None || factorsOfOps.of(user).dimOf(use.getOperandNumber(), factor) == OpFactors::None;
  });
}

void FunctionPartition::settle(OpResult result, Value local, Sharding sharding, bool isClean) {
  Sharding preferred = preferredSharding(mesh, result), to = sharding;
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis) {
    bool reduces = sharding[axis] == Sharding::Unreduced && !unreduced.isKept(result, axis);
    // What is whole is sliced for nothing, but put together again at a cost.
    if (reduces || (sharding[axis] == Sharding::Whole && preferred[axis] >= 0 && !isReadWhole(result, axis)))
      to[axis] = preferred[axis];
  }
  // Halves are on one rank: adding them costs nothing, and what is sent would be sent for each of them.
  int64_t half = mesh.indexOf(dist::halfAxis);
  if (half >= 0 && to[half] == Sharding::Unreduced && to != sharding)
    to[half] = Sharding::Whole;
  // What was cut otherwise may stand in the way of the preference's cuts.
  auto type = cast<RankedTensorType>(result.getType());
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (int8_t dim = to[axis]; dim >= 0 && dim != sharding[axis] && to.axesOf(dim) != preferred.axesOf(dim) &&
                               type.getDimSize(dim) % to.partsOf(mesh, dim) != 0)
      to[axis] = Sharding::Whole;
  values[result] = {reshard(local, sharding, to, type, result.getLoc(), regionOf(result.getLoc())), to, isClean};
}

void FunctionPartition::write(ReadOp read) {
  Sharding stored = storedAs(read.getSymbol()), held = readAs(read.getSymbol());
  auto type = cast<RankedTensorType>(read.getType());
  Value local = ReadOp::create(builder, read.getLoc(), stored.localType(mesh, type), read.getSymbolAttr());
  // What the last update left in parts has one gather for all regions, of which the update goes on with the part.
  Value together = reshard(local, stored, held, type, read.getLoc(), "update");
  values[read.getResult()] = {together, held};
  resharded[keyOf(read.getResult(), "update", stored)] = local;
  if (together != local)
    lateGathers.push_back(together.getDefiningOp());
}

void FunctionPartition::placeLateGathers() {
  for (Operation *gather : lateGathers) {
    Operation *first = nullptr;
    for (Operation *user : gather->getUsers())
      if (!first || user->isBeforeInBlock(first))
        first = user;
    if (first)
      gather->moveBefore(first);
    else
      gather->erase();
  }
}

void FunctionPartition::write(WriteOp write) {
  Sharding stored = storedAs(write.getSymbol());
  Value value = held(write.getValue(), stored, write.getLoc());
  auto type = cast<RankedTensorType>(write.getValue().getType());
  // What is stored has zeros in its padding.
  Build e{builder, write.getLoc()};
  for (int64_t dim = 0; dim < type.getRank() && !isClean(write.getValue(), stored); ++dim)
    if (type.getDimSize(dim) % stored.partsOf(mesh, dim) != 0)
      value = fillPadding(e, value, mesh, stored, type, dim, ShardingRule::Combine::Sum);
  WriteOp::create(builder, write.getLoc(), write.getSymbolAttr(), value);
}

Value FunctionPartition::padded(Operation &op, const OpFactors &factors, int64_t i, Value local,
                                const Sharding &sharding) {
  auto type = cast<RankedTensorType>(op.getOperand(i).getType());
  bool isZero = isClean(op.getOperand(i), sharding);
  // Numbers that choose elements have to be some that exist.
  bool isIndex = isa<IntegerType>(type.getElementType()) && !op.hasTrait<OpTrait::Elementwise>();
  Build e{builder, op.getLoc()};
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (type.getDimSize(dim) % sharding.partsOf(mesh, dim) == 0)
      continue;
    int64_t index = factors.factorOf(mesh, i, sharding, sharding.axesOf(dim).front());
    const ShardingRule::Factor &factor = factors.factor(index);
    bool isReduced = factor.kind == ShardingRule::FactorKind::Reduction && !factors.isPlaced(index);
    if (isReduced && !(isZero && factor.combine == ShardingRule::Combine::Sum))
      local = fillPadding(e, local, mesh, sharding, type, dim, factor.combine);
    else if (isIndex && !isZero)
      local = fillPadding(e, local, mesh, sharding, type, dim, ShardingRule::Combine::Sum);
  }
  return local;
}

void FunctionPartition::writeOp(Operation &op) {
  OpFactors factors(&op);
  assert(factors.isKnown() && "an op of a training step has a factor rule");
  SmallVector<int64_t> chosen = factorsOf(mesh, &op);
  int64_t numOperands = op.getNumOperands();

  // Axes on which partial operands pass through cut nothing here.
  SmallVector<SmallVector<int64_t>> passing(mesh.getNumAxes());
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis) {
    auto heldAs = [&](int64_t i) { return values.find(op.getOperand(i))->second.sharding[axis]; };
    passing[axis] = UnreducedAnalysis::passingSet(
        &op, factors, [&](int64_t i) { return heldAs(i) == Sharding::Unreduced; },
        [&](int64_t i) { return heldAs(i) >= 0; });
    if (!passing[axis].empty())
      chosen[axis] = OpFactors::None;
  }
  assert(factors.isFeasible(mesh, chosen) && "a decision that propagation took back in part");

  SmallVector<Value> operands;
  for (int64_t i = 0; i < numOperands; ++i) {
    Sharding needed = *factors.shardingOf(mesh, i, chosen);
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
      if (llvm::is_contained(passing[axis], i))
        needed[axis] = Sharding::Unreduced;
    Value local = held(op.getOperand(i), needed, op.getLoc());
    operands.push_back(isa<RankedTensorType>(local.getType()) ? padded(op, factors, i, local, needed) : local);
  }
  SmallVector<Sharding> shardings;
  SmallVector<RankedTensorType> types;
  for (int64_t i = 0, count = op.getNumResults(); i < count; ++i) {
    Sharding sharding = *factors.shardingOf(mesh, numOperands + i, chosen);
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
      if (!passing[axis].empty())
        sharding[axis] = Sharding::Unreduced;
    types.push_back(sharding.localType(mesh, cast<RankedTensorType>(op.getResult(i).getType())));
    shardings.push_back(std::move(sharding));
  }

  SmallVector<Value> results;
  if (Value placed = localize(builder, &op, operands, types.front(), mesh, chosen)) {
    results.push_back(placed);
  } else {
    Operation *clone = builder.clone(op);
    clone->setOperands(operands);
    clone->removeAttr(dist::shardingsAttr);
    clone->removeAttr(dist::factorsAttr);
    for (auto [result, type] : llvm::zip_equal(clone->getResults(), types))
      result.setType(type);
    llvm::append_range(results, clone->getResults());
  }

  for (auto [i, local] : llvm::enumerate(results)) {
    // Partial maxima and the like are combined at once; only sums can wait.
    std::map<ReduceKind, SmallVector<int64_t>> combined;
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis) {
      if (shardings[i][axis] != Sharding::Unreduced || !passing[axis].empty())
        continue;
      switch (factors.factor(chosen[axis]).combine) {
      case ShardingRule::Combine::Sum:
        continue;
      case ShardingRule::Combine::Product:
        combined[ReduceKind::prod].push_back(axis);
        break;
      case ShardingRule::Combine::Max:
        combined[ReduceKind::max].push_back(axis);
        break;
      case ShardingRule::Combine::Min:
        combined[ReduceKind::min].push_back(axis);
        break;
      }
      shardings[i][axis] = Sharding::Whole;
    }
    for (auto &[kind, axes] : combined)
      local = dist::AllReduceOp::create(builder, op.getLoc(), TypeRange(local.getType()), ValueRange(local), kind,
                                        dist::axesAttr(builder.getContext(), mesh, axes))
                  .getResult(0);
    // What is linear in its only operand makes zeros of zeros, along what the operand has: a broadcast repeats numbers.
    bool keepsZeros = numOperands == 1 && !factors.getRule().linear.empty() &&
                      isClean(op.getOperand(0), *factors.shardingOf(mesh, 0, chosen));
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
      keepsZeros &= shardings[i][axis] < 0 || factors.dimOf(0, chosen[axis]) != OpFactors::None;
    settle(op.getResult(i), local, shardings[i], keepsZeros || !hasPadding(shardings[i], op.getResult(i)));
  }
}

void FunctionPartition::write(Operation &op) {
  builder.setInsertionPoint(&op);
  if (auto readOp = dyn_cast<ReadOp>(op))
    return write(readOp);
  if (auto writeOp = dyn_cast<WriteOp>(op))
    return write(writeOp);
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    // Cut at its uses. A number that is repeated is made there.
    values[constant.getResult()] = {arith::ConstantOp::create(builder, op.getLoc(), constant.getValue()),
                                    Sharding::whole(mesh)};
    return;
  }
  if (auto constrain = dyn_cast<dist::ConstrainOp>(op)) {
    Held input = values.find(constrain.getInput())->second;
    return settle(constrain->getResult(0), input.local, input.sharding, input.isClean);
  }
  writeOp(op);
}

void FunctionPartition::run() {
  Block &body = function.getBody().front();
  SmallVector<Operation *> old;
  for (Operation &op : body.without_terminator())
    old.push_back(&op);
  // Old ops keep arguments of the old types until they are gone.
  unsigned numArguments = body.getNumArguments();
  SmallVector<Type> inputs;
  for (unsigned i = 0; i < numArguments; ++i) {
    BlockArgument argument = body.getArgument(i);
    Sharding sharding = Sharding::whole(mesh);
    if (auto attr = function.getArgAttrOfType<dist::ShardingAttr>(i, dist::shardingAttr))
      sharding = *dist::fromAttr(mesh, attr);
    inputs.push_back(sharding.localType(mesh, cast<RankedTensorType>(argument.getType())));
    values[argument] = {body.addArgument(inputs.back(), argument.getLoc()), sharding, !hasPadding(sharding, argument)};
  }
  for (Operation *op : old)
    write(*op);
  // What a test's function returns is returned whole.
  Operation *terminator = body.getTerminator();
  builder.setInsertionPoint(terminator);
  for (OpOperand &operand : terminator->getOpOperands())
    operand.set(held(operand.get(), Sharding::whole(mesh), terminator->getLoc()));
  for (Operation *op : llvm::reverse(old))
    op->erase();
  body.eraseArguments(0, numArguments);
  placeLateGathers();
  function.setFunctionType(builder.getFunctionType(inputs, function.getResultTypes()));
}

namespace {

struct Partition : weft::impl::PartitionBase<Partition> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Mesh mesh = dist::meshOf(module);
    SymbolTable symbols(module);
    for (func::FuncOp function : module.getOps<func::FuncOp>()) {
      orderSums(function, mesh);
      FunctionPartition partition(function, mesh, symbols);
      partition.run();
      numReshards += partition.numReshards;
    }
    // Reads and writes have local types now; so have what they name.
    for (Operation &op : *module.getBody())
      if (isa<ParamOp, StateOp>(op)) {
        auto type = cast<RankedTensorType>(op.getAttrOfType<TypeAttr>("type").getValue());
        if (Attribute between = op.removeAttr(betweenStepsAttr))
          op.setAttr(dist::shardingAttr, between);
        RankedTensorType local = dist::storedSharding(mesh, &op).localType(mesh, type);
        op.setAttr("type", TypeAttr::get(local));
        if (local != type)
          op.setAttr(wholeShapeAttr, DenseI64ArrayAttr::get(&getContext(), type.getShape()));
      }
  }
};

} // namespace

//===- FormKernels.cpp - Fused kernels and library calls -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/LibraryCalls.h"
#include "dialects/weft/Build.h"
#include "dialects/weft/DotDims.h"
#include "dialects/weft/Fold.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/lower/FusionGraph.h"
#include "passes/lower/Passes.h"
#include "passes/lower/RepeatedVector.h"
#include <queue>

namespace weft {
#define GEN_PASS_DEF_FORMKERNELS
#include "passes/lower/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// Brings every reduction to the first or the last dimensions of its operand.
void normalizeReductions(Block &block) {
  for (ReduceOp reduce : llvm::make_early_inc_range(block.getOps<ReduceOp>())) {
    ArrayRef<int64_t> dims = reduce.getDims();
    int64_t rank = tensorType(reduce.getInput()).getRank(), count = dims.size();
    bool contiguous = dims.back() - dims.front() + 1 == count;
    if (contiguous && (dims.front() == 0 || dims.back() == rank - 1))
      continue;
    SmallVector<int64_t> perm, last;
    for (int64_t i = 0; i < rank; ++i)
      if (!llvm::is_contained(dims, i))
        perm.push_back(i);
    llvm::append_range(perm, dims);
    for (int64_t i = rank - count; i < rank; ++i)
      last.push_back(i);
    OpBuilder builder(reduce);
    Build e{builder, reduce.getLoc()};
    reduce.replaceAllUsesWith(e.reduce(reduce.getKind(), e.transpose(reduce.getInput(), perm), last));
    reduce.erase();
  }
}

/// dot_general, and an addition of a bias that follows it, as one library call.
void formProducts(Block &block) {
  for (DotGeneralOp dot : llvm::make_early_inc_range(block.getOps<DotGeneralOp>())) {
    OpBuilder builder(dot);
    Value bias;
    Operation *replaced = dot;
    if (dot.getRhsFree().size() == 1 && dot->hasOneUse())
      if (auto add = dyn_cast<arith::AddFOp>(*dot->getUsers().begin())) {
        bias = repeatedVector(add.getLhs() == dot.getResult() ? add.getRhs() : add.getLhs());
        if (bias) {
          replaced = add;
          builder.setInsertionPoint(add);
        }
      }
    auto product =
        exec::ProductOp::create(builder, dot.getLoc(), dot.getType(), dot.getLhs(), dot.getRhs(), bias,
                                dot.getLhsBatch(), dot.getRhsBatch(), dot.getLhsContract(), dot.getRhsContract());
    replaced->replaceAllUsesWith(product);
    if (replaced != dot)
      replaced->erase();
    dot.erase();
  }
}

/// A constant of equal elements is one number in the program; a larger one than this is not stored in the executable.
bool isLargeSplat(Operation *op) {
  DenseElementsAttr value;
  return matchPattern(op, m_Constant(&value)) && value.isSplat() &&
         tensorBytes(cast<RankedTensorType>(value.getType())) > defaultFoldLimit;
}

/// Whether the strides of `value` lead to a buffer: not to a view that strides cannot express, nor to what only exists
/// inside kernels.
bool hasBuffer(Value value) {
  Operation *def = exec::StridedView::resolve(value).base.getDefiningOp();
  return !def || !(exec::isView(def) || isa<IotaOp>(def) || isLargeSplat(def));
}

/// The states that `value` is written to, as it is or through views.
int64_t countWrites(Value value) {
  int64_t count = 0;
  for (Operation *user : value.getUsers())
    count += isa<WriteOp>(user) ? 1 : exec::isView(user) ? countWrites(user->getResult(0)) : 0;
  return count;
}

/// Gives library calls and writes operands they can use in place.
int64_t materializeOperands(Block &block) {
  int64_t made = 0;
  auto materialize = [&](OpOperand &operand) {
    OpBuilder builder(operand.getOwner());
    Value value = operand.get();
    operand.set(exec::MaterializeOp::create(builder, operand.getOwner()->getLoc(), value.getType(), value));
    ++made;
  };
  // A product's operand is copied with its batch, free and contracted dimensions side by side, in this order.
  auto materializeGrouped = [&](exec::ProductOp product, OpOperand &operand, ArrayRef<int64_t> batch,
                                ArrayRef<int64_t> contract, StringRef batchName, StringRef contractName) {
    SmallVector<int64_t> perm(batch);
    llvm::append_range(perm, freeDims(operand.get(), batch, contract));
    llvm::append_range(perm, contract);
    int64_t rank = perm.size(), contracted = contract.size();
    OpBuilder builder(product);
    Build e{builder, product.getLoc()};
    operand.set(e.transpose(operand.get(), perm));
    materialize(operand);
    product->setAttr(batchName, builder.getDenseI64ArrayAttr(llvm::to_vector(llvm::seq<int64_t>(0, batch.size()))));
    product->setAttr(contractName,
                     builder.getDenseI64ArrayAttr(llvm::to_vector(llvm::seq<int64_t>(rank - contracted, rank))));
  };
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto library = dyn_cast<exec::LibraryOpInterface>(op)) {
      auto product = dyn_cast<exec::ProductOp>(op);
      for (OpOperand &operand : op.getOpOperands()) {
        if (hasBuffer(operand.get()) && library.readsInPlace(operand))
          continue;
        if (product && operand.getOperandNumber() == 0)
          materializeGrouped(product, operand, SmallVector<int64_t>(product.getLhsBatch()),
                             SmallVector<int64_t>(product.getLhsContract()), "lhsBatch", "lhsContract");
        else if (product && operand.getOperandNumber() == 1)
          materializeGrouped(product, operand, SmallVector<int64_t>(product.getRhsBatch()),
                             SmallVector<int64_t>(product.getRhsContract()), "rhsBatch", "rhsContract");
        else
          materialize(operand);
      }
    } else if (isa<WriteOp>(op)) {
      // What is written must be a result that nothing else places.
      Value value = op.getOperand(0);
      exec::StridedView view = exec::StridedView::resolve(value);
      Operation *def = view.base.getDefiningOp();
      bool whole = exec::StridedView::ofBase(value).strides == view.strides && view.offset == 0 &&
                   tensorType(view.base).getNumElements() == tensorType(value).getNumElements();
      bool onlyWrite = countWrites(view.base) == 1;
      if (!def || !hasBuffer(value) || !whole || !onlyWrite || isa<ReadOp, arith::ConstantOp>(def))
        materialize(op.getOpOperand(0));
    }
  }
  return made;
}

/// Rewrites a block as fused ops and library calls, in an order that the graph allows.
class Rewriter {
public:
  Rewriter(Block &block) : block(block), graph(block) {}

  int64_t run() {
    DenseMap<Operation *, int64_t> position;
    for (auto [i, op] : llvm::enumerate(block))
      position[&op] = i;

    // Units: one per group, one per remaining op that is not part of a kernel.
    struct Unit {
      int64_t group = -1;
      Operation *op = nullptr;
      int64_t priority = 0, waiting = 0;
      SmallVector<int64_t> users;
    };
    std::vector<Unit> units;
    DenseMap<Operation *, int64_t> unitOf;
    for (auto [i, group] : llvm::enumerate(graph.getGroups())) {
      int64_t unit = units.size();
      units.emplace_back();
      units.back().group = i;
      for (Operation *node : group.nodes) {
        unitOf[node] = unit;
        units.back().priority = std::max(units.back().priority, position[node]);
      }
    }
    SmallVector<Operation *> kept;
    for (Operation &op : block) {
      if (graph.getGroup(&op) >= 0 || graph.isVirtual(&op) || exec::isView(&op))
        continue;
      if (isa<arith::ConstantOp, IotaOp>(op) || op.hasTrait<OpTrait::IsTerminator>())
        continue;
      unitOf[&op] = units.size();
      units.emplace_back();
      units.back().op = &op;
      units.back().priority = position[&op];
    }
    auto addEdge = [&](Value leaf, int64_t to) {
      Operation *def = leaf.getDefiningOp();
      auto it = def ? unitOf.find(def) : unitOf.end();
      if (it == unitOf.end() || it->second == to)
        return;
      units[it->second].users.push_back(to);
      ++units[to].waiting;
    };
    for (int64_t i = 0, e = units.size(); i < e; ++i) {
      if (units[i].op) {
        for (Value operand : units[i].op->getOperands())
          addEdge(viewBase(operand), i);
        continue;
      }
      for (Operation *node : graph.getGroups()[units[i].group].nodes)
        for (const FusionGraph::Leaf &leaf : graph.getLeaves(node))
          addEdge(leaf.value, i);
    }

    // Of what is ready, the one that came first in the program.
    using Entry = std::pair<int64_t, int64_t>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<Entry>> ready;
    for (auto [i, unit] : llvm::enumerate(units))
      if (unit.waiting == 0)
        ready.push({unit.priority, i});
    OpBuilder builder = OpBuilder::atBlockTerminator(&block);
    int64_t done = 0;
    SmallVector<Operation *> old;
    for (Operation &op : block.without_terminator())
      old.push_back(&op);
    while (!ready.empty()) {
      Unit &unit = units[ready.top().second];
      ready.pop();
      ++done;
      if (unit.op)
        emitKept(builder, unit.op);
      else
        emitFused(builder, graph.getGroups()[unit.group]);
      for (int64_t user : unit.users)
        if (--units[user].waiting == 0)
          ready.push({units[user].priority, user});
    }
    assert(done == static_cast<int64_t>(units.size()) && "kernels depend on each other in a cycle");
    (void)done;
    for (Operation *operation : llvm::reverse(old)) {
      operation->dropAllUses();
      operation->erase();
    }
    return graph.getGroups().size();
  }

private:
  static Value viewBase(Value value) {
    Operation *def = value.getDefiningOp();
    return def && exec::isView(def) ? viewBase(def->getOperand(0)) : value;
  }

  /// The new value of an op that is outside kernels, or of a view of one.
  Value outside(OpBuilder &builder, Value value) {
    if (Value mapped = values.lookupOrNull(value))
      return mapped;
    Operation *def = value.getDefiningOp();
    if (!def)
      return value;
    assert((exec::isView(def) || isa<arith::ConstantOp, IotaOp>(def)) && "used before it is computed");
    IRMapping operands;
    for (Value operand : def->getOperands())
      operands.map(operand, outside(builder, operand));
    Value result = builder.clone(*def, operands)->getResult(0);
    values.map(value, result);
    return result;
  }

  void emitKept(OpBuilder &builder, Operation *op) {
    IRMapping operands;
    for (Value operand : op->getOperands())
      operands.map(operand, outside(builder, operand));
    Operation *copy = builder.clone(*op, operands);
    values.map(op->getResults(), copy->getResults());
  }

  /// Whether a node's result is read outside its group.
  bool isResult(Operation *node, int64_t group) {
    SmallVector<Value> work{node->getResult(0)};
    llvm::SmallDenseSet<Value, 8> seen;
    while (!work.empty()) {
      Value value = work.pop_back_val();
      if (!seen.insert(value).second)
        continue;
      for (Operation *user : value.getUsers()) {
        if (exec::isView(user) || graph.isVirtual(user)) {
          work.push_back(user->getResult(0));
          continue;
        }
        if (graph.getGroup(user) != group)
          return true;
      }
    }
    return false;
  }

  void emitFused(OpBuilder &builder, const FusionGraph::Group &group) {
    int64_t index = graph.getGroup(group.nodes.front());
    SmallVector<Operation *> results;
    for (Operation *node : group.nodes)
      if (isResult(node, index))
        results.push_back(node);

    // Operands, in the order in which the nodes meet them.
    llvm::SetVector<Value> inputs;
    llvm::SmallDenseSet<Operation *, 16> visited;
    for (Operation *node : group.nodes)
      collectInputs(node, index, inputs, visited);
    SmallVector<Value> operands;
    SmallVector<Location> locs;
    SmallVector<Type> types, resultTypes;
    for (Value input : inputs) {
      operands.push_back(outside(builder, input));
      locs.push_back(input.getLoc());
      types.push_back(input.getType());
    }
    for (Operation *node : results)
      resultTypes.push_back(node->getResult(0).getType());
    Location loc = group.nodes.back()->getLoc();
    auto fused =
        exec::FusedOp::create(builder, loc, resultTypes, operands, group.kind, group.space.rows, group.space.cols);
    Block *body = builder.createBlock(&fused.getBody(), {}, types, locs);
    IRMapping mapping;
    mapping.map(inputs.getArrayRef(), body->getArguments());
    builder.setInsertionPointToEnd(body);
    SmallVector<Value> yielded;
    for (Operation *node : group.nodes)
      cloneInto(builder, node->getResult(0), mapping);
    for (Operation *node : results)
      yielded.push_back(mapping.lookup(node->getResult(0)));
    exec::YieldOp::create(builder, loc, yielded);
    builder.setInsertionPointAfter(fused);
    for (auto [node, result] : llvm::zip(results, fused.getResults()))
      values.map(node->getResult(0), result);
  }

  /// Whether `value` is computed inside a kernel of `group` rather than passed to it.
  bool isInside(Value value, int64_t group) {
    Operation *def = value.getDefiningOp();
    if (!def)
      return false;
    if (auto constant = dyn_cast<arith::ConstantOp>(def))
      return cast<DenseElementsAttr>(constant.getValue()).isSplat();
    return isa<IotaOp>(def) || exec::isView(def) || graph.isVirtual(def) || graph.getGroup(def) == group;
  }

  void collectInputs(Operation *node, int64_t group, llvm::SetVector<Value> &inputs,
                     llvm::SmallDenseSet<Operation *, 16> &visited) {
    if (!visited.insert(node).second)
      return;
    for (Value operand : node->getOperands()) {
      if (!isInside(operand, group)) {
        inputs.insert(operand);
        continue;
      }
      Operation *def = operand.getDefiningOp();
      if (graph.getGroup(def) < 0)
        collectInputs(def, group, inputs, visited);
    }
  }

  void cloneInto(OpBuilder &builder, Value value, IRMapping &mapping) {
    if (mapping.contains(value))
      return;
    Operation *op = value.getDefiningOp();
    for (Value operand : op->getOperands())
      cloneInto(builder, operand, mapping);
    builder.clone(*op, mapping);
  }

  Block &block;
  FusionGraph graph;
  IRMapping values;
};

struct FormKernels : weft::impl::FormKernelsBase<FormKernels> {
  void runOnOperation() override {
    for (Block &block : getOperation().getBody()) {
      normalizeReductions(block);
      formProducts(block);
      numMaterialized += materializeOperands(block);
      numProducts += llvm::range_size(block.getOps<exec::ProductOp>());
      numFused += Rewriter(block).run();
    }
  }
};

} // namespace

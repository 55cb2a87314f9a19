//===- Propagate.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Factors.h"
#include "passes/shard/Passes.h"
#include "passes/shard/Preferences.h"
#include "passes/shard/Volume.h"
#include <deque>
#include <map>

namespace weft {
#define GEN_PASS_DEF_PROPAGATE
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

namespace {

/// The preferences of one function's values.
class Propagation {
public:
  Propagation(func::FuncOp function, const Mesh &mesh) : function(function), mesh(mesh) {}

  void run() {
    seed();
    // Constraints of lower priority find what those of higher priority left open.
    for (auto &[priority, seeds] : seedsByPriority) {
      for (auto &[value, axis, dim, origin] : seeds)
        set(value, axis, dim, origin);
      drain();
      setStates();
      drain();
    }
  }

  const Preference *lookup(Value value) const {
    auto it = preferences.find(value);
    return it == preferences.end() ? nullptr : &it->second;
  }

  /// Per axis the factor that it cuts at an op, or None. `onConflict` is told of the axes on which its tensors
  /// disagree.
  SmallVector<int64_t> decide(Operation *op, llvm::function_ref<void(int64_t axis, const Choice &)> onConflict) {
    SmallVector<int64_t> chosen(mesh.getNumAxes(), OpFactors::None);
    const OpFactors &factors = factorsOf(op);
    if (!factors.isKnown())
      return chosen;
    SmallVector<std::pair<Choice, int64_t>> choices;
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis) {
      choices.push_back({chooseFactor(mesh, factors, op, axis, [&](Value v) { return lookup(v); }), axis});
      if (choices.back().first.over)
        onConflict(axis, choices.back().first);
    }
    llvm::stable_sort(choices, [](const auto &a, const auto &b) {
      return a.first.kept.origin.priority < b.first.kept.origin.priority;
    });
    for (const auto &[choice, axis] : choices) {
      chosen[axis] = choice.kept.factor;
      if (!factors.isFeasible(mesh, chosen))
        chosen[axis] = OpFactors::None;
    }
    return chosen;
  }

private:
  struct Seed {
    Value value;
    int64_t axis, dim;
    Origin origin;
  };

  void addSeed(Value value, int64_t axis, int64_t dim, Origin origin) {
    seedsByPriority[origin.priority].push_back({value, axis, dim, origin});
  }

  /// What is stored is closed: it lies as it lies.
  void addStored(Value value, const Sharding &sharding, int64_t priority, StringAttr name) {
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
      if (sharding[axis] >= 0)
        addSeed(value, axis, sharding[axis], {priority, name});
  }

  void seed();
  /// States that lie as their parameter is wanted have its origin: the gradient of a table is cut because the table is.
  void setStates();
  void set(Value value, int64_t axis, int64_t dim, Origin origin);
  void drain();
  void visit(Operation *op, int64_t axis);
  const OpFactors &factorsOf(Operation *op) {
    auto it = cache.find(op);
    if (it == cache.end())
      it = cache.try_emplace(op, std::make_unique<OpFactors>(op)).first;
    return *it->second;
  }

  func::FuncOp function;
  const Mesh &mesh;
  DenseMap<Value, Preference> preferences;
  DenseMap<Value, SmallVector<int64_t>> closed; ///< what lies as it is stored, but on these axes
  /// A value of a state, how that is stored, and the read of its parameter.
  struct StateValue {
    Value value;
    Sharding stored;
    Value parameter;
  };
  SmallVector<StateValue> stateValues;
  std::map<int64_t, SmallVector<Seed>> seedsByPriority;
  DenseMap<Operation *, std::unique_ptr<OpFactors>> cache;
  std::deque<std::pair<Operation *, int64_t>> worklist;
};

} // namespace

void Propagation::seed() {
  ModuleOp module = function->getParentOfType<ModuleOp>();
  SymbolTable symbols(module);
  MLIRContext *context = function.getContext();
  for (BlockArgument argument : function.getArguments()) {
    closed[argument] = {};
    auto attr = function.getArgAttrOfType<dist::ShardingAttr>(argument.getArgNumber(), dist::shardingAttr);
    auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
    if (attr)
      addStored(argument, *dist::fromAttr(mesh, attr), kInputPriority, name ? name : StringAttr::get(context, "input"));
  }
  llvm::StringMap<Value> reads;
  for (ReadOp read : function.getOps<ReadOp>())
    reads[read.getSymbol()] = read.getResult();
  auto addState = [&](Value value, Operation *symbol, const Sharding &stored) {
    if (auto state = dyn_cast<StateOp>(symbol); state && state.getParam())
      if (Value parameter = reads.lookup(*state.getParam()))
        stateValues.push_back({value, stored, parameter});
  };
  for (Operation &op : function.getBody().front()) {
    if (auto constrain = dyn_cast<dist::ConstrainOp>(op)) {
      Sharding sharding = *dist::fromAttr(mesh, constrain.getSharding());
      for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
        if (sharding[axis] >= 0)
          addSeed(constrain.getInput(), axis, sharding[axis],
                  {static_cast<int64_t>(constrain.getPriority()), constrain.getOriginAttr()});
    } else if (auto read = dyn_cast<ReadOp>(op)) {
      // A parameter is wanted as its users want it; a state lies as it is stored.
      Operation *symbol = symbols.lookup(read.getSymbol());
      if (isa_and_nonnull<StateOp>(symbol)) {
        Sharding stored = dist::storedSharding(mesh, symbol);
        // What is stored as a sum is wanted as its users want it: it has to be reduced anyway.
        closed[read.getResult()] = stored.axesOf(Sharding::Unreduced);
        addStored(read.getResult(), stored, kStatePriority, read.getSymbolAttr().getAttr());
        addState(read.getResult(), symbol, stored);
      }
    } else if (auto write = dyn_cast<WriteOp>(op)) {
      if (Operation *symbol = symbols.lookup(write.getSymbol())) {
        Sharding stored = dist::storedSharding(mesh, symbol);
        addStored(write.getValue(), stored, kStatePriority, write.getSymbolAttr().getAttr());
        addState(write.getValue(), symbol, stored);
      }
    }
  }
}

void Propagation::setStates() {
  for (const StateValue &state : stateValues) {
    const Preference *parameter = lookup(state.parameter);
    for (int64_t axis = 0; parameter && axis < mesh.getNumAxes(); ++axis)
      if (state.stored[axis] >= 0 && parameter->sharding[axis] == state.stored[axis]) {
        // Setting may move what is known.
        Origin origin = parameter->origins[axis];
        set(state.value, axis, state.stored[axis], origin);
        parameter = lookup(state.parameter);
      }
  }
}

void Propagation::set(Value value, int64_t axis, int64_t dim, Origin origin) {
  auto [it, isNew] = preferences.try_emplace(value);
  Preference &preference = it->second;
  if (isNew) {
    preference.sharding = Sharding::whole(mesh);
    preference.origins.resize(mesh.getNumAxes());
  }
  if (preference.sharding[axis] >= 0)
    return;
  preference.sharding[axis] = dim;
  preference.origins[axis] = origin;
  if (Operation *op = value.getDefiningOp())
    worklist.push_back({op, axis});
  for (Operation *user : value.getUsers())
    worklist.push_back({user, axis});
}

void Propagation::drain() {
  while (!worklist.empty()) {
    auto [op, axis] = worklist.front();
    worklist.pop_front();
    visit(op, axis);
  }
}

void Propagation::visit(Operation *op, int64_t axis) {
  const OpFactors &factors = factorsOf(op);
  if (!factors.isKnown())
    return;
  Choice choice = chooseFactor(mesh, factors, op, axis, [&](Value v) { return lookup(v); });
  if (choice.kept.factor == OpFactors::None)
    return;
  for (int64_t tensor = 0, count = factors.getNumTensors(); tensor < count; ++tensor) {
    int64_t dim = factors.dimOf(tensor, choice.kept.factor);
    Value value = tensorOf(op, tensor);
    auto stored = closed.find(value);
    if (dim == OpFactors::None || (stored != closed.end() && !llvm::is_contained(stored->second, axis)))
      continue;
    // Only what the tensor can say: the cut of a minor factor may not be contiguous.
    Sharding with = Sharding::whole(mesh);
    if (const Preference *preference = lookup(value))
      with = preference->sharding;
    if (with[axis] >= 0)
      continue;
    with[axis] = dim;
    if (factors.factorOf(mesh, tensor, with, axis) == choice.kept.factor)
      set(value, axis, dim, choice.kept.origin);
  }
}

namespace {

/// What people call a constraint: of inputs and states there are many.
std::string kindOf(const Origin &origin) {
  if (origin.priority == kInputPriority)
    return "inputs";
  return origin.priority == kStatePriority ? "stored states" : origin.name.str();
}

struct Propagate : weft::impl::PropagateBase<Propagate> {
  using Base::Base;
  Propagate(StringRef explain, std::vector<Plan::Conflict> *into) : into(into) { this->explain = explain.str(); }

  void runOnOperation() override {
    Mesh mesh = dist::meshOf(getOperation());
    if (mesh.getNumAxes() == 0) {
      getOperation().emitError("has no dist.mesh to propagate over");
      return signalPassFailure();
    }
    auto attr = getOperation()->getAttrOfType<IntegerAttr>("weft.microbatches");
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      runs = runsPerStep(function.getSymName(), attr ? attr.getInt() : 1);
      Propagation propagation(function, mesh);
      propagation.run();
      for (Operation &op : function.getBody().front())
        annotate(op, mesh, propagation);
    }
    for (auto &[key, conflict] : conflicts)
      if (into)
        into->push_back(conflict);
  }

private:
  void annotate(Operation &op, const Mesh &mesh, Propagation &propagation) {
    if (op.getNumResults() == 0)
      return;
    SmallVector<Attribute> shardings;
    for (Value result : op.getResults()) {
      const Preference *preference = propagation.lookup(result);
      shardings.push_back(dist::toAttr(&getContext(), mesh, preference ? preference->sharding : Sharding::whole(mesh),
                                       cast<RankedTensorType>(result.getType()).getRank()));
      if (preference && isAskedAbout(op))
        explainResult(op, mesh, *preference);
    }
    op.setAttr(dist::shardingsAttr, ArrayAttr::get(&getContext(), shardings));
    SmallVector<int64_t> factors =
        propagation.decide(&op, [&](int64_t axis, const Choice &choice) { report(op, mesh.axes[axis], choice); });
    op.setAttr(dist::factorsAttr, DenseI64ArrayAttr::get(&getContext(), factors));
  }

  bool isAskedAbout(Operation &op) {
    if (explain.empty())
      return false;
    std::string location;
    llvm::raw_string_ostream(location) << op.getLoc();
    auto read = dyn_cast<ReadOp>(op);
    return location.find(explain) != std::string::npos || (read && read.getSymbol().contains(explain));
  }

  /// A remark for every axis on which a result of an op that was asked about is cut.
  void explainResult(Operation &op, const Mesh &mesh, const Preference &preference) {
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
      if (preference.sharding[axis] >= 0)
        op.emitRemark() << "dimension " << static_cast<int>(preference.sharding[axis]) << " is cut on '"
                        << mesh.axes[axis] << "' because of " << preference.origins[axis].name << " (priority "
                        << preference.origins[axis].priority << ")";
  }

  /// Counts a conflict, with a remark if the op was asked about.
  void report(Operation &op, StringRef axis, const Choice &choice) {
    // Halves of the samples are on one rank: nothing is sent between them.
    if (axis == dist::halfAxis)
      return;
    ++numConflicts;
    const Contender &kept = choice.kept, &over = *choice.over;
    if (runs > 0) {
      std::string keptKind = kindOf(kept.origin), overKind = kindOf(over.origin);
      Plan::Conflict &sum = conflicts[{axis.str(), keptKind, overKind}];
      sum = {axis.str(),
             keptKind,
             overKind,
             sum.count + runs,
             sum.bytes + static_cast<double>(runs) * kept.sent,
             sum.instead + static_cast<double>(runs) * over.sent};
    }
    if (isAskedAbout(op))
      op.emitRemark() << op.getName().stripDialect() << " is cut on '" << axis << "' as " << kept.origin.name
                      << " (priority " << kept.origin.priority << ") asks for, over " << over.origin.name
                      << " (priority " << over.origin.priority << "): a rank sends " << static_cast<int64_t>(kept.sent)
                      << " bytes for it, and would send " << static_cast<int64_t>(over.sent);
  }

  int64_t runs = 1; ///< of the function in a step
  std::map<std::tuple<std::string, std::string, std::string>, Plan::Conflict> conflicts;
  std::vector<Plan::Conflict> *into = nullptr;
};

} // namespace

std::unique_ptr<Pass> weft::createPropagatePass(StringRef explain, std::vector<Plan::Conflict> *conflicts) {
  return std::make_unique<Propagate>(explain, conflicts);
}

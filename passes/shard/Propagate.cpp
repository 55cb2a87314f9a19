//===- Propagate.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Conflicts.h"
#include "passes/shard/Passes.h"
#include "passes/shard/Products.h"
#include "passes/shard/Volume.h"
#include "llvm/Support/FormatVariadic.h"
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

  const Preferences &getPreferences() const { return preferences; }
  FactorCache &getFactors() { return factors; }

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

  func::FuncOp function;
  const Mesh &mesh;
  Preferences preferences;
  DenseMap<Value, SmallVector<int64_t>> closed; ///< what lies as it is stored, but on these axes
  /// A value of a state, how that is stored, and the read of its parameter.
  struct StateValue {
    Value value;
    Sharding stored;
    Value parameter;
  };
  SmallVector<StateValue> stateValues;
  std::map<int64_t, SmallVector<Seed>> seedsByPriority;
  FactorCache factors;
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
  for (const StateValue &state : stateValues)
    for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
      if (state.stored[axis] >= 0 && preferences.at(state.parameter, axis) == state.stored[axis])
        set(state.value, axis, state.stored[axis], preferences.find(state.parameter)->origins[axis]);
}

void Propagation::set(Value value, int64_t axis, int64_t dim, Origin origin) {
  if (!preferences.set(mesh, value, axis, dim, origin))
    return;
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
  const OpFactors &known = factors.of(op);
  if (!known.isKnown())
    return;
  SmallVector<Contender, 2> contenders = contendersAt(mesh, known, op, axis, preferences);
  if (contenders.empty())
    return;
  const Contender &first = contenders.front();
  for (int64_t tensor = 0, count = known.getNumTensors(); tensor < count; ++tensor) {
    int64_t dim = known.dimOf(tensor, first.factor);
    Value value = tensorOf(op, tensor);
    auto stored = closed.find(value);
    // A number that is repeated is had anywhere: what else reads it has nothing to do with this op.
    if (dim == OpFactors::None || matchPattern(value, m_Constant<SplatElementsAttr>(nullptr)) ||
        (stored != closed.end() && !llvm::is_contained(stored->second, axis)))
      continue;
    // Only what the tensor can say: the cut of a minor factor may not be contiguous.
    Sharding with = preferences.of(mesh, value);
    if (with[axis] >= 0)
      continue;
    with[axis] = static_cast<int8_t>(dim);
    if (known.factorOf(mesh, tensor, with, axis) == first.factor)
      set(value, axis, dim, first.origin);
  }
}

namespace {

struct Propagate : weft::impl::PropagateBase<Propagate> {
  using Base::Base;
  Propagate(StringRef explain, const StepRates &rates, std::vector<Plan::Conflict> *into,
            std::vector<Plan::GatheredWeight> *gathered)
      : rates(rates), into(into), gathered(gathered) {
    this->explain = explain.str();
  }

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
        annotate(op, mesh, propagation.getPreferences());
      if (!decide)
        continue;
      Decisions decisions(function, mesh, rates, propagation.getPreferences(), propagation.getFactors());
      for (Operation &op : function.getBody().front())
        if (op.getNumResults() > 0)
          op.setAttr(dist::factorsAttr, DenseI64ArrayAttr::get(&getContext(), decisions.factorsAt(&op)));
      for (const Conflict &conflict : decisions.getConflicts())
        report(mesh.axes[conflict.axis], conflict);
      if (gathered && runs > 0)
        findGathered(function, mesh, decisions, propagation.getFactors());
    }
    for (auto &[key, conflict] : conflicts)
      if (into)
        into->push_back(conflict);
  }

private:
  void annotate(Operation &op, const Mesh &mesh, const Preferences &preferences) {
    if (op.getNumResults() == 0)
      return;
    SmallVector<Attribute> shardings;
    for (Value result : op.getResults()) {
      shardings.push_back(dist::toAttr(&getContext(), mesh, preferences.of(mesh, result),
                                       cast<RankedTensorType>(result.getType()).getRank()));
      if (const Preference *preference = preferences.find(result); preference && isAskedAbout(op))
        explainResult(op, mesh, *preference);
    }
    op.setAttr(dist::shardingsAttr, ArrayAttr::get(&getContext(), shardings));
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

  /// Counts a conflict, with remarks at those of its ops that were asked about.
  void report(StringRef axis, const Conflict &conflict) {
    auto count = static_cast<int64_t>(conflict.ops.size());
    numConflicts += count;
    if (runs > 0) {
      std::string kept = conflict.kept.kind().str(), over = conflict.over.kind().str();
      Plan::Conflict &sum = conflicts[{axis.str(), kept, over}];
      auto times = static_cast<double>(runs);
      sum = {axis.str(),
             kept,
             over,
             sum.count + runs * count,
             sum.bytes + times * conflict.cost.bytes,
             sum.instead + times * conflict.instead.bytes,
             sum.seconds + times * conflict.cost.seconds,
             sum.insteadSeconds + times * conflict.instead.seconds};
    }
    for (Operation *op : conflict.ops)
      if (isAskedAbout(*op))
        op->emitRemark(llvm::formatv(
            "{0} is cut on '{1}' as \"{2}\" (priority {3}) asks for, over \"{4}\" (priority {5}): with {6} more that "
            "share "
            "tensors, a rank sends {7:F0} bytes and takes {8:e3} s; it would send {9:F0} and take {10:e3}",
            op->getName().stripDialect(), axis, conflict.kept.name, conflict.kept.priority, conflict.over.name,
            conflict.over.priority, count - 1, conflict.cost.bytes, conflict.cost.seconds, conflict.instead.bytes,
            conflict.instead.seconds));
  }

  /// Finds the weights that an axis cuts, but not at their products; of `shard`, by which ZeRO gathers them as a rule,
  /// those that it cuts there too. Tasks that decide alike have one entry.
  void findGathered(func::FuncOp function, const Mesh &mesh, const Decisions &decisions, FactorCache &factors) {
    SymbolTable symbols(getOperation());
    StringRef task = function.getSymName();
    const char *microbatches = task == "task_first" ? "first" : task == "task_next" ? "later" : "all";
    auto add = [&](const WeightProduct &product, int64_t axis) {
      bool isGatheredAsRule = mesh.axes[axis] == "shard";
      auto isOther = [&](const WeightUse &use) {
        if (!use.op)
          return false;
        int64_t factor = decisions.factorsAt(use.op)[axis];
        return (factor != OpFactors::None && factors.of(use.op).dimOf(use.tensor, factor) != OpFactors::None) ==
               isGatheredAsRule;
      };
      Plan::GatheredWeight weight{product.parameter,
                                  product.layer,
                                  mesh.axes[axis],
                                  microbatches,
                                  isOther(product.forward),
                                  isOther(product.dataGradient),
                                  isOther(product.weightGradient),
                                  isGatheredAsRule};
      if (!weight.forward && !weight.dataGradient && !weight.weightGradient)
        return;
      std::tuple key(weight.parameter, weight.layer, weight.axis, weight.forward, weight.dataGradient,
                     weight.weightGradient);
      if (task == "task_first")
        ofFirst[key] = gathered->size();
      if (auto it = ofFirst.find(key); task == "task_next" && it != ofFirst.end())
        (*gathered)[it->second].microbatches = "all";
      else
        gathered->push_back(std::move(weight));
    };
    int64_t shard = mesh.indexOf("shard");
    for (const WeightProduct &product : findWeightProducts(function)) {
      Sharding stored = dist::storedSharding(mesh, symbols.lookup(product.parameter));
      for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
        if (stored[axis] >= 0 || axis == shard)
          add(product, axis);
    }
    if (shard >= 0)
      for (const BiasGradient &bias : findBiasGradients(function))
        add({bias.parameter, "", {}, {}, bias.sum, {}, {}}, shard);
  }

  int64_t runs = 1; ///< of the function in a step
  std::map<std::tuple<std::string, std::string, std::string>, Plan::Conflict> conflicts;
  StepRates rates;
  std::vector<Plan::Conflict> *into = nullptr;
  std::vector<Plan::GatheredWeight> *gathered = nullptr;
  /// Those of the first micro-batch, by all that they are: the later ones may be alike.
  std::map<std::tuple<std::string, std::string, std::string, bool, bool, bool>, size_t> ofFirst;
};

} // namespace

std::unique_ptr<Pass> weft::createPropagatePass(StringRef explain, const StepRates &rates,
                                                std::vector<Plan::Conflict> *conflicts,
                                                std::vector<Plan::GatheredWeight> *gathered) {
  return std::make_unique<Propagate>(explain, rates, conflicts, gathered);
}

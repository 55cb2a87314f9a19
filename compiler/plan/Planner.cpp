//===- Planner.cpp - From a training step to its plan -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Planner.h"
#include "compiler/plan/StepFacts.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "passes/shard/Factors.h"
#include "passes/shard/Layers.h"
#include "passes/shard/PlanAttrs.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace weft;

PartitionOptions weft::partitionOptionsOf(const Plan &plan) {
  PartitionOptions options;
  options.tp = plan.sizeOf("tp");
  options.shard = plan.sizeOf("shard");
  options.replica = plan.sizeOf("replica");
  for (const Plan::Axis &axis : plan.axes)
    options.order.push_back(axis.name);
  options.zero = plan.zero;
  options.persistence = plan.persistence;
  options.sequenceParallel = plan.sequenceParallel;
  options.prescaledBatch = plan.prescaledBatch;
  options.halves = plan.halves;
  options.accumulate = accumulateName(plan.accumulate);
  return options;
}

static std::string nameOf(RankedTensorType type) { return exec::dtypeName(type.getElementType()); }

static std::vector<int64_t> shapeOf(RankedTensorType type) { return type.getShape().vec(); }

/// How a symbol lies; whole if nothing is said.
static Layout layoutOf(Operation *symbol, RankedTensorType type) {
  Layout layout;
  if (auto attr = symbol->getAttrOfType<dist::ShardingAttr>(dist::shardingAttr))
    layout = toLayout(attr);
  layout.dims.resize(type.getRank());
  return layout;
}

//===----------------------------------------------------------------------===//
// Deciding
//===----------------------------------------------------------------------===//

static void readInputs(func::FuncOp task, Plan &plan) {
  for (BlockArgument argument : task.getArguments()) {
    auto type = cast<RankedTensorType>(argument.getType());
    auto name = task.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
    Plan::Input input{name ? name.str() : "", nameOf(type), shapeOf(type), {}};
    if (auto attr = task.getArgAttrOfType<dist::ShardingAttr>(argument.getArgNumber(), dist::shardingAttr))
      input.layout = toLayout(attr);
    input.layout.dims.resize(type.getRank());
    plan.inputs.push_back(std::move(input));
  }
}

static void readCuts(func::FuncOp task, Plan &plan) {
  for (auto constrain : task.getOps<dist::ConstrainOp>()) {
    auto name = constrain->getAttrOfType<DictionaryAttr>(cutAttr);
    if (!name)
      continue;
    Plan::Cut cut;
    cut.layer = cast<StringAttr>(name.get("layer")).str();
    cut.op = cast<StringAttr>(name.get("op")).str();
    cut.ordinal = cast<IntegerAttr>(name.get("ordinal")).getInt();
    cut.operand = cast<IntegerAttr>(name.get("operand")).getInt();
    for (auto [dim, axes] : llvm::enumerate(constrain.getSharding().getDims().getAsRange<ArrayAttr>()))
      for (StringAttr axis : axes.getAsRange<StringAttr>()) {
        cut.dim = static_cast<int64_t>(dim);
        cut.axis = axis.str();
      }
    cut.size = tensorType(constrain.getResult()).getDimSize(cut.dim);
    cut.why = constrain.getOrigin().str();
    cut.priority = static_cast<int64_t>(constrain.getPriority());
    plan.cuts.push_back(std::move(cut));
  }
}

static void readParameters(ModuleOp module, Plan &plan) {
  llvm::StringMap<StateOp> moments, accumulators;
  for (StateOp state : module.getOps<StateOp>())
    if (state.getParam())
      (state.getKind() == StateKind::accumulator ? accumulators : moments)[*state.getParam()] = state;
  bool accumulates = module.lookupSymbol<func::FuncOp>("task_next") != nullptr;
  for (ParamOp param : module.getOps<ParamOp>()) {
    auto type = cast<RankedTensorType>(param.getType());
    Plan::Parameter line{param.getSymName().str(), nameOf(type), shapeOf(type), param.getTrainable(), {}, {}, {}, 0};
    line.stored = layoutOf(param, type);
    if (auto between = param->getAttrOfType<dist::ShardingAttr>(betweenStepsAttr))
      line.betweenSteps = toLayout(between);
    if (line.trained) {
      line.states = line.gradients = line.stored;
      if (StateOp state = moments.lookup(line.name))
        line.states = line.gradients = layoutOf(state, type);
      if (StateOp state = accumulators.lookup(line.name); state && accumulates)
        line.gradients = layoutOf(state, type);
    }
    plan.parameters.push_back(std::move(line));
  }
}

LogicalResult weft::decidePlan(ModuleOp train, const PartitionOptions &options, Plan &plan) {
  OwningOpRef<ModuleOp> copy = train.clone();
  if (options.getNumRanks() > 1) {
    PassManager pm(train.getContext());
    buildDecidePipeline(pm, options);
    if (failed(pm.run(*copy)))
      return failure();
  }
  func::FuncOp task = firstTask(*copy);
  readInputs(task, plan);
  readCuts(task, plan);
  readParameters(*copy, plan);
  return success();
}

//===----------------------------------------------------------------------===//
// Checking
//===----------------------------------------------------------------------===//

static LogicalResult checkCuts(ModuleOp train, func::FuncOp task, const Plan &plan) {
  LayerNames names(task);
  llvm::StringSet<> seen;
  for (const Plan::Cut &cut : plan.cuts) {
    auto complain = [&]() { return train.emitError() << plan.at(cut.line) << ": "; };
    Operation *op = names.find(cut.layer, cut.op, cut.ordinal);
    if (!op)
      return complain() << "the model has no '" << cut.op << "' number " << cut.ordinal << " in layer '" << cut.layer
                        << "'";
    bool isRead = isa<ReadOp>(op);
    if (cut.operand >= (isRead ? 1 : static_cast<int64_t>(op->getNumOperands())))
      return complain() << "'" << cut.op << "' of layer '" << cut.layer << "' has no operand " << cut.operand;
    Value value = isRead ? op->getResult(0) : op->getOperand(cut.operand);
    auto type = cast<RankedTensorType>(value.getType());
    if (cut.dim >= type.getRank() || type.getDimSize(cut.dim) != cut.size)
      return complain() << "dimension " << cut.dim << " of operand " << cut.operand << " of '" << cut.op << "', "
                        << type << ", has not " << cut.size << " " << cut.why;
    OpFactors factors(op);
    bool canBePadded = !factors.isKnown() || factors.isOneFactor(cut.operand, cut.dim);
    if (int64_t parts = plan.sizeOf(cut.axis); cut.size % parts != 0 && !canBePadded)
      return complain() << "cuts " << cut.size << " " << cut.why << " into " << parts
                        << " parts, which do not divide them, and cannot have padding";
    if (!seen.insert((cut.layer + "\n" + cut.op + "\n" + Twine(cut.ordinal) + "\n" + Twine(cut.operand)).str()).second)
      return complain() << "the same operand is cut by a line before";
  }
  return success();
}

static LogicalResult checkParameters(ModuleOp train, const Plan &plan) {
  llvm::StringMap<const Plan::Parameter *> lines;
  for (const Plan::Parameter &line : plan.parameters)
    if (!lines.try_emplace(line.name, &line).second)
      return train.emitError() << plan.at(line.line) << ": parameter '" << line.name << "' has two lines";
  size_t found = 0;
  for (ParamOp param : train.getOps<ParamOp>()) {
    auto type = cast<RankedTensorType>(param.getType());
    const Plan::Parameter *line = lines.lookup(param.getSymName());
    if (!line)
      return param.emitError() << plan.at(0) << " has no line for parameter '" << param.getSymName() << "'";
    ++found;
    if (line->shape != shapeOf(type) || line->dtype != nameOf(type))
      return param.emitError() << plan.at(line->line) << ": parameter '" << line->name << "' is " << type
                               << " in the model";
    if (line->trained != param.getTrainable())
      return param.emitError() << plan.at(line->line) << ": parameter '" << line->name << "' is "
                               << (param.getTrainable() ? "trained" : "not trained");
    if (!line->stored.unreduced.empty() || !line->states.unreduced.empty())
      return param.emitError() << plan.at(line->line) << ": only gradients are stored unreduced";
    for (const std::string &axis : line->gradients.unreduced)
      if (axis == "tp")
        return param.emitError() << plan.at(line->line)
                                 << ": gradients are not summed over micro-batches before 'tp' reduces them";
  }
  if (found == plan.parameters.size())
    return success();
  for (const Plan::Parameter &line : plan.parameters)
    if (!train.lookupSymbol<ParamOp>(line.name))
      return train.emitError() << plan.at(line.line) << ": the model has no parameter '" << line.name << "'";
  return success();
}

LogicalResult weft::checkPlan(ModuleOp train, const Plan &plan) {
  func::FuncOp task = firstTask(train);
  if (task.getNumArguments() != plan.inputs.size())
    return train.emitError() << plan.at(0) << " has " << plan.inputs.size() << " inputs, the model has "
                             << task.getNumArguments();
  for (auto [argument, input] : llvm::zip_equal(task.getArguments(), plan.inputs)) {
    auto type = cast<RankedTensorType>(argument.getType());
    auto name = task.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.name");
    if ((name && name.getValue() != input.name) || input.shape != shapeOf(type) || input.dtype != nameOf(type))
      return train.emitError() << plan.at(0) << ": input '" << input.name << "' is '" << (name ? name.getValue() : "")
                               << "' of " << type << " in the model, with these sizes and micro-batches";
    if (!input.layout.unreduced.empty())
      return train.emitError() << plan.at(0) << ": input '" << input.name << "' cannot be unreduced";
  }
  if (failed(checkCuts(train, task, plan)))
    return failure();
  return checkParameters(train, plan);
}

//===- Planner.cpp - From a training step to its plan -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Planner.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "passes/shard/Factors.h"
#include "passes/shard/Layers.h"
#include "passes/shard/PlanAttrs.h"
#include "passes/shard/Products.h"
#include "passes/shard/Region.h"
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

/// The task whose forward pass the plan names: the one that trains first.
static func::FuncOp firstTask(ModuleOp module) {
  for (StringRef name : {"task_step", "task_first"})
    if (auto task = module.lookupSymbol<func::FuncOp>(name))
      return task;
  return *module.getOps<func::FuncOp>().begin();
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

/// Bytes of the sums over samples that make up what a task reports of its loss.
static double lossNumbersOf(ModuleOp train, func::FuncOp task) {
  SmallVector<Value> worklist;
  for (WriteOp write : task.getOps<WriteOp>())
    if (auto state = train.lookupSymbol<StateOp>(write.getSymbol()); state && state.getKind() == StateKind::metric)
      worklist.push_back(write.getValue());
  llvm::SmallDenseSet<Value> seen;
  double bytes = 0;
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert(value).second)
      continue;
    if (isa<ReduceOp>(op) && regionOf(op->getLoc()) == "forward")
      bytes += static_cast<double>(tensorBytes(tensorType(value)));
    else if (!isa<ReduceOp>(op) && tensorType(value).getRank() == 0)
      llvm::append_range(worklist, op->getOperands());
  }
  return bytes;
}

/// Numbers the gradients: what the update of a parameter, or its accumulator, takes.
static void numberGradients(ModuleOp train, func::FuncOp task, StepFacts &facts) {
  DenseMap<Value, int64_t> numbers;
  auto add = [&](StringRef parameter, Value gradient) {
    if (auto use = facts.uses.find(parameter); use != facts.uses.end())
      use->second.gradient = numbers.try_emplace(gradient, numbers.size()).first->second;
  };
  for (Operation &op : task.getBody().front()) {
    if (isa<AdamOp, SgdOp>(op)) {
      // What is updated is the parameter, or its master.
      auto read = op.getOperand(0).getDefiningOp<ReadOp>();
      auto master = read ? train.lookupSymbol<StateOp>(read.getSymbol()) : StateOp();
      if (read)
        add(master && master.getParam() ? *master.getParam() : read.getSymbol(), op.getOperand(1));
    } else if (auto write = dyn_cast<WriteOp>(op)) {
      auto state = train.lookupSymbol<StateOp>(write.getSymbol());
      if (state && state.getKind() == StateKind::accumulator && state.getParam())
        add(*state.getParam(), write.getValue());
    }
  }
}

/// The product that makes logits, to which a bias may be added.
static Operation *productOf(Value logits) {
  Operation *op = sourceOf(logits).getDefiningOp();
  while (op && isa<arith::AddFOp>(op)) {
    Operation *left = sourceOf(op->getOperand(0)).getDefiningOp();
    op = left && !isa<BroadcastOp>(left) ? left : sourceOf(op->getOperand(1)).getDefiningOp();
  }
  return op;
}

/// Whether a slice has a row for each position of what is [batch, position, element].
static bool hasPositions(SliceOp slice) {
  return tensorType(slice.getResult()).getRank() == 2 && llvm::any_of(slice->getUsers(), [](Operation *user) {
           auto broadcast = dyn_cast<BroadcastOp>(user);
           return broadcast && broadcast.getDims() == ArrayRef<int64_t>{1, 2};
         });
}

/// The shape of what norms read between blocks: [batch, position, element]; empty if there is none.
static std::vector<int64_t> shapeBetween(func::FuncOp task) {
  for (Operation &op : task.getBody().front())
    if (isa<LayerNormOp, RmsNormOp>(op) && tensorType(op.getOperand(0)).getRank() == 3)
      return shapeOf(tensorType(op.getOperand(0)));
  return {};
}

/// Bytes of keys or values that have been repeated ([batch, position, head, times, element]); else none.
static double repeatedBytes(Value heads) {
  auto reshape = heads.getDefiningOp<ReshapeOp>();
  auto broadcast = reshape ? reshape.getInput().getDefiningOp<BroadcastOp>() : BroadcastOp();
  bool isRepeated = broadcast && broadcast.getDims() == ArrayRef<int64_t>{0, 1, 2, 4};
  return isRepeated ? static_cast<double>(tensorBytes(tensorType(heads))) : 0;
}

/// Whether a change of shape makes samples and positions one dimension.
static bool isFlattened(RankedTensorType from, RankedTensorType to, ArrayRef<int64_t> between) {
  return !between.empty() && from.getRank() > 2 && from.getShape().take_front(2) == between.take_front(2) &&
         between[0] > 1 && between[1] > 1 && to.getRank() > 0 && to.getDimSize(0) == between[0] * between[1];
}

static bool isFlattening(Operation *op, ArrayRef<int64_t> between) {
  auto reshape = dyn_cast<ReshapeOp>(op);
  return reshape && isFlattened(tensorType(reshape.getInput()), tensorType(reshape.getResult()), between);
}

/// Whether all that reads what an op makes in the forward pass is flat.
static bool isOnlyFlattened(Operation *op, ArrayRef<int64_t> between) {
  auto users =
      llvm::make_filter_range(op->getUsers(), [](Operation *user) { return regionOf(user->getLoc()) == "forward"; });
  return !users.empty() && llvm::all_of(users, [&](Operation *user) { return isFlattening(user, between); });
}

/// What the formulas need to know of where positions begin and end.
static void findEnds(func::FuncOp task, ArrayRef<int64_t> between, StepFacts &facts) {
  for (Operation &op : task.getBody().front()) {
    if (auto attention = dyn_cast<AttentionOp>(op))
      facts.repeated += repeatedBytes(attention.getK()) + repeatedBytes(attention.getV());
    if (regionOf(op.getLoc()) != "forward" || !isa<SliceOp, ConcatOp, CumsumOp>(op))
      continue;
    RankedTensorType from = tensorType(op.getOperand(0)), to = tensorType(op.getResult(0));
    if (isa<SliceOp>(op) && from.getShape() == between && 2 * to.getDimSize(1) <= from.getDimSize(1))
      facts.tokens += static_cast<double>(tensorBytes(to));
    if (isa<CumsumOp>(op) && from.getShape() == between.take_front(2))
      facts.counted += static_cast<double>(tensorBytes(from));
    if (auto concat = dyn_cast<ConcatOp>(op); concat && to.getShape() == between && concat.getDim() == 1)
      facts.joined += static_cast<double>(tensorBytes(to));
  }
}

/// Whether an op, or what only changes the shape of what it makes, makes something that has all positions.
static bool hasPositions(Operation *op, ArrayRef<int64_t> between) {
  // Parts along the positions are put together: each has some.
  if (isa<ConcatOp>(op))
    return false;
  RankedTensorType type = tensorType(op->getResult(0));
  if (type.getRank() > 2 && type.getShape().take_front(2) == between.take_front(2))
    return true;
  return isa<ReshapeOp, TransposeOp, SliceOp, BroadcastOp, arith::ExtFOp, arith::TruncFOp>(op) &&
         llvm::any_of(op->getUsers(),
                      [&](Operation *user) { return user->getNumResults() > 0 && hasPositions(user, between); });
}

StepFacts weft::factsOf(ModuleOp train) {
  StepFacts facts;
  func::FuncOp task = firstTask(train);
  std::vector<int64_t> between = shapeBetween(task);
  if (!between.empty()) {
    facts.positions = between[1];
    findEnds(task, between, facts);
  }
  facts.numbers = lossNumbersOf(train, task);
  for (ReadOp read : task.getOps<ReadOp>()) {
    if (!train.lookupSymbol<ParamOp>(read.getSymbol()))
      continue;
    StepFacts::Use &use = facts.uses[read.getSymbol()];
    bool onlySliced = true;
    std::vector<int64_t> sliced;
    for (Operation *user : read->getUsers()) {
      StringRef region = regionOf(user->getLoc());
      use.forward |= region == "forward";
      use.backward |= region == "backward";
      use.isBetween |= region == "forward" && !between.empty() && hasPositions(user, between);
      use.norm |= isa<LayerNormOp, RmsNormOp>(user);
      auto slice = dyn_cast<SliceOp>(user);
      onlySliced &= slice || region == "update";
      if (slice)
        sliced = shapeOf(tensorType(slice.getResult()));
      use.rows = slice && hasPositions(slice) ? tensorType(slice.getResult()).getDimSize(0) : use.rows;
    }
    if (onlySliced)
      use.sliced = sliced;
  }
  for (func::FuncOp any : train.getOps<func::FuncOp>())
    for (ReadOp read : any.getOps<ReadOp>())
      if (auto use = facts.uses.find(read.getSymbol()); use != facts.uses.end())
        use->second.update |=
            llvm::any_of(read->getUsers(), [](Operation *user) { return regionOf(user->getLoc()) == "update"; });
  numberGradients(train, task, facts);
  DenseMap<Operation *, int64_t> places;
  llvm::SmallDenseSet<Operation *> heads;
  for (Operation &op : task.getBody().front()) {
    places[&op] = places.size();
    if (auto loss = dyn_cast<CrossEntropyOp>(op)) {
      RankedTensorType type = tensorType(loss.getLogits());
      heads.insert(productOf(loss.getLogits()));
      facts.labels = static_cast<double>(tensorBytes(tensorType(loss.getLabels())));
      facts.rows = 4.0 * static_cast<double>(type.getNumElements() / type.getShape().back());
    }
  }
  auto bytesOf = [](Value value) { return static_cast<double>(tensorBytes(tensorType(value))); };
  DenseMap<Value, int64_t> inputs;
  DenseMap<Operation *, int64_t> makers;
  for (const WeightProduct &product : findWeightProducts(task)) {
    StepFacts::Product fact{product.parameter, product.layer, {}};
    llvm::append_range(fact.summed, summedDims(product));
    if (product.input) {
      fact.input = inputs.try_emplace(product.input, inputs.size()).first->second;
      fact.inputBytes = bytesOf(product.input);
    }
    if (product.cotangent)
      fact.cotangent = inputs.try_emplace(product.cotangent, inputs.size()).first->second;
    fact.outputBytes = bytesOf(product.forward.op->getResult(0));
    // What is between blocks is [batch, position, element].
    RankedTensorType type = tensorType(product.forward.op->getResult(0));
    bool isBetween = type.getRank() > 2 && !between.empty() && type.getDimSize(1) == between[1];
    fact.positions = isBetween ? type.getDimSize(1) : 0;
    fact.hasDataGradient = product.dataGradient.op != nullptr;
    fact.hasWeightGradient = product.weightGradient.op != nullptr;
    fact.turn = places.lookup(product.dataGradient.op);
    fact.isOutputReadAgain = llvm::any_of(product.forward.op->getUsers(),
                                          [](Operation *user) { return regionOf(user->getLoc()) == "backward"; });
    fact.isHead = heads.contains(product.forward.op);
    fact.isWidened = llvm::any_of(product.forward.op->getUsers(), [](Operation *user) {
      return isa<arith::ExtFOp>(user) && regionOf(user->getLoc()) == "forward";
    });
    fact.isFlat = isOnlyFlattened(product.forward.op, between);
    makers[product.forward.op] = facts.products.size();
    facts.products.push_back(std::move(fact));
  }
  llvm::SmallDenseSet<Value> seen;
  for (auto reshape : task.getOps<ReshapeOp>()) {
    if (regionOf(reshape.getLoc()) != "forward")
      continue;
    if (isFlattened(tensorType(reshape.getResult()), tensorType(reshape.getInput()), between))
      facts.unflattened += bytesOf(reshape.getResult());
    Value source = reshape.getInput();
    if (!isFlattening(reshape, between) || !seen.insert(source).second)
      continue;
    auto maker = makers.find(source.getDefiningOp());
    facts.flattened.push_back({inputs.try_emplace(source, inputs.size()).first->second,
                               maker == makers.end() ? -1 : maker->second, bytesOf(source)});
  }
  return facts;
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

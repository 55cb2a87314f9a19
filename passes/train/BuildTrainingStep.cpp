//===- BuildTrainingStep.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/BatchNorm.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "passes/train/Differentiate.h"
#include "passes/train/InputLimits.h"
#include "passes/train/Loss.h"
#include "passes/train/LossScale.h"
#include "passes/train/Passes.h"
#include "passes/train/Update.h"
#include "llvm/Support/GlobPattern.h"

namespace weft {
#define GEN_PASS_DEF_BUILDTRAININGSTEP
#include "passes/train/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// A function that is being made from the forward function.
struct Task {
  func::FuncOp function;
  SmallVector<Value> outputs;              ///< what the forward function returned
  llvm::MapVector<StringRef, Value> reads; ///< one read per parameter, at the start

  /// At the end, before the return.
  OpBuilder builder() { return OpBuilder(function.getBody().front().getTerminator()); }
};

/// A copy of `forward` that returns nothing. Every parameter is read once and before anything else, so that nothing
/// depends on where among the writes a read stands.
Task cloneTask(func::FuncOp forward, StringRef name) {
  Task task;
  task.function = forward.clone();
  task.function.setName(("task_" + name).str());
  forward->getBlock()->getOperations().insert(forward->getIterator(), task.function);

  Block &body = task.function.getBody().front();
  auto ret = cast<func::ReturnOp>(body.getTerminator());
  task.outputs.assign(ret.operand_begin(), ret.operand_end());
  ret->eraseOperands(0, ret->getNumOperands());
  LogicalResult erased = task.function.eraseResults(llvm::BitVector(task.outputs.size(), true));
  assert(succeeded(erased) && "a function may return nothing");
  (void)erased;

  Operation *last = nullptr;
  for (ReadOp read : llvm::make_early_inc_range(body.getOps<ReadOp>())) {
    auto [it, isNew] = task.reads.insert({read.getSymbol(), read.getResult()});
    if (!isNew) {
      read.replaceAllUsesWith(it->second);
      llvm::replace(task.outputs, Value(read.getResult()), it->second);
      read.erase();
      continue;
    }
    if (last)
      read->moveAfter(last);
    else
      read->moveBefore(&body, body.begin());
    last = read;
  }
  return task;
}

/// Gives the ops that depend on it their meaning in training or evaluation. Evaluation changes no state.
void setMode(Task &task, bool training) {
  for (Operation &op : llvm::make_early_inc_range(task.function.getBody().front())) {
    if (isa<WriteOp>(op) && !training) {
      op.erase();
      continue;
    }
    auto mode = dyn_cast<ModeOpInterface>(op);
    if (!mode)
      continue;
    OpBuilder builder(&op);
    SmallVector<Value> results;
    mode.buildForMode(builder, training, results);
    for (auto [old, value] : llvm::zip_equal(op.getResults(), results)) {
      llvm::replace(task.outputs, Value(old), value);
      old.replaceAllUsesWith(value);
    }
    op.erase();
  }
}

void eraseDeadOps(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

struct BuildTrainingStep : weft::impl::BuildTrainingStepBase<BuildTrainingStep> {
  using Base::Base;
  void runOnOperation() override {
    if (failed(build()))
      signalPassFailure();
  }

private:
  LogicalResult build();
  LogicalResult setDecay();
  LogicalResult buildBackwardTask(StringRef name, bool accumulate);
  void buildUpdateTask();
  void buildEvalTask();
  void finish(Task &task);

  func::FuncOp forward;
  UpdateKind kind;
  LossChoice lossChoice{};
  /// Trained parameters in the order in which the backward pass finishes their gradients.
  SmallVector<ParamOp> trained;
};

} // namespace

/// Every trained parameter decays unless a pattern of `--no-decay` says otherwise.
LogicalResult BuildTrainingStep::setDecay() {
  SmallVector<std::pair<StringRef, llvm::GlobPattern>> patterns;
  for (const std::string &text : noDecay) {
    llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(text);
    if (!pattern)
      return getOperation().emitError("--no-decay '") << text << "': " << llvm::toString(pattern.takeError());
    patterns.push_back({text, std::move(*pattern)});
  }
  llvm::SmallVector<bool> used(patterns.size(), false);
  for (ParamOp param : getOperation().getOps<ParamOp>()) {
    bool decays = param.getTrainable();
    for (auto [i, pattern] : llvm::enumerate(patterns)) {
      bool matches = pattern.second.match(param.getSymName());
      if (ArrayAttr aliases = param.getAliasesAttr())
        for (Attribute alias : aliases)
          matches |= pattern.second.match(cast<StringAttr>(alias).getValue());
      used[i] = used[i] || (matches && param.getTrainable());
      decays &= !matches;
    }
    param.setDecay(decays);
  }
  for (auto [pattern, isUsed] : llvm::zip_equal(patterns, used))
    if (!isUsed)
      getOperation().emitWarning("--no-decay '") << pattern.first << "' matches no trainable parameter";
  return success();
}

/// What every task needs last: no dead op, and the limits of its inputs.
void BuildTrainingStep::finish(Task &task) {
  eraseDeadOps(task.function);
  setInputLimits(task.function);
}

/// A gradient before it was rounded, if it was of the wider type: what is added up over micro-batches is not rounded
/// before, and stays a sum over ranks as long as others do. It may have been rounded more than once, on its way through
/// a scale that one was added to.
static Value unrounded(Value gradient, Type wider) {
  while (true) {
    auto widening = gradient.getDefiningOp<arith::ExtFOp>();
    auto rounding = (widening ? widening.getIn() : gradient).getDefiningOp<arith::TruncFOp>();
    if (!rounding || getElementTypeOrSelf(rounding.getIn()) != wider)
      return gradient;
    gradient = rounding.getIn();
  }
}

/// Forward, loss and backward; then the update, or the gradients' accumulation if there are several micro-batches:
/// `accumulate` says whether to add to what is there.
LogicalResult BuildTrainingStep::buildBackwardTask(StringRef name, bool accumulate) {
  Task task = cloneTask(forward, name);
  setMode(task, /*training=*/true);
  OpBuilder builder = task.builder();
  LossTerms loss = buildLoss(builder, lossChoice, task.outputs, task.function.getArguments());
  Build e{builder, regionLocation(loss.terms.getLoc(), "loss")};

  SmallVector<TrainedParameter> params;
  SmallVector<Value> values, gradients;
  for (ParamOp param : getOperation().getOps<ParamOp>())
    if (param.getTrainable())
      if (Value value = task.reads.lookup(param.getSymName())) {
        params.push_back({param, value, {}, masterWeights && isNarrow(param)});
        values.push_back(value);
      }
  Value scale = lossScale ? gradientScale(e, tensorType(loss.terms).getNumElements() * microbatches) : Value();
  Value seed = lossScale ? lossScaleSeed(e, scale, loss.terms) : e.splatLike(loss.terms, 1);
  if (failed(differentiate(builder, loss.terms, seed, values, gradients)))
    return failure();
  for (auto [param, gradient] : llvm::zip_equal(params, gradients))
    param.gradient = gradient;
  llvm::erase_if(params, [](const TrainedParameter &param) { return !param.gradient; });
  llvm::stable_sort(params, [](const TrainedParameter &a, const TrainedParameter &b) {
    Operation *x = a.gradient.getDefiningOp(), *y = b.gradient.getDefiningOp();
    return x != y && x->isBeforeInBlock(y);
  });
  trained = llvm::map_to_vector(params, [](const TrainedParameter &param) { return param.op; });

  // What becomes of a gradient stands next to it: with several micro-batches it lives no longer than that.
  bool isStep = microbatches == 1;
  SmallVector<Value> squares;
  for (TrainedParameter param : params) {
    OpBuilder after(param.op.getContext());
    after.setInsertionPointAfterValue(param.gradient);
    Build g{after, regionLocation(param.op.getLoc(), "update")};
    if (!isStep || keepGradients) {
      RankedTensorType type = stateTypeOf(param.op);
      Value value =
          g.cast(isStep ? param.gradient : unrounded(param.gradient, type.getElementType()), type.getElementType());
      if (lossScale)
        value = unscale(g, scale, value);
      if (accumulate)
        value = g.add(g.read(gradientState(param.op), type), value);
      g.write(gradientState(param.op), value);
    }
    if (isStep)
      squares.push_back(sumOfSquares(g, param.gradient));
  }

  auto number = RankedTensorType::get({}, builder.getF64Type());
  for (auto [state, value] : {std::pair("loss_sum", loss.sum), std::pair("loss_count", loss.count)})
    e.write(state, accumulate ? e.add(e.read(state, number), value) : value);
  if (isStep && !params.empty()) {
    Build update{builder, regionLocation(getOperation().getLoc(), "update")};
    // Gradients that go into the update at once are still those of the scaled loss.
    Value divisor = loss.count;
    if (lossScale)
      divisor = update.mul(divisor, scale);
    buildUpdate(update, kind, params, squares, divisor, /*isImmediate=*/!clipping && !lossScale);
  }
  finish(task);
  return success();
}

void BuildTrainingStep::buildUpdateTask() {
  OpBuilder builder(forward);
  Location loc = regionLocation(getOperation().getLoc(), "update");
  auto function = func::FuncOp::create(builder, loc, "task_update", builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(function.addEntryBlock());
  Build e{builder, loc};
  SmallVector<TrainedParameter> params;
  SmallVector<Value> squares;
  for (ParamOp param : trained) {
    Build p{builder, regionLocation(param.getLoc(), "update")};
    params.push_back({param, p.read(param.getSymName(), param.getType()),
                      p.read(gradientState(param), stateTypeOf(param)), masterWeights && isNarrow(param)});
    squares.push_back(sumOfSquares(p, params.back().gradient));
  }
  Value count = e.read("loss_count", RankedTensorType::get({}, builder.getF64Type()));
  buildUpdate(e, kind, params, squares, count, /*isImmediate=*/false);
  func::ReturnOp::create(builder, loc);
}

void BuildTrainingStep::buildEvalTask() {
  Task task = cloneTask(forward, "eval");
  setMode(task, /*training=*/false);
  OpBuilder builder = task.builder();
  LossTerms loss = buildLoss(builder, lossChoice, task.outputs, task.function.getArguments());
  Build e{builder, regionLocation(loss.terms.getLoc(), "loss")};
  e.write("eval_loss_sum", loss.sum);
  e.write("eval_loss_count", loss.count);
  if (std::optional<unsigned> output = lossChoice.getPredictions(task.outputs.size()); keepLogits && output)
    e.write("logits", task.outputs[*output]);
  finish(task);
}

LogicalResult BuildTrainingStep::build() {
  ModuleOp module = getOperation();
  forward = module.lookupSymbol<func::FuncOp>("forward");
  if (!forward)
    return module.emitError("expected a function @forward, which an importer makes");
  std::optional<Optimizer> parsed = parseOptimizer(optimizer);
  if (!parsed)
    return module.emitError("unknown optimizer '") << optimizer << "'; it is adamw, adam or sgd";
  kind = {*parsed, masterWeights, narrowStates, lossScale, clipping};
  if (masterWeights && narrowStates)
    return module.emitError("moments beside master weights are f32, as those are");
  if (microbatches < 1)
    return module.emitError("a step has at least one micro-batch, not ") << microbatches.getValue();
  if (failed(setDecay()))
    return failure();
  FailureOr<LossChoice> choice = chooseLoss(forward, loss);
  if (failed(choice))
    return failure();
  lossChoice = *choice;

  if (failed(buildBackwardTask(microbatches == 1 ? "step" : "first", /*accumulate=*/false)))
    return failure();
  if (trained.empty())
    return module.emitError("the loss depends on no trainable parameter; --train PATTERN chooses what is trained");
  for (ParamOp param : module.getOps<ParamOp>()) {
    if (!param.getTrainable() || llvm::is_contained(trained, param))
      continue;
    param.emitWarning("the loss does not depend on '") << param.getSymName() << "': it is not trained";
    param.setTrainable(false);
    param.setDecay(false);
  }
  if (microbatches > 1) {
    if (failed(buildBackwardTask("next", /*accumulate=*/true)))
      return failure();
    buildUpdateTask();
  }
  buildEvalTask();

  RankedTensorType logits;
  if (std::optional<unsigned> output = lossChoice.getPredictions(forward.getNumResults()); keepLogits && output)
    logits = cast<RankedTensorType>(forward.getResultTypes()[*output]);
  // States of moments and gradients are in the order in which the module lists the parameters.
  SmallVector<ParamOp> owners;
  for (ParamOp param : module.getOps<ParamOp>())
    if (param.getTrainable())
      owners.push_back(param);
  forward.erase();
  return declareStates(module, {kind, owners, microbatches > 1 || keepGradients, logits});
}

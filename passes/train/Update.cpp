//===- Update.cpp - The optimizer's part of a training step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/train/Update.h"
#include "dialects/weft/RowStatistics.h"
#include "passes/train/Differentiate.h"
#include "passes/train/LossScale.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace weft;

/// Entries of `hyper` that the update itself reads; docs/executable.md lists all.
static constexpr int64_t kHyperSize = 16, kHyperClip = 9, kHyperScale = 10;
/// What PyTorch's clip_grad_norm_ adds to the norm that it divides by.
static constexpr double kClipEpsilon = 1e-6;

std::optional<Optimizer> weft::parseOptimizer(StringRef name) {
  return llvm::StringSwitch<std::optional<Optimizer>>(name)
      .Case("adamw", Optimizer::AdamW)
      .Case("adam", Optimizer::Adam)
      .Case("sgd", Optimizer::SGD)
      .Default(std::nullopt);
}

RankedTensorType weft::stateTypeOf(ParamOp param) {
  auto type = cast<RankedTensorType>(param.getType());
  return type.clone(statisticsType(type.getElementType()));
}

bool weft::isNarrow(ParamOp param) { return stateTypeOf(param) != param.getType(); }

std::string weft::masterState(ParamOp param) { return ("master/" + param.getSymName()).str(); }

std::string weft::gradientState(ParamOp param) { return ("grad/" + param.getSymName()).str(); }

/// The type of a parameter's moments.
static RankedTensorType momentTypeOf(const UpdateKind &kind, ParamOp param) {
  return kind.narrowStates ? cast<RankedTensorType>(param.getType()) : stateTypeOf(param);
}

/// The states of a parameter's moments.
static SmallVector<std::string> momentStates(Optimizer optimizer, ParamOp param) {
  std::string name = param.getSymName().str();
  if (optimizer == Optimizer::SGD)
    return {"momentum/" + name};
  std::string prefix = optimizer == Optimizer::AdamW ? "adamw" : "adam";
  return {prefix + ".m/" + name, prefix + ".v/" + name};
}

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

LogicalResult weft::declareStates(ModuleOp module, const StateRequest &request) {
  MLIRContext *context = module.getContext();
  OpBuilder b(context);
  b.setInsertionPointToStart(module.getBody());
  for (ParamOp param : module.getOps<ParamOp>())
    b.setInsertionPointAfter(param);

  SymbolTable symbols(module);
  bool failed = false;
  auto declare = [&](StringRef name, RankedTensorType type, StateKind kind, ParamOp param, bool checkpointed,
                     double init = 0) {
    if (Operation *other = symbols.lookup(name)) {
      failed = true;
      other->emitError("the name '") << name << "' belongs to a state of the training step; rename this in the model";
      return;
    }
    FlatSymbolRefAttr owner = param ? FlatSymbolRefAttr::get(param.getSymNameAttr()) : FlatSymbolRefAttr();
    Location loc = param ? regionLocation(param.getLoc(), "update") : module.getLoc();
    StateOp::create(b, loc, name, type, kind, APFloat(init), owner, checkpointed);
  };

  auto number = RankedTensorType::get({}, b.getF64Type());
  declare("hyper", RankedTensorType::get({kHyperSize}, b.getF64Type()), StateKind::hyper, {}, false);
  declare("step", RankedTensorType::get({}, b.getI64Type()), StateKind::step, {}, true);
  for (StringRef name : {"loss_sum", "loss_count", "eval_loss_sum", "eval_loss_count", "grad_norm", "lr"})
    declare(name, number, StateKind::metric, {}, false);
  if (request.kind.lossScale)
    declareLossScale(b, [&](StringRef name, RankedTensorType type, double init) {
      declare(name, type, StateKind::step, {}, /*checkpointed=*/true, init);
    });
  if (request.logits)
    declare("logits", request.logits, StateKind::probe, {}, false);
  for (ParamOp param : request.params)
    if (request.kind.masters && isNarrow(param))
      declare(masterState(param), stateTypeOf(param), StateKind::master, param, true);
  for (ParamOp param : request.params)
    for (const std::string &name : momentStates(request.kind.optimizer, param))
      declare(name, momentTypeOf(request.kind, param), StateKind::moment, param, true);
  if (request.gradients)
    for (ParamOp param : request.params)
      declare(gradientState(param), stateTypeOf(param), StateKind::accumulator, param, false);
  return failure(failed);
}

//===----------------------------------------------------------------------===//
// The update
//===----------------------------------------------------------------------===//

Value weft::sumOfSquares(Build &e, Value gradient) {
  Value g = toStatistics(e, gradient);
  Value squares = e.mul(g, g);
  if (tensorType(squares).getRank() > 0)
    squares = rowSum(e, squares);
  Value rows = e.cast(squares, e.b.getF64Type());
  return e.sum(rows, llvm::to_vector(llvm::seq<int64_t>(0, tensorType(rows).getRank())));
}

/// Where a parameter can be updated at the earliest: its gradient is there and nobody reads the old value any more.
static void setInsertionPointAfterUses(OpBuilder &builder, const TrainedParameter &param) {
  builder.setInsertionPointAfterValue(param.gradient);
  for (Operation *user : param.value.getUsers())
    if (!user->isBeforeInBlock(&*builder.getInsertionPoint()))
      builder.setInsertionPointAfter(user);
}

void weft::buildUpdate(Build &end, const UpdateKind &kind, ArrayRef<TrainedParameter> params, ArrayRef<Value> squares,
                       Value count, bool isImmediate) {
  // Without clipping what scales gradients is known before them.
  OpBuilder start = end.b;
  if (isImmediate)
    start.setInsertionPointAfterValue(count);
  Build e{start, end.loc};
  auto number = RankedTensorType::get({}, e.b.getF64Type());
  auto stepType = RankedTensorType::get({}, e.b.getI64Type());
  Value hyper = e.read("hyper", RankedTensorType::get({kHyperSize}, e.b.getF64Type()));
  Value step = e.read("step", stepType);
  auto entry = [&](int64_t index) { return e.reshape(e.slice(hyper, {index}, {1}), {}); };
  Value zero = e.splat(number, 0), one = e.splat(number, 1);

  // A step without a single label that counts has no gradient: it must not divide by zero.
  Value divisor = e.select(e.less(zero, count), count, one);
  Value factor = one, norm, taken;
  auto measure = [&](Build &at) {
    Value total = squares.front();
    for (Value part : squares.drop_front())
      total = at.add(total, part);
    norm = at.div(at.sqrt(total), divisor);
    taken = kind.lossScale ? isFiniteStep(at, total) : Value();
  };
  if (!isImmediate)
    measure(e);
  if (kind.clipping) {
    Value clip = entry(kHyperClip);
    Value shrink = e.min(one, e.div(clip, e.add(norm, e.splat(number, kClipEpsilon))));
    factor = e.select(e.less(zero, clip), shrink, one);
  }
  Value scale = e.mul(e.div(factor, divisor), entry(kHyperScale));
  Value lr = LearningRateOp::create(e.b, e.loc, number, step, hyper), next;
  // Scalars of one level share a kernel: what all updates wait for must not wait for the last of them.
  if (isImmediate)
    next = e.add(step, e.splat(stepType, 1));
  auto kept = [&](Build &p, Value updated, Value old) { return taken ? keepUnless(p, taken, updated, old) : updated; };

  for (TrainedParameter param : params) {
    OpBuilder place = end.b;
    if (isImmediate)
      setInsertionPointAfterUses(place, param);
    Build p{place, regionLocation(param.op.getLoc(), "update")};
    RankedTensorType type = tensorType(param.value), momentType = momentTypeOf(kind, param.op);
    SmallVector<std::string> names = momentStates(kind.optimizer, param.op);
    SmallVector<Value> moments;
    for (const std::string &name : names)
      moments.push_back(p.read(name, momentType));
    Value value = param.value;
    if (param.master) {
      type = stateTypeOf(param.op);
      value = p.read(masterState(param.op), type);
    }
    Operation *update;
    if (kind.optimizer == Optimizer::SGD)
      update = SgdOp::create(p.b, p.loc, type, momentType, value, param.gradient, moments[0], scale, lr, hyper,
                             param.op.getDecay());
    else
      update = AdamOp::create(p.b, p.loc, type, momentType, momentType, value, param.gradient, moments[0], moments[1],
                              scale, lr, step, hyper, param.op.getDecay(),
                              /*decoupled=*/kind.optimizer == Optimizer::AdamW);
    Value updated = kept(p, update->getResult(0), value);
    if (param.master) {
      p.write(masterState(param.op), updated);
      updated = p.cast(updated, tensorType(param.value).getElementType());
    }
    p.write(param.op.getSymName(), updated);
    for (auto [name, moment, old] : llvm::zip_equal(names, update->getResults().drop_front(), moments))
      p.write(name, kept(p, moment, old));
  }

  if (isImmediate)
    measure(end);
  end.write("grad_norm", norm);
  end.write("lr", lr);
  if (!isImmediate)
    next = end.add(step, end.splat(stepType, 1));
  end.write("step", taken ? end.select(taken, next, step) : next);
  if (taken)
    updateLossScale(end, taken, entry);
}

//===- SetPrecision.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/SymbolTable.h"
#include "passes/precision/Passes.h"
#include "passes/precision/Precision.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

namespace weft {
#define GEN_PASS_DEF_SETPRECISION
#include "passes/precision/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

static bool isElementwiseOp(Operation *op) {
  return op->hasTrait<OpTrait::Elementwise>() && op->getNumResults() == 1 &&
         isa<RankedTensorType>(op->getResult(0).getType());
}

namespace {

/// Walks one block in order; what an op reads has its final type when the op's turn comes.
class Narrowing {
public:
  Narrowing(Type narrow, const Target *target, bool fp32Attention, bool fp32Residual)
      : narrow(narrow), full(Float32Type::get(narrow.getContext())), target(target), fp32Attention(fp32Attention),
        fp32Residual(fp32Residual) {}

  void run(func::FuncOp function) {
    for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
      if (isa<func::ReturnOp>(op) || op.getNumResults() == 0)
        keepTypes(&op, function);
      else if (llvm::any_of(op.getOperands(), [&](Value v) { return isNarrow(v); }))
        isElementwiseOp(&op) ? rewriteElementwise(&op) : rewrite(&op);
    }
  }

  int64_t values = 0, casts = 0;
  /// Ops that stay f32 because the target's libraries do not take the narrow type, by name.
  llvm::MapVector<StringRef, int64_t> refused;

private:
  bool hasType(Value value, Type element) const {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getElementType() == element;
  }
  bool isNarrow(Value value) const { return hasType(value, narrow); }
  bool isFull(Value value) const { return hasType(value, full); }

  /// `value` as `element`, in front of `op`: one conversion for each value and type.
  Value convert(Value value, Type element, Operation *op) {
    if (hasType(value, element))
      return value;
    Value &known = conversions[{value, element}];
    if (!known) {
      OpBuilder builder(op);
      builder.setInsertionPointAfterValue(value);
      known = Build{builder, value.getLoc()}.cast(value, element);
      ++casts;
    }
    return known;
  }

  void castOperand(OpOperand &operand, Type element) {
    if (isNarrow(operand.get()) || isFull(operand.get()))
      operand.set(convert(operand.get(), element, operand.getOwner()));
  }

  void makeNarrow(OpResult result) {
    if (!isFull(result))
      return;
    result.setType(tensorType(result).clone(narrow));
    ++values;
  }

  /// Whether somebody keeps `value` in memory or hands it to a library: everything that is no elementwise op.
  static bool isStored(Value value) {
    return llvm::any_of(value.getUsers(), [](Operation *user) { return !isElementwiseOp(user); });
  }

  /// What a residual stream adds up: two values of the same size, none of them repeated.
  static bool isResidualSum(Operation *op) {
    return isa<arith::AddFOp>(op) && llvm::none_of(op->getOperands(), [](Value operand) {
             Operation *def = operand.getDefiningOp();
             return def && (isa<BroadcastOp>(def) || def->hasTrait<OpTrait::ConstantLike>());
           });
  }

  /// Elementwise ops compute in f32 and round when the result is stored. One op between narrow values says that
  /// already: its arithmetic is f32 with one rounding.
  void rewriteElementwise(Operation *op) {
    OpResult result = op->getResult(0);
    // Conversions that the model has: widening takes any narrower type, rounding wants a wider one.
    if (isa<arith::ExtFOp>(op))
      return;
    bool stored = isFull(result) && isStored(result) && !(fp32Residual && isResidualSum(op));
    bool simple = isa<arith::ArithDialect>(op->getDialect()) && !isa<arith::TruncFOp>(op) &&
                  llvm::all_of(op->getOperands(), [&](Value v) { return !isFull(v); });
    if (stored && simple)
      return makeNarrow(result);
    for (OpOperand &operand : op->getOpOperands())
      castOperand(operand, full);
    if (!stored)
      return;
    OpBuilder builder(op->getContext());
    builder.setInsertionPointAfter(op);
    Value rounded = Build{builder, op->getLoc()}.cast(result, narrow);
    result.replaceAllUsesExcept(rounded, rounded.getDefiningOp());
    ++casts;
  }

  void rewrite(Operation *op) {
    auto asked = dyn_cast<PrecisionOpInterface>(op);
    bool allFull = (fp32Attention && isa<AttentionOp>(op)) || isRefused(op);
    for (OpOperand &operand : op->getOpOperands()) {
      Precision precision = asked ? asked.getOperandPrecision(operand) : Precision::Narrow;
      if (precision != Precision::Any)
        castOperand(operand, precision == Precision::Full || allFull ? full : narrow);
    }
    for (OpResult result : op->getResults()) {
      if ((asked ? asked.getResultPrecision(result) : Precision::Narrow) != Precision::Narrow)
        continue;
      if (!allFull) {
        makeNarrow(result);
        continue;
      }
      OpBuilder builder(op->getContext());
      builder.setInsertionPointAfter(op);
      Value rounded = Build{builder, op->getLoc()}.cast(result, narrow);
      result.replaceAllUsesExcept(rounded, rounded.getDefiningOp());
      ++casts;
    }
  }

  /// Whether the target has a library for `op` that does not take the narrow type. It is asked about the op as it would
  /// be, which is made for the question only.
  bool isRefused(Operation *op) {
    if (!target || !isa<exec::LibraryOpInterface>(op))
      return false;
    Operation *question = op->clone();
    for (OpOperand &operand : question->getOpOperands())
      if (isFull(operand.get())) {
        OpBuilder builder(op);
        operand.set(Build{builder, op->getLoc()}.cast(operand.get(), narrow));
      }
    bool taken = target->takes(cast<exec::LibraryOpInterface>(question));
    SmallVector<Operation *> made;
    for (Value operand : question->getOperands())
      if (Operation *def = operand.getDefiningOp(); def && isa<arith::TruncFOp>(def) && def->hasOneUse())
        made.push_back(def);
    question->erase();
    for (Operation *def : made)
      def->erase();
    if (!taken)
      ++refused[op->getName().stripDialect()];
    return !taken;
  }

  /// What leaves the function, or is written to a state, keeps its type.
  void keepTypes(Operation *op, func::FuncOp function) {
    if (isa<func::ReturnOp>(op)) {
      for (OpOperand &operand : op->getOpOperands())
        if (Type type = function.getResultTypes()[operand.getOperandNumber()]; type != operand.get().getType())
          operand.set(convert(operand.get(), cast<RankedTensorType>(type).getElementType(), op));
      return;
    }
    for (OpOperand &operand : op->getOpOperands())
      castOperand(operand, full);
  }

  Type narrow, full;
  const Target *target;
  bool fp32Attention, fp32Residual;
  DenseMap<std::pair<Value, Type>, Value> conversions;
};

struct SetPrecision : weft::impl::SetPrecisionBase<SetPrecision> {
  using Base::Base;
  SetPrecision(const SetPrecisionOptions &options, const Target *target) : Base(options), target(target) {}

  void getDependentDialects(DialectRegistry &registry) const override {
    Base::getDependentDialects(registry);
    registerPrecisionModels(registry);
  }

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto forward = module.lookupSymbol<func::FuncOp>("forward");
    if (!forward) {
      module.emitError("expected a function @forward, which an importer makes");
      return signalPassFailure();
    }
    Type narrow = llvm::StringSwitch<Type>(type)
                      .Case("bf16", BFloat16Type::get(&getContext()))
                      .Case("fp16", Float16Type::get(&getContext()))
                      .Default(Type());
    if (!narrow) {
      module.emitError("cannot compute in '") << type << "'; the narrow type is bf16 or fp16";
      return signalPassFailure();
    }
    Type full = Float32Type::get(&getContext());

    llvm::StringSet<> narrowed;
    for (ParamOp param : module.getOps<ParamOp>()) {
      auto shape = cast<RankedTensorType>(param.getType());
      // What is not trained and no matrix is a table of the model's, such as rotary frequencies: its digits count.
      if (shape.getElementType() != full || (!param.getTrainable() && shape.getRank() < 2))
        continue;
      param.setType(shape.clone(narrow));
      narrowed.insert(param.getSymName());
      ++numParams;
    }
    for (ReadOp read : forward.getBody().front().getOps<ReadOp>())
      if (narrowed.contains(read.getSymbol()))
        read.getResult().setType(tensorType(read.getResult()).clone(narrow));

    Narrowing narrowing(narrow, target, fp32Attention, fp32Residual);
    narrowing.run(forward);
    numNarrow += narrowing.values;
    numCasts += narrowing.casts;
    for (auto [name, count] : narrowing.refused)
      module.emitRemark() << count << " " << name << (count == 1 ? " is" : " are") << " computed in f32: this target's "
                          << "libraries take no " << type << " there";
  }

private:
  const Target *target = nullptr;
};

} // namespace

std::unique_ptr<Pass> weft::createSetPrecisionPass(const SetPrecisionOptions &options, const Target *target) {
  return std::make_unique<SetPrecision>(options, target);
}

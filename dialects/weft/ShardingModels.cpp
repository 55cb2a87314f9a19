//===- ShardingModels.cpp - Factor rules and costs of arith and math -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every op of these dialects treats each element alike; what differs is in what
// it is linear and what an element costs: one line per op at the end.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/CostModel.h"
#include "dialects/weft/ShardingRule.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace weft;

namespace {

//===----------------------------------------------------------------------===//
// Models
//===----------------------------------------------------------------------===//

/// In which sets of operands an op is linear.
enum class Linear {
  Not,
  Operand,     ///< a function of its first operand that is a multiple of it: {{0}}
  Terms,       ///< a sum or difference: {{0, 1}}
  Factors,     ///< a product: {{0}, {1}}
  MultiplyAdd, ///< x * y + z: {{0, 2}, {1, 2}}
  Choices      ///< a selection by operand 0: {{1, 2}}
};

SmallVector<SmallVector<int64_t, 2>> linearSets(Linear linear) {
  switch (linear) {
  case Linear::Not:
    return {};
  case Linear::Operand:
    return {{0}};
  case Linear::Terms:
    return {{0, 1}};
  case Linear::Factors:
    return {{0}, {1}};
  case Linear::MultiplyAdd:
    return {{0, 2}, {1, 2}};
  case Linear::Choices:
    return {{1, 2}};
  }
  llvm_unreachable("unknown linearity");
}

template <typename Op, Linear linear>
struct ShardingModel : ShardingRuleOpInterface::ExternalModel<ShardingModel<Op, linear>, Op> {
  ShardingRule getShardingRule(Operation *op) const { return elementwiseRule(op, linearSets(linear)); }
};

/// What one element costs.
enum class Work {
  Simple,  ///< an instruction: arithmetic, comparisons, conversions, rounding
  Double,  ///< two of them
  Function ///< exponentials and the like
};

double flopsOf(Work work) {
  switch (work) {
  case Work::Simple:
    return 1;
  case Work::Double:
    return 2;
  case Work::Function:
    return functionFlops;
  }
  llvm_unreachable("unknown amount of work");
}

template <typename Op, Work work> struct CostModel : CostOpInterface::ExternalModel<CostModel<Op, work>, Op> {
  OpCost getCost(Operation *, ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results) const {
    return costOf(flopsOf(work) * elements(results[0]), operands, results);
  }
};

/// A constant whose elements are all alike is the same on every shard; others are cut by position.
struct ConstantSharding : ShardingRuleOpInterface::ExternalModel<ConstantSharding, arith::ConstantOp> {
  ShardingRule getShardingRule(Operation *op) const {
    ShardingRule rule = elementwiseRule(op);
    if (!isa<SplatElementsAttr>(cast<arith::ConstantOp>(op).getValue()))
      for (ShardingRule::Factor &factor : rule.factors)
        factor.kind = ShardingRule::FactorKind::Replicated;
    return rule;
  }
};

/// Constants are there before the program starts.
struct ConstantCost : CostOpInterface::ExternalModel<ConstantCost, arith::ConstantOp> {
  OpCost getCost(Operation *, ArrayRef<RankedTensorType>, ArrayRef<RankedTensorType>) const { return {}; }
};

//===----------------------------------------------------------------------===//
// Registration
//===----------------------------------------------------------------------===//

/// Attaches both models to every one of `Ops`.
template <Linear linear, Work work, typename... Ops> void attach(MLIRContext *context) {
  (Ops::template attachInterface<ShardingModel<Ops, linear>, CostModel<Ops, work>>(*context), ...);
}

void attachArith(MLIRContext *context, arith::ArithDialect *) {
  using namespace arith;
  ConstantOp::attachInterface<ConstantSharding, ConstantCost>(*context);
  attach<Linear::Choices, Work::Simple, SelectOp>(context);
  attach<Linear::Terms, Work::Simple, AddFOp, SubFOp, AddIOp, SubIOp>(context);
  attach<Linear::Factors, Work::Simple, MulFOp, MulIOp>(context);
  // Widening a float is exact, and dropping an integer's high bits or shifting them out is a homomorphism of
  // arithmetic modulo 2^n. Narrowing a float is not linear: partial sums would be rounded one by one. Nor are widening
  // an integer, whose sum may have wrapped, and conversions between both.
  attach<Linear::Operand, Work::Simple, NegFOp, DivFOp, ExtFOp, TruncIOp, ShLIOp>(context);
  attach<Linear::Not, Work::Simple, CmpFOp, CmpIOp, RemFOp, MaximumFOp, MinimumFOp, MaxNumFOp, MinNumFOp, AndIOp, OrIOp,
         XOrIOp, MaxUIOp, MinUIOp, MaxSIOp, MinSIOp, DivSIOp, RemSIOp, FloorDivSIOp, CeilDivSIOp, DivUIOp, RemUIOp,
         CeilDivUIOp, ShRUIOp, ShRSIOp, TruncFOp, ExtSIOp, ExtUIOp, SIToFPOp, UIToFPOp, FPToSIOp, FPToUIOp>(context);
}

void attachMath(MLIRContext *context, math::MathDialect *) {
  using namespace math;
  attach<Linear::MultiplyAdd, Work::Double, FmaOp>(context);
  attach<Linear::Not, Work::Double, ClampFOp>(context);
  attach<Linear::Not, Work::Simple, AbsFOp, AbsIOp, FloorOp, CeilOp, RoundOp, RoundEvenOp, TruncOp, CopySignOp, SqrtOp,
         IsNaNOp, IsInfOp, IsFiniteOp>(context);
  attach<Linear::Not, Work::Function, ExpOp, Exp2Op, ExpM1Op, LogOp, Log2Op, Log10Op, Log1pOp, RsqrtOp, CbrtOp, PowFOp,
         TanhOp, SinhOp, CoshOp, AsinhOp, AcoshOp, AtanhOp, ErfOp, ErfcOp, SinOp, CosOp, TanOp, AsinOp, AcosOp, AtanOp,
         Atan2Op>(context);
}

} // namespace

void weft::registerShardingModels(DialectRegistry &registry) {
  registry.addExtension(attachArith);
  registry.addExtension(attachMath);
}

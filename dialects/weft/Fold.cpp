//===- Fold.cpp - Evaluating ops on constants -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Fold.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace weft;

/// More work than this is left to run time, where it is done faster.
static constexpr double maxFlops = 2e8;

std::optional<Literal> weft::constantLiteral(Value value, int64_t limitBytes) {
  Attribute attr;
  if (matchPattern(value, m_Constant(&attr)))
    return Literal::fromAttr(attr);
  auto iota = value.getDefiningOp<IotaOp>();
  if (!iota || tensorBytes(iota.getType()) > limitBytes)
    return std::nullopt;
  SmallVector<Literal, 1> results;
  if (failed(iota.evaluate({}, results)))
    return std::nullopt;
  return std::move(results.front());
}

/// Constants and iotas: what everything else folds from.
static bool isConstantOrIota(Value value) {
  Operation *op = value.getDefiningOp();
  return op && (op->hasTrait<OpTrait::ConstantLike>() || isa<IotaOp>(op));
}

static double flops(Operation *op) {
  auto cost = dyn_cast<CostOpInterface>(op);
  if (!cost)
    return 0;
  auto types = [](TypeRange range) {
    return llvm::map_to_vector(range, [](Type type) { return cast<RankedTensorType>(type); });
  };
  return cost.getCost(types(op->getOperandTypes()), types(op->getResultTypes())).flops;
}

bool weft::evaluateToConstants(Operation *op, int64_t limitBytes, SmallVectorImpl<Attribute> &values) {
  auto evaluator = dyn_cast<EvaluateOpInterface>(op);
  if (!evaluator || op->hasTrait<OpTrait::ConstantLike>() || !llvm::all_of(op->getOperands(), isConstantOrIota))
    return false;
  auto isTensor = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape();
  };
  if (!llvm::all_of(op->getOperandTypes(), isTensor) || !llvm::all_of(op->getResultTypes(), isTensor))
    return false;
  auto fits = [&](Type type) { return tensorBytes(cast<RankedTensorType>(type)) <= limitBytes; };
  bool resultsFit = llvm::all_of(op->getResultTypes(), fits);
  bool keepsSplats = op->getNumOperands() > 0 && (op->hasTrait<OpTrait::Elementwise>() || op->hasTrait<KeepsSplats>());
  // A larger result is computed only if it is known beforehand to be a splat.
  if (!resultsFit && !keepsSplats)
    return false;

  SmallVector<Literal> operands, results;
  for (Value operand : op->getOperands()) {
    std::optional<Literal> literal = constantLiteral(operand, limitBytes);
    if (!literal || (!resultsFit && !literal->isSplat()))
      return false;
    operands.push_back(std::move(*literal));
  }
  bool splats = keepsSplats && llvm::all_of(operands, [](const Literal &operand) { return operand.isSplat(); });
  if (!splats && flops(op) > maxFlops)
    return false;
  if (failed(evaluator.evaluate(operands, results)))
    return false;
  for (const Literal &result : results)
    values.push_back(result.toAttr());
  // An iota is worth more than its elements: consumers know it by its op.
  if (isa<IotaOp>(op) && !cast<DenseElementsAttr>(values.front()).isSplat()) {
    values.clear();
    return false;
  }
  return true;
}

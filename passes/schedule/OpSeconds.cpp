//===- OpSeconds.cpp - How long an op of a task takes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/OpSeconds.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"

using namespace mlir;
using namespace weft;

double weft::secondsOf(Operation *op, const StepRates &rates) {
  double bytes = 0, flops = 0;
  for (Type type :
       llvm::concat<const Type>(llvm::to_vector(op->getOperandTypes()), llvm::to_vector(op->getResultTypes())))
    bytes += static_cast<double>(tensorBytes(cast<RankedTensorType>(type)));
  // Every form of product says which dimensions of its first operand it contracts.
  if (auto contracted = op->getAttrOfType<DenseI64ArrayAttr>("lhsContract")) {
    auto lhs = cast<RankedTensorType>(op->getOperand(0).getType());
    flops = 2.0 * static_cast<double>(cast<RankedTensorType>(op->getResult(0).getType()).getNumElements());
    for (int64_t dim : contracted.asArrayRef())
      flops *= static_cast<double>(lhs.getDimSize(dim));
  } else if (auto cost = dyn_cast<CostOpInterface>(op)) {
    SmallVector<RankedTensorType> operands, results;
    for (Type type : op->getOperandTypes())
      operands.push_back(cast<RankedTensorType>(type));
    for (Type type : op->getResultTypes())
      results.push_back(cast<RankedTensorType>(type));
    flops = cost.getCost(operands, results).flops;
  }
  if (isa<dist::DistDialect>(op->getDialect()))
    return bytes / rates.linkBytesPerSecond;
  return std::max(bytes / rates.bytesPerSecond, flops / rates.flopsPerSecond);
}

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

double weft::secondsOf(Operation *op, ArrayRef<RankedTensorType> operands, ArrayRef<RankedTensorType> results,
                       const StepRates &rates) {
  OpCost cost;
  for (RankedTensorType type : llvm::concat<const RankedTensorType>(operands, results))
    cost.bytesRead += static_cast<double>(tensorBytes(type));
  if (isa<dist::DistDialect>(op->getDialect()))
    return cost.bytesRead / rates.linkBytesPerSecond;
  // Every form of product says which dimensions of its first operand it contracts.
  if (auto contracted = op->getAttrOfType<DenseI64ArrayAttr>("lhsContract")) {
    cost.flops = 2.0 * static_cast<double>(results.front().getNumElements());
    for (int64_t dim : contracted.asArrayRef())
      cost.flops *= static_cast<double>(operands.front().getDimSize(dim));
  } else if (auto own = dyn_cast<CostOpInterface>(op)) {
    cost = own.getCost(operands, results);
  }
  return std::max((cost.bytesRead + cost.bytesWritten) / rates.bytesPerSecond, cost.flops / rates.flopsPerSecond);
}

double weft::secondsOf(Operation *op, const StepRates &rates) {
  auto typesOf = [](TypeRange types) {
    return llvm::map_to_vector(types, [](Type type) { return cast<RankedTensorType>(type); });
  };
  return secondsOf(op, typesOf(op->getOperandTypes()), typesOf(op->getResultTypes()), rates);
}

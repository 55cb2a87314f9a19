//===- Cost.cpp - Work and traffic of the primitive ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/CostModel.h"

using namespace mlir;
using namespace weft;

using Types = ArrayRef<RankedTensorType>;

OpCost weft::costOf(double flops, Types operands, Types results) {
  OpCost cost;
  cost.flops = flops;
  for (RankedTensorType type : operands)
    cost.bytesRead += bytes(type);
  for (RankedTensorType type : results)
    cost.bytesWritten += bytes(type);
  return cost;
}

OpCost DotGeneralOp::getCost(Types operands, Types results) {
  double terms = 1;
  for (int64_t d : getLhsContract())
    terms *= static_cast<double>(operands[0].getDimSize(d));
  return costOf(2 * elements(results[0]) * terms, operands, results);
}

OpCost ReduceOp::getCost(Types operands, Types results) { return costOf(elements(operands[0]), operands, results); }
OpCost CumsumOp::getCost(Types operands, Types results) { return costOf(elements(results[0]), operands, results); }

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

OpCost BroadcastOp::getCost(Types operands, Types results) { return costOf(0, operands, results); }
OpCost TransposeOp::getCost(Types operands, Types results) { return costOf(0, operands, results); }
/// Another view of the same memory.
OpCost ReshapeOp::getCost(Types operands, Types results) { return {}; }
/// Only what is taken is read.
OpCost SliceOp::getCost(Types operands, Types results) { return costOf(0, results, results); }
OpCost PadOp::getCost(Types operands, Types results) { return costOf(0, operands, results); }
OpCost ConcatOp::getCost(Types operands, Types results) { return costOf(0, operands, results); }
OpCost IotaOp::getCost(Types operands, Types results) { return costOf(0, operands, results); }

//===----------------------------------------------------------------------===//
// Indexed access
//===----------------------------------------------------------------------===//

/// One slice is read for every index, however often it was read before: caches hold no embedding table.
OpCost GatherOp::getCost(Types operands, Types results) { return costOf(0, {results[0], operands[1]}, results); }

OpCost ScatterAddOp::getCost(Types operands, Types results) { return costOf(elements(operands[0]), operands, results); }

//===- InputLimits.cpp - What the values of inputs must be below -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/train/InputLimits.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace weft;

/// The operands whose values `v` consists of: changes of shape and width pass
/// values on, and a select between an index and the same index plus the axis's
/// size counts negative indices from the end.
static void appendOrigins(Value v, SmallVectorImpl<Value> &origins) {
  Operation *op = v.getDefiningOp();
  if (isa<ReshapeOp, TransposeOp, SliceOp, BroadcastOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(op)) {
    origins.push_back(op->getOperand(0));
  } else if (auto select = dyn_cast<arith::SelectOp>(op)) {
    auto isShifted = [](Value shifted, Value index) {
      auto add = shifted.getDefiningOp<arith::AddIOp>();
      return add && (add.getLhs() == index || add.getRhs() == index);
    };
    Value x = select.getTrueValue(), y = select.getFalseValue();
    if (isShifted(x, y))
      origins.push_back(y);
    else if (isShifted(y, x))
      origins.push_back(x);
  }
}

void weft::setInputLimits(func::FuncOp function) {
  // An id that is allowed besides holds only if every use of the input allows it.
  llvm::SmallMapVector<BlockArgument, int64_t, 4> limits;
  llvm::SmallMapVector<BlockArgument, IntegerAttr, 4> ignored;
  auto limit = [&](Value v, int64_t size, IntegerAttr ignore = {}) {
    SmallVector<Value> worklist = {v};
    llvm::DenseSet<Value> seen;
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      if (!seen.insert(value).second)
        continue;
      if (auto argument = dyn_cast<BlockArgument>(value)) {
        auto [it, isNew] = limits.insert({argument, size});
        it->second = std::min(it->second, size);
        auto [other, isFirst] = ignored.insert({argument, ignore});
        if (!isFirst && other->second != ignore)
          other->second = {};
      } else {
        appendOrigins(value, worklist);
      }
    }
  };
  auto axisSize = [](Value v, int64_t axis) { return cast<RankedTensorType>(v.getType()).getDimSize(axis); };
  for (Operation &op : function.getBody().front()) {
    if (auto gather = dyn_cast<GatherOp>(op))
      limit(gather.getIndices(), axisSize(gather.getInput(), gather.getAxis()));
    else if (auto scatter = dyn_cast<ScatterAddOp>(op))
      limit(scatter.getIndices(), axisSize(scatter.getResult(), scatter.getAxis()));
    else if (auto loss = dyn_cast<CrossEntropyOp>(op))
      limit(loss.getLabels(), cast<RankedTensorType>(loss.getLogits().getType()).getShape().back(),
            loss.getIgnoreIndexAttr());
  }
  Builder b(function.getContext());
  for (auto [argument, size] : limits)
    function.setArgAttr(argument.getArgNumber(), "weft.limit", b.getI64IntegerAttr(size));
  for (auto [argument, ignore] : ignored)
    if (ignore)
      function.setArgAttr(argument.getArgNumber(), "weft.ignore", ignore);
}

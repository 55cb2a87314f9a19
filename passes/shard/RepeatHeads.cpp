//===- RepeatHeads.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Passes.h"
#include <numeric>

namespace weft {
#define GEN_PASS_DEF_REPEATHEADS
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

/// Every head `times` times, one after another: [B, S, G, D] becomes [B, S, G * times, D].
static Value repeatHeads(Build &e, Value heads, int64_t times) {
  RankedTensorType type = tensorType(heads);
  SmallVector<int64_t> shape(type.getShape()), repeated(type.getShape());
  repeated.insert(repeated.begin() + 3, times);
  shape[2] *= times;
  return e.reshape(e.broadcast(heads, {0, 1, 2, 4}, repeated), shape);
}

namespace {

struct RepeatHeads : weft::impl::RepeatHeadsBase<RepeatHeads> {
  using Base::Base;
  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      for (AttentionOp attention : function.getOps<AttentionOp>())
        repeat(attention);
  }

private:
  void repeat(AttentionOp attention) {
    int64_t heads = tensorType(attention.getQ()).getDimSize(2), groups = tensorType(attention.getK()).getDimSize(2);
    int64_t least = std::lcm(groups, tp.getValue());
    // One group is read by all heads: it need not be cut. Where query heads cannot be cut, nothing helps.
    if (groups == 1 || groups % tp == 0 || heads % least != 0)
      return;
    int64_t times = least / groups;
    OpBuilder builder(attention);
    Build e{builder, attention.getLoc()};
    int64_t bytes = tensorBytes(tensorType(attention.getK())) + tensorBytes(tensorType(attention.getV()));
    attention.getKMutable().assign(repeatHeads(e, attention.getK(), times));
    attention.getVMutable().assign(repeatHeads(e, attention.getV(), times));
    attention.emitRemark("key/value heads of ")
        << groups << " are not a multiple of tp=" << tp.getValue() << ": every rank of 'tp' computes all of them ("
        << bytes << " bytes in a micro-batch of all ranks) and uses its part of them repeated " << times << " times";
    ++numRepeated;
  }
};

} // namespace

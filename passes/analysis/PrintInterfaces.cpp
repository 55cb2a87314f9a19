//===- PrintInterfaces.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/Passes.h"
#include "llvm/Support/FormatVariadic.h"

namespace weft {
#define GEN_PASS_DEF_PRINTINTERFACES
#include "passes/analysis/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

/// The types of all values; nothing if one of them is not a static tensor.
static std::optional<SmallVector<RankedTensorType>> tensorTypes(TypeRange types) {
  SmallVector<RankedTensorType> tensors;
  for (Type type : types) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !tensor.hasStaticShape())
      return std::nullopt;
    tensors.push_back(tensor);
  }
  return tensors;
}

static std::string describe(const OpCost &cost) {
  return llvm::formatv("cost {0:f0} flops, {1:f0} bytes read, {2:f0} bytes written", cost.flops, cost.bytesRead,
                       cost.bytesWritten);
}

namespace {
struct PrintInterfaces : weft::impl::PrintInterfacesBase<PrintInterfaces> {
  void runOnOperation() override {
    markAllAnalysesPreserved();
    getOperation()->walk<WalkOrder::PreOrder>([](Operation *op) {
      auto operands = tensorTypes(op->getOperandTypes()), results = tensorTypes(op->getResultTypes());
      if (!operands || !results)
        return;
      SmallVector<std::string, 2> parts;
      if (auto sharding = dyn_cast<ShardingRuleOpInterface>(op)) {
        llvm::raw_string_ostream stream(parts.emplace_back("sharding "));
        stream << sharding.getShardingRule();
      }
      if (auto cost = dyn_cast<CostOpInterface>(op))
        parts.push_back(describe(cost.getCost(*operands, *results)));
      if (!parts.empty())
        op->emitRemark(llvm::join(parts, "; "));
    });
  }
};
} // namespace

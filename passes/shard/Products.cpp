//===- Products.cpp - Products of activations with weights -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Products.h"
#include "dialects/dist/Dist.h"
#include "dialects/weft/Weft.h"
#include "passes/shard/Layers.h"
#include "passes/shard/Region.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace weft;

Value weft::sourceOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<TransposeOp, ReshapeOp, dist::ConstrainOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// The parameter that a value is, or an empty name.
static StringRef parameterOf(Value value, const SymbolTable &symbols) {
  auto read = sourceOf(value).getDefiningOp<ReadOp>();
  return read && isa_and_nonnull<ParamOp>(symbols.lookup(read.getSymbol())) ? read.getSymbol() : StringRef();
}

std::vector<WeightProduct> weft::findWeightProducts(func::FuncOp task) {
  SymbolTable symbols(task->getParentOfType<ModuleOp>());
  std::vector<WeightProduct> products;
  llvm::StringMap<SmallVector<size_t, 2>> ofLayer;
  auto find = [&](StringRef layer, llvm::function_ref<bool(const WeightProduct &)> is) -> WeightProduct * {
    for (size_t i : ofLayer.lookup(layer))
      if (is(products[i]))
        return &products[i];
    return nullptr;
  };
  for (Operation &op : task.getBody().front()) {
    StringRef region = regionOf(op.getLoc());
    if (!isa<DotGeneralOp, GatherOp, ScatterAddOp>(op) || (region != "forward" && region != "backward"))
      continue;
    std::string layer = layerOf(op.getLoc());
    std::string parameter;
    int64_t weight = 0;
    for (OpOperand &operand : op.getOpOperands())
      if (StringRef name = parameterOf(operand.get(), symbols); !name.empty()) {
        parameter = name.str();
        weight = operand.getOperandNumber();
      }
    if (region == "forward") {
      Value input = isa<DotGeneralOp>(op) ? sourceOf(op.getOperand(1 - weight)) : Value();
      if (!parameter.empty()) {
        ofLayer[layer].push_back(products.size());
        products.push_back({parameter, layer, {&op, weight}, {}, {}, input, {}});
      }
      continue;
    }
    // The data's gradient is computed from the weight, the weight's from the data, or from where it was looked up.
    if (!parameter.empty()) {
      if (WeightProduct *product = find(layer, [&](const WeightProduct &p) { return p.parameter == parameter; })) {
        product->dataGradient = {&op, weight};
        product->cotangent = sourceOf(op.getOperand(1 - weight));
      }
      continue;
    }
    auto isItsInput = [&](const WeightProduct &p) {
      return p.input ? isa<DotGeneralOp>(op) &&
                           llvm::any_of(op.getOperands(), [&](Value value) { return sourceOf(value) == p.input; })
                     : isa<ScatterAddOp>(op);
    };
    if (WeightProduct *product = find(layer, isItsInput)) {
      product->weightGradient = {&op, op.getNumOperands()};
      bool isSecond = product->input && sourceOf(op.getOperand(0)) == product->input;
      product->cotangent = sourceOf(op.getOperand(isSecond));
    }
  }
  return products;
}

SmallVector<int64_t> weft::summedDims(const WeightProduct &product) {
  Value weight = product.forward.op->getOperand(product.forward.tensor);
  SmallVector<int64_t> dims;
  if (auto dot = dyn_cast<DotGeneralOp>(product.forward.op))
    dims = llvm::to_vector(product.forward.tensor == 0 ? dot.getLhsContract() : dot.getRhsContract());
  else
    dims.push_back(cast<GatherOp>(product.forward.op).getAxis());
  while (Operation *op = weight.getDefiningOp()) {
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      for (int64_t &dim : dims)
        dim = transpose.getPerm()[dim];
    } else if (isa<ReshapeOp>(op)) {
      return {};
    } else if (!isa<dist::ConstrainOp>(op)) {
      break;
    }
    weight = op->getOperand(0);
  }
  return dims;
}

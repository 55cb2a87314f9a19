//===- Products.cpp - Products of activations with weights -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Products.h"
#include "dialects/dist/Dist.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/shard/Layers.h"
#include "passes/shard/Region.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include <numeric>

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

/// The parameter that a value is, or is a slice of, or an empty name.
static StringRef parameterOf(Value value, const SymbolTable &symbols) {
  value = sourceOf(value);
  if (auto slice = value.getDefiningOp<SliceOp>())
    value = sourceOf(slice.getInput());
  auto read = value.getDefiningOp<ReadOp>();
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
      auto isIts = [&](const WeightProduct &p) {
        return sourceOf(p.forward.op->getOperand(p.forward.tensor)) == sourceOf(op.getOperand(weight));
      };
      if (WeightProduct *product = find(layer, isIts)) {
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
    // Parts of one weight may have products of one input in one layer: each has a gradient of its size.
    auto hasNone = [&](const WeightProduct &p) {
      Value weightOf = p.forward.op->getOperand(p.forward.tensor);
      return isItsInput(p) && !p.weightGradient.op &&
             tensorType(weightOf).getNumElements() == tensorType(op.getResult(0)).getNumElements();
    };
    WeightProduct *product = find(layer, hasNone);
    if (product || (product = find(layer, isItsInput))) {
      product->weightGradient = {&op, op.getNumOperands()};
      bool isSecond = product->input && sourceOf(op.getOperand(0)) == product->input;
      product->cotangent = sourceOf(op.getOperand(isSecond));
    }
  }
  return products;
}

/// The dimension of another shape that is a dimension of this one, or -1.
static int64_t sameDim(ArrayRef<int64_t> shape, int64_t dim, ArrayRef<int64_t> other) {
  auto product = [](ArrayRef<int64_t> sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<int64_t>());
  };
  for (int64_t i = 0, rank = static_cast<int64_t>(other.size()); i < rank; ++i)
    if (other[i] == shape[dim] && product(other.drop_front(i)) == product(shape.drop_front(dim)))
      return i;
  return -1;
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
    } else if (auto reshape = dyn_cast<ReshapeOp>(op)) {
      for (int64_t &dim : dims)
        if ((dim = sameDim(tensorType(weight).getShape(), dim, tensorType(reshape.getInput()).getShape())) < 0)
          return {};
    } else if (!isa<SliceOp, dist::ConstrainOp>(op)) {
      break;
    }
    weight = op->getOperand(0);
  }
  return dims;
}

StringRef weft::parameterOfGradient(ModuleOp train, OpOperand &use) {
  Operation *user = use.getOwner();
  auto ofState = [&](StringRef symbol) {
    auto state = train.lookupSymbol<StateOp>(symbol);
    return state && state.getParam() ? *state.getParam() : symbol;
  };
  if (isa<AdamOp, SgdOp>(user) && use.getOperandNumber() == 1) {
    // What is updated is the parameter, or its master.
    auto read = user->getOperand(0).getDefiningOp<ReadOp>();
    return read ? ofState(read.getSymbol()) : StringRef();
  }
  auto write = dyn_cast<WriteOp>(user);
  auto state = write ? train.lookupSymbol<StateOp>(write.getSymbol()) : StateOp();
  return state && state.getKind() == StateKind::accumulator ? ofState(write.getSymbol()) : StringRef();
}

/// The parameter whose gradient a sum ends as, by itself or added to its accumulator.
static StringRef endsAs(ModuleOp module, Value sum, int depth = 0) {
  constexpr int kMaxOps = 8;
  for (OpOperand &use : sum.getUses()) {
    Operation *user = use.getOwner();
    StringRef found = parameterOfGradient(module, use);
    if (found.empty() && depth < kMaxOps && isa<arith::TruncFOp, arith::ExtFOp, arith::AddFOp, ReshapeOp>(user))
      found = endsAs(module, user->getResult(0), depth + 1);
    if (!found.empty())
      return found;
  }
  return {};
}

std::vector<BiasGradient> weft::findBiasGradients(func::FuncOp task) {
  auto module = task->getParentOfType<ModuleOp>();
  std::vector<BiasGradient> gradients;
  for (auto reduce : task.getOps<ReduceOp>())
    if (reduce.getKind() == ReduceKind::sum && tensorType(reduce.getResult()).getRank() > 0)
      if (StringRef parameter = endsAs(module, reduce.getResult()); !parameter.empty())
        gradients.push_back({parameter.str(), {reduce, 1}});
  return gradients;
}

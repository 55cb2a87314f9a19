//===- PackGradients.cpp - Gradients of attention side by side -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/AttentionCalls.h"
#include "dialects/weft/Build.h"
#include "passes/lower/Passes.h"

namespace weft {
#define GEN_PASS_DEF_PACKGRADIENTS
#include "passes/lower/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// The value that `value` is a reshape of, over reshapes that nothing else reads; null if something does.
Value reshapedFrom(Value value) {
  while (value.hasOneUse()) {
    auto reshape = value.getDefiningOp<ReshapeOp>();
    if (!reshape)
      return value;
    value = reshape.getInput();
  }
  return {};
}

/// Where the inputs of `concat` lie in its result, each seen under the shape of the value it is made of.
std::optional<SmallVector<exec::StridedView>> findWindows(ConcatOp concat, ArrayRef<Value> sources) {
  SmallVector<exec::StridedView> windows;
  int64_t dim = concat.getDim(), begin = 0;
  for (auto [input, source] : llvm::zip_equal(concat.getInputs(), sources)) {
    exec::StridedView part = exec::StridedView::ofBase(concat.getResult());
    part.offset = begin * part.strides[dim];
    part.shape.assign(tensorType(input).getShape().begin(), tensorType(input).getShape().end());
    begin += part.shape[dim];
    std::optional<exec::StridedView> window = part.reshaped(tensorType(source).getShape());
    if (!window)
      return std::nullopt;
    windows.push_back(*window);
  }
  return windows;
}

bool pack(ConcatOp concat) {
  if (concat.getInputs().size() != 3)
    return false;
  SmallVector<Value> sources;
  for (Value input : concat.getInputs())
    sources.push_back(reshapedFrom(input));
  if (llvm::is_contained(sources, Value()))
    return false;
  auto grad = sources[0].getDefiningOp<AttentionGradOp>();
  if (!grad || llvm::any_of(grad.getResults(), [&](Value result) { return !llvm::is_contained(sources, result); }))
    return false;
  std::optional<SmallVector<exec::StridedView>> windows = findWindows(concat, sources);
  if (!windows)
    return false;
  SmallVector<int64_t> offsets, strides;
  for (Value result : grad.getResults()) {
    const exec::StridedView &window = (*windows)[llvm::find(sources, result) - sources.begin()];
    offsets.push_back(window.offset);
    llvm::append_range(strides, window.strides);
  }
  OpBuilder builder(grad);
  auto packed = exec::PackedAttentionGradOp::create(
      builder, grad.getLoc(), concat.getType(), grad.getDout(), grad.getQ(), grad.getK(), grad.getV(), grad.getOut(),
      grad.getLse(), grad.getMask(), grad.getScaleAttr(), grad.getCausalAttr(), builder.getDenseI64ArrayAttr(offsets),
      builder.getDenseI64ArrayAttr(strides));
  concat.replaceAllUsesWith(packed.getPacked());
  return true;
}

struct PackGradients : weft::impl::PackGradientsBase<PackGradients> {
  void runOnOperation() override {
    SmallVector<Operation *> dead;
    getOperation().walk([&](ConcatOp concat) {
      if (!pack(concat))
        return;
      ++numPacked;
      dead.push_back(concat);
    });
    for (Operation *op : dead) {
      // The concatenation, its reshapes, and the gradient that they were made of.
      SmallVector<Operation *> chain = {op};
      while (!chain.empty()) {
        Operation *last = chain.pop_back_val();
        if (!last->use_empty())
          continue;
        llvm::SetVector<Operation *> makers;
        for (Value operand : last->getOperands())
          if (Operation *maker = operand.getDefiningOp(); maker && isa<ReshapeOp, AttentionGradOp>(maker))
            makers.insert(maker);
        bool isGradient = isa<AttentionGradOp>(last);
        last->erase();
        if (!isGradient)
          chain.append(makers.begin(), makers.end());
      }
    }
  }
};

} // namespace

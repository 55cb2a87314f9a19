//===- Raise.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/raise/Match.h"
#include "passes/raise/Passes.h"

namespace weft {
#define GEN_PASS_DEF_RAISE
#include "passes/raise/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {
/// How many there are of each op.
struct Census {
  int64_t attention = 0, causal = 0, layerNorm = 0, rmsNorm = 0, gelu = 0, geluTanh = 0, silu = 0, rotary = 0,
          softmax = 0, crossEntropy = 0;

  explicit Census(func::FuncOp func) {
    func.walk([&](Operation *op) {
      TypeSwitch<Operation *>(op)
          .Case([&](AttentionOp op) {
            ++attention;
            causal += op.getCausal();
          })
          .Case([&](LayerNormOp) { ++layerNorm; })
          .Case([&](RmsNormOp) { ++rmsNorm; })
          .Case([&](GeluOp op) {
            ++gelu;
            geluTanh += op.getTanh();
          })
          .Case([&](SiluOp) { ++silu; })
          .Case([&](RotaryOp) { ++rotary; })
          .Case([&](SoftmaxOp) { ++softmax; })
          .Case([&](CrossEntropyOp) { ++crossEntropy; });
    });
  }

  std::string describe() const {
    std::string text;
    llvm::raw_string_ostream os(text);
    auto item = [&](int64_t count, StringRef name, int64_t some = 0, StringRef which = "") {
      if (count == 0)
        return;
      os << (text.empty() ? "" : ", ") << count << " " << name;
      if (some != 0)
        os << " (" << some << " " << which << ")";
    };
    item(attention, "attention", causal, "causal");
    item(layerNorm, "layer_norm");
    item(rmsNorm, "rms_norm");
    item(gelu, "gelu", geluTanh, "tanh");
    item(silu, "silu");
    item(rotary, "rotary");
    item(softmax, "softmax");
    item(crossEntropy, "cross_entropy");
    return text.empty() ? "nothing" : text;
  }
};

struct Raise : weft::impl::RaiseBase<Raise> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (func.isExternal())
      return;
    Census before(func);
    Raising raising(func);
    // In program order, so that what a root contains is recovered before it: an
    // attention finds its softmax and its rotary embeddings. Norms precede
    // activations: both begin at a product.
    constexpr Matcher matchers[] = {raiseSoftmax, raiseNorm,      raiseActivation,
                                    raiseRotary,  raiseAttention, raiseCrossEntropy};
    SmallVector<Operation *> roots;
    func.walk([&](Operation *op) { roots.push_back(op); });
    for (Operation *root : roots) {
      if (root->use_empty() || !isa<RankedTensorType>(root->getResult(0).getType()))
        continue;
      for (Matcher matcher : matchers)
        if (succeeded(matcher(root, raising)))
          break;
    }
    eraseDeadOps(func);
    report(before, Census(func));
  }

private:
  static void eraseDeadOps(func::FuncOp func) {
    SmallVector<Operation *> ops;
    func.walk([&](Operation *op) { ops.push_back(op); });
    // Users come before what they use, so that one sweep removes whole chains.
    for (Operation *op : llvm::reverse(ops))
      if (isOpTriviallyDead(op))
        op->erase();
  }

  void report(const Census &before, const Census &after) {
    numAttention += std::max<int64_t>(after.attention - before.attention, 0);
    numLayerNorm += std::max<int64_t>(after.layerNorm - before.layerNorm, 0);
    numRmsNorm += std::max<int64_t>(after.rmsNorm - before.rmsNorm, 0);
    numGelu += std::max<int64_t>(after.gelu - before.gelu, 0);
    numSilu += std::max<int64_t>(after.silu - before.silu, 0);
    numRotary += std::max<int64_t>(after.rotary - before.rotary, 0);
    numCrossEntropy += std::max<int64_t>(after.crossEntropy - before.crossEntropy, 0);
    emitRemark(getOperation().getLoc()) << "found " << after.describe();
  }
};
} // namespace

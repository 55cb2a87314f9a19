//===- ExpandAttention.cpp - Attention that no library of the target computes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/AttentionScores.h"
#include "dialects/weft/RowStatistics.h"
#include "passes/lower/Passes.h"
#include <limits>

namespace weft {
#define GEN_PASS_DEF_EXPANDATTENTION
#include "passes/lower/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// `value` in `like`'s place, converted to its type.
void replace(Build &e, Value like, Value value) {
  like.replaceAllUsesWith(e.cast(value, tensorType(like).getElementType()));
}

void expand(Build &e, AttentionOp op) {
  Value scores =
      attentionScores(e, op.getQ(), op.getK(), op.getMask(), op.getScale().convertToDouble(), op.getCausal());
  Value top = e.reduce(ReduceKind::max, scores, {3});
  // A row that sees nothing: no key counts, its sum is 0 and so is the output; lse = log 0 = -inf.
  Value nothing = e.equal(top, e.splatLike(top, -std::numeric_limits<double>::infinity()));
  Value base = e.select(nothing, e.splatLike(top, 0), top);
  Value weights = e.exp(e.sub(scores, broadcastRows(e, base, scores)));
  Value sum = rowSum(e, weights);
  Value divisor = e.select(nothing, e.splatLike(sum, 1), sum);
  Value probabilities = e.div(weights, broadcastRows(e, divisor, weights));
  Value lse = e.add(e.log(sum), base);
  replace(e, op.getOut(), sumOverKeys(e, probabilities, toStatistics(e, op.getV())));
  replace(e, op.getLse(), lse);
  op.erase();
}

void expand(Build &e, AttentionGradOp op) {
  double scale = op.getScale().convertToDouble();
  Value q = toStatistics(e, op.getQ()), k = toStatistics(e, op.getK()), v = toStatistics(e, op.getV());
  Value dout = toStatistics(e, op.getDout()), out = toStatistics(e, op.getOut());
  Value scores = attentionScores(e, q, k, op.getMask(), scale, op.getCausal());
  Value probabilities = attentionProbabilities(e, scores, op.getLse());
  Value rows = e.transpose(rowSum(e, e.mul(dout, out)), {0, 2, 1}); // [B,H,T]
  Value products = queryKeyProducts(e, dout, v);
  Value gradScores = e.mul(probabilities, e.sub(products, broadcastRows(e, rows, products)));
  gradScores = e.mul(gradScores, e.splatLike(gradScores, scale));
  int64_t groups = AttentionSizes(q, k).G;
  replace(e, op.getDq(), sumOverKeys(e, gradScores, k));
  replace(e, op.getDk(), sumOverQueries(e, gradScores, q, groups));
  replace(e, op.getDv(), sumOverQueries(e, probabilities, dout, groups));
  op.erase();
}

/// The same attention of other element types: every float operand in `element`, statistics as they are.
SmallVector<Value> convertedOperands(Build &e, Operation *op, Type element) {
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    Type own = tensorType(operand).getElementType();
    bool narrow = isa<FloatType>(own) && own.getIntOrFloatBitWidth() < element.getIntOrFloatBitWidth();
    operands.push_back(narrow ? e.cast(operand, element) : operand);
  }
  return operands;
}

/// An op that computes in f32 what `op` computes in 16 bits.
Operation *createWide(Build &e, Operation *op) {
  Type f32 = e.b.getF32Type();
  OperationState state(e.loc, op->getName(), convertedOperands(e, op, f32), {}, op->getAttrs());
  for (Type type : op->getResultTypes())
    state.addTypes(cast<RankedTensorType>(type).clone(f32));
  return e.b.create(state);
}

struct ExpandAttention : weft::impl::ExpandAttentionBase<ExpandAttention> {
  using Base::Base;
  explicit ExpandAttention(const Target *target) : target(target) {}

  void runOnOperation() override {
    if (!target && !all)
      return;
    SmallVector<Operation *> work;
    getOperation().walk([&](Operation *op) {
      if (isa<AttentionOp, AttentionGradOp>(op) && !takes(op))
        work.push_back(op);
    });
    OpBuilder builder(&getContext());
    for (Operation *op : work) {
      builder.setInsertionPoint(op);
      Build e{builder, op->getLoc()};
      if (!all && tensorType(op->getOperand(0)).getElementType().getIntOrFloatBitWidth() < 32 && replaceByWide(e, op)) {
        ++numWidened;
        continue;
      }
      TypeSwitch<Operation *>(op).Case<AttentionOp, AttentionGradOp>([&](auto attention) { expand(e, attention); });
      ++numExpanded;
    }
  }

  bool takes(Operation *op) const { return !all && target->takes(cast<exec::LibraryOpInterface>(op)); }

  /// Attention of 16-bit floats by way of f32, if the target has that.
  bool replaceByWide(Build &e, Operation *op) {
    Operation *wide = createWide(e, op);
    if (!takes(wide)) {
      wide->erase();
      return false;
    }
    for (auto [narrow, result] : llvm::zip(op->getResults(), wide->getResults()))
      replace(e, narrow, result);
    op->erase();
    return true;
  }

  const Target *target = nullptr;
};

} // namespace

std::unique_ptr<Pass> weft::createExpandAttentionPass(const Target *target) {
  return std::make_unique<ExpandAttention>(target);
}

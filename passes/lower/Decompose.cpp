//===- Decompose.cpp - Composite ops in terms of elementwise ops and reductions -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/lower/Decompose.h"
#include "dialects/exec/Exec.h"
#include "dialects/weft/Activation.h"
#include "dialects/weft/Build.h"
#include "dialects/weft/RowStatistics.h"
#include "passes/lower/Passes.h"
#include <cmath>

namespace weft {
#define GEN_PASS_DEF_DECOMPOSE
#include "passes/lower/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// A composite op's results in primitive terms; empty if it stays.
using Results = SmallVector<Value, 3>;

Results decompose(Build &e, LayerNormOp op) {
  Value x = toStatistics(e, op.getInput());
  auto [centered, rstd] = layerNormRows(e, x, op.getEps().convertToDouble());
  Value y = e.mul(centered, broadcastRows(e, rstd, centered));
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  if (op.getGamma())
    y = e.mul(y, e.broadcastLast(toStatistics(e, op.getGamma()), shape));
  if (op.getBeta())
    y = e.add(y, e.broadcastLast(toStatistics(e, op.getBeta()), shape));
  return {e.cast(y, tensorType(op.getInput()).getElementType())};
}

Results decompose(Build &e, RmsNormOp op) {
  Value x = toStatistics(e, op.getInput());
  Value y = e.mul(x, broadcastRows(e, rmsNormRstd(e, x, op.getEps().convertToDouble()), x));
  if (op.getGamma())
    y = e.mul(y, e.broadcastLast(toStatistics(e, op.getGamma()), tensorType(x).getShape()));
  return {e.cast(y, tensorType(op.getInput()).getElementType())};
}

Results decompose(Build &e, SoftmaxOp op) {
  Value x = toStatistics(e, op.getInput());
  int64_t last = tensorType(x).getRank() - 1;
  Value shifted = e.exp(e.sub(x, broadcastRows(e, e.reduce(ReduceKind::max, x, {last}), x)));
  Value y = e.div(shifted, broadcastRows(e, rowSum(e, shifted), shifted));
  return {e.cast(y, tensorType(op.getInput()).getElementType())};
}

Results decompose(Build &e, CrossEntropyOp op) {
  Value x = toStatistics(e, op.getLogits());
  RankedTensorType type = tensorType(x), labelType = tensorType(op.getLabels());
  Value lse = logSumExp(e, x);
  Value index = e.iota(type.clone(labelType.getElementType()), type.getRank() - 1);
  Value hit = e.equal(index, broadcastRows(e, op.getLabels(), x));
  Value picked = rowSum(e, e.select(hit, x, e.splatLike(x, 0)));
  Value loss = e.sub(lse, picked);
  Value ignored = e.equal(op.getLabels(), e.splatLike(op.getLabels(), op.getIgnoreIndexAttr().getInt()));
  Value result = e.select(ignored, e.splatLike(loss, 0), loss);
  return {e.cast(result, tensorType(op.getResult()).getElementType())};
}

Results decompose(Build &e, GeluOp op) {
  Type element = tensorType(op.getInput()).getElementType();
  Value x = toStatistics(e, op.getInput());
  Value half = e.splatLike(x, 0.5), one = e.splatLike(x, 1);
  Value inner;
  if (op.getTanh()) {
    Value cube = e.mul(e.mul(x, x), x), argument = e.add(x, e.mul(e.splatLike(x, 0.044715), cube));
    inner = e.tanh(e.mul(e.splatLike(x, std::sqrt(2 / M_PI)), argument));
  } else {
    inner = e.erf(e.mul(x, e.splatLike(x, std::sqrt(0.5))));
  }
  Value outer = e.add(one, inner);
  return {e.cast(e.mul(e.mul(half, x), outer), element)};
}

Results decompose(Build &e, GeluGradOp op) {
  Value x = toStatistics(e, op.getInput());
  Value slope = geluSlope(e, x, op.getTanh()), gradient = e.mul(toStatistics(e, op.getDout()), slope);
  return {e.cast(gradient, tensorType(op.getInput()).getElementType())};
}

Results decompose(Build &e, SiluOp op) {
  Value x = toStatistics(e, op.getInput());
  return {e.cast(e.mul(x, e.sigmoid(x)), tensorType(op.getInput()).getElementType())};
}

/// Entry `index` of the hyper-parameter vector, an f64 scalar.
Value hyper(Build &e, Value vector, int64_t index) { return e.reshape(e.slice(vector, {index}, {1}), {}); }

Results decompose(Build &e, LearningRateOp op) {
  Value h = op.getHyper();
  Value step = e.cast(op.getStep(), e.b.getF64Type());
  Value peak = hyper(e, h, 0), final = hyper(e, h, 1), warmup = hyper(e, h, 2), total = hyper(e, h, 3),
        schedule = hyper(e, h, 4);
  Value zero = e.splatLike(step, 0), one = e.splatLike(step, 1), half = e.splatLike(step, 0.5);
  Value steps = e.max(warmup, one), rising = e.div(e.mul(peak, e.add(step, one)), steps);
  Value rest = e.max(e.sub(total, warmup), one), done = e.div(e.sub(step, warmup), rest);
  done = e.min(e.max(done, zero), one);
  Value linear = e.add(peak, e.mul(e.sub(final, peak), done));
  Value wave = math::CosOp::create(e.b, e.loc, e.mul(e.splatLike(done, M_PI), done));
  wave = e.add(one, wave);
  Value cosine = e.add(final, e.mul(e.mul(e.sub(peak, final), half), wave));
  Value either = e.select(e.equal(schedule, one), linear, cosine);
  Value falling = e.select(e.equal(schedule, zero), peak, either);
  return {e.select(e.less(step, warmup), rising, falling)};
}

/// A scalar of any float type as a tensor of `like`'s type.
Value scalarAs(Build &e, Value scalar, Value like) {
  RankedTensorType type = tensorType(like);
  return e.broadcast(e.cast(scalar, type.getElementType()), {}, type.getShape());
}

/// `value` rounded to the type of what it replaces.
Value castLike(Build &e, Value value, Value like) { return e.cast(value, tensorType(like).getElementType()); }

/// grad*scale, plus weight decay as a gradient where `decayed`.
Value scaledGradient(Build &e, Value param, Value grad, Value scale, Value weightDecay, bool decayed) {
  Value p = toStatistics(e, param);
  Value factor = scalarAs(e, scale, p), g = e.mul(toStatistics(e, grad), factor);
  return decayed ? e.add(g, e.mul(p, scalarAs(e, weightDecay, p))) : g;
}

Results decompose(Build &e, AdamOp op) {
  Value h = op.getHyper(), decay = hyper(e, h, 8);
  Value beta1 = hyper(e, h, 5), beta2 = hyper(e, h, 6), eps = hyper(e, h, 7);
  Value one = e.splatLike(beta1, 1);
  bool asGradient = op.getDecay() && !op.getDecoupled();
  Value g = scaledGradient(e, op.getParam(), op.getGrad(), op.getScale(), decay, asGradient);
  Value p = toStatistics(e, op.getParam()), m = toStatistics(e, op.getM()), v = toStatistics(e, op.getV());
  Value addedM = e.mul(scalarAs(e, e.sub(one, beta1), m), g), newM = e.add(e.mul(scalarAs(e, beta1, m), m), addedM);
  Value squared = e.mul(g, g), addedV = e.mul(scalarAs(e, e.sub(one, beta2), v), squared);
  Value newV = e.add(e.mul(scalarAs(e, beta2, v), v), addedV);
  // beta^t = exp(t log beta), in f64; a beta of 0 gives exp(-inf) = 0.
  Value t = e.add(e.cast(op.getStep(), e.b.getF64Type()), one);
  Value correction1 = e.sub(one, e.exp(e.mul(t, e.log(beta1))));
  Value correction2 = e.sub(one, e.exp(e.mul(t, e.log(beta2))));
  // One multiplier per tensor, in f64, keeps divisions by scalars out of the loop.
  Value stepSize = e.div(op.getLr(), correction1), rootScale = e.div(one, e.sqrt(correction2));
  Value floor = scalarAs(e, eps, v), factor = scalarAs(e, rootScale, v);
  Value denominator = e.add(e.mul(e.sqrt(newV), factor), floor);
  Value kept = p;
  if (op.getDecay() && op.getDecoupled())
    kept = e.mul(p, scalarAs(e, e.sub(one, e.mul(op.getLr(), decay)), p));
  Value newP = e.sub(kept, e.div(e.mul(scalarAs(e, stepSize, m), newM), denominator));
  return {castLike(e, newP, op.getParam()), castLike(e, newM, op.getM()), castLike(e, newV, op.getV())};
}

Results decompose(Build &e, SgdOp op) {
  Value h = op.getHyper();
  Value g = scaledGradient(e, op.getParam(), op.getGrad(), op.getScale(), hyper(e, h, 8), op.getDecay());
  Value p = toStatistics(e, op.getParam()), m = toStatistics(e, op.getM());
  Value newM = e.add(e.mul(scalarAs(e, hyper(e, h, 5), m), m), g);
  Value newP = e.sub(p, e.mul(scalarAs(e, op.getLr(), p), newM));
  return {castLike(e, newP, op.getParam()), castLike(e, newM, op.getM())};
}

/// A reduction to a scalar goes by rows first: rows run in parallel, and the
/// order of additions does not depend on the number of threads.
Results decompose(Build &e, ReduceOp op) {
  int64_t rank = tensorType(op.getInput()).getRank();
  if (rank < 2 || static_cast<int64_t>(op.getDims().size()) != rank)
    return {};
  Value rows = e.reduce(op.getKind(), op.getInput(), {rank - 1});
  return {e.reduce(op.getKind(), e.reshape(rows, {tensorType(rows).getNumElements()}), {0})};
}

/// A kernel finds the part that an element comes from by asking each: many parts are joined a few at a time, in a tree.
Results decompose(Build &e, ConcatOp op) {
  constexpr size_t kMostParts = 16;
  int64_t dim = op.getDim();
  SmallVector<Value> parts(op.getInputs());
  if (parts.size() <= kMostParts)
    return {};
  while (parts.size() > kMostParts) {
    SmallVector<Value> joined;
    for (ArrayRef<Value> rest = parts; !rest.empty(); rest = rest.drop_front(std::min(kMostParts, rest.size()))) {
      Value part = e.concat(rest.take_front(kMostParts), dim);
      // A kernel of its own.
      joined.push_back(exec::MaterializeOp::create(e.b, e.loc, part.getType(), part));
    }
    parts = std::move(joined);
  }
  return {e.concat(parts, dim)};
}

struct Decompose : weft::impl::DecomposeBase<Decompose> {
  void runOnOperation() override {
    getOperation().walk([](Operation *op) { decomposeOp(op); });
  }
};

} // namespace

bool weft::decomposeOp(Operation *op) {
  OpBuilder builder(op);
  Build e{builder, op->getLoc()};
  Results results =
      TypeSwitch<Operation *, Results>(op)
          .Case<LayerNormOp, RmsNormOp, SoftmaxOp, CrossEntropyOp, GeluOp, GeluGradOp, SiluOp, LearningRateOp, AdamOp,
                SgdOp, ReduceOp, ConcatOp>([&](auto composite) { return decompose(e, composite); })
          .Default([](Operation *) { return Results(); });
  if (results.empty())
    return false;
  op->replaceAllUsesWith(results);
  op->erase();
  return true;
}

//===- LossScale.cpp - Dynamic scaling of the loss -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/train/LossScale.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <algorithm>
#include <limits>

using namespace mlir;
using namespace weft;

/// Entries of `hyper`; docs/executable.md lists all.
static constexpr int64_t kScaleFactor = 11, kScaleWindow = 12, kMinScale = 13, kDelayedShift = 14, kScaleFlags = 15;
/// Values of the flags' entry: 0 static, 1 dynamic, 2 dynamic with consecutive hysteresis.
static constexpr double kDynamic = 1, kConsecutive = 2;
/// Where the scale starts unless the executable is told otherwise.
static constexpr double kInitialScale = 65536;

static RankedTensorType f64Scalar(OpBuilder &b) { return RankedTensorType::get({}, b.getF64Type()); }
static RankedTensorType i64Scalar(OpBuilder &b) { return RankedTensorType::get({}, b.getI64Type()); }

Value weft::gradientScale(Build &e, int64_t terms) {
  Value scale = e.read(lossScaleState, f64Scalar(e.b));
  return e.mul(scale, e.splatLike(scale, 1.0 / static_cast<double>(std::max<int64_t>(1, terms))));
}

Value weft::lossScaleSeed(Build &e, Value scale, Value terms) {
  RankedTensorType type = tensorType(terms);
  return e.broadcast(e.cast(scale, type.getElementType()), {}, type.getShape());
}

Value weft::unscale(Build &e, Value scale, Value gradient) {
  RankedTensorType type = tensorType(gradient);
  Value inverse = e.div(e.splatLike(scale, 1), scale);
  return e.mul(gradient, e.broadcast(e.cast(inverse, type.getElementType()), {}, type.getShape()));
}

Value weft::isFiniteStep(Build &e, Value sumOfSquares) {
  // Neither infinity nor NaN is less than infinity.
  return e.less(sumOfSquares, e.splatLike(sumOfSquares, std::numeric_limits<double>::infinity()));
}

Value weft::keepUnless(Build &e, Value taken, Value updated, Value old) {
  return e.select(e.broadcast(taken, {}, tensorType(updated).getShape()), updated, old);
}

void weft::updateLossScale(Build &e, Value taken, llvm::function_ref<Value(int64_t)> hyper) {
  RankedTensorType number = f64Scalar(e.b), count = i64Scalar(e.b);
  Value scale = e.read(lossScaleState, number), step = e.read(scaleStepState, count),
        last = e.read(lastOverflowState, count), hysteresis = e.read(hysteresisState, count),
        skipped = e.read(skippedState, count);
  Value one = e.splat(count, 1), zero = e.splat(count, 0);
  Value factor = hyper(kScaleFactor), flags = hyper(kScaleFlags);
  Value shift = e.cast(hyper(kDelayedShift), e.b.getI64Type());
  Value window = e.max(e.cast(hyper(kScaleWindow), e.b.getI64Type()), one);

  // After an overflow.
  Value isLast = e.less(hysteresis, e.splat(count, 2));
  Value least = hyper(kMinScale), lowered = e.select(isLast, e.max(e.div(scale, factor), least), scale);
  Value fewer = e.select(isLast, hysteresis, e.sub(hysteresis, one));

  // After a step that was taken.
  Value sinceOverflow = arith::RemSIOp::create(e.b, e.loc, e.sub(step, last), window);
  Value isDue = e.equal(sinceOverflow, zero);
  Value raised = e.select(isDue, e.mul(scale, factor), scale);
  Value always = e.equal(zero, zero), renews = e.select(e.equal(flags, e.splat(number, kConsecutive)), always, isDue);
  Value renewed = e.select(renews, shift, hysteresis);

  Value next = e.select(taken, raised, lowered);
  e.write(lossScaleState, e.select(e.less(flags, e.splat(number, kDynamic)), scale, next));
  e.write(hysteresisState, e.select(taken, renewed, fewer));
  e.write(lastOverflowState, e.select(taken, last, step));
  e.write(scaleStepState, e.add(step, one));
  e.write(skippedState, e.select(taken, skipped, e.add(skipped, one)));
}

void weft::declareLossScale(OpBuilder &b, llvm::function_ref<void(StringRef, RankedTensorType, double)> declare) {
  declare(lossScaleState, f64Scalar(b), kInitialScale);
  declare(scaleStepState, i64Scalar(b), 0);
  declare(lastOverflowState, i64Scalar(b), -1);
  declare(hysteresisState, i64Scalar(b), 1);
  declare(skippedState, i64Scalar(b), 0);
}

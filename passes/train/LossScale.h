//===- LossScale.h - Dynamic scaling of the loss -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_TRAIN_LOSSSCALE_H
#define WEFT_PASSES_TRAIN_LOSSSCALE_H

#include "dialects/weft/Build.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft {

/// The states of loss scaling, by the names of docs/executable.md. All are scalars, the scale in f64 and the rest i64.
inline constexpr llvm::StringLiteral lossScaleState = "loss_scale", scaleStepState = "loss_scale_step",
                                     lastOverflowState = "loss_scale_last_overflow",
                                     hysteresisState = "loss_scale_hysteresis", skippedState = "skipped_steps";

/// What gradients of the summed loss are multiplied by, an f64 scalar: the scale is meant for the mean over the step's
/// `terms` terms, so it is divided by their number.
mlir::Value gradientScale(Build &e, int64_t terms);

/// `scale` in every element of a tensor like `terms`: what the backward pass starts from.
mlir::Value lossScaleSeed(Build &e, mlir::Value scale, mlir::Value terms);

/// `gradient`, which was multiplied by `scale`, as it would have been.
mlir::Value unscale(Build &e, mlir::Value scale, mlir::Value gradient);

/// Whether a step may be taken: its sum of squares is a number.
mlir::Value isFiniteStep(Build &e, mlir::Value sumOfSquares);

/// `updated` where the step is taken, else `old`; `taken` is an i1 scalar.
mlir::Value keepUnless(Build &e, mlir::Value taken, mlir::Value updated, mlir::Value old);

/// The next scale: that of NVIDIA's Apex and Megatron. An overflow lowers it by the factor once the hysteresis is used
/// up; `window` steps in a row without one raise it. `hyper` gives an entry of the hyper-parameters.
void updateLossScale(Build &e, mlir::Value taken, llvm::function_ref<mlir::Value(int64_t)> hyper);

/// Calls `declare` with the name, the type and the initial value of every state above.
void declareLossScale(mlir::OpBuilder &b,
                      llvm::function_ref<void(llvm::StringRef, mlir::RankedTensorType, double)> declare);

} // namespace weft

#endif // WEFT_PASSES_TRAIN_LOSSSCALE_H

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

/// What loss gradients start from: the scale, in the type of the loss's terms.
mlir::Value lossScaleSeed(Build &e, mlir::Value terms);

/// `gradient`, which is of a scaled loss, as that of the loss.
mlir::Value unscale(Build &e, mlir::Value gradient);

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

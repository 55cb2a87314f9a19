//===- Update.h - The optimizer's part of a training step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_TRAIN_UPDATE_H
#define WEFT_PASSES_TRAIN_UPDATE_H

#include "dialects/weft/Build.h"
#include "mlir/IR/BuiltinOps.h"

namespace weft {

enum class Optimizer { AdamW, Adam, SGD };

/// The optimizer of that name in the option `--optimizer`, if there is one.
std::optional<Optimizer> parseOptimizer(llvm::StringRef name);

/// A parameter with its gradient (of the summed loss) and its value before the step.
struct TrainedParameter {
  ParamOp op;
  mlir::Value value, gradient;
  /// Its master weight is what the update reads and changes; the parameter is that, rounded.
  bool master = false;
};

/// Whether a parameter is narrower than its state type, so that small updates would be lost in it.
bool isNarrow(ParamOp param);

/// `master/NAME`.
std::string masterState(ParamOp param);

/// The type of a parameter's master weight, accumulator and kept gradient: its own, at least f32.
mlir::RankedTensorType stateTypeOf(ParamOp param);

/// `grad/NAME`.
std::string gradientState(ParamOp param);

/// How an update keeps what it needs from step to step.
struct UpdateKind {
  Optimizer optimizer = Optimizer::AdamW;
  bool masters = false;      ///< a state `master/NAME` for each parameter that is narrow
  bool narrowStates = false; ///< moments have the parameter's own type
  bool lossScale = false;    ///< the loss is scaled, and steps that overflow are skipped
  bool clipping = true;      ///< gradients may be scaled down by their global norm
};

/// The sum of squares of a gradient, an f64 scalar: f32 within a row, f64 across rows.
mlir::Value sumOfSquares(Build &e, mlir::Value gradient);

/// Appends the update: `grad_norm`, `lr` and `step`, and every parameter with
/// its moments, in the order of `params`. `squares` has one value of
/// sumOfSquares per parameter, `count` is the f64 scalar that normalises the
/// gradients. With a loss scale a step whose gradients are not finite changes
/// nothing but that. With `isImmediate`, where the gradients are made in the
/// same block and neither clipping nor a loss scale takes all of them at once,
/// each parameter is updated as soon as its gradient is there and its old value
/// is read no more.
void buildUpdate(Build &e, const UpdateKind &kind, llvm::ArrayRef<TrainedParameter> params,
                 llvm::ArrayRef<mlir::Value> squares, mlir::Value count, bool isImmediate);

/// What the tasks of a module keep besides its parameters.
struct StateRequest {
  UpdateKind kind;
  llvm::ArrayRef<ParamOp> params; ///< the trained ones
  bool gradients;                 ///< a state `grad/NAME` for each of them
  mlir::RankedTensorType logits;  ///< null: no state `logits`
};

/// Declares those states behind the parameters, under the names of
/// docs/executable.md. A parameter of such a name is an error.
llvm::LogicalResult declareStates(mlir::ModuleOp module, const StateRequest &request);

} // namespace weft

#endif // WEFT_PASSES_TRAIN_UPDATE_H

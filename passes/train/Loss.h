//===- Loss.h - What a model is trained on -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_TRAIN_LOSS_H
#define WEFT_PASSES_TRAIN_LOSS_H

#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <optional>

namespace weft {

/// Attributes of the forward function's arguments and results.
inline constexpr llvm::StringLiteral kNameAttr = "weft.name";
inline constexpr llvm::StringLiteral kRoleAttr = "weft.role";

/// Which value is minimised.
struct LossChoice {
  enum class Kind {
    Output,       ///< an output of the model is the loss
    CrossEntropy, ///< of an output's last dimension against integer labels
    MeanSquared,  ///< of an output against labels of its shape
  };
  Kind kind;
  unsigned output; ///< index of the output
  unsigned labels; ///< index of the argument with the labels; unless Kind::Output

  /// The first output that is not itself the loss, if any.
  std::optional<unsigned> getPredictions(unsigned numOutputs) const;
};

/// Carries out the option `--loss` (`auto`, `cross-entropy`, `mse`, these
/// two with `:NAME` of an output, or `output:NAME`) for `forward`, and gives it an argument `labels` where the
/// loss needs one that it lacks. Emits an error if the choice is impossible.
llvm::FailureOr<LossChoice> chooseLoss(mlir::func::FuncOp forward, llvm::StringRef option);

/// The loss as a quotient of sums that can be added up over micro-batches:
/// (sum of `terms`) / `count`.
struct LossTerms {
  mlir::Value terms; ///< floats of any shape
  mlir::Value sum;   ///< f64 scalar: the sum of `terms`
  mlir::Value count; ///< f64 scalar; no gradient flows through it
};

/// Builds the loss from the model's `outputs` and the arguments of the function around the builder's insertion point.
LossTerms buildLoss(mlir::OpBuilder &builder, const LossChoice &choice, mlir::ValueRange outputs,
                    mlir::ValueRange arguments);

} // namespace weft

#endif // WEFT_PASSES_TRAIN_LOSS_H

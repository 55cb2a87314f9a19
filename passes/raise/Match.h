//===- Match.h - What the families of raising share -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_RAISE_MATCH_H
#define WEFT_PASSES_RAISE_MATCH_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/raise/View.h"
#include <map>

namespace weft {

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The one value of all elements of a constant (through views and casts).
std::optional<double> splatOf(mlir::Value v);

/// The elements of a dense constant, or null.
mlir::DenseElementsAttr denseOf(mlir::Value v);

/// `value` rounded to nearest in a narrower format.
double roundTo(double value, const llvm::fltSemantics &semantics);

/// Whether `value` is `ideal`, or `ideal` rounded to bf16 or f16: exports of
/// narrow models hold their constants so.
bool isNear(double value, double ideal);

/// The operand of a negation, also when it is written as 0 - x or x * -1; null if `v` is none.
mlir::Value negated(mlir::Value v);

/// The operands of a commutative op in both orders.
inline std::array<std::pair<mlir::Value, mlir::Value>, 2> bothOrders(mlir::Operation *op) {
  return {std::pair(op->getOperand(0), op->getOperand(1)), std::pair(op->getOperand(1), op->getOperand(0))};
}

//===----------------------------------------------------------------------===//
// State of a run
//===----------------------------------------------------------------------===//

/// A rotary embedding that was recovered, by the value that replaced it: a
/// partial one is completed when its concatenation is met.
struct RotaryParts {
  /// The rotated tensor, and where its batch, position, head and element are.
  mlir::Value input;
  llvm::SmallVector<int64_t, 4> order;
  /// As weft.rotary takes them.
  mlir::Value cos, sin;
};

/// A constant without its repetitions: size 1 along dimensions that `repeats`.
struct ShrunkConstant {
  mlir::DenseElementsAttr attr;
  llvm::SmallVector<bool> repeats;
};

/// What scanning a dense mask found: it is true everywhere; it is the causal
/// mask; every query sees a key, and does so under the causal mask too.
struct DenseFacts {
  bool all, causal, rows, rowsCausal;
};

/// One run over a function. Matchers replace a root's uses and leave the dead
/// ops for the end, so that no pointer below is ever reused.
struct Raising {
  explicit Raising(mlir::func::FuncOp func) : func(func), builder(func.getContext()) {}

  /// A builder in front of `root`, with its location.
  Build at(mlir::Operation *root) {
    builder.setInsertionPoint(root);
    return Build{builder, root->getLoc()};
  }
  /// Whether a gradient may have to flow into `v`: it is computed from a
  /// parameter, or is no constant expression and unknown.
  bool dependsOnParameter(mlir::Value v);
  /// Constants that were computed per element of what they are added to or
  /// multiplied with repeat themselves; folding has lost the broadcast.
  const ShrunkConstant &shrink(mlir::DenseElementsAttr attr);

  mlir::func::FuncOp func;
  mlir::OpBuilder builder;
  llvm::DenseMap<mlir::Value, RotaryParts> rotary;
  std::map<std::pair<const void *, std::vector<int64_t>>, DenseFacts> denseFacts;

private:
  llvm::DenseMap<mlir::Operation *, bool> parameterUsers;
  llvm::DenseMap<mlir::Attribute, ShrunkConstant> shrunk;
};

/// The layout of `view` without the dimensions along which a constant repeats.
Layout varyingLayout(Raising &raising, const View &view);

/// `view` with that layout, of a smaller constant if need be.
View varyingView(Build &build, Raising &raising, const View &view);

/// A matcher tries to recover something whose last op is `root`; success means
/// that the uses of `root` were replaced.
using Matcher = mlir::LogicalResult (*)(mlir::Operation *root, Raising &raising);

mlir::LogicalResult raiseSoftmax(mlir::Operation *root, Raising &raising);
mlir::LogicalResult raiseNorm(mlir::Operation *root, Raising &raising);
mlir::LogicalResult raiseActivation(mlir::Operation *root, Raising &raising);
mlir::LogicalResult raiseRotary(mlir::Operation *root, Raising &raising);
mlir::LogicalResult raiseAttention(mlir::Operation *root, Raising &raising);
mlir::LogicalResult raiseCrossEntropy(mlir::Operation *root, Raising &raising);

} // namespace weft

#endif // WEFT_PASSES_RAISE_MATCH_H

//===- VjpModels.cpp - Vector-Jacobian products of arith and math ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A function of one operand is described by its slope, which reads the operand
// or the result; the functions of several operands follow. Ops whose results
// have no floating-point operand (comparisons, conversions of integers) need no
// model: no gradient ever reaches them.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;

namespace {

using ResultGrads = ArrayRef<Value>;
using OperandGrads = SmallVectorImpl<Value>;

/// Whether every element of a tensor is known at compile time.
bool isConstant(Value v) { return matchPattern(v, m_Constant()); }

//===----------------------------------------------------------------------===//
// Functions of one operand
//===----------------------------------------------------------------------===//

/// What the slope of a function reads.
enum class Reads { Operand, Result };

/// The gradient of `x` where y = f(x) and the gradient of y is `grad`. `v` is x or y, as the table says.
using UnaryVjp = Value (*)(Build &e, Value grad, Value v);

template <typename Op, Reads reads, UnaryVjp vjp>
struct UnaryModel : DifferentiableOpInterface::ExternalModel<UnaryModel<Op, reads, vjp>, Op> {
  static Value readValue(Operation *op) { return reads == Reads::Operand ? op->getOperand(0) : op->getResult(0); }
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool>,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    out[0] = vjp(e, grads[0], readValue(op));
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const { saved.push_back(readValue(op)); }
};

Value square(Build &e, Value x) { return e.mul(x, x); }
Value scale(Build &e, Value x, double factor) { return e.mul(x, e.splatLike(x, factor)); }
Value shift(Build &e, Value x, double offset) { return e.add(x, e.splatLike(x, offset)); }
Value reciprocal(Build &e, Value x) { return e.div(e.splatLike(x, 1), x); }
/// 1 - x^2.
Value oneMinusSquare(Build &e, Value x) {
  Value squared = square(e, x);
  return e.sub(e.splatLike(x, 1), squared);
}

Value vjpAbs(Build &e, Value g, Value x) {
  // The subgradient at zero is zero.
  Value zero = e.splatLike(x, 0);
  Value turned = e.neg(g), below = e.select(e.less(x, zero), turned, zero);
  return e.select(e.less(zero, x), g, below);
}
Value vjpExp(Build &e, Value g, Value y) { return e.mul(g, y); }
Value vjpExp2(Build &e, Value g, Value y) { return e.mul(g, scale(e, y, llvm::numbers::ln2)); }
Value vjpExpM1(Build &e, Value g, Value y) { return e.mul(g, shift(e, y, 1)); }
Value vjpLog(Build &e, Value g, Value x) { return e.div(g, x); }
Value vjpLog2(Build &e, Value g, Value x) { return e.div(g, scale(e, x, llvm::numbers::ln2)); }
Value vjpLog10(Build &e, Value g, Value x) { return e.div(g, scale(e, x, llvm::numbers::ln10)); }
Value vjpLog1p(Build &e, Value g, Value x) { return e.div(g, shift(e, x, 1)); }
Value vjpSqrt(Build &e, Value g, Value y) { return e.div(scale(e, g, 0.5), y); }
Value vjpRsqrt(Build &e, Value g, Value y) {
  Value cubed = e.mul(y, square(e, y));
  return e.mul(scale(e, g, -0.5), cubed);
}
Value vjpCbrt(Build &e, Value g, Value y) {
  Value squared = square(e, y);
  return e.div(scale(e, g, 1.0 / 3), squared);
}
Value vjpTanh(Build &e, Value g, Value y) { return e.mul(g, oneMinusSquare(e, y)); }
Value vjpErf(Build &e, Value g, Value x) {
  return e.mul(g, scale(e, e.exp(e.neg(square(e, x))), 2 * llvm::numbers::inv_sqrtpi));
}
Value vjpErfc(Build &e, Value g, Value x) { return e.neg(vjpErf(e, g, x)); }
Value vjpSin(Build &e, Value g, Value x) { return e.mul(g, math::CosOp::create(e.b, e.loc, x)); }
Value vjpCos(Build &e, Value g, Value x) { return e.neg(e.mul(g, math::SinOp::create(e.b, e.loc, x))); }
Value vjpTan(Build &e, Value g, Value y) { return e.mul(g, shift(e, square(e, y), 1)); }
Value vjpAsin(Build &e, Value g, Value x) { return e.mul(g, e.rsqrt(oneMinusSquare(e, x))); }
Value vjpAcos(Build &e, Value g, Value x) { return e.neg(vjpAsin(e, g, x)); }
Value vjpAtan(Build &e, Value g, Value x) { return e.mul(g, reciprocal(e, shift(e, square(e, x), 1))); }
Value vjpSinh(Build &e, Value g, Value x) { return e.mul(g, math::CoshOp::create(e.b, e.loc, x)); }
Value vjpCosh(Build &e, Value g, Value x) { return e.mul(g, math::SinhOp::create(e.b, e.loc, x)); }
Value vjpAsinh(Build &e, Value g, Value x) { return e.mul(g, e.rsqrt(shift(e, square(e, x), 1))); }
Value vjpAcosh(Build &e, Value g, Value x) { return e.mul(g, e.rsqrt(shift(e, square(e, x), -1))); }
Value vjpAtanh(Build &e, Value g, Value x) { return e.mul(g, reciprocal(e, oneMinusSquare(e, x))); }

/// Functions that are linear, or constant almost everywhere: their product reads nothing.
template <typename Op, Value (*vjp)(Build &, Operation *, Value)>
struct LinearModel : DifferentiableOpInterface::ExternalModel<LinearModel<Op, vjp>, Op> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool>,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    out[0] = vjp(e, op, grads[0]);
    return success();
  }
  void getSavedValues(Operation *, SmallVectorImpl<Value> &) const {}
};

Value vjpNeg(Build &e, Operation *, Value g) { return e.neg(g); }
Value vjpConversion(Build &e, Operation *op, Value g) {
  return e.cast(g, tensorType(op->getOperand(0)).getElementType());
}
/// Steps (floor, round): no gradient flows.
Value vjpStep(Build &, Operation *, Value) { return {}; }

//===----------------------------------------------------------------------===//
// Functions of several operands
//===----------------------------------------------------------------------===//

struct AddModel : DifferentiableOpInterface::ExternalModel<AddModel, arith::AddFOp> {
  LogicalResult buildVjp(Operation *, OpBuilder &, ResultGrads grads, ArrayRef<bool>, OperandGrads &out) const {
    out[0] = out[1] = grads[0];
    return success();
  }
  void getSavedValues(Operation *, SmallVectorImpl<Value> &) const {}
};

struct SubModel : DifferentiableOpInterface::ExternalModel<SubModel, arith::SubFOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    out[0] = grads[0];
    if (needed[1])
      out[1] = Build{builder, op->getLoc()}.neg(grads[0]);
    return success();
  }
  void getSavedValues(Operation *, SmallVectorImpl<Value> &) const {}
};

struct MulModel : DifferentiableOpInterface::ExternalModel<MulModel, arith::MulFOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    for (unsigned i : {0u, 1u})
      if (needed[i])
        out[i] = e.mul(grads[0], op->getOperand(1 - i));
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const {
    saved.append(op->operand_begin(), op->operand_end());
  }
};

struct DivModel : DifferentiableOpInterface::ExternalModel<DivModel, arith::DivFOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    Value quotient = e.div(grads[0], op->getOperand(1));
    out[0] = quotient;
    if (needed[1])
      out[1] = e.neg(e.mul(quotient, op->getResult(0)));
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const {
    saved.append({op->getOperand(1), op->getResult(0)});
  }
};

/// x - y * trunc(x / y).
struct RemModel : DifferentiableOpInterface::ExternalModel<RemModel, arith::RemFOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    out[0] = grads[0];
    if (needed[1]) {
      Value whole = math::TruncOp::create(builder, e.loc, e.div(op->getOperand(0), op->getOperand(1)));
      out[1] = e.neg(e.mul(grads[0], whole));
    }
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const {
    saved.append(op->operand_begin(), op->operand_end());
  }
};

/// Maxima and minima. The gradient goes to the operand that was chosen. Where both are equal they share it evenly,
/// unless one is a constant: then this is a ReLU or a clamp, whose slope at the corner is zero.
template <typename Op, bool isMax>
struct ExtremumModel : DifferentiableOpInterface::ExternalModel<ExtremumModel<Op, isMax>, Op> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    Value grad = grads[0], zero = e.splatLike(grad, 0);
    for (unsigned i : {0u, 1u}) {
      if (!needed[i])
        continue;
      Value self = op->getOperand(i), other = op->getOperand(1 - i);
      Value atTie = zero;
      if (!isConstant(other)) {
        Value shared = scale(e, grad, 0.5);
        atTie = e.select(e.equal(self, other), shared, zero);
      }
      out[i] = e.select(isMax ? e.less(other, self) : e.less(self, other), grad, atTie);
    }
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const {
    saved.append(op->operand_begin(), op->operand_end());
  }
};

struct SelectModel : DifferentiableOpInterface::ExternalModel<SelectModel, arith::SelectOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    Value condition = op->getOperand(0), zero = e.splatLike(grads[0], 0);
    if (needed[1])
      out[1] = e.select(condition, grads[0], zero);
    if (needed[2])
      out[2] = e.select(condition, zero, grads[0]);
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const { saved.push_back(op->getOperand(0)); }
};

/// x^y. The select keeps 0 * inf out where the power is constant in x (y = 0) or in y (x = 0).
struct PowModel : DifferentiableOpInterface::ExternalModel<PowModel, math::PowFOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    Value x = op->getOperand(0), y = op->getOperand(1), zero = e.splatLike(x, 0);
    if (needed[0]) {
      Value slope = e.mul(y, math::PowFOp::create(builder, e.loc, x, shift(e, y, -1)));
      out[0] = e.mul(grads[0], e.select(e.equal(y, zero), zero, slope));
    }
    if (needed[1]) {
      Value slope = e.mul(op->getResult(0), e.log(x));
      out[1] = e.mul(grads[0], e.select(e.equal(x, zero), zero, slope));
    }
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const {
    saved.append({op->getOperand(0), op->getOperand(1), op->getResult(0)});
  }
};

struct FmaModel : DifferentiableOpInterface::ExternalModel<FmaModel, math::FmaOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    for (unsigned i : {0u, 1u})
      if (needed[i])
        out[i] = e.mul(grads[0], op->getOperand(1 - i));
    out[2] = grads[0];
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const {
    saved.append({op->getOperand(0), op->getOperand(1)});
  }
};

/// The angle of (x, y): operands are y, then x.
struct Atan2Model : DifferentiableOpInterface::ExternalModel<Atan2Model, math::Atan2Op> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    Value y = op->getOperand(0), x = op->getOperand(1);
    Value ySquared = square(e, y), share = e.div(grads[0], e.add(square(e, x), ySquared));
    if (needed[0])
      out[0] = e.mul(share, x);
    if (needed[1])
      out[1] = e.neg(e.mul(share, y));
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const {
    saved.append(op->operand_begin(), op->operand_end());
  }
};

/// |x| with the sign of y: constant in y almost everywhere.
struct CopySignModel : DifferentiableOpInterface::ExternalModel<CopySignModel, math::CopySignOp> {
  LogicalResult buildVjp(Operation *op, OpBuilder &builder, ResultGrads grads, ArrayRef<bool> needed,
                         OperandGrads &out) const {
    Build e{builder, op->getLoc()};
    if (needed[0]) {
      Value signOfY = math::CopySignOp::create(builder, e.loc, e.splatLike(grads[0], 1), op->getOperand(1));
      out[0] = e.mul(grads[0], vjpAbs(e, signOfY, op->getOperand(0)));
    }
    return success();
  }
  void getSavedValues(Operation *op, SmallVectorImpl<Value> &saved) const {
    saved.append(op->operand_begin(), op->operand_end());
  }
};

template <typename Op, Reads reads, UnaryVjp vjp> void attachUnary(MLIRContext &context) {
  Op::template attachInterface<UnaryModel<Op, reads, vjp>>(context);
}
template <typename Op, Value (*vjp)(Build &, Operation *, Value)> void attachLinear(MLIRContext &context) {
  Op::template attachInterface<LinearModel<Op, vjp>>(context);
}

} // namespace

void weft::registerVjpModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *contextPtr, arith::ArithDialect *) {
    MLIRContext &context = *contextPtr;
    arith::AddFOp::attachInterface<AddModel>(context);
    arith::SubFOp::attachInterface<SubModel>(context);
    arith::MulFOp::attachInterface<MulModel>(context);
    arith::DivFOp::attachInterface<DivModel>(context);
    arith::RemFOp::attachInterface<RemModel>(context);
    arith::SelectOp::attachInterface<SelectModel>(context);
    arith::MaximumFOp::attachInterface<ExtremumModel<arith::MaximumFOp, true>>(context);
    arith::MaxNumFOp::attachInterface<ExtremumModel<arith::MaxNumFOp, true>>(context);
    arith::MinimumFOp::attachInterface<ExtremumModel<arith::MinimumFOp, false>>(context);
    arith::MinNumFOp::attachInterface<ExtremumModel<arith::MinNumFOp, false>>(context);
    attachLinear<arith::NegFOp, vjpNeg>(context);
    attachLinear<arith::ExtFOp, vjpConversion>(context);
    attachLinear<arith::TruncFOp, vjpConversion>(context);
  });
  registry.addExtension(+[](MLIRContext *contextPtr, math::MathDialect *) {
    MLIRContext &context = *contextPtr;
    math::PowFOp::attachInterface<PowModel>(context);
    math::FmaOp::attachInterface<FmaModel>(context);
    math::Atan2Op::attachInterface<Atan2Model>(context);
    math::CopySignOp::attachInterface<CopySignModel>(context);
    attachUnary<math::AbsFOp, Reads::Operand, vjpAbs>(context);
    attachUnary<math::ExpOp, Reads::Result, vjpExp>(context);
    attachUnary<math::Exp2Op, Reads::Result, vjpExp2>(context);
    attachUnary<math::ExpM1Op, Reads::Result, vjpExpM1>(context);
    attachUnary<math::LogOp, Reads::Operand, vjpLog>(context);
    attachUnary<math::Log2Op, Reads::Operand, vjpLog2>(context);
    attachUnary<math::Log10Op, Reads::Operand, vjpLog10>(context);
    attachUnary<math::Log1pOp, Reads::Operand, vjpLog1p>(context);
    attachUnary<math::SqrtOp, Reads::Result, vjpSqrt>(context);
    attachUnary<math::RsqrtOp, Reads::Result, vjpRsqrt>(context);
    attachUnary<math::CbrtOp, Reads::Result, vjpCbrt>(context);
    attachUnary<math::TanhOp, Reads::Result, vjpTanh>(context);
    attachUnary<math::ErfOp, Reads::Operand, vjpErf>(context);
    attachUnary<math::ErfcOp, Reads::Operand, vjpErfc>(context);
    attachUnary<math::SinOp, Reads::Operand, vjpSin>(context);
    attachUnary<math::CosOp, Reads::Operand, vjpCos>(context);
    attachUnary<math::TanOp, Reads::Result, vjpTan>(context);
    attachUnary<math::AsinOp, Reads::Operand, vjpAsin>(context);
    attachUnary<math::AcosOp, Reads::Operand, vjpAcos>(context);
    attachUnary<math::AtanOp, Reads::Operand, vjpAtan>(context);
    attachUnary<math::SinhOp, Reads::Operand, vjpSinh>(context);
    attachUnary<math::CoshOp, Reads::Operand, vjpCosh>(context);
    attachUnary<math::AsinhOp, Reads::Operand, vjpAsinh>(context);
    attachUnary<math::AcoshOp, Reads::Operand, vjpAcosh>(context);
    attachUnary<math::AtanhOp, Reads::Operand, vjpAtanh>(context);
    attachLinear<math::FloorOp, vjpStep>(context);
    attachLinear<math::CeilOp, vjpStep>(context);
    attachLinear<math::RoundOp, vjpStep>(context);
    attachLinear<math::RoundEvenOp, vjpStep>(context);
    attachLinear<math::TruncOp, vjpStep>(context);
  });
}

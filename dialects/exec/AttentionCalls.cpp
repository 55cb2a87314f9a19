//===- AttentionCalls.cpp - Attention as library calls -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/AttentionCalls.h"
#include "dialects/exec/DenseOperand.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace weft;
using namespace weft::exec;

#define GET_OP_CLASSES
#include "dialects/exec/AttentionOps.cpp.inc"

LogicalResult PackedAttentionGradOp::verify() {
  if (getOffsets().size() != 3 || getStrides().size() != 12)
    return emitOpError("needs three offsets and four strides for each of dq, dk and dv");
  int64_t elements = getPacked().getType().getNumElements(), total = 0;
  for (auto [i, like] : llvm::enumerate(ValueRange{getQ(), getK(), getV()})) {
    int64_t last = getOffsets()[i];
    auto type = cast<RankedTensorType>(like.getType());
    for (auto [size, stride] : llvm::zip(type.getShape(), getStrides().slice(4 * i, 4)))
      last += (size - 1) * stride;
    if (getOffsets()[i] < 0 || last >= elements)
      return emitOpError("has a window that is not in the result, that of ") << (i == 0 ? "dq" : i == 1 ? "dk" : "dv");
    total += type.getNumElements();
  }
  if (total != elements)
    return emitOpError("has ") << total << " elements of gradients for a result of " << elements;
  return success();
}

/// Whether the elements of a head lie one after another: what the libraries of GPUs read in place. The other strides
/// are any.
static bool headsLieDense(Value tensor) {
  StridedView view = StridedView::resolve(tensor);
  return view.shape.back() == 1 || view.strides.back() == 1;
}

namespace {

struct AttentionModel : LibraryOpInterface::ExternalModel<AttentionModel, weft::AttentionOp> {
  StringRef getLibraryName(Operation *) const { return "attention"; }
  bool readsInPlace(Operation *op, OpOperand &operand) const {
    return operand.get() == cast<weft::AttentionOp>(op).getMask() || headsLieDense(operand.get());
  }
  void emitCall(Operation *op, OpBuilder &b, CallBuffers &buffers) const {
    auto attention = cast<weft::AttentionOp>(op);
    exec::AttentionOp::create(b, op->getLoc(), buffers.strided(attention.getQ()), buffers.strided(attention.getK()),
                              buffers.strided(attention.getV()),
                              attention.getMask() ? buffers.strided(attention.getMask()) : Value(),
                              buffers.dense(attention.getOut()), buffers.dense(attention.getLse()), buffers.workspace(),
                              attention.getScaleAttr(), attention.getCausalAttr());
  }
};

/// What the two forms of the gradient share; `Op` has weft.attention_grad's operands.
template <typename Op> struct GradModel {
  static StringRef name() { return "attention"; }
  static bool readsInPlace(Operation *op, OpOperand &operand) {
    auto grad = cast<Op>(op);
    if (operand.get() == grad.getMask())
      return true;
    // `lse` comes from attention itself, dense.
    return operand.get() == grad.getLse() ? liesDense(operand.get()) : headsLieDense(operand.get());
  }
  static void emitCall(Op grad, OpBuilder &b, CallBuffers &buffers, Value dq, Value dk, Value dv) {
    exec::AttentionGradOp::create(b, grad.getLoc(), buffers.strided(grad.getDout()), buffers.strided(grad.getQ()),
                                  buffers.strided(grad.getK()), buffers.strided(grad.getV()),
                                  buffers.strided(grad.getOut()), buffers.dense(grad.getLse()),
                                  grad.getMask() ? buffers.strided(grad.getMask()) : Value(), dq, dk, dv,
                                  buffers.workspace(), grad.getScaleAttr(), grad.getCausalAttr());
  }
};

struct AttentionGradModel : LibraryOpInterface::ExternalModel<AttentionGradModel, weft::AttentionGradOp> {
  using Shared = GradModel<weft::AttentionGradOp>;
  StringRef getLibraryName(Operation *) const { return Shared::name(); }
  bool readsInPlace(Operation *op, OpOperand &operand) const { return Shared::readsInPlace(op, operand); }
  void emitCall(Operation *op, OpBuilder &b, CallBuffers &buffers) const {
    auto grad = cast<weft::AttentionGradOp>(op);
    Shared::emitCall(grad, b, buffers, buffers.dense(grad.getDq()), buffers.dense(grad.getDk()),
                     buffers.dense(grad.getDv()));
  }
};

struct PackedGradModel : LibraryOpInterface::ExternalModel<PackedGradModel, PackedAttentionGradOp> {
  using Shared = GradModel<PackedAttentionGradOp>;
  StringRef getLibraryName(Operation *) const { return Shared::name(); }
  bool readsInPlace(Operation *op, OpOperand &operand) const { return Shared::readsInPlace(op, operand); }
  void emitCall(Operation *op, OpBuilder &b, CallBuffers &buffers) const {
    auto grad = cast<PackedAttentionGradOp>(op);
    auto window = [&](unsigned i, Value like) {
      return buffers.at(grad.getPacked(), grad.getOffsets()[i], cast<RankedTensorType>(like.getType()).getShape(),
                        grad.getStrides().slice(4 * i, 4));
    };
    Value dq = window(0, grad.getQ()), dk = window(1, grad.getK()), dv = window(2, grad.getV());
    Shared::emitCall(grad, b, buffers, dq, dk, dv);
  }
};

} // namespace

void exec::attachAttentionOps(MLIRContext *context) {
  weft::AttentionOp::attachInterface<AttentionModel>(*context);
  weft::AttentionGradOp::attachInterface<AttentionGradModel>(*context);
  PackedAttentionGradOp::attachInterface<PackedGradModel>(*context);
}

//===- ProductCalls.cpp - Products with an activation -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/ProductCalls.h"
#include "dialects/exec/DenseOperand.h"
#include "dialects/weft/DotDims.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace weft;
using namespace weft::exec;
namespace json = llvm::json;

#define GET_OP_CLASSES
#include "dialects/exec/ProductOps.cpp.inc"

static MemRefType memref(Value buffer) { return cast<MemRefType>(buffer.getType()); }

//===----------------------------------------------------------------------===//
// On buffers
//===----------------------------------------------------------------------===//

LogicalResult ActivatedMatmulOp::verify() {
  if (getEpilogue() != "gelu_aux" && getEpilogue() != "dgelu")
    return emitOpError("has the epilogue '") << getEpilogue() << "'; it is gelu_aux or dgelu";
  if (getEpilogue() == "dgelu" && getBias())
    return emitOpError("is a gradient, which has no bias");
  ArrayRef<int64_t> a = memref(getA()).getShape(), b = memref(getB()).getShape(), c = memref(getC()).getShape();
  if (a.size() != 2 || b.size() != 2 || c.size() != 2 || a[0] != c[0] || b[1] != c[1] || a[1] != b[0])
    return emitOpError("has sizes of m, n and k that do not agree");
  if (memref(getAux()) != memref(getC()))
    return emitOpError("has an auxiliary matrix of another layout than the result's");
  return success();
}

/// `aux` is a result of the forward product, and an operand of the gradient's.
void ActivatedMatmulOp::getEffects(SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  auto add = [&](MemoryEffects::Effect *effect, OpOperand &operand) { effects.emplace_back(effect, &operand); };
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    Value buffer = operand.get();
    bool written = buffer == getC() || buffer == getScratch() || (buffer == getAux() && getEpilogue() == "gelu_aux");
    add(written ? static_cast<MemoryEffects::Effect *>(MemoryEffects::Write::get()) : MemoryEffects::Read::get(),
        operand);
  }
}

StringRef ActivatedMatmulOp::getListName() { return "matmuls"; }
StringRef ActivatedMatmulOp::getRuntimeFunction() { return "weft_matmul_epilogue"; }

json::Object ActivatedMatmulOp::describe() {
  json::Object entry = describeProduct(getA(), getB(), getBias(), getC(), getScratch());
  entry["epilogue"] = getEpilogue();
  return entry;
}

SmallVector<Value> ActivatedMatmulOp::getCallBuffers() {
  return {getA(), getB(), getBias(), getAux(), getC(), getScratch()};
}

double ActivatedMatmulOp::getFlops() {
  return 2.0 * static_cast<double>(memref(getC()).getNumElements()) *
         static_cast<double>(memref(getA()).getShape().back());
}

Value ActivatedMatmulOp::getWorkspaceBuffer() { return getScratch(); }

//===----------------------------------------------------------------------===//
// On tensors
//===----------------------------------------------------------------------===//

static std::optional<MatrixView> lhsView(Value lhs, ArrayRef<int64_t> contract) {
  return MatrixView::get(lhs, {}, freeDims(lhs, {}, contract), contract);
}
static std::optional<MatrixView> rhsView(Value rhs, ArrayRef<int64_t> contract) {
  return MatrixView::get(rhs, {}, contract, freeDims(rhs, {}, contract));
}

bool exec::haveMatrixViews(Value lhs, Value rhs, ArrayRef<int64_t> lhsContract, ArrayRef<int64_t> rhsContract) {
  return lhsView(lhs, lhsContract) && rhsView(rhs, rhsContract);
}

namespace {

/// What both have in common: operands 0 and 1 are those of the product.
template <typename Op> struct ActivatedProduct {
  static bool readsInPlace(Operation *op, OpOperand &operand) {
    auto product = cast<Op>(op);
    switch (operand.getOperandNumber()) {
    case 0:
      return lhsView(operand.get(), product.getLhsContract()).has_value();
    case 1:
      return rhsView(operand.get(), product.getRhsContract()).has_value();
    default:
      return liesDense(operand.get());
    }
  }

  static void emitCall(Op product, OpBuilder &b, CallBuffers &buffers, StringRef epilogue, Value bias, Value aux) {
    std::optional<MatrixView> lhs = lhsView(product.getLhs(), product.getLhsContract()),
                              rhs = rhsView(product.getRhs(), product.getRhsContract());
    assert(lhs && rhs && "weft-form-kernels gives products operands they can read");
    SmallVector<int64_t> shape = {lhs->rows, rhs->columns}, strides = rowMajorStrides(shape);
    auto result = [&](Value tensor) {
      StridedView view = StridedView::resolve(tensor);
      return buffers.at(view.base, view.offset, shape, strides);
    };
    ActivatedMatmulOp::create(b, product.getLoc(), epilogue, buffers.matrix(*lhs), buffers.matrix(*rhs),
                              bias ? buffers.strided(bias) : Value(), result(aux), result(product.getResult()),
                              buffers.workspace());
  }
};

struct GeluProductModel : LibraryOpInterface::ExternalModel<GeluProductModel, GeluProductOp> {
  using Shared = ActivatedProduct<GeluProductOp>;
  StringRef getLibraryName(Operation *) const { return "matrix product with GELU"; }
  bool readsInPlace(Operation *op, OpOperand &operand) const { return Shared::readsInPlace(op, operand); }
  void emitCall(Operation *op, OpBuilder &b, CallBuffers &buffers) const {
    auto product = cast<GeluProductOp>(op);
    Shared::emitCall(product, b, buffers, "gelu_aux", product.getBias(), product.getInput());
  }
};

struct GeluGradProductModel : LibraryOpInterface::ExternalModel<GeluGradProductModel, GeluGradProductOp> {
  using Shared = ActivatedProduct<GeluGradProductOp>;
  StringRef getLibraryName(Operation *) const { return "matrix product with the derivative of GELU"; }
  bool readsInPlace(Operation *op, OpOperand &operand) const { return Shared::readsInPlace(op, operand); }
  void emitCall(Operation *op, OpBuilder &b, CallBuffers &buffers) const {
    auto product = cast<GeluGradProductOp>(op);
    Shared::emitCall(product, b, buffers, "dgelu", {}, product.getInput());
  }
};

} // namespace

void exec::attachProductOps(MLIRContext *context) {
  GeluProductOp::attachInterface<GeluProductModel>(*context);
  GeluGradProductOp::attachInterface<GeluGradProductModel>(*context);
}

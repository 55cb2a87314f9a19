//===- LibraryOps.cpp - Ops on tensors that become library calls -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/AttentionCalls.h"
#include "dialects/exec/DenseOperand.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/exec/ProductCalls.h"
#include "dialects/weft/Convolution.h"

using namespace mlir;
using namespace weft;
using namespace weft::exec;

CallBuffers::~CallBuffers() = default;

Value CallBuffers::strided(Value tensor) {
  StridedView view = StridedView::resolve(tensor);
  return at(view.base, view.offset, view.shape, view.strides);
}

Value CallBuffers::dense(Value tensor) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(tensor.getType()).getShape();
  StridedView view = StridedView::resolve(tensor);
  return at(view.base, view.offset, shape, rowMajorStrides(shape));
}

/// Batch dimensions, rows and columns.
static SmallVector<int64_t> stridesOf(const MatrixView &matrix) {
  SmallVector<int64_t> strides(matrix.batchStrides);
  strides.append({matrix.rowStride, matrix.columnStride});
  return strides;
}

Value CallBuffers::matrix(const MatrixView &view) {
  SmallVector<int64_t> shape(view.batchSizes);
  shape.append({view.rows, view.columns});
  return at(view.view.base, view.view.offset, shape, stridesOf(view));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static std::pair<MatrixView, MatrixView> viewsOf(ProductOp product) {
  std::optional<MatrixView> lhs = MatrixView::ofLhs(product), rhs = MatrixView::ofRhs(product);
  assert(lhs && rhs && "weft-form-kernels gives products operands they can read");
  return {*lhs, *rhs};
}

ProductShape ProductShape::of(ProductOp product) {
  auto [lhs, rhs] = viewsOf(product);
  ProductShape shape;
  shape.elementType = cast<RankedTensorType>(product.getResult().getType()).getElementType();
  shape.batch = lhs.batchSizes;
  shape.m = lhs.rows;
  shape.k = lhs.columns;
  shape.n = rhs.columns;
  shape.aStrides = stridesOf(lhs);
  shape.bStrides = stridesOf(rhs);
  SmallVector<int64_t> dims(shape.batch);
  dims.append({shape.m, shape.n});
  shape.cStrides = rowMajorStrides(dims);
  shape.bias = static_cast<bool>(product.getBias());
  return shape;
}

namespace {

struct ProductModel : LibraryOpInterface::ExternalModel<ProductModel, ProductOp> {
  StringRef getLibraryName(Operation *) const { return "matrix product"; }
  bool readsInPlace(Operation *op, OpOperand &operand) const {
    auto product = cast<ProductOp>(op);
    switch (operand.getOperandNumber()) {
    case 0:
      return MatrixView::ofLhs(product).has_value();
    case 1:
      return MatrixView::ofRhs(product).has_value();
    default: {
      // A bias is a dense vector.
      StridedView view = StridedView::resolve(operand.get());
      return view.shape[0] == 1 || view.strides[0] == 1;
    }
    }
  }
  void emitCall(Operation *op, OpBuilder &b, CallBuffers &buffers) const {
    auto product = cast<ProductOp>(op);
    auto [lhs, rhs] = viewsOf(product);
    ProductShape shape = ProductShape::of(product);
    SmallVector<int64_t> dims(shape.batch);
    dims.append({shape.m, shape.n});
    Value result = buffers.at(product.getResult(), 0, dims, shape.cStrides);
    MatmulOp::create(b, op->getLoc(), buffers.matrix(lhs), buffers.matrix(rhs),
                     product.getBias() ? buffers.strided(product.getBias()) : Value(), result, buffers.workspace());
  }
};

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

ConvolutionCallKind callKind(ConvolutionKind kind) {
  switch (kind) {
  case ConvolutionKind::Forward:
    return ConvolutionCallKind::forward;
  case ConvolutionKind::InputGrad:
    return ConvolutionCallKind::input_grad;
  case ConvolutionKind::WeightGrad:
    return ConvolutionCallKind::weight_grad;
  }
  llvm_unreachable("unknown kind of convolution");
}

template <typename Op> struct ConvolutionModel : LibraryOpInterface::ExternalModel<ConvolutionModel<Op>, Op> {
  StringRef getLibraryName(Operation *) const { return "convolution"; }
  bool readsInPlace(Operation *, OpOperand &operand) const { return liesDense(operand.get()); }
  void emitCall(Operation *op, OpBuilder &b, CallBuffers &buffers) const {
    auto convolution = cast<Op>(op);
    exec::ConvolutionOp::create(b, op->getLoc(), callKind(convolution.getGeometry().kind),
                                buffers.dense(op->getOperand(0)), buffers.dense(op->getOperand(1)),
                                buffers.dense(op->getResult(0)), buffers.workspace(), convolution.getStrides(),
                                convolution.getLow(), convolution.getHigh(), convolution.getDilations());
  }
};

} // namespace

void exec::attachLibraryOps(MLIRContext *context) {
  context->getOrLoadDialect<WeftDialect>();
  ProductOp::attachInterface<ProductModel>(*context);
  attachAttentionOps(context);
  attachProductOps(context);
  weft::ConvolutionOp::attachInterface<ConvolutionModel<weft::ConvolutionOp>>(*context);
  weft::ConvolutionInputGradOp::attachInterface<ConvolutionModel<weft::ConvolutionInputGradOp>>(*context);
  weft::ConvolutionWeightGradOp::attachInterface<ConvolutionModel<weft::ConvolutionWeightGradOp>>(*context);
}

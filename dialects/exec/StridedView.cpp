//===- StridedView.cpp - Values that are strided views of others -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/StridedView.h"
#include "dialects/weft/DotDims.h"
#include "dialects/weft/Literal.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using namespace weft::exec;

StridedView StridedView::ofBase(Value base) {
  auto type = cast<RankedTensorType>(base.getType());
  return {base, 0, SmallVector<int64_t>(type.getShape()), rowMajorStrides(type.getShape())};
}

bool exec::isView(Operation *op) { return isa<ReshapeOp, TransposeOp, SliceOp, BroadcastOp>(op); }

Value exec::storedValue(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isView(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// Strides of `shape` over the elements of `from`, if strides can express the reshape.
static std::optional<SmallVector<int64_t>> reshapeStrides(const StridedView &from, ArrayRef<int64_t> shape) {
  // Walk both shapes from the last dimension, matching runs of equal products.
  SmallVector<int64_t> strides(shape.size(), 1);
  int64_t i = static_cast<int64_t>(from.shape.size()) - 1, j = static_cast<int64_t>(shape.size()) - 1;
  while (i >= 0 || j >= 0) {
    if (i >= 0 && from.shape[i] == 1) {
      --i;
      continue;
    }
    if (j >= 0 && shape[j] == 1) {
      --j;
      continue;
    }
    if (i < 0 || j < 0)
      return std::nullopt;
    // A run of source dimensions that is regular: its innermost stride spans it.
    int64_t stride = from.strides[i], sourceSize = from.shape[i], resultSize = shape[j];
    int64_t next = stride;
    strides[j] = next;
    next *= shape[j];
    --j;
    while (sourceSize != resultSize) {
      if (resultSize < sourceSize) {
        if (j < 0)
          return std::nullopt;
        strides[j] = next;
        next *= shape[j];
        resultSize *= shape[j--];
        continue;
      }
      if (--i < 0 || (from.shape[i] != 1 && from.strides[i] != stride * sourceSize))
        return std::nullopt;
      sourceSize *= from.shape[i];
    }
    --i;
  }
  return strides;
}

StridedView StridedView::resolve(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !isView(op))
    return ofBase(value);
  StridedView view = resolve(op->getOperand(0));
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  bool expressed =
      llvm::TypeSwitch<Operation *, bool>(op)
          .Case([&](ReshapeOp) {
            auto strides = reshapeStrides(view, shape);
            if (!strides)
              return false;
            view.strides = *strides;
            return true;
          })
          .Case([&](TransposeOp transpose) {
            SmallVector<int64_t> strides;
            for (int64_t p : transpose.getPerm())
              strides.push_back(view.strides[p]);
            view.strides = strides;
            return true;
          })
          .Case([&](SliceOp slice) {
            for (auto [stride, offset, step] : llvm::zip(view.strides, slice.getOffsets(), slice.getStrides())) {
              view.offset += offset * stride;
              stride *= step;
            }
            return true;
          })
          .Case([&](BroadcastOp broadcast) {
            SmallVector<int64_t> strides(shape.size(), 0);
            for (auto [i, dim] : llvm::enumerate(broadcast.getDims()))
              strides[dim] = view.strides[i];
            view.strides = strides;
            return true;
          });
  if (!expressed)
    return ofBase(value);
  view.shape.assign(shape.begin(), shape.end());
  return view;
}

std::optional<StridedView> StridedView::reshaped(ArrayRef<int64_t> newShape) const {
  std::optional<SmallVector<int64_t>> newStrides = reshapeStrides(*this, newShape);
  if (!newStrides)
    return std::nullopt;
  return StridedView{base, offset, SmallVector<int64_t>(newShape), *newStrides};
}

std::optional<int64_t> StridedView::collapsedStride(ArrayRef<int64_t> dims) const {
  std::optional<int64_t> stride;
  int64_t span = 1;
  for (int64_t dim : llvm::reverse(dims)) {
    if (shape[dim] == 1)
      continue;
    if (!stride) {
      stride = strides[dim];
      span = *stride * shape[dim];
      continue;
    }
    if (strides[dim] != span)
      return std::nullopt;
    span *= shape[dim];
  }
  return stride.value_or(1);
}

std::optional<MatrixView> MatrixView::get(Value operand, ArrayRef<int64_t> batch, ArrayRef<int64_t> rows,
                                          ArrayRef<int64_t> columns) {
  MatrixView matrix;
  matrix.view = StridedView::resolve(operand);
  const StridedView &view = matrix.view;
  auto count = [&](ArrayRef<int64_t> dims) {
    int64_t product = 1;
    for (int64_t dim : dims)
      product *= view.shape[dim];
    return product;
  };
  matrix.rows = count(rows);
  matrix.columns = count(columns);
  std::optional<int64_t> rowStride = view.collapsedStride(rows), columnStride = view.collapsedStride(columns);
  if (!rowStride || !columnStride)
    return std::nullopt;
  // A dimension of size 1 takes whatever stride makes the matrix dense.
  matrix.rowStride = matrix.rows == 1 ? std::max<int64_t>(1, *columnStride * matrix.columns) : *rowStride;
  matrix.columnStride = matrix.columns == 1 ? (matrix.rowStride == 1 ? matrix.rows : 1) : *columnStride;
  if (matrix.rows == 1 && matrix.columns > 1 && matrix.columnStride != 1)
    matrix.rowStride = 1;
  bool rowMajor = matrix.columnStride == 1 && matrix.rowStride >= matrix.columns;
  bool columnMajor = matrix.rowStride == 1 && matrix.columnStride >= matrix.rows;
  if (!rowMajor && !columnMajor)
    return std::nullopt;
  if (batch.size() > 2) {
    // Libraries take two batch dimensions at most: more are taken together.
    std::optional<int64_t> stride = view.collapsedStride(batch);
    if (!stride || *stride == 0)
      return std::nullopt;
    matrix.batchSizes.push_back(count(batch));
    matrix.batchStrides.push_back(*stride);
    return matrix;
  }
  for (int64_t dim : batch) {
    matrix.batchSizes.push_back(view.shape[dim]);
    matrix.batchStrides.push_back(view.strides[dim]);
  }
  return matrix;
}

std::optional<MatrixView> MatrixView::ofLhs(ProductOp product) {
  ArrayRef<int64_t> batch = product.getLhsBatch(), contract = product.getLhsContract();
  return get(product.getLhs(), batch, freeDims(product.getLhs(), batch, contract), contract);
}

std::optional<MatrixView> MatrixView::ofRhs(ProductOp product) {
  ArrayRef<int64_t> batch = product.getRhsBatch(), contract = product.getRhsContract();
  return get(product.getRhs(), batch, contract, freeDims(product.getRhs(), batch, contract));
}

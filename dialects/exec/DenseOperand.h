//===- DenseOperand.h - Operands that lie row-major -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_DENSEOPERAND_H
#define WEFT_DIALECTS_EXEC_DENSEOPERAND_H

#include "dialects/exec/StridedView.h"

namespace weft::exec {

/// Whether a tensor's elements lie one after another in row-major order, however many views lead to its buffer: what a
/// library call that takes no strides can read in place.
inline bool liesDense(mlir::Value tensor) {
  StridedView view = StridedView::resolve(tensor);
  for (auto [size, stride, dense] : llvm::zip(view.shape, view.strides, rowMajorStrides(view.shape)))
    if (size != 1 && stride != dense)
      return false;
  return true;
}

} // namespace weft::exec

#endif // WEFT_DIALECTS_EXEC_DENSEOPERAND_H

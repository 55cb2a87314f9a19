//===- VerifySupport.cpp - Checks that verifiers share -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/VerifySupport.h"

using namespace mlir;
using namespace weft;

std::string weft::list(ArrayRef<int64_t> values) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '[';
  llvm::interleaveComma(values, stream);
  stream << ']';
  return text;
}

bool weft::isPermutation(ArrayRef<int64_t> perm, int64_t rank) {
  if (static_cast<int64_t>(perm.size()) != rank)
    return false;
  SmallVector<bool> seen(rank, false);
  for (int64_t p : perm) {
    if (p < 0 || p >= rank || seen[p])
      return false;
    seen[p] = true;
  }
  return true;
}

LogicalResult weft::verifyDim(Operation *op, StringRef name, int64_t dim, RankedTensorType type) {
  if (dim >= 0 && dim < type.getRank())
    return success();
  return op->emitOpError() << name << " has no dimension " << dim << ": its rank is " << type.getRank();
}

LogicalResult weft::verifyRank(Operation *op, StringRef name, RankedTensorType type, int64_t rank) {
  if (type.getRank() == rank)
    return success();
  return op->emitOpError() << name << " has rank " << type.getRank() << ", expected " << rank;
}

LogicalResult weft::verifyCount(Operation *op, StringRef name, ArrayRef<int64_t> values, int64_t rank) {
  if (static_cast<int64_t>(values.size()) == rank)
    return success();
  return op->emitOpError() << name << " has " << values.size() << " entries for a tensor of rank " << rank;
}

LogicalResult weft::verifyElementType(Operation *op, StringRef name, RankedTensorType type, RankedTensorType like) {
  if (type.getElementType() == like.getElementType())
    return success();
  return op->emitOpError() << name << " has elements of type " << type.getElementType() << ", expected "
                           << like.getElementType();
}

LogicalResult weft::verifyShape(Operation *op, StringRef name, RankedTensorType type, ArrayRef<int64_t> expected) {
  if (failed(verifyRank(op, name, type, expected.size())))
    return failure();
  for (auto [d, size] : llvm::enumerate(expected))
    if (type.getDimSize(d) != size)
      return op->emitOpError() << name << " dimension " << d << " has size " << type.getDimSize(d) << ", expected "
                               << size;
  return success();
}

LogicalResult weft::verifyType(Operation *op, StringRef name, RankedTensorType type, RankedTensorType expected) {
  if (failed(verifyShape(op, name, type, expected.getShape())))
    return failure();
  return verifyElementType(op, name, type, expected);
}

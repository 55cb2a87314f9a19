//===- Dialect.cpp - Registration of the weft dialect -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Activation.h"
#include "dialects/weft/BatchNorm.h"
#include "dialects/weft/Convolution.h"
#include "dialects/weft/DotDims.h"
#include "dialects/weft/Sort.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;

#include "dialects/weft/Dialect.cpp.inc"
#include "dialects/weft/Enums.cpp.inc"
#include "dialects/weft/Interfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/weft/Attrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/weft/Ops.cpp.inc"

void WeftDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/weft/Attrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/weft/Ops.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/weft/ConvolutionOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/weft/BatchNormOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/weft/SortOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/weft/ActivationOps.cpp.inc"
      >();
}

Operation *WeftDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type, Location loc) {
  auto typed = dyn_cast<TypedAttr>(value);
  if (!typed || typed.getType() != type)
    return nullptr;
  return arith::ConstantOp::create(builder, loc, typed);
}

int64_t weft::elementBytes(Type elementType) { return llvm::divideCeil(elementType.getIntOrFloatBitWidth(), 8u); }

int64_t weft::tensorBytes(RankedTensorType type) { return type.getNumElements() * elementBytes(type.getElementType()); }

SmallVector<int64_t> weft::freeDims(Value operand, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
  SmallVector<int64_t> dims;
  for (int64_t i = 0, rank = cast<RankedTensorType>(operand.getType()).getRank(); i < rank; ++i)
    if (!llvm::is_contained(batch, i) && !llvm::is_contained(contract, i))
      dims.push_back(i);
  return dims;
}

SmallVector<int64_t> DotGeneralOp::getLhsFree() { return freeDims(getLhs(), getLhsBatch(), getLhsContract()); }
SmallVector<int64_t> DotGeneralOp::getRhsFree() { return freeDims(getRhs(), getRhsBatch(), getRhsContract()); }

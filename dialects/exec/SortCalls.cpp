//===- SortCalls.cpp - Sorting on buffers -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/SortCalls.h"
#include "dialects/exec/DenseOperand.h"
#include "dialects/weft/Sort.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace weft;
namespace json = llvm::json;

#define GET_OP_CLASSES
#include "dialects/exec/SortOps.cpp.inc"

static MemRefType memref(Value buffer) { return cast<MemRefType>(buffer.getType()); }

LogicalResult exec::TopKOp::verify() {
  MemRefType input = memref(getInput()), values = memref(getValues()), indices = memref(getIndices());
  int64_t axis = getAxis();
  if (axis < 0 || axis >= input.getRank() || values.getRank() != input.getRank())
    return emitOpError("has no such axis");
  if (values.getShape() != indices.getShape() || !indices.getElementType().isInteger(64) ||
      values.getElementType() != input.getElementType())
    return emitOpError("needs values of the input's type and as many indices of i64");
  for (int64_t d = 0, rank = input.getRank(); d < rank; ++d)
    if (d == axis ? values.getDimSize(d) > input.getDimSize(d) : values.getDimSize(d) != input.getDimSize(d))
      return emitOpError("has results of the wrong size in dimension ") << d;
  for (MemRefType type : {input, values, indices})
    if (!type.getLayout().isIdentity())
      return emitOpError("needs dense buffers");
  return success();
}

StringRef exec::TopKOp::getListName() { return "sorts"; }
StringRef exec::TopKOp::getRuntimeFunction() { return "weft_top_k"; }

json::Object exec::TopKOp::describe() {
  ArrayRef<int64_t> shape = memref(getInput()).getShape();
  int64_t axis = getAxis(), outer = 1, inner = 1;
  for (int64_t size : shape.take_front(axis))
    outer *= size;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
  return json::Object{{"outer", outer},
                      {"size", shape[axis]},
                      {"inner", inner},
                      {"k", memref(getValues()).getDimSize(axis)},
                      {"dtype", dtypeName(memref(getInput()).getElementType())},
                      {"smallest", getSmallest()}};
}

SmallVector<Value> exec::TopKOp::getCallBuffers() { return {getInput(), getValues(), getIndices()}; }

double exec::TopKOp::getFlops() { return static_cast<double>(memref(getInput()).getNumElements()); }

Value exec::TopKOp::getWorkspaceBuffer() { return {}; }

namespace {

struct TopKModel : exec::LibraryOpInterface::ExternalModel<TopKModel, weft::TopKOp> {
  StringRef getLibraryName(Operation *) const { return "top-k"; }
  bool readsInPlace(Operation *, OpOperand &operand) const { return exec::liesDense(operand.get()); }
  void emitCall(Operation *op, OpBuilder &b, exec::CallBuffers &buffers) const {
    auto topK = cast<weft::TopKOp>(op);
    exec::TopKOp::create(b, op->getLoc(), topK.getSmallest(), buffers.dense(topK.getInput()),
                         buffers.dense(topK.getValues()), buffers.dense(topK.getIndices()), topK.getAxis());
  }
};

} // namespace

void exec::attachSortOps(MLIRContext *context) { weft::TopKOp::attachInterface<TopKModel>(*context); }

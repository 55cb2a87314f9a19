//===- CollectiveCalls.cpp - Collectives on buffers -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/CollectiveCalls.h"
#include "dialects/exec/DenseOperand.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using namespace weft::exec;
namespace json = llvm::json;

#define GET_OP_CLASSES
#include "dialects/exec/CollectiveOps.cpp.inc"

//===----------------------------------------------------------------------===//
// On tensors
//===----------------------------------------------------------------------===//

/// The product of the sizes of dimensions [begin, end).
static int64_t product(ArrayRef<int64_t> shape, int64_t begin, int64_t end) {
  int64_t count = 1;
  for (int64_t size : shape.slice(begin, end - begin))
    count *= size;
  return count;
}

CollectiveShape CollectiveShape::of(Operation *op) {
  assert(op->getNumOperands() == 1 && "buckets are made later");
  CollectiveShape c;
  ArrayRef<int64_t> in = cast<RankedTensorType>(op->getOperand(0).getType()).getShape();
  int64_t rank = in.size();
  c.reduce = "sum";
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](dist::AllReduceOp reduce) {
        c.kind = "all_reduce";
        c.reduce = stringifyReduceKind(reduce.getKind());
        c.axes = reduce.getAxes();
        c.inner = product(in, 0, rank);
      })
      .Case([&](dist::AllGatherOp gather) {
        c.kind = "all_gather";
        c.axes = gather.getAxes();
        c.outer = product(in, 0, gather.getDims()[0]);
        c.inner = product(in, gather.getDims()[0], rank);
      })
      .Case([&](dist::ReduceScatterOp scatter) {
        c.kind = "reduce_scatter";
        c.reduce = stringifyReduceKind(scatter.getKind());
        c.axes = scatter.getAxes();
        ArrayRef<int64_t> out = cast<RankedTensorType>(scatter.getResult(0).getType()).getShape();
        c.outer = product(out, 0, scatter.getDims()[0]);
        c.inner = product(out, scatter.getDims()[0], rank);
      })
      .Case([&](dist::AllToAllOp exchange) {
        c.kind = "all_to_all";
        c.axes = exchange.getAxes();
        int64_t split = exchange.getSplit()[0], concat = exchange.getConcat()[0];
        assert(split < concat && "weft-lower-ranks brings the split dimension to the front");
        ArrayRef<int64_t> out = cast<RankedTensorType>(exchange.getResult(0).getType()).getShape();
        c.outer = product(out, 0, split);
        c.middle = product(out, split, concat);
        c.inner = product(in, concat, rank);
      });
  dist::Mesh mesh = dist::meshOf(op->getParentOfType<ModuleOp>());
  c.ranks = mesh.sizeOf(dist::axesOf(mesh, c.axes));
  return c;
}

namespace {

template <typename Op> struct CollectiveModel : LibraryOpInterface::ExternalModel<CollectiveModel<Op>, Op> {
  StringRef getLibraryName(Operation *) const { return "collective"; }
  bool readsInPlace(Operation *, OpOperand &operand) const { return liesDense(operand.get()); }
  void emitCall(Operation *op, OpBuilder &b, CallBuffers &buffers) const {
    CollectiveShape c = CollectiveShape::of(op);
    CollectiveOp::create(b, op->getLoc(), b.getStringAttr(c.kind), b.getStringAttr(c.reduce), c.axes,
                         b.getI64IntegerAttr(c.ranks), b.getI64IntegerAttr(c.outer), b.getI64IntegerAttr(c.middle),
                         b.getI64IntegerAttr(c.inner), buffers.dense(op->getOperand(0)),
                         buffers.dense(op->getResult(0)), buffers.workspace());
  }
};

} // namespace

void exec::attachCollectiveOps(MLIRContext *context) {
  context->getOrLoadDialect<dist::DistDialect>();
  dist::AllReduceOp::attachInterface<CollectiveModel<dist::AllReduceOp>>(*context);
  dist::AllGatherOp::attachInterface<CollectiveModel<dist::AllGatherOp>>(*context);
  dist::ReduceScatterOp::attachInterface<CollectiveModel<dist::ReduceScatterOp>>(*context);
  dist::AllToAllOp::attachInterface<CollectiveModel<dist::AllToAllOp>>(*context);
}

//===----------------------------------------------------------------------===//
// On buffers
//===----------------------------------------------------------------------===//

static MemRefType memref(Value buffer) { return cast<MemRefType>(buffer.getType()); }

LogicalResult CollectiveOp::verify() {
  int64_t block = getOuter() * getMiddle() * getInner(), in = memref(getInput()).getNumElements(),
          out = memref(getOutput()).getNumElements(), ranks = getRanks();
  bool gathers = getKind() == "all_gather", scatters = getKind() == "reduce_scatter",
       exchanges = getKind() == "all_to_all";
  if (!gathers && !scatters && !exchanges && getKind() != "all_reduce")
    return emitOpError() << "is of no known kind";
  if (in != block * (scatters || exchanges ? ranks : 1) || out != block * (gathers || exchanges ? ranks : 1))
    return emitOpError() << "moves blocks of " << block << " elements between " << ranks << " ranks, from buffers of "
                         << in << " to buffers of " << out;
  if (!memref(getInput()).getLayout().isIdentity() || !memref(getOutput()).getLayout().isIdentity())
    return emitOpError("needs dense buffers");
  return success();
}

StringRef CollectiveOp::getListName() { return "collectives"; }
StringRef CollectiveOp::getRuntimeFunction() { return "weft_collective_call"; }

json::Object CollectiveOp::describe() {
  json::Array axes;
  for (Attribute axis : getAxes())
    axes.push_back(cast<StringAttr>(axis).getValue());
  bool reduces = getKind() == "all_reduce" || getKind() == "reduce_scatter";
  json::Object entry{
      {"kind", getKind()},
      {"axes", std::move(axes)},
      {"dtype", dtypeName(memref(getInput()).getElementType())},
      {"members", json::Array{json::Object{{"outer", static_cast<int64_t>(getOuter())},
                                           {"split", getKind() == "all_reduce" ? 1 : static_cast<int64_t>(getRanks())},
                                           {"middle", static_cast<int64_t>(getMiddle())},
                                           {"inner", static_cast<int64_t>(getInner())}}}},
      {"scratch", getScratch() ? memref(getScratch()).getNumElements() : 0}};
  if (reduces)
    entry["reduce"] = getReduce();
  return entry;
}

SmallVector<Value> CollectiveOp::getCallBuffers() { return {getInput(), getOutput(), getScratch()}; }
double CollectiveOp::getFlops() { return 0; }
Value CollectiveOp::getWorkspaceBuffer() { return getScratch(); }

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
  CollectiveShape c;
  c.reduce = "sum";
  auto in = [&](int64_t i) { return cast<RankedTensorType>(op->getOperand(i).getType()).getShape(); };
  auto out = [&](int64_t i) { return cast<RankedTensorType>(op->getResult(i).getType()).getShape(); };
  auto add = [&](int64_t outer, int64_t middle, int64_t inner) {
    c.outer.push_back(outer);
    c.middle.push_back(middle);
    c.inner.push_back(inner);
  };
  int64_t members = op->getNumOperands();
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](dist::AllReduceOp reduce) {
        c.kind = "all_reduce";
        c.reduce = stringifyReduceKind(reduce.getKind());
        c.axes = reduce.getAxes();
        for (int64_t i = 0; i < members; ++i)
          add(1, 1, product(in(i), 0, in(i).size()));
      })
      .Case([&](dist::AllGatherOp gather) {
        c.kind = "all_gather";
        c.axes = gather.getAxes();
        for (auto [i, dim] : llvm::enumerate(gather.getDims()))
          add(product(in(i), 0, dim), 1, product(in(i), dim, in(i).size()));
      })
      .Case([&](dist::ReduceScatterOp scatter) {
        c.kind = "reduce_scatter";
        c.reduce = stringifyReduceKind(scatter.getKind());
        c.axes = scatter.getAxes();
        for (auto [i, dim] : llvm::enumerate(scatter.getDims()))
          add(product(out(i), 0, dim), 1, product(out(i), dim, out(i).size()));
      })
      .Case([&](dist::AllToAllOp exchange) {
        c.kind = "all_to_all";
        c.axes = exchange.getAxes();
        for (int64_t i = 0; i < members; ++i) {
          int64_t split = exchange.getSplit()[i], concat = exchange.getConcat()[i];
          assert(split < concat && "weft-lower-ranks brings the split dimension to the front");
          add(product(out(i), 0, split), product(out(i), split, concat), product(in(i), concat, in(i).size()));
        }
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
    SmallVector<Value> inputs, outputs;
    for (Value operand : op->getOperands())
      inputs.push_back(buffers.dense(operand));
    for (Value result : op->getResults())
      outputs.push_back(buffers.dense(result));
    CollectiveOp::create(b, op->getLoc(), b.getStringAttr(c.kind), b.getStringAttr(c.reduce), c.axes,
                         b.getI64IntegerAttr(c.ranks), b.getDenseI64ArrayAttr(c.outer),
                         b.getDenseI64ArrayAttr(c.middle), b.getDenseI64ArrayAttr(c.inner), inputs, outputs,
                         buffers.workspace());
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
  int64_t members = getInputs().size(), ranks = getRanks();
  bool gathers = getKind() == "all_gather", scatters = getKind() == "reduce_scatter",
       exchanges = getKind() == "all_to_all";
  if (!gathers && !scatters && !exchanges && getKind() != "all_reduce")
    return emitOpError() << "is of no known kind";
  if (members == 0 || static_cast<int64_t>(getOutputs().size()) != members ||
      static_cast<int64_t>(getOuter().size()) != members || static_cast<int64_t>(getMiddle().size()) != members ||
      static_cast<int64_t>(getInner().size()) != members)
    return emitOpError("needs an input, an output and sizes for each member");
  for (int64_t i = 0; i < members; ++i) {
    MemRefType in = memref(getInputs()[i]), out = memref(getOutputs()[i]);
    int64_t block = getOuter()[i] * getMiddle()[i] * getInner()[i];
    if (in.getNumElements() != block * (scatters || exchanges ? ranks : 1) ||
        out.getNumElements() != block * (gathers || exchanges ? ranks : 1))
      return emitOpError() << "moves blocks of " << block << " elements between " << ranks << " ranks, from buffers of "
                           << in.getNumElements() << " to buffers of " << out.getNumElements();
    if (!in.getLayout().isIdentity() || !out.getLayout().isIdentity())
      return emitOpError("needs dense buffers");
    if (in.getElementType() != memref(getInputs()[0]).getElementType() || out.getElementType() != in.getElementType())
      return emitOpError("needs members of one type");
  }
  return success();
}

StringRef CollectiveOp::getListName() { return "collectives"; }
StringRef CollectiveOp::getRuntimeFunction() { return "weft_collective_call"; }

json::Object CollectiveOp::describe() {
  json::Array axes, members;
  for (Attribute axis : getAxes())
    axes.push_back(cast<StringAttr>(axis).getValue());
  int64_t split = getKind() == "all_reduce" ? 1 : getRanks();
  for (auto [outer, middle, inner] : llvm::zip_equal(getOuter(), getMiddle(), getInner()))
    members.push_back(json::Object{{"outer", outer}, {"split", split}, {"middle", middle}, {"inner", inner}});
  bool reduces = getKind() == "all_reduce" || getKind() == "reduce_scatter";
  json::Object entry{{"kind", getKind()},
                     {"axes", std::move(axes)},
                     {"dtype", dtypeName(memref(getInputs()[0]).getElementType())},
                     {"members", std::move(members)},
                     {"scratch", getScratch() ? memref(getScratch()).getNumElements() : 0}};
  if (reduces)
    entry["reduce"] = getReduce();
  if (auto carrier = (*this)->getAttrOfType<StringAttr>(carrierAttr))
    entry["carrier"] = carrier.getValue();
  return entry;
}

SmallVector<SmallVector<Value>> CollectiveOp::getBufferArrays() {
  return {SmallVector<Value>(getInputs()), SmallVector<Value>(getOutputs())};
}
SmallVector<Value> CollectiveOp::getCallBuffers() { return {getScratch()}; }
double CollectiveOp::getFlops() { return 0; }
Value CollectiveOp::getWorkspaceBuffer() { return getScratch(); }

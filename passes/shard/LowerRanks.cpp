//===- LowerRanks.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Passes.h"

namespace weft {
#define GEN_PASS_DEF_LOWERRANKS
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;

static constexpr llvm::StringLiteral kCoordinates = "coordinates";

/// This rank's index along axes, the first the major one. The state lists coordinates as axes are laid over ranks.
static Value axisIndex(Build &e, const Mesh &mesh, ArrayRef<int64_t> axes) {
  Value coordinates = e.read(kCoordinates, RankedTensorType::get({mesh.getNumAxes()}, e.b.getI64Type()));
  Value index;
  for (int64_t axis : axes) {
    int64_t position = llvm::find(mesh.order, axis) - mesh.order.begin();
    Value along = e.reshape(e.slice(coordinates, {position}, {1}), {});
    index = index ? e.add(e.mul(index, e.splatLike(index, mesh.sizes[axis])), along) : along;
  }
  return index;
}

static Value localSlice(Build &e, const Mesh &mesh, dist::LocalSliceOp op) {
  int64_t dim = op.getDim(), size = tensorType(op.getResult()).getDimSize(dim);
  Value index = axisIndex(e, mesh, dist::axesOf(mesh, op.getAxes()));
  Value first = e.broadcast(e.mul(index, e.splatLike(index, size)), {}, {size});
  Value indices = e.add(e.iota(tensorType(first), 0), first);
  return e.gather(op.getInput(), indices, dim);
}

/// An all-to-all whose split dimension comes first.
static Value exchange(Build &e, dist::AllToAllOp op) {
  Value input = op.getInputs()[0];
  int64_t rank = tensorType(input).getRank(), split = op.getSplit()[0], concat = op.getConcat()[0];
  SmallVector<int64_t> perm = {split}, back(rank);
  for (int64_t dim = 0; dim < rank; ++dim)
    if (dim != split)
      perm.push_back(dim);
  for (auto [to, from] : llvm::enumerate(perm))
    back[from] = to;
  SmallVector<int64_t> shape;
  for (int64_t dim : perm)
    shape.push_back(tensorType(op.getResult(0)).getDimSize(dim));
  auto moved = dist::AllToAllOp::create(e.b, e.loc, TypeRange(tensorType(input).clone(shape)),
                                        ValueRange(e.transpose(input, perm)), ArrayRef<int64_t>(0),
                                        ArrayRef<int64_t>(back[concat]), op.getAxes());
  return e.transpose(moved.getResult(0), back);
}

namespace {

struct LowerRanks : weft::impl::LowerRanksBase<LowerRanks> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Mesh mesh = dist::meshOf(module);
    if (mesh.getNumAxes() == 0)
      return;
    OpBuilder b(&getContext());
    for (Operation &op : *module.getBody())
      if (isa<ParamOp, StateOp>(op))
        b.setInsertionPointAfter(&op);
    auto state =
        StateOp::create(b, module.getLoc(), kCoordinates, RankedTensorType::get({mesh.getNumAxes()}, b.getI64Type()),
                        StateKind::hyper, APFloat(0.0), FlatSymbolRefAttr(), /*checkpointed=*/false);
    state->setAttr(dist::coordinatesAttr, b.getUnitAttr());
    SmallVector<Operation *> ops;
    module.walk([&](Operation *op) {
      if (isa<dist::AxisIndexOp, dist::LocalSliceOp, dist::AllToAllOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      OpBuilder at(op);
      Build e{at, op->getLoc()};
      Value result;
      if (auto index = dyn_cast<dist::AxisIndexOp>(op))
        result = e.cast(axisIndex(e, mesh, dist::axesOf(mesh, index.getAxes())),
                        tensorType(index.getResult()).getElementType());
      else if (auto slice = dyn_cast<dist::LocalSliceOp>(op))
        result = localSlice(e, mesh, slice);
      else if (auto move = cast<dist::AllToAllOp>(op); move.getSplit()[0] > move.getConcat()[0])
        result = exchange(e, move);
      if (!result)
        continue;
      op->getResult(0).replaceAllUsesWith(result);
      op->erase();
    }
  }
};

} // namespace

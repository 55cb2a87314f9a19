//===- Halves.cpp - A rank's samples in two halves -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The halves are an axis of the mesh that is laid out in time: partitioning cuts
// along it as along any other, and afterwards a rank does what two ranks along it
// would do. docs/schedule.md says what that is good for.
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/weft/Build.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/shard/Passes.h"
#include <array>

namespace weft {
#define GEN_PASS_DEF_CUTINHALVES
#define GEN_PASS_DEF_UNROLLHALVES
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

static dist::MeshOp meshOpOf(ModuleOp module) {
  auto ops = module.getOps<dist::MeshOp>();
  return ops.empty() ? dist::MeshOp() : *ops.begin();
}

static void writeMesh(dist::MeshOp op, const Mesh &mesh) {
  MLIRContext *context = op.getContext();
  op.setAxesAttr(dist::axesAttr(context, mesh, llvm::to_vector(llvm::seq<int64_t>(0, mesh.getNumAxes()))));
  op.setSizesAttr(DenseI64ArrayAttr::get(context, mesh.sizes));
  op.setOrderAttr(dist::axesAttr(context, mesh, mesh.order));
}

namespace {

struct CutInHalves : weft::impl::CutInHalvesBase<CutInHalves> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    dist::MeshOp op = meshOpOf(module);
    if (!op) {
      module.emitError("has no mesh: there is nothing that halves of the batch could hide");
      return signalPassFailure();
    }
    Mesh before = dist::meshOf(module), mesh = before;
    mesh.order.push_back(mesh.getNumAxes());
    mesh.axes.push_back(dist::halfAxis.str());
    mesh.sizes.push_back(2);
    writeMesh(op, mesh);
    auto batch = module->getAttrOfType<IntegerAttr>("weft.batch"),
         microbatches = module->getAttrOfType<IntegerAttr>("weft.microbatches");
    int64_t samples = batch ? batch.getInt() / (microbatches ? microbatches.getInt() : 1) : 0;
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      for (BlockArgument argument : function.getArguments())
        if (failed(cut(function, argument, samples, mesh)))
          return signalPassFailure();
  }

private:
  static LogicalResult cut(func::FuncOp function, BlockArgument argument, int64_t samples, const Mesh &mesh) {
    auto type = cast<RankedTensorType>(argument.getType());
    if (type.getRank() == 0 || (samples > 0 && type.getDimSize(0) != samples))
      return success();
    Sharding sharding = Sharding::whole(mesh);
    if (auto attr = function.getArgAttrOfType<dist::ShardingAttr>(argument.getArgNumber(), dist::shardingAttr))
      sharding = *dist::fromAttr(mesh, attr);
    sharding[mesh.getNumAxes() - 1] = 0;
    int64_t parts = sharding.partsOf(mesh, 0);
    if (type.getDimSize(0) % parts != 0)
      return function.emitError("a micro-batch of ")
             << type.getDimSize(0) << " cannot be cut into two halves on each of " << parts / 2
             << " data-parallel ranks; choose --dim batch=N with N / --microbatches a multiple of " << parts
             << ", or --batch-halves off";
    function.setArgAttr(argument.getArgNumber(), dist::shardingAttr,
                        dist::toAttr(function.getContext(), mesh, sharding, type.getRank()));
    return success();
  }
};

/// Computes both halves in one task.
class Unrolling {
public:
  Unrolling(func::FuncOp function, const Mesh &mesh) : function(function), mesh(mesh) {}
  LogicalResult run();

private:
  using Halves = std::array<Value, 2>;

  void join(BlockArgument argument);
  Halves of(Value value) const {
    auto found = halves.find(value);
    return found == halves.end() ? Halves{value, value} : found->second;
  }
  bool varies(Operation &op) const {
    return llvm::any_of(op.getOperands(), [&](Value operand) { return halves.contains(operand); });
  }
  /// The axes of `op` without that of the halves; nothing if that is not one of them.
  std::optional<ArrayAttr> otherAxes(Operation &op) const;
  void clone(Operation &op);
  LogicalResult lower(Operation &op, ArrayAttr others);
  FailureOr<SmallVector<Value>> join(dist::CollectiveOpInterface op);
  LogicalResult combine(dist::CollectiveOpInterface op, ArrayAttr others);

  func::FuncOp function;
  const Mesh &mesh;
  DenseMap<Value, Halves> halves;
};

struct UnrollHalves : weft::impl::UnrollHalvesBase<UnrollHalves> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Mesh mesh = dist::meshOf(module);
    if (mesh.axes.empty() || mesh.axes.back() != dist::halfAxis)
      return;
    for (func::FuncOp function : module.getOps<func::FuncOp>())
      if (failed(Unrolling(function, mesh).run()))
        return signalPassFailure();
    llvm::erase(mesh.order, mesh.getNumAxes() - 1);
    mesh.axes.pop_back();
    mesh.sizes.pop_back();
    writeMesh(meshOpOf(module), mesh);
  }
};

} // namespace

/// The argument is both halves, one behind the other.
void Unrolling::join(BlockArgument argument) {
  auto attr = function.getArgAttrOfType<dist::ShardingAttr>(argument.getArgNumber(), dist::shardingAttr);
  std::optional<Sharding> sharding = attr ? dist::fromAttr(mesh, attr) : std::nullopt;
  int64_t axis = mesh.getNumAxes() - 1;
  if (!sharding || (*sharding)[axis] < 0)
    return;
  int64_t dim = (*sharding)[axis];
  auto part = cast<RankedTensorType>(argument.getType());
  SmallVector<int64_t> shape(part.getShape()), offsets(part.getRank(), 0);
  shape[dim] *= 2;
  argument.setType(part.clone(shape));
  (*sharding)[axis] = Sharding::Whole;
  function.setArgAttr(argument.getArgNumber(), dist::shardingAttr,
                      dist::toAttr(function.getContext(), mesh, *sharding, part.getRank()));
  OpBuilder builder = OpBuilder::atBlockBegin(argument.getOwner());
  Build e{builder, argument.getLoc()};
  Halves values;
  for (Value &half : values) {
    half = e.slice(argument, offsets, part.getShape());
    offsets[dim] = part.getDimSize(dim);
  }
  halves[argument] = values;
}

std::optional<ArrayAttr> Unrolling::otherAxes(Operation &op) const {
  auto axes = op.getAttrOfType<ArrayAttr>("axes");
  if (!axes || !isa<dist::DistDialect>(op.getDialect()))
    return std::nullopt;
  SmallVector<Attribute> others;
  for (Attribute axis : axes)
    if (cast<StringAttr>(axis).getValue() != dist::halfAxis)
      others.push_back(axis);
  if (others.size() == axes.size())
    return std::nullopt;
  return ArrayAttr::get(op.getContext(), others);
}

void Unrolling::clone(Operation &op) {
  OpBuilder builder(&op);
  SmallVector<Operation *, 2> clones;
  for (int64_t half = 0; half < 2; ++half) {
    IRMapping mapping;
    for (Value operand : op.getOperands())
      mapping.map(operand, of(operand)[half]);
    Operation *made = builder.clone(op, mapping);
    if (isa<dist::CollectiveOpInterface>(made))
      made->setAttr(dist::halfAttr, builder.getI64IntegerAttr(half));
    clones.push_back(made);
  }
  for (auto [i, result] : llvm::enumerate(op.getResults()))
    halves[result] = {clones[0]->getResult(i), clones[1]->getResult(i)};
}

/// What the halves make together of each operand: a sum or whatever else is reduced, or one behind the other.
FailureOr<SmallVector<Value>> Unrolling::join(dist::CollectiveOpInterface op) {
  OpBuilder builder(op);
  Build e{builder, op.getLoc()};
  auto kind = op->getAttrOfType<ReduceKindAttr>("kind");
  DenseI64ArrayAttr dims = op->getAttrOfType<DenseI64ArrayAttr>(isa<dist::AllToAllOp>(*op) ? "concat" : "dims");
  SmallVector<Value> values;
  for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
    auto [first, second] = of(operand);
    if (!kind)
      values.push_back(e.concat({first, second}, dims[i]));
    else if (kind.getValue() == ReduceKind::sum)
      values.push_back(e.add(first, second));
    else if (kind.getValue() == ReduceKind::max)
      values.push_back(e.max(first, second));
    else if (kind.getValue() == ReduceKind::min)
      values.push_back(e.min(first, second));
    else
      return op.emitError("multiplies the halves of the batch with each other; compile with --batch-halves off");
  }
  return values;
}

/// A collective over the axis of the halves: what both make together, and what ranks along other axes add to it. The
/// axis is the last one, so that what both make is what a rank has along the others.
LogicalResult Unrolling::combine(dist::CollectiveOpInterface op, ArrayAttr others) {
  FailureOr<SmallVector<Value>> joined = join(op);
  if (failed(joined))
    return failure();
  SmallVector<Value> values = std::move(*joined);
  OpBuilder builder(op);
  Build e{builder, op.getLoc()};
  // The dimension of each result that the halves cut, if they do.
  DenseI64ArrayAttr cut;
  if (isa<dist::AllToAllOp>(*op))
    cut = op->getAttrOfType<DenseI64ArrayAttr>("split");
  else if (isa<dist::ReduceScatterOp>(*op))
    cut = op->getAttrOfType<DenseI64ArrayAttr>("dims");
  if (!others.empty()) {
    if (isa<dist::AllToAllOp>(*op))
      return op.emitError("exchanges what the halves of the batch would have to exchange with other ranks; compile "
                          "with --batch-halves off");
    SmallVector<Type> types;
    for (auto [i, type] : llvm::enumerate(op->getResultTypes())) {
      auto tensor = cast<RankedTensorType>(type);
      SmallVector<int64_t> shape(tensor.getShape());
      if (cut)
        shape[cut[i]] *= 2;
      types.push_back(tensor.clone(shape));
    }
    OperationState state(op.getLoc(), op->getName(), values, types, op->getAttrs());
    state.attributes.set("axes", others);
    Operation *among = builder.create(state);
    values.assign(among->result_begin(), among->result_end());
  }
  for (auto [i, result] : llvm::enumerate(op->getResults())) {
    if (!cut) {
      result.replaceAllUsesWith(values[i]);
      continue;
    }
    auto part = cast<RankedTensorType>(result.getType());
    SmallVector<int64_t> offsets(part.getRank(), 0);
    for (Value &half : halves[result]) {
      half = e.slice(values[i], offsets, part.getShape());
      offsets[cut[i]] = part.getDimSize(cut[i]);
    }
  }
  return success();
}

/// An op over the axis of the halves, and perhaps over others, which are major.
LogicalResult Unrolling::lower(Operation &op, ArrayAttr others) {
  OpBuilder builder(&op);
  Build e{builder, op.getLoc()};
  if (auto collective = dyn_cast<dist::CollectiveOpInterface>(op))
    return combine(collective, others);
  Halves values;
  if (auto index = dyn_cast<dist::AxisIndexOp>(op)) {
    auto type = cast<RankedTensorType>(index.getType());
    Value major = others.empty() ? Value() : dist::AxisIndexOp::create(builder, op.getLoc(), type, others).getResult();
    for (int64_t half = 0; half < 2; ++half) {
      Value at = e.splat(type, static_cast<double>(half));
      values[half] = major ? e.add(e.mul(major, e.splat(type, 2)), at) : at;
    }
  } else {
    auto slice = cast<dist::LocalSliceOp>(op);
    auto part = cast<RankedTensorType>(slice.getType());
    int64_t dim = slice.getDim();
    SmallVector<int64_t> shape(part.getShape()), offsets(part.getRank(), 0);
    shape[dim] *= 2;
    Value both = slice.getInput();
    if (!others.empty())
      both = dist::LocalSliceOp::create(builder, op.getLoc(), part.clone(shape), both, dim, others);
    for (Value &half : values) {
      half = e.slice(both, offsets, part.getShape());
      offsets[dim] = part.getDimSize(dim);
    }
  }
  halves[op.getResult(0)] = values;
  return success();
}

LogicalResult Unrolling::run() {
  Block &body = function.getBody().front();
  for (BlockArgument argument : body.getArguments())
    join(argument);
  function.setType(FunctionType::get(function.getContext(), body.getArgumentTypes(), function.getResultTypes()));
  SmallVector<Operation *> ops, replaced;
  for (Operation &op : body)
    ops.push_back(&op);
  for (Operation *op : ops) {
    if (std::optional<ArrayAttr> others = otherAxes(*op)) {
      if (failed(lower(*op, *others)))
        return failure();
      replaced.push_back(op);
      continue;
    }
    if (!varies(*op))
      continue;
    // The slices of arguments read these as they are.
    if (isa<SliceOp>(op) && isa<BlockArgument>(op->getOperand(0)) &&
        llvm::is_contained(of(op->getOperand(0)), op->getResult(0)))
      continue;
    if (isa<WriteOp>(op) || op->hasTrait<OpTrait::IsTerminator>())
      return op->emitError("needs a value that differs between the halves of the batch; compile with "
                           "--batch-halves off");
    clone(*op);
    replaced.push_back(op);
  }
  for (Operation *op : llvm::reverse(replaced))
    op->erase();
  return success();
}

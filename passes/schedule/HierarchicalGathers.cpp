//===- HierarchicalGathers.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/weft/Build.h"
#include "dialects/weft/SymbolAttrs.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/Passes.h"

namespace weft {
#define GEN_PASS_DEF_HIERARCHICALGATHERS
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using dist::Mesh;

namespace {

/// An axis in two: `within` of its ranks, one after another, are on each of `across` nodes.
struct SplitAxis {
  std::string name, acrossName, withinName;
  int64_t across, within;
};

struct HierarchicalGathers : weft::impl::HierarchicalGathersBase<HierarchicalGathers> {
  using Base::Base;
  void runOnOperation() override;

private:
  std::optional<SplitAxis> splitOf(const Mesh &mesh, int64_t axis) const;
  /// A parameter or state whose parts two axes would lay elsewhere than the one does, or null.
  Operation *findMoved(const Mesh &mesh, const SplitAxis &split);
  /// A list of axes with the split ones in two.
  ArrayAttr renamed(ArrayAttr names) const;
  Attribute renamed(Attribute attr) const;
  void rename(Operation *op) const;
  void splitGather(dist::AllGatherOp gather, const SplitAxis &axis);

  SmallVector<SplitAxis> splits;
  /// Bytes that a rank gets from other nodes in each task, in one gather and in two.
  double flat = 0, split = 0;
};

} // namespace

std::optional<SplitAxis> HierarchicalGathers::splitOf(const Mesh &mesh, int64_t axis) const {
  // Ranks along the axis are as far apart as the axes behind it have ranks.
  int64_t apart = 1;
  for (int64_t other : llvm::reverse(mesh.order)) {
    if (other == axis)
      break;
    apart *= mesh.sizes[other];
  }
  int64_t size = mesh.sizes[axis];
  if (ranksPerNode % apart != 0)
    return std::nullopt;
  int64_t within = ranksPerNode / apart;
  if (within <= 1 || within >= size || size % within != 0)
    return std::nullopt;
  const std::string &name = mesh.axes[axis];
  return SplitAxis{name, name + "_across", name + "_within", size / within, within};
}

Operation *HierarchicalGathers::findMoved(const Mesh &mesh, const SplitAxis &split) {
  int64_t axis = mesh.indexOf(split.name);
  for (Operation &op : *getOperation().getBody()) {
    auto attr = op.getAttrOfType<dist::ShardingAttr>(dist::shardingAttr);
    auto whole = op.getAttrOfType<DenseI64ArrayAttr>(wholeShapeAttr);
    if (!attr || !whole)
      continue;
    dist::Sharding stored = *dist::fromAttr(mesh, attr);
    if (stored[axis] < 0)
      continue;
    // Nodes take their parts one after another: what a node's ranks round up would lie between those of two nodes.
    SmallVector<int64_t> axes = stored.axesOf(stored[axis]);
    SmallVector<int64_t> sizes = stored.sizesOf(mesh, stored[axis], whole[stored[axis]]);
    int64_t size = sizes[llvm::find(axes, axis) - axes.begin()];
    if (size % mesh.sizes[axis] != 0 && llvm::divideCeil(size, split.across) % split.within != 0)
      return &op;
  }
  return nullptr;
}

ArrayAttr HierarchicalGathers::renamed(ArrayAttr names) const {
  SmallVector<Attribute> list;
  auto add = [&](StringRef name) { list.push_back(StringAttr::get(names.getContext(), name)); };
  for (Attribute attr : names) {
    auto name = dyn_cast<StringAttr>(attr);
    const auto *found =
        name ? llvm::find_if(splits, [&](const SplitAxis &s) { return s.name == name.getValue(); }) : splits.end();
    if (found == splits.end()) {
      list.push_back(attr);
      continue;
    }
    add(found->acrossName);
    add(found->withinName);
  }
  return ArrayAttr::get(names.getContext(), list);
}

Attribute HierarchicalGathers::renamed(Attribute attr) const {
  auto sharding = dyn_cast<dist::ShardingAttr>(attr);
  if (!sharding)
    return attr;
  SmallVector<Attribute> dims;
  for (Attribute dim : sharding.getDims())
    dims.push_back(renamed(cast<ArrayAttr>(dim)));
  return dist::ShardingAttr::get(attr.getContext(), ArrayAttr::get(attr.getContext(), dims),
                                 renamed(sharding.getUnreduced()));
}

void HierarchicalGathers::rename(Operation *op) const {
  if (Attribute sharding = op->getAttr(dist::shardingAttr))
    op->setAttr(dist::shardingAttr, renamed(sharding));
  if (auto axes = op->getAttrOfType<ArrayAttr>("axes"); axes && isa<dist::DistDialect>(op->getDialect()))
    op->setAttr("axes", renamed(axes));
  auto function = dyn_cast<func::FuncOp>(op);
  for (unsigned i = 0, count = function ? function.getNumArguments() : 0; i < count; ++i)
    if (Attribute sharding = function.getArgAttr(i, dist::shardingAttr))
      function.setArgAttr(i, dist::shardingAttr, renamed(sharding));
}

/// Of the parts of all ranks, [across, within, part], each rank first gets those of its counterparts on other nodes,
/// and then what the others of its node got.
void HierarchicalGathers::splitGather(dist::AllGatherOp gather, const SplitAxis &axis) {
  OpBuilder b(gather);
  Build e{b, gather.getLoc()};
  auto list = [&](const std::string &name) { return b.getStrArrayAttr({StringRef(name)}); };
  auto gatherAlong = [&](ArrayRef<Value> inputs, ArrayRef<int64_t> dims, int64_t ranks, const std::string &name) {
    SmallVector<Type> types;
    for (auto [input, dim] : llvm::zip_equal(inputs, dims)) {
      SmallVector<int64_t> shape(tensorType(input).getShape());
      shape[dim] *= ranks;
      types.push_back(tensorType(input).clone(shape));
    }
    auto op = dist::AllGatherOp::create(b, gather.getLoc(), TypeRange(types), ValueRange(inputs), dims, list(name));
    if (Attribute region = gather->getAttr(dist::regionAttr))
      op->setAttr(dist::regionAttr, region);
    return SmallVector<Value>(op.getResults());
  };
  SmallVector<Value> parts(gather.getInputs());
  SmallVector<Value> across = gatherAlong(parts, gather.getDims(), axis.across, axis.acrossName), nodes;
  SmallVector<int64_t> inner;
  for (auto [value, part, dim] : llvm::zip_equal(across, parts, gather.getDims())) {
    double bytes = static_cast<double>(tensorBytes(tensorType(part)));
    flat += bytes * static_cast<double>(axis.across * axis.within - axis.within);
    split += bytes * static_cast<double>(axis.across - 1);
    SmallVector<int64_t> shape(tensorType(part).getShape());
    shape.insert(shape.begin() + dim, axis.across);
    nodes.push_back(e.reshape(value, shape));
    inner.push_back(dim + 1);
  }
  SmallVector<Value> whole = gatherAlong(nodes, inner, axis.within, axis.withinName);
  for (auto [value, result] : llvm::zip_equal(whole, gather.getResults()))
    result.replaceAllUsesWith(e.reshape(value, tensorType(result).getShape()));
  gather.erase();
  ++numGathers;
}

void HierarchicalGathers::runOnOperation() {
  ModuleOp module = getOperation();
  Mesh mesh = dist::meshOf(module);
  if (ranksPerNode < 0) {
    module.emitError("a node has no fewer ranks than one");
    return signalPassFailure();
  }
  if (ranksPerNode == 0 || mesh.getNumAxes() == 0 || ranksPerNode >= mesh.getNumRanks())
    return;
  if (mesh.getNumRanks() % ranksPerNode != 0) {
    module.emitError() << mesh.getNumRanks() << " ranks are not whole nodes of " << ranksPerNode.getValue()
                       << "; choose --ranks-per-node N with N a divisor of them";
    return signalPassFailure();
  }
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (std::optional<SplitAxis> found = splitOf(mesh, axis))
      splits.push_back(*found);
  // Only what is gathered is worth two axes.
  llvm::erase_if(splits, [&](const SplitAxis &axis) {
    return !module
                .walk([&](dist::AllGatherOp gather) {
                  return gather.getAxes().size() == 1 && cast<StringAttr>(gather.getAxes()[0]).getValue() == axis.name
                             ? WalkResult::interrupt()
                             : WalkResult::advance();
                })
                .wasInterrupted();
  });
  llvm::erase_if(splits, [&](const SplitAxis &axis) {
    Operation *moved = findMoved(mesh, axis);
    if (moved)
      moved->emitRemark("'") << SymbolTable::getSymbolName(moved).getValue() << "' has padding that parts of "
                             << axis.across << " nodes would have in their midst: gathers over '" << axis.name
                             << "' stay in one, across nodes and within";
    return moved != nullptr;
  });
  if (splits.empty())
    return;
  auto meshOp = *module.getOps<dist::MeshOp>().begin();
  SmallVector<int64_t> sizes;
  for (auto [name, size] : llvm::zip_equal(mesh.axes, mesh.sizes)) {
    const auto *found = llvm::find_if(splits, [&](const SplitAxis &s) { return s.name == name; });
    if (found == splits.end()) {
      sizes.push_back(size);
    } else {
      sizes.push_back(found->across);
      sizes.push_back(found->within);
    }
  }
  meshOp.setSizes(sizes);
  meshOp.setAxesAttr(renamed(meshOp.getAxes()));
  if (ArrayAttr order = meshOp.getOrderAttr())
    meshOp.setOrderAttr(renamed(order));
  SmallVector<std::pair<dist::AllGatherOp, const SplitAxis *>> gathers;
  module.walk([&](Operation *op) {
    if (op == meshOp)
      return;
    if (auto gather = dyn_cast<dist::AllGatherOp>(op); gather && gather.getAxes().size() == 1)
      for (const SplitAxis &axis : splits)
        if (cast<StringAttr>(gather.getAxes()[0]).getValue() == axis.name)
          gathers.push_back({gather, &axis});
    rename(op);
  });
  for (auto [gather, axis] : gathers)
    splitGather(gather, *axis);
  for (const SplitAxis &axis : splits)
    meshOp.emitRemark() << "'" << axis.name << "' spans " << axis.across << " nodes of " << axis.within
                        << " of its ranks: gathers go across nodes first, then within; over all tasks a rank gets "
                        << static_cast<int64_t>(split) << " bytes from other nodes instead of "
                        << static_cast<int64_t>(flat);
}

//===- WorkspaceBounds.cpp - Workspaces that targets share ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/WorkspaceBounds.h"
#include "dialects/exec/CollectiveCalls.h"
#include "weft/copy_collective.h"
#include "weft/device_collective.h"

using namespace mlir;
using namespace weft;

/// A collective as the runtime sees it; of a reduction's operation nothing here depends.
static CollectiveDesc describe(StringRef kind, int64_t ranks, Type tensor, ArrayRef<int64_t> outer,
                               ArrayRef<int64_t> middle, ArrayRef<int64_t> inner) {
  CollectiveDesc desc;
  desc.kind = kind == "all_reduce"       ? CollectiveKind::AllReduce
              : kind == "all_gather"     ? CollectiveKind::AllGather
              : kind == "reduce_scatter" ? CollectiveKind::ReduceScatter
                                         : CollectiveKind::AllToAll;
  desc.elementBytes = elementBytes(cast<ShapedType>(tensor).getElementType());
  int64_t split = desc.kind == CollectiveKind::AllReduce ? 1 : ranks;
  for (auto [o, m, i] : llvm::zip_equal(outer, middle, inner))
    desc.members.push_back({o, split, m, i});
  return desc;
}

static CollectiveDesc describe(Operation *op, const exec::CollectiveShape &shape) {
  return describe(shape.kind, shape.ranks, op->getOperand(0).getType(), shape.outer, shape.middle, shape.inner);
}

int64_t weft::collectiveWorkspaceBytes(Operation *op) {
  exec::CollectiveShape shape = exec::CollectiveShape::of(op);
  return collectiveScratchBytes(describe(op, shape), shape.ranks);
}

int64_t weft::deviceCollectiveWorkspaceBytes(Operation *op, bool copies) {
  exec::CollectiveShape shape = exec::CollectiveShape::of(op);
  CollectiveDesc desc = describe(op, shape);
  int64_t bytes = deviceCollectiveScratchBytes(desc, shape.ranks);
  return copies ? std::max(bytes, copyScratchBytes(desc, shape.ranks)) : bytes;
}

/// Whether the ranks along `axes` are of one node, if consecutive ranks share one.
static bool isOnOneNode(const dist::Mesh &mesh, ArrayRef<int64_t> axes, int64_t ranksPerNode) {
  int64_t apart = 1;
  for (int64_t axis : llvm::reverse(mesh.order)) {
    int64_t size = mesh.sizes[axis];
    if (llvm::is_contained(axes, axis) && size > 1 && ranksPerNode % (apart * size) != 0)
      return false;
    apart *= size;
  }
  return true;
}

CopyChoice weft::copyChoiceOf(Operation *op, int64_t ranksPerNode, const StepRates &rates) {
  exec::CollectiveShape shape = exec::CollectiveShape::of(op);
  CollectiveDesc desc = describe(op, shape);
  dist::Mesh mesh = dist::meshOf(op->getParentOfType<ModuleOp>());
  int64_t world = 1;
  for (int64_t size : mesh.sizes)
    world *= size;
  // Without a word about nodes: those of GPUs have eight, or all ranks are on one.
  int64_t node = ranksPerNode > 0 ? ranksPerNode : world <= 8 ? world : 8;
  Type element = cast<RankedTensorType>(op->getOperand(0).getType()).getElementType();
  bool reduces = desc.kind == CollectiveKind::ReduceScatter;
  CopyChoice choice;
  choice.possible = canCopy(desc, shape.ranks) && isOnOneNode(mesh, dist::axesOf(mesh, shape.axes), node) &&
                    (!reduces || isa<FloatType>(element) || element.getIntOrFloatBitWidth() >= 32);
  choice.blockBytes = copyBlockBytes(desc);
  double others = static_cast<double>(shape.ranks - 1);
  double sent = others * static_cast<double>(choice.blockBytes) / rates.linkBytesPerSecond;
  choice.ncclSeconds = rates.collectiveSeconds + sent;
  // Words for each rank, copies for each rank, and for what is reduced a kernel that reads all parts and writes one.
  double pieces = choice.possible ? others * static_cast<double>(countCopies(desc, shape.ranks).copies) : 0;
  choice.copySeconds = rates.collectiveSeconds + others * rates.wordSeconds + pieces * rates.copySeconds + sent;
  if (reduces)
    choice.copySeconds += (others + 2) * static_cast<double>(choice.blockBytes) / rates.bytesPerSecond;
  return choice;
}

bool weft::isCollective(Operation *op) { return isa<dist::DistDialect>(op->getDialect()); }

CopyGraph weft::copyGraphOf(exec::CollectiveOp call) {
  int64_t ranks = call.getRanks();
  CollectiveDesc desc = describe(call.getKind(), ranks, call.getInputs().front().getType(), call.getOuter(),
                                 call.getMiddle(), call.getInner());
  CopyCounts counts = countCopies(desc, ranks);
  // Of what is not reduced, its own block too.
  int64_t receivers = desc.kind == CollectiveKind::ReduceScatter ? ranks - 1 : ranks;
  return {counts.copies * receivers + counts.reductions, copiesFork(desc, ranks)};
}

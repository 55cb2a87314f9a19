//===- WorkspaceBounds.cpp - Workspaces that targets share ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/WorkspaceBounds.h"
#include "dialects/exec/CollectiveCalls.h"
#include "weft/device_collective.h"

using namespace mlir;
using namespace weft;

/// The collective of `op` as the runtime sees it.
static CollectiveDesc describe(Operation *op, const exec::CollectiveShape &shape) {
  CollectiveDesc desc;
  desc.kind = shape.kind == "all_reduce"       ? CollectiveKind::AllReduce
              : shape.kind == "all_gather"     ? CollectiveKind::AllGather
              : shape.kind == "reduce_scatter" ? CollectiveKind::ReduceScatter
                                               : CollectiveKind::AllToAll;
  desc.elementBytes = elementBytes(cast<RankedTensorType>(op->getOperand(0).getType()).getElementType());
  for (auto [outer, middle, inner] : llvm::zip_equal(shape.outer, shape.middle, shape.inner))
    desc.members.push_back({outer, desc.kind == CollectiveKind::AllReduce ? 1 : shape.ranks, middle, inner});
  return desc;
}

int64_t weft::collectiveWorkspaceBytes(Operation *op) {
  exec::CollectiveShape shape = exec::CollectiveShape::of(op);
  return collectiveScratchBytes(describe(op, shape), shape.ranks);
}

int64_t weft::deviceCollectiveWorkspaceBytes(Operation *op) {
  exec::CollectiveShape shape = exec::CollectiveShape::of(op);
  return deviceCollectiveScratchBytes(describe(op, shape), shape.ranks);
}

bool weft::isCollective(Operation *op) { return isa<dist::DistDialect>(op->getDialect()); }

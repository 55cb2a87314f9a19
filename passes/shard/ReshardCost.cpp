//===- ReshardCost.cpp - What it costs to hold a tensor in another way -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/ReshardCost.h"
#include "compiler/plan/Plan.h"

using namespace mlir;
using namespace weft;
using dist::Mesh;
using dist::Sharding;

StringRef weft::reshardKind(int8_t from, int8_t to) {
  if (from == to || from == Sharding::Whole || to == Sharding::Unreduced)
    return "";
  if (from == Sharding::Unreduced)
    return to == Sharding::Whole ? "all_reduce" : "reduce_scatter";
  return to == Sharding::Whole ? "all_gather" : "all_to_all";
}

double weft::reshardBytes(double bytes, int64_t ranks, int8_t from, int8_t to) {
  StringRef kind = reshardKind(from, to);
  if (kind.empty())
    return 0;
  // Both sides of an all-to-all are parts.
  return bytesSent(kind, kind == "all_to_all" ? bytes / static_cast<double>(ranks) : bytes, ranks);
}

StepCost weft::reshardCost(double bytes, int64_t ranks, int8_t from, int8_t to, const StepRates &rates) {
  if (reshardKind(from, to).empty())
    return {};
  double sent = reshardBytes(bytes, ranks, from, to);
  return {sent, rates.collectiveSeconds + sent / rates.linkBytesPerSecond};
}

static_assert(kHeldWhole == Sharding::Whole && kHeldUnreduced == Sharding::Unreduced);

ReshardMesh weft::reshardMeshOf(const Mesh &mesh) {
  return {{mesh.sizes.begin(), mesh.sizes.end()}, {mesh.order.begin(), mesh.order.end()}, mesh.indexOf(dist::halfAxis)};
}

HeldAs weft::heldAs(const Sharding &sharding) { return {sharding.axes.begin(), sharding.axes.end()}; }

Sharding weft::shardingOf(const HeldAs &held) {
  Sharding sharding;
  sharding.axes.assign(held.begin(), held.end());
  return sharding;
}

double weft::bytesBeside(const Mesh &mesh, Value value, const Sharding &sharding, int64_t axis) {
  auto bytes = static_cast<double>(tensorBytes(cast<RankedTensorType>(value.getType())));
  for (auto [other, how] : llvm::enumerate(sharding.axes))
    if (how >= 0 && static_cast<int64_t>(other) != axis)
      bytes /= static_cast<double>(mesh.sizes[other]);
  return bytes;
}

//===- ReshardCost.h - What it costs to hold a tensor in another way -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_RESHARDCOST_H
#define WEFT_PASSES_SHARD_RESHARDCOST_H

#include "compiler/plan/CheapestReshards.h"
#include "dialects/dist/Dist.h"
#include "passes/schedule/StepRates.h"

namespace weft {

/// What one rank sends, and how long that or anything else takes it.
struct StepCost {
  double bytes = 0, seconds = 0;

  StepCost &operator+=(const StepCost &other) {
    bytes += other.bytes;
    seconds += other.seconds;
    return *this;
  }
};

/// The collective by which a tensor that is held as `from` on one axis becomes held as `to`: the table of
/// docs/partitioning.md. Empty where nothing is sent.
llvm::StringRef reshardKind(int8_t from, int8_t to);

/// Bytes that one rank sends so that a tensor is held in another way on one axis of `ranks`, if it has `bytes` where it
/// is whole on it.
double reshardBytes(double bytes, int64_t ranks, int8_t from, int8_t to);

/// The same, with the time it takes.
StepCost reshardCost(double bytes, int64_t ranks, int8_t from, int8_t to, const StepRates &rates);

/// A mesh and a sharding in terms of the search for the cheapest reshards.
ReshardMesh reshardMeshOf(const dist::Mesh &mesh);
HeldAs heldAs(const dist::Sharding &sharding);
dist::Sharding shardingOf(const HeldAs &held);

/// Bytes that a rank has of a tensor if one axis leaves it whole, and the others cut it as `sharding` says.
double bytesBeside(const dist::Mesh &mesh, mlir::Value value, const dist::Sharding &sharding, int64_t axis);

} // namespace weft

#endif // WEFT_PASSES_SHARD_RESHARDCOST_H

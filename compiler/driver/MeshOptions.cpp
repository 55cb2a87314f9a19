//===- MeshOptions.cpp - What --mesh and its like ask for -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/MeshOptions.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/plan/Placement.h"

using namespace weft;

std::optional<MeshChoice> weft::chooseMesh(const CompileOptions &options) {
  MeshChoice choice;
  std::string why;
  std::optional<Degrees> degrees = Degrees::parse(options.mesh, /*world=*/0, why);
  if (!degrees) {
    reportError("--mesh: " + why);
    return std::nullopt;
  }
  std::optional<Placement> placement = Placement::create(options.placement, *degrees, why);
  if (!placement) {
    reportError("--placement: " + why);
    return std::nullopt;
  }
  for (auto [name, degree] : {std::pair("pp", degrees->pipeline), {"cp", degrees->context}, {"ep", degrees->expert}})
    if (degree > 1) {
      reportError(std::string("--mesh: this version cuts models along dp, shard and tp, not along ") + name);
      return std::nullopt;
    }
  PartitionOptions &partition = choice.partition;
  partition.tp = degrees->tensor;
  // Without ZeRO nothing is sharded among data-parallel ranks: all are replicas.
  partition.shard = options.zero > 0 ? degrees->shardSize() : 1;
  partition.replica = degrees->data / partition.shard;
  if (options.zero > 0 && partition.shard == 1) {
    reportError("--zero " + std::to_string(options.zero) + " has no data-parallel ranks to shard over",
                "give --mesh a dp of 2 or more, or leave --zero out");
    return std::nullopt;
  }
  if (degrees->shard > 1 && options.zero == 0) {
    reportError("--mesh has shard=" + std::to_string(degrees->shard) + ", but nothing is sharded",
                "--zero 1, 2 or 3 says what is");
    return std::nullopt;
  }
  if (options.sequenceParallel && partition.tp == 1) {
    reportError("--sequence-parallel on has no ranks to cut the sequence over", "give --mesh a tp of 2 or more");
    return std::nullopt;
  }
  for (char letter : placement->letters()) {
    if (letter == 'D') {
      partition.order.push_back("replica");
      partition.order.push_back("shard");
    } else if (letter == 'T') {
      partition.order.push_back("tp");
    }
  }
  partition.zero = options.zero;
  partition.persistence = options.persistence;
  partition.sequenceParallel = options.sequenceParallel;
  partition.explain = options.explain;
  if (partition.getNumRanks() > 1)
    choice.placement = placement->letters();
  return choice;
}

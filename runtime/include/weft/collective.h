//===- collective.h - Collectives as both sides see them --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shared by the compiler, which plans scratch memory, and the runtime, which
// uses it: both see the same sizes. docs/communication.md is the specification.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COLLECTIVE_H
#define WEFT_COLLECTIVE_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace weft {

/// What the ranks of a group do together. With n ranks, and p the place of this one:
///   AllReduce      [outer*middle*inner] in and out, which may be the same memory.
///   AllGather      in [outer, inner], out [outer, n, inner].
///   ReduceScatter  in [outer, n, inner], out [outer, inner]: the sum of the blocks p.
///   AllToAll       in [outer, n, middle, inner], out [outer, middle, n, inner]: block j goes to rank j, which has it
///   at
///                  place p of its own n.
enum class CollectiveKind { AllReduce, AllGather, ReduceScatter, AllToAll };

/// How values of several ranks become one.
enum class ReduceOperation { Sum, Max, Min, Product };

/// The sizes of one tensor of a collective, in elements.
struct CollectiveMember {
  int64_t outer = 1, split = 1, middle = 1, inner = 1;
};

/// One grouped call: all members move together.
struct CollectiveDesc {
  CollectiveKind kind = CollectiveKind::AllReduce;
  ReduceOperation reduce = ReduceOperation::Sum;
  int64_t elementBytes = 4;
  std::vector<CollectiveMember> members;
};

/// An all-reduce of at most so many bytes exchanges whole vectors, in one hop instead of two.
inline constexpr int64_t kDirectReduceBytes = 4096;

/// Pieces of blocks lie at multiples of it in scratch memory.
inline constexpr int64_t kCollectiveAlignment = 64;

/// Exchanges that are under way at once, each with scratch memory of its own.
inline constexpr int64_t kCollectiveDepth = 2;

/// Elements of member `member` that one rank sends to another, at most, or gives to its own reduction.
inline int64_t collectiveBlockElements(const CollectiveDesc &desc, const CollectiveMember &member, int64_t ranks) {
  int64_t whole = member.outer * member.middle * member.inner;
  if (desc.kind != CollectiveKind::AllReduce)
    return whole;
  return (whole + ranks - 1) / ranks;
}

/// Elements of all members of an all-reduce.
inline int64_t collectiveElements(const CollectiveDesc &desc) {
  int64_t count = 0;
  for (const CollectiveMember &member : desc.members)
    count += member.outer * member.middle * member.inner;
  return count;
}

/// Whether the whole vectors of an all-reduce are exchanged.
inline bool isDirectReduce(const CollectiveDesc &desc) {
  return desc.kind == CollectiveKind::AllReduce && collectiveElements(desc) * desc.elementBytes <= kDirectReduceBytes;
}

/// Bytes that two ranks exchange in one round, and so the size of one part of the scratch memory.
inline int64_t collectiveRoundBytes(const CollectiveDesc &desc, int64_t ranks) {
  constexpr int64_t kMost = int64_t(1) << 20, kLeast = int64_t(1) << 16;
  int64_t bytes = 0;
  for (const CollectiveMember &member : desc.members) {
    int64_t elements = isDirectReduce(desc) ? member.outer * member.middle * member.inner
                                            : collectiveBlockElements(desc, member, ranks);
    bytes += (elements * desc.elementBytes + kCollectiveAlignment - 1) / kCollectiveAlignment * kCollectiveAlignment;
  }
  int64_t share = 2 * kMost / std::max<int64_t>(ranks - 1, 1) / kCollectiveAlignment * kCollectiveAlignment;
  return std::min(bytes, std::max(kLeast, std::min(kMost, share)));
}

/// Whether blocks are packed before they are sent.
inline bool packsCollective(const CollectiveDesc &desc) {
  if (desc.kind != CollectiveKind::ReduceScatter && desc.kind != CollectiveKind::AllToAll)
    return false;
  for (const CollectiveMember &member : desc.members)
    if (member.outer > 1)
      return true;
  return false;
}

/// Whether blocks are received into scratch memory: to be reduced, or put to their places.
inline bool unpacksCollective(const CollectiveDesc &desc) {
  if (desc.kind == CollectiveKind::AllReduce || desc.kind == CollectiveKind::ReduceScatter)
    return true;
  for (const CollectiveMember &member : desc.members)
    if (member.outer > 1 || (desc.kind == CollectiveKind::AllToAll && member.middle > 1))
      return true;
  return false;
}

/// Bytes of scratch memory that a call among `ranks` ranks needs. Aligned to 64 bytes, and bounded whatever the
/// members: larger blocks move in rounds.
inline int64_t collectiveScratchBytes(const CollectiveDesc &desc, int64_t ranks) {
  if (ranks <= 1)
    return 0;
  // What is received from each peer, what is packed for each, and this rank's own packed block.
  int64_t parts = (unpacksCollective(desc) ? ranks - 1 : 0) + (packsCollective(desc) ? ranks : 0);
  return kCollectiveDepth * parts * collectiveRoundBytes(desc, ranks);
}

} // namespace weft

#endif // WEFT_COLLECTIVE_H

//===- copy_collective.h - Collectives by copy engines ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shared by the compiler, which decides what copy engines carry and plans
// scratch memory, and the runtime, which moves the bytes: both see the same
// rounds. docs/communication.md, "By copy engines", is the specification.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COPY_COLLECTIVE_H
#define WEFT_COPY_COLLECTIVE_H

#include "weft/collective.h"

namespace weft {

/// Bytes that a rank receives in one round of a reduction, from all others together.
inline constexpr int64_t kCopyRoundBytes = int64_t(32) << 20;
/// Rounds that are under way at once, each with scratch memory of its own.
inline constexpr int64_t kCopyDepth = 2;
/// What this rank reads and writes of its own memory beside the copies to others is worth a stream of its own from so
/// many bytes for each rank of the group on: a third branch costs a graph 5 microseconds for each rank
/// (docs/performance.md).
inline constexpr int64_t kCopyAsideBytes = int64_t(20) << 20;
/// Rows at least so wide are copied each by itself: a copy in two dimensions may run on multiprocessors.
inline constexpr int64_t kCopyWideRow = int64_t(1) << 20;
/// Parts begin at multiples of it, in scratch memory and within a row.
inline constexpr int64_t kCopyAlignment = 256;
/// The most ranks of a group: each is a peer whose memory is mapped.
inline constexpr int64_t kCopyRanks = 32;

/// Rows of one member's block, or a part of one row, that are reduced in one round: `width` elements from `start` on in
/// each of `rows` rows. In scratch memory they lie dense from `offset` on, behind where the sender's begin.
struct CopyPart {
  size_t member = 0;
  int64_t row = 0, rows = 0, start = 0, width = 0;
  int64_t offset = 0;
};
using CopyRound = std::vector<CopyPart>;

/// The rounds of a reduce-scatter.
struct CopyRounds {
  std::vector<CopyRound> rounds;
  int64_t slotBytes = 0; ///< of one sender in one round
};

inline CopyRounds planCopyRounds(const CollectiveDesc &desc, int64_t ranks, int64_t roundBytes = kCopyRoundBytes) {
  CopyRounds plan;
  int64_t most = roundBytes / std::max<int64_t>(ranks - 1, 1) / kCopyAlignment * kCopyAlignment, used = most;
  for (size_t i = 0; i < desc.members.size(); ++i) {
    const CollectiveMember &member = desc.members[i];
    int64_t inner = member.middle * member.inner;
    for (int64_t row = 0, start = 0; inner > 0 && row < member.outer;) {
      if (used >= most) {
        plan.rounds.emplace_back();
        used = 0;
      }
      int64_t free = (most - used) / desc.elementBytes;
      CopyPart part{i, row, 1, start, std::min(inner - start, free), used};
      if (start == 0 && free >= inner) {
        part.rows = std::min(member.outer - row, free / inner);
        row += part.rows;
      } else {
        // What is free is a multiple of the alignment: the rest of the row begins where a part may.
        start += part.width;
        if (start == inner) {
          start = 0;
          ++row;
        }
      }
      plan.rounds.back().push_back(part);
      used += (part.rows * part.width * desc.elementBytes + kCopyAlignment - 1) / kCopyAlignment * kCopyAlignment;
      plan.slotBytes = std::max(plan.slotBytes, used);
    }
  }
  return plan;
}

/// Bytes of scratch memory that copy engines need for a call among `ranks` ranks: what is reduced arrives there.
inline int64_t copyScratchBytes(const CollectiveDesc &desc, int64_t ranks) {
  if (desc.kind != CollectiveKind::ReduceScatter || ranks <= 1)
    return 0;
  CopyRounds plan = planCopyRounds(desc, ranks);
  return std::min<int64_t>(kCopyDepth, static_cast<int64_t>(plan.rounds.size())) * (ranks - 1) * plan.slotBytes;
}

/// Bytes that a rank sends to each other one.
inline int64_t copyBlockBytes(const CollectiveDesc &desc) { return collectiveElements(desc) * desc.elementBytes; }

/// Copies of a box of rows that lie a pitch apart on one side at least.
inline int64_t copiesOfRows(int64_t rows, int64_t width) { return rows > 1 && width >= kCopyWideRow ? rows : 1; }

/// Copies that a rank makes to each other one, and of a reduction the kernels that add up what arrives.
struct CopyCounts {
  int64_t copies = 0, reductions = 0;
};

inline CopyCounts countCopies(const CollectiveDesc &desc, int64_t ranks, int64_t roundBytes = kCopyRoundBytes) {
  CopyCounts count;
  if (desc.kind == CollectiveKind::ReduceScatter) {
    for (const CopyRound &round : planCopyRounds(desc, ranks, roundBytes).rounds)
      for (const CopyPart &part : round) {
        count.copies += copiesOfRows(part.rows, part.width * desc.elementBytes);
        ++count.reductions;
      }
    return count;
  }
  for (const CollectiveMember &member : desc.members) {
    int64_t width = member.inner * desc.elementBytes;
    count.copies += desc.kind == CollectiveKind::AllToAll ? member.outer * copiesOfRows(member.middle, width)
                                                          : copiesOfRows(member.outer, member.middle * width);
  }
  return count;
}

/// Whether a second stream does what can be done beside the copies to others: this rank's own block is copied, or a
/// round reduced while the next one is under way.
inline bool copiesFork(const CollectiveDesc &desc, int64_t ranks, int64_t roundBytes = kCopyRoundBytes,
                       int64_t asideBytes = kCopyAsideBytes) {
  int64_t beside = 2 * copyBlockBytes(desc);
  if (desc.kind == CollectiveKind::ReduceScatter) {
    CopyRounds plan = planCopyRounds(desc, ranks, roundBytes);
    beside = (static_cast<int64_t>(plan.rounds.size()) - 1) * (ranks + 1) * plan.slotBytes;
  }
  return beside > ranks * asideBytes;
}

/// Whether copy engines can carry a collective at all: all blocks are of one size and go straight to their places, or
/// are reduced in one step.
inline bool canCopy(const CollectiveDesc &desc, int64_t ranks) {
  return desc.kind != CollectiveKind::AllReduce && ranks > 1 && ranks <= kCopyRanks;
}

} // namespace weft

#endif // WEFT_COPY_COLLECTIVE_H

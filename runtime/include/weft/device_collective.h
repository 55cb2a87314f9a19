//===- device_collective.h - Collectives of devices -------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shared by the compiler, which plans scratch memory, and the runtime of a
// device whose library moves dense pieces only: both see the same rounds.
// docs/communication.md, "On GPUs", is the specification.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_COLLECTIVE_H
#define WEFT_DEVICE_COLLECTIVE_H

#include "weft/collective.h"

namespace weft {

/// Scratch memory of a round, unless one row needs more.
inline constexpr int64_t kDeviceRoundBytes = int64_t(32) << 20;

/// Parts of members begin at multiples of it in scratch memory.
inline constexpr int64_t kDevicePartAlignment = 256;

/// Rows of one member that move in one round. A row is one of the `outer` blocks [n, inner]; of an all-to-all with one
/// of them, one of the `middle`. In scratch memory, from `offset` on, rows lie by rank, [n, rows, ...].
struct DevicePart {
  size_t member = 0;
  int64_t firstRow = 0, rows = 0;
  /// Where packed blocks begin in scratch memory; those that are unpacked follow, if there are both.
  int64_t offset = 0;
};

/// How one member of a collective moves.
struct DeviceMove {
  /// Dense pieces that the library moves from and to their places; otherwise rows are packed, unpacked or both.
  bool direct = true, packs = false, unpacks = false;
  int64_t pieces = 1, pieceElements = 0;
  int64_t rows = 0, rowElements = 0;
};

inline DeviceMove deviceMoveOf(const CollectiveDesc &desc, const CollectiveMember &member) {
  DeviceMove move;
  bool exchanges = desc.kind == CollectiveKind::AllToAll;
  if (desc.kind == CollectiveKind::AllReduce) {
    move.pieceElements = member.outer * member.middle * member.inner;
    return move;
  }
  move.pieces = exchanges ? member.outer * member.middle : member.outer;
  move.pieceElements = exchanges ? member.inner : member.middle * member.inner;
  // Each piece costs the library a call of its own: many small ones are packed.
  int64_t bytes = move.pieceElements * desc.elementBytes;
  move.direct = move.pieces == 1 || bytes >= (1 << 20) || (move.pieces <= 16 && bytes >= (1 << 16));
  move.packs = desc.kind != CollectiveKind::AllGather && member.outer > 1;
  move.unpacks = desc.kind != CollectiveKind::ReduceScatter && move.pieces > 1;
  move.rows = member.outer > 1 ? member.outer : member.middle;
  move.rowElements = member.outer > 1 ? member.middle * member.inner : member.inner;
  return move;
}

/// The parts of one round; in the first, direct members move as well.
using DeviceRound = std::vector<DevicePart>;

/// The rounds of a collective among `ranks` ranks, at least one; `scratch` becomes the bytes that they need.
inline std::vector<DeviceRound> planDeviceRounds(const CollectiveDesc &desc, int64_t ranks, int64_t &scratch) {
  std::vector<DeviceRound> rounds(1);
  int64_t used = 0;
  scratch = 0;
  for (size_t i = 0; i < desc.members.size(); ++i) {
    DeviceMove move = deviceMoveOf(desc, desc.members[i]);
    if (move.direct || ranks == 1)
      continue;
    int64_t copies = (move.packs ? 1 : 0) + (move.unpacks ? 1 : 0);
    int64_t bytes = copies * ranks * move.rowElements * desc.elementBytes;
    for (int64_t row = 0; row < move.rows;) {
      int64_t rows = std::min(move.rows - row, (kDeviceRoundBytes - used) / bytes);
      if (rows <= 0 && used > 0) {
        rounds.emplace_back();
        used = 0;
        continue;
      }
      rows = std::max<int64_t>(rows, 1);
      rounds.back().push_back({i, row, rows, used});
      row += rows;
      used = (used + rows * bytes + kDevicePartAlignment - 1) / kDevicePartAlignment * kDevicePartAlignment;
      scratch = std::max(scratch, used);
    }
  }
  return rounds;
}

/// Bytes of scratch memory that a call among `ranks` ranks needs.
inline int64_t deviceCollectiveScratchBytes(const CollectiveDesc &desc, int64_t ranks) {
  int64_t scratch = 0;
  planDeviceRounds(desc, ranks, scratch);
  return scratch;
}

} // namespace weft

#endif // WEFT_DEVICE_COLLECTIVE_H

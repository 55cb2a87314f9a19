//===- RankOrder.h - What ranks do together, in one order -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_RANKORDER_H
#define WEFT_PASSES_SCHEDULE_RANKORDER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// One entry of a rank's program, as far as order goes.
struct RankOp {
  enum Kind {
    Work,   ///< of this rank alone
    Shared, ///< together with the other ranks of a communicator: a collective, or one side of a transfer
    Record, ///< an event, by its stream
    Wait    ///< for an event
  } kind = Work;
  int64_t stream = 0;
  int64_t event = -1; ///< of Record and Wait
  /// Of Shared: which communicator, and what is called. Both sides of a transfer say the same.
  std::string communicator, call;
};

/// What the ranks of one class do: all of them run it. Entries are in the order in which the host gives them to
/// streams.
struct RankProgram {
  std::string name;
  int64_t streams = 1;
  std::vector<RankOp> ops;
};

/// Why ranks would wait for each other, or might.
struct RankFault {
  /// A place in a program.
  struct Place {
    int64_t program = 0, op = 0;
  };
  Place where;
  std::string text;
  /// What it conflicts with, or the rest of a cycle, with a text for each.
  std::vector<std::pair<Place, std::string>> notes;
};

/// Proves that ranks cannot wait for each other in a circle. Holds if
///   - an event is recorded once, before any wait for it;
///   - what one rank shares with others is totally ordered by its streams and events, over all communicators;
///   - the programs that have a communicator make the same calls of it in the same order;
///   - the union of all programs' orders, with calls that belong together taken for one, has no cycle.
/// `communicators` lists the programs that have each communicator. If the classes' graph has no cycle, neither has that
/// of any number of ranks of these classes: a cycle of ranks would be one of their classes. Linear in the number of
/// entries.
std::optional<RankFault> findRankFault(llvm::ArrayRef<RankProgram> programs,
                                       const llvm::StringMap<std::vector<int64_t>> &communicators);

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_RANKORDER_H

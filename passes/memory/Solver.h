//===- Solver.h - Keep, compute again or move away, for the least time -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Numbers only: what the IR means is StepGraph's. docs/memory.md has the model.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_MEMORY_SOLVER_H
#define WEFT_PASSES_MEMORY_SOLVER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace weft {

/// The values of a block about which something can be decided, in the order in which they are computed.
struct BlockProblem {
  struct Value {
    int64_t bytes = 0;
    double seconds = 0;                   ///< to compute it again from `needs` and what is always there
    int64_t call = -1;                    ///< values of one library call have one number: it runs once for all of them
    llvm::SmallVector<int64_t, 4> needs;  ///< indices of earlier values, or of values of the same kernel
    llvm::SmallVector<int64_t, 4> readAt; ///< moments of the backward pass, ascending
    bool canDrop = true;
    bool canOffload = false; ///< may wait in host memory
  };
  /// Copies to and from host memory beside the block: each way takes its time, of which as much shows as the block's
  /// forward or backward pass does not cover, and what it takes from the bandwidth of the device's own memory.
  struct Link {
    double bytesPerSecond = 0; ///< one way; 0: nothing may be offloaded
    double memoryBytesPerSecond = 1;
    double forwardSeconds = 0, backwardSeconds = 0;
  };
  std::vector<Value> values;
  /// Bytes of everything else from one moment to the next: the largest sum of what is alive.
  std::vector<int64_t> others;
  Link link;

  /// The seconds of copies of so many bytes, there and back, that show while `again` seconds are computed again.
  double exposedSeconds(int64_t bytes, double again) const;

  bool operator==(const BlockProblem &other) const;
};

/// What one block may come to. No pattern of a block is better than another in every respect.
struct BlockPattern {
  std::vector<bool> kept;      ///< of values
  std::vector<bool> offloaded; ///< of those, what waits in host memory
  int64_t keptBytes = 0;       ///< in the arena from the forward pass to the block's backward pass
  int64_t offloadedBytes = 0;  ///< in host memory
  int64_t peakBytes = 0;       ///< the most that is alive during its backward pass, values of other blocks left out
  double seconds = 0;          ///< of computing again, and of copies where they show
};

/// All patterns that are worth choosing, by ascending time: exact if at most `maxDecisions` values can be dropped, else
/// the others are kept, and if there are at most `maxSums` sums of bytes that can be offloaded. Of choices that offload
/// the same bytes only one is looked at, since nothing else of them counts.
std::vector<BlockPattern> findPatterns(const BlockProblem &block);

/// The patterns of blocks that were looked at before, by other tasks and for other limits: they depend on neither.
class PatternCache {
public:
  /// What is found stays where it is.
  const std::vector<BlockPattern> &find(BlockProblem problem);

private:
  std::deque<std::pair<BlockProblem, std::vector<BlockPattern>>> known;
};

/// How many values of a block are decided about, and how many amounts of bytes to offload are looked at.
inline constexpr int64_t maxDecisions = 16, maxSums = 256;

/// A block among others: its patterns, and what the peaks of all of them lack.
struct PatternedBlock {
  const std::vector<BlockPattern> *patterns = nullptr;
  int64_t shift = 0;
};

/// A choice for every block.
struct Stitching {
  std::vector<int64_t> pattern; ///< per block: an index into its patterns
  double seconds = 0;
  double bound = 0; ///< no choice that fits takes less
};

/// One pattern for each block, in the order of the forward pass, with the least sum of seconds, so that nowhere more
/// than `limit` bytes are alive: while the backward pass is at a block, what the blocks before it keep, what the
/// `horizon` blocks before it have offloaded, since that is on its way back, and its own peak; before it reaches the
/// last block, what all keep and `headBytes`. None if nothing is found. The bound leaves out what is on its way back.
std::optional<Stitching> stitch(llvm::ArrayRef<PatternedBlock> blocks, int64_t headBytes, int64_t limit,
                                int64_t horizon = 0);

} // namespace weft

#endif // WEFT_PASSES_MEMORY_SOLVER_H

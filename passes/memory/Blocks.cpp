//===- Blocks.cpp - Repeated blocks of a forward pass ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/StepGraph.h"
#include <algorithm>
#include <numeric>

using namespace mlir;
using namespace weft;

/// No block of people's models has more kernels and calls than this.
static constexpr int64_t longestBlock = 1024;

llvm::BitVector weft::keepBetween(const StepGraph &graph, ArrayRef<StepBlock> blocks) {
  ArrayRef<ForwardValue> values = graph.getValues();
  SmallVector<int64_t> blockOf(graph.getUnits().size(), -1);
  for (auto [b, block] : llvm::enumerate(blocks))
    for (int64_t unit = block.begin; unit < block.end; ++unit)
      blockOf[unit] = b;
  llvm::BitVector kept(values.size()), crossing(values.size());
  for (auto [i, value] : llvm::enumerate(values)) {
    int64_t block = blockOf[value.unit];
    if (value.isPinned || (value.isRead && block < 0))
      kept.set(i);
    for (int64_t need : value.needs)
      if (blockOf[values[need].unit] >= 0 && blockOf[values[need].unit] != block)
        crossing.set(need);
  }
  kept |= crossing;
  // Of what crosses, a result that its own kernel computes from others that cross need not be kept: a norm of the
  // residual stream beside the stream.
  for (int64_t i = static_cast<int64_t>(values.size()) - 1; i >= 0; --i) {
    if (!crossing.test(i) || values[i].isPinned || values[i].isCall)
      continue;
    kept.reset(i);
    SmallVector<int64_t> work{i};
    llvm::SmallDenseSet<int64_t, 8> seen{i};
    bool isFree = true;
    while (!work.empty() && isFree) {
      int64_t at = work.pop_back_val();
      for (int64_t need : values[at].needs) {
        if (kept.test(need) || !seen.insert(need).second)
          continue;
        isFree &= values[need].unit == values[i].unit;
        work.push_back(need);
      }
    }
    if (!isFree)
      kept.set(i);
  }
  return kept;
}

/// The units that inputs of the step have a part in, as indices. What is made of parameters alone is no part of a
/// block's pattern: gathers of stored parts, and what takes off their padding, stand where buckets put them, and the
/// mesh says what there is of them.
static SmallVector<int64_t> unitsOfInputs(const StepGraph &graph) {
  SmallVector<int64_t> units;
  llvm::SmallDenseSet<Operation *> known;
  for (auto [i, op] : llvm::enumerate(graph.getUnits()))
    if (llvm::any_of(op->getOperands(), [&](Value operand) {
          Value stored = storedValue(operand);
          return isa<BlockArgument>(stored) || known.contains(stored.getDefiningOp());
        })) {
      known.insert(op);
      units.push_back(i);
    }
  return units;
}

std::vector<StepBlock> weft::findBlocks(const StepGraph &graph) {
  SmallVector<int64_t> units = unitsOfInputs(graph);
  SmallVector<llvm::hash_code> hashes;
  for (int64_t unit : units)
    hashes.push_back(StepGraph::hashOf(graph.getUnits()[unit]));
  int64_t count = hashes.size();
  SmallVector<int64_t> lastReader(graph.getUnits().size(), -1);
  for (const ForwardValue &value : graph.getValues())
    for (int64_t need : value.needs)
      lastReader[graph.getValues()[need].unit] = std::max(lastReader[graph.getValues()[need].unit], value.unit);
  // A block has what is prepared right ahead of it for it alone.
  auto blockOf = [&](int64_t first, int64_t last) {
    int64_t begin = units[first], end = units[last - 1] + 1, behind = first == 0 ? 0 : units[first - 1] + 1;
    while (begin > behind && lastReader[begin - 1] < end)
      --begin;
    return StepBlock{begin, end};
  };

  // The period that covers most; of those that cover nearly as much, the shortest: twice a period is one, too.
  struct Run {
    int64_t period = 0, begin = 0, length = 0; ///< ops that equal the one a period later
    int64_t covered() const { return (length + period) / period * period; }
  };
  std::vector<Run> runs;
  int64_t most = 0;
  for (int64_t period = 1; period <= std::min(count / 2, longestBlock); ++period) {
    Run best{period, 0, 0};
    for (int64_t begin = 0; begin + period < count;) {
      int64_t end = begin;
      while (end + period < count && hashes[end] == hashes[end + period])
        ++end;
      if (end - begin > best.length)
        best = {period, begin, end - begin};
      begin = end + 1;
    }
    if (best.length < period)
      continue;
    runs.push_back(best);
    most = std::max(most, best.covered());
  }
  auto chosen = llvm::find_if(runs, [&](const Run &run) { return 10 * run.covered() >= 9 * most; });
  if (chosen == runs.end())
    return {};
  int64_t period = chosen->period;
  auto isLikeNext = [&](int64_t begin) {
    int64_t same = 0;
    for (int64_t i = std::max<int64_t>(begin, 0); i < begin + period; ++i)
      same += hashes[i] == hashes[i + period];
    return 2 * same >= period;
  };

  // Where in the period a block begins: where keeping what crosses takes the fewest bytes.
  std::vector<StepBlock> best;
  int64_t bestBytes = INT64_MAX;
  for (int64_t phase = 0; phase < period; ++phase) {
    std::vector<StepBlock> blocks;
    int64_t begin = chosen->begin + phase, end = chosen->begin + chosen->length + period;
    // The first block often differs by what the embedding leaves in it, the last by what follows.
    if (begin > 0 && begin + period <= end && isLikeNext(begin - period))
      blocks.push_back(blockOf(std::max<int64_t>(begin - period, 0), begin));
    for (; begin + period <= end; begin += period)
      blocks.push_back(blockOf(begin, begin + period));
    // What differs behind the last block is the head's.
    int64_t tail = begin;
    while (tail < std::min(begin + period, count) && hashes[tail] == hashes[tail - period])
      ++tail;
    if (2 * (tail - begin) >= period)
      blocks.push_back(blockOf(begin, tail));
    llvm::BitVector kept = keepBetween(graph, blocks);
    int64_t bytes = 0;
    for (int64_t i : kept.set_bits())
      bytes += graph.getValues()[i].bytes;
    if (bytes < bestBytes) {
      bestBytes = bytes;
      best = std::move(blocks);
    }
  }
  return best;
}

/// Units of a part: few enough for every choice within it to be looked at.
static constexpr int64_t shortestPart = 6, longestPart = 12;

std::vector<StepBlock> weft::cutIntoParts(const StepGraph &graph) {
  int64_t count = graph.getUnits().size();
  ArrayRef<ForwardValue> values = graph.getValues();
  std::vector<int64_t> lastNeed(values.size(), -1), crossing(count + 1);
  for (const ForwardValue &user : values)
    for (int64_t need : user.needs)
      lastNeed[need] = std::max(lastNeed[need], user.unit);
  // Before which units a value is alive that others behind are computed from.
  for (auto [value, last] : llvm::zip_equal(values, lastNeed))
    if (last > value.unit && !value.isPinned) {
      crossing[value.unit + 1] += value.bytes;
      crossing[last + 1] -= value.bytes;
    }
  std::partial_sum(crossing.begin(), crossing.end(), crossing.begin());
  std::vector<StepBlock> parts;
  for (int64_t begin = 0; begin < count;) {
    int64_t end = count;
    if (count - begin > longestPart)
      end = std::min_element(crossing.begin() + begin + shortestPart, crossing.begin() + begin + longestPart + 1) -
            crossing.begin();
    parts.push_back({begin, end});
    begin = end;
  }
  return parts;
}

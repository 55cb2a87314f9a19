//===- Solver.cpp - Keep or compute again, for the least time in a budget -===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/Solver.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <limits>
#include <tuple>

using namespace weft;

/// Steps in which kept bytes are counted when blocks are stitched.
static constexpr int64_t quanta = 8192;

bool BlockProblem::operator==(const BlockProblem &other) const {
  return others == other.others && values.size() == other.values.size() &&
         llvm::equal(values, other.values, [](const Value &a, const Value &b) {
           return a.bytes == b.bytes && a.seconds == b.seconds && a.call == b.call && a.needs == b.needs &&
                  a.readAt == b.readAt && a.canDrop == b.canDrop;
         });
}

namespace {

/// Evaluates patterns of one block.
class Evaluator {
public:
  explicit Evaluator(const BlockProblem &block)
      : block(block), count(block.values.size()), moments(block.others.size()), wanted(count), first(count),
        last(count) {}

  BlockPattern evaluate(const std::vector<bool> &kept) {
    BlockPattern pattern;
    pattern.kept = kept;
    for (int64_t i = 0; i < count; ++i) {
      const auto &readAt = block.values[i].readAt;
      wanted[i] = !readAt.empty() && !kept[i];
      first[i] = readAt.empty() ? moments : readAt.front();
      last[i] = readAt.empty() ? -1 : readAt.back();
    }
    // Who computes a value reads what it needs, at that moment. Needs come before, but for results of one kernel, whose
    // order is not that of needing: until nothing changes.
    for (bool changed = true; changed;) {
      changed = false;
      for (int64_t i = count - 1; i >= 0; --i) {
        if (!wanted[i])
          continue;
        for (int64_t need : block.values[i].needs) {
          bool computes = !kept[need] && !wanted[need];
          changed |= computes || first[i] < first[need] || first[i] > last[need];
          if (computes)
            wanted[need] = true;
          first[need] = std::min(first[need], first[i]);
          last[need] = std::max(last[need], first[i]);
        }
      }
    }
    int64_t lastCall = -1;
    for (int64_t i = 0; i < count; ++i) {
      const BlockProblem::Value &value = block.values[i];
      if (kept[i] && last[i] >= 0)
        pattern.keptBytes += value.bytes;
      if (!wanted[i] || (value.call >= 0 && value.call == lastCall))
        continue;
      if (value.call >= 0)
        lastCall = value.call;
      pattern.seconds += value.seconds;
    }
    for (int64_t moment = 0; moment < moments; ++moment) {
      int64_t bytes = block.others[moment];
      for (int64_t i = 0; i < count; ++i)
        if (last[i] >= moment && (kept[i] || (wanted[i] && first[i] <= moment)))
          bytes += block.values[i].bytes;
      pattern.peakBytes = std::max(pattern.peakBytes, bytes);
    }
    return pattern;
  }

private:
  const BlockProblem &block;
  int64_t count, moments;
  std::vector<char> wanted;
  std::vector<int64_t> first, last;
};

} // namespace

std::vector<BlockPattern> weft::findPatterns(const BlockProblem &block) {
  std::vector<int64_t> decided;
  for (auto [i, value] : llvm::enumerate(block.values))
    if (value.canDrop)
      decided.push_back(i);
  llvm::stable_sort(decided, [&](int64_t a, int64_t b) { return block.values[a].bytes > block.values[b].bytes; });
  if (static_cast<int64_t>(decided.size()) > maxDecisions)
    decided.resize(maxDecisions);
  Evaluator evaluator(block);
  std::vector<BlockPattern> all, best;
  for (uint64_t dropped = 0; dropped < uint64_t{1} << decided.size(); ++dropped) {
    std::vector<bool> kept(block.values.size(), true);
    for (auto [bit, value] : llvm::enumerate(decided))
      kept[value] = !(dropped >> bit & 1);
    // A value that nobody reads is only worth keeping as a place to start from; it costs bytes all the same.
    all.push_back(evaluator.evaluate(kept));
  }
  llvm::stable_sort(all, [](const BlockPattern &a, const BlockPattern &b) {
    return std::tie(a.seconds, a.keptBytes, a.peakBytes) < std::tie(b.seconds, b.keptBytes, b.peakBytes);
  });
  for (BlockPattern &pattern : all)
    if (llvm::none_of(best, [&](const BlockPattern &other) {
          return other.keptBytes <= pattern.keptBytes && other.peakBytes <= pattern.peakBytes;
        }))
      best.push_back(std::move(pattern));
  return best;
}

/// The least seconds of a choice in which kept bytes are rounded to quanta, up or down; the choice itself in `pattern`.
static std::optional<double> solve(llvm::ArrayRef<PatternedBlock> blocks, int64_t headBytes, int64_t limit,
                                   bool roundUp, std::vector<int64_t> &pattern) {
  constexpr double never = std::numeric_limits<double>::infinity();
  int64_t quantum = std::max<int64_t>(1, (limit + quanta - 1) / quanta);
  auto rounded = [&](int64_t bytes) { return roundUp ? (bytes + quantum - 1) / quantum : bytes / quantum; };
  int64_t states = limit / quantum + 1;
  std::vector<double> least(states, never), next;
  std::vector<std::vector<int32_t>> choice(blocks.size(), std::vector<int32_t>(states, -1));
  least[0] = 0;
  for (auto [b, block] : llvm::enumerate(blocks)) {
    next.assign(states, never);
    for (int64_t before = 0; before < states; ++before) {
      if (least[before] == never)
        continue;
      for (auto [p, candidate] : llvm::enumerate(*block.patterns)) {
        if (before * quantum + candidate.peakBytes + block.shift > limit)
          continue;
        int64_t after = before + rounded(candidate.keptBytes);
        if (after >= states || least[before] + candidate.seconds >= next[after])
          continue;
        next[after] = least[before] + candidate.seconds;
        choice[b][after] = p;
      }
    }
    std::swap(least, next);
  }
  int64_t end = -1;
  for (int64_t state = 0; state < states; ++state)
    if (state * quantum + headBytes <= limit && least[state] < never && (end < 0 || least[state] < least[end]))
      end = state;
  if (end < 0)
    return std::nullopt;
  double seconds = least[end];
  pattern.assign(blocks.size(), 0);
  for (int64_t b = static_cast<int64_t>(blocks.size()) - 1; b >= 0; --b) {
    pattern[b] = choice[b][end];
    end -= rounded((*blocks[b].patterns)[pattern[b]].keptBytes);
  }
  return seconds;
}

std::optional<Stitching> weft::stitch(llvm::ArrayRef<PatternedBlock> blocks, int64_t headBytes, int64_t limit) {
  Stitching result;
  std::optional<double> seconds = solve(blocks, headBytes, limit, /*roundUp=*/true, result.pattern);
  if (!seconds)
    return std::nullopt;
  result.seconds = *seconds;
  std::vector<int64_t> ignored;
  result.bound = *solve(blocks, headBytes, limit, /*roundUp=*/false, ignored);
  return result;
}

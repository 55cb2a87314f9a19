//===- Solver.cpp - Keep, compute again or move away, for the least time --===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/memory/Solver.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>

using namespace weft;

/// Steps in which kept bytes are counted when blocks are stitched.
static constexpr int64_t quanta = 8192;

bool BlockProblem::operator==(const BlockProblem &other) const {
  auto parts = [](const Link &link) {
    return std::tie(link.bytesPerSecond, link.memoryBytesPerSecond, link.forwardSeconds, link.backwardSeconds);
  };
  return parts(link) == parts(other.link) && others == other.others && values.size() == other.values.size() &&
         llvm::equal(values, other.values, [](const Value &a, const Value &b) {
           return a.bytes == b.bytes && a.seconds == b.seconds && a.call == b.call && a.needs == b.needs &&
                  a.readAt == b.readAt && a.canDrop == b.canDrop && a.canOffload == b.canOffload;
         });
}

double BlockProblem::exposedSeconds(int64_t bytes, double again) const {
  if (bytes == 0)
    return 0;
  double copy = static_cast<double>(bytes) / link.bytesPerSecond;
  return 2 * static_cast<double>(bytes) / link.memoryBytesPerSecond + std::max(0.0, copy - link.forwardSeconds) +
         std::max(0.0, copy - link.backwardSeconds - again);
}

const std::vector<BlockPattern> &PatternCache::find(BlockProblem problem) {
  auto found = llvm::find_if(known, [&](const auto &entry) { return entry.first == problem; });
  if (found != known.end())
    return found->second;
  std::vector<BlockPattern> patterns = findPatterns(problem);
  return known.emplace_back(std::move(problem), std::move(patterns)).second;
}

namespace {

/// What a choice comes to: sets of values as bits.
struct Choice {
  double seconds;
  int64_t keptBytes, peakBytes, offloadedBytes;
  uint64_t dropped, offloaded;
};

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
    waiting.clear();
    for (int64_t i = 0; i < count; ++i) {
      const BlockProblem::Value &value = block.values[i];
      if (kept[i] && last[i] >= 0 && value.canOffload)
        waiting.push_back(i);
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

  /// Of the pattern evaluated last: values that are there until the backward pass and could be offloaded.
  llvm::ArrayRef<int64_t> getWaiting() const { return waiting; }

private:
  const BlockProblem &block;
  int64_t count, moments;
  llvm::SmallVector<int64_t> waiting;
  std::vector<char> wanted;
  std::vector<int64_t> first, last;
};

} // namespace

/// Leaves the choices that no other is better than in every respect, by ascending time.
static void prune(std::vector<Choice> &choices) {
  auto key = [](const Choice &c) {
    return std::tie(c.seconds, c.keptBytes, c.peakBytes, c.offloadedBytes, c.dropped, c.offloaded);
  };
  llvm::sort(choices, [&](const Choice &a, const Choice &b) { return key(a) < key(b); });
  std::vector<Choice> best;
  for (const Choice &choice : choices)
    if (llvm::none_of(llvm::reverse(best), [&](const Choice &other) {
          return other.keptBytes <= choice.keptBytes && other.peakBytes <= choice.peakBytes &&
                 other.offloadedBytes <= choice.offloadedBytes;
        }))
      best.push_back(choice);
  choices = std::move(best);
}

namespace {

/// All that the values of a block may be, and the few that are worth it.
class Enumeration {
public:
  explicit Enumeration(const BlockProblem &block) : block(block), evaluator(block) {
    auto larger = [&](int64_t a, int64_t b) { return block.values[a].bytes > block.values[b].bytes; };
    for (auto [i, value] : llvm::enumerate(block.values)) {
      if (value.canDrop)
        decided.push_back(i);
      if (value.canOffload && block.link.bytesPerSecond > 0)
        movable.push_back(i);
    }
    llvm::stable_sort(decided, larger);
    llvm::stable_sort(movable, larger);
    decided.resize(std::min<size_t>(decided.size(), maxDecisions));
    movable.resize(std::min<size_t>(movable.size(), 64));
    placeOf.assign(block.values.size(), -1);
    for (auto [place, value] : llvm::enumerate(movable))
      placeOf[value] = place;
  }

  std::vector<BlockPattern> run() {
    std::vector<Choice> choices;
    for (uint64_t dropped = 0; dropped < uint64_t{1} << decided.size(); ++dropped) {
      addChoices(dropped, choices);
      if (choices.size() > mostChoices)
        prune(choices);
    }
    prune(choices);
    std::vector<BlockPattern> patterns;
    for (const Choice &choice : choices)
      patterns.push_back(patternOf(choice));
    return patterns;
  }

private:
  /// Choices that are collected before those that are not worth it are taken out.
  static constexpr size_t mostChoices = 1 << 18;

  std::vector<bool> keptWithout(uint64_t dropped) const {
    // A value that nobody reads is only worth keeping as a place to start from; it costs bytes all the same.
    std::vector<bool> kept(block.values.size(), true);
    for (auto [bit, value] : llvm::enumerate(decided))
      kept[value] = !(dropped >> bit & 1);
    return kept;
  }

  /// What is dropped, with every sum of bytes that can be offloaded of the rest.
  void addChoices(uint64_t dropped, std::vector<Choice> &choices) {
    BlockPattern pattern = evaluator.evaluate(keptWithout(dropped));
    sums.assign(1, {0, 0});
    for (int64_t value : evaluator.getWaiting()) {
      int64_t place = placeOf[value];
      if (place < 0 || 2 * sums.size() > static_cast<size_t>(maxSums))
        continue;
      size_t count = sums.size();
      for (size_t i = 0; i < count; ++i)
        sums.push_back({sums[i].first + block.values[value].bytes, sums[i].second | uint64_t{1} << place});
      llvm::sort(sums);
      sums.erase(std::unique(sums.begin(), sums.end(), [](auto &a, auto &b) { return a.first == b.first; }),
                 sums.end());
    }
    for (auto [bytes, offloaded] : sums)
      choices.push_back({pattern.seconds + block.exposedSeconds(bytes, pattern.seconds), pattern.keptBytes - bytes,
                         pattern.peakBytes, bytes, dropped, offloaded});
  }

  BlockPattern patternOf(const Choice &choice) const {
    BlockPattern pattern;
    pattern.kept = keptWithout(choice.dropped);
    pattern.offloaded.assign(block.values.size(), false);
    for (auto [place, value] : llvm::enumerate(movable))
      pattern.offloaded[value] = choice.offloaded >> place & 1;
    pattern.keptBytes = choice.keptBytes;
    pattern.offloadedBytes = choice.offloadedBytes;
    pattern.peakBytes = choice.peakBytes;
    pattern.seconds = choice.seconds;
    return pattern;
  }

  const BlockProblem &block;
  Evaluator evaluator;
  llvm::SmallVector<int64_t> decided, movable, placeOf;
  std::vector<std::pair<int64_t, uint64_t>> sums; ///< bytes, and values that come to them
};

} // namespace

std::vector<BlockPattern> weft::findPatterns(const BlockProblem &block) { return Enumeration(block).run(); }

/// The least seconds of a choice in which kept bytes are rounded to quanta, up or down; the choice itself in `pattern`.
static std::optional<double> solve(llvm::ArrayRef<PatternedBlock> blocks, int64_t headBytes, int64_t limit,
                                   bool roundUp, int64_t horizon, bool offloads, std::vector<int64_t> &pattern) {
  constexpr double never = std::numeric_limits<double>::infinity();
  int64_t quantum = std::max<int64_t>(1, (limit + quanta - 1) / quanta);
  auto rounded = [&](int64_t bytes) { return roundUp ? (bytes + quantum - 1) / quantum : bytes / quantum; };
  int64_t states = limit / quantum + 1;
  std::vector<double> least(states, never), next;
  std::vector<std::vector<int32_t>> choice(blocks.size(), std::vector<int32_t>(states, -1));
  // What the last blocks of the best way to each state have offloaded, the latest first.
  std::vector<int64_t> away(states * horizon, 0), nextAway;
  least[0] = 0;
  for (auto [b, block] : llvm::enumerate(blocks)) {
    next.assign(states, never);
    nextAway.assign(away.size(), 0);
    for (int64_t before = 0; before < states; ++before) {
      if (least[before] == never)
        continue;
      const int64_t *recent = away.data() + before * horizon;
      int64_t room = limit - before * quantum - block.shift - std::accumulate(recent, recent + horizon, int64_t{0});
      for (auto [p, candidate] : llvm::enumerate(*block.patterns)) {
        if (candidate.peakBytes > room || (candidate.offloadedBytes > 0 && !offloads))
          continue;
        int64_t after = before + rounded(candidate.keptBytes);
        if (after >= states || least[before] + candidate.seconds >= next[after])
          continue;
        next[after] = least[before] + candidate.seconds;
        choice[b][after] = p;
        if (horizon == 0)
          continue;
        int64_t *latest = nextAway.data() + after * horizon;
        std::copy(recent, recent + horizon - 1, latest + 1);
        latest[0] = candidate.offloadedBytes;
      }
    }
    std::swap(least, next);
    std::swap(away, nextAway);
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

std::optional<Stitching> weft::stitch(llvm::ArrayRef<PatternedBlock> blocks, int64_t headBytes, int64_t limit,
                                      int64_t horizon) {
  Stitching result;
  std::vector<int64_t> ignored;
  std::optional<double> seconds =
      solve(blocks, headBytes, limit, /*roundUp=*/true, horizon, /*offloads=*/true, result.pattern);
  // The best way to a state may have more on its way back than the next block has room for: then another that has
  // nothing is better.
  if (horizon > 0)
    if (std::optional<double> without =
            solve(blocks, headBytes, limit, /*roundUp=*/true, /*horizon=*/0, /*offloads=*/false, ignored);
        without && (!seconds || *without < *seconds)) {
      seconds = without;
      result.pattern = ignored;
    }
  if (!seconds)
    return std::nullopt;
  result.seconds = *seconds;
  result.bound = *solve(blocks, headBytes, limit, /*roundUp=*/false, /*horizon=*/0, /*offloads=*/true, ignored);
  return result;
}

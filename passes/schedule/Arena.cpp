//===- Arena.cpp - Offsets for buffers with lifetimes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The skyline is the best-fit heuristic of Sekiyama, Imamichi, Imai and
// Raymond, "Profile-guided memory optimization for deep neural networks"
// (2018), with an index that makes a step of it logarithmic.
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/Arena.h"
#include "passes/schedule/Target.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include <cmath>
#include <map>
#include <numeric>
#include <set>

using namespace llvm;
using namespace weft;

Target::~Target() = default;

/// Up to this many buffers, a placement that misses the bound is searched for a better one.
static constexpr size_t searchedBuffers = 4000;
/// Placements that the search tries from one order.
static constexpr int searchRounds = 48;

namespace {

/// A buffer with an aligned size, over compressed steps.
struct Item {
  int64_t size = 0;
  int32_t first = 0, last = 0;
  int64_t offset = 0;
};

/// Of the items within an interval of steps, the one with the largest key: a k-d tree over (first, last), where items
/// can be removed. Of equal keys the first item.
class ContainedItems {
public:
  ContainedItems(const std::vector<Item> &items, std::vector<double> keys)
      : items(items), keys(std::move(keys)), order(items.size()), leafOf(items.size()), removed(items.size()) {
    std::iota(order.begin(), order.end(), 0);
    if (!items.empty())
      build(0, items.size(), 0, -1);
    for (int64_t node = static_cast<int64_t>(nodes.size()) - 1; node >= 0; --node)
      refresh(nodes[node]);
  }

  void remove(int32_t item) {
    removed[item] = true;
    for (int32_t node = leafOf[item]; node >= 0; node = nodes[node].parent)
      refresh(nodes[node]);
  }

  /// -1 if nothing that is left lies within [first, last].
  int32_t find(int32_t first, int32_t last) const {
    Best best;
    if (!nodes.empty())
      search(nodes[0], first, last, best);
    return best.item;
  }

private:
  static constexpr int32_t leafSize = 8;

  struct Best {
    double key = -1;
    int32_t item = -1;
    bool isBeatenBy(double otherKey, int32_t other) const {
      return other >= 0 && (otherKey > key || (otherKey == key && other < item));
    }
  };
  struct Node {
    int32_t minFirst = INT32_MAX, maxFirst = INT32_MIN, minLast = INT32_MAX, maxLast = INT32_MIN;
    int32_t low = 0, high = 0; ///< its items in `order`
    int32_t parent = -1, left = -1, right = -1;
    Best best;
  };

  int32_t build(int32_t low, int32_t high, int depth, int32_t parent) {
    int32_t index = nodes.size();
    nodes.emplace_back();
    Node node;
    node.low = low, node.high = high, node.parent = parent;
    for (int32_t i = low; i < high; ++i) {
      const Item &item = items[order[i]];
      node.minFirst = std::min(node.minFirst, item.first);
      node.maxFirst = std::max(node.maxFirst, item.first);
      node.minLast = std::min(node.minLast, item.last);
      node.maxLast = std::max(node.maxLast, item.last);
    }
    if (high - low > leafSize) {
      int32_t middle = low + (high - low) / 2;
      auto key = [&](int32_t item) { return std::pair(depth % 2 ? items[item].last : items[item].first, item); };
      std::nth_element(order.begin() + low, order.begin() + middle, order.begin() + high,
                       [&](int32_t a, int32_t b) { return key(a) < key(b); });
      node.left = build(low, middle, depth + 1, index);
      node.right = build(middle, high, depth + 1, index);
    } else {
      for (int32_t i = low; i < high; ++i)
        leafOf[order[i]] = index;
    }
    nodes[index] = node;
    return index;
  }

  void refresh(Node &node) {
    node.best = {};
    if (node.left >= 0) {
      for (int32_t child : {node.left, node.right})
        if (const Best &best = nodes[child].best; node.best.isBeatenBy(best.key, best.item))
          node.best = best;
      return;
    }
    for (int32_t i = node.low; i < node.high; ++i)
      if (int32_t item = order[i]; !removed[item] && node.best.isBeatenBy(keys[item], item))
        node.best = {keys[item], item};
  }

  void search(const Node &node, int32_t first, int32_t last, Best &best) const {
    if (!best.isBeatenBy(node.best.key, node.best.item) || node.maxFirst < first || node.minLast > last)
      return;
    if (node.minFirst >= first && node.maxLast <= last) {
      best = node.best;
      return;
    }
    if (node.left < 0) {
      for (int32_t i = node.low; i < node.high; ++i) {
        int32_t item = order[i];
        if (!removed[item] && items[item].first >= first && items[item].last <= last &&
            best.isBeatenBy(keys[item], item))
          best = {keys[item], item};
      }
      return;
    }
    const Node *a = &nodes[node.left], *b = &nodes[node.right];
    if (b->best.key > a->best.key)
      std::swap(a, b);
    search(*a, first, last, best);
    search(*b, first, last, best);
  }

  const std::vector<Item> &items;
  std::vector<double> keys;
  std::vector<int32_t> order, leafOf;
  std::vector<bool> removed;
  std::vector<Node> nodes;
};

/// The height up to which each step is filled: segments of equal height.
class Skyline {
public:
  explicit Skyline(int32_t steps) {
    segments[0] = {steps - 1, 0};
    lowest.insert({0, 0});
  }

  using Segments = std::map<int32_t, std::pair<int32_t, int64_t>>; ///< first step -> (last step, height)

  /// The lowest segment, the first of equals.
  Segments::iterator bottom() { return segments.find(lowest.begin()->second); }

  /// Fills steps [first, last] of a segment by `size`.
  void fill(Segments::iterator at, int32_t first, int32_t last, int64_t size) {
    auto [start, end, height] = std::tuple(at->first, at->second.first, at->second.second);
    erase(at);
    if (start < first)
      insert(start, first - 1, height);
    if (last < end)
      insert(last + 1, end, height);
    mergeWithNeighbours(insert(first, last, height + size));
  }

  /// Raises a segment to its lower neighbour: nothing fits on it.
  void raise(Segments::iterator at) {
    int64_t height = INT64_MAX;
    if (at != segments.begin())
      height = std::prev(at)->second.second;
    if (auto next = std::next(at); next != segments.end())
      height = std::min(height, next->second.second);
    auto [start, end] = std::pair(at->first, at->second.first);
    erase(at);
    mergeWithNeighbours(insert(start, end, height));
  }

private:
  Segments::iterator insert(int32_t first, int32_t last, int64_t height) {
    lowest.insert({height, first});
    return segments.insert({first, {last, height}}).first;
  }
  void erase(Segments::iterator at) {
    lowest.erase({at->second.second, at->first});
    segments.erase(at);
  }
  void mergeWithNeighbours(Segments::iterator at) {
    int32_t first = at->first, last = at->second.first;
    int64_t height = at->second.second;
    if (auto next = std::next(at); next != segments.end() && next->second.second == height) {
      last = next->second.first;
      erase(next);
    }
    if (at != segments.begin())
      if (auto previous = std::prev(at); previous->second.second == height) {
        first = previous->first;
        erase(previous);
      }
    if (first == at->first && last == at->second.first)
      return;
    erase(at);
    insert(first, last, height);
  }

  Segments segments;
  std::set<std::pair<int64_t, int32_t>> lowest; ///< (height, first step)
};

/// One placement problem, and the best placement so far.
class Placer {
public:
  explicit Placer(std::vector<Item> given, int64_t bound) : items(std::move(given)), bound(bound) {
    for (const Item &item : items)
      steps = std::max(steps, item.last + 1);
    // Something that is always correct to begin with.
    best = items;
    total = 0;
    for (Item &item : best) {
      item.offset = total;
      total += item.size;
    }
  }

  void run() {
    // A long program has no order that is best everywhere; these three complement each other. Large ones are content
    // with the promised ratio.
    auto isGood = [&] { return total <= bound || (items.size() > searchedBuffers && total <= bound + bound / 64); };
    auto duration = [](const Item &item) { return static_cast<double>(item.last - item.first + 1); };
    bySkyline([](const Item &item) { return static_cast<double>(item.size); });
    if (!isGood())
      bySkyline([&](const Item &item) { return duration(item) * std::sqrt(static_cast<double>(item.size)); });
    if (!isGood())
      bySkyline(duration);
    if (items.size() > searchedBuffers)
      return;
    if (total > bound)
      search(duration);
    if (total > bound)
      search([](const Item &item) { return static_cast<double>(item.size); });
    if (total > bound)
      search([](const Item &item) { return -static_cast<double>(item.offset); });
  }

  std::vector<Item> best;
  int64_t total;

private:
  /// Fills the lowest place, as long as there is one, with the item of the largest key that fits there.
  void bySkyline(function_ref<double(const Item &)> keyOf) {
    std::vector<double> keys;
    for (const Item &item : items)
      keys.push_back(keyOf(item));
    ContainedItems left(items, std::move(keys));
    Skyline skyline(steps);
    int64_t height = 0;
    for (size_t placed = 0; placed < items.size();) {
      auto segment = skyline.bottom();
      int32_t index = left.find(segment->first, segment->second.first);
      if (index < 0) {
        skyline.raise(segment);
        continue;
      }
      Item &item = items[index];
      item.offset = segment->second.second;
      height = std::max(height, item.offset + item.size);
      left.remove(index);
      skyline.fill(segment, item.first, item.last, item.size);
      ++placed;
    }
    keep(height);
  }

  /// Places items in an order, each in the lowest gap; then again, with what stuck out moved forward.
  void search(function_ref<double(const Item &)> keyOf) {
    std::vector<int32_t> order(items.size());
    std::iota(order.begin(), order.end(), 0);
    // Keys of the best placement so far: the order of its offsets is one to start from.
    llvm::stable_sort(order, [&](int32_t a, int32_t b) { return keyOf(best[a]) > keyOf(best[b]); });
    std::vector<double> rank(items.size());
    for (auto [i, index] : llvm::enumerate(order))
      rank[index] = static_cast<double>(items.size() - i);
    for (int round = 0; round < searchRounds && total > bound; ++round) {
      keep(byFirstFit(order));
      for (auto [i, item] : llvm::enumerate(items))
        if (item.offset + item.size >= total)
          rank[i] += static_cast<double>(items.size()) / 4 + 1;
      llvm::stable_sort(order, [&](int32_t a, int32_t b) { return rank[a] > rank[b]; });
    }
  }

  int64_t byFirstFit(ArrayRef<int32_t> order) {
    int64_t height = 0;
    std::vector<std::pair<int64_t, int32_t>> placed; // by offset
    placed.reserve(items.size());
    for (int32_t index : order) {
      Item &item = items[index];
      item.offset = 0;
      for (auto [start, other] : placed) {
        const Item &taken = items[other];
        if (taken.last < item.first || item.last < taken.first)
          continue;
        if (item.offset + item.size <= start)
          break;
        item.offset = std::max(item.offset, start + taken.size);
      }
      std::pair entry(item.offset, index);
      placed.insert(llvm::upper_bound(placed, entry), entry);
      height = std::max(height, item.offset + item.size);
    }
    return height;
  }

  void keep(int64_t height) {
    if (height >= total)
      return;
    total = height;
    best = items;
  }

  std::vector<Item> items;
  int64_t bound;
  int32_t steps = 1;
};

} // namespace

int64_t weft::placeBuffers(MutableArrayRef<Lifetime> buffers, int64_t alignment) {
  // Only the order of starts and ends matters.
  std::vector<int64_t> moments;
  for (const Lifetime &buffer : buffers) {
    moments.push_back(buffer.first);
    moments.push_back(buffer.last);
  }
  llvm::sort(moments);
  moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
  auto compressed = [&](int64_t moment) -> int32_t { return llvm::lower_bound(moments, moment) - moments.begin(); };

  std::vector<Item> items;
  SmallVector<int64_t> indices;
  for (auto [i, buffer] : llvm::enumerate(buffers)) {
    buffer.offset = 0;
    if (buffer.bytes == 0)
      continue;
    items.push_back({alignBuffer(buffer.bytes, alignment), compressed(buffer.first), compressed(buffer.last), 0});
    indices.push_back(i);
  }
  Placer placer(std::move(items), peakLiveBytes(buffers, alignment));
  placer.run();
  for (auto [index, item] : llvm::zip_equal(indices, placer.best))
    buffers[index].offset = item.offset;
  return placer.total;
}

int64_t weft::peakLiveBytes(ArrayRef<Lifetime> buffers, int64_t alignment) {
  // What ends at a step is alive in it.
  std::vector<std::pair<int64_t, int64_t>> changes;
  for (const Lifetime &buffer : buffers) {
    changes.push_back({buffer.first, alignBuffer(buffer.bytes, alignment)});
    changes.push_back({buffer.last + 1, -alignBuffer(buffer.bytes, alignment)});
  }
  llvm::sort(changes);
  int64_t live = 0, peak = 0;
  for (auto [step, bytes] : changes)
    peak = std::max(peak, live += bytes);
  return peak;
}

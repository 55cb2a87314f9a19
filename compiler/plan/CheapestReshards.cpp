//===- CheapestReshards.cpp - The collectives that send the least -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/CheapestReshards.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <queue>
#include <set>

using namespace weft;

using Axes = llvm::SmallVector<int64_t, 4>;

int64_t ReshardMesh::sizeOf(llvm::ArrayRef<int64_t> axes) const {
  int64_t size = 1;
  for (int64_t axis : axes)
    size *= sizes[axis];
  return size;
}

/// The axes that cut a dimension, or on which the tensor is unreduced.
static Axes axesOf(const HeldAs &held, int64_t dim) {
  Axes axes;
  for (auto [axis, how] : llvm::enumerate(held))
    if (how == dim)
      axes.push_back(static_cast<int64_t>(axis));
  return axes;
}

/// How many indices of a dimension of `size` a rank has: an axis of n ranks cuts m into n parts of m / n, rounded up.
static int64_t partOf(const ReshardMesh &mesh, const HeldAs &held, int64_t dim, int64_t size) {
  for (int64_t axis : axesOf(held, dim))
    size = llvm::divideCeil(size, mesh.sizes[axis]);
  return size;
}

llvm::StringRef ReshardStep::name() const {
  constexpr const char *names[] = {"slice", "join", "all_reduce", "reduce_scatter", "all_gather", "all_to_all"};
  return names[kind];
}

namespace {

/// What a sequence of collectives sends: elements times the number of ranks, so that it is whole; collectives; and
/// elements times the distance of the ranks.
struct Cost {
  int64_t sent = 0, steps = 0, far = 0;

  bool operator<(const Cost &other) const {
    return std::tie(sent, steps, far) < std::tie(other.sent, other.steps, other.far);
  }
};

/// Dijkstra's algorithm over the shardings of one tensor.
class Search {
public:
  Search(const ReshardMesh &mesh, const HeldAs &to, llvm::ArrayRef<int64_t> shape)
      : mesh(mesh), to(to), shape(shape), numAxes(static_cast<int64_t>(mesh.sizes.size())) {
    for (int64_t size : mesh.sizes)
      numRanks *= size;
  }

  std::vector<ReshardStep> run(const HeldAs &from);

private:
  struct Node {
    Cost cost;
    ReshardStep step; ///< by which it is reached
  };

  void ofHalves(const HeldAs &now);
  void sums(const HeldAs &now);
  void cuts(const HeldAs &now);
  void gathers(const HeldAs &now);
  void exchanges(const HeldAs &now);

  void free(ReshardStep::Kind kind, int64_t axis, const HeldAs &now, const HeldAs &next) {
    reach({kind, {axis}, 0, now, next});
  }
  void collective(ReshardStep::Kind kind, llvm::ArrayRef<int64_t> axes, int64_t elements, const HeldAs &now,
                  const HeldAs &next) {
    // Each half sends its own, if they differ.
    bool areTwo = mesh.half >= 0 && now[mesh.half] != kHeldWhole;
    reach({kind, llvm::SmallVector<int64_t, 2>(axes), elements * (areTwo ? 2 : 1), now, next});
  }
  void reach(ReshardStep step);

  int64_t part(const HeldAs &held, int64_t dim) const { return partOf(mesh, held, dim, shape[dim]); }
  int64_t held(const HeldAs &held) const {
    int64_t elements = 1;
    for (int64_t dim = 0, rank = static_cast<int64_t>(shape.size()); dim < rank; ++dim)
      elements *= part(held, dim);
    return elements;
  }
  /// Ranks along the axis that varies fastest are the nearest.
  int64_t distance(llvm::ArrayRef<int64_t> axes) const {
    int64_t farthest = 0;
    for (int64_t axis : axes)
      farthest = std::max<int64_t>(farthest, mesh.order.end() - llvm::find(mesh.order, axis));
    return farthest;
  }
  /// Axes cut a dimension in their order: whether one can come behind all that cut it.
  static bool isBehind(const HeldAs &now, int64_t axis, int64_t dim) {
    Axes axes = axesOf(now, dim);
    return axes.empty() || axes.back() < axis;
  }
  /// Whether a dimension of `size` is cut by the axes, or put together, at once: its padding is at its end then.
  bool isOneCut(llvm::ArrayRef<int64_t> axes, int64_t size) const {
    for (auto [i, axis] : llvm::enumerate(axes)) {
      if (i > 0 && size % mesh.sizes[axis] != 0)
        return false;
      size = llvm::divideCeil(size, mesh.sizes[axis]);
    }
    return true;
  }

  const ReshardMesh &mesh;
  const HeldAs &to;
  llvm::ArrayRef<int64_t> shape;
  int64_t numAxes, numRanks = 1;

  using Entry = std::pair<Cost, HeldAs>;
  struct IsLater {
    bool operator()(const Entry &a, const Entry &b) const {
      return b.first < a.first || (!(a.first < b.first) && b.second < a.second);
    }
  };
  std::map<HeldAs, Node> best;
  std::set<HeldAs> done;
  std::priority_queue<Entry, std::vector<Entry>, IsLater> open;
  Cost soFar;
};

} // namespace

void Search::reach(ReshardStep step) {
  int64_t ranks = mesh.sizeOf(step.axes);
  int64_t sent = step.isCollective() ? step.elements * (ranks - 1) * (numRanks / ranks) : 0;
  if (step.kind == ReshardStep::AllReduce)
    sent *= 2;
  Cost total = {soFar.sent + sent, soFar.steps + step.isCollective(), soFar.far + sent * distance(step.axes)};
  auto [node, isNew] = best.try_emplace(step.after);
  if (!isNew && !(total < node->second.cost))
    return;
  open.push({total, step.after});
  node->second = {total, std::move(step)};
}

/// What two halves on one rank make together costs nothing.
void Search::ofHalves(const HeldAs &now) {
  int64_t half = mesh.half;
  if (half < 0 || now[half] == kHeldWhole || (now[half] >= 0 && axesOf(now, now[half]).back() != half))
    return;
  HeldAs next = now;
  next[half] = kHeldWhole;
  free(ReshardStep::Join, half, now, next);
}

/// Sums become whole, on one axis or on several at once.
void Search::sums(const HeldAs &now) {
  Axes summed = axesOf(now, kHeldUnreduced);
  llvm::erase(summed, mesh.half);
  for (unsigned set = 1; set < 1U << summed.size(); ++set) {
    Axes axes;
    HeldAs next = now;
    for (auto [i, axis] : llvm::enumerate(summed))
      if (set >> i & 1) {
        axes.push_back(axis);
        next[axis] = kHeldWhole;
      }
    collective(ReshardStep::AllReduce, axes, held(now), now, next);
  }
}

/// What is whole is sliced, and what is a sum scattered, to what it is in the end.
void Search::cuts(const HeldAs &now) {
  for (int64_t axis = 0; axis < numAxes; ++axis)
    if (int8_t dim = to[axis]; dim >= 0 && now[axis] == kHeldWhole && isBehind(now, axis, dim)) {
      HeldAs next = now;
      next[axis] = dim;
      free(ReshardStep::Slice, axis, now, next);
    }
  for (int64_t dim = 0, rank = static_cast<int64_t>(shape.size()); dim < rank; ++dim) {
    Axes axes;
    HeldAs next = now;
    for (int64_t axis : axesOf(to, dim)) {
      if (axis == mesh.half || now[axis] != kHeldUnreduced || !isBehind(now, axis, dim))
        continue;
      axes.push_back(axis);
      if (!isOneCut(axes, part(now, dim)))
        break;
      next[axis] = static_cast<int8_t>(dim);
      collective(ReshardStep::ReduceScatter, axes, held(next) * mesh.sizeOf(axes), now, next);
    }
  }
}

/// The minor axes of a dimension leave it.
void Search::gathers(const HeldAs &now) {
  for (int64_t dim = 0, rank = static_cast<int64_t>(shape.size()); dim < rank; ++dim) {
    Axes all = axesOf(now, dim);
    HeldAs next = now;
    for (size_t begin = all.size(); begin-- > 0;) {
      llvm::ArrayRef<int64_t> axes = llvm::ArrayRef(all).drop_front(begin);
      next[axes.front()] = kHeldWhole;
      int64_t size = shape[dim];
      for (int64_t axis : llvm::ArrayRef(all).take_front(begin))
        size = llvm::divideCeil(size, mesh.sizes[axis]);
      if (llvm::is_contained(axes, mesh.half) || !isOneCut(axes, size))
        break;
      collective(ReshardStep::AllGather, axes, held(now) * mesh.sizeOf(axes), now, next);
    }
  }
}

/// The last axis of a dimension cuts another one instead.
void Search::exchanges(const HeldAs &now) {
  for (int64_t dim = 0, rank = static_cast<int64_t>(shape.size()); dim < rank; ++dim) {
    Axes axes = axesOf(now, dim);
    if (axes.empty() || axes.back() == mesh.half)
      continue;
    int64_t axis = axes.back();
    if (to[axis] < 0 || to[axis] == dim || !isBehind(now, axis, to[axis]))
      continue;
    HeldAs next = now;
    next[axis] = to[axis];
    // Parts of the new dimension are padded before, and those of the old one lose their padding after.
    int64_t elements = held(now) / part(now, to[axis]) * part(next, to[axis]) * mesh.sizes[axis];
    collective(ReshardStep::AllToAll, {axis}, elements, now, next);
  }
}

std::vector<ReshardStep> Search::run(const HeldAs &from) {
  best[from] = {};
  open.push({{}, from});
  while (!open.empty() && !done.count(to)) {
    auto [cost, now] = open.top();
    open.pop();
    if (!done.insert(now).second)
      continue;
    soFar = cost;
    ofHalves(now);
    sums(now);
    cuts(now);
    gathers(now);
    exchanges(now);
  }
  assert(done.count(to) && "a sharding that cannot be reached");
  std::vector<ReshardStep> steps;
  for (HeldAs now = to; now != from; now = steps.back().before)
    steps.push_back(best[now].step);
  std::reverse(steps.begin(), steps.end());
  return steps;
}

const std::vector<ReshardStep> &CheapestReshards::find(const HeldAs &from, const HeldAs &to,
                                                       llvm::ArrayRef<int64_t> shape) {
  // What is whole, and ends unreduced, is so for nothing at last.
  HeldAs end = to;
  for (auto [how, was] : llvm::zip_equal(end, from))
    if (how == kHeldUnreduced && was != kHeldUnreduced)
      how = kHeldWhole;
  std::vector<int64_t> key(from.begin(), from.end());
  key.insert(key.end(), end.begin(), end.end());
  key.insert(key.end(), shape.begin(), shape.end());
  auto [entry, isNew] = known.try_emplace(key);
  if (isNew)
    entry->second = Search(mesh, end, shape).run(from);
  return entry->second;
}

//===- CheapestReshards.cpp - The collectives that send the least -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/CheapestReshards.h"
#include "compiler/plan/Plan.h"
#include "dialects/dist/Dist.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <functional>
#include <queue>
#include <set>

using namespace weft;
using dist::Mesh;
using dist::Sharding;

llvm::StringRef ReshardStep::name() const {
  constexpr const char *names[] = {"slice", "join", "all_reduce", "reduce_scatter", "all_gather", "all_to_all"};
  return names[kind];
}

CheapestReshards::CheapestReshards(const Mesh &mesh) : mesh(mesh), half(mesh.indexOf(dist::halfAxis)) {}

namespace {

/// What a sequence of collectives sends: elements, collectives, and elements times the distance of the ranks.
struct Cost {
  double sent = 0;
  int64_t steps = 0;
  double far = 0;

  bool operator<(const Cost &other) const {
    return std::tie(sent, steps, far) < std::tie(other.sent, other.steps, other.far);
  }
};

using State = std::vector<int8_t>; ///< the axes of a sharding

} // namespace

/// Dijkstra's algorithm over the shardings of one tensor.
struct CheapestReshards::Search {
  const Mesh &mesh;
  int64_t half;
  const Sharding &to;
  llvm::ArrayRef<int64_t> shape;

  struct Node {
    Cost cost;
    State from;
    ReshardStep step;
  };
  std::map<State, Node> best;
  std::set<State> done;

  static State stateOf(const Sharding &sharding) { return State(sharding.axes.begin(), sharding.axes.end()); }
  static Sharding shardingOf(const State &state) {
    Sharding sharding;
    sharding.axes.assign(state.begin(), state.end());
    return sharding;
  }
  /// What a rank holds of one dimension, and of all.
  int64_t part(const Sharding &sharding, int64_t dim) const { return sharding.sizesOf(mesh, dim, shape[dim]).back(); }
  double held(const Sharding &sharding) const {
    double elements = 1;
    for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim)
      elements *= static_cast<double>(part(sharding, dim));
    return elements;
  }
  /// Each half sends its own, if they differ.
  double halves(const Sharding &sharding) const {
    return half >= 0 && sharding[half] != Sharding::Whole ? 2 : 1;
  }
  /// Ranks along the axis that varies fastest are the nearest.
  int64_t distance(llvm::ArrayRef<int64_t> axes) const {
    int64_t farthest = 0;
    for (int64_t axis : axes)
      farthest = std::max<int64_t>(farthest, mesh.order.end() - llvm::find(mesh.order, axis));
    return farthest;
  }
  /// Axes cut a dimension in the order of the mesh: whether one can come behind all that cut it.
  bool isBehind(const Sharding &now, int64_t axis, int64_t dim) const {
    llvm::SmallVector<int64_t> axes = now.axesOf(static_cast<int8_t>(dim));
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

  std::function<void(ReshardStep step)> reach;

  void free(ReshardStep::Kind kind, int64_t axis, const Sharding &now, const Sharding &next) {
    reach({kind, {axis}, 0, now, next});
  }
  void collective(ReshardStep::Kind kind, llvm::ArrayRef<int64_t> axes, double elements, const Sharding &now,
                  const Sharding &next) {
    reach({kind, llvm::SmallVector<int64_t, 2>(axes), elements * halves(now), now, next});
  }

  void ofHalves(const Sharding &now);
  void sums(const Sharding &now);
  void cuts(const Sharding &now);
  void gathers(const Sharding &now);
  void exchanges(const Sharding &now);
  std::vector<ReshardStep> run(const Sharding &from);
};

/// What two halves on one rank make together costs nothing, nor does taking them apart.
void CheapestReshards::Search::ofHalves(const Sharding &now) {
  if (half < 0 || now[half] == Sharding::Whole)
    return;
  if (now[half] >= 0 && now.axesOf(now[half]).back() != half)
    return;
  Sharding next = now;
  next[half] = Sharding::Whole;
  free(ReshardStep::Join, half, now, next);
}

/// Sums become whole, on one axis or on several at once.
void CheapestReshards::Search::sums(const Sharding &now) {
  llvm::SmallVector<int64_t> open = now.axesOf(Sharding::Unreduced);
  llvm::erase(open, half);
  for (unsigned set = 1; set < 1U << open.size(); ++set) {
    llvm::SmallVector<int64_t> axes;
    Sharding next = now;
    for (auto [i, axis] : llvm::enumerate(open))
      if (set >> i & 1) {
        axes.push_back(axis);
        next[axis] = Sharding::Whole;
      }
    collective(ReshardStep::AllReduce, axes, held(now), now, next);
  }
}

/// What is whole is sliced, and what is a sum scattered, to what it is in the end.
void CheapestReshards::Search::cuts(const Sharding &now) {
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (int8_t dim = to[axis]; dim >= 0 && now[axis] == Sharding::Whole && isBehind(now, axis, dim)) {
      Sharding next = now;
      next[axis] = dim;
      free(ReshardStep::Slice, axis, now, next);
    }
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim) {
    llvm::SmallVector<int64_t> axes;
    Sharding next = now;
    for (int64_t axis : to.axesOf(static_cast<int8_t>(dim))) {
      if (axis == half || now[axis] != Sharding::Unreduced || !isBehind(now, axis, dim))
        continue;
      axes.push_back(axis);
      if (!isOneCut(axes, part(now, dim)))
        break;
      next[axis] = static_cast<int8_t>(dim);
      collective(ReshardStep::ReduceScatter, axes, held(next) * static_cast<double>(mesh.sizeOf(axes)), now, next);
    }
  }
}

/// The minor axes of a dimension leave it.
void CheapestReshards::Search::gathers(const Sharding &now) {
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim) {
    llvm::SmallVector<int64_t> all = now.axesOf(static_cast<int8_t>(dim)), sizes = now.sizesOf(mesh, dim, shape[dim]);
    Sharding next = now;
    for (size_t begin = all.size(); begin-- > 0;) {
      llvm::ArrayRef<int64_t> axes = llvm::ArrayRef(all).drop_front(begin);
      next[axes.front()] = Sharding::Whole;
      if (axes.front() == half || llvm::is_contained(axes, half) || !isOneCut(axes, sizes[begin]))
        break;
      collective(ReshardStep::AllGather, axes, held(now) * static_cast<double>(mesh.sizeOf(axes)), now, next);
    }
  }
}

/// The last axis of a dimension cuts another one instead.
void CheapestReshards::Search::exchanges(const Sharding &now) {
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim) {
    llvm::SmallVector<int64_t> axes = now.axesOf(static_cast<int8_t>(dim));
    if (axes.empty() || axes.back() == half)
      continue;
    int64_t axis = axes.back();
    if (to[axis] < 0 || to[axis] == dim || !isBehind(now, axis, to[axis]))
      continue;
    Sharding next = now;
    next[axis] = to[axis];
    // Parts of the new dimension are padded before, and those of the old one lose their padding after.
    double elements = held(now) / static_cast<double>(part(now, to[axis])) *
                      static_cast<double>(part(next, to[axis]) * mesh.sizes[axis]);
    collective(ReshardStep::AllToAll, {axis}, elements, now, next);
  }
}

std::vector<ReshardStep> CheapestReshards::Search::run(const Sharding &from) {
  using Entry = std::pair<Cost, State>;
  auto isLater = [](const Entry &a, const Entry &b) {
    return b.first < a.first || (!(a.first < b.first) && b.second < a.second);
  };
  std::priority_queue<Entry, std::vector<Entry>, decltype(isLater)> open(isLater);
  State goal = stateOf(to);
  best[stateOf(from)] = {};
  open.push({{}, stateOf(from)});
  while (!open.empty()) {
    auto [cost, state] = open.top();
    open.pop();
    if (!done.insert(state).second)
      continue;
    if (state == goal)
      break;
    Sharding now = shardingOf(state);
    reach = [&, cost = cost, state = state](ReshardStep step) {
      double sent =
          step.isCollective() ? bytesSent(step.name(), step.elements, mesh.sizeOf(step.axes)) : 0;
      Cost total = {cost.sent + sent, cost.steps + step.isCollective(),
                    cost.far + sent * static_cast<double>(distance(step.axes))};
      State key = stateOf(step.after);
      auto [node, isNew] = best.try_emplace(key);
      if (!isNew && !(total < node->second.cost))
        return;
      node->second = {total, state, std::move(step)};
      open.push({total, key});
    };
    ofHalves(now);
    sums(now);
    cuts(now);
    gathers(now);
    exchanges(now);
  }
  assert(done.count(goal) && "a sharding that cannot be reached");
  std::vector<ReshardStep> steps;
  for (State state = goal; state != stateOf(from); state = best[state].from)
    steps.push_back(best[state].step);
  std::reverse(steps.begin(), steps.end());
  return steps;
}

const std::vector<ReshardStep> &CheapestReshards::find(const Sharding &from, const Sharding &to,
                                                       llvm::ArrayRef<int64_t> shape) {
  // What is whole, and ends unreduced, is so for nothing at last.
  Sharding end = to;
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (to[axis] == Sharding::Unreduced && from[axis] != Sharding::Unreduced)
      end[axis] = Sharding::Whole;
  std::vector<int64_t> key(from.axes.begin(), from.axes.end());
  key.insert(key.end(), end.axes.begin(), end.axes.end());
  key.insert(key.end(), shape.begin(), shape.end());
  auto [entry, isNew] = known.try_emplace(key);
  if (isNew)
    entry->second = Search{mesh, half, end, shape, {}, {}, {}}.run(from);
  return entry->second;
}

//===- RankOrder.cpp - What ranks do together, in one order -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/RankOrder.h"
#include "passes/schedule/Timeline.h"
#include "llvm/ADT/DenseMap.h"
#include <map>

using namespace llvm;
using namespace weft;

namespace {

/// Nodes of the union of all programs' orders: a node for each entry, one for all entries that belong together.
class RankGraph {
public:
  RankGraph(ArrayRef<RankProgram> programs) : programs(programs), nodes(programs.size()) {}

  /// The node of a new entry.
  int64_t add(RankFault::Place place) { return enter(place, newNode(place)); }
  /// The node of the nth call of a communicator.
  int64_t addShared(RankFault::Place place, StringRef communicator, int64_t nth) {
    auto [at, isNew] = shared.try_emplace({communicator.str(), nth}, -1);
    if (isNew)
      at->second = newNode(place);
    return enter(place, at->second);
  }
  void edge(int64_t from, int64_t to) {
    successors[from].push_back(to);
    ++predecessors[to];
  }
  int64_t nodeOf(RankFault::Place place) const { return nodes[place.program][place.op]; }

  std::optional<RankFault> findCycle();

private:
  int64_t newNode(RankFault::Place place) {
    places.push_back(place);
    successors.emplace_back();
    predecessors.push_back(0);
    return places.size() - 1;
  }
  int64_t enter(RankFault::Place place, int64_t node) {
    nodes[place.program].push_back(node);
    return node;
  }

  ArrayRef<RankProgram> programs;
  std::vector<std::vector<int64_t>> nodes;
  std::map<std::pair<std::string, int64_t>, int64_t> shared;
  std::vector<RankFault::Place> places;
  std::vector<SmallVector<int64_t, 2>> successors;
  std::vector<int64_t> predecessors;
};

} // namespace

static std::string describe(ArrayRef<RankProgram> programs, RankFault::Place place) {
  const RankOp &op = programs[place.program].ops[place.op];
  std::string text = op.kind == RankOp::Shared   ? op.call + " of " + op.communicator
                     : op.kind == RankOp::Record ? "record of event " + std::to_string(op.event)
                     : op.kind == RankOp::Wait   ? "wait for event " + std::to_string(op.event)
                                                 : "entry " + std::to_string(place.op);
  return text + " in " + programs[place.program].name;
}

std::optional<RankFault> RankGraph::findCycle() {
  std::vector<int64_t> left = predecessors, ready;
  for (int64_t node = 0, count = places.size(); node < count; ++node)
    if (left[node] == 0)
      ready.push_back(node);
  size_t done = 0;
  while (done < ready.size())
    for (int64_t next : successors[ready[done++]])
      if (--left[next] == 0)
        ready.push_back(next);
  if (done == places.size())
    return std::nullopt;
  // Every node that is left has a predecessor that is left: going back meets a node again.
  std::vector<int64_t> before(places.size(), -1);
  for (int64_t node = 0, count = places.size(); node < count; ++node)
    if (left[node] > 0)
      for (int64_t next : successors[node])
        before[next] = node;
  int64_t node = 0;
  while (left[node] <= 0)
    ++node;
  std::vector<bool> seen(places.size(), false);
  while (!seen[node]) {
    seen[node] = true;
    node = before[node];
  }
  std::vector<int64_t> cycle = {node};
  for (int64_t at = before[node]; at != node; at = before[at])
    cycle.push_back(at);
  RankFault fault{places[cycle.front()], "waits for itself: " + describe(programs, places[cycle.front()]), {}};
  for (size_t i = 1; i < cycle.size(); ++i)
    fault.notes.push_back({places[cycle[i]], "comes after " + describe(programs, places[cycle[i]])});
  return fault;
}

std::optional<RankFault> weft::findRankFault(ArrayRef<RankProgram> programs,
                                             const StringMap<std::vector<int64_t>> &communicators) {
  RankGraph graph(programs);
  // The calls of each communicator by each program.
  StringMap<std::map<int64_t, std::vector<int64_t>>> calls;
  for (int64_t p = 0, count = programs.size(); p < count; ++p) {
    const RankProgram &program = programs[p];
    Timeline times(program.streams);
    struct Recorded {
      Timeline::Clock clock;
      int64_t op;
    };
    std::map<int64_t, Recorded> recorded;
    std::vector<int64_t> last(program.streams, -1);
    int64_t lastShared = -1, lastSharedOp = -1;
    for (int64_t i = 0, size = program.ops.size(); i < size; ++i) {
      const RankOp &op = program.ops[i];
      RankFault::Place here{p, i};
      int64_t node = 0;
      if (op.kind == RankOp::Shared) {
        std::vector<int64_t> &list = calls[op.communicator][p];
        node = graph.addShared(here, op.communicator, list.size());
        list.push_back(i);
        int64_t number = times.append(op.stream);
        if (lastShared >= 0 && !times.isBefore(lastShared, number))
          return RankFault{here,
                           "nothing orders " + describe(programs, here) + " after " +
                               describe(programs, {p, lastSharedOp}) +
                               ": ranks may run them in different orders and wait for each other",
                           {{{p, lastSharedOp}, "the other one"}}};
        lastShared = number;
        lastSharedOp = i;
      } else {
        node = graph.add(here);
        if (op.kind == RankOp::Work) {
          times.append(op.stream);
        } else if (op.kind == RankOp::Record) {
          if (!recorded.try_emplace(op.event, Recorded{times.now(op.stream), i}).second)
            return RankFault{here,
                             "records event " + std::to_string(op.event) + " a second time",
                             {{{p, recorded[op.event].op}, "the first time"}}};
        } else {
          auto at = recorded.find(op.event);
          if (at == recorded.end())
            return RankFault{
                here, "waits for event " + std::to_string(op.event) + ", which is not recorded before it", {}};
          times.wait(op.stream, at->second.clock);
          graph.edge(graph.nodeOf({p, at->second.op}), node);
        }
      }
      if (last[op.stream] >= 0)
        graph.edge(last[op.stream], node);
      last[op.stream] = node;
    }
  }
  for (const auto &entry : communicators) {
    std::string name = entry.getKey().str();
    const std::vector<int64_t> &members = entry.getValue();
    for (int64_t p : members) {
      const std::vector<int64_t> &ours = calls[name][p], &theirs = calls[name][members.front()];
      for (size_t i = 0; i < std::max(ours.size(), theirs.size()); ++i) {
        bool missing = i >= ours.size() || i >= theirs.size();
        if (!missing && programs[p].ops[ours[i]].call == programs[members.front()].ops[theirs[i]].call)
          continue;
        RankFault::Place there{members.front(), i < theirs.size() ? theirs[i] : 0},
            here{p, i < ours.size() ? ours[i] : 0};
        if (i >= ours.size())
          std::swap(here, there);
        std::string who = programs[i >= ours.size() ? p : members.front()].name;
        return RankFault{here,
                         "call " + std::to_string(i) + " of " + name + " is " + describe(programs, here) +
                             (missing ? ", and " + who + " makes none" : ", and not " + describe(programs, there)),
                         missing ? std::vector<std::pair<RankFault::Place, std::string>>()
                                 : std::vector<std::pair<RankFault::Place, std::string>>{{there, "the other one"}}};
      }
    }
  }
  return graph.findCycle();
}

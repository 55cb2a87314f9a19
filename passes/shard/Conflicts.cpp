//===- Conflicts.cpp - Which factor an axis cuts where constraints disagree -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/Conflicts.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace weft;
using dist::Mesh;

/// Less by more than such estimates can say. Two ways that send the same differ by some nanoseconds of computing.
static bool isCheaper(const StepCost &a, const StepCost &b) { return a.seconds < b.seconds * (1 - 1e-2); }

Decisions::Decisions(func::FuncOp function, const Mesh &mesh, const StepRates &rates, const Preferences &preferences,
                     FactorCache &factors)
    : function(function), mesh(mesh), rates(rates), preferences(preferences), factors(factors) {
  for (Operation &op : function.getBody().front())
    begin(&op);
  // Halves of the samples are on one rank: nothing is sent between them, and only samples can be cut.
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (mesh.axes[axis] != dist::halfAxis)
      decide(axis);
}

void Decisions::begin(Operation *op) {
  SmallVector<int64_t> &cuts = chosen[op];
  cuts.assign(mesh.getNumAxes(), OpFactors::None);
  const OpFactors &known = factors.of(op);
  if (!known.isKnown())
    return;
  SmallVector<std::pair<Contender, int64_t>> first;
  for (int64_t axis = 0; axis < mesh.getNumAxes(); ++axis)
    if (Contenders contenders = contendersAt(mesh, known, op, axis, preferences); !contenders.empty())
      first.push_back({contenders.front(), axis});
  llvm::stable_sort(first,
                    [](const auto &a, const auto &b) { return a.first.origin.priority < b.first.origin.priority; });
  for (const auto &[contender, axis] : first)
    if (canCut(op, axis, contender.factor))
      cuts[axis] = contender.factor;
}

bool Decisions::canCut(Operation *op, int64_t axis, int64_t factor) const {
  SmallVector<int64_t> cuts = chosen.find(op)->second;
  cuts[axis] = factor;
  return factors.of(op).isFeasible(mesh, cuts);
}

std::vector<std::vector<Decisions::Contest>> Decisions::groupsOn(int64_t axis) {
  std::vector<Contest> contests;
  llvm::EquivalenceClasses<int64_t> classes;
  DenseMap<Value, int64_t> first;
  for (Operation &op : function.getBody().front()) {
    const OpFactors &known = factors.of(&op);
    if (!known.isKnown())
      continue;
    Contenders contenders = contendersAt(mesh, known, &op, axis, preferences);
    if (contenders.size() < 2)
      continue;
    int64_t number = contests.size(),
            numUsers = llvm::count_if(contenders, [](const Contender &c) { return c.origin.isUsers(); });
    classes.insert(number);
    for (int64_t tensor = 0; tensor < known.getNumTensors(); ++tensor) {
      Value value = tensorOf(&op, tensor);
      if (preferences.at(value, axis) < 0)
        continue;
      auto [it, isNew] = first.try_emplace(value, number);
      classes.unionSets(it->second, number);
    }
    contests.push_back({&op, contenders, numUsers ? numUsers : static_cast<int64_t>(contenders.size())});
  }
  llvm::MapVector<int64_t, std::vector<Contest>> groups;
  for (auto [number, contest] : llvm::enumerate(contests))
    groups[classes.getLeaderValue(number)].push_back(contest);
  std::vector<std::vector<Contest>> result;
  for (auto &[leader, group] : groups)
    result.push_back(std::move(group));
  return result;
}

void Decisions::decide(int64_t axis) {
  AxisCost cost(function, mesh, axis, rates, preferences, factors, chosen);
  for (std::vector<Contest> &group : groupsOn(axis)) {
    settle(group, axis, cost);
    report(group, axis, cost);
  }
}

void Decisions::settle(MutableArrayRef<Contest> group, int64_t axis, AxisCost &cost) {
  SmallVector<Operation *> ops = llvm::map_to_vector(group, [](const Contest &contest) { return contest.op; });
  auto factorsNow = [&] { return llvm::map_to_vector(ops, [&](Operation *op) { return chosen[op][axis]; }); };
  auto put = [&](ArrayRef<int64_t> cuts) {
    for (auto [op, factor] : llvm::zip_equal(ops, cuts))
      chosen[op][axis] = factor;
  };
  // One constraint at all ops: what they share is sent once.
  SmallVector<int64_t> visited = factorsNow(), best = visited;
  StepCost least = cost.of(ops);
  llvm::MapVector<StringRef, bool> kinds;
  for (const Contest &contest : group)
    for (const Contender &contender : ArrayRef(contest.contenders).take_front(contest.numFree))
      kinds[contender.origin.kind()] = true;
  for (auto &[kind, unused] : kinds) {
    put(visited);
    for (const Contest &contest : group)
      for (const Contender &contender : ArrayRef(contest.contenders).take_front(contest.numFree))
        if (contender.origin.kind() == kind && canCut(contest.op, axis, contender.factor)) {
          chosen[contest.op][axis] = contender.factor;
          break;
        }
    if (StepCost all = cost.of(ops); isCheaper(all, least)) {
      least = all;
      best = factorsNow();
    }
  }
  put(best);
  // Then each op by itself, as long as that saves something.
  constexpr int kRounds = 4;
  bool any = true;
  for (int round = 0; round < kRounds && any; ++round) {
    any = false;
    for (const Contest &contest : group) {
      int64_t &now = chosen[contest.op][axis];
      StepCost lowest = cost.of(contest.op);
      for (const Contender &contender : ArrayRef(contest.contenders).take_front(contest.numFree)) {
        if (contender.factor == now || !canCut(contest.op, axis, contender.factor))
          continue;
        int64_t before = std::exchange(now, contender.factor);
        if (StepCost other = cost.of(contest.op); isCheaper(other, lowest)) {
          lowest = other;
          any = true;
        } else {
          now = before;
        }
      }
    }
  }
}

void Decisions::report(ArrayRef<Contest> group, int64_t axis, AxisCost &cost) {
  struct Alternatives {
    const Contender *kept, *over;
  };
  llvm::MapVector<std::pair<StringRef, StringRef>, SmallVector<std::pair<Operation *, Alternatives>>> sets;
  for (const Contest &contest : group) {
    ArrayRef<Contender> all = contest.contenders;
    const Contender *kept =
        llvm::find_if(all, [&](const Contender &c) { return c.factor == chosen[contest.op][axis]; });
    // Where no factor can be cut beside those of other axes, what comes first would be.
    if (kept == all.end())
      kept = all.begin();
    const Contender *over = kept == all.begin() ? kept + 1 : all.begin();
    sets[{kept->origin.kind(), over->origin.kind()}].push_back({contest.op, {kept, over}});
  }
  for (auto &[kinds, set] : sets) {
    Conflict conflict{axis, {}, set.front().second.kept->origin, set.front().second.over->origin, {}, {}};
    for (auto &[op, alternatives] : set)
      conflict.ops.push_back(op);
    conflict.cost = cost.of(conflict.ops);
    SmallVector<int64_t> before;
    for (auto &[op, alternatives] : set) {
      int64_t &now = chosen[op][axis];
      before.push_back(now);
      if (canCut(op, axis, alternatives.over->factor))
        now = alternatives.over->factor;
    }
    conflict.instead = cost.of(conflict.ops);
    for (auto [op, factor] : llvm::zip_equal(conflict.ops, before))
      chosen[op][axis] = factor;
    conflicts.push_back(std::move(conflict));
  }
}

//===- AutoPlan.cpp - What is kept, by the solver -------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/memory/Solver.h"
#include "passes/memory/StepGraph.h"

using namespace mlir;
using namespace weft;

namespace {

/// Turns a step into problems of blocks.
class StepProblem {
public:
  StepProblem(const StepGraph &graph, ArrayRef<StepBlock> blocks)
      : graph(graph), blocks(blocks), always(keepBetween(graph, blocks)), values(graph.getValues()) {
    for (auto [i, value] : llvm::enumerate(values))
      if (value.isGather && !value.isPinned)
        always.reset(i);
    findReaders();
    findOthers();
  }

  AutoPlan solve(int64_t limit) {
    AutoPlan plan;
    plan.kept = always;
    std::vector<BlockProblem> problems;
    std::vector<std::vector<BlockPattern>> patterns;
    std::vector<int64_t> which, shifts;
    std::vector<SmallVector<int64_t>> members;
    int64_t firstMoment = others.size();
    for (const StepBlock &block : blocks) {
      members.push_back(valuesOf(block));
      if (members.back().empty()) {
        members.pop_back();
        continue;
      }
      auto [problem, shift] = problemOf(members.back(), firstMoment);
      auto known = llvm::find(problems, problem);
      which.push_back(known - problems.begin());
      shifts.push_back(shift);
      if (known != problems.end())
        continue;
      patterns.push_back(findPatterns(problem));
      problems.push_back(std::move(problem));
      plan.patterns = std::max<int64_t>(plan.patterns, patterns.back().size());
    }
    std::vector<PatternedBlock> patterned;
    for (auto [index, shift] : llvm::zip_equal(which, shifts))
      patterned.push_back({&patterns[index], shift});
    int64_t head = 0;
    for (int64_t moment = 0; moment < firstMoment; ++moment)
      head = std::max(head, others[moment]);
    std::optional<Stitching> found = stitch(patterned, head, limit);
    if (found) {
      plan.fits = true;
      plan.bound = found->bound;
      for (auto [b, choice] : llvm::enumerate(found->pattern))
        for (auto [i, index] : llvm::enumerate(members[b]))
          if ((*patterned[b].patterns)[choice].kept[i])
            plan.kept.set(index);
    }
    plan.seconds = graph.getSeconds(graph.getRecomputed(plan.kept));
    return plan;
  }

private:
  /// Where in the backward pass each value is read, by later ops themselves.
  void findReaders() {
    readAt.resize(values.size());
    for (auto [moment, op] : llvm::enumerate(graph.getLater()))
      for (Value operand : op->getOperands())
        if (int64_t index = graph.indexOf(storedValue(operand)); index >= 0)
          if (readAt[index].empty() || readAt[index].back() != static_cast<int64_t>(moment))
            readAt[index].push_back(moment);
  }

  /// What is alive at each later op, without the values that are decided about.
  void findOthers() {
    others.assign(graph.getLater().size(), 0);
    std::vector<SmallVector<int64_t, 2>> usersOf(values.size());
    for (auto [user, value] : llvm::enumerate(values))
      for (int64_t need : value.needs)
        usersOf[need].push_back(user);
    std::vector<int64_t> change(others.size() + 1);
    auto add = [&](int64_t first, int64_t last, int64_t bytes) {
      if (last < first)
        return;
      change[first] += bytes;
      change[last + 1] -= bytes;
    };
    for (auto [i, value] : llvm::enumerate(values)) {
      if (!always.test(i))
        continue;
      int64_t last = readAt[i].empty() ? -1 : readAt[i].back();
      for (int64_t user : usersOf[i])
        if (!always.test(user) && !readAt[user].empty())
          last = std::max(last, readAt[user].back());
      add(0, last, value.bytes);
    }
    DenseMap<Operation *, int64_t> moments;
    for (auto [moment, op] : llvm::enumerate(graph.getLater()))
      moments[op] = moment;
    for (auto [moment, op] : llvm::enumerate(graph.getLater())) {
      if (isa<ReadOp, arith::ConstantOp>(op))
        continue;
      for (Value result : op->getResults()) {
        int64_t last = moment;
        bool isStored = false;
        SmallVector<Value> work{result};
        while (!work.empty()) {
          Value at = work.pop_back_val();
          for (Operation *user : at.getUsers()) {
            isStored |= isa<WriteOp>(user);
            if (auto it = moments.find(user); it != moments.end())
              last = std::max(last, it->second);
            else
              llvm::append_range(work, user->getResults()); // a view
          }
        }
        // What a symbol is to hold is written where the symbol lies.
        if (!isStored)
          add(moment, last, tensorBytes(cast<RankedTensorType>(result.getType())));
      }
    }
    int64_t live = 0;
    for (auto [moment, bytes] : llvm::enumerate(others))
      bytes = live += change[moment];
  }

  SmallVector<int64_t> valuesOf(const StepBlock &block) const {
    SmallVector<int64_t> members;
    for (auto [i, value] : llvm::enumerate(values))
      if (block.begin <= value.unit && value.unit < block.end && !always.test(i))
        members.push_back(i);
    return members;
  }

  std::pair<BlockProblem, int64_t> problemOf(ArrayRef<int64_t> members, int64_t &firstMoment) const {
    BlockProblem problem;
    SmallVector<int64_t> moments;
    for (int64_t member : members)
      llvm::append_range(moments, readAt[member]);
    llvm::sort(moments);
    moments.erase(std::unique(moments.begin(), moments.end()), moments.end());
    if (!moments.empty())
      firstMoment = std::min(firstMoment, moments.front());
    auto momentOf = [&](int64_t at) -> int64_t { return llvm::lower_bound(moments, at) - moments.begin(); };
    llvm::SmallDenseMap<int64_t, int64_t> placeOf;
    for (auto [place, member] : llvm::enumerate(members))
      placeOf[member] = place;
    std::vector<bool> isNeeded(members.size());
    for (int64_t member : members) {
      const ForwardValue &from = values[member];
      BlockProblem::Value value;
      value.bytes = from.bytes;
      value.seconds = from.seconds;
      value.call = from.isCall ? from.unit - values[members.front()].unit : -1;
      for (int64_t need : from.needs)
        if (auto it = placeOf.find(need); it != placeOf.end()) {
          value.needs.push_back(it->second);
          isNeeded[it->second] = true;
        }
      for (int64_t at : readAt[member])
        value.readAt.push_back(momentOf(at));
      problem.values.push_back(std::move(value));
    }
    for (auto [place, value] : llvm::enumerate(problem.values))
      value.canDrop = !value.readAt.empty() || isNeeded[place];
    int64_t shift = INT64_MAX;
    for (size_t m = 0; m < moments.size(); ++m) {
      int64_t end = m + 1 < moments.size() ? moments[m + 1] : moments[m] + 1, most = 0;
      for (int64_t at = moments[m]; at < end; ++at)
        most = std::max(most, others[at]);
      problem.others.push_back(most);
      shift = std::min(shift, most);
    }
    if (moments.empty())
      shift = 0;
    for (int64_t &bytes : problem.others)
      bytes -= shift;
    return {std::move(problem), shift};
  }

  const StepGraph &graph;
  ArrayRef<StepBlock> blocks;
  llvm::BitVector always;
  ArrayRef<ForwardValue> values;
  std::vector<SmallVector<int64_t, 4>> readAt;
  std::vector<int64_t> others;
};

} // namespace

AutoPlan weft::planWithin(const StepGraph &graph, ArrayRef<StepBlock> blocks, int64_t limit) {
  return StepProblem(graph, blocks).solve(limit);
}

//===- AutoPlan.cpp - What is kept or moved away, by the solver -----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/exec/LibraryCalls.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "passes/memory/Solver.h"
#include "passes/memory/StepGraph.h"
#include <cmath>

using namespace mlir;
using namespace weft;

namespace {

/// Turns a step into problems of blocks.
class StepProblem {
public:
  StepProblem(const StepGraph &graph, ArrayRef<StepBlock> blocks, const OffloadLimits &offload)
      : graph(graph), blocks(blocks), offload(offload), always(keepBetween(graph, blocks)), values(graph.getValues()) {
    for (auto [i, value] : llvm::enumerate(values))
      if (value.isGather && !value.isPinned)
        always.reset(i);
    findReaders();
    findStarts();
    findMembers();
    findOthers();
  }

  AutoPlan solve(int64_t limit, PatternCache &cache) {
    AutoPlan plan;
    plan.kept = always;
    plan.offloaded.resize(values.size());
    std::vector<PatternedBlock> patterned;
    std::vector<int64_t> decided;
    int64_t firstMoment = others.size();
    for (auto [b, block] : llvm::enumerate(blocks)) {
      if (members[b].empty())
        continue;
      decided.push_back(b);
      auto [problem, shift] = problemOf(b, firstMoment);
      const std::vector<BlockPattern> &patterns = cache.find(std::move(problem));
      patterned.push_back({&patterns, shift});
      plan.patterns = std::max<int64_t>(plan.patterns, patterns.size());
    }
    int64_t head = 0;
    for (int64_t moment = 0; moment < firstMoment; ++moment)
      head = std::max(head, others[moment]);
    std::optional<Stitching> found = stitch(patterned, head, limit, offload.horizon);
    if (found) {
      plan.fits = true;
      plan.bound = found->bound;
      plan.seconds = found->seconds;
      for (auto [b, choice] : llvm::enumerate(found->pattern)) {
        const BlockPattern &pattern = (*patterned[b].patterns)[choice];
        for (auto [i, index] : llvm::enumerate(members[decided[b]])) {
          if (pattern.kept[i])
            plan.kept.set(index);
          if (pattern.offloaded[i])
            plan.offloaded.set(index);
        }
      }
      return plan;
    }
    // As little as there is a way to: all that can be moved away is.
    for (int64_t b : decided)
      for (int64_t index : members[b])
        if (plan.kept.test(index) && canOffload(index))
          plan.offloaded.set(index);
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

  /// Where the backward pass of each block begins: with the first reader of what it saved, what crosses left out.
  void findStarts() {
    blockOf.assign(graph.getUnits().size(), -1);
    for (auto [b, block] : llvm::enumerate(blocks))
      for (int64_t unit = block.begin; unit < block.end; ++unit)
        blockOf[unit] = b;
    starts.assign(blocks.size(), graph.getLater().size());
    for (auto [i, value] : llvm::enumerate(values))
      if (int64_t b = blockOf[value.unit]; b >= 0 && !always.test(i) && !readAt[i].empty())
        starts[b] = std::min(starts[b], readAt[i].front());
    for (int64_t b = static_cast<int64_t>(blocks.size()) - 2; b >= 0; --b)
      starts[b] = std::max(starts[b], starts[b + 1]);
  }

  /// Whether a value may wait in host memory: not what the last blocks save, which is needed at once.
  bool canOffload(int64_t i) const {
    const ForwardValue &value = values[i];
    int64_t last = static_cast<int64_t>(blocks.size()) - offload.horizon;
    return offload.bytesPerSecond > 0 && !value.isPinned && !value.isGather && blockOf[value.unit] >= 0 &&
           blockOf[value.unit] < last;
  }

  /// The values of each block that something is decided about: its own that do not cross to others, and what crosses
  /// into it and may be moved away.
  void findMembers() {
    members.resize(blocks.size());
    usersOf.resize(values.size());
    for (auto [user, value] : llvm::enumerate(values))
      for (int64_t need : value.needs)
        usersOf[need].push_back(user);
    isMember.resize(values.size());
    for (auto [i, value] : llvm::enumerate(values)) {
      int64_t owner = -1;
      if (!always.test(i)) {
        owner = blockOf[value.unit];
      } else if (canOffload(i)) {
        // Whose backward pass needs it first.
        for (int64_t user : usersOf[i])
          if (!always.test(user))
            owner = std::max(owner, blockOf[values[user].unit]);
        if (!readAt[i].empty())
          for (int64_t b = blocks.size() - 1; b > owner; --b)
            if (starts[b] <= readAt[i].front() && (b == 0 || readAt[i].front() < starts[b - 1]))
              owner = b;
        if (!readAt[i].empty() && readAt[i].front() < starts.back())
          owner = -1;
      }
      if (owner < 0)
        continue;
      members[owner].push_back(i);
      isMember.set(i);
    }
  }

  /// About how long an op takes.
  double secondsOf(Operation *op) const {
    return isa<exec::FusedOp, exec::LibraryOpInterface>(op) ? graph.secondsOf(op) : 0;
  }

  /// What the copies of a block run beside. To the nearest 100 ns: blocks that are alike have one problem.
  BlockProblem::Link linkOf(int64_t b) const {
    BlockProblem::Link link;
    link.bytesPerSecond = offload.bytesPerSecond;
    link.memoryBytesPerSecond = offload.memoryBytesPerSecond;
    for (int64_t unit = blocks[b].begin; unit < blocks[b].end; ++unit)
      link.forwardSeconds += secondsOf(graph.getUnits()[unit]);
    int64_t end = b == 0 ? static_cast<int64_t>(others.size()) : starts[b - 1];
    for (int64_t moment = starts[b]; moment < end; ++moment)
      link.backwardSeconds += secondsOf(graph.getLater()[moment]);
    for (double *seconds : {&link.forwardSeconds, &link.backwardSeconds})
      *seconds = std::round(*seconds * 1e7) * 1e-7;
    return link;
  }

  /// What is alive at each later op, without the values that are decided about.
  void findOthers() {
    others.assign(graph.getLater().size(), 0);
    std::vector<int64_t> change(others.size() + 1);
    auto add = [&](int64_t first, int64_t last, int64_t bytes) {
      if (last < first)
        return;
      change[first] += bytes;
      change[last + 1] -= bytes;
    };
    for (auto [i, value] : llvm::enumerate(values)) {
      if (!always.test(i) || isMember.test(i))
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

  std::pair<BlockProblem, int64_t> problemOf(int64_t block, int64_t &firstMoment) const {
    ArrayRef<int64_t> members = this->members[block];
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
      value.canOffload = canOffload(member);
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
      value.canDrop = !always.test(members[place]) && (!value.readAt.empty() || isNeeded[place]);
    problem.link = linkOf(block);
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
  OffloadLimits offload;
  llvm::BitVector always, isMember;
  SmallVector<int64_t> blockOf, starts; ///< of each unit, -1 outside of blocks; of each block, in later ops
  std::vector<SmallVector<int64_t>> members;
  std::vector<SmallVector<int64_t, 2>> usersOf;
  ArrayRef<ForwardValue> values;
  std::vector<SmallVector<int64_t, 4>> readAt;
  std::vector<int64_t> others;
};

} // namespace

AutoPlan weft::planWithin(const StepGraph &graph, ArrayRef<StepBlock> blocks, int64_t limit,
                          const OffloadLimits &offload, PatternCache &cache) {
  return StepProblem(graph, blocks, offload).solve(limit, cache);
}

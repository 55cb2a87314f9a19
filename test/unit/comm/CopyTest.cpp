//===- CopyTest.cpp - Collectives by copy engines, without any ------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What copy engines are given to do, done by two threads a rank: the streams.
//
//===----------------------------------------------------------------------===//

#include "Scenario.h"
#include "comm/Reduce.h"
#include "device/CopyPlan.h"

#include <atomic>

using namespace weft;
using namespace weft::rt;
using namespace weft::test;

namespace {

/// One rank: its memory, the words that others set, and how far its streams are in the present collective.
struct SimulatedRank {
  std::vector<char> memory;
  std::vector<std::atomic<int>> flags;
  std::atomic<size_t> done[2];
  std::atomic<int64_t> call{0};
};

class Simulation {
public:
  Simulation(const Scenario &scenario, std::vector<std::vector<char>> before, uint32_t seed, int64_t roundBytes,
             int64_t asideBytes)
      : scenario(scenario), world(scenario.manifest.mesh.size()), ranks(world), seed(seed), roundBytes(roundBytes),
        asideBytes(asideBytes) {
    for (int64_t rank = 0; rank < world; ++rank) {
      ranks[rank].memory = std::move(before[rank]);
      ranks[rank].flags = std::vector<std::atomic<int>>(kCopyFlags * world);
    }
  }

  /// All collectives, one after another on each rank, `repeats` times.
  void run(int repeats) {
    std::vector<std::thread> threads;
    for (int64_t rank = 0; rank < world; ++rank)
      threads.emplace_back([this, rank, repeats] {
        for (int repeat = 0; repeat < repeats; ++repeat)
          for (size_t index = 0; index < scenario.cases.size(); ++index)
            runCase(rank, index, repeat);
      });
    for (std::thread &thread : threads)
      thread.join();
  }

  const std::vector<char> &memoryOf(int64_t rank) const { return ranks[rank].memory; }
  bool isQuiet() const {
    for (const SimulatedRank &rank : ranks)
      for (const std::atomic<int> &flag : rank.flags)
        if (flag != 0)
          return false;
    return true;
  }
  std::atomic<int> faults{0};

private:
  void runCase(int64_t rank, size_t index, int repeat) {
    const Case &one = scenario.cases[index];
    std::vector<int64_t> group = scenario.manifest.mesh.groupOf(rank, one.info.axes);
    int64_t size = static_cast<int64_t>(group.size());
    if (!canCopy(one.info, size))
      return;
    int64_t self = std::find(group.begin(), group.end(), rank) - group.begin();
    CopyPlan plan = planCopies(one.info, size, self, roundBytes, asideBytes);
    // What is to be written has something else in it before.
    for (const Place &place : one.outputs)
      std::fill_n(ranks[rank].memory.begin() + place.offset, place.bytes, char(0x55));
    std::fill_n(ranks[rank].memory.begin() + one.scratch.offset, one.scratch.bytes, char(0x55));
    ranks[rank].done[0] = ranks[rank].done[1] = 0;
    std::thread second([&] { runStream(rank, 1, plan, one, group, repeat); });
    runStream(rank, 0, plan, one, group, repeat);
    second.join();
  }

  /// The steps of one stream, in order; `done` is the first step of it that may not have ended.
  void runStream(int64_t rank, int stream, const CopyPlan &plan, const Case &one, const std::vector<int64_t> &group,
                 int repeat) {
    std::mt19937 random(seed * 31 + rank * 7 + stream + repeat * 1000);
    SimulatedRank &own = ranks[rank];
    auto waitFor = [](auto isTrue) {
      while (!isTrue())
        std::this_thread::yield();
    };
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      const CopyStep &step = plan.steps[i];
      bool meets = step.kind == CopyStep::Fork || step.kind == CopyStep::Join;
      if (!meets && step.stream != stream)
        continue;
      if (random() % 4 == 0)
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 200));
      size_t peer = group[step.peer];
      size_t flag = static_cast<size_t>(step.flag) * world;
      switch (step.kind) {
      case CopyStep::Fork:
        if (stream == 1)
          waitFor([&] { return own.done[0] >= i; });
        break;
      case CopyStep::Join:
        if (stream == 0)
          waitFor([&] { return own.done[1] >= i; });
        break;
      case CopyStep::Signal:
        // A word that nobody has taken yet must not be set again.
        if (ranks[peer].flags[flag + rank].exchange(1) != 0)
          ++faults;
        break;
      case CopyStep::Await:
        waitFor([&] { return own.flags[flag + peer] == 1; });
        own.flags[flag + peer] = 0;
        break;
      case CopyStep::Copy:
        copy(rank, peer, step, one);
        break;
      case CopyStep::Reduce:
        reduce(rank, plan, step, one);
        break;
      }
      own.done[stream] = i + 1;
    }
    own.done[stream] = plan.steps.size();
  }

  void copy(int64_t rank, int64_t peer, const CopyStep &step, const Case &one) {
    int64_t target = step.target == CopyTarget::Scratch ? one.scratch.offset : one.outputs[step.member].offset;
    int64_t limit = step.target == CopyTarget::Scratch ? one.scratch.bytes : one.outputs[step.member].bytes;
    for (int64_t row = 0; row < step.box.rows; ++row) {
      int64_t to = step.box.to + row * step.box.toPitch;
      if (to < 0 || to + step.box.width > limit) {
        ++faults;
        continue;
      }
      memcpy(ranks[peer].memory.data() + target + to,
             ranks[rank].memory.data() + one.inputs[step.member].offset + step.box.from + row * step.box.fromPitch,
             step.box.width);
    }
  }

  void reduce(int64_t rank, const CopyPlan &plan, const CopyStep &step, const Case &one) {
    char *memory = ranks[rank].memory.data();
    for (int64_t row = 0; row < step.box.rows; ++row) {
      std::vector<const void *> parts;
      for (int64_t place = 0; place < plan.ranks; ++place) {
        int64_t other = place < plan.self ? place : place - 1;
        parts.push_back(place == plan.self
                            ? memory + one.inputs[step.member].offset + step.box.from + row * step.box.fromPitch
                            : memory + one.scratch.offset + step.scratch + other * plan.slotBytes +
                                  row * step.box.width);
      }
      reduceParts(one.info.dtype, one.info.reduce, parts.data(), plan.ranks,
                  memory + one.outputs[step.member].offset + step.box.to + row * step.box.toPitch,
                  step.box.width / one.info.elementBytes);
    }
  }

  const Scenario &scenario;
  int64_t world;
  std::vector<SimulatedRank> ranks;
  uint32_t seed;
  int64_t roundBytes, asideBytes;
};

/// Whether a second stream is always there where it has something to do, or never.
constexpr int64_t kAlways = 0, kNever = int64_t(1) << 40;

void simulate(const Scenario &scenario, uint32_t seed, int repeats, int64_t asideBytes,
              int64_t roundBytes = kCopyRoundBytes) {
  std::vector<std::vector<char>> before = fillScenario(scenario, seed), after;
  Simulation simulation(scenario, before, seed, roundBytes, asideBytes);
  simulation.run(repeats);
  EXPECT_EQ(simulation.faults, 0);
  EXPECT_TRUE(simulation.isQuiet());
  for (int64_t rank = 0; rank < scenario.manifest.mesh.size(); ++rank)
    after.push_back(simulation.memoryOf(rank));
  expectRight(scenario, before, after);
}

CollectiveInfo describe(CollectiveKind kind, DType dtype, std::vector<CollectiveMember> members) {
  CollectiveInfo info;
  info.kind = kind;
  info.dtype = dtype;
  info.elementBytes = elementBytes(dtype);
  info.axes = {0};
  info.members = std::move(members);
  info.carrier = Carrier::Copy;
  return info;
}

} // namespace

// Random kinds, types, axes in any order and members: what was sent arrives, no word is set twice, and all are 0 at the
// end, so that the next collective finds them so.
TEST(Copy, RandomCases) {
  uint32_t seed = 0;
  for (int64_t world : {2, 3, 4, 8})
    for (int repeat = 0; repeat < 4; ++repeat, ++seed) {
      Scenario scenario = carried(makeScenario(seed, world, 12, /*large=*/false, /*onDevice=*/true, Carrier::Copy));
      ASSERT_NO_FATAL_FAILURE(simulate(scenario, seed, 2, repeat % 2 ? kAlways : kNever)) << "seed " << seed;
    }
}

// Reductions of several rounds, more than are under way at once, with rows that are cut.
TEST(Copy, ManyRounds) {
  constexpr int64_t kRound = 4096;
  uint32_t seed = 50;
  for (int64_t world : {2, 3, 5}) {
    Scenario scenario;
    scenario.manifest.mesh.axes = {{"a", world}};
    for (DType dtype : {DType::BF16, DType::F64}) {
      CollectiveInfo info = describe(CollectiveKind::ReduceScatter, dtype, {{3, 1, 1, 3000}, {40, 1, 1, 33}});
      EXPECT_GE(planCopyRounds(info, world, kRound).rounds.size(), 4u);
      addCase(scenario, info, false, true);
    }
    scenario.bytes += 64;
    for (int64_t aside : {kAlways, kNever})
      ASSERT_NO_FATAL_FAILURE(simulate(scenario, ++seed, 3, aside, kRound)) << "world " << world;
  }
}

// Every element of every member is in one part; parts of a round do not overlap; scratch memory has a bound.
TEST(Copy, Rounds) {
  for (int64_t ranks : {2, 3, 8, 32}) {
    CollectiveInfo info = describe(CollectiveKind::ReduceScatter, DType::F32,
                                   {{1, 1, 1, 1 << 24}, {4, 1, 1, 1 << 16}, {30000, 1, 1, 700}, {7, 1, 1, 5}});
    CopyRounds plan = planCopyRounds(info, ranks);
    std::vector<std::vector<int64_t>> covered;
    for (const CollectiveMember &member : info.members)
      covered.emplace_back(member.outer, 0);
    for (const CopyRound &round : plan.rounds) {
      int64_t end = 0;
      for (const CopyPart &part : round) {
        EXPECT_GE(part.offset, end);
        EXPECT_EQ(part.offset % kCopyAlignment, 0);
        end = part.offset + part.rows * part.width * 4;
        for (int64_t row = part.row; row < part.row + part.rows; ++row) {
          ASSERT_EQ(covered[part.member][row], part.start);
          covered[part.member][row] += part.width;
        }
      }
      EXPECT_LE(end, plan.slotBytes);
    }
    for (size_t i = 0; i < covered.size(); ++i)
      for (int64_t count : covered[i])
        ASSERT_EQ(count, info.members[i].inner);
    EXPECT_LE(copyScratchBytes(info, ranks), kCopyDepth * kCopyRoundBytes);
  }
  // One round needs no second part of scratch memory, and what goes to its place none.
  CollectiveInfo small = describe(CollectiveKind::ReduceScatter, DType::F32, {{1, 1, 1, 1024}});
  EXPECT_EQ(copyScratchBytes(small, 2), 4096);
  small.kind = CollectiveKind::AllGather;
  EXPECT_EQ(copyScratchBytes(small, 8), 0);
}

// A second stream where it gains more than it costs: a block of tens of megabytes, a reduction of several rounds.
TEST(Copy, SecondStream) {
  auto forks = [](CollectiveKind kind, int64_t mebibytes, int64_t ranks) {
    CollectiveInfo info = describe(kind, DType::BF16, {{1, ranks, 1, mebibytes << 19}});
    CopyPlan plan = planCopies(info, ranks, 0);
    bool asked =
        std::any_of(plan.steps.begin(), plan.steps.end(), [](const CopyStep &step) { return step.stream == 1; });
    EXPECT_EQ(asked, copiesFork(info, ranks));
    return asked;
  };
  EXPECT_FALSE(forks(CollectiveKind::AllGather, 20, 2));
  EXPECT_TRUE(forks(CollectiveKind::AllGather, 21, 2));
  EXPECT_FALSE(forks(CollectiveKind::AllGather, 40, 4));
  EXPECT_TRUE(forks(CollectiveKind::AllGather, 41, 4));
  EXPECT_FALSE(forks(CollectiveKind::ReduceScatter, 32, 2));
  EXPECT_TRUE(forks(CollectiveKind::ReduceScatter, 33, 2));
  // Three rounds of 32 MiB from three others.
  EXPECT_FALSE(forks(CollectiveKind::ReduceScatter, 20, 4));
  EXPECT_TRUE(forks(CollectiveKind::ReduceScatter, 30, 4));
}

// What the compiler counts is what the plan has; nothing to move is nothing to do.
TEST(Copy, CountsAreThePlans) {
  for (CollectiveKind kind : {CollectiveKind::AllGather, CollectiveKind::ReduceScatter, CollectiveKind::AllToAll})
    for (int64_t ranks : {2, 4, 32}) {
      int64_t middle = kind == CollectiveKind::AllToAll ? 3 : 1;
      CollectiveInfo info = describe(
          kind, DType::BF16,
          {{1, ranks, middle, 5000}, {16, ranks, middle, 1 << 20}, {900, ranks, middle, 100}, {2, ranks, middle, 0}});
      CopyPlan plan = planCopies(info, ranks, 1);
      int64_t copies = 0, reductions = 0;
      for (const CopyStep &step : plan.steps) {
        copies += step.kind == CopyStep::Copy ? copiesOfRows(step.box.rows, step.box.width) : 0;
        reductions += step.kind == CopyStep::Reduce;
      }
      CopyCounts counts = countCopies(info, ranks);
      EXPECT_EQ(copies, counts.copies * (kind == CollectiveKind::ReduceScatter ? ranks - 1 : ranks));
      EXPECT_EQ(reductions, counts.reductions);
      info.members = {{0, ranks, 1, 8}, {4, ranks, 1, 0}};
      EXPECT_TRUE(planCopies(info, ranks, 1).steps.empty());
    }
}

// As many ranks as can be.
TEST(Copy, ManyRanks) {
  Scenario scenario;
  scenario.manifest.mesh.axes = {{"a", kCopyRanks}};
  for (CollectiveKind kind : {CollectiveKind::AllGather, CollectiveKind::ReduceScatter, CollectiveKind::AllToAll})
    addCase(scenario, describe(kind, DType::F32, {{3, 1, 1, 40}, {1, 1, 1, 7}}), /*inPlace=*/false, /*onDevice=*/true);
  scenario.bytes += 64;
  simulate(scenario, 77, 2, kNever);
}

// On one stream, what is said to all is one batch of words: where there is nothing to reduce there are two of them, one
// on each side of this rank's own copy, and the last.
TEST(Copy, BatchesOfWords) {
  auto batches = [](CollectiveKind kind) {
    CopyPlan plan = planCopies(describe(kind, DType::BF16, {{1, 8, 1, 1 << 20}}), 8, 3);
    int64_t count = 0;
    bool inside = false;
    for (const CopyStep &step : plan.steps) {
      bool word = step.kind == CopyStep::Signal || step.kind == CopyStep::Await;
      count += word && !inside;
      inside = word;
    }
    return count;
  };
  EXPECT_EQ(batches(CollectiveKind::AllGather), 3);
  EXPECT_EQ(batches(CollectiveKind::ReduceScatter), 2);
}

// A collective of dense tensors over n ranks is one copy to each other, whatever it moves.
TEST(Copy, CountsOfCopies) {
  CopyPlan plan = planCopies(describe(CollectiveKind::AllGather, DType::BF16, {{1, 1, 1, 1 << 20}}), 4, 1);
  int64_t copies = 0, peer = 0;
  for (const CopyStep &step : plan.steps)
    if (step.kind == CopyStep::Copy) {
      ++copies;
      EXPECT_EQ(step.box.rows, 1);
      EXPECT_EQ(step.box.to, 1 << 21);
      // Others begin with others.
      if (copies == 2)
        peer = step.peer;
    }
  EXPECT_EQ(copies, 4);
  EXPECT_EQ(peer, 2);
}

//===- CollectiveTest.cpp - Every collective against a reference ----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Scenario.h"

using namespace weft;
using namespace weft::rt;
using namespace weft::test;

namespace {

/// Runs all collectives of a scenario on all ranks, twice, and compares.
void runScenario(const Scenario &scenario, uint32_t seed) {
  int64_t world = scenario.manifest.mesh.size();
  std::vector<std::vector<char>> before = fillScenario(scenario, seed), after(world);
  std::vector<std::string> errors = test::runRanks(scenario.manifest, 20, [&](Ranks &ranks) {
    std::vector<char> &memory = after[ranks.rank()] = before[ranks.rank()];
    ranks.connect(memory.data(), static_cast<int64_t>(memory.size()));
    for (int repeat = 0; repeat < 2; ++repeat) {
      memcpy(memory.data(), before[ranks.rank()].data(), memory.size());
      for (size_t i = 0; i < scenario.cases.size(); ++i) {
        const Case &one = scenario.cases[i];
        std::vector<const void *> inputs;
        std::vector<void *> outputs;
        addressesOf(one, memory.data(), inputs, outputs);
        if (!ranks.run(static_cast<int64_t>(i), inputs.data(), outputs.data(), memory.data() + one.scratch.offset))
          ranks.check();
      }
    }
    ranks.goodbye();
  });
  for (const std::string &error : errors)
    ASSERT_EQ(error, "");
  expectRight(scenario, before, after);
}

} // namespace

// Random sizes, types, axes in any order, members, in place or not: 2, 3, 4 and 8 ranks.
TEST(Collective, RandomCases) {
  uint32_t seed = 0;
  for (int64_t world : {1, 2, 3, 4, 8})
    for (int repeat = 0; repeat < (world == 8 ? 3 : 5); ++repeat, ++seed)
      ASSERT_NO_FATAL_FAILURE(runScenario(makeScenario(seed, world, 12, false), seed)) << "seed " << seed;
}

// Blocks that do not fit the scratch memory of one round.
TEST(Collective, LargeCases) {
  uint32_t seed = 100;
  for (int64_t world : {2, 4})
    for (int repeat = 0; repeat < 2; ++repeat, ++seed)
      ASSERT_NO_FATAL_FAILURE(runScenario(makeScenario(seed, world, 2, true), seed)) << "seed " << seed;
}

// Scratch memory has a bound whatever the members are, and none is asked for where nothing is packed or reduced.
TEST(Collective, ScratchMemory) {
  CollectiveDesc gather{CollectiveKind::AllGather, ReduceOperation::Sum, 4, {{1, 1, 1, 1 << 30}}};
  EXPECT_EQ(collectiveScratchBytes(gather, 8), 0);
  EXPECT_EQ(collectiveScratchBytes(gather, 1), 0);
  for (int64_t ranks : {2, 3, 8, 64}) {
    for (CollectiveKind kind : {CollectiveKind::AllReduce, CollectiveKind::ReduceScatter, CollectiveKind::AllToAll}) {
      CollectiveDesc desc{kind, ReduceOperation::Sum, 4, {{3, 1, 5, 1 << 28}, {1, 1, 1, 1 << 28}}};
      EXPECT_LE(collectiveScratchBytes(desc, ranks), std::max<int64_t>(20 << 20, ranks * (300 << 10)));
      EXPECT_EQ(collectiveScratchBytes(desc, ranks) % kCollectiveAlignment, 0);
    }
  }
  CollectiveDesc small{CollectiveKind::AllReduce, ReduceOperation::Sum, 8, {{1, 1, 1, 1}}};
  EXPECT_EQ(collectiveScratchBytes(small, 2), 2 * 64);
}

// The rounds of a device's collectives: every row of every strided member moves once, and parts of one round do not
// overlap in scratch memory.
TEST(Collective, DeviceRounds) {
  for (int64_t ranks : {2, 3, 8})
    for (CollectiveKind kind : {CollectiveKind::AllGather, CollectiveKind::ReduceScatter, CollectiveKind::AllToAll}) {
      // Dense; strided with few large pieces; with many small ones, beyond one round; one row larger than a round.
      CollectiveDesc desc{
          kind,
          ReduceOperation::Sum,
          4,
          {{1, 1, 1, 1 << 20}, {4, 1, 1, 1 << 16}, {30000, 1, 1, 700}, {7, 1, 3, 5}, {40, 1, 3000, 1000}}};
      int64_t scratch = 0;
      std::vector<DeviceRound> rounds = planDeviceRounds(desc, ranks, scratch);
      EXPECT_EQ(scratch, deviceCollectiveScratchBytes(desc, ranks));
      EXPECT_GT(rounds.size(), 1u);
      std::vector<int64_t> moved(desc.members.size(), 0);
      for (const DeviceRound &round : rounds) {
        int64_t end = 0;
        for (const DevicePart &part : round) {
          DeviceMove move = deviceMoveOf(desc, desc.members[part.member]);
          EXPECT_FALSE(move.direct);
          EXPECT_EQ(part.firstRow, moved[part.member]);
          EXPECT_GE(part.offset, end);
          moved[part.member] += part.rows;
          end = part.offset + (move.packs + move.unpacks) * ranks * part.rows * move.rowElements * desc.elementBytes;
        }
        EXPECT_LE(end, scratch);
      }
      for (size_t i = 0; i < moved.size(); ++i) {
        DeviceMove move = deviceMoveOf(desc, desc.members[i]);
        EXPECT_EQ(moved[i], move.direct ? 0 : move.rows);
      }
      EXPECT_EQ(moved[0] + moved[1], 0);
      EXPECT_EQ(moved[2], 30000);
    }
  CollectiveDesc dense{CollectiveKind::AllReduce, ReduceOperation::Sum, 4, {{1, 1, 1, 1 << 30}}};
  EXPECT_EQ(deviceCollectiveScratchBytes(dense, 8), 0);
}

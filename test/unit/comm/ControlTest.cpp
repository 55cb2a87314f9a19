//===- ControlTest.cpp - Ranks agree --------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"

#include <atomic>
#include <random>

using namespace weft;
using namespace weft::rt;

namespace {

Manifest meshOf(int64_t ranks) {
  Manifest manifest;
  manifest.mesh.axes = {{"dp", ranks}};
  CollectiveInfo all;
  all.axes = {0};
  all.members = {{1, 1, 1, 1}};
  all.what = "x";
  all.scratch = collectiveScratchBytes(all, ranks);
  manifest.collectives.push_back(all);
  return manifest;
}

/// One step: an all-reduce, so that no rank can be two steps before another.
bool stepOf(Ranks &ranks, std::vector<char> &arena) {
  const void *inputs[] = {arena.data()};
  void *outputs[] = {arena.data()};
  return ranks.run(0, inputs, outputs, arena.data() + 64);
}

} // namespace

// Whoever asks, and whenever: all stop after the same step, none before the request.
TEST(Control, StopsAfterTheSameStep) {
  Manifest manifest = meshOf(4);
  for (uint32_t seed = 0; seed < 10; ++seed) {
    std::vector<int64_t> last(4, -1);
    std::vector<std::string> errors = test::runRanks(manifest, 20, [&](Ranks &ranks) {
      std::vector<char> arena(64 + manifest.collectives[0].scratch);
      ranks.connect(arena.data(), static_cast<int64_t>(arena.size()));
      std::mt19937 random(seed * 7 + static_cast<uint32_t>(ranks.rank()));
      for (int64_t done = 0;;) {
        if (!stepOf(ranks, arena))
          ranks.check();
        ++done;
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
        // One or two ranks ask, at different steps.
        if (done == static_cast<int64_t>(3 + seed) && ranks.rank() == seed % 4)
          ranks.requestStop();
        if (done == static_cast<int64_t>(4 + seed) && ranks.rank() == (seed + 1) % 4)
          ranks.requestStop();
        if (ranks.stepDone(done)) {
          last[ranks.rank()] = done;
          break;
        }
        ASSERT_LT(done, 10000);
      }
      ranks.goodbye();
    });
    for (const std::string &error : errors)
      ASSERT_EQ(error, "");
    for (int64_t done : last) {
      EXPECT_EQ(done, last[0]);
      EXPECT_GE(done, static_cast<int64_t>(3 + seed));
    }
  }
}

// An error of one rank reaches those that wait for it in a collective, with its text.
TEST(Control, ErrorReachesAll) {
  Manifest manifest = meshOf(3);
  std::vector<std::string> errors = test::runRanks(manifest, 20, [&](Ranks &ranks) {
    std::vector<char> arena(64 + manifest.collectives[0].scratch);
    ranks.connect(arena.data(), static_cast<int64_t>(arena.size()));
    if (ranks.rank() == 2)
      throw InputError("the disk is full");
    if (!stepOf(ranks, arena))
      ranks.check();
    ranks.goodbye();
  });
  for (const std::string &error : errors)
    EXPECT_EQ(error, "rank 2: the disk is full");
}

// A rank that leaves without a word is lost; who waited says where.
TEST(Control, LostRank) {
  Manifest manifest = meshOf(3);
  std::vector<std::string> errors = test::runRanks(manifest, 20, [&](Ranks &ranks) {
    std::vector<char> arena(64 + manifest.collectives[0].scratch);
    ranks.connect(arena.data(), static_cast<int64_t>(arena.size()));
    if (ranks.rank() == 1)
      return;
    if (!stepOf(ranks, arena))
      ranks.check();
  });
  for (int rank : {0, 2}) {
    EXPECT_EQ(errors[rank].find("rank 1 was lost: its process ended; rank "), 0u) << errors[rank];
    EXPECT_NE(errors[rank].find("waited for it in all_reduce of 'x' over dp"), std::string::npos) << errors[rank];
  }
}

// A collective that runs on a device is in no call: the device says how far it is, and the watching thread what is
// wrong.
TEST(Control, DeviceIsStuck) {
  Manifest manifest = meshOf(3);
  std::vector<std::string> errors = test::runRanks(manifest, 4, [&](Ranks &ranks) {
    bool behind = ranks.rank() == 1;
    ranks.follow([behind] { return behind ? CollectiveProgress{3, -1} : CollectiveProgress{4, 0}; });
    std::atomic<bool> aborted{false};
    ranks.onAbort([&] { aborted = true; });
    // Until all have said where they are.
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    if (!behind)
      ranks.tell({FaultReport::Stuck, 1, -1, ranks.describe(0)});
    while (!aborted)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ranks.onAbort(nullptr);
    ranks.follow(nullptr);
    ranks.check();
  });
  for (const std::string &error : errors) {
    EXPECT_EQ(error.find("rank 1 did not come within 2 s, after 3 collectives; rank "), 0u) << error;
    EXPECT_NE(error.find("waited for it in all_reduce of 'x' over dp"), std::string::npos) << error;
  }
}

// A rank that is lost while the devices of others wait for it: where they wait is asked.
TEST(Control, DeviceWaitsForLostRank) {
  Manifest manifest = meshOf(2);
  std::vector<std::string> errors = test::runRanks(manifest, 20, [&](Ranks &ranks) {
    if (ranks.rank() == 1)
      return;
    ranks.follow([] { return CollectiveProgress{4, 0}; });
    std::atomic<bool> aborted{false};
    ranks.onAbort([&] { aborted = true; });
    while (!aborted)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ranks.onAbort(nullptr);
    ranks.follow(nullptr);
    ranks.check();
  });
  EXPECT_EQ(errors[0], "rank 1 was lost: its process ended; rank 0 waited in all_reduce of 'x' over dp");
}

// Ranks with other versions of the libraries are refused at the start.
TEST(Control, OtherLibraries) {
  Manifest manifest = meshOf(2);
  std::vector<std::string> errors = test::runRanks(
      manifest, 5, [](Ranks &ranks) { ranks.store().get("never"); },
      [](int64_t rank) { return std::string(rank == 0 ? "NCCL 2.28.9" : "NCCL 2.27.3"); });
  for (const std::string &error : errors)
    EXPECT_EQ(error,
              "rank 1 has NCCL 2.27.3, and rank 0 NCCL 2.28.9: ranks need the same versions; give all of them the "
              "same container, or the same LD_LIBRARY_PATH");
}

// Whenever a rank leaves, while others write to it or not, they live to say so: a write to a connection that is closed
// ends no process.
TEST(Control, LostRankWhileWriting) {
  Manifest manifest = meshOf(3);
  for (int trial = 0; trial < 40; ++trial) {
    std::vector<std::string> errors = test::runRanks(manifest, 20, [&](Ranks &ranks) {
      std::vector<char> arena(64 + manifest.collectives[0].scratch);
      ranks.connect(arena.data(), static_cast<int64_t>(arena.size()));
      for (int step = 0; ranks.rank() != 1 || step < 5 + trial; ++step)
        if (!stepOf(ranks, arena))
          ranks.check();
    });
    for (int rank : {0, 2})
      EXPECT_EQ(errors[rank].find("rank 1 was lost: its process ended; rank "), 0u) << errors[rank];
  }
}

// Values that one rank sets others get, whoever is first.
TEST(Control, KeysAndValues) {
  JobInfo job;
  job.world = 1;
  job.timeout = 10;
  job.describe = [](int64_t) { return std::string("x"); };
  Socket listening = listenOn(0);
  int port = portOf(listening);
  ControlServer server(std::move(listening), job);
  ControlClient client("127.0.0.1", port, job);
  std::string binary("\0a\xff", 3);
  client.set("key", binary);
  EXPECT_EQ(client.get("key"), binary);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    client.set("late", "value");
  });
  EXPECT_EQ(client.get("late"), "value");
  later.join();
  client.goodbye();
}

// Bytes that are no message are told from bytes that are not all there.
TEST(Control, Messages) {
  Message message(Message::Set);
  message.add("key").add(int64_t(-5)).add(std::string(1000, 'x'));
  std::string bytes = message.encode(), part;
  Message decoded;
  for (char c : bytes.substr(0, bytes.size() - 1)) {
    part += c;
    ASSERT_FALSE(Message::decode(part, decoded));
    ASSERT_FALSE(decoded.bad);
  }
  part = bytes + bytes;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(Message::decode(part, decoded));
    EXPECT_EQ(decoded.takeText(), "key");
    EXPECT_EQ(decoded.takeNumber(), -5);
    EXPECT_EQ(decoded.takeText(), std::string(1000, 'x'));
    EXPECT_FALSE(decoded.bad);
    decoded.takeNumber();
    EXPECT_TRUE(decoded.bad);
  }
  for (std::string wrong :
       {std::string("HTTP/1.1 200 OK"), std::string("W?"), bytes.substr(0, 4) + "\xff\xff\xff\xff----"}) {
    EXPECT_FALSE(Message::decode(wrong, decoded));
    EXPECT_TRUE(decoded.bad);
  }
}

//===- RankOrderTest.cpp - Deadlocks of ranks, found before they happen -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Random programs of several classes of ranks, as stages of a pipeline have them,
// with collectives inside a class and transfers between classes. As they are made
// they are sound; with an entry deleted, or two of them swapped, the verifier has
// to see it, or the happens-before relation has to be the same as before.
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/RankOrder.h"
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

using namespace weft;

namespace {

using Communicators = llvm::StringMap<std::vector<int64_t>>;

RankOp work(int64_t stream) { return {RankOp::Work, stream, -1, "", ""}; }
RankOp shared(int64_t stream, std::string communicator, std::string call) {
  return {RankOp::Shared, stream, -1, std::move(communicator), std::move(call)};
}
RankOp record(int64_t stream, int64_t event) { return {RankOp::Record, stream, event, "", ""}; }
RankOp wait(int64_t stream, int64_t event) { return {RankOp::Wait, stream, event, "", ""}; }

/// Programs of pairs of ranks that run a common list of calls; each is shared by one pair, or by two.
struct Job {
  std::vector<RankProgram> programs;
  Communicators communicators;

  Job(uint64_t seed) {
    std::mt19937_64 random(seed);
    auto draw = [&](int64_t count) { return std::uniform_int_distribution<int64_t>(0, count - 1)(random); };
    int64_t classes = 1 + draw(3);
    std::vector<RankProgram> programs(classes);
    std::vector<int64_t> events(classes, 0), last(classes, -1);
    for (int64_t c = 0; c < classes; ++c) {
      programs[c].name = "class " + std::to_string(c);
      programs[c].streams = 4;
    }
    for (int64_t i = 0, count = 4 + draw(8); i < count; ++i) {
      int64_t a = draw(classes), b = draw(classes);
      std::string name =
          a == b ? "dp" + std::to_string(a) : "pp" + std::to_string(std::min(a, b)) + std::to_string(std::max(a, b));
      int64_t stream = 1 + draw(3);
      std::string call = "call " + std::to_string(i);
      for (int64_t c : a == b ? std::set<int64_t>{a} : std::set<int64_t>{a, b}) {
        std::vector<RankOp> &ops = programs[c].ops;
        std::vector<int64_t> &members = communicators[name];
        if (std::find(members.begin(), members.end(), 2 * c) == members.end())
          members.insert(members.end(), {2 * c, 2 * c + 1});
        ops.push_back(work(0));
        // After what this rank computed, and after what it shared before.
        ops.push_back(record(0, events[c]));
        ops.push_back(wait(stream, events[c]++));
        if (last[c] >= 0)
          ops.push_back(wait(stream, last[c]));
        ops.push_back(shared(stream, name, call));
        ops.push_back(record(stream, events[c]));
        last[c] = events[c]++;
        if (draw(2))
          ops.push_back(wait(0, last[c]));
      }
    }
    for (const RankProgram &program : programs)
      this->programs.insert(this->programs.end(), {program, program});
  }

  std::optional<RankFault> fault() const { return findRankFault(programs, communicators); }
};

/// Which of the ops that a program is about come before which: of work by its number, of calls by their text.
std::set<std::pair<std::string, std::string>> relation(const RankProgram &program) {
  struct Node {
    std::string name;
    std::set<std::string> before;
  };
  std::vector<std::set<std::string>> done(program.streams);
  std::map<int64_t, std::set<std::string>> events;
  std::set<std::pair<std::string, std::string>> pairs;
  int64_t number = 0;
  for (const RankOp &op : program.ops) {
    if (op.kind == RankOp::Record) {
      events[op.event] = done[op.stream];
    } else if (op.kind == RankOp::Wait) {
      done[op.stream].insert(events[op.event].begin(), events[op.event].end());
    } else {
      std::string name = op.kind == RankOp::Shared ? op.call : "work " + std::to_string(number++);
      for (const std::string &other : done[op.stream])
        pairs.insert({other, name});
      done[op.stream].insert(name);
    }
  }
  return pairs;
}

} // namespace

TEST(RankOrder, TakesSoundPrograms) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::optional<RankFault> fault = Job(seed).fault();
    EXPECT_FALSE(fault) << "seed " << seed << ": " << fault->text;
  }
}

TEST(RankOrder, FindsEveryMutation) {
  int64_t caught = 0, harmless = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Job sound(seed);
    for (size_t p = 0; p < sound.programs.size(); ++p)
      for (size_t i = 0; i < sound.programs[p].ops.size(); ++i)
        for (bool swap : {false, true}) {
          Job job = sound;
          std::vector<RankOp> &ops = job.programs[p].ops;
          if (swap && i + 1 == ops.size())
            continue;
          // Work that is left out or done in another order of one rank alone is no matter of ranks: the verifier of
          // the task sees it.
          bool works = ops[i].kind == RankOp::Work && (!swap || ops[i + 1].kind == RankOp::Work);
          if (works)
            continue;
          if (swap)
            std::swap(ops[i], ops[i + 1]);
          else
            ops.erase(ops.begin() + static_cast<int64_t>(i));
          if (job.fault()) {
            ++caught;
            continue;
          }
          ++harmless;
          // What ranks share is in the same order as before; only this rank's own work may run at other times. A rank
          // that leaves a call out is not harmless.
          auto before = relation(sound.programs[p]), after = relation(job.programs[p]);
          for (auto *pairs : {&before, &after})
            for (auto it = pairs->begin(); it != pairs->end();)
              it = it->first[0] == 'w' || it->second[0] == 'w' ? pairs->erase(it) : std::next(it);
          EXPECT_EQ(before, after) << "seed " << seed << ", program " << p << ", entry " << i
                                   << (swap ? " swapped" : " deleted");
        }
  }
  EXPECT_GT(caught, 1000);
  EXPECT_GT(harmless, 0);
}

/// Two classes that each begin with what the other does second: every communicator alone is in order.
TEST(RankOrder, FindsACycleOverTwoCommunicators) {
  RankProgram a{"a", 1, {shared(0, "x", "first"), shared(0, "y", "second")}};
  RankProgram b{"b", 1, {shared(0, "y", "second"), shared(0, "x", "first")}};
  Communicators communicators;
  communicators["x"] = {0, 1};
  communicators["y"] = {0, 1};
  std::optional<RankFault> fault = findRankFault({a, b}, communicators);
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->text.find("waits for itself"), std::string::npos) << fault->text;
  EXPECT_EQ(fault->notes.size(), 1u);
}

TEST(RankOrder, WantsEventsBetweenCommunicators) {
  RankProgram a{"a", 2, {shared(0, "x", "one"), shared(1, "y", "two")}};
  Communicators communicators;
  communicators["x"] = communicators["y"] = {0};
  std::optional<RankFault> fault = findRankFault(a, communicators);
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->text.find("nothing orders two of y"), std::string::npos) << fault->text;
}

TEST(RankOrder, FindsACallThatOneClassLacks) {
  RankProgram a{"a", 1, {shared(0, "x", "one"), shared(0, "x", "two")}}, b{"b", 1, {shared(0, "x", "one")}};
  Communicators communicators;
  communicators["x"] = {0, 1};
  std::optional<RankFault> fault = findRankFault({a, b}, communicators);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->text, "call 1 of x is two of x in a, and b makes none");
}

/// A million entries are a matter of a second: nothing is quadratic.
TEST(RankOrder, IsLinear) {
  RankProgram program{"long", 2, {}};
  for (int64_t i = 0; i < 200000; ++i) {
    program.ops.push_back(work(0));
    program.ops.push_back(record(0, 2 * i));
    program.ops.push_back(wait(1, 2 * i));
    program.ops.push_back(shared(1, "x", "call"));
    program.ops.push_back(record(1, 2 * i + 1));
  }
  Communicators communicators;
  communicators["x"] = {0};
  EXPECT_FALSE(findRankFault(program, communicators));
}

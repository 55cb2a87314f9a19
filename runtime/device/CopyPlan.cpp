//===- CopyPlan.cpp - What copy engines do for a collective ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/CopyPlan.h"

using namespace weft;
using namespace weft::rt;

namespace {

class Planner {
public:
  Planner(const CollectiveDesc &desc, int64_t ranks, int64_t self, int64_t roundBytes, int64_t asideBytes)
      : desc(desc), roundBytes(roundBytes), second(copiesFork(desc, ranks, roundBytes, asideBytes) ? 1 : 0) {
    plan.ranks = ranks;
    plan.self = self;
  }

  CopyPlan run() {
    if (copyBlockBytes(desc) == 0)
      return std::move(plan);
    if (desc.kind == CollectiveKind::ReduceScatter)
      reduceScatter();
    else
      moveToPlaces();
    return std::move(plan);
  }

private:
  CopyStep &add(CopyStep::Kind kind, int stream) {
    CopyStep step;
    step.kind = kind;
    step.stream = stream;
    plan.steps.push_back(step);
    return plan.steps.back();
  }
  void tell(CopyStep::Kind kind, int stream, CopyFlag flag, int64_t peer) {
    CopyStep &step = add(kind, stream);
    step.flag = flag;
    step.peer = peer;
  }
  /// The kth other rank: each begins with another one, so that no two write to the same.
  int64_t other(int64_t k) const { return (plan.self + k) % plan.ranks; }
  void fork() {
    if (second)
      add(CopyStep::Fork, 0);
  }
  void join() {
    if (second)
      add(CopyStep::Join, 0);
  }
  void tellAll(CopyStep::Kind kind, int stream, CopyFlag flag) {
    for (int64_t k = 1; k < plan.ranks; ++k)
      tell(kind, stream, flag, other(k));
  }

  void copy(int stream, int64_t peer, size_t member, CopyTarget target, CopyBox box) {
    // Rows that lie one after another on both sides are one.
    if (box.fromPitch == box.width && box.toPitch == box.width) {
      box.width *= box.rows;
      box.rows = 1;
    }
    CopyStep &step = add(CopyStep::Copy, stream);
    step.peer = peer;
    step.member = member;
    step.target = target;
    step.box = box;
  }

  void copyToPlace(int stream, int64_t peer);
  void moveToPlaces();
  void reduceScatter();
  void sendRound(const CopyRound &round, int64_t slot, int64_t peer);
  void reduceRound(const CopyRound &round, int64_t slot);
  /// Where the parts of the sender that is the `index`th other rank by place begin.
  int64_t slotOf(int64_t slot, int64_t index) const { return (slot * (plan.ranks - 1) + index) * plan.slotBytes; }

  const CollectiveDesc &desc;
  int64_t roundBytes;
  /// The stream of what is done beside the first: 0 where that is not worth another.
  int second;
  CopyPlan plan;
};

} // namespace

/// What the rank at place `peer` has of this one: in its output, at this rank's place.
void Planner::copyToPlace(int stream, int64_t peer) {
  int64_t ranks = plan.ranks, bytes = desc.elementBytes;
  for (size_t i = 0; i < desc.members.size(); ++i) {
    const CollectiveMember &member = desc.members[i];
    if (desc.kind == CollectiveKind::AllGather) {
      int64_t width = member.middle * member.inner * bytes;
      copy(stream, peer, i, CopyTarget::Output, {member.outer, width, 0, width, plan.self * width, ranks * width});
      continue;
    }
    // [outer, n, middle, inner] to [outer, middle, n, inner].
    int64_t width = member.inner * bytes, block = member.middle * width;
    for (int64_t outer = 0; outer < member.outer; ++outer)
      copy(stream, peer, i, CopyTarget::Output,
           {member.middle, width, (outer * ranks + peer) * block, width, outer * ranks * block + plan.self * width,
            ranks * width});
  }
}

/// All-gather and all-to-all. What is said to all is said at once: each batch of words is a node of the graph. Nobody
/// is done before the last rank has come and has sent to all, so there is nothing to gain by beginning with some.
void Planner::moveToPlaces() {
  tellAll(CopyStep::Signal, 0, CopyFlag::Ready);
  fork();
  // While the others come.
  copyToPlace(second, plan.self);
  tellAll(CopyStep::Await, 0, CopyFlag::Ready);
  for (int64_t k = 1; k < plan.ranks; ++k)
    copyToPlace(0, other(k));
  tellAll(CopyStep::Signal, 0, CopyFlag::Arrived0);
  tellAll(CopyStep::Await, 0, CopyFlag::Arrived0);
  join();
}

void Planner::sendRound(const CopyRound &round, int64_t slot, int64_t peer) {
  int64_t bytes = desc.elementBytes;
  // This rank's index among the others of `peer`.
  int64_t begin = slotOf(slot, plan.self < peer ? plan.self : plan.self - 1);
  for (const CopyPart &part : round) {
    const CollectiveMember &member = desc.members[part.member];
    int64_t inner = member.middle * member.inner, width = part.width * bytes;
    copy(second, peer, part.member, CopyTarget::Scratch,
         {part.rows, width, ((part.row * plan.ranks + peer) * inner + part.start) * bytes, plan.ranks * inner * bytes,
          begin + part.offset, width});
  }
}

void Planner::reduceRound(const CopyRound &round, int64_t slot) {
  int64_t bytes = desc.elementBytes;
  for (const CopyPart &part : round) {
    const CollectiveMember &member = desc.members[part.member];
    int64_t inner = member.middle * member.inner;
    CopyStep &step = add(CopyStep::Reduce, 0);
    step.member = part.member;
    step.box = {part.rows,
                part.width * bytes,
                ((part.row * plan.ranks + plan.self) * inner + part.start) * bytes,
                plan.ranks * inner * bytes,
                (part.row * inner + part.start) * bytes,
                inner * bytes};
    step.scratch = slotOf(slot, 0) + part.offset;
  }
}

/// A round is reduced when the next one has been sent; on two streams, while it is.
void Planner::reduceScatter() {
  CopyRounds rounds = planCopyRounds(desc, plan.ranks, roundBytes);
  plan.slotBytes = rounds.slotBytes;
  auto count = static_cast<int64_t>(rounds.rounds.size());
  auto flagOf = [](int64_t round, CopyFlag even, CopyFlag odd) { return round % kCopyDepth ? odd : even; };
  auto reduce = [&](int64_t round) {
    tellAll(CopyStep::Await, 0, flagOf(round, CopyFlag::Arrived0, CopyFlag::Arrived1));
    reduceRound(rounds.rounds[round], round % kCopyDepth);
    if (round + kCopyDepth < count)
      tellAll(CopyStep::Signal, 0, flagOf(round, CopyFlag::Free0, CopyFlag::Free1));
  };
  tellAll(CopyStep::Signal, 0, CopyFlag::Ready);
  fork();
  tellAll(CopyStep::Await, second, CopyFlag::Ready);
  for (int64_t round = 0; round < count; ++round) {
    if (round >= kCopyDepth)
      tellAll(CopyStep::Await, second, flagOf(round, CopyFlag::Free0, CopyFlag::Free1));
    for (int64_t k = 1; k < plan.ranks; ++k)
      sendRound(rounds.rounds[round], round % kCopyDepth, other(k));
    tellAll(CopyStep::Signal, second, flagOf(round, CopyFlag::Arrived0, CopyFlag::Arrived1));
    if (round > 0)
      reduce(round - 1);
  }
  reduce(count - 1);
  join();
}

CopyPlan weft::rt::planCopies(const CollectiveDesc &desc, int64_t ranks, int64_t self, int64_t roundBytes,
                              int64_t asideBytes) {
  return Planner(desc, ranks, self, roundBytes, asideBytes).run();
}

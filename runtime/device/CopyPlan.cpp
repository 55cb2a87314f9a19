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
  Planner(const CollectiveDesc &desc, int64_t ranks, int64_t self, int64_t roundBytes)
      : desc(desc), roundBytes(roundBytes) {
    plan.ranks = ranks;
    plan.self = self;
  }

  CopyPlan run() {
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

/// All-gather and all-to-all.
void Planner::moveToPlaces() {
  tellAll(CopyStep::Signal, 0, CopyFlag::Ready);
  add(CopyStep::Fork, 0);
  copyToPlace(1, plan.self);
  for (int64_t k = 1; k < plan.ranks; ++k) {
    tell(CopyStep::Await, 0, CopyFlag::Ready, other(k));
    copyToPlace(0, other(k));
    tell(CopyStep::Signal, 0, CopyFlag::Arrived0, other(k));
  }
  tellAll(CopyStep::Await, 0, CopyFlag::Arrived0);
  add(CopyStep::Join, 0);
}

void Planner::sendRound(const CopyRound &round, int64_t slot, int64_t peer) {
  int64_t bytes = desc.elementBytes;
  // This rank's index among the others of `peer`.
  int64_t begin = slotOf(slot, plan.self < peer ? plan.self : plan.self - 1);
  for (const CopyPart &part : round) {
    const CollectiveMember &member = desc.members[part.member];
    int64_t inner = member.middle * member.inner, width = part.width * bytes;
    copy(1, peer, part.member, CopyTarget::Scratch,
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

/// The second stream sends a round while the first reduces the one before.
void Planner::reduceScatter() {
  CopyRounds rounds = planCopyRounds(desc, plan.ranks, roundBytes);
  plan.slotBytes = rounds.slotBytes;
  tellAll(CopyStep::Signal, 0, CopyFlag::Ready);
  add(CopyStep::Fork, 0);
  int64_t count = static_cast<int64_t>(rounds.rounds.size());
  for (int64_t round = 0; round < count; ++round) {
    int64_t slot = round % kCopyDepth;
    CopyFlag arrived = slot ? CopyFlag::Arrived1 : CopyFlag::Arrived0;
    CopyFlag free = slot ? CopyFlag::Free1 : CopyFlag::Free0;
    for (int64_t k = 1; k < plan.ranks; ++k) {
      int64_t peer = other(k);
      if (round == 0 || round >= kCopyDepth)
        tell(CopyStep::Await, 1, round == 0 ? CopyFlag::Ready : free, peer);
      sendRound(rounds.rounds[round], slot, peer);
      tell(CopyStep::Signal, 1, arrived, peer);
    }
    tellAll(CopyStep::Await, 0, arrived);
    reduceRound(rounds.rounds[round], slot);
    if (round + kCopyDepth < count)
      tellAll(CopyStep::Signal, 0, free);
  }
  add(CopyStep::Join, 0);
}

CopyPlan weft::rt::planCopies(const CollectiveDesc &desc, int64_t ranks, int64_t self, int64_t roundBytes) {
  return Planner(desc, ranks, self, roundBytes).run();
}

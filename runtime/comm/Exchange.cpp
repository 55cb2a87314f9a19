//===- Exchange.cpp - Collectives out of transfers ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "comm/Exchange.h"

#include "comm/Reduce.h"

#include <cstring>

using namespace weft;
using namespace weft::rt;

Link::~Link() = default;
Group::~Group() = default;
Transport::~Transport() = default;
KeyValueStore::~KeyValueStore() = default;

void GroupLinks::abort() noexcept {
  for (auto *list : {&first, &second})
    for (std::unique_ptr<Link> &link : *list)
      if (link)
        link->abort();
}

void Exchange::View::copy(int64_t begin, int64_t bytes, char *other, bool out) const {
  if (dense()) {
    memcpy(out ? other : base + begin, out ? base + begin : other, bytes);
    return;
  }
  while (bytes > 0) {
    int64_t piece = begin / pieceBytes, within = begin % pieceBytes, count = std::min(bytes, pieceBytes - within);
    char *at = base + piece * stride + within;
    memcpy(out ? other : at, out ? at : other, count);
    begin += count;
    other += count;
    bytes -= count;
  }
}

Exchange::Exchange(const CollectiveDesc &desc, DType dtype, GroupLinks &links, std::vector<int> order)
    : desc(desc), dtype(dtype), links(links), order(std::move(order)) {
  ranks = static_cast<int>(this->order.size());
  for (int place = 0; place < ranks; ++place)
    if (this->order[place] == links.place)
      self = place;
  reduces = desc.kind == CollectiveKind::AllReduce || desc.kind == CollectiveKind::ReduceScatter;
  direct = isDirectReduce(desc);
  packs = packsCollective(desc);
  unpacks = unpacksCollective(desc);
  // Without scratch memory there is nothing to bound.
  roundBytes = packs || unpacks ? collectiveRoundBytes(desc, ranks) : INT64_MAX / 2;
  sending.resize(ranks);
  for (std::vector<int64_t> &counts : sent)
    counts.resize(ranks);
  parts.resize(ranks);
}

/// Bytes of the part of an all-reduce at `place`, and where it begins.
static int64_t partBegin(int64_t elements, int64_t place, int64_t ranks) {
  // Parts differ by one element at most; the first ones are the longer.
  return elements / ranks * place + std::min(place, elements % ranks);
}

int64_t Exchange::blockBytes(size_t member, int place) const {
  const CollectiveMember &m = desc.members[member];
  int64_t elements = m.outer * m.middle * m.inner;
  if (desc.kind == CollectiveKind::AllReduce && !direct)
    elements = partBegin(elements, place + 1, ranks) - partBegin(elements, place, ranks);
  return elements * desc.elementBytes;
}

/// What this rank sends to the one at `place`; its own part of a reduction where that is itself.
Exchange::View Exchange::sentTo(size_t member, int place) const {
  const CollectiveMember &m = desc.members[member];
  char *base = const_cast<char *>(static_cast<const char *>(inputs[member]));
  int64_t block = blockBytes(member, place), piece = m.middle * m.inner * desc.elementBytes;
  switch (desc.kind) {
  case CollectiveKind::AllReduce:
    if (!direct)
      base += partBegin(m.outer * m.middle * m.inner, place, ranks) * desc.elementBytes;
    return {base, 1, block, block};
  case CollectiveKind::AllGather:
    return {base, 1, block, block};
  case CollectiveKind::ReduceScatter:
  case CollectiveKind::AllToAll:
    return {base + place * piece, m.outer, piece, ranks * piece};
  }
  return {};
}

/// Where what this rank receives from the one at `place` belongs; its own reduced block for a reduction.
Exchange::View Exchange::receivedFrom(size_t member, int place) const {
  const CollectiveMember &m = desc.members[member];
  char *base = static_cast<char *>(outputs[member]);
  int64_t block = blockBytes(member, place), piece = m.inner * desc.elementBytes;
  switch (desc.kind) {
  case CollectiveKind::AllReduce:
    if (!direct)
      base += partBegin(m.outer * m.middle * m.inner, place, ranks) * desc.elementBytes;
    return {base, 1, block, block};
  case CollectiveKind::ReduceScatter:
    return {base, 1, block, block};
  case CollectiveKind::AllGather:
    piece *= m.middle;
    return {base + place * piece, m.outer, piece, ranks * piece};
  case CollectiveKind::AllToAll:
    return {base + place * piece, m.outer * m.middle, piece, ranks * piece};
  }
  return {};
}

/// Visits the pieces of the next round of the block of `place`: member, first byte, bytes, and the place of the piece
/// in a part of the scratch memory. Returns how many there were.
template <typename Visit> int64_t Exchange::walkRound(Walk &walk, int place, Visit visit) const {
  int64_t used = 0, count = 0;
  while (walk.member < desc.members.size()) {
    int64_t rest = blockBytes(walk.member, place) - walk.begin;
    if (rest == 0) {
      ++walk.member;
      walk.begin = 0;
      continue;
    }
    int64_t bytes = std::min(rest, roundBytes - used);
    if (bytes <= 0)
      break;
    visit(walk.member, walk.begin, bytes, used);
    walk.begin += bytes;
    used += (bytes + kCollectiveAlignment - 1) / kCollectiveAlignment * kCollectiveAlignment;
    ++count;
  }
  return count;
}

/// A part of the scratch memory: one for each peer's block, then one for each block that is packed.
char *Exchange::part(int64_t round, int index) const {
  int64_t count = (unpacks ? ranks - 1 : 0) + (packs ? ranks : 0);
  return scratch + (round % kCollectiveDepth * count + index) * roundBytes;
}

template <typename Call> void Exchange::withPeer(int place, Call call) {
  try {
    call(order[place]);
  } catch (TransferError &error) {
    error.peer = place;
    throw;
  }
}

/// The block that stays here.
void Exchange::copyOwn() {
  for (size_t member = 0; member < desc.members.size(); ++member) {
    View from = sentTo(member, self), to = receivedFrom(member, self);
    if (from.base == to.base && from.dense() && to.dense())
      continue;
    // Pieces of one are whole runs of pieces of the other.
    int64_t step = std::min(from.pieceBytes, to.pieceBytes);
    for (int64_t at = 0, bytes = blockBytes(member, self); at < bytes; at += step)
      from.copy(at, step, to.base + at / to.pieceBytes * to.stride + at % to.pieceBytes, /*out=*/true);
  }
}

void Exchange::start(int64_t round) {
  int64_t slot = round % kCollectiveDepth;
  finishing[slot] = receiving;
  received[slot] = 0;
  // Receives first: what is expected comes without a question back.
  for (int step = 1; step < ranks; ++step) {
    int peer = (self - step + ranks) % ranks;
    Walk walk = finishing[slot];
    withPeer(peer, [&](int place) {
      received[slot] = walkRound(walk, self, [&](size_t member, int64_t begin, int64_t bytes, int64_t at) {
        View view = receivedFrom(member, peer);
        bool inPlace = !reduces && view.dense();
        links.first[place]->receive(inPlace ? view.base + begin : part(round, indexOf(peer)) + at, bytes);
      });
    });
    receiving = walk;
  }
  for (int step = 1; step < ranks; ++step) {
    int peer = (self + step) % ranks;
    withPeer(peer, [&](int place) {
      sent[slot][peer] = walkRound(sending[peer], peer, [&](size_t member, int64_t begin, int64_t bytes, int64_t at) {
        View view = sentTo(member, peer);
        const char *from = view.base + begin;
        if (!view.dense()) {
          char *packed = part(round, (unpacks ? ranks - 1 : 0) + indexOf(peer)) + at;
          view.copy(begin, bytes, packed, /*out=*/true);
          from = packed;
        }
        links.first[place]->send(from, bytes);
      });
    });
  }
}

void Exchange::finish(int64_t round) {
  int64_t slot = round % kCollectiveDepth;
  for (int step = 1; step < ranks; ++step) {
    int peer = (self - step + ranks) % ranks;
    withPeer(peer, [&](int place) {
      for (int64_t i = 0; i < received[slot]; ++i)
        links.first[place]->waitReceived();
    });
  }
  // Before the results: they may lie where something is still being sent from.
  for (int peer = 0; peer < ranks; ++peer)
    if (peer != self)
      withPeer(peer, [&](int place) {
        for (int64_t i = 0; i < sent[slot][peer]; ++i)
          links.first[place]->waitSent();
      });
  walkRound(finishing[slot], self, [&](size_t member, int64_t begin, int64_t bytes, int64_t at) {
    if (!reduces) {
      for (int peer = 0; peer < ranks; ++peer)
        if (View view = receivedFrom(member, peer); peer != self && !view.dense())
          view.copy(begin, bytes, part(round, indexOf(peer)) + at, /*out=*/false);
      return;
    }
    View own = sentTo(member, self);
    for (int peer = 0; peer < ranks; ++peer)
      parts[peer] = peer == self ? own.base + begin : part(round, indexOf(peer)) + at;
    if (!own.dense()) {
      char *packed = part(round, 2 * (ranks - 1)) + at;
      own.copy(begin, bytes, packed, /*out=*/true);
      parts[self] = packed;
    }
    char *result = receivedFrom(member, self).base + begin;
    reduceParts(dtype, desc.reduce, parts.data(), ranks, result, bytes / desc.elementBytes);
    if (desc.kind != CollectiveKind::AllReduce || direct)
      return;
    for (int step = 1; step < ranks; ++step)
      withPeer((self + step) % ranks, [&](int place) { links.second[place]->send(result, bytes); });
    ++gathered;
  });
}

/// Expects the parts that the others reduce. They may come to where this rank still sends from: what arrives there was
/// made from it.
void Exchange::startGathering() {
  for (int step = 1; step < ranks; ++step) {
    int peer = (self - step + ranks) % ranks;
    Walk walk;
    while (walk.member < desc.members.size())
      withPeer(peer, [&](int place) {
        walkRound(walk, peer, [&](size_t member, int64_t begin, int64_t bytes, int64_t) {
          links.second[place]->receive(receivedFrom(member, peer).base + begin, bytes);
        });
      });
  }
}

void Exchange::finishGathering() {
  for (int step = 1; step < ranks; ++step) {
    int peer = (self - step + ranks) % ranks;
    withPeer(peer, [&](int place) {
      Walk walk;
      while (walk.member < desc.members.size())
        walkRound(walk, peer, [&](size_t, int64_t, int64_t, int64_t) { links.second[place]->waitReceived(); });
      for (int64_t i = 0; i < gathered; ++i)
        links.second[place]->waitSent();
    });
  }
}

void Exchange::run(const void *const *in, void *const *out, void *memory) {
  inputs = in;
  outputs = out;
  scratch = static_cast<char *>(memory);
  gathered = 0;
  receiving = {};
  std::fill(sending.begin(), sending.end(), Walk());
  if (!reduces || ranks == 1)
    copyOwn();
  if (ranks == 1)
    return;
  bool gathers = desc.kind == CollectiveKind::AllReduce && !direct;
  if (gathers)
    startGathering();
  // The block of place 0 is the longest, so its walk is the last to end; all ranks count the same rounds.
  int64_t rounds = 0;
  for (Walk walk; walkRound(walk, 0, [](size_t, int64_t, int64_t, int64_t) {}) > 0;)
    ++rounds;
  for (int64_t round = 0; round < std::min(rounds, kCollectiveDepth); ++round)
    start(round);
  for (int64_t round = 0; round < rounds; ++round) {
    finish(round);
    if (round + kCollectiveDepth < rounds)
      start(round + kCollectiveDepth);
  }
  if (gathers)
    finishGathering();
}

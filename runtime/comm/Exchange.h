//===- Exchange.h - Collectives out of transfers ----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMM_EXCHANGE_H
#define WEFT_COMM_EXCHANGE_H

#include "comm/Transport.h"
#include "core/DType.h"
#include "weft/collective.h"

#include <memory>
#include <vector>

namespace weft::rt {

/// One rank's links with the others of a group, by place; null at its own. Slot 0 takes what is sent first, slot 1 the
/// reduced parts of an all-reduce.
struct GroupLinks {
  int place = 0;
  std::vector<std::unique_ptr<Link>> first, second;

  int size() const { return static_cast<int>(first.size()); }
  /// All waits end, now and from now on. Any thread may call it.
  void abort() noexcept;
};

/// One collective of the manifest, ready to run any number of times.
///
/// Everything is a pairwise exchange of blocks: each rank sends one block to each other and receives one from each, all
/// at once, in rounds of bounded size where scratch memory is needed. A rank reduces its own block from all parts in
/// the order of their places.
class Exchange {
public:
  /// `order[i]` is the place in `links` of the rank at place i of this collective.
  Exchange(const CollectiveDesc &desc, DType dtype, GroupLinks &links, std::vector<int> order);

  /// Runs it. Does not allocate. Throws TransferError with the peer's place in this collective.
  void run(const void *const *inputs, void *const *outputs, void *scratch);

private:
  /// Bytes that are `pieces` runs of memory, one every `stride` bytes.
  struct View {
    char *base = nullptr;
    int64_t pieces = 1, pieceBytes = 0, stride = 0;

    bool dense() const { return pieces == 1 || stride == pieceBytes; }
    /// Copies `bytes` of its bytes from byte `begin` on, out of it or into it.
    void copy(int64_t begin, int64_t bytes, char *other, bool out) const;
  };

  /// Walks over the block of one place, all members, in rounds.
  struct Walk {
    size_t member = 0;
    int64_t begin = 0;
  };

  int64_t blockBytes(size_t member, int place) const;
  View sentTo(size_t member, int place) const;
  View receivedFrom(size_t member, int place) const;
  template <typename Visit> int64_t walkRound(Walk &walk, int place, Visit visit) const;
  char *part(int64_t round, int index) const;
  int indexOf(int place) const { return place < self ? place : place - 1; }
  template <typename Call> void withPeer(int place, Call call);

  void copyOwn();
  void start(int64_t round);
  void finish(int64_t round);
  void startGathering();
  void finishGathering();

  CollectiveDesc desc;
  DType dtype;
  GroupLinks &links;
  std::vector<int> order;
  int self = 0, ranks = 1;
  bool reduces, direct, packs, unpacks;
  int64_t roundBytes;

  /// The state of a run: addresses, walks, and how much of each round is under way. Here so that nothing is allocated.
  const void *const *inputs = nullptr;
  void *const *outputs = nullptr;
  char *scratch = nullptr;
  std::vector<Walk> sending;
  Walk receiving, finishing[kCollectiveDepth];
  std::vector<int64_t> sent[kCollectiveDepth];
  int64_t received[kCollectiveDepth] = {};
  int64_t gathered = 0;
  std::vector<const void *> parts;
};

} // namespace weft::rt

#endif // WEFT_COMM_EXCHANGE_H

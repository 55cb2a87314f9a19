//===- Placement.h - The order in which ranks are laid out ------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/ranks.md is the specification.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_PLACEMENT_H
#define WEFT_COMPILER_PLAN_PLACEMENT_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// How many ranks there are along each kind of parallelism; `--mesh`.
struct Degrees {
  int64_t data = 1;     ///< D, dp: ranks with the same part of the model and other samples (SMP's reduced data)
  int64_t pipeline = 1; ///< P, pp
  int64_t tensor = 1;   ///< T, tp
  int64_t context = 1;  ///< C, cp
  int64_t expert = 1;   ///< E, ep
  int64_t shard = 0;    ///< of the data ranks, groups of this size share the states; 0: all of them

  /// The product of the five.
  int64_t size() const { return data * pipeline * tensor * context * expert; }
  int64_t shardSize() const { return shard == 0 ? data : shard; }
  int64_t replicas() const { return data / shardSize(); }

  /// Parses "dp=2,pp=2,tp=2". With `world`, the number of ranks there are (0: as many as it takes), dp may be left out:
  /// it is what remains. Empty on failure, and then `error` says what is wrong, without a stop at its end.
  static std::optional<Degrees> parse(const std::string &text, int64_t world, std::string &error);
};

/// Ranks that do something together, in ascending order; a rank's place among them is its rank in the group.
using RankGroup = std::vector<int64_t>;

/// A permutation of the letters D, P, T, E and C laid over the ranks, the last letter varies fastest.
class Placement {
public:
  /// `strategy` is `cluster`, `spread` or letters. E and C may be left out: they then stand before T, in this order.
  /// Any letter of degree 1 may be left out. Empty on failure, as above.
  static std::optional<Placement> create(const std::string &strategy, const Degrees &degrees, std::string &error);

  const Degrees &degrees() const { return sizes; }
  int64_t size() const { return sizes.size(); }
  /// The letters in order, those of degree 1 among D, P and T included, E and C only where they count or were given.
  const std::string &letters() const { return order; }

  /// The index of `rank` along a letter.
  int64_t coordinate(int64_t rank, char letter) const;
  /// The ranks that agree in every letter that is not in `varying`, by their first rank.
  std::vector<RankGroup> groups(const std::string &varying) const;

  std::vector<RankGroup> tensorGroups() const { return groups("T"); }
  std::vector<RankGroup> pipelineGroups() const { return groups("P"); }
  std::vector<RankGroup> contextGroups() const { return groups("C"); }
  std::vector<RankGroup> expertGroups() const { return groups("E"); }
  /// RDP: same part of the model.
  std::vector<RankGroup> reducedDataGroups() const { return groups("D"); }
  /// DP: same pipeline stage.
  std::vector<RankGroup> dataGroups() const { return groups("DTCE"); }
  /// MP: together they have one model.
  std::vector<RankGroup> modelGroups() const { return groups("PTCE"); }
  /// Ranks of an RDP group that share the states: `degrees().shardSize()` in a row.
  std::vector<RankGroup> shardGroups() const;
  /// Ranks of an RDP group that hold the same shard.
  std::vector<RankGroup> replicaGroups() const;

  /// The axes of the mesh in the order laid over ranks: the letters' names, D being `dp`, or `replica` and `shard`
  /// where both count. Axes of size 1 are left out.
  struct Axis {
    std::string name;
    int64_t size;
  };
  std::vector<Axis> axes() const;

  /// The table of `weft plan --ranks`.
  std::string describe() const;

private:
  Placement(std::string order, const Degrees &degrees) : order(std::move(order)), sizes(degrees) {}
  std::vector<RankGroup> splitData(bool shards) const;

  std::string order;
  Degrees sizes;
};

/// The place of `rank` in the group of `groups` that has it.
int64_t placeIn(const std::vector<RankGroup> &groups, int64_t rank);

} // namespace weft

#endif // WEFT_COMPILER_PLAN_PLACEMENT_H

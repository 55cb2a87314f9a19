//===- CheapestReshards.h - The collectives that send the least -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_CHEAPESTRESHARDS_H
#define WEFT_PASSES_SHARD_CHEAPESTRESHARDS_H

#include "dialects/dist/Sharding.h"
#include <map>
#include <string>
#include <vector>

namespace weft {

/// One step of a reshard.
struct ReshardStep {
  enum Kind {
    Slice, ///< what is whole is cut
    Join,  ///< what halves of the samples have, which lie on one rank, becomes whole
    AllReduce,
    ReduceScatter,
    AllGather,
    AllToAll
  };
  Kind kind;
  llvm::SmallVector<int64_t, 2> axes;
  double elements = 0; ///< of the larger side of what a rank has, for both halves where each has its own; 0: free
  dist::Sharding before, after;

  bool isCollective() const { return kind > Join; }
  llvm::StringRef name() const;
};

/// Searches all sequences of slices and collectives that make one sharding of another for the one that sends the
/// least; of those, the one with the fewest collectives; of those, the one that sends the least over far ranks.
class CheapestReshards {
public:
  explicit CheapestReshards(const dist::Mesh &mesh);

  /// The steps from `from` to `to` of a tensor of this shape, but for the last: where `to` is unreduced and `from` is
  /// not, they leave it whole, and nothing has to be sent to make that a sum of itself and zeros.
  const std::vector<ReshardStep> &find(const dist::Sharding &from, const dist::Sharding &to,
                                       llvm::ArrayRef<int64_t> shape);

private:
  struct Search;

  const dist::Mesh &mesh;
  int64_t half; ///< the axis of halves, which lie on one rank; or -1
  std::map<std::vector<int64_t>, std::vector<ReshardStep>> known;
};

} // namespace weft

#endif // WEFT_PASSES_SHARD_CHEAPESTRESHARDS_H

//===- CheapestReshards.h - The collectives that send the least -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From one sharding of a tensor to another: docs/partitioning.md, "Partition". Plain numbers, no IR: lowering, what
// plans say a tensor needs and the formulas of theory ask for the same.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_CHEAPESTRESHARDS_H
#define WEFT_COMPILER_PLAN_CHEAPESTRESHARDS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <map>
#include <vector>

namespace weft {

/// The axes of a mesh by their indices, in the order in which they cut a dimension.
struct ReshardMesh {
  std::vector<int64_t> sizes;
  std::vector<int64_t> order; ///< from the axis that varies slowest over ranks to the fastest: near ranks
  int64_t half = -1;          ///< the axis of halves of the samples, which lie on one rank

  int64_t sizeOf(llvm::ArrayRef<int64_t> axes) const;
};

/// How a tensor lies: per axis the dimension that it cuts, or one of the constants.
using HeldAs = std::vector<int8_t>;
inline constexpr int8_t kHeldWhole = -1, kHeldUnreduced = -2;

/// One step of a reshard.
struct ReshardStep {
  enum Kind {
    Slice, ///< what is whole is cut
    Join,  ///< what halves of the samples have becomes whole
    AllReduce,
    ReduceScatter,
    AllGather,
    AllToAll
  };
  Kind kind;
  llvm::SmallVector<int64_t, 2> axes;
  int64_t elements = 0; ///< of the larger side of what a rank has, for both halves where each has its own; 0: free
  HeldAs before, after;

  bool isCollective() const { return kind > Join; }
  llvm::StringRef name() const;
};

/// Searches the sequences of slices and collectives that make one sharding of another, in which an axis cuts nothing
/// but what it cuts at the beginning or in the end, for the one that sends the least, padding included; of those, the
/// one with the fewest collectives; of those, the one that sends the least over far ranks.
class CheapestReshards {
public:
  explicit CheapestReshards(ReshardMesh mesh) : mesh(std::move(mesh)) {}

  /// The steps from `from` to `to` of a tensor of this shape, but for the last: where `to` is unreduced and `from` is
  /// not, they leave it whole, and nothing has to be sent to make that a sum of itself and zeros.
  const std::vector<ReshardStep> &find(const HeldAs &from, const HeldAs &to, llvm::ArrayRef<int64_t> shape);

  const ReshardMesh mesh;

private:
  std::map<std::vector<int64_t>, std::vector<ReshardStep>> known;
};

} // namespace weft

#endif // WEFT_COMPILER_PLAN_CHEAPESTRESHARDS_H

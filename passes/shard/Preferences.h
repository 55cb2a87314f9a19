//===- Preferences.h - How values should be held, and why -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_PREFERENCES_H
#define WEFT_PASSES_SHARD_PREFERENCES_H

#include "passes/shard/Factors.h"

namespace weft {

/// Classes of constraints, in the order in which they are visited (docs/partitioning.md). Those of the user hold.
inline constexpr int64_t kUserPriority = -1, kTensorPriority = 0, kInputPriority = 1, kSequencePriority = 2,
                         kStatePriority = 3;

/// The constraint from which a preference comes.
struct Origin {
  int64_t priority = 0;
  mlir::StringAttr name;

  bool isUsers() const { return priority <= kUserPriority; }
  /// What people call it: of inputs and states there are many.
  llvm::StringRef kind() const;
};

/// How a value should be held: per axis a dimension, or whole where nothing is preferred.
struct Preference {
  dist::Sharding sharding;
  llvm::SmallVector<Origin, 4> origins; ///< per axis
};

/// Those of a function's values.
class Preferences {
public:
  /// Null where nothing is preferred of a value.
  const Preference *find(mlir::Value value) const {
    auto it = known.find(value);
    return it == known.end() ? nullptr : &it->second;
  }
  /// The dimension that an axis should cut, or Whole.
  int8_t at(mlir::Value value, int64_t axis) const {
    const Preference *preference = find(value);
    return preference ? preference->sharding[axis] : dist::Sharding::Whole;
  }
  dist::Sharding of(const dist::Mesh &mesh, mlir::Value value) const {
    const Preference *preference = find(value);
    return preference ? preference->sharding : dist::Sharding::whole(mesh);
  }
  /// Has an axis cut a dimension, if it does not yet cut one. Whether it did not.
  bool set(const dist::Mesh &mesh, mlir::Value value, int64_t axis, int64_t dim, Origin origin);

private:
  llvm::DenseMap<mlir::Value, Preference> known;
};

/// A factor that some tensors of an op would have an axis cut.
struct Contender {
  int64_t factor = OpFactors::None;
  Origin origin;     ///< of those tensors' origins the one that is visited first
  int64_t bytes = 0; ///< of the largest of them
  double sent = 0;   ///< by one rank, to reshard the others; 0 if there are no others
};

/// The factors that the preferences of an op's tensors stand for: first what is visited first; in one class what sends
/// fewer bytes at this op; then what moves smaller tensors.
llvm::SmallVector<Contender, 2> contendersAt(const dist::Mesh &mesh, const OpFactors &factors, mlir::Operation *op,
                                             int64_t axis, const Preferences &preferences);

} // namespace weft

#endif // WEFT_PASSES_SHARD_PREFERENCES_H

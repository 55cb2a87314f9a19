//===- Preferences.h - How values should be held, and why -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_PREFERENCES_H
#define WEFT_PASSES_SHARD_PREFERENCES_H

#include "passes/shard/Factors.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft {

/// Priorities of constraints, the smallest wins (docs/partitioning.md).
inline constexpr int64_t kOverridePriority = -1, kTensorPriority = 0, kInputPriority = 1, kSequencePriority = 2,
                         kStatePriority = 3;

/// The constraint from which a preference comes.
struct Origin {
  int64_t priority = 0;
  mlir::StringAttr name;
};

/// How a value should be held: per axis a dimension, or whole where nothing is preferred.
struct Preference {
  dist::Sharding sharding;
  llvm::SmallVector<Origin, 4> origins; ///< per axis
};

using PreferenceOf = llvm::function_ref<const Preference *(mlir::Value)>;

/// A factor that some tensors of an op would have an axis cut.
struct Contender {
  int64_t factor = OpFactors::None;
  Origin origin;     ///< of those tensors' origins the one of the smallest priority number
  int64_t bytes = 0; ///< of the largest of them
  double sent = 0;   ///< by one rank, to reshard the others
};

/// The factor that an axis should cut at an op.
struct Choice {
  Contender kept;
  std::optional<Contender> over; ///< the best of the others, where tensors of the op prefer others
};

/// Chooses among the factors that the preferences of an op's tensors stand for: what the constraint of the smallest
/// priority number asks for; among equals, what sends the fewest bytes; then what moves the smaller tensors.
Choice chooseFactor(const dist::Mesh &mesh, const OpFactors &factors, mlir::Operation *op, int64_t axis,
                    PreferenceOf preferenceOf);

/// Bytes that one rank sends so that a tensor is held in another way on one axis of `ranks`, if it has `bytes` where it
/// is whole on it: the table of docs/partitioning.md.
double reshardBytes(double bytes, int64_t ranks, int8_t from, int8_t to);

} // namespace weft

#endif // WEFT_PASSES_SHARD_PREFERENCES_H

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

/// The factor that an axis should cut at an op.
struct Choice {
  int64_t factor = OpFactors::None;
  Origin origin;
  int64_t bytes = 0;
  bool isConflict = false; ///< tensors of the op prefer others
};

/// Chooses among the factors that the preferences of an op's tensors stand for: the origin of the smallest priority,
/// then the largest tensor.
Choice chooseFactor(const dist::Mesh &mesh, const OpFactors &factors, mlir::Operation *op, int64_t axis,
                    llvm::function_ref<const Preference *(mlir::Value)> preferenceOf);

} // namespace weft

#endif // WEFT_PASSES_SHARD_PREFERENCES_H

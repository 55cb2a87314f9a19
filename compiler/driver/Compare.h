//===- Compare.h - Values of an executable against reference values ----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_COMPARE_H
#define WEFT_COMPILER_DRIVER_COMPARE_H

#include <string>
#include <vector>

namespace weft {

class SafetensorsFile;

/// One parameter under all its names, the main one first.
struct ParameterNames {
  std::vector<std::string> names;
  bool trainable = true;
};

/// One line of the table that `weft verify` prints.
struct ComparisonRow {
  enum class State {
    Ok,
    Miss,   ///< the error is above the tolerance
    Fault,  ///< there is nothing to compare, and there should be; `note` says what
    Absent, ///< the reference or the model has none; `note` says which
  };
  std::string what;
  State state = State::Absent;
  double error = 0;
  std::string note; ///< the worst element, what was compared
};

/// Largest errors that pass.
struct Tolerances {
  double logits = 1e-4, loss = 1e-4, gradients = 1e-4, curve = 1e-4, parameters = 1e-4;
  /// A gradient smaller than this share of all is measured against that share: only rounding is left of those that are
  /// zero in exact arithmetic (a key's bias before a softmax). It grows with the precision's unit of rounding.
  double gradientFloor = 1e-6;
};

/// Compares what an executable recorded with reference values (their names and
/// meaning: docs/verify.md). The rows are logits, loss, gradients, curve and
/// parameters, always all of them.
///
/// Logits: relative L2 error. Loss and curve: relative error, the largest of the
/// steps. Gradients: for each parameter |g - r| / max(|r|, 1e-6 |all r|), L2
/// norms, the largest. Parameters: the largest relative L2 error.
std::vector<ComparisonRow> compareRecords(const SafetensorsFile &reference, const SafetensorsFile &record,
                                          const std::vector<ParameterNames> &parameters, const Tolerances &tolerances);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_COMPARE_H

//===- Verify.h - weft verify -----------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_VERIFY_H
#define WEFT_COMPILER_DRIVER_VERIFY_H

#include "compiler/driver/Compare.h"
#include "compiler/driver/Options.h"
#include <optional>

namespace weft {

/// The largest relative error that passes in float32.
inline constexpr double kVerifyTolerance = 1e-4;

/// The options of `weft verify` beside those of `weft compile`.
struct VerifyOptions {
  CompileOptions compile;
  std::string reference;
  /// Steps of the loss curve; the reference has at least as many.
  int64_t steps = 20;
  /// Of every row; nothing: kVerifyTolerance, and in 16 bits what suits each row.
  std::optional<double> tolerance;
  /// Ranks that run it; 0: as many as the mesh has.
  int64_t nproc = 0;
  /// Run the streams of tasks in random orders that their events allow, by this seed; empty: in the program's order.
  std::string streamOrder;
  /// A folder that keeps the executable and what it recorded; empty: a temporary one, removed at the end.
  std::string keep;
  /// A folder that gets what `weft-compare` needs on another machine, and nothing is run here; empty: it is.
  std::string build;
};

/// Carries out `weft verify`; `argv0` as for `compile`. Returns the exit code.
int verifyModel(VerifyOptions options, const std::string &argv0);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_VERIFY_H

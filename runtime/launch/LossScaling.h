//===- LossScaling.h - How the loss of fp16 programs is scaled ---*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_LAUNCH_LOSSSCALING_H
#define WEFT_LAUNCH_LOSSSCALING_H

#include "core/ArenaMemory.h"
#include "core/Manifest.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace weft::rt {

/// The options of loss scaling; defaults are those of `--help`. docs/precision.md says what they do.
struct LossScaling {
  double initial = 65536, factor = 2, least = 1;
  int64_t window = 1000, hysteresis = 1;
  bool consecutive = false;
  /// A scale that does not change.
  std::optional<double> fixed;

  /// Fills entries 11 to 15 of `hyper`.
  void fill(std::array<double, 16> &hyper) const;
  /// Gives the states that the executable starts from their values, if it has them.
  void initialise(const Manifest &manifest, ArenaMemory &arena) const;
  /// All of it as text, the same for the same values.
  std::string text() const;
};

/// Whether the loss of this executable is scaled.
bool hasLossScale(const Manifest &manifest);

} // namespace weft::rt

#endif // WEFT_LAUNCH_LOSSSCALING_H

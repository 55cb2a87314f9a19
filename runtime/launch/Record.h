//===- Record.h - Values of a run, for verification -------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_LAUNCH_RECORD_H
#define WEFT_LAUNCH_RECORD_H

#include "comm/Ranks.h"
#include "core/ArenaMemory.h"
#include "core/Manifest.h"

#include <string>
#include <vector>

namespace weft::rt {

/// The value of a scalar state, after all tasks so far.
double readScalar(const Manifest &manifest, ArenaMemory &arena, const char *state);

/// Collects what `--record` writes: `curve` and `grad_norm` (f64, one value for each step), `loss` (f64 scalar) and
/// `logits` of the first batch before the first step, `grad/NAME` of the mean loss at the first step, `param/NAME`
/// after the last.
class Record {
public:
  explicit Record(const Manifest &manifest) : manifest(manifest) {}

  /// After `eval` on one micro-batch of the first batch.
  void evaluated(ArenaMemory &arena);
  /// After each step.
  void stepped(ArenaMemory &arena, double loss, double gradNorm);
  /// After the last step, on all ranks. Rank 0 writes, and holds one whole tensor at a time. Returns "" or what failed.
  std::string write(ArenaMemory &arena, const std::string &path, Ranks &ranks) const;

private:
  /// This rank's part.
  struct Gradient {
    TensorInfo tensor;
    std::vector<float> values;
  };

  void keepGradients(ArenaMemory &arena);

  const Manifest &manifest;
  double lossSum = 0, lossCount = 0;
  std::string logits;
  std::vector<Gradient> gradients;
  std::vector<double> curve, gradNorms;
};

} // namespace weft::rt

#endif // WEFT_LAUNCH_RECORD_H

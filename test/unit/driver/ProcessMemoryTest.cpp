//===- ProcessMemoryTest.cpp - Predicted and measured memory of a process -===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/CudaTarget.h"
#include <gtest/gtest.h>

/// What processes took on an H200 beyond their arenas (docs/performance.md): the prediction is above, and near.
TEST(ProcessMemory, PredictedIsAboveMeasured) {
  constexpr double mib = 1 << 20, gib = 1 << 30;
  struct {
    double hostGiB, measuredMiB;
  } const runs[] = {{148.24, 320.93 + 526.81}, {145.46, 319.40 + 526.81}, {0, 17.9 + 526.8}, {0, 24.4 + 526.8}};
  for (const auto &run : runs) {
    double predicted = static_cast<double>(weft::outsideArenaBytes(false, static_cast<int64_t>(run.hostGiB * gib)));
    EXPECT_GE(predicted, run.measuredMiB * mib);
    EXPECT_LE(predicted, (run.measuredMiB + 64) * mib);
  }
}

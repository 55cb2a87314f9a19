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
    double predicted =
        static_cast<double>(weft::outsideArenaBytes({false, false, false, 0, static_cast<int64_t>(run.hostGiB * gib)}));
    EXPECT_GE(predicted, run.measuredMiB * mib);
    EXPECT_LE(predicted, (run.measuredMiB + 64) * mib);
  }
}

/// And of two ranks, by what their collectives need: NCCL's sends and receives have buffers of their own from their
/// first use on; copy engines take streams, nodes of graphs and the page table of the other rank's arena. Llama-2-13B
/// and 8 layers of Llama-2-7B in halves, tp=2, over NCCL, with all-to-alls; by copy engines Llama 1.1B in halves, and
/// it and Llama-2-7B fully sharded.
TEST(ProcessMemory, CollectivesAreCounted) {
  constexpr double mib = 1 << 20, gib = 1 << 30;
  struct {
    bool exchanges;
    double mappedGiB, measuredMiB;
  } const runs[] = {
      {true, 0, 93805 - 91877}, {true, 0, 1878}, {false, 13.22, 1499}, {false, 26.96, 1481}, {false, 77.81, 1607}};
  for (const auto &run : runs) {
    weft::ProcessNeeds needs{true, run.exchanges, run.mappedGiB > 0, static_cast<int64_t>(run.mappedGiB * gib), 0};
    double predicted = static_cast<double>(weft::outsideArenaBytes(needs));
    EXPECT_GE(predicted, run.measuredMiB * mib);
    EXPECT_LE(predicted, (run.measuredMiB + 128) * mib);
    // It is what they need besides that makes it enough.
    EXPECT_LT(static_cast<double>(weft::outsideArenaBytes({true, false, false, 0, 0})), run.measuredMiB * mib);
  }
}

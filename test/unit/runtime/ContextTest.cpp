//===- ContextTest.cpp - The C API ----------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "host/Context.h"
#include "core/CpuFeatures.h"
#include "core/Error.h"
#include "core/HostPages.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <gtest/gtest.h>
#include <mutex>
#include <vector>

using namespace weft;
using namespace weft::rt;

namespace {

std::mutex rangesMutex;

/// Records its range in the vector that args[0] points to, and counts every element at args[1].
void recordRange(void *const *args, int64_t lo, int64_t hi) {
  std::lock_guard<std::mutex> lock(rangesMutex);
  static_cast<std::vector<std::pair<int64_t, int64_t>> *>(args[0])->push_back({lo, hi});
  for (int64_t i = lo; i < hi; ++i)
    ++static_cast<int *>(args[1])[i];
}

} // namespace

// Every element once, in runs of at least the grain that are cut at multiples of it, at most four a thread.
TEST(Context, LaunchCoversTheExtent) {
  for (int threads : {1, 2, 3, 8}) {
    weft_context context(Manifest{}, threads, false);
    for (int64_t extent : {0, 1, 7, 63, 64, 65, 1000, 4096})
      for (int64_t grain : {0, 1, 16, 64, 5000}) {
        std::vector<std::pair<int64_t, int64_t>> ranges;
        std::vector<int> counts(extent + 1);
        void *args[] = {&ranges, counts.data()};
        weft_launch(&context, recordRange, args, 2, extent, grain);
        EXPECT_EQ(std::count(counts.begin(), counts.begin() + extent, 1), extent);
        EXPECT_LE(ranges.size(), static_cast<size_t>(threads == 1 ? 1 : 4 * threads));
        for (auto [lo, hi] : ranges) {
          EXPECT_EQ(lo % std::max<int64_t>(grain, 1), 0);
          EXPECT_TRUE(hi - lo >= grain || ranges.size() == 1);
        }
        if (extent >= 2 * std::max<int64_t>(grain, 1) && threads > 1) {
          EXPECT_GT(ranges.size(), 1u);
        }
      }
  }
}

TEST(Context, CopyIsWhole) {
  weft_context context(Manifest{}, 3, false);
  for (int64_t bytes : {0, 1, 1000, (1 << 20) + 1, (7 << 20) + 13}) {
    std::vector<char> from(bytes + 1), to(bytes + 1);
    for (int64_t i = 0; i < bytes; ++i)
      from[i] = static_cast<char>(i * 31 % 127);
    to[bytes] = 1;
    weft_copy(&context, to.data(), from.data(), bytes);
    EXPECT_EQ(memcmp(to.data(), from.data(), bytes), 0);
    EXPECT_EQ(to[bytes], 1);
  }
}

// The first failure is kept with the call and its entry.
TEST(Context, FirstErrorIsKept) {
  weft_context context(Manifest{}, 1, false);
  EXPECT_EQ(context.error(), nullptr);
  EXPECT_NO_THROW(context.check("step"));
  float x = 0;
  weft_matmul(&context, 7, &x, &x, nullptr, &x, nullptr);
  weft_attention_forward(&context, 3, &x, &x, &x, nullptr, &x, &x, nullptr);
  EXPECT_STREQ(context.error(), "weft_matmul(7): no such entry");
  try {
    context.check("step");
    FAIL();
  } catch (const InternalError &error) {
    EXPECT_STREQ(error.what(), "in task 'step': weft_matmul(7): no such entry");
  }
}

// A product by its entry in the manifest; scratchpad beyond the plan is refused before the first step.
TEST(Context, MatmulByEntry) {
  Manifest manifest;
  MatmulDesc desc;
  desc.m = desc.n = desc.k = 2;
  desc.aStrides = desc.bStrides = desc.cStrides = {2, 1};
  desc.bias = true;
  manifest.matmuls = {desc};
  manifest.matmulScratch = {matmulScratchBytes(desc, 2)};
  weft_context context(manifest, 2, false);
  float a[] = {1, 2, 3, 4}, b[] = {1, 0, 0, 1}, bias[] = {10, 20}, c[4];
  std::vector<double> scratch(1 << 16);
  weft_matmul(&context, 0, a, b, bias, c, scratch.data());
  EXPECT_EQ(context.error(), nullptr);
  EXPECT_EQ((std::vector<float>(c, c + 4)), (std::vector<float>{11, 22, 13, 24}));
  weft_matmul(&context, 0, a, b, nullptr, c, scratch.data());
  EXPECT_STREQ(context.error(), "weft_matmul(0): an operand is null");

  // Bias and accumulation together need scratchpad in this library.
  desc.m = desc.n = desc.k = 64;
  desc.aStrides = desc.bStrides = desc.cStrides = {64, 1};
  desc.accumulate = true;
  manifest.matmuls = {desc};
  manifest.matmulScratch = {0};
  if (matmulScratchBytes(desc) > 0) {
    EXPECT_THROW(weft_context(manifest, 2, true), InputError);
  }
}

TEST(Context, ArenaIsAlignedAndZero) {
  HostPages arena(10'000'000);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(arena.data()) % (2 << 20), 0u);
  EXPECT_TRUE(std::all_of(arena.data(), arena.data() + arena.size(), [](char c) { return c == 0; }));
  EXPECT_THROW(HostPages(int64_t(1) << 55), InputError);
}

TEST(Context, CpuFeatures) {
  EXPECT_EQ(checkCpuFeatures({"sse2", "cmov", "cx8", "64bit"}, "x86-64"), "");
  EXPECT_EQ(checkCpuFeatures({"sse2", "hovercraft"}, "x86-64"), "cannot tell whether this processor has: hovercraft");
  std::vector<std::string> unknown;
  missingCpuFeatures({"avx2", "fma", "avx512f", "f16c", "bmi2", "sse4.2"}, unknown);
  EXPECT_TRUE(unknown.empty());
}

//===- MachinePeak.cpp - What this machine does at best -------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "host/MachinePeak.h"

#include "core/HostPages.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <omp.h>

using namespace weft::rt;

/// The least of several times, in seconds.
template <typename Function> static double leastTime(Function function) {
  using std::chrono::steady_clock;
  double best = 1e30, total = 0;
  for (int i = 0; i < 3 || (total < 0.1 && i < 100); ++i) {
    auto start = steady_clock::now();
    function();
    double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

namespace {
typedef float Vec8 __attribute__((vector_size(32)));
typedef float Vec16 __attribute__((vector_size(64)));
/// Enough independent sums to hide the latency of two units of four cycles.
constexpr int kSums = 12;
} // namespace

#define WEFT_MULTIPLY_ADDS(NAME, VEC, TARGET, REGISTER)                                                                \
  __attribute__((target(TARGET), noinline)) static float NAME(int64_t rounds) {                                        \
    VEC sums[kSums], factor, term;                                                                                     \
    for (unsigned i = 0; i < sizeof(VEC) / 4; ++i) {                                                                   \
      factor[i] = 0.999f;                                                                                              \
      term[i] = 1e-3f * static_cast<float>(i);                                                                         \
    }                                                                                                                  \
    for (auto &sum : sums)                                                                                             \
      sum = term;                                                                                                      \
    for (int64_t r = 0; r < rounds; ++r) {                                                                             \
      asm volatile("" : "+" REGISTER(factor)); /* Keeps the loop from being worked out once. */                        \
      _Pragma("GCC unroll 12") for (int i = 0; i < kSums; ++i) sums[i] = sums[i] * factor + term;                      \
    }                                                                                                                  \
    float total = 0;                                                                                                   \
    for (auto &sum : sums)                                                                                             \
      total += sum[0] + sum[sizeof(VEC) / 4 - 1];                                                                      \
    return total;                                                                                                      \
  }
WEFT_MULTIPLY_ADDS(multiplyAdds8, Vec8, "avx2,fma", "x")
WEFT_MULTIPLY_ADDS(multiplyAdds16, Vec16, "avx512f", "v")

double weft::rt::measureMultiplyAdds(int threads) {
  __builtin_cpu_init();
  bool wide = __builtin_cpu_supports("avx512f");
  if (!wide && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")))
    return 0;
  constexpr int64_t rounds = 200'000;
  double seconds = leastTime([&] {
#pragma omp parallel num_threads(threads)
    {
      volatile float sink = wide ? multiplyAdds16(rounds) : multiplyAdds8(rounds);
      (void)sink;
    }
  });
  return 2.0 * kSums * (wide ? 16 : 8) * rounds * threads / seconds * 1e-9;
}

double weft::rt::measureCopy(int threads) {
  constexpr int64_t bytes = int64_t(128) << 20;
  HostPages from(bytes), to(bytes);
  memset(from.data(), 1, bytes);
  memset(to.data(), 2, bytes);
  double seconds = leastTime([&] {
#pragma omp parallel for schedule(static, 1) num_threads(threads)
    for (int part = 0; part < threads; ++part) {
      int64_t lo = bytes * part / threads, hi = bytes * (part + 1) / threads;
      memcpy(to.data() + lo, from.data() + lo, hi - lo);
    }
  });
  return 2.0 * bytes / seconds * 1e-9;
}

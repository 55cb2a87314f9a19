//===- Launch.cpp - Kernels of the host on several threads ------------------- -===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kernels/Launch.h"

#include <algorithm>

using namespace weft;

void weft::rt::launchKernel(weft_kernel_fn kernel, void *const *args, int64_t extent, int64_t grain, int threads) {
  if (extent <= 0)
    return;
  grain = std::max<int64_t>(grain, 1);
  // Cuts lie at multiples of the grain, wherever the threads are: a kernel whose grain is a multiple of its vector
  // width treats every element the same way with any number of threads.
  int64_t units = std::max<int64_t>(extent / grain, 1);
  if (std::min<int64_t>(units, threads) == 1)
    return kernel(args, 0, extent);
  // More parts than threads, taken as threads are free: a processor that is slower or shared holds nobody up.
  constexpr int64_t kPartsPerThread = 4;
  int64_t parts = std::min<int64_t>(units, kPartsPerThread * threads);
#pragma omp parallel for schedule(dynamic, 1) num_threads(static_cast <int>(std::min <int64_t>(parts, threads)))
  for (int64_t part = 0; part < parts; ++part) {
    int64_t lo = units * part / parts * grain;
    int64_t hi = part + 1 == parts ? extent : units * (part + 1) / parts * grain;
    kernel(args, lo, hi);
  }
}

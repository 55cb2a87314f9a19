//===- Launch.h - Kernels of the host on several threads --------*- C++ -* -===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_KERNELS_LAUNCH_H
#define WEFT_KERNELS_LAUNCH_H

#include "weft/runtime.h"

namespace weft::rt {

/// Runs a kernel over [0, extent) on at most `threads` threads, in runs of at least `grain`. Results do not depend on
/// the number of threads.
void launchKernel(weft_kernel_fn kernel, void *const *args, int64_t extent, int64_t grain, int threads);

} // namespace weft::rt

#endif // WEFT_KERNELS_LAUNCH_H

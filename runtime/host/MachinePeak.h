//===- MachinePeak.h - What this machine does at best -----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Measured, because clocks and neighbours change both from minute to minute.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_HOST_MACHINEPEAK_H
#define WEFT_HOST_MACHINEPEAK_H

namespace weft::rt {

/// The rate of independent f32 multiply-adds in registers, with the widest vectors there are, on `threads` threads at
/// once [GFLOP/s]. Takes about a tenth of a second. 0 where the processor has no fused multiply-add.
double measureMultiplyAdds(int threads);

/// Bytes read plus bytes written by a copy of memory beyond all caches, on `threads` threads [GB/s]. Takes about a
/// tenth of a second and 256 MiB.
double measureCopy(int threads);

} // namespace weft::rt

#endif // WEFT_HOST_MACHINEPEAK_H

//===- CopyKernels.h - Reductions behind copies -----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_COPYKERNELS_H
#define WEFT_DEVICE_COPYKERNELS_H

#include "core/DType.h"
#include "weft/collective.h"

#include <cstdint>
#include <cuda_runtime_api.h>

namespace weft::rt {

/// What one rank reduces: `rows` rows of `width` elements of each of `ranks` parts, of which that at place `self` lies
/// in `own`, the others dense in `others`, by place, `stride` bytes apart. Pitches in bytes.
struct PartReduction {
  const void *own = nullptr, *others = nullptr;
  void *out = nullptr;
  int64_t rows = 1, width = 0, ownPitch = 0, outPitch = 0, stride = 0;
  int64_t ranks = 1, self = 0;
};

/// Reduces as comm/Reduce.h does, bit by bit: in the order of places, bf16 and f16 in f32 and rounded once.
cudaError_t launchReduceParts(DType dtype, ReduceOperation kind, const PartReduction &what, cudaStream_t stream);

} // namespace weft::rt

#endif // WEFT_DEVICE_COPYKERNELS_H

//===- Kernels.h - The runtime's own kernels --------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Called by what g++ compiles; nvcc compiles Kernels.cu, InitialValues.cu and CopyKernels.cu.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_KERNELS_H
#define WEFT_DEVICE_KERNELS_H

#include "kernels/TopK.h"

#include <cstdint>
#include <cuda_runtime_api.h>

namespace weft::rt {

struct NormalPart;

/// `count` values of bf16, evenly between -1 and 1, which depend on their index and `seed`.
cudaError_t launchRandom(void *to, int64_t count, uint64_t seed, cudaStream_t stream);

/// Writes what NormalPart::fill writes, the same bits. `to` is memory of the device, or of the host where the device
/// may write there. cudaErrorNotSupported: of another type than f32, bf16, f16, or cut in more than eight dimensions.
cudaError_t launchNormal(const NormalPart &part, void *to, cudaStream_t stream);

/// Adds to `*sum` a number that depends on all bits of `count` 2-byte values and on their places. Sums of integers: the
/// same whatever the order.
cudaError_t launchChecksum(const void *from, int64_t count, uint64_t *sum, cudaStream_t stream);

/// topK of kernels/TopK.h on the device: the same elements in the same order.
cudaError_t launchTopK(const TopKDesc &desc, const void *input, void *values, void *indices, cudaStream_t stream);

/// A dense box of up to three spatial dimensions (missing ones of size 1) inside a larger one.
struct PadShape {
  /// Rows of boxes: batch times channels.
  int64_t rows;
  int64_t inner[3], outer[3], low[3];
};

/// Copies boxes into larger ones with zeros around them, and back out of them. `width`: 2 or 4 bytes an element.
cudaError_t launchPad(const PadShape &shape, const void *from, void *to, int width, cudaStream_t stream);
cudaError_t launchCrop(const PadShape &shape, const void *from, void *to, int width, cudaStream_t stream);

/// A mask of bytes, strides in elements (0 broadcasts), as f32 [sizes]: 0 where it is true, else the lowest number that
/// leaves sums finite.
cudaError_t launchMaskBias(const void *mask, const int64_t (&sizes)[4], const int64_t (&strides)[4], float *to,
                           cudaStream_t stream);

/// Dense [rows, columns, width bytes] becomes [columns, rows, width bytes].
cudaError_t launchSwapRows(const void *from, void *to, int64_t rows, int64_t columns, int64_t width,
                           cudaStream_t stream);

/// Adds to `*counter` and sets `*place`, both in memory that this process reads meanwhile.
cudaError_t launchNote(int64_t *counter, int64_t *place, int64_t add, int64_t value, cudaStream_t stream);

} // namespace weft::rt

#endif // WEFT_DEVICE_KERNELS_H

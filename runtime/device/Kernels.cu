//===- Kernels.cu - The runtime's own kernels -----------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/Kernels.h"

#include <algorithm>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <type_traits>

using namespace weft::rt;

static constexpr int kThreads = 256;

/// Blocks for `count` elements, which a kernel walks through in strides of the grid.
static int blocksFor(int64_t count) {
  return static_cast<int>(std::max<int64_t>(1, std::min<int64_t>((count + kThreads - 1) / kThreads, 4096)));
}

/// The finaliser of SplitMix64.
static __device__ uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

static __global__ void randomKernel(__nv_bfloat16 *to, int64_t count, uint64_t seed) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x)
    to[i] = __float2bfloat16(static_cast<float>(mix(seed + i * 0x9e3779b97f4a7c15ull) >> 40) * 0x1p-23f - 1.0f);
}

cudaError_t weft::rt::launchRandom(void *to, int64_t count, uint64_t seed, cudaStream_t stream) {
  randomKernel<<<blocksFor(count), kThreads, 0, stream>>>(static_cast<__nv_bfloat16 *>(to), count, seed);
  return cudaGetLastError();
}

static __global__ void checksumKernel(const uint16_t *from, int64_t count, unsigned long long *sum) {
  unsigned long long mine = 0;
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x)
    mine += mix(static_cast<uint64_t>(i) << 16 | from[i]);
  atomicAdd(sum, mine);
}

cudaError_t weft::rt::launchChecksum(const void *from, int64_t count, uint64_t *sum, cudaStream_t stream) {
  checksumKernel<<<blocksFor(count), kThreads, 0, stream>>>(static_cast<const uint16_t *>(from), count,
                                                            reinterpret_cast<unsigned long long *>(sum));
  return cudaGetLastError();
}

//===----------------------------------------------------------------------===//
// Collectives
//===----------------------------------------------------------------------===//

/// `width` in units of T.
template <typename T>
static __global__ void swapRowsKernel(const T *from, T *to, int64_t rows, int64_t columns, int64_t width) {
  int64_t count = rows * columns * width;
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    // Neighbours write neighbours; what they read lies in runs of `width`.
    int64_t within = i % width, pair = i / width, row = pair % rows, column = pair / rows;
    to[i] = from[(row * columns + column) * width + within];
  }
}

template <typename T>
static void swapRows(const void *from, void *to, int64_t rows, int64_t columns, int64_t width, cudaStream_t stream) {
  int64_t units = width / static_cast<int64_t>(sizeof(T));
  swapRowsKernel<<<blocksFor(rows * columns * units), kThreads, 0, stream>>>(
      static_cast<const T *>(from), static_cast<T *>(to), rows, columns, units);
}

cudaError_t weft::rt::launchSwapRows(const void *from, void *to, int64_t rows, int64_t columns, int64_t width,
                                     cudaStream_t stream) {
  // The widest unit that divides a run and both addresses.
  uint64_t all = reinterpret_cast<uint64_t>(from) | reinterpret_cast<uint64_t>(to) | static_cast<uint64_t>(width);
  auto *run = all % 16 == 0  ? swapRows<uint4>
              : all % 8 == 0 ? swapRows<uint64_t>
              : all % 4 == 0 ? swapRows<uint32_t>
              : all % 2 == 0 ? swapRows<uint16_t>
                             : swapRows<uint8_t>;
  run(from, to, rows, columns, width, stream);
  return cudaGetLastError();
}

static __global__ void noteKernel(volatile int64_t *counter, volatile int64_t *place, int64_t add, int64_t value) {
  *counter += add;
  *place = value;
  __threadfence_system();
}

cudaError_t weft::rt::launchNote(int64_t *counter, int64_t *place, int64_t add, int64_t value, cudaStream_t stream) {
  noteKernel<<<1, 1, 0, stream>>>(counter, place, add, value);
  return cudaGetLastError();
}

//===----------------------------------------------------------------------===//
// Top-k
//===----------------------------------------------------------------------===//

namespace {

/// An element's place in the order: a larger key is better, of equal keys the lower index.
struct Place {
  uint64_t key;
  int64_t index;
};

} // namespace

static __device__ bool isBetter(const Place &a, const Place &b) {
  return a.key > b.key || (a.key == b.key && a.index < b.index);
}

/// A number that grows with the element; NaN is above all others, and both zeros are equal.
template <typename T> static __device__ uint64_t keyOf(T element) {
  if constexpr (std::is_integral_v<T>) {
    return std::is_signed_v<T> ? static_cast<uint64_t>(static_cast<int64_t>(element)) ^ (1ull << 63)
                               : static_cast<uint64_t>(element);
  } else if constexpr (std::is_same_v<T, double>) {
    if (isnan(element))
      return ~0ull;
    uint64_t bits = static_cast<uint64_t>(__double_as_longlong(element == 0 ? 0.0 : element));
    return bits >> 63 ? ~bits : bits | 1ull << 63;
  } else {
    return keyOf(static_cast<double>(static_cast<float>(element)));
  }
}

/// A block for each line; the n-th round finds the best element behind that of the round before. Its index is what the
/// order ends with, so every element has a place of its own.
template <typename T>
static __global__ void topKKernel(const T *input, T *values, int64_t *indices, int64_t size, int64_t inner, int64_t k,
                                  bool smallest) {
  __shared__ Place shared[32];
  int64_t line = blockIdx.x, outer = line / inner, lane = line % inner;
  input += outer * size * inner + lane;
  values += outer * k * inner + lane;
  indices += outer * k * inner + lane;
  Place last{~0ull, -1};
  for (int64_t round = 0; round < k; ++round) {
    Place best{0, INT64_MAX};
    for (int64_t i = threadIdx.x; i < size; i += blockDim.x) {
      uint64_t key = keyOf(input[i * inner]);
      Place place{smallest ? ~key : key, i};
      if (isBetter(last, place) && isBetter(place, best))
        best = place;
    }
    for (int step = 16; step > 0; step /= 2) {
      Place other{__shfl_xor_sync(~0u, best.key, step),
                  static_cast<int64_t>(__shfl_xor_sync(~0u, static_cast<long long>(best.index), step))};
      if (isBetter(other, best))
        best = other;
    }
    if (threadIdx.x % 32 == 0)
      shared[threadIdx.x / 32] = best;
    __syncthreads();
    best = shared[0];
    for (int warp = 1; warp < blockDim.x / 32; ++warp)
      if (isBetter(shared[warp], best))
        best = shared[warp];
    __syncthreads();
    if (threadIdx.x == 0) {
      values[round * inner] = input[best.index * inner];
      indices[round * inner] = best.index;
    }
    last = best;
  }
}

template <typename T>
static cudaError_t runTopK(const TopKDesc &desc, const void *input, void *values, void *indices, cudaStream_t stream) {
  int64_t lines = desc.outer * desc.inner;
  int threads = desc.size <= 512 ? 32 : kThreads;
  topKKernel<T><<<static_cast<unsigned>(lines), threads, 0, stream>>>(
      static_cast<const T *>(input), static_cast<T *>(values), static_cast<int64_t *>(indices), desc.size, desc.inner,
      desc.k, desc.smallest);
  return cudaGetLastError();
}

cudaError_t weft::rt::launchTopK(const TopKDesc &desc, const void *input, void *values, void *indices,
                                 cudaStream_t stream) {
  int64_t lines = desc.outer * desc.inner;
  if (lines == 0 || desc.k == 0)
    return cudaSuccess;
  if (lines > INT32_MAX)
    return cudaErrorInvalidValue;
  switch (desc.dtype) {
  case DType::F32:
    return runTopK<float>(desc, input, values, indices, stream);
  case DType::F64:
    return runTopK<double>(desc, input, values, indices, stream);
  case DType::F16:
    return runTopK<__half>(desc, input, values, indices, stream);
  case DType::BF16:
    return runTopK<__nv_bfloat16>(desc, input, values, indices, stream);
  case DType::I64:
    return runTopK<int64_t>(desc, input, values, indices, stream);
  case DType::I32:
    return runTopK<int32_t>(desc, input, values, indices, stream);
  case DType::I16:
    return runTopK<int16_t>(desc, input, values, indices, stream);
  case DType::I8:
    return runTopK<int8_t>(desc, input, values, indices, stream);
  case DType::U64:
    return runTopK<uint64_t>(desc, input, values, indices, stream);
  case DType::U32:
    return runTopK<uint32_t>(desc, input, values, indices, stream);
  case DType::U16:
    return runTopK<uint16_t>(desc, input, values, indices, stream);
  case DType::U8:
  case DType::I1:
    return runTopK<uint8_t>(desc, input, values, indices, stream);
  }
  return cudaErrorInvalidValue;
}

//===----------------------------------------------------------------------===//
// Padding and masks
//===----------------------------------------------------------------------===//

static int64_t elementsOf(const int64_t (&sizes)[3]) { return sizes[0] * sizes[1] * sizes[2]; }

template <typename T> static __global__ void padKernel(PadShape shape, const T *from, T *to, int64_t count) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    int64_t rest = i, at[3];
    for (int d = 2; d >= 0; --d) {
      at[d] = rest % shape.outer[d] - shape.low[d];
      rest /= shape.outer[d];
    }
    bool inside = true;
    int64_t source = rest;
    for (int d = 0; d < 3; ++d) {
      inside = inside && at[d] >= 0 && at[d] < shape.inner[d];
      source = source * shape.inner[d] + at[d];
    }
    to[i] = inside ? from[source] : T(0);
  }
}

template <typename T> static __global__ void cropKernel(PadShape shape, const T *from, T *to, int64_t count) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    int64_t rest = i, at[3];
    for (int d = 2; d >= 0; --d) {
      at[d] = rest % shape.inner[d] + shape.low[d];
      rest /= shape.inner[d];
    }
    int64_t source = rest;
    for (int d = 0; d < 3; ++d)
      source = source * shape.outer[d] + at[d];
    to[i] = from[source];
  }
}

cudaError_t weft::rt::launchPad(const PadShape &shape, const void *from, void *to, int width, cudaStream_t stream) {
  int64_t count = shape.rows * elementsOf(shape.outer);
  if (width == 4)
    padKernel<<<blocksFor(count), kThreads, 0, stream>>>(shape, static_cast<const uint32_t *>(from),
                                                         static_cast<uint32_t *>(to), count);
  else
    padKernel<<<blocksFor(count), kThreads, 0, stream>>>(shape, static_cast<const uint16_t *>(from),
                                                         static_cast<uint16_t *>(to), count);
  return cudaGetLastError();
}

cudaError_t weft::rt::launchCrop(const PadShape &shape, const void *from, void *to, int width, cudaStream_t stream) {
  int64_t count = shape.rows * elementsOf(shape.inner);
  if (width == 4)
    cropKernel<<<blocksFor(count), kThreads, 0, stream>>>(shape, static_cast<const uint32_t *>(from),
                                                          static_cast<uint32_t *>(to), count);
  else
    cropKernel<<<blocksFor(count), kThreads, 0, stream>>>(shape, static_cast<const uint16_t *>(from),
                                                          static_cast<uint16_t *>(to), count);
  return cudaGetLastError();
}

namespace {
struct MaskShape {
  int64_t sizes[4], strides[4];
};
} // namespace

static __global__ void maskBiasKernel(MaskShape shape, const uint8_t *mask, float *to, int64_t count) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    int64_t rest = i, source = 0;
    for (int d = 3; d >= 0; --d) {
      source += rest % shape.sizes[d] * shape.strides[d];
      rest /= shape.sizes[d];
    }
    to[i] = mask[source] ? 0.0f : -1e30f;
  }
}

cudaError_t weft::rt::launchMaskBias(const void *mask, const int64_t (&sizes)[4], const int64_t (&strides)[4],
                                     float *to, cudaStream_t stream) {
  MaskShape shape;
  int64_t count = 1;
  for (int d = 0; d < 4; ++d) {
    shape.sizes[d] = sizes[d];
    shape.strides[d] = strides[d];
    count *= sizes[d];
  }
  maskBiasKernel<<<blocksFor(count), kThreads, 0, stream>>>(shape, static_cast<const uint8_t *>(mask), to, count);
  return cudaGetLastError();
}

//===- CopyKernels.cu - Reductions behind copies --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/CopyKernels.h"

#include <algorithm>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <type_traits>

using namespace weft;
using namespace weft::rt;

static constexpr int kThreads = 256;

namespace {

/// What the elements of T are reduced in.
template <typename T>
using Sum = std::conditional_t<std::is_same_v<T, __nv_bfloat16> || std::is_same_v<T, __half>, float, T>;

/// `count` elements that are loaded and stored at once.
template <typename T, int count> struct alignas(sizeof(T) * count) Pack { T at[count]; };

} // namespace

template <ReduceOperation kind, typename S> static __device__ S combine(S sum, S next) {
  if constexpr (kind == ReduceOperation::Max)
    return sum > next || sum != sum ? sum : next;
  if constexpr (kind == ReduceOperation::Min)
    return sum < next || sum != sum ? sum : next;
  if constexpr (std::is_integral_v<S>) {
    // Unsigned arithmetic wraps around where signed overflow would be undefined.
    using Word = std::make_unsigned_t<S>;
    return kind == ReduceOperation::Sum ? static_cast<S>(static_cast<Word>(sum) + static_cast<Word>(next))
                                        : static_cast<S>(static_cast<Word>(sum) * static_cast<Word>(next));
  } else {
    return kind == ReduceOperation::Sum ? sum + next : sum * next;
  }
}

/// A column of blocks for each row, or for every so many of them.
template <typename T, int count, ReduceOperation kind>
static __global__ void __launch_bounds__(kThreads) reducePartsKernel(PartReduction what) {
  using Packed = Pack<T, count>;
  int64_t packs = what.width / count;
  for (int64_t row = blockIdx.y; row < what.rows; row += gridDim.y) {
    auto *own = reinterpret_cast<const Packed *>(static_cast<const char *>(what.own) + row * what.ownPitch);
    auto *others = static_cast<const char *>(what.others) + row * what.width * int64_t(sizeof(T));
    auto *out = reinterpret_cast<Packed *>(static_cast<char *>(what.out) + row * what.outPitch);
    for (int64_t i = blockIdx.x * int64_t(kThreads) + threadIdx.x; i < packs; i += int64_t(gridDim.x) * kThreads) {
      Sum<T> sum[count];
#pragma unroll 4
      for (int64_t place = 0; place < what.ranks; ++place) {
        int64_t other = place < what.self ? place : place - 1;
        const Packed *from = place == what.self ? own : reinterpret_cast<const Packed *>(others + other * what.stride);
        Packed next = from[i];
#pragma unroll
        for (int k = 0; k < count; ++k) {
          Sum<T> value = static_cast<Sum<T>>(next.at[k]);
          sum[k] = place == 0 ? value : combine<kind>(sum[k], value);
        }
      }
      Packed result;
#pragma unroll
      for (int k = 0; k < count; ++k)
        result.at[k] = static_cast<T>(sum[k]);
      out[i] = result;
    }
  }
}

template <typename T, int count, ReduceOperation kind>
static cudaError_t run(const PartReduction &what, cudaStream_t stream) {
  int64_t columns = std::max<int64_t>(1, (what.width / count + kThreads - 1) / kThreads);
  dim3 grid(static_cast<unsigned>(std::min<int64_t>(columns, 2048)),
            static_cast<unsigned>(std::min<int64_t>(what.rows, std::max<int64_t>(1, 4096 / columns))));
  reducePartsKernel<T, count, kind><<<grid, kThreads, 0, stream>>>(what);
  return cudaGetLastError();
}

template <typename T, int count>
static cudaError_t runPacked(ReduceOperation kind, const PartReduction &what, cudaStream_t stream) {
  switch (kind) {
  case ReduceOperation::Sum:
    return run<T, count, ReduceOperation::Sum>(what, stream);
  case ReduceOperation::Max:
    return run<T, count, ReduceOperation::Max>(what, stream);
  case ReduceOperation::Min:
    return run<T, count, ReduceOperation::Min>(what, stream);
  case ReduceOperation::Product:
    return run<T, count, ReduceOperation::Product>(what, stream);
  }
  return cudaErrorInvalidValue;
}

/// 16 bytes at a time where every row begins at a multiple of them.
template <typename T>
static cudaError_t runTyped(ReduceOperation kind, const PartReduction &what, cudaStream_t stream) {
  auto bits = [](const void *address) { return reinterpret_cast<uint64_t>(address); };
  uint64_t all = bits(what.own) | bits(what.others) | bits(what.out) | static_cast<uint64_t>(what.stride) |
                 static_cast<uint64_t>(what.width) * sizeof(T);
  if (what.rows > 1)
    all |= static_cast<uint64_t>(what.ownPitch) | static_cast<uint64_t>(what.outPitch);
  return all % 16 == 0 ? runPacked<T, 16 / sizeof(T)>(kind, what, stream) : runPacked<T, 1>(kind, what, stream);
}

cudaError_t weft::rt::launchReduceParts(DType dtype, ReduceOperation kind, const PartReduction &what,
                                        cudaStream_t stream) {
  switch (dtype) {
  case DType::F32:
    return runTyped<float>(kind, what, stream);
  case DType::F64:
    return runTyped<double>(kind, what, stream);
  case DType::F16:
    return runTyped<__half>(kind, what, stream);
  case DType::BF16:
    return runTyped<__nv_bfloat16>(kind, what, stream);
  case DType::I64:
    return runTyped<int64_t>(kind, what, stream);
  case DType::I32:
    return runTyped<int32_t>(kind, what, stream);
  default:
    return cudaErrorInvalidValue;
  }
}

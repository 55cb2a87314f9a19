//===- InitialValues.cu - Random initial values on a GPU ------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Compiled without contraction into fused operations: the bits are a processor's.
//
//===----------------------------------------------------------------------===//

#include "core/NormalNumbers.h"
#include "core/NormalPart.h"
#include "device/Kernels.h"

#include <algorithm>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

using namespace weft::rt;

static constexpr int kThreads = 256;

namespace {

/// A NormalPart as kernels take it. `stride` is of the whole tensor, in elements.
struct NormalFill {
  static constexpr int kMostDims = 8;
  int rank;
  int64_t held[kMostDims], size[kMostDims], begin[kMostDims], stride[kMostDims];
  uint64_t seed, name;
  float deviation;
};

} // namespace

/// Element `index` of the tensor.
static __device__ float normalAt(const NormalFill &fill, int64_t index) {
  uint64_t block = static_cast<uint64_t>(index) / 4;
  uint32_t w[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), static_cast<uint32_t>(fill.name),
                   static_cast<uint32_t>(fill.name >> 32)};
  philoxRounds(w[0], w[1], w[2], w[3], static_cast<uint32_t>(fill.seed), static_cast<uint32_t>(fill.seed >> 32));
  int pair = static_cast<int>(index & 2);
  float first, second;
  normalPair(pair ? w[2] : w[0], pair ? w[3] : w[1], fill.deviation, first, second);
  return index & 1 ? second : first;
}

static __device__ void store(float *to, float value) { *to = value; }
static __device__ void store(__nv_bfloat16 *to, float value) { *to = __float2bfloat16_rn(value); }
static __device__ void store(__half *to, float value) { *to = __float2half_rn(value); }

template <typename T> static __global__ void normalKernel(T *to, int64_t count, NormalFill fill) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    int64_t rest = i, index = 0;
    bool inside = true;
    for (int d = fill.rank - 1; d >= 0; --d) {
      int64_t at = rest % fill.held[d];
      rest /= fill.held[d];
      inside &= at < fill.size[d];
      index += (fill.begin[d] + at) * fill.stride[d];
    }
    store(to + i, inside ? normalAt(fill, index) : 0.0f);
  }
}

template <typename T> static void launch(const NormalFill &fill, int64_t count, void *to, cudaStream_t stream) {
  auto blocks = static_cast<int>(std::min<int64_t>((count + kThreads - 1) / kThreads, int64_t(1) << 20));
  normalKernel<<<blocks, kThreads, 0, stream>>>(static_cast<T *>(to), count, fill);
}

cudaError_t weft::rt::launchNormal(const NormalPart &part, void *to, cudaStream_t stream) {
  NormalPart merged = part.collapsed();
  const Box &box = merged.box;
  size_t rank = box.shape.size();
  auto *run = part.dtype == DType::F32    ? launch<float>
              : part.dtype == DType::BF16 ? launch<__nv_bfloat16>
              : part.dtype == DType::F16  ? launch<__half>
                                          : nullptr;
  if (!run || rank > NormalFill::kMostDims)
    return cudaErrorNotSupported;
  NormalFill fill{static_cast<int>(rank), {}, {}, {}, {}, part.seed, part.name, part.deviation};
  int64_t stride = 1, count = 1;
  for (size_t d = rank; d-- > 0; stride *= box.shape[d]) {
    fill.held[d] = box.held[d];
    fill.size[d] = box.size[d];
    fill.begin[d] = box.begin[d];
    fill.stride[d] = stride;
    count *= box.held[d];
  }
  if (count > 0)
    run(fill, count, to, stream);
  return cudaGetLastError();
}

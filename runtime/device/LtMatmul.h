//===- LtMatmul.h - Products by cuBLASLt ------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_LTMATMUL_H
#define WEFT_DEVICE_LTMATMUL_H

#include "device/AlgorithmCache.h"
#include "device/Cuda.h"
#include "device/MatmulProblem.h"

#include <cublasLt.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft::rt {

/// Throws InternalError with the call and the library's own words unless `status` is success.
void checkLt(cublasStatus_t status, const char *call);

using LtHandle = Owned<cublasLtHandle_t, cublasLtDestroy>;
using LtMatmulDesc = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using LtLayout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using LtPreference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

/// Device addresses of a product.
struct MatmulBuffers {
  const void *a = nullptr, *b = nullptr, *bias = nullptr;
  void *aux = nullptr, *c = nullptr, *scratch = nullptr;
};

/// One product, ready to be enqueued. Used by one thread at a time.
class LtMatmul {
public:
  /// Takes the library's first algorithm among those that fit into `workspace` bytes, and, where `deterministic`, give
  /// the same bits each time. Throws InternalError.
  LtMatmul(cublasLtHandle_t handle, const MatmulDesc &desc, int64_t workspace, bool deterministic);

  const MatmulProblem &problem() const { return shape; }
  int64_t workspaceBound() const { return bound; }
  /// Of problem, workspace and determinism.
  const std::string &key() const { return text; }

  /// The library's algorithms, best first as it believes.
  std::vector<CachedAlgorithm> candidates(int count) const { return askLibrary(shape.alignment, count); }
  /// Takes an algorithm. False where the library does not know it for this problem, or it needs more workspace.
  bool use(const CachedAlgorithm &algorithm);
  const CachedAlgorithm &algorithm() const { return chosen; }

  /// Enqueues the product. Null, or what is wrong.
  const char *run(cudaStream_t stream, const MatmulBuffers &buffers) noexcept;

private:
  std::vector<CachedAlgorithm> askLibrary(int64_t alignment, int count) const;
  void setPointers(const void *bias, void *aux);

  cublasLtHandle_t handle;
  MatmulProblem shape;
  /// Bytes of scratch memory, and those of them that are workspace once it is aligned.
  int64_t bound, workspace;
  bool deterministic;
  std::string text;
  LtMatmulDesc description;
  LtLayout left, right, result;
  CachedAlgorithm chosen;
  /// For addresses that are less aligned; asked for when there is one.
  std::optional<CachedAlgorithm> unaligned;
};

/// What choosing algorithms came to.
struct TuningReport {
  int64_t products = 0, problems = 0, timed = 0, remembered = 0, untimed = 0;
  double milliseconds = 0;
  std::string remark;
};

/// Chooses the algorithm of each product by the time it takes on this device, each distinct problem once, on random
/// values in `pool`; what `cache` knows is not timed. The pool's contents are lost. Throws InternalError.
TuningReport tuneMatmuls(const std::vector<std::unique_ptr<LtMatmul>> &matmuls, AlgorithmCache &cache,
                         cudaStream_t stream, char *pool, int64_t poolBytes, bool deterministic);

} // namespace weft::rt

#endif // WEFT_DEVICE_LTMATMUL_H

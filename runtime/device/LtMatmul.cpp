//===- LtMatmul.cpp - Products by cuBLASLt --------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/LtMatmul.h"

#include <algorithm>
#include <cstring>

using namespace weft;
using namespace weft::rt;

static_assert(sizeof(cublasLtMatmulAlgo_t) == sizeof(CachedAlgorithm::words));

void weft::rt::checkLt(cublasStatus_t status, const char *call) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw InternalError(std::string(call) + ": " + cublasLtGetStatusName(status) + ": " +
                        cublasLtGetStatusString(status));
}

static cudaDataType_t dataType(MatmulType type) {
  return type == MatmulType::F32 ? CUDA_R_32F : type == MatmulType::BF16 ? CUDA_R_16BF : CUDA_R_16F;
}

template <typename T>
static void setAttribute(cublasLtMatmulDesc_t description, cublasLtMatmulDescAttributes_t attribute, const T &value) {
  checkLt(cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof(value)),
          "cublasLtMatmulDescSetAttribute");
}

static LtLayout makeLayout(const ColumnMajor &matrix, cudaDataType_t type, int64_t batch) {
  LtLayout layout;
  checkLt(cublasLtMatrixLayoutCreate(layout.out(), type, matrix.rows, matrix.columns, matrix.leading),
          "cublasLtMatrixLayoutCreate");
  if (batch == 1)
    return layout;
  int32_t count = static_cast<int32_t>(batch);
  auto set = [&](cublasLtMatrixLayoutAttribute_t attribute, const auto &value) {
    checkLt(cublasLtMatrixLayoutSetAttribute(layout.get(), attribute, &value, sizeof(value)),
            "cublasLtMatrixLayoutSetAttribute");
  };
  set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count);
  set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, matrix.batchStride);
  return layout;
}

static cublasLtEpilogue_t epilogueOf(const MatmulDesc &desc) {
  switch (desc.epilogue) {
  case MatmulEpilogue::GeluAux:
    return desc.bias ? CUBLASLT_EPILOGUE_GELU_AUX_BIAS : CUBLASLT_EPILOGUE_GELU_AUX;
  case MatmulEpilogue::DGelu:
    return CUBLASLT_EPILOGUE_DGELU;
  case MatmulEpilogue::None:
    break;
  }
  return desc.bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
}

LtMatmul::LtMatmul(cublasLtHandle_t handle, const MatmulDesc &desc, int64_t workspace, bool deterministic)
    : handle(handle), bound(workspace), workspace(std::max<int64_t>(0, workspace - kWorkspaceSlack)),
      deterministic(deterministic) {
  std::string fault;
  if (!makeMatmulProblem(desc, shape, fault))
    throw InternalError(fault);
  text = shape.key(workspace, deterministic);
  bool tf32 = desc.dtype == MatmulType::F32 && desc.tf32;
  checkLt(
      cublasLtMatmulDescCreate(description.out(), tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F),
      "cublasLtMatmulDescCreate");
  cublasOperation_t operations[] = {shape.left.transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                                    shape.right.transposed ? CUBLAS_OP_T : CUBLAS_OP_N};
  setAttribute(description.get(), CUBLASLT_MATMUL_DESC_TRANSA, operations[0]);
  setAttribute(description.get(), CUBLASLT_MATMUL_DESC_TRANSB, operations[1]);
  setAttribute(description.get(), CUBLASLT_MATMUL_DESC_EPILOGUE, epilogueOf(desc));
  if (desc.epilogue != MatmulEpilogue::None) {
    setAttribute(description.get(), CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, shape.result.leading);
    if (shape.batch > 1)
      setAttribute(description.get(), CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_BATCH_STRIDE, shape.result.batchStride);
  }
  cudaDataType_t type = dataType(desc.dtype);
  left = makeLayout(shape.left, type, shape.batch);
  right = makeLayout(shape.right, type, shape.batch);
  result = makeLayout(shape.result, type, shape.batch);
  // The library judges algorithms by the alignment of these addresses.
  void *aligned = reinterpret_cast<void *>(static_cast<uintptr_t>(1) << 20);
  setPointers(aligned, aligned);
  chosen = askLibrary(shape.alignment, 1).front();
}

void LtMatmul::setPointers(const void *bias, void *aux) {
  if (shape.desc.bias)
    setAttribute(description.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  if (shape.desc.epilogue != MatmulEpilogue::None)
    setAttribute(description.get(), CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, aux);
}

std::vector<CachedAlgorithm> LtMatmul::askLibrary(int64_t alignment, int count) const {
  LtPreference preference;
  checkLt(cublasLtMatmulPreferenceCreate(preference.out()), "cublasLtMatmulPreferenceCreate");
  auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto &value) {
    checkLt(cublasLtMatmulPreferenceSetAttribute(preference.get(), attribute, &value, sizeof(value)),
            "cublasLtMatmulPreferenceSetAttribute");
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(workspace));
  for (auto attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                         CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    set(attribute, static_cast<uint32_t>(alignment));
  // Parts of a split sum that are added in place come in the order in which they are done.
  if (deterministic)
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_MASK & ~CUBLASLT_REDUCTION_SCHEME_INPLACE));
  std::vector<cublasLtMatmulHeuristicResult_t> results(count);
  int found = 0;
  cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle, description.get(), left.get(), right.get(), result.get(), result.get(),
                                     preference.get(), count, results.data(), &found);
  std::vector<CachedAlgorithm> algorithms;
  for (int i = 0; status == CUBLAS_STATUS_SUCCESS && i < found; ++i) {
    if (results[i].state != CUBLAS_STATUS_SUCCESS || results[i].workspaceSize > static_cast<size_t>(workspace))
      continue;
    CachedAlgorithm algorithm;
    memcpy(algorithm.words.data(), &results[i].algo, sizeof(results[i].algo));
    algorithm.workspace = static_cast<int64_t>(results[i].workspaceSize);
    algorithms.push_back(algorithm);
  }
  if (algorithms.empty())
    throw InternalError(std::string("cublasLtMatmulAlgoGetHeuristic: ") +
                        (status == CUBLAS_STATUS_SUCCESS ? "it knows no algorithm" : cublasLtGetStatusName(status)) +
                        " for " + text);
  return algorithms;
}

static const cublasLtMatmulAlgo_t *asLt(const CachedAlgorithm &algorithm) {
  return reinterpret_cast<const cublasLtMatmulAlgo_t *>(algorithm.words.data());
}

bool LtMatmul::use(const CachedAlgorithm &algorithm) {
  cublasLtMatmulHeuristicResult_t found = {};
  cublasStatus_t status = cublasLtMatmulAlgoCheck(handle, description.get(), left.get(), right.get(), result.get(),
                                                  result.get(), asLt(algorithm), &found);
  if (status != CUBLAS_STATUS_SUCCESS || found.state != CUBLAS_STATUS_SUCCESS ||
      found.workspaceSize > static_cast<size_t>(workspace))
    return false;
  chosen = algorithm;
  chosen.workspace = static_cast<int64_t>(found.workspaceSize);
  return true;
}

const char *LtMatmul::run(cudaStream_t stream, const MatmulBuffers &buffers) noexcept try {
  const MatmulDesc &desc = shape.desc;
  bool hasAux = desc.epilogue != MatmulEpilogue::None;
  if (!buffers.a || !buffers.b || !buffers.c || (desc.bias && !buffers.bias) || (hasAux && !buffers.aux))
    return "an operand is null";
  const CachedAlgorithm *algorithm = &chosen;
  uintptr_t low = 0;
  for (const void *address : {buffers.a, buffers.b, buffers.bias, static_cast<const void *>(buffers.aux),
                              static_cast<const void *>(buffers.c)})
    low |= reinterpret_cast<uintptr_t>(address);
  for (int64_t step : {shape.aStep, shape.bStep, shape.cStep})
    low |= static_cast<uintptr_t>(shape.calls > 1 ? step * shape.elementBytes() : 0);
  if (low % shape.alignment != 0) {
    if (!unaligned) {
      setPointers(buffers.bias, buffers.aux);
      unaligned = askLibrary(shape.elementBytes(), 1).front();
    }
    algorithm = &*unaligned;
  }
  if (algorithm->workspace > 0 && !buffers.scratch)
    return "the scratch memory is null";
  float one = 1, beta = desc.accumulate ? 1 : 0;
  auto moved = [&](const void *address, int64_t step, int64_t call) {
    return static_cast<const char *>(address) + call * step * shape.elementBytes();
  };
  for (int64_t call = 0; call < shape.calls; ++call) {
    const char *a = moved(buffers.a, shape.aStep, call), *b = moved(buffers.b, shape.bStep, call);
    char *c = const_cast<char *>(moved(buffers.c, shape.cStep, call));
    setPointers(buffers.bias, hasAux ? const_cast<char *>(moved(buffers.aux, shape.cStep, call)) : nullptr);
    cublasStatus_t status =
        cublasLtMatmul(handle, description.get(), &one, shape.aIsLeft ? a : b, left.get(), shape.aIsLeft ? b : a,
                       right.get(), &beta, c, result.get(), c, result.get(), asLt(*algorithm),
                       alignWorkspace(buffers.scratch), static_cast<size_t>(buffers.scratch ? workspace : 0), stream);
    if (status != CUBLAS_STATUS_SUCCESS)
      return cublasLtGetStatusName(status);
  }
  return nullptr;
} catch (const std::exception &error) {
  return "cuBLASLt has no algorithm for these addresses";
}

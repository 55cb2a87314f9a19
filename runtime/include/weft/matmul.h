//===- matmul.h - Matrix products as the library plans them -----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shared by the compiler, which asks for scratchpad sizes, and the runtime,
// which builds the same primitives: both see the same library call.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_MATMUL_H
#define WEFT_MATMUL_H

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// Element type of all operands of a product. Sums are in f32.
enum class MatmulType { F32, BF16, F16 };

/// What a product does with its sums before it writes them, beside adding bias and what was there. Both know the tanh
/// form of GELU and one more tensor, `aux`, of C's type and layout.
///   GeluAux  aux = sum + bias, C = gelu(aux)
///   DGelu    C = sum * gelu'(aux)
enum class MatmulEpilogue { None, GeluAux, DGelu };

/// Who computes a product.
enum class MatmulLibrary { OneDnn, Weft };

/// C[b,m,n] = sum_k A[b,m,k] * B[b,k,n] (+ bias[n]) (+ C[b,m,n]); an entry of the manifest's `matmuls`.
struct MatmulDesc {
  /// Up to two batch dimensions, outermost first.
  std::vector<int64_t> batch;
  int64_t m = 0, n = 0, k = 0;
  MatmulType dtype = MatmulType::F32;
  /// In elements: the batch dimensions, then [m, k], [k, n] and [m, n]. A batch stride of 0 broadcasts A or B.
  std::vector<int64_t> aStrides, bStrides, cStrides;
  bool bias = false;
  bool accumulate = false;
  MatmulEpilogue epilogue = MatmulEpilogue::None;
  /// F32 operands may be rounded to TF32's 10 bits where the hardware multiplies those faster.
  bool tf32 = false;
  MatmulLibrary library = MatmulLibrary::OneDnn;
};

/// Who computes products of `type` on a processor with these features (LLVM's names): oneDNN, but for bf16 without bf16
/// instructions, which it computes element by element; then the runtime's own kernels convert blocks to f32.
MatmulLibrary chooseMatmulLibrary(MatmulType type, const std::vector<std::string> &features);

/// Bytes of scratchpad that the library call for `desc` needs with `threads` threads (0: as many as OpenMP has), on a
/// machine with this one's instruction sets. -1 when it cannot be built; then `error`, if given, says why.
int64_t matmulScratchBytes(const MatmulDesc &desc, int threads = 0, std::string *error = nullptr);

} // namespace weft

#endif // WEFT_MATMUL_H

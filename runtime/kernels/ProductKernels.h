//===- ProductKernels.h - The parts of a matrix product that are built per ISA -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Included by files that are compiled for one instruction set: plain data and
// declarations only, so that no function with wide instructions can be shared.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_KERNELS_PRODUCTKERNELS_H
#define WEFT_KERNELS_PRODUCTKERNELS_H

#include <stdint.h>

namespace weft::rt {

/// A matrix in memory: element (i, j) at data[i * rowStride + j * columnStride], f32 or bf16.
struct ProductOperand {
  const void *data;
  int64_t rowStride, columnStride;
  bool bf16;
};

/// What a block of the result starts from.
enum class ProductStart { Zero, Bias, Keep };

/// The kernels of one instruction set. All are free of allocation and locks. Packed operands are f32.
struct ProductKernels {
  const char *name;
  /// The register tile. Left operands are packed in panels of `rows` rows, right ones in panels of `columns` columns,
  /// the depth outermost in each, padded with zeros.
  int64_t rows, columns;
  /// Packs rows [0, rows) and columns [0, depth) of `from`.
  void (*packLeft)(const ProductOperand &from, int64_t rows, int64_t depth, float *to);
  /// Packs rows [0, depth) and columns [0, columns) of `from`.
  void (*packRight)(const ProductOperand &from, int64_t depth, int64_t columns, float *to);
  /// c = start + left * right for packed operands; `bias` has an element for each column. Rows of c are contiguous.
  void (*multiply)(int64_t rows, int64_t columns, int64_t depth, const float *left, const float *right, float *c,
                   int64_t cStride, ProductStart start, const float *bias);
  /// Rounds a row-major block to bf16, to the nearest, ties to even; with `add`, the sum with what is there.
  void (*roundToBf16)(int64_t rows, int64_t columns, const float *from, int64_t fromStride, uint16_t *to,
                      int64_t toStride, bool add);
};

extern const ProductKernels productKernels_baseline, productKernels_avx2, productKernels_avx512;

} // namespace weft::rt

#endif // WEFT_KERNELS_PRODUCTKERNELS_H

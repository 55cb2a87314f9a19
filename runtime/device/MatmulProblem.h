//===- MatmulProblem.h - A product in the library's terms -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Plain data, tested without a device.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_MATMULPROBLEM_H
#define WEFT_DEVICE_MATMULPROBLEM_H

#include "weft/matmul.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weft::rt {

/// A matrix whose columns are contiguous. A transposed one is what the operand's transpose is in memory.
struct ColumnMajor {
  /// Sizes in memory, and the distance of columns.
  int64_t rows = 0, columns = 0, leading = 0;
  bool transposed = false;
  /// Distance of the matrices of one call; 0: the same matrix for all.
  int64_t batchStride = 0;
};

/// result (rows x columns) = op(left) * op(right), for column-major matrices: what cuBLASLt computes. A row-major
/// result is the transpose, so its left operand is B.
struct MatmulProblem {
  MatmulDesc desc;
  ColumnMajor left, right, result;
  int64_t rows = 0, columns = 0, depth = 0;
  /// Whether A is the left operand: the result's columns are contiguous.
  bool aIsLeft = false;
  /// Matrices of one call.
  int64_t batch = 1;
  /// Calls, and how far A, B and C move from one to the next, in elements.
  int64_t calls = 1, aStep = 0, bStep = 0, cStep = 0;
  /// Bytes that all addresses are a multiple of.
  int64_t alignment = 16;

  /// Elements from the first to the last of an operand, all calls together.
  int64_t aElements = 0, bElements = 0, cElements = 0;

  int64_t elementBytes() const { return desc.dtype == MatmulType::F32 ? 4 : 2; }

  /// Everything an algorithm may depend on, as text: equal problems have equal keys. `workspace` and `deterministic`
  /// are what the algorithm may use.
  std::string key(int64_t workspace, bool deterministic) const;
};

/// `desc` in those terms. False where the library cannot compute it; then `error` says why.
bool makeMatmulProblem(const MatmulDesc &desc, MatmulProblem &problem, std::string &error);

} // namespace weft::rt

#endif // WEFT_DEVICE_MATMULPROBLEM_H

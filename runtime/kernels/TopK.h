//===- TopK.h - The first elements of an order ------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_KERNELS_TOPK_H
#define WEFT_KERNELS_TOPK_H

#include "core/DType.h"

namespace weft::rt {

/// Of a dense tensor [outer, size, inner] the k largest elements along `size`, or the smallest.
struct TopKDesc {
  int64_t outer, size, inner, k;
  DType dtype;
  bool smallest;
};

/// The best k of each line and their indices, both [outer, k, inner], the best first; of equal elements the one with
/// the lower index. NaN counts as larger than every number. Lines are shared by at most `threads` threads; nothing is
/// allocated. Returns null, or what is wrong.
const char *topK(const TopKDesc &desc, const void *input, void *values, int64_t *indices, int threads);

} // namespace weft::rt

#endif // WEFT_KERNELS_TOPK_H

//===- Product.h - Matrix products without a library ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// For types that the library has no fast product of on this processor: bf16
// where there are no bf16 instructions. Blocks are converted to f32 while they
// are packed, sums are f32, the result is rounded once.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_KERNELS_PRODUCT_H
#define WEFT_KERNELS_PRODUCT_H

#include "kernels/Matmul.h"
#include "kernels/ProductKernels.h"

#include <vector>

namespace weft::rt {

/// The kernels that this processor can run, the best first.
std::vector<const ProductKernels *> availableProductKernels();

/// A product by our own kernels, `chosen` or the best of this processor. Null where `desc` is not supported: a result
/// that is contiguous in neither dimension, or bias and accumulation together; `error` then says so. Results do not
/// depend on the number of threads.
std::unique_ptr<Matmul> createProduct(const MatmulDesc &desc, std::string &error,
                                      const ProductKernels *chosen = nullptr);

/// Bytes of scratchpad of such a product, on any processor and for any number of threads.
int64_t productScratchBytes(const MatmulDesc &desc);

} // namespace weft::rt

#endif // WEFT_KERNELS_PRODUCT_H

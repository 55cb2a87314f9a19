//===- Matmul.h - A prepared matrix product ---------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_KERNELS_MATMUL_H
#define WEFT_KERNELS_MATMUL_H

#include "weft/matmul.h"

#include <cstdint>
#include <memory>
#include <string>

namespace weft::rt {

/// The library's engine and stream, shared by the products of one context.
class MatmulEngine {
public:
  virtual ~MatmulEngine();
  static std::unique_ptr<MatmulEngine> create();
};

/// One product, ready to run. Used by one thread at a time.
class Matmul {
public:
  virtual ~Matmul();

  /// Null on failure; then `error` says why. The engine outlives the product.
  static std::unique_ptr<Matmul> create(MatmulEngine &engine, const MatmulDesc &desc, std::string &error);

  /// Bytes that `run` needs at `scratch`, 64-byte aligned.
  virtual int64_t scratchBytes() const = 0;

  /// The library's name of the implementation it chose.
  virtual std::string implementation() const = 0;

  /// Operands as `desc` says; `bias` and `scratch` may be null where none is needed. Null, or what failed.
  virtual const char *run(const void *a, const void *b, const void *bias, void *c, void *scratch) noexcept = 0;
};

} // namespace weft::rt

#endif // WEFT_KERNELS_MATMUL_H

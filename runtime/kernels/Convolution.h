//===- Convolution.h - A prepared convolution -------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_KERNELS_CONVOLUTION_H
#define WEFT_KERNELS_CONVOLUTION_H

#include "weft/convolution.h"

#include <cstdint>
#include <memory>
#include <string>

namespace weft::rt {

/// One convolution or transpose, ready to run. Used by one thread at a time.
class Convolution {
public:
  virtual ~Convolution();

  /// Null on failure; then `error` says why.
  static std::unique_ptr<Convolution> create(const ConvolutionDesc &desc, std::string &error);

  /// Bytes that `run` needs at `scratch`, 64-byte aligned.
  virtual int64_t scratchBytes() const = 0;

  /// The library's name of the implementation it chose, and `reordered` tensors, if any.
  virtual std::string implementation() const = 0;

  /// `c` from `a` and `b`: output from input and filter, input from output and filter, filter from input and output.
  /// `scratch` may be null where none is needed. Null, or what failed.
  virtual const char *run(const void *a, const void *b, void *c, void *scratch) noexcept = 0;
};

} // namespace weft::rt

#endif // WEFT_KERNELS_CONVOLUTION_H

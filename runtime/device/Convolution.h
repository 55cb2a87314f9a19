//===- Convolution.h - Convolutions on a device -----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_CONVOLUTION_H
#define WEFT_DEVICE_CONVOLUTION_H

#include "weft/convolution.h"

#include <cstdint>
#include <memory>
#include <string>

namespace weft::rt {

class CudnnHandle;

/// One convolution or transpose, ready to be enqueued.
class DeviceConvolution {
public:
  virtual ~DeviceConvolution();

  /// Takes the library's fastest algorithm, as it believes, that gives the same bits each time and fits into `scratch`
  /// bytes. Throws InternalError with `name`, InputError where there is too little scratch memory.
  static std::unique_ptr<DeviceConvolution> create(CudnnHandle &handle, const ConvolutionDesc &desc, int64_t scratch,
                                                   const std::string &name);

  virtual int64_t scratchBytes() const = 0;

  /// As `weft_convolution`. Null, or what is wrong.
  virtual const char *run(const void *a, const void *b, void *c, void *scratch) noexcept = 0;
};

} // namespace weft::rt

#endif // WEFT_DEVICE_CONVOLUTION_H

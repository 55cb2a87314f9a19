//===- Cudnn.h - cuDNN's handle ---------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_CUDNN_H
#define WEFT_DEVICE_CUDNN_H

#include "device/Cuda.h"

#include <cudnn.h>
#include <memory>

namespace weft::rt {

/// Throws InternalError with the call and the library's own words unless `status` is success.
void checkCudnn(cudnnStatus_t status, const char *call);

/// The library, and the stream that its calls are put on.
class CudnnHandle {
public:
  explicit CudnnHandle(cudaStream_t stream);
  static std::unique_ptr<CudnnHandle> create(cudaStream_t stream) { return std::make_unique<CudnnHandle>(stream); }

  cudnnHandle_t get() const { return handle.get(); }
  cudaStream_t stream() const { return where; }

private:
  Owned<cudnnHandle_t, cudnnDestroy> handle;
  cudaStream_t where;
};

} // namespace weft::rt

#endif // WEFT_DEVICE_CUDNN_H

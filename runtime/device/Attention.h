//===- Attention.h - Fused attention on a device ----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_ATTENTION_H
#define WEFT_DEVICE_ATTENTION_H

#include "kernels/Attention.h"

#include <cstdint>
#include <memory>
#include <string>

namespace weft::rt {

class CudnnHandle;

/// One attention; each of its passes is planned before it is run.
class DeviceAttention {
public:
  enum Pass { Forward, Backward };

  virtual ~DeviceAttention();

  static std::unique_ptr<DeviceAttention> create(CudnnHandle &handle, const AttentionDesc &desc,
                                                 const std::string &name);

  /// Plans a pass, which takes up to a second. Throws InternalError where the library has no plan, InputError where it
  /// needs more scratch memory than the entry gives.
  virtual void plan(Pass pass) = 0;

  /// Bytes that a pass needs, once it is planned.
  virtual int64_t scratchBytes(Pass pass) const = 0;

  /// Enqueue a pass, planned now if it was not before; all addresses are the device's. Null, or what is wrong.
  virtual const char *forward(const AttentionForwardBuffers &buffers, void *scratch) noexcept = 0;
  virtual const char *backward(const AttentionBackwardBuffers &buffers, void *scratch) noexcept = 0;
};

} // namespace weft::rt

#endif // WEFT_DEVICE_ATTENTION_H

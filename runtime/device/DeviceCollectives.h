//===- DeviceCollectives.h - Collectives on a stream ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What moves bytes between GPUs, without saying how. NcclCollectives.cpp is the
// library's, in an archive of its own: an executable for one rank links neither
// it nor the library. CopyCollectives.cpp carries some between GPUs of a host.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_DEVICECOLLECTIVES_H
#define WEFT_DEVICE_DEVICECOLLECTIVES_H

#include "core/Manifest.h"

#include <cuda_runtime_api.h>
#include <string>

namespace weft::rt {

class Ranks;

/// The collectives of a manifest, between this rank's device and those of others.
class DeviceCollectives {
public:
  virtual ~DeviceCollectives();

  /// Enqueues collective `index`, or captures it. Null, or what failed.
  virtual const char *run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch,
                          cudaStream_t stream) noexcept = 0;

  /// What failed on the device or on the network since it was enqueued; "" for nothing. Any thread may ask.
  virtual std::string fault() = 0;

  /// Ends all that is under way, and all that will be. Returns when the communicators are gone, which is not before the
  /// graphs with their collectives are; any thread may call it, once.
  virtual void abort() noexcept = 0;

  /// How many communicators there are.
  virtual int64_t communicators() const = 0;
};

} // namespace weft::rt

extern "C" {
/// Over NCCL, from libweft_nccl.a: connects this rank's present device with those of the other ranks, which call it
/// too. The caller owns it. Throws InternalError, InputError, FaultError.
weft::rt::DeviceCollectives *weft_nccl_collectives(const weft::rt::Manifest &manifest, weft::rt::Ranks &ranks);
/// The library and its version: "NCCL 2.28.9".
const char *weft_nccl_version();
}

#endif // WEFT_DEVICE_DEVICECOLLECTIVES_H

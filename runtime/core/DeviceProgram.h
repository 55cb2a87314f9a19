//===- DeviceProgram.h - Kernels, code and constants of a device -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The parts of the manifest that docs/cuda.md adds.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_DEVICEPROGRAM_H
#define WEFT_CORE_DEVICEPROGRAM_H

#include <cstdint>
#include <string>
#include <vector>

namespace weft::rt {

class Node;

/// One launch. Stages of a kernel run one after another, with the same arguments; one with nothing to compute has none.
struct KernelStage {
  std::string function;
  uint32_t grid[3] = {1, 1, 1}, block[3] = {1, 1, 1};
  /// Dynamic shared memory of a block.
  uint32_t sharedBytes = 0;
};

struct KernelInfo {
  std::string name;
  /// Buffers; a kernel with scratch memory takes its address after them.
  int64_t args = 0, scratchBytes = 0;
  /// The addresses are one parameter, an array, and not one each.
  bool packed = false;
  std::vector<KernelStage> stages;

  /// Parameters of its functions.
  size_t parameters() const { return packed ? 1 : static_cast<size_t>(args) + (scratchBytes > 0); }
};

/// A part of the blob `weft_device_code`.
struct DeviceCodeInfo {
  enum Kind { Cubin, Ptx } kind = Cubin;
  /// "sm_90", "sm_90a": number, and what is specific to that chip.
  std::string arch;
  int64_t offset = 0, bytes = 0;
};

/// Bytes of `weft_constants` that belong at a place of the arena.
struct ConstantInfo {
  std::string name;
  int64_t offset = 0, bytes = 0, data = 0;
};

struct DeviceProgram {
  std::vector<KernelInfo> kernels;
  std::vector<DeviceCodeInfo> code;
  std::vector<ConstantInfo> constants;
};

/// Reads them. Throws InternalError naming the field.
DeviceProgram parseDeviceProgram(const Node &root, int64_t persistentBytes);

/// The code for a device of compute capability `major`.`minor`: the cubin of its architecture, else the newest PTX that
/// it can run. Null where there is neither; then `error` lists what there is.
const DeviceCodeInfo *chooseDeviceCode(const std::vector<DeviceCodeInfo> &code, int major, int minor,
                                       std::string &error);

} // namespace weft::rt

#endif // WEFT_CORE_DEVICEPROGRAM_H

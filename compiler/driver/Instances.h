//===- Instances.h - Machines with GPUs that are rented ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_INSTANCES_H
#define WEFT_COMPILER_DRIVER_INSTANCES_H

#include "llvm/ADT/StringRef.h"

namespace weft {

/// A type of EC2 instance, by AWS's pages on accelerated instances and on the Elastic Fabric Adapter.
struct Instance {
  llvm::StringRef name, gpu;
  int64_t gpus, gibPerGpu;
  int arch; ///< 80 is sm_80
  int64_t efa;
  /// EFA moves data between GPUs and the network without the processor.
  bool gpuDirect;
};

inline constexpr Instance kInstances[] = {
    {"g5.8xlarge", "A10G", 1, 24, 86, 1, false},    {"g5.12xlarge", "A10G", 4, 24, 86, 1, false},
    {"g5.16xlarge", "A10G", 1, 24, 86, 1, false},   {"g5.24xlarge", "A10G", 4, 24, 86, 1, false},
    {"g5.48xlarge", "A10G", 8, 24, 86, 1, false},   {"p4d.24xlarge", "A100", 8, 40, 80, 4, true},
    {"p4de.24xlarge", "A100", 8, 80, 80, 4, true},  {"p5.48xlarge", "H100", 8, 80, 90, 32, true},
    {"p5e.48xlarge", "H200", 8, 141, 90, 32, true}, {"p5en.48xlarge", "H200", 8, 141, 90, 16, true},
};

/// The type of that name, which may begin with "ml."; null if there is none.
inline const Instance *findInstance(llvm::StringRef name) {
  name.consume_front("ml.");
  for (const Instance &instance : kInstances)
    if (instance.name == name)
      return &instance;
  return nullptr;
}

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_INSTANCES_H

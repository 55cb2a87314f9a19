//===- ArenaReport.h - Who lies where in the arena, and when -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_ARENAREPORT_H
#define WEFT_PASSES_SCHEDULE_ARENAREPORT_H

#include "mlir/IR/Location.h"
#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// The temporaries of every task, as the schedule placed them.
struct ArenaReport {
  /// Steps count the launches, calls and copies of a task, as the schedule lists them.
  struct Buffer {
    int64_t offset = 0; ///< in the arena, or behind it, in host memory
    int64_t bytes = 0, first = 0, last = 0;
    bool isWorkspace = false;
    mlir::Location loc; ///< of the op that wrote it first
  };
  struct Task {
    std::string name; ///< its symbol
    int64_t bytes = 0;
    int64_t liveBytes = 0; ///< the largest sum of bytes alive at one time: no placement is smaller
    std::vector<Buffer> buffers;
    int64_t hostBytes = 0; ///< of host memory
    std::vector<Buffer> hostBuffers;
    std::vector<mlir::Location> steps;
  };
  std::vector<Task> tasks;
};

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_ARENAREPORT_H

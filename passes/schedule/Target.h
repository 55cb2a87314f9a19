//===- Target.h - What a schedule asks of a target -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_TARGET_H
#define WEFT_PASSES_SCHEDULE_TARGET_H

#include "dialects/exec/LibraryCalls.h"
#include "passes/schedule/Arena.h"
#include "passes/schedule/StepRates.h"

namespace weft {

/// What differs between targets before code is generated.
class Target {
public:
  virtual ~Target();
  /// Whether its libraries compute `op` for its operands' types.
  virtual bool takes(exec::LibraryOpInterface op) const = 0;
  /// Bytes of workspace that the call of `op`, whose operands it can read, may use.
  virtual int64_t workspaceBytes(exec::LibraryOpInterface op) const = 0;
  /// What carries the collective `op` if its library does not, a name of the manifest; else empty.
  virtual llvm::StringRef carrier(exec::LibraryOpInterface op) const { return ""; }
  /// Bytes of memory that a kernel needs besides its arguments: they are in the arena, and the launch's last buffer.
  virtual int64_t scratchBytes(exec::FusedOp kernel) const { return 0; }
  /// Rows of this element type that its products like begin at multiples of so many elements.
  virtual int64_t columnMultiple(mlir::Type element) const { return 1; }
  /// How fast it is, about.
  virtual StepRates rates() const { return {}; }
  /// Every buffer starts at a multiple of so many bytes.
  virtual int64_t bufferAlignment() const { return weft::bufferAlignment; }
  /// Whether one launch runs the members of a group beside each other.
  virtual bool groupsKernels() const { return false; }
  /// Whether kernels read constants in the arena; else they are data of the executable.
  virtual bool constantsInArena() const { return false; }
};

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_TARGET_H

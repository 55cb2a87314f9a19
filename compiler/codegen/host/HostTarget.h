//===- HostTarget.h - What schedules ask of the host -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_HOST_HOSTTARGET_H
#define WEFT_COMPILER_CODEGEN_HOST_HOSTTARGET_H

#include "passes/schedule/Target.h"

namespace weft {

/// The host: products of f32 and bf16 go to oneDNN, whose scratchpad is the workspace; attention of f32 to the runtime.
class HostTarget : public Target {
public:
  bool takesProduct(mlir::Type elementType) const override { return elementType.isF32() || elementType.isBF16(); }
  bool takesAttention(mlir::Type elementType) const override { return elementType.isF32(); }
  int64_t productWorkspace(const ProductShape &product) const override;
};

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_HOST_HOSTTARGET_H

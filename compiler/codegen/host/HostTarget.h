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

/// The host: oneDNN takes products of f32 and bf16 and convolutions of f32, its scratchpad is the workspace; the
/// runtime has attention of f32 and the choice of the largest elements of every type.
class HostTarget : public Target {
public:
  /// For a processor with these features (LLVM's names): they decide who computes products of bf16.
  explicit HostTarget(std::vector<std::string> features = {}) : features(std::move(features)) {}
  bool takes(exec::LibraryOpInterface op) const override;
  int64_t workspaceBytes(exec::LibraryOpInterface op) const override;
  int64_t scratchBytes(exec::FusedOp kernel) const override;

private:
  std::vector<std::string> features;
};

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_HOST_HOSTTARGET_H

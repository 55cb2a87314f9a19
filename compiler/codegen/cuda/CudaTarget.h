//===- CudaTarget.h - What schedules ask of NVIDIA GPUs ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_CUDA_CUDATARGET_H
#define WEFT_COMPILER_CODEGEN_CUDA_CUDATARGET_H

#include "passes/schedule/Target.h"

namespace weft {

/// What a rank's process takes of a GPU beside its arena depends on it.
struct ProcessNeeds {
  bool several = false;    ///< ranks: NCCL
  bool exchanges = false;  ///< all-to-alls over NCCL: its sends and receives have buffers of their own
  bool copies = false;     ///< collectives by copy engines: streams, and words that ranks set
  int64_t mappedBytes = 0; ///< of other ranks' memory, whose page table is on the device
  int64_t hostBytes = 0;   ///< of pinned memory; its page table is there too
  int64_t graphNodes = 0;  ///< of the graphs of all tasks, about
  int64_t graphForks = 0;  ///< collectives with a stream of their own beside the collectives'
};

/// Bytes of a GPU that a rank's process takes outside the arena and its inputs on their way: context, libraries,
/// kernels, graphs and what it needs besides. Measured (docs/performance.md), and rounded up.
int64_t outsideArenaBytes(const ProcessNeeds &needs);

/// What `weft compile` leaves to its user.
struct CudaChoices {
  /// The same bits every time, at the price of memory for attention's gradient.
  bool deterministic = true;
  /// What carries collectives: `nccl`, `copy` where copy engines can, or `auto`, where they gain.
  std::string collectives = "auto";
  /// Consecutive ranks on one node; 0: not known.
  int64_t ranksPerNode = 0;
};

/// NVIDIA GPUs: cuBLASLt takes products of f32, bf16 and f16, cuDNN convolutions of these types and attention of the
/// narrow ones; the runtime has the choice of the largest elements; NCCL the collectives, or copy engines.
class CudaTarget : public Target {
public:
  explicit CudaTarget(CudaChoices choices = {}) : choices(std::move(choices)) {}
  bool takes(exec::LibraryOpInterface op) const override;
  int64_t workspaceBytes(exec::LibraryOpInterface op) const override;
  int64_t scratchBytes(exec::FusedOp kernel) const override;
  /// "copy" for copy engines.
  llvm::StringRef carrier(exec::LibraryOpInterface op) const override;
  /// 16 bytes: without them cuBLASLt falls back to kernels of a fifth of the speed.
  int64_t columnMultiple(mlir::Type element) const override {
    return std::max<int64_t>(1, 16 / std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8));
  }
  bool groupsKernels() const override { return true; }
  bool constantsInArena() const override { return true; }
  /// What its libraries load by tiles crosses no line of 128 bytes more than it has to; cudaMalloc aligns like this
  /// too.
  int64_t bufferAlignment() const override { return 256; }
  /// Of an H200, as docs/performance.md and docs/schedule.md have them.
  StepRates rates() const override;

private:
  CudaChoices choices;
};

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_CUDA_CUDATARGET_H

//===- CopyCollectives.h - Collectives by copy engines ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_COPYCOLLECTIVES_H
#define WEFT_DEVICE_COPYCOLLECTIVES_H

#include "device/CopyPlan.h"
#include "device/Cuda.h"
#include "device/DeviceCollectives.h"

#include <atomic>
#include <cuda.h>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace weft::rt {

/// The collectives of a manifest that copy engines carry, between GPUs of one host that reach each other's memory.
class CopyCollectives final : public DeviceCollectives {
public:
  /// `arena`: memory from cudaMalloc in which all tensors and scratch memory of collectives lie, on every rank at the
  /// same offsets. All ranks call it together; whether a group's collectives can be carried, its ranks agree about.
  /// Throws InternalError, FaultError.
  CopyCollectives(const Manifest &manifest, Ranks &ranks, char *arena, int64_t bytes);
  /// Nothing on the device may still run, unless `abort` was called.
  ~CopyCollectives() override;

  /// Whether `run` takes collective `index`.
  bool carries(int64_t index) const { return plans[static_cast<size_t>(index)].has_value(); }
  /// How many it takes.
  int64_t carried() const;
  /// Why it does not take what it should; "" where it does.
  const std::string &remark() const { return why; }

  const char *run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch,
                  cudaStream_t stream) noexcept override;
  /// Copies fail where their stream does.
  std::string fault() override { return ""; }
  void abort() noexcept override;
  int64_t communicators() const override { return 0; }

private:
  /// Another rank's memory as this one has it.
  struct Peer {
    char *arena = nullptr;
    uint32_t *flags = nullptr;
    /// Why there is none.
    std::string why;
  };
  /// A collective with the peers by place; this rank's own is among them.
  struct Prepared {
    CollectiveDesc desc;
    DType dtype = DType::F32;
    CopyPlan plan;
    std::vector<int64_t> group;
  };
  struct Call;

  void publish();
  std::string describeSelf() const;
  const Peer &peer(int64_t rank);
  Peer open(int64_t rank);
  char *map(const cudaIpcMemHandle_t &handle);
  std::string tryFlags();
  std::string agree(const std::vector<int> &axes, const std::vector<int64_t> &group);
  uint32_t *flagOf(const Peer &peer, CopyFlag flag, int64_t sender) const;
  CUresult tell(const Prepared &call, size_t &next, cudaStream_t stream);
  cudaError_t copy(const Prepared &call, const CopyStep &step, const Call &at, cudaStream_t stream);
  cudaError_t reduce(const Prepared &call, const CopyStep &step, const Call &at, cudaStream_t stream);

  const Manifest &manifest;
  Ranks &ranks;
  int device = 0;
  char *arena;
  int64_t bytes;
  DeviceMemory flags;
  /// Beside the caller's stream, and for the end of what waits.
  Stream side, last;
  Event forked, joined;
  std::map<int64_t, Peer> peers;
  std::vector<void *> mapped;
  std::vector<std::optional<Prepared>> plans;
  CUresult (*batchMemOp)(CUstream, unsigned, CUstreamBatchMemOpParams *, unsigned) = nullptr;
  std::string why, message;
  /// Words of 1, as many as there are flags.
  PinnedMemory ones;
  std::thread ending;
  std::atomic<bool> ended{false};
};

} // namespace weft::rt

#endif // WEFT_DEVICE_COPYCOLLECTIVES_H

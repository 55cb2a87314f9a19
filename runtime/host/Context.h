//===- Context.h - One rank's threads, prepared calls and first error -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_HOST_CONTEXT_H
#define WEFT_HOST_CONTEXT_H

#include "core/Manifest.h"
#include "host/StreamQueue.h"
#include "weft/runtime.h"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace weft::rt {
class Convolution;
class Matmul;
class MatmulEngine;
class PreparedAttention;
class AttentionWorkspace;
class Profile;
class Ranks;
} // namespace weft::rt

/// The opaque type of the C API. Several may live in one process; one is used by one thread at a time.
struct weft_context {
  /// Prepares every library call of `manifest` for at most `threads` threads. When `mayReduce`, fewer threads are taken
  /// where a product or convolution would need more scratchpad than the plan gives it; otherwise that is an InputError.
  weft_context(const weft::rt::Manifest &manifest, int threads, bool mayReduce);
  ~weft_context();
  weft_context(const weft_context &) = delete;
  weft_context &operator=(const weft_context &) = delete;

  /// Keeps the first failure of a call: its name, the entry's index and what was wrong. Does not allocate.
  void fail(const char *call, int32_t id, const char *what) noexcept;

  /// The first failure, or null.
  const char *error() const { return failed.load() ? message : nullptr; }

  /// Throws InternalError when a call of `task` failed.
  void check(const std::string &task) const;

  int threads = 1;
  std::unique_ptr<weft::rt::MatmulEngine> engine;
  std::vector<std::unique_ptr<weft::rt::Matmul>> matmuls;
  std::vector<std::unique_ptr<weft::rt::Convolution>> convolutions;
  std::vector<std::unique_ptr<weft::rt::PreparedAttention>> attentions;
  std::vector<weft::rt::TopKDesc> sorts;
  /// The threads' buffers, shared by all attentions.
  std::unique_ptr<weft::rt::AttentionWorkspace> attentionWorkspace;
  /// Told of every call while it is not null. Not owned.
  weft::rt::Profile *profile = nullptr;
  /// The other ranks; null where there are none. Not owned.
  weft::rt::Ranks *ranks = nullptr;
  /// The start of host memory.
  char *hostMemory = nullptr;
  /// Where the calls of a task are kept, if its streams are to run in an order of their own.
  std::unique_ptr<weft::rt::StreamQueue> queue;

private:
  /// Builds what needs scratchpad for `count` threads; the first that exceeds its own is described in the result.
  std::string prepare(const weft::rt::Manifest &manifest, int count);
  std::string prepareConvolutions(const weft::rt::Manifest &manifest, int count);
  std::string prepareMatmuls(const weft::rt::Manifest &manifest, int count);

  std::atomic<bool> failed{false};
  char message[256] = {0};
};

#endif // WEFT_HOST_CONTEXT_H

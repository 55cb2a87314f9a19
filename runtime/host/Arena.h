//===- Arena.h - The one allocation -----------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_HOST_ARENA_H
#define WEFT_HOST_ARENA_H

#include <cstdint>

namespace weft::rt {

/// One zeroed allocation, aligned to 2 MiB so that the system can back it with huge pages. Pages are taken when they
/// are first written.
class Arena {
public:
  /// Throws InputError, with both sizes, when the machine does not have `bytes` bytes.
  explicit Arena(int64_t bytes);
  ~Arena();
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;

  char *data() const { return begin; }
  int64_t size() const { return bytes; }

private:
  void *mapping = nullptr;
  int64_t mappedBytes = 0, bytes = 0;
  char *begin = nullptr;
};

} // namespace weft::rt

#endif // WEFT_HOST_ARENA_H

//===- HostPages.h - Large memory of this process ---------------*- C++ -* -===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_HOSTPAGES_H
#define WEFT_CORE_HOSTPAGES_H

#include <cstdint>

namespace weft::rt {

/// Zeros in huge pages where the machine has them, from the first byte on. Pages are brought in by whoever touches them
/// first, or all at once by `populate`.
class HostPages {
public:
  HostPages() = default;
  /// Throws InputError, with both sizes, when the machine does not have `bytes` bytes; not with `elastic`, for machines
  /// whose memory grows as it is used.
  explicit HostPages(int64_t bytes, bool elastic = false);
  ~HostPages();
  HostPages(HostPages &&other) noexcept;
  HostPages &operator=(HostPages &&other) noexcept;

  char *data() const { return begin; }
  int64_t size() const { return bytes; }

  /// Brings in all pages, by several threads: one alone zeroes no more than a few GB/s. Where little is left it goes
  /// slowly, so that a machine whose memory grows can follow. Throws InputError where there is not enough. `threads` 0:
  /// one for each processor.
  void populate(int threads = 0) const;

private:
  void *mapping = nullptr;
  int64_t mappedBytes = 0, bytes = 0;
  char *begin = nullptr;
};

} // namespace weft::rt

#endif // WEFT_CORE_HOSTPAGES_H

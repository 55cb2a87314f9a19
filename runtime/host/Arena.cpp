//===- Arena.cpp - The one allocation -------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "host/Arena.h"

#include "core/Error.h"
#include "core/Text.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <sys/sysinfo.h>

using namespace weft::rt;

static constexpr int64_t kHugePage = int64_t(2) << 20;

Arena::Arena(int64_t bytes) : bytes(bytes) {
  struct sysinfo machine;
  // The mapping itself succeeds beyond what the machine has, and the process would be killed in the middle of a step.
  if (sysinfo(&machine) == 0) {
    int64_t most = static_cast<int64_t>((machine.totalram + machine.totalswap) * machine.mem_unit);
    if (bytes > most)
      throw InputError("training needs " + formatBytes(bytes) + " of memory and this machine has " + formatBytes(most) +
                       "; compile with more micro-batches or a smaller batch");
  }
  mappedBytes = (bytes / kHugePage + 2) * kHugePage;
  mapping = mmap(nullptr, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) {
    mapping = nullptr;
    throw InputError("cannot allocate " + formatBytes(bytes) + " of memory: " + strerror(errno));
  }
  uintptr_t address = reinterpret_cast<uintptr_t>(mapping);
  begin = reinterpret_cast<char *>((address + kHugePage - 1) / kHugePage * kHugePage);
  // Advice only: small pages are as correct.
  (void)madvise(begin, bytes, MADV_HUGEPAGE);
}

Arena::~Arena() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

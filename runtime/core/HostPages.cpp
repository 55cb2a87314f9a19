//===- HostPages.cpp - Large memory of this process -------------------------- -===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/HostPages.h"

#include "core/Error.h"
#include "core/Text.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace weft::rt;

static constexpr int64_t kHugePage = int64_t(2) << 20;

HostPages::HostPages(int64_t bytes, bool elastic) : bytes(bytes) {
  struct sysinfo machine;
  // The mapping itself succeeds beyond what the machine has, and the process would be killed in the middle of a step.
  if (!elastic && sysinfo(&machine) == 0) {
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

HostPages::~HostPages() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

HostPages::HostPages(HostPages &&other) noexcept { *this = std::move(other); }

HostPages &HostPages::operator=(HostPages &&other) noexcept {
  std::swap(mapping, other.mapping);
  std::swap(mappedBytes, other.mappedBytes);
  std::swap(bytes, other.bytes);
  std::swap(begin, other.begin);
  return *this;
}

/// Brings in the pages of [from, to). Whether there was memory for them.
static bool touch(char *from, char *to) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(from, to - from, MADV_POPULATE_WRITE) == 0)
    return true;
  if (errno == ENOMEM || errno == EHWPOISON)
    return false;
#endif
  // An older kernel: a write to each page. What is there is zero.
  static const int64_t page = sysconf(_SC_PAGESIZE);
  for (volatile char *at = from; at < to; at += page)
    *at = 0;
  return true;
}

static constexpr int64_t kPart = 32 * kHugePage;

/// What the machine could still give, by its own account; INT64_MAX where it has none.
static int64_t availableBytes() {
  int64_t kibibytes = -1;
  if (FILE *file = fopen("/proc/meminfo", "r")) {
    char line[128];
    while (kibibytes < 0 && fgets(line, sizeof(line), file))
      (void)sscanf(line, "MemAvailable: %" SCNd64, &kibibytes);
    fclose(file);
  }
  return kibibytes < 0 ? INT64_MAX : kibibytes << 10;
}

/// Waits, at most a second, until there is room for a part of each thread.
static void waitForRoom(int64_t threads) {
  for (int tries = 0; tries < 50 && availableBytes() < 2 * threads * kPart; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

void HostPages::populate(int threads) const {
  int64_t parts = (bytes + kPart - 1) / kPart;
  int64_t most = threads > 0 ? threads : std::max<int64_t>(1, std::thread::hardware_concurrency());
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  auto work = [&] {
    for (int64_t part; !failed && (part = next++) < parts;) {
      waitForRoom(most);
      if (!touch(begin + part * kPart, begin + std::min(bytes, (part + 1) * kPart)))
        failed = true;
    }
  };
  std::vector<std::thread> helpers;
  for (int64_t i = 1; i < std::min(most, parts); ++i)
    helpers.emplace_back(work);
  work();
  for (std::thread &helper : helpers)
    helper.join();
  if (failed)
    throw InputError("training needs " + formatBytes(bytes) +
                     " of host memory, and this machine has less left; compile "
                     "with less of --offload, or over more ranks");
}

//===- Support.cpp - What the fuzzers share -------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

using namespace weft::fuzz;

/// LLVM's allocators, where they are inlined into our code, mark what they have not handed out yet; MLIR's own code,
/// which is not instrumented, hands out without unmarking. Most of a run's time is allocation: where each was made is
/// kept short, and what is freed is kept back for less long than by default.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:allocator_may_return_null=0:malloc_context_size=1:quarantine_size_mb=16";
}
extern "C" const char *__ubsan_default_options() { return "print_stacktrace=1"; }

static std::string makePath() {
  const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/var/tmp";
  return std::string(folder) + "/weft-fuzz." + std::to_string(getpid());
}

ScratchFile::ScratchFile() : filePath(makePath()) {}

ScratchFile::~ScratchFile() { unlink(filePath.c_str()); }

void ScratchFile::write(const uint8_t *data, size_t size) const {
  FILE *file = std::fopen(filePath.c_str(), "wb");
  if (!file || std::fwrite(data, 1, size, file) != size || std::fclose(file) != 0) {
    std::perror(filePath.c_str());
    std::_Exit(2);
  }
}

uint64_t weft::fuzz::hashOf(const uint8_t *data, size_t size) {
  uint64_t hash = 14695981039346656037ull;
  for (size_t i = 0; i < size; ++i)
    hash = (hash ^ data[i]) * 1099511628211ull;
  return hash ^ (hash >> 29);
}

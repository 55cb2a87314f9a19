//===- Support.h - What the fuzzers share -----------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_FUZZ_SUPPORT_H
#define WEFT_TEST_FUZZ_SUPPORT_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace weft::fuzz {

/// A file of this process, in memory where the system has a place for that, that gets new content for every run.
class ScratchFile {
public:
  ScratchFile();
  ~ScratchFile();
  ScratchFile(const ScratchFile &) = delete;
  ScratchFile &operator=(const ScratchFile &) = delete;

  /// Replaces the content. Reading code is given a file and not bytes, because a file is what it gets from people.
  void write(const uint8_t *data, size_t size) const;
  const std::string &path() const { return filePath; }

private:
  std::string filePath;
};

/// A number that depends on all of the input, for choices that are not in it.
uint64_t hashOf(const uint8_t *data, size_t size);

} // namespace weft::fuzz

#endif // WEFT_TEST_FUZZ_SUPPORT_H

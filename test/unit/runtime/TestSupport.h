//===- TestSupport.h - Temporary files and captured runs --------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_RUNTIME_TESTSUPPORT_H
#define WEFT_TEST_UNIT_RUNTIME_TESTSUPPORT_H

#include "core/ArenaMemory.h"
#include "weft/token_file.h"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <vector>

/// An arena in memory of a test, for the length of a call.
class ArenaAt {
public:
  explicit ArenaAt(void *data) : memory(static_cast<char *>(data)) {}
  operator weft::rt::ArenaMemory &() { return memory; }

private:
  weft::rt::HostMemory memory;
};

/// A folder that goes away with the test.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
    root = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(root); }

  std::string path(const std::string &name) const { return root + "/" + name; }
  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  long files() const {
    return std::distance(std::filesystem::directory_iterator(root), std::filesystem::directory_iterator());
  }

  /// A token file of `count` ids that grow by `step` modulo `modulus`.
  std::string tokens(const std::string &name, uint64_t count, uint32_t tokenBytes = 1, uint32_t step = 1,
                     uint32_t modulus = 16, uint64_t vocabulary = 0) const {
    weft::TokenFileHeader header = {{}, weft::kTokenFileVersion, tokenBytes, count, vocabulary};
    memcpy(header.magic, weft::kTokenFileMagic, sizeof(header.magic));
    std::string bytes(reinterpret_cast<const char *>(&header), sizeof(header));
    for (uint64_t i = 0; i < count; ++i) {
      uint32_t id = static_cast<uint32_t>(i * step % modulus);
      bytes.append(reinterpret_cast<const char *>(&id), tokenBytes);
    }
    return write(name, bytes);
  }

private:
  std::string root;
};

inline std::string readWhole(const std::string &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

/// Files may not grow beyond `bytes` while it lives: a full disk that needs no privileges.
class FileSizeLimit {
public:
  explicit FileSizeLimit(rlim_t bytes) : handler(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit limit = {bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }

private:
  struct rlimit before;
  void (*handler)(int);
};

#endif // WEFT_TEST_UNIT_RUNTIME_TESTSUPPORT_H

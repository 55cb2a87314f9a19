//===- PendingFile.h - A file that is complete or not there -----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DATA_PENDINGFILE_H
#define WEFT_COMPILER_DATA_PENDINGFILE_H

#include <cstdio>
#include <memory>
#include <string>

namespace weft {

/// A file written piece by piece that takes its name only when it is complete;
/// dropped before that, it leaves nothing behind and an older file stays. What
/// exists and is not a regular file, such as a device or a pipe, cannot be
/// replaced and is written directly.
class PendingFile {
public:
  explicit PendingFile(const std::string &path);
  ~PendingFile();
  PendingFile(const PendingFile &) = delete;
  PendingFile &operator=(const PendingFile &) = delete;

  /// Each returns false with one message in `error` if the system refuses.
  /// `write` needs an open file, and `commit` ends the writing.
  bool open(std::string &error);
  bool write(const void *bytes, size_t size, std::string &error);
  bool commit(std::string &error);

private:
  struct Closer {
    void operator()(std::FILE *file) const { std::fclose(file); }
  };

  bool fail(std::string &error) const;

  std::string path, pending;
  std::unique_ptr<std::FILE, Closer> file;
  bool created = false;
};

} // namespace weft

#endif // WEFT_COMPILER_DATA_PENDINGFILE_H

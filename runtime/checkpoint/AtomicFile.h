//===- AtomicFile.h - A file that appears whole or not at all ---*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CHECKPOINT_ATOMICFILE_H
#define WEFT_CHECKPOINT_ATOMICFILE_H

#include <cstdint>
#include <string>

namespace weft::rt {

/// Writes a temporary file beside `path` and renames it over `path` when committed. Without `commit` the temporary
/// file is removed and `path` keeps what it had.
class AtomicFile {
public:
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;

  /// Creates the temporary file. False on failure, as the calls below; `error` then says what failed. A target that
  /// exists and is no regular file is refused: the rename would replace a device by a file.
  bool open();
  /// Appends `bytes` bytes.
  bool write(const void *data, int64_t bytes);
  /// Flushes to disk and renames.
  bool commit();

  /// The first failure: what was done, the file, and the system's reason.
  const std::string &error() const { return message; }

private:
  bool fail(const char *action, const std::string &file);

  std::string target, temporary, message;
  int descriptor = -1;
};

/// Whether a file of `bytes` bytes could be written at `path` now: the folder exists and takes a file, `path` is no
/// folder, and the disk has room. Empty, or the reason.
std::string checkWritable(const std::string &path, int64_t bytes);

} // namespace weft::rt

#endif // WEFT_CHECKPOINT_ATOMICFILE_H

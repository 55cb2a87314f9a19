//===- OutputFile.h - A file that is complete or not there ------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_OUTPUTFILE_H
#define WEFT_COMPILER_DRIVER_OUTPUTFILE_H

#include "llvm/ADT/StringRef.h"
#include <memory>
#include <string>

namespace weft {

/// A file under a temporary name beside the final one, which it gets when all
/// of it is written: nobody ever sees half of it, and an old one stays until
/// then. Dropped without `commit` (or by a signal), the temporary file is removed.
class OutputFile {
public:
  /// Creates the temporary file, so that a place that cannot be written to is
  /// found before the work is done. Null on failure, after reporting it.
  static std::unique_ptr<OutputFile> create(llvm::StringRef path);
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  llvm::StringRef temporaryPath() const { return temporary; }

  /// Replaces the temporary file's contents. Reports what failed.
  bool write(llvm::StringRef contents, bool executable);

  /// Flushes the temporary file and gives it its final name. Reports what failed.
  bool commit();

private:
  OutputFile(llvm::StringRef path, llvm::StringRef temporary) : path(path), temporary(temporary) {}

  std::string path, temporary;
  bool committed = false;
};

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_OUTPUTFILE_H

//===- ZipFile.h - Where the files of a zip archive lie ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_TORCH_ZIPFILE_H
#define WEFT_COMPILER_IMPORT_TORCH_ZIPFILE_H

#include "llvm/ADT/StringRef.h"
#include <map>
#include <string>

namespace weft::torch {

/// A file that is stored as it is: bytes [offset, offset + bytes) of the archive.
struct ZipEntry {
  int64_t offset = 0, bytes = 0;
};

/// The files of an archive by name. Returns false with a one-line reason if it is damaged, or if a file in it is
/// compressed, which PyTorch's are not. `archive` is not kept.
bool readZipFile(llvm::StringRef archive, std::map<std::string, ZipEntry> &entries, std::string &error);

} // namespace weft::torch

#endif // WEFT_COMPILER_IMPORT_TORCH_ZIPFILE_H

//===- OutputFile.cpp - A file that is complete or not there --------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/OutputFile.h"
#include "compiler/driver/Diagnostics.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <fcntl.h>
#include <unistd.h>

using namespace llvm;
namespace fs = llvm::sys::fs;

std::unique_ptr<weft::OutputFile> weft::OutputFile::create(StringRef path) {
  if (fs::is_directory(path)) {
    reportError("cannot write '" + path + "': it is a directory", "give a file name to -o");
    return nullptr;
  }
  if (fs::exists(path) && !fs::is_regular_file(path)) {
    reportError("cannot write '" + path + "': it is not a regular file");
    return nullptr;
  }
  SmallString<256> absolute(path);
  if (std::error_code error = fs::make_absolute(absolute)) {
    reportError("cannot write '" + path + "': " + error.message());
    return nullptr;
  }
  StringRef folder = sys::path::parent_path(absolute);
  if (!fs::is_directory(folder)) {
    reportError("cannot write '" + path + "': there is no folder '" + folder + "'");
    return nullptr;
  }
  SmallString<256> temporary;
  int fd = -1;
  if (std::error_code error = fs::createUniqueFile(absolute + ".tmp-%%%%%%%%", fd, temporary)) {
    reportError("cannot write '" + path + "': " + error.message());
    return nullptr;
  }
  close(fd);
  sys::RemoveFileOnSignal(temporary);
  return std::unique_ptr<OutputFile>(new OutputFile(path, temporary));
}

weft::OutputFile::~OutputFile() {
  if (!committed)
    fs::remove(temporary);
  sys::DontRemoveFileOnSignal(temporary);
}

bool weft::OutputFile::write(StringRef contents, bool executable) {
  std::error_code error;
  raw_fd_ostream os(temporary, error);
  if (!error) {
    os << contents;
    os.close();
    error = os.error();
    os.clear_error();
  }
  if (!error)
    error = fs::setPermissions(temporary,
                               executable ? fs::perms(0777 & ~fs::getUmask()) : fs::perms(0666 & ~fs::getUmask()));
  if (error)
    reportError("cannot write '" + path + "': " + error.message());
  return !error;
}

bool weft::OutputFile::commit() {
  std::error_code error;
  int fd = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) != 0)
    error = std::error_code(errno, std::generic_category());
  if (fd >= 0)
    close(fd);
  if (!error)
    error = fs::rename(temporary, path);
  if (error) {
    reportError("cannot write '" + path + "': " + error.message());
    return false;
  }
  committed = true;
  return true;
}

//===- PendingFile.cpp - A file that is complete or not there -------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/data/PendingFile.h"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace weft;

PendingFile::PendingFile(const std::string &path) : path(path), pending(path + ".partial." + std::to_string(getpid())) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    pending = path;
}

PendingFile::~PendingFile() {
  file.reset();
  if (created && pending != path)
    unlink(pending.c_str());
}

bool PendingFile::open(std::string &error) {
  file.reset(std::fopen(pending.c_str(), "wb"));
  created = file != nullptr;
  return created || fail(error);
}

bool PendingFile::write(const void *bytes, size_t size, std::string &error) {
  return std::fwrite(bytes, 1, size, file.get()) == size || fail(error);
}

bool PendingFile::commit(std::string &error) {
  if (std::fflush(file.get()) != 0 || std::fclose(file.release()) != 0)
    return fail(error);
  if (pending != path && std::rename(pending.c_str(), path.c_str()) != 0)
    return fail(error);
  created = false;
  return true;
}

bool PendingFile::fail(std::string &error) const {
  error = "cannot write '" + path + "': " + std::strerror(errno);
  return false;
}

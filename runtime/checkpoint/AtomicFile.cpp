//===- AtomicFile.cpp - A file that appears whole or not at all -----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "checkpoint/AtomicFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

using namespace weft::rt;

/// The folder that `path` lies in.
static std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

AtomicFile::AtomicFile(std::string path) : target(std::move(path)) {
  temporary = target + ".tmp." + std::to_string(getpid());
}

AtomicFile::~AtomicFile() {
  if (descriptor < 0)
    return;
  close(descriptor);
  unlink(temporary.c_str());
}

bool AtomicFile::fail(const char *action, const std::string &file) {
  int reason = errno;
  if (message.empty())
    message = std::string("cannot ") + action + " '" + file + "': " + strerror(reason);
  return false;
}

/// Whether `path` is there and a rename would put a file in the place of something else: a device, a pipe.
static bool isSpecial(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

bool AtomicFile::open() {
  if (isSpecial(target)) {
    message = "cannot write '" + target + "': it is not a regular file";
    return false;
  }
  descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  return descriptor >= 0 || fail("create", temporary);
}

bool AtomicFile::write(const void *data, int64_t bytes) {
  const char *from = static_cast<const char *>(data);
  while (bytes > 0) {
    // Linux writes at most 2 GiB in one call.
    ssize_t done = ::write(descriptor, from, static_cast<size_t>(std::min<int64_t>(bytes, int64_t(1) << 30)));
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0)
      return fail("write", target);
    from += done;
    bytes -= done;
  }
  return true;
}

bool AtomicFile::commit() {
  if (fsync(descriptor) != 0)
    return fail("flush to disk", target);
  int closed = close(descriptor);
  descriptor = -1;
  if (closed != 0 || rename(temporary.c_str(), target.c_str()) != 0) {
    fail("write", target);
    unlink(temporary.c_str());
    return false;
  }
  // The rename is durable once its folder is. Not every file system allows that, and the file is whole either way.
  int folder = ::open(folderOf(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    (void)fsync(folder);
    close(folder);
  }
  return true;
}

std::string weft::rt::checkWritable(const std::string &path, int64_t bytes) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    return "cannot write '" + path + "': it is a folder";
  if (isSpecial(path))
    return "cannot write '" + path + "': it is not a regular file";
  AtomicFile probe(path);
  if (!probe.open())
    return "cannot write '" + path + "': " + probe.error();
  struct statvfs disk;
  if (statvfs(folderOf(path).c_str(), &disk) == 0) {
    uint64_t room = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
    if (room < static_cast<uint64_t>(bytes))
      return "cannot write '" + path + "': it needs " + std::to_string(bytes) + " bytes and the disk has " +
             std::to_string(room) + " left";
  }
  return "";
}

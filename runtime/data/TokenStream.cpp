//===- TokenStream.cpp - Token files as one stream ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "data/TokenStream.h"

#include "core/Error.h"
#include "weft/token_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace weft;
using namespace weft::rt;

namespace {

/// A descriptor that closes itself.
struct Descriptor {
  explicit Descriptor(const std::string &path) : value(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (value < 0)
      throw InputError("cannot open '" + path + "': " + strerror(errno));
  }
  ~Descriptor() { close(value); }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;

  int value;
};

} // namespace

bool TokenStream::isTokenFile(const std::string &path) {
  Descriptor descriptor(path);
  char magic[sizeof(kTokenFileMagic)];
  return pread(descriptor.value, magic, sizeof(magic), 0) == sizeof(magic) &&
         memcmp(magic, kTokenFileMagic, sizeof(magic)) == 0;
}

TokenStream::TokenStream(const std::vector<std::string> &paths) {
  for (const std::string &path : paths)
    add(path);
}

TokenStream::~TokenStream() {
  for (const File &file : files)
    munmap(file.mapping, file.mappedBytes);
}

void TokenStream::add(const std::string &path) {
  Descriptor descriptor(path);
  struct stat info;
  if (fstat(descriptor.value, &info) != 0 || !S_ISREG(info.st_mode))
    throw InputError("cannot read '" + path + "': it is not a regular file");
  TokenFileHeader header;
  ssize_t got = pread(descriptor.value, &header, sizeof(header), 0);
  if (got < static_cast<ssize_t>(sizeof(header)) || memcmp(header.magic, kTokenFileMagic, sizeof(kTokenFileMagic)) != 0)
    throw InputError("'" + path + "' is not a token file; make one with: weft data pack FILE -o TOKENS");
  if (header.version != kTokenFileVersion)
    throw InputError("'" + path + "' is a token file of version " + std::to_string(header.version) +
                     "; this program reads version " + std::to_string(kTokenFileVersion));
  if (header.tokenBytes != 1 && header.tokenBytes != 2 && header.tokenBytes != 4)
    throw InputError("'" + path + "' is damaged: its header gives " + std::to_string(header.tokenBytes) +
                     " bytes for a token; 1, 2 and 4 are possible");
  uint64_t dataBytes = static_cast<uint64_t>(info.st_size) - sizeof(header);
  if (header.tokenCount > dataBytes / header.tokenBytes || header.tokenCount * header.tokenBytes != dataBytes)
    throw InputError("'" + path + "' is damaged: its header promises " + std::to_string(header.tokenCount) +
                     " tokens of " + std::to_string(header.tokenBytes) + " bytes and " + std::to_string(dataBytes) +
                     " bytes follow (is the file truncated?)");
  File file;
  file.path = path;
  file.mappedBytes = info.st_size;
  file.mapping = mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, descriptor.value, 0);
  if (file.mapping == MAP_FAILED)
    throw InputError("cannot map '" + path + "': " + strerror(errno));
  file.first = total;
  file.count = static_cast<int64_t>(header.tokenCount);
  file.tokenBytes = header.tokenBytes;
  file.vocabulary = header.vocabulary;
  total += file.count;
  files.push_back(std::move(file));
}

const TokenStream::File &TokenStream::fileOf(int64_t position) const {
  auto after = std::upper_bound(files.begin(), files.end(), position,
                                [](int64_t value, const File &file) { return value < file.first; });
  return *std::prev(after);
}

std::string TokenStream::describe(int64_t position) const {
  const File &file = fileOf(position);
  return "token " + std::to_string(position - file.first) + " of '" + file.path + "'";
}

int64_t TokenStream::findAtLeast(int64_t limit) const {
  std::vector<int64_t> ids(1 << 16);
  for (const File &file : files) {
    if (file.vocabulary != 0 && file.vocabulary <= static_cast<uint64_t>(limit))
      continue;
    for (int64_t begin = 0; begin < file.count; begin += static_cast<int64_t>(ids.size())) {
      int64_t part = std::min(file.count - begin, static_cast<int64_t>(ids.size()));
      read(file.first + begin, part, ids.data());
      auto found = std::find_if(ids.begin(), ids.begin() + part, [&](int64_t id) { return id >= limit; });
      if (found != ids.begin() + part)
        return file.first + begin + (found - ids.begin());
    }
  }
  return -1;
}

template <typename Id> static void copyIds(const void *from, int64_t count, int64_t *to) {
  const Id *ids = static_cast<const Id *>(from);
  for (int64_t i = 0; i < count; ++i)
    to[i] = ids[i];
}

void TokenStream::read(int64_t begin, int64_t count, int64_t *to) const {
  while (count > 0) {
    const File &file = fileOf(begin);
    int64_t at = begin - file.first, part = std::min(count, file.count - at);
    // The header is 32 bytes and the mapping is page aligned, so ids are aligned.
    const void *ids = static_cast<const char *>(file.mapping) + sizeof(TokenFileHeader) + at * file.tokenBytes;
    if (file.tokenBytes == 1)
      copyIds<uint8_t>(ids, part, to);
    else if (file.tokenBytes == 2)
      copyIds<uint16_t>(ids, part, to);
    else
      copyIds<uint32_t>(ids, part, to);
    begin += part;
    count -= part;
    to += part;
  }
}

//===- ZipFile.cpp - Where the files of a zip archive lie -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// PKWARE's APPNOTE, sections 4.3.7 (local header), 4.3.12 (central directory)
// and 4.3.14 to 16 (its end, also for archives of 4 GiB and more). LLVM has no
// reader of zip archives, and weights are used where they lie in the file.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/torch/ZipFile.h"
#include "llvm/Support/Endian.h"

using namespace weft::torch;
using llvm::StringRef;

namespace {

/// Little-endian numbers at places that are checked.
class Fields {
public:
  explicit Fields(StringRef bytes) : bytes(bytes) {}

  bool has(uint64_t offset, uint64_t count) const { return offset <= bytes.size() && count <= bytes.size() - offset; }
  uint64_t u16(uint64_t offset) const { return llvm::support::endian::read16le(bytes.data() + offset); }
  uint64_t u32(uint64_t offset) const { return llvm::support::endian::read32le(bytes.data() + offset); }
  uint64_t u64(uint64_t offset) const { return llvm::support::endian::read64le(bytes.data() + offset); }

private:
  StringRef bytes;
};

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator64 = 0x07064b50;
constexpr uint64_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20;
constexpr uint64_t kIn64 = 0xFFFFFFFF;

struct Directory {
  uint64_t offset = 0, count = 0;
};

} // namespace

static bool findDirectory(StringRef archive, Directory &directory) {
  Fields fields(archive);
  // A comment of up to 64 KiB may follow.
  uint64_t least = archive.size() > kEndBytes + 0xFFFF ? archive.size() - kEndBytes - 0xFFFF : 0;
  for (uint64_t at = archive.size() < kEndBytes ? 0 : archive.size() - kEndBytes + 1; at-- > least;) {
    if (!fields.has(at, kEndBytes) || fields.u32(at) != kEnd)
      continue;
    directory = {fields.u32(at + 16), fields.u16(at + 10)};
    if (at < kLocatorBytes || fields.u32(at - kLocatorBytes) != kLocator64)
      return true;
    uint64_t end = fields.u64(at - kLocatorBytes + 8);
    if (!fields.has(end, kEnd64Bytes) || fields.u32(end) != kEnd64)
      return false;
    directory = {fields.u64(end + 48), fields.u64(end + 32)};
    return true;
  }
  return false;
}

/// Sizes and the offset of an entry, from its extra field where they do not fit into 32 bits.
static bool readPlace(const Fields &fields, uint64_t at, uint64_t nameBytes, uint64_t &bytes, uint64_t &offset) {
  uint64_t plain = fields.u32(at + 24);
  bytes = fields.u32(at + 20), offset = fields.u32(at + 42);
  uint64_t extra = at + kCentralBytes + nameBytes, last = extra + fields.u16(at + 30);
  while (extra + 4 <= last) {
    uint64_t size = fields.u16(extra + 2), next = extra + 4 + size;
    if (next > last)
      return false;
    if (fields.u16(extra) == 1) {
      uint64_t field = extra + 4;
      for (uint64_t *number : {&plain, &bytes, &offset})
        if (*number == kIn64) {
          if (field + 8 > next)
            return false;
          *number = fields.u64(field);
          field += 8;
        }
    }
    extra = next;
  }
  return plain == bytes;
}

bool weft::torch::readZipFile(StringRef archive, std::map<std::string, ZipEntry> &entries, std::string &error) {
  Directory directory;
  Fields fields(archive);
  error = "the archive is truncated or corrupt";
  if (!findDirectory(archive, directory))
    return false;
  uint64_t at = directory.offset;
  for (uint64_t i = 0; i < directory.count; ++i) {
    if (!fields.has(at, kCentralBytes) || fields.u32(at) != kCentral)
      return false;
    uint64_t nameBytes = fields.u16(at + 28), rest = fields.u16(at + 30) + fields.u16(at + 32);
    if (!fields.has(at + kCentralBytes, nameBytes + rest))
      return false;
    std::string name = archive.substr(at + kCentralBytes, nameBytes).str();
    if (fields.u16(at + 10) != 0) {
      error = "'" + name + "' in the archive is compressed";
      return false;
    }
    uint64_t bytes = 0, local = 0;
    if (!readPlace(fields, at, nameBytes, bytes, local) || !fields.has(local, kLocalBytes) ||
        fields.u32(local) != kLocal)
      return false;
    uint64_t data = local + kLocalBytes + fields.u16(local + 26) + fields.u16(local + 28);
    if (!fields.has(data, bytes))
      return false;
    entries[name] = {static_cast<int64_t>(data), static_cast<int64_t>(bytes)};
    at += kCentralBytes + nameBytes + rest;
  }
  error.clear();
  return true;
}

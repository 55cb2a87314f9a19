//===- safetensors.h - Reading and writing safetensors ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The safetensors format: an 8-byte little-endian header size, a JSON object
// that maps each tensor's name to its element type, shape and byte range, then
// the data. No function here throws: failures come back as text that names the
// file and what is wrong with it.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_SAFETENSORS_H
#define WEFT_SAFETENSORS_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft {

/// One tensor of a safetensors file, or one to be written.
struct SafetensorsEntry {
  std::string name;
  /// As in the file: `F32 F64 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL F8_E4M3 F8_E5M2`.
  std::string dtype;
  std::vector<int64_t> shape;
  /// Dense, row major, little endian. Not owned; when read, it lives as long as the file object. Not aligned.
  const void *data = nullptr;
  /// Size of `data`; always the product of the shape times the element size.
  int64_t bytes = 0;

  /// The product of the shape; 1 for a scalar.
  int64_t elements() const;
};

/// Bytes of one element of `dtype`, or 0 when the type is not known.
int64_t safetensorsElementBytes(const std::string &dtype);

/// A safetensors file mapped into memory.
class SafetensorsFile {
public:
  /// Maps and validates `path`: header size and syntax, known types, byte ranges that lie in the file, agree with
  /// the shapes, do not overlap and leave no gap. Null on failure, and then `error` says what is wrong.
  static std::unique_ptr<SafetensorsFile> open(const std::string &path, std::string &error);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile &) = delete;
  SafetensorsFile &operator=(const SafetensorsFile &) = delete;

  /// All tensors, by their place in the file.
  const std::vector<SafetensorsEntry> &tensors() const { return entries; }

  /// The tensor of that name, or null.
  const SafetensorsEntry *find(const std::string &name) const;

  /// The `__metadata__` object.
  const std::map<std::string, std::string> &metadata() const { return meta; }

  const std::string &path() const { return filePath; }

private:
  SafetensorsFile() = default;
  bool parse(std::string &error);

  std::string filePath;
  void *mapping = nullptr;
  int64_t mappedBytes = 0;
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, size_t> byName;
  std::map<std::string, std::string> meta;
};

namespace rt {
class AtomicFile;
} // namespace rt

/// Writes a file tensor by tensor, for whoever does not have all of them at once. The file appears when it is whole.
class SafetensorsWriter {
public:
  /// Writes the header for `entries`, whose `data` is not looked at. `error` then says whether that went well.
  SafetensorsWriter(const std::string &path, const std::vector<SafetensorsEntry> &entries,
                    const std::map<std::string, std::string> &metadata = {});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter &) = delete;
  SafetensorsWriter &operator=(const SafetensorsWriter &) = delete;

  /// Appends bytes of the tensors, in their order. False on failure.
  bool append(const void *data, int64_t bytes);
  /// After the last byte: flushes to disk, and renames to `path`. False on failure.
  bool commit();
  /// The first failure, or "".
  const std::string &error() const { return fault; }

private:
  std::unique_ptr<rt::AtomicFile> file;
  std::string fault;
};

/// Writes `entries` in the given order, atomically: a temporary file beside `path`, flushed to disk, then renamed.
/// Returns an empty string, or what failed; then no file is left behind and an older `path` is untouched.
std::string writeSafetensors(const std::string &path, const std::vector<SafetensorsEntry> &entries,
                             const std::map<std::string, std::string> &metadata = {});

} // namespace weft

#endif // WEFT_SAFETENSORS_H

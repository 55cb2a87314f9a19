//===- Safetensors.cpp - Reading and writing safetensors ------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "weft/safetensors.h"

#include "checkpoint/AtomicFile.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace weft;
using nlohmann::json;

/// The format's own bound on the header, so that a corrupt size is not taken for a huge header.
static constexpr uint64_t kMaxHeaderBytes = 100'000'000;

int64_t weft::safetensorsElementBytes(const std::string &dtype) {
  static constexpr struct {
    const char *name;
    int64_t bytes;
  } types[] = {{"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}, {"I64", 8},  {"I32", 4},     {"I16", 2},    {"I8", 1},
               {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (const auto &type : types)
    if (dtype == type.name)
      return type.bytes;
  return 0;
}

int64_t SafetensorsEntry::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

std::unique_ptr<SafetensorsFile> SafetensorsFile::open(const std::string &path, std::string &error) {
  std::unique_ptr<SafetensorsFile> file(new SafetensorsFile);
  file->filePath = path;
  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    error = "cannot open '" + path + "': " + strerror(errno);
    return nullptr;
  }
  struct stat info;
  if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    error = "cannot read '" + path + "': it is not a regular file";
    close(descriptor);
    return nullptr;
  }
  file->mappedBytes = info.st_size;
  if (info.st_size > 0) {
    file->mapping = mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (file->mapping == MAP_FAILED) {
      file->mapping = nullptr;
      error = "cannot map '" + path + "': " + strerror(errno);
      close(descriptor);
      return nullptr;
    }
  }
  close(descriptor);
  std::string fault;
  if (!file->parse(fault)) {
    error = "'" + path + "' is not a valid safetensors file: " + fault;
    return nullptr;
  }
  return file;
}

SafetensorsFile::~SafetensorsFile() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

const SafetensorsEntry *SafetensorsFile::find(const std::string &name) const {
  auto found = byName.find(name);
  return found == byName.end() ? nullptr : &entries[found->second];
}

/// Reads one entry of the header; `dataBytes` is the size of the data section. Returns the fault, or "".
static std::string parseEntry(const json &value, const char *data, int64_t dataBytes, SafetensorsEntry &entry) {
  auto dtype = value.find("dtype"), shape = value.find("shape"), offsets = value.find("data_offsets");
  if (dtype == value.end() || !dtype->is_string() || shape == value.end() || !shape->is_array() ||
      offsets == value.end() || !offsets->is_array() || offsets->size() != 2)
    return "it lacks a valid dtype, shape or data_offsets";
  entry.dtype = dtype->get<std::string>();
  int64_t elementBytes = safetensorsElementBytes(entry.dtype);
  if (elementBytes == 0)
    return "its type '" + entry.dtype + "' is not known";
  int64_t bytes = elementBytes;
  for (const json &size : *shape) {
    if (!size.is_number_unsigned())
      return "a size in its shape is not a non-negative integer";
    entry.shape.push_back(size.get<int64_t>());
    if (entry.shape.back() < 0 || __builtin_mul_overflow(bytes, entry.shape.back(), &bytes))
      return "its shape is too large";
  }
  if (!(*offsets)[0].is_number_unsigned() || !(*offsets)[1].is_number_unsigned())
    return "its data_offsets are not non-negative integers";
  uint64_t begin = (*offsets)[0].get<uint64_t>(), end = (*offsets)[1].get<uint64_t>();
  if (begin > end || end > static_cast<uint64_t>(dataBytes))
    return "its bytes " + std::to_string(begin) + " to " + std::to_string(end) + " lie outside the data section of " +
           std::to_string(dataBytes) + " bytes (is the file truncated?)";
  if (end - begin != static_cast<uint64_t>(bytes))
    return "its range has " + std::to_string(end - begin) + " bytes where its shape needs " + std::to_string(bytes);
  entry.bytes = bytes;
  entry.data = data + begin;
  return "";
}

bool SafetensorsFile::parse(std::string &error) {
  const char *file = static_cast<const char *>(mapping);
  if (mappedBytes < 8) {
    error = "it has " + std::to_string(mappedBytes) + " bytes, fewer than the 8 of the header size";
    return false;
  }
  uint64_t headerBytes;
  memcpy(&headerBytes, file, 8);
  if (headerBytes > kMaxHeaderBytes || headerBytes > static_cast<uint64_t>(mappedBytes) - 8) {
    error = "its header claims " + std::to_string(headerBytes) + " bytes in a file of " + std::to_string(mappedBytes) +
            " (truncated, or of another format)";
    return false;
  }
  json header = json::parse(file + 8, file + 8 + headerBytes, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) {
    error = "its header is not a JSON object";
    return false;
  }
  const char *data = file + 8 + headerBytes;
  int64_t dataBytes = mappedBytes - 8 - static_cast<int64_t>(headerBytes);
  for (const auto &[name, value] : header.items()) {
    if (name == "__metadata__") {
      if (value.is_object())
        for (const auto &[key, text] : value.items())
          if (text.is_string())
            meta[key] = text.get<std::string>();
      continue;
    }
    SafetensorsEntry entry;
    entry.name = name;
    std::string fault = value.is_object() ? parseEntry(value, data, dataBytes, entry) : "it is not an object";
    if (!fault.empty()) {
      error = "tensor '" + name + "': " + fault;
      return false;
    }
    entries.push_back(std::move(entry));
  }
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry &a, const SafetensorsEntry &b) {
    return a.data != b.data ? a.data < b.data : a.bytes != b.bytes ? a.bytes < b.bytes : a.name < b.name;
  });
  const char *expected = data;
  for (size_t i = 0; i < entries.size(); ++i) {
    const char *begin = static_cast<const char *>(entries[i].data);
    if (begin != expected) {
      error = "tensor '" + entries[i].name + "' " +
              (begin < expected ? "overlaps '" + entries[i - 1].name + "'" : "has a gap before it");
      return false;
    }
    expected = begin + entries[i].bytes;
    byName[entries[i].name] = i;
  }
  if (expected != data + dataBytes) {
    error = std::to_string(data + dataBytes - expected) + " bytes follow the last tensor";
    return false;
  }
  return true;
}

SafetensorsWriter::SafetensorsWriter(const std::string &path, const std::vector<SafetensorsEntry> &entries,
                                     const std::map<std::string, std::string> &metadata)
    : file(std::make_unique<rt::AtomicFile>(path)) {
  // An ordered object keeps the order of `entries`, which is the order of the data.
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty())
    for (const auto &[key, text] : metadata)
      header["__metadata__"][key] = text;
  int64_t offset = 0;
  for (const SafetensorsEntry &entry : entries) {
    if (header.contains(entry.name)) {
      fault = "cannot write '" + path + "': two tensors are named '" + entry.name + "'";
      return;
    }
    header[entry.name] = {
        {"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {offset, offset + entry.bytes}}};
    offset += entry.bytes;
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  // Readers like aligned data: the header is padded with spaces, as the format allows.
  text.resize((text.size() + 7) / 8 * 8, ' ');
  uint64_t headerBytes = text.size();
  if (!file->open() || !file->write(&headerBytes, 8) || !file->write(text.data(), text.size()))
    fault = file->error();
}

SafetensorsWriter::~SafetensorsWriter() = default;

bool SafetensorsWriter::append(const void *data, int64_t bytes) {
  if (fault.empty() && !file->write(data, bytes))
    fault = file->error();
  return fault.empty();
}

bool SafetensorsWriter::commit() {
  if (fault.empty() && !file->commit())
    fault = file->error();
  return fault.empty();
}

std::string weft::writeSafetensors(const std::string &path, const std::vector<SafetensorsEntry> &entries,
                                   const std::map<std::string, std::string> &metadata) {
  SafetensorsWriter writer(path, entries, metadata);
  for (const SafetensorsEntry &entry : entries)
    if (!writer.append(entry.data, entry.bytes))
      break;
  writer.commit();
  return writer.error();
}

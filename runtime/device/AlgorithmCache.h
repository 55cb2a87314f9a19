//===- AlgorithmCache.h - Algorithms that were chosen before ----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What was timed at one start is not timed at the next one. A file for each
// device and version of the library: docs/cuda.md has its form.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_ALGORITHMCACHE_H
#define WEFT_DEVICE_ALGORITHMCACHE_H

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace weft::rt {

/// An algorithm as the library serialises it, the workspace it needs and how long it took.
struct CachedAlgorithm {
  std::array<uint64_t, 8> words{};
  int64_t workspace = 0;
  double microseconds = 0;
};

class AlgorithmCache {
public:
  /// Reads the file of this device and version in `folder`; "" for a cache that is not kept. What cannot be read is as
  /// if it were not there, and `remark` says so.
  AlgorithmCache(const std::string &folder, const std::string &device, uint64_t version);

  std::optional<CachedAlgorithm> find(const std::string &key) const;
  void add(const std::string &key, const CachedAlgorithm &algorithm);

  /// All that it holds, as text, and the other way round; text of another device or version adds nothing.
  std::string contents() const;
  void take(const std::string &bytes);

  /// Writes the file if something was added, together with what others have written meanwhile. "" or what failed, which
  /// is no reason to stop.
  std::string save();

  const std::string &path() const { return file; }
  const std::string &remark() const { return text; }

  /// $XDG_CACHE_HOME/weft, else ~/.cache/weft; "" where there is no home.
  static std::string defaultFolder();

private:
  bool read(std::map<std::string, CachedAlgorithm> &into, std::string &error) const;
  bool parse(const std::string &bytes, std::map<std::string, CachedAlgorithm> &into, std::string &error) const;
  std::string print(const std::map<std::string, CachedAlgorithm> &all) const;

  std::string file, device, text;
  uint64_t version;
  std::map<std::string, CachedAlgorithm> known, added;
};

} // namespace weft::rt

#endif // WEFT_DEVICE_ALGORITHMCACHE_H

//===- AlgorithmCache.cpp - Algorithms that were chosen before ------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/AlgorithmCache.h"

#include "checkpoint/AtomicFile.h"
#include "core/Text.h"

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace weft::rt;
using nlohmann::json;

/// The form of the file; another one is not read.
static constexpr int kFormat = 1;

static std::string fileName(const std::string &device, uint64_t version) {
  std::string name = "cublaslt-" + std::to_string(version) + "-";
  for (char c : device)
    name += isalnum(static_cast<unsigned char>(c)) ? c : '-';
  return name + ".json";
}

AlgorithmCache::AlgorithmCache(const std::string &folder, const std::string &device, uint64_t version)
    : device(device), version(version) {
  if (folder.empty())
    return;
  file = folder + "/" + fileName(device, version);
  std::string error;
  if (!read(known, error)) {
    known.clear();
    text = "'" + file + "' is not used: " + error;
  }
}

/// True also where there is no file.
bool AlgorithmCache::read(std::map<std::string, CachedAlgorithm> &into, std::string &error) const {
  std::ifstream stream(file, std::ios::binary);
  if (!stream)
    return true;
  std::ostringstream bytes;
  bytes << stream.rdbuf();
  return parse(bytes.str(), into, error);
}

bool AlgorithmCache::parse(const std::string &bytes, std::map<std::string, CachedAlgorithm> &into,
                           std::string &error) const {
  json document = json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || document.value("format", json()) != json(kFormat)) {
    error = "it is damaged, or of another version of Weft";
    return false;
  }
  if (document.value("device", json()) != json(device) || document.value("library", json()) != json(version)) {
    error = "it was made by another device or library";
    return false;
  }
  json entries = document.value("entries", json());
  if (!entries.is_object()) {
    error = "it is damaged";
    return false;
  }
  for (const auto &[key, value] : entries.items()) {
    CachedAlgorithm algorithm;
    json words = value.is_object() ? value.value("algorithm", json()) : json();
    bool good = words.is_array() && words.size() == algorithm.words.size();
    for (size_t i = 0; good && i < algorithm.words.size(); ++i) {
      good = words[i].is_number_unsigned();
      algorithm.words[i] = good ? words[i].get<uint64_t>() : 0;
    }
    json workspace = good ? value.value("workspace", json()) : json();
    json time = good ? value.value("microseconds", json()) : json();
    if (!good || !workspace.is_number_unsigned() || !time.is_number()) {
      error = "its entry '" + key + "' is damaged";
      return false;
    }
    algorithm.workspace = workspace.get<int64_t>();
    algorithm.microseconds = time.get<double>();
    into[key] = algorithm;
  }
  return true;
}

std::optional<CachedAlgorithm> AlgorithmCache::find(const std::string &key) const {
  for (const auto *entries : {&added, &known})
    if (auto found = entries->find(key); found != entries->end())
      return found->second;
  return std::nullopt;
}

void AlgorithmCache::add(const std::string &key, const CachedAlgorithm &algorithm) { added[key] = algorithm; }

std::string AlgorithmCache::print(const std::map<std::string, CachedAlgorithm> &all) const {
  json entries = json::object();
  for (const auto &[key, algorithm] : all)
    entries[key] = {{"algorithm", algorithm.words},
                    {"workspace", static_cast<uint64_t>(algorithm.workspace)},
                    {"microseconds", algorithm.microseconds}};
  return json{{"format", kFormat}, {"device", device}, {"library", version}, {"entries", entries}}.dump(1) + "\n";
}

std::string AlgorithmCache::contents() const {
  std::map<std::string, CachedAlgorithm> all = known;
  for (const auto &[key, algorithm] : added)
    all[key] = algorithm;
  return print(all);
}

void AlgorithmCache::take(const std::string &bytes) {
  std::map<std::string, CachedAlgorithm> given;
  if (parse(bytes, given, text))
    known.insert(given.begin(), given.end());
}

std::string AlgorithmCache::save() {
  if (file.empty() || added.empty())
    return "";
  std::error_code failure;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), failure);
  if (failure)
    return "cannot make the folder of '" + file + "': " + failure.message();
  // Other processes start too: what they have found meanwhile is kept.
  std::map<std::string, CachedAlgorithm> all;
  std::string ignored;
  if (!read(all, ignored))
    all.clear();
  for (const auto &[key, algorithm] : added)
    all[key] = algorithm;
  std::string bytes = print(all);
  AtomicFile out(file);
  if (!out.open() || !out.write(bytes.data(), static_cast<int64_t>(bytes.size())) || !out.commit())
    return out.error();
  known = std::move(all);
  added.clear();
  return "";
}

std::string AlgorithmCache::defaultFolder() {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (cache && *cache)
    return std::string(cache) + "/weft";
  return home && *home ? std::string(home) + "/.cache/weft" : "";
}

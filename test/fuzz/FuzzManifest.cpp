//===- FuzzManifest.cpp - Any bytes as the manifest of an executable ------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Error.h"
#include "core/Manifest.h"
#include "launch/Options.h"
#include <cstddef>

using namespace weft::rt;

/// Up to the first zero byte a manifest, behind it a command line, one argument to a line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string bytes(reinterpret_cast<const char *>(data), size);
  size_t end = std::min(bytes.find('\0'), bytes.size());
  Manifest manifest;
  try {
    manifest = Manifest::parse(bytes.data(), static_cast<int64_t>(end));
  } catch (const InternalError &) {
    // Only the compiler writes manifests; the command line is tried without one.
  }
  std::vector<std::string> words;
  for (size_t at = end + 1; at < bytes.size() && words.size() < 64;) {
    size_t next = std::min(bytes.find('\n', at), bytes.size());
    words.push_back(bytes.substr(at, next - at));
    at = next + 1;
  }
  std::vector<const char *> arguments = {"executable"};
  for (const std::string &word : words)
    arguments.push_back(word.c_str());
  std::string help;
  try {
    if (std::optional<Options> options =
            parseOptions(static_cast<int>(arguments.size()), arguments.data(), manifest, help))
      options->hyper(manifest);
  } catch (const UsageError &) {
  }
  return 0;
}

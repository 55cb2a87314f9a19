//===- FuzzSafetensors.cpp - Any bytes as a safetensors file --------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "weft/safetensors.h"
#include <cstdlib>

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::ScratchFile scratch;
  scratch.write(data, size);
  std::string error;
  std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(scratch.path(), error);
  if (!file == error.empty())
    abort();
  // What was accepted can be read, from its first byte to its last.
  volatile char sum = 0;
  if (file)
    for (const SafetensorsEntry &entry : file->tensors())
      if (entry.bytes) {
        auto *bytes = static_cast<const char *>(entry.data);
        sum = static_cast<char>(sum + bytes[0] + bytes[entry.bytes - 1]);
      }
  return 0;
}

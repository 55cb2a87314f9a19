//===- FuzzTokens.cpp - Any bytes as a token file -------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "core/Error.h"
#include "data/TokenStream.h"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzz::ScratchFile scratch;
  scratch.write(data, size);
  try {
    rt::TokenStream::isTokenFile(scratch.path());
    rt::TokenStream stream({scratch.path(), scratch.path()});
    std::vector<int64_t> ids(static_cast<size_t>(stream.size()));
    stream.read(0, stream.size(), ids.data());
    int64_t high = stream.findAtLeast(256);
    if (high >= 0)
      stream.describe(high);
  } catch (const rt::InputError &) {
  }
  return 0;
}

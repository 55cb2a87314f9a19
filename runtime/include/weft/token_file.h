//===- token_file.h - The header of a token file ----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A token file is this header and then `tokenCount` ids of `tokenBytes` bytes
// each, unsigned, little endian, to the end of the file. docs/runtime.md is the
// specification.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TOKEN_FILE_H
#define WEFT_TOKEN_FILE_H

#include <cstdint>

namespace weft {

/// The first 8 bytes of a token file.
inline constexpr char kTokenFileMagic[8] = {'W', 'E', 'F', 'T', 'T', 'O', 'K', '1'};

/// The only version there is.
inline constexpr uint32_t kTokenFileVersion = 1;

/// The first 32 bytes of a token file, little endian.
struct TokenFileHeader {
  char magic[8];
  uint32_t version;
  /// Bytes of one id: 1, 2 or 4.
  uint32_t tokenBytes;
  uint64_t tokenCount;
  /// Every id is below it; 0 when unknown.
  uint64_t vocabulary;
};

static_assert(sizeof(TokenFileHeader) == 32, "the header is 32 bytes on disk");

} // namespace weft

#endif // WEFT_TOKEN_FILE_H

//===- TokenPack.h - Writes and reads token files ---------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The library behind `weft data`. docs/data.md describes the file format and
// runtime/include/weft/token_file.h its header.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DATA_TOKENPACK_H
#define WEFT_COMPILER_DATA_TOKENPACK_H

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// What the input files of a token file hold.
enum class TokenSource {
  /// Any file: each byte is a token.
  Bytes,
  /// Ids as little-endian unsigned 16-bit integers, nothing else.
  U16,
  /// Ids as little-endian unsigned 32-bit integers, nothing else.
  U32,
  /// Ids as decimal numbers with white space or commas between them.
  Text
};

/// What the header of a token file says.
struct TokenFileInfo {
  /// Bytes of one id: 1, 2 or 4.
  uint32_t tokenBytes = 0;
  uint64_t tokenCount = 0;
  /// The largest id plus one.
  uint64_t vocabulary = 0;
};

/// Packs the tokens of `inputs`, one file after the other, into the token file
/// `output`, with as few bytes per id as the largest needs. `output` appears
/// complete or not at all. Returns false with one message in `error` if a file
/// cannot be read or written, or holds what is not a token id, or if there are
/// no tokens at all.
bool packTokens(const std::vector<std::string> &inputs, TokenSource source, const std::string &output,
                TokenFileInfo &info, std::string &error);

/// Reads the header of the token file `path` and every id in it. Returns false
/// with one message in `error` if it is not a whole token file or an id lies
/// outside the vocabulary that its header states. `firstIds` gets at most the
/// first 16 ids.
bool readTokenFile(const std::string &path, TokenFileInfo &info, std::vector<uint32_t> &firstIds, std::string &error);

} // namespace weft

#endif // WEFT_COMPILER_DATA_TOKENPACK_H

//===- TokenStream.h - Token files as one stream ----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DATA_TOKENSTREAM_H
#define WEFT_DATA_TOKENSTREAM_H

#include <cstdint>
#include <string>
#include <vector>

namespace weft::rt {

/// Token files, mapped into memory and read one after the other.
class TokenStream {
public:
  /// Throws InputError for a file that is missing, not a token file, or not as long as its header says.
  explicit TokenStream(const std::vector<std::string> &paths);
  ~TokenStream();
  TokenStream(const TokenStream &) = delete;
  TokenStream &operator=(const TokenStream &) = delete;

  /// Tokens of all files.
  int64_t size() const { return total; }

  /// Reads tokens [begin, begin + count).
  void read(int64_t begin, int64_t count, int64_t *to) const;

  /// The position of the first id that is not below `limit`, or -1. Files whose header gives a vocabulary of at most
  /// `limit` are taken at their word.
  int64_t findAtLeast(int64_t limit) const;

  /// "token 5 of 'a.tok'" for a position of the stream.
  std::string describe(int64_t position) const;

  /// Whether the file begins as a token file does. Throws InputError when it cannot be opened.
  static bool isTokenFile(const std::string &path);

private:
  struct File {
    std::string path;
    void *mapping = nullptr;
    int64_t mappedBytes = 0, first = 0, count = 0, tokenBytes = 0;
    /// Every id is below it, says the header; 0 when it does not say.
    uint64_t vocabulary = 0;
  };

  void add(const std::string &path);
  const File &fileOf(int64_t position) const;

  std::vector<File> files;
  int64_t total = 0;
};

} // namespace weft::rt

#endif // WEFT_DATA_TOKENSTREAM_H

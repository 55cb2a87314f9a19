//===- TokenPack.cpp - Writes and reads token files -----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/data/TokenPack.h"
#include "compiler/data/PendingFile.h"
#include "weft/token_file.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sys/stat.h>

using namespace weft;

namespace {

constexpr size_t kChunkBytes = 1 << 20;

struct FileCloser {
  void operator()(std::FILE *file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

std::string systemError() { return std::strerror(errno); }

/// An input is read twice, first for its largest id: it has to be a regular file.
bool openRegular(const std::string &path, File &file, std::string &error) {
  file.reset(std::fopen(path.c_str(), "rb"));
  struct stat status;
  if (!file || fstat(fileno(file.get()), &status) != 0) {
    error = "cannot read '" + path + "': " + systemError();
    return false;
  }
  if (!S_ISREG(status.st_mode)) {
    error = "cannot read '" + path + "': not a regular file";
    return false;
  }
  return true;
}

uint32_t decodeId(const unsigned char *bytes, unsigned width) {
  uint32_t id = 0;
  for (unsigned i = 0; i < width; ++i)
    id |= uint32_t(bytes[i]) << (8 * i);
  return id;
}

/// Splits text into decimal ids, keeping the line for messages and the number at the end of a chunk for the next.
class TextIds {
public:
  explicit TextIds(const std::string &path) : path(path) {}

  /// Calls `use` with each id; false where there is something else or `use` returns false.
  template <typename Use> bool feed(const unsigned char *text, size_t size, Use &&use, std::string &error) {
    for (size_t i = 0; i < size; ++i) {
      unsigned char c = text[i];
      bool separator = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
      if (!separator) {
        if (word.size() < kLongestWord)
          word.push_back(static_cast<char>(c));
        continue;
      }
      if (!finish(use, error))
        return false;
      if (c == '\n')
        ++line;
    }
    return true;
  }

  /// Ends the id that the text ended with.
  template <typename Use> bool finish(Use &&use, std::string &error) {
    if (word.empty())
      return true;
    uint64_t id = 0;
    bool digits = word.size() < kLongestWord;
    for (char c : word) {
      digits = digits && c >= '0' && c <= '9';
      id = digits ? id * 10 + uint64_t(c - '0') : id;
    }
    if (!digits || id > UINT32_MAX) {
      error = "'" + path + "', line " + std::to_string(line) + ": '" + printable(word) +
              "' is not a token id (0 to 4294967295)";
      return false;
    }
    word.clear();
    return use(static_cast<uint32_t>(id));
  }

private:
  /// Shorter words fit 64 bits, and no id is as long but for leading zeros; longer words are cut for the message.
  static constexpr size_t kLongestWord = 20;

  static std::string printable(std::string text) {
    for (char &c : text)
      if (c < ' ' || c > '~')
        c = '?';
    return text;
  }

  const std::string &path;
  std::string word;
  uint64_t line = 1;
};

/// Calls `use` with every id of `path` in order, until it returns false; it has then set `error` itself.
template <typename Use> bool forEachId(const std::string &path, TokenSource source, Use &&use, std::string &error) {
  File file;
  if (!openRegular(path, file, error))
    return false;
  unsigned width = source == TokenSource::U16 ? 2 : source == TokenSource::U32 ? 4 : 1;
  std::vector<unsigned char> chunk(kChunkBytes);
  TextIds text(path);
  uint64_t total = 0;
  while (size_t size = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    total += size;
    if (source == TokenSource::Text) {
      if (!text.feed(chunk.data(), size, use, error))
        return false;
      continue;
    }
    // A chunk is a multiple of every width, so only the end of the file can cut an id.
    for (size_t i = 0; i + width <= size; i += width)
      if (!use(decodeId(chunk.data() + i, width)))
        return false;
  }
  if (std::ferror(file.get())) {
    error = "cannot read '" + path + "': " + systemError();
    return false;
  }
  if (source == TokenSource::Text && !text.finish(use, error))
    return false;
  if (total % width != 0) {
    error = "'" + path + "' has " + std::to_string(total) + " bytes, not a multiple of the " + std::to_string(width) +
            " of an id: it is cut off or holds something else";
    return false;
  }
  return true;
}

void encode(uint64_t value, unsigned width, unsigned char *to) {
  for (unsigned i = 0; i < width; ++i)
    to[i] = static_cast<unsigned char>(value >> (8 * i));
}

} // namespace

bool weft::packTokens(const std::vector<std::string> &inputs, TokenSource source, const std::string &output,
                      TokenFileInfo &info, std::string &error) {
  info = TokenFileInfo();
  uint32_t largest = 0;
  for (const std::string &input : inputs) {
    auto measure = [&](uint32_t id) {
      largest = std::max(largest, id);
      ++info.tokenCount;
      return true;
    };
    if (!forEachId(input, source, measure, error))
      return false;
  }
  if (info.tokenCount == 0) {
    error = inputs.size() == 1 ? "there are no tokens in '" + inputs.front() + "'" : "there are no tokens in the input";
    return false;
  }
  info.vocabulary = uint64_t(largest) + 1;
  info.tokenBytes = largest < 256 ? 1 : largest < 65536 ? 2 : 4;

  PendingFile file(output);
  if (!file.open(error))
    return false;
  unsigned char header[sizeof(TokenFileHeader)];
  std::memcpy(header, kTokenFileMagic, sizeof(kTokenFileMagic));
  encode(kTokenFileVersion, 4, header + offsetof(TokenFileHeader, version));
  encode(info.tokenBytes, 4, header + offsetof(TokenFileHeader, tokenBytes));
  encode(info.tokenCount, 8, header + offsetof(TokenFileHeader, tokenCount));
  encode(info.vocabulary, 8, header + offsetof(TokenFileHeader, vocabulary));
  if (!file.write(header, sizeof(header), error))
    return false;

  std::vector<unsigned char> chunk(kChunkBytes);
  size_t used = 0;
  uint64_t written = 0;
  for (const std::string &input : inputs) {
    auto append = [&](uint32_t id) {
      if (id > largest || written == info.tokenCount) {
        error = "'" + input + "' changed while it was read";
        return false;
      }
      encode(id, info.tokenBytes, chunk.data() + used);
      used += info.tokenBytes;
      ++written;
      if (used < chunk.size())
        return true;
      used = 0;
      return file.write(chunk.data(), chunk.size(), error);
    };
    if (!forEachId(input, source, append, error))
      return false;
  }
  if (written != info.tokenCount) {
    error = "the input changed while it was read";
    return false;
  }
  return file.write(chunk.data(), used, error) && file.commit(error);
}

bool weft::readTokenFile(const std::string &path, TokenFileInfo &info, std::vector<uint32_t> &firstIds,
                         std::string &error) {
  firstIds.clear();
  File file;
  if (!openRegular(path, file, error))
    return false;
  unsigned char header[sizeof(TokenFileHeader)];
  size_t size = std::fread(header, 1, sizeof(header), file.get());
  if (size != sizeof(header) || std::memcmp(header, kTokenFileMagic, sizeof(kTokenFileMagic)) != 0) {
    error = "'" + path + "' is not a token file (make one with 'weft data pack')";
    return false;
  }
  auto field = [&](size_t offset, unsigned width) {
    uint64_t low = decodeId(header + offset, 4);
    return width == 4 ? low : low | uint64_t(decodeId(header + offset + 4, 4)) << 32;
  };
  uint64_t version = field(offsetof(TokenFileHeader, version), 4);
  info.tokenBytes = static_cast<uint32_t>(field(offsetof(TokenFileHeader, tokenBytes), 4));
  info.tokenCount = field(offsetof(TokenFileHeader, tokenCount), 8);
  info.vocabulary = field(offsetof(TokenFileHeader, vocabulary), 8);
  if (version != kTokenFileVersion) {
    error = "'" + path + "' is a token file of version " + std::to_string(version) + "; this program reads version " +
            std::to_string(kTokenFileVersion);
    return false;
  }
  if (info.tokenBytes != 1 && info.tokenBytes != 2 && info.tokenBytes != 4) {
    error = "'" + path + "' is corrupted: its header says " + std::to_string(info.tokenBytes) +
            " bytes per token, not 1, 2 or 4";
    return false;
  }

  std::vector<unsigned char> chunk(kChunkBytes);
  uint64_t bytes = 0;
  while (size_t read = std::fread(chunk.data(), 1, chunk.size(), file.get())) {
    for (size_t i = 0; i + info.tokenBytes <= read; i += info.tokenBytes) {
      uint32_t id = decodeId(chunk.data() + i, info.tokenBytes);
      if (info.vocabulary != 0 && id >= info.vocabulary) {
        error = "'" + path + "' is corrupted: token " + std::to_string((bytes + i) / info.tokenBytes) + " is " +
                std::to_string(id) + ", outside its vocabulary of " + std::to_string(info.vocabulary);
        return false;
      }
      if (firstIds.size() < 16)
        firstIds.push_back(id);
    }
    bytes += read;
  }
  if (std::ferror(file.get())) {
    error = "cannot read '" + path + "': " + systemError();
    return false;
  }
  // Divided, not multiplied: a corrupted count must not overflow.
  if (bytes % info.tokenBytes != 0 || bytes / info.tokenBytes != info.tokenCount) {
    error = "'" + path + "' is cut off or corrupted: its header says " + std::to_string(info.tokenCount) +
            " tokens of " + std::to_string(info.tokenBytes) + " bytes, and " + std::to_string(bytes) +
            " bytes follow it";
    return false;
  }
  return true;
}

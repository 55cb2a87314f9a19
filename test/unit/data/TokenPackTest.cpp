//===- TokenPackTest.cpp - Token files ------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/data/TokenPack.h"
#include "weft/token_file.h"

#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

using namespace weft;

namespace {

using Ids = std::vector<uint32_t>;

/// A folder of its own for each test.
class TokenPack : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "weft-tokens-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder = name;
  }
  void TearDown() override {
    for (const std::string &name : list())
      unlink((folder + "/" + name).c_str());
    rmdir(folder.c_str());
  }

  std::string write(const std::string &name, const std::string &content) {
    std::ofstream(folder + "/" + name, std::ios::binary) << content;
    return folder + "/" + name;
  }
  static std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }
  std::vector<std::string> list() {
    std::vector<std::string> names;
    DIR *entries = opendir(folder.c_str());
    while (dirent *entry = readdir(entries))
      if (entry->d_name[0] != '.')
        names.push_back(entry->d_name);
    closedir(entries);
    return names;
  }

  std::string folder;
  TokenFileInfo info;
  Ids first;
  std::string error;
};

// The header is the one that runtime/include/weft/token_file.h declares, and bytes follow as they are.
TEST_F(TokenPack, PacksBytesOfSeveralFiles) {
  std::string output = folder + "/tokens";
  ASSERT_TRUE(packTokens({write("a", "ab"), write("b", "c")}, TokenSource::Bytes, output, info, error)) << error;
  std::string file = read(output);
  ASSERT_EQ(file.size(), sizeof(TokenFileHeader) + 3);
  TokenFileHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  EXPECT_EQ(std::memcmp(header.magic, kTokenFileMagic, 8), 0);
  EXPECT_EQ(header.version, kTokenFileVersion);
  EXPECT_EQ(header.tokenBytes, 1u);
  EXPECT_EQ(header.tokenCount, 3u);
  EXPECT_EQ(header.vocabulary, uint64_t('c') + 1);
  EXPECT_EQ(file.substr(sizeof(header)), "abc");
}

// Ids come back as they went in, in as few bytes as the largest needs.
TEST_F(TokenPack, RoundTripsEverySourceAndWidth) {
  struct Case {
    TokenSource source;
    std::string content;
    Ids ids;
    uint32_t bytes;
  } cases[] = {
      {TokenSource::U16, std::string("\x01\x00\xff\x00", 4), {1, 255}, 1},
      {TokenSource::U16, std::string("\x01\x00\xff\xff", 4), {1, 65535}, 2},
      {TokenSource::U32, std::string("\x02\x00\x01\x00", 4), {65538}, 4},
      {TokenSource::U32, std::string("\xff\xff\xff\xff", 4), {4294967295u}, 4},
      {TokenSource::Text, "0, 7\n50256\t3", {0, 7, 50256, 3}, 2},
      {TokenSource::Text, "00000000012\r\n", {12}, 1},
  };
  for (const Case &c : cases) {
    std::string output = folder + "/tokens";
    ASSERT_TRUE(packTokens({write("ids", c.content)}, c.source, output, info, error)) << error;
    EXPECT_EQ(info.tokenBytes, c.bytes);
    TokenFileInfo back;
    ASSERT_TRUE(readTokenFile(output, back, first, error)) << error;
    EXPECT_EQ(back.tokenBytes, info.tokenBytes);
    EXPECT_EQ(back.tokenCount, c.ids.size());
    EXPECT_EQ(back.vocabulary, info.vocabulary);
    EXPECT_EQ(first, c.ids);
  }
}

// A number that lies across the pieces in which a large file is read is one number.
TEST_F(TokenPack, ReadsLargeText) {
  std::string text;
  uint64_t count = 300000;
  for (uint64_t i = 0; i < count; ++i)
    text += std::to_string(i) + "\n";
  ASSERT_TRUE(packTokens({write("ids", text)}, TokenSource::Text, folder + "/tokens", info, error)) << error;
  EXPECT_EQ(info.tokenCount, count);
  EXPECT_EQ(info.vocabulary, count);
  std::string file = read(folder + "/tokens");
  for (uint64_t i = 0; i < count; ++i) {
    uint32_t id;
    std::memcpy(&id, file.data() + sizeof(TokenFileHeader) + 4 * i, 4);
    ASSERT_EQ(id, i);
  }
}

// What is not a token id is named with its place, and no output is left behind.
TEST_F(TokenPack, RefusesWhatIsNoId) {
  std::string output = folder + "/tokens";
  EXPECT_FALSE(packTokens({write("t", "1\n2\nx7\n")}, TokenSource::Text, output, info, error));
  EXPECT_NE(error.find("line 3: 'x7' is not a token id"), std::string::npos) << error;
  EXPECT_FALSE(packTokens({write("t", "4294967296")}, TokenSource::Text, output, info, error));
  EXPECT_NE(error.find("line 1: '4294967296'"), std::string::npos) << error;
  EXPECT_FALSE(packTokens({write("t", "-1")}, TokenSource::Text, output, info, error));
  EXPECT_FALSE(packTokens({write("t", "abc")}, TokenSource::U16, output, info, error));
  EXPECT_NE(error.find("3 bytes, not a multiple of the 2"), std::string::npos) << error;
  EXPECT_FALSE(packTokens({write("t", "")}, TokenSource::Bytes, output, info, error));
  EXPECT_NE(error.find("there are no tokens in"), std::string::npos) << error;
  EXPECT_FALSE(packTokens({folder + "/absent"}, TokenSource::Bytes, output, info, error));
  EXPECT_NE(error.find("cannot read"), std::string::npos) << error;
  EXPECT_FALSE(packTokens({folder}, TokenSource::Bytes, output, info, error));
  EXPECT_NE(error.find("not a regular file"), std::string::npos) << error;
  EXPECT_EQ(list(), std::vector<std::string>{"t"});
}

// An output that cannot be written is an error; a full device stays a device.
TEST_F(TokenPack, ReportsUnwritableOutput) {
  std::string input = write("a", "text");
  EXPECT_FALSE(packTokens({input}, TokenSource::Bytes, folder + "/absent/tokens", info, error));
  EXPECT_NE(error.find("cannot write"), std::string::npos) << error;
  struct stat status;
  if (stat("/dev/full", &status) != 0)
    GTEST_SKIP() << "no /dev/full here";
  EXPECT_FALSE(packTokens({input}, TokenSource::Bytes, "/dev/full", info, error));
  EXPECT_NE(error.find("No space left"), std::string::npos) << error;
  ASSERT_EQ(stat("/dev/full", &status), 0);
  EXPECT_TRUE(S_ISCHR(status.st_mode));
}

// A file that was packed again is replaced, also when it is its own input.
TEST_F(TokenPack, ReplacesItsOutput) {
  std::string path = write("a", "text");
  ASSERT_TRUE(packTokens({path}, TokenSource::Bytes, path, info, error)) << error;
  ASSERT_TRUE(readTokenFile(path, info, first, error)) << error;
  EXPECT_EQ(first, (Ids{'t', 'e', 'x', 't'}));
}

// Every damaged header and every cut is found.
TEST_F(TokenPack, RefusesDamagedFiles) {
  ASSERT_TRUE(packTokens({write("a", "1000 2000")}, TokenSource::Text, folder + "/good", info, error)) << error;
  const std::string good = read(folder + "/good");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(readTokenFile(write("cut", good.substr(0, size)), info, first, error)) << size;
  EXPECT_FALSE(readTokenFile(write("long", good + "x"), info, first, error));
  EXPECT_NE(error.find("cut off or corrupted"), std::string::npos) << error;

  auto damaged = [&](size_t offset, char value) {
    std::string bytes = good;
    bytes[offset] = value;
    EXPECT_FALSE(readTokenFile(write("bad", bytes), info, first, error)) << offset;
    return error;
  };
  EXPECT_NE(damaged(0, 'X').find("is not a token file"), std::string::npos);
  EXPECT_NE(damaged(8, 9).find("of version 9"), std::string::npos);
  EXPECT_NE(damaged(12, 3).find("3 bytes per token"), std::string::npos);
  EXPECT_NE(damaged(23, 1).find("its header says"), std::string::npos);
  EXPECT_NE(damaged(25, 1).find("outside its vocabulary"), std::string::npos);
}

} // namespace

//===- SafetensorsTest.cpp - Safetensors files, whole and damaged ---------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "weft/safetensors.h"
#include "TestSupport.h"

#include <cstring>
#include <gtest/gtest.h>
#include <sys/stat.h>

using namespace weft;

namespace {

/// Writes a file with that JSON header and so many bytes of data.
std::string writeRaw(const TemporaryFolder &folder, const std::string &header, int64_t dataBytes) {
  uint64_t size = header.size();
  std::string text(8, '\0');
  memcpy(text.data(), &size, 8);
  return folder.write("raw.safetensors", text + header + std::string(dataBytes, 'x'));
}

/// The error that opening gives.
std::string openError(const std::string &path) {
  std::string error;
  EXPECT_EQ(SafetensorsFile::open(path, error), nullptr);
  EXPECT_NE(error.find(path), std::string::npos) << error;
  return error;
}

} // namespace

TEST(Safetensors, RoundTrip) {
  TemporaryFolder folder;
  std::string path = folder.path("a.safetensors"), error;
  std::vector<float> floats = {1, 2, 3, 4, 5, 6};
  std::vector<int64_t> ids = {7, 8};
  uint8_t flag = 1;
  double scalar = 0.5;
  ASSERT_EQ(writeSafetensors(path,
                             {{"w", "F32", {2, 3}, floats.data(), 24},
                              {"flag", "BOOL", {1}, &flag, 1},
                              {"none", "F32", {0, 4}, nullptr, 0},
                              {"ids \"quoted\"", "I64", {2}, ids.data(), 16},
                              {"scalar", "F64", {}, &scalar, 8}},
                             {{"format", "pt"}}),
            "");
  auto file = SafetensorsFile::open(path, error);
  ASSERT_NE(file, nullptr) << error;
  EXPECT_EQ(file->tensors().size(), 5u);
  EXPECT_EQ(file->metadata().at("format"), "pt");
  const SafetensorsEntry *w = file->find("w");
  ASSERT_NE(w, nullptr);
  EXPECT_EQ(w->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(memcmp(w->data, floats.data(), 24), 0);
  ASSERT_NE(file->find("ids \"quoted\""), nullptr);
  EXPECT_EQ(file->find("none")->elements(), 0);
  double read;
  memcpy(&read, file->find("scalar")->data, 8);
  EXPECT_EQ(read, 0.5);
  EXPECT_EQ(file->find("missing"), nullptr);
}

// Every prefix of a good file is refused.
TEST(Safetensors, TruncatedFiles) {
  TemporaryFolder folder;
  std::vector<float> floats(4);
  std::string path = folder.path("a.safetensors");
  ASSERT_EQ(writeSafetensors(path, {{"a", "F32", {2}, floats.data(), 8}, {"b", "F32", {2}, floats.data(), 8}}), "");
  std::string bytes = readWhole(path);
  for (size_t size = 0; size < bytes.size(); ++size)
    openError(folder.write("cut.safetensors", bytes.substr(0, size)));
  openError(folder.write("long.safetensors", bytes + "x"));
}

TEST(Safetensors, DamagedHeaders) {
  TemporaryFolder folder;
  struct {
    const char *header;
    int64_t bytes;
    const char *expected;
  } cases[] = {
      {"[]", 0, "not a JSON object"},
      {"{\"a\":", 0, "not a JSON object"},
      {R"({"a":3})", 0, "tensor 'a': it is not an object"},
      {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "lacks a valid dtype, shape or data_offsets"},
      {R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4, "type 'F31' is not known"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "not a non-negative integer"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}})", 4, "too large"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "its shape needs 8"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "outside the data section"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4, "truncated"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
       6, "overlaps 'a'"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
       12, "has a gap before it"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 9, "5 bytes follow the last tensor"},
  };
  for (const auto &test : cases) {
    std::string error = openError(writeRaw(folder, test.header, test.bytes));
    EXPECT_NE(error.find(test.expected), std::string::npos) << error;
  }
}

TEST(Safetensors, OpenFailures) {
  TemporaryFolder folder;
  EXPECT_NE(openError(folder.path("missing")).find("No such file"), std::string::npos);
  EXPECT_NE(openError(folder.path("")).find("not a regular file"), std::string::npos);
  EXPECT_NE(openError(folder.write("x", std::string(64, '\xff'))).find("its header claims"), std::string::npos);
}

// A failed write leaves the older file alone and nothing beside it.
TEST(Safetensors, WritesAreAtomic) {
  TemporaryFolder folder;
  float value = 1;
  EXPECT_NE(writeSafetensors(folder.path("no/such/folder.safetensors"), {}).find("cannot create"), std::string::npos);
  std::string path = folder.write("a.safetensors", "old");
  EXPECT_NE(writeSafetensors(path, {{"a", "F32", {1}, &value, 4}, {"a", "F32", {1}, &value, 4}}).find("two tensors"),
            std::string::npos);
  {
    FileSizeLimit limit(1000);
    std::vector<float> many(1000);
    std::string error = writeSafetensors(path, {{"a", "F32", {1000}, many.data(), 4000}});
    EXPECT_NE(error.find("cannot write '" + path + "'"), std::string::npos) << error;
  }
  EXPECT_EQ(readWhole(path), "old");
  EXPECT_EQ(folder.files(), 1);
  // What is no regular file stays what it is.
  std::string pipe = folder.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(writeSafetensors(pipe, {}), "cannot write '" + pipe + "': it is not a regular file");
  struct stat status;
  EXPECT_TRUE(stat(pipe.c_str(), &status) == 0 && S_ISFIFO(status.st_mode));
}

//===- DataTest.cpp - Token files, tensors and the order of samples -------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestSupport.h"
#include "core/Error.h"
#include "data/Batches.h"
#include "data/TokenStream.h"
#include "weft/safetensors.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <set>

using namespace weft;
using namespace weft::rt;

namespace {

InputInfo input(const std::string &name, InputRole role, std::vector<int64_t> shape, int64_t offset,
                DType dtype = DType::I64) {
  InputInfo info;
  info.name = name;
  info.role = role;
  info.dtype = dtype;
  info.shape = std::move(shape);
  info.offset = offset;
  info.bytes = elementBytes(dtype);
  for (int64_t size : info.shape)
    info.bytes *= size;
  return info;
}

/// Tokens and labels of eight for `batch` samples in so many micro-batches.
Manifest tokenManifest(int64_t batch, int64_t microbatches) {
  Manifest manifest;
  manifest.batch = batch;
  manifest.microbatches = microbatches;
  manifest.tokensPerSample = 8;
  int64_t rows = batch / microbatches;
  manifest.inputs = {input("ids", InputRole::Tokens, {rows, 8}, 0),
                     input("labels", InputRole::Labels, {rows, 8}, rows * 64, DType::I32)};
  for (InputInfo &info : manifest.inputs)
    info.limit = 1000;
  return manifest;
}

std::string errorOf(const std::function<void()> &action) {
  try {
    action();
  } catch (const InputError &error) {
    return error.what();
  }
  return "none";
}

testing::AssertionResult contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos
             ? testing::AssertionSuccess()
             : testing::AssertionFailure() << "'" << text << "' lacks '" << part << "'";
}

} // namespace

// Files of every width, one after the other.
TEST(TokenStream, ReadsAcrossFiles) {
  TemporaryFolder folder;
  TokenStream stream({folder.tokens("a", 5, 1, 1, 100), folder.tokens("e", 0, 2), folder.tokens("b", 4, 2, 300, 60000),
                      folder.tokens("c", 3, 4, 70000, 1u << 31)});
  EXPECT_EQ(stream.size(), 12);
  std::vector<int64_t> ids(12);
  stream.read(0, 12, ids.data());
  EXPECT_EQ(ids, (std::vector<int64_t>{0, 1, 2, 3, 4, 0, 300, 600, 900, 0, 70000, 140000}));
  stream.read(4, 3, ids.data());
  EXPECT_EQ(ids[2], 300);
  EXPECT_EQ(stream.describe(6), "token 1 of '" + folder.path("b") + "'");
}

TEST(TokenStream, Faults) {
  TemporaryFolder folder;
  auto openError = [](const std::string &path) { return errorOf([&] { TokenStream stream({path}); }); };
  EXPECT_TRUE(contains(openError(folder.path("missing")), "No such file"));
  EXPECT_TRUE(contains(openError(folder.path("")), "not a regular file"));
  EXPECT_TRUE(contains(openError(folder.write("text", "hello, this is some text and not tokens")), "weft data pack"));
  EXPECT_TRUE(contains(openError(folder.write("short", "WEFTTOK1")), "not a token file"));
  std::string good = readWhole(folder.tokens("good", 10, 2));
  EXPECT_TRUE(contains(openError(folder.write("cut", good.substr(0, good.size() - 1))), "promises 10 tokens"));
  EXPECT_TRUE(contains(openError(folder.write("long", good + "x")), "21 bytes follow"));
  std::string damaged = good;
  damaged[8] = 2;
  EXPECT_TRUE(contains(openError(folder.write("version", damaged)), "version 2"));
  damaged = good;
  damaged[12] = 3;
  EXPECT_TRUE(contains(openError(folder.write("width", damaged)), "gives 3 bytes for a token"));
  damaged = good;
  damaged[23] = '\x80'; // A count whose bytes overflow.
  EXPECT_TRUE(contains(openError(folder.write("count", damaged)), "promises"));
}

// Sample i is tokens [8i, 8i + 8], labels are moved by one; the last token is only a label.
TEST(Batches, SamplesInOrder) {
  TemporaryFolder folder;
  Manifest manifest = tokenManifest(2, 1);
  Batches batches(manifest, openData(manifest, {folder.tokens("a", 33, 2, 1, 1000)}), false, 0);
  EXPECT_EQ(batches.data().samples(), 4);
  std::vector<char> arena(1024);
  const int64_t *ids = reinterpret_cast<const int64_t *>(arena.data());
  const int32_t *labels = reinterpret_cast<const int32_t *>(arena.data() + 128);
  batches.load(1, 0, arena.data());
  for (int64_t i = 0; i < 16; ++i) {
    EXPECT_EQ(ids[i], 16 + i);
    EXPECT_EQ(labels[i], 17 + i);
  }
  // The next epoch starts over.
  batches.load(2, 0, arena.data());
  EXPECT_EQ(ids[0], 0);
}

// A shuffled epoch has every sample once; the next is another order; micro-batches do not matter.
TEST(Batches, ShuffledOrder) {
  TemporaryFolder folder;
  std::string path = folder.tokens("a", 8 * 12 + 1, 2, 1, 1000);
  auto order = [&](int64_t microbatches, uint64_t seed) {
    Manifest manifest = tokenManifest(4, microbatches);
    Batches batches(manifest, openData(manifest, {path}), true, seed);
    std::vector<char> arena(1024);
    std::vector<int64_t> samples;
    for (int64_t step = 0; step < 6; ++step)
      for (int64_t microbatch = 0; microbatch < microbatches; ++microbatch) {
        batches.load(step, microbatch, arena.data());
        for (int64_t row = 0; row < manifest.samplesPerMicrobatch(); ++row)
          samples.push_back(reinterpret_cast<const int64_t *>(arena.data())[row * 8] / 8);
      }
    return samples;
  };
  std::vector<int64_t> whole = order(1, 3);
  EXPECT_EQ(std::set<int64_t>(whole.begin(), whole.begin() + 12).size(), 12u);
  EXPECT_EQ(std::set<int64_t>(whole.begin() + 12, whole.end()).size(), 12u);
  EXPECT_FALSE(std::equal(whole.begin(), whole.begin() + 12, whole.begin() + 12));
  EXPECT_EQ(order(2, 3), whole);
  EXPECT_EQ(order(4, 3), whole);
  EXPECT_NE(order(1, 4), whole);
}

TEST(Batches, TokenFaults) {
  TemporaryFolder folder;
  Manifest manifest = tokenManifest(4, 2);
  auto openError = [&](const std::vector<std::string> &paths) { return errorOf([&] { openData(manifest, paths); }); };
  EXPECT_EQ(openError({folder.tokens("few", 32)}),
            "the data has 32 tokens; a step of 4 samples of 8 tokens needs at least 33");
  EXPECT_TRUE(contains(openError({folder.path("missing")}), "cannot open"));
  EXPECT_TRUE(contains(openError({folder.write("x.txt", "text")}), "weft data pack"));
  EXPECT_TRUE(contains(openError({folder.tokens("a", 100), folder.write("x.safetensors", "text")}), "cannot be mixed"));

  // Ids out of range, found before the first step: the file, the position, the id and the limit.
  manifest.inputs[0].limit = manifest.inputs[1].limit = 16;
  std::string a = folder.tokens("a", 20), b = folder.tokens("b", 50, 1, 1, 40);
  EXPECT_TRUE(contains(openError({a, b}), "token 16 of '" + b + "' is 16; input 'ids' takes ids below 16"));
  // A header that promises too little is found out when the ids are read.
  b = folder.tokens("b", 50, 1, 1, 40, 16);
  Batches batches(manifest, openData(manifest, {a, b}), false, 0);
  std::vector<char> arena(1024);
  EXPECT_TRUE(contains(errorOf([&] { batches.load(1, 0, arena.data()); }), "token 16 of '" + b + "' is 16"));

  // Labels that are no tokens.
  manifest.inputs[1] = input("classes", InputRole::Labels, {2}, 128);
  EXPECT_TRUE(contains(openError({a, b}), "input 'classes' of shape [2] cannot be read from token files"));
}

TEST(Batches, ConstantInputs) {
  Manifest manifest = tokenManifest(2, 1);
  manifest.inputs = {input("mask", InputRole::Ones, {2, 3}, 0, DType::F32),
                     input("positions", InputRole::Positions, {2, 3}, 24)};
  std::vector<char> arena(128);
  fillConstantInputs(manifest, arena.data());
  EXPECT_EQ(reinterpret_cast<float *>(arena.data())[5], 1.0f);
  const int64_t *positions = reinterpret_cast<const int64_t *>(arena.data() + 24);
  EXPECT_EQ(std::vector<int64_t>(positions, positions + 6), (std::vector<int64_t>{0, 1, 2, 0, 1, 2}));
}

// Images and classes from safetensors, over two files, with conversion.
TEST(Batches, Tensors) {
  TemporaryFolder folder;
  Manifest manifest = tokenManifest(2, 2);
  manifest.inputs = {input("pixels", InputRole::Field, {1, 2, 2}, 0, DType::F32),
                     input("classes", InputRole::Labels, {1}, 16, DType::I64)};
  manifest.inputs[1].limit = 5;
  manifest.inputs[1].ignore = -100;
  std::vector<double> pixels(12);
  for (int i = 0; i < 12; ++i)
    pixels[i] = i;
  std::vector<int32_t> classes = {4, -100, 3};
  auto write = [&](const std::string &name, int64_t samples) {
    EXPECT_EQ(writeSafetensors(folder.path(name), {{"pixels", "F64", {samples, 2, 2}, pixels.data(), samples * 32},
                                                   {"classes", "I32", {samples}, classes.data(), samples * 4}}),
              "");
    return folder.path(name);
  };
  std::vector<std::string> paths = {write("a.safetensors", 1), write("b.safetensors", 3)};
  Batches batches(manifest, openData(manifest, paths), false, 0);
  EXPECT_EQ(batches.data().samples(), 4);
  std::vector<char> arena(64);
  batches.load(1, 0, arena.data());
  EXPECT_EQ(reinterpret_cast<float *>(arena.data())[3], 7.0f);
  EXPECT_EQ(reinterpret_cast<int64_t *>(arena.data())[2], -100);

  classes = {5, 0, 0};
  write("b.safetensors", 3);
  Batches bad(manifest, openData(manifest, paths), false, 0);
  std::string error = errorOf([&] { bad.load(0, 1, arena.data()); });
  EXPECT_TRUE(contains(
      error,
      "element 0 of sample 0 of 'classes' is 5; input 'classes' takes ids below 5, or -100, which does not count"));
  auto openError = [&](const std::vector<SafetensorsEntry> &entries) {
    EXPECT_EQ(writeSafetensors(folder.path("c.safetensors"), entries), "");
    return errorOf([&] { openData(manifest, {folder.path("c.safetensors")}); });
  };
  EXPECT_TRUE(contains(openError({{"pixels", "F64", {1, 4}, pixels.data(), 32}}), "has no tensor 'classes'"));
  EXPECT_TRUE(
      contains(openError({{"pixels", "F64", {1, 4}, pixels.data(), 32}, {"classes", "I32", {1}, classes.data(), 4}}),
               "the data has 1 samples; a step needs at least 2"));
  EXPECT_TRUE(contains(openError({{"pixels", "F64", {1, 5}, pixels.data(), 40}}), "needs samples of 4 elements"));
  EXPECT_TRUE(contains(openError({{"pixels", "I32", {2, 2}, pixels.data(), 16}}), "does not convert"));
}

// One batch for every step: x and y, or inputs by their own names.
TEST(Batches, Replay) {
  TemporaryFolder folder;
  Manifest manifest = tokenManifest(4, 2);
  std::vector<int64_t> x(32), y(32);
  for (int i = 0; i < 32; ++i) {
    x[i] = i;
    y[i] = 100 + i;
  }
  std::string path = folder.path("r.safetensors");
  ASSERT_EQ(writeSafetensors(path, {{"x", "I64", {4, 8}, x.data(), 256}, {"y", "I64", {32}, y.data(), 256}}), "");
  Batches batches(manifest, openReplay(manifest, path), false, 0);
  std::vector<char> arena(1024);
  for (int64_t step : {0, 7}) {
    batches.load(step, 1, arena.data());
    EXPECT_EQ(reinterpret_cast<int64_t *>(arena.data())[0], 16);
    EXPECT_EQ(reinterpret_cast<int32_t *>(arena.data() + 128)[15], 131);
  }
  ASSERT_EQ(writeSafetensors(path, {{"x", "I64", {4, 8}, x.data(), 256}}), "");
  EXPECT_TRUE(contains(errorOf([&] { openReplay(manifest, path); }), "neither 'labels' nor 'y'"));
  ASSERT_EQ(writeSafetensors(path, {{"x", "I64", {2, 8}, x.data(), 128}}), "");
  EXPECT_TRUE(contains(errorOf([&] { openReplay(manifest, path); }), "needs 4 samples of 8 elements"));
}

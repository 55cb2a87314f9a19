//===- ParametersTest.cpp - Where values come from ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Parameters.h"
#include "TestSupport.h"
#include "core/Error.h"
#include "core/Random.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <numeric>
#include <omp.h>
#include <random>

using namespace weft;
using namespace weft::rt;

namespace {

ParamInfo param(const std::string &name, std::vector<int64_t> shape, DType dtype = DType::F32) {
  ParamInfo info;
  info.name = name;
  info.shape = std::move(shape);
  info.dtype = dtype;
  info.bytes = elementBytes(dtype);
  for (int64_t size : info.shape)
    info.bytes *= size;
  return info;
}

Manifest manifestOf(ParamInfo info) {
  Manifest manifest;
  manifest.params.push_back(std::move(info));
  return manifest;
}

std::string initialiseError(const Manifest &manifest, const SafetensorsFile *weights = nullptr) {
  std::vector<char> arena(1 << 16);
  try {
    initialiseParameters(manifest, ArenaAt(arena.data()), 0, weights);
  } catch (const InputError &error) {
    return error.what();
  }
  return "none";
}

} // namespace

// Element by element, for ranks up to four and every width.
TEST(Parameters, TransposeOfAnyRank) {
  std::mt19937 engine(3);
  for (int trial = 0; trial < 200; ++trial) {
    size_t rank = 1 + engine() % 4;
    std::vector<int64_t> shape, perm(rank), strides(rank, 1);
    for (size_t i = 0; i < rank; ++i)
      shape.push_back(1 + engine() % (rank == 2 ? 70 : 9));
    std::iota(perm.begin(), perm.end(), 0);
    std::shuffle(perm.begin(), perm.end(), engine);
    for (size_t i = rank; i-- > 1;)
      strides[i - 1] = strides[i] * shape[i];
    int64_t total = strides[0] * shape[0], width = int64_t(1) << engine() % 4;
    std::vector<uint8_t> from(total * width), to(total * width);
    for (uint8_t &byte : from)
      byte = static_cast<uint8_t>(engine());
    transposeElements(from.data(), shape, perm, width, to.data());
    for (int64_t i = 0; i < total; ++i) {
      int64_t rest = i, source = 0;
      for (size_t d = rank; d-- > 0;) {
        source += rest % shape[perm[d]] * strides[perm[d]];
        rest /= shape[perm[d]];
      }
      ASSERT_EQ(memcmp(&to[i * width], &from[source * width], width), 0);
    }
  }
}

// A range of a file, transposed and converted.
TEST(Parameters, FromFile) {
  TemporaryFolder folder;
  std::string bytes(10, 'x');
  for (int i = 0; i < 6; ++i) {
    double value = i + 0.5;
    bytes.append(reinterpret_cast<const char *>(&value), 8);
  }
  ParamInfo info = param("w", {3, 2});
  info.source = {ParamSource::File, folder.write("m.onnx", bytes), 10, 48, 58, DType::F64, {2, 3}, {1, 0}, 0};
  std::vector<float> values(6);
  initialiseParameters(manifestOf(info), ArenaAt(values.data()), 0, nullptr);
  EXPECT_EQ(values, (std::vector<float>{0.5, 3.5, 1.5, 4.5, 2.5, 5.5}));
  info.source.perm.clear();
  initialiseParameters(manifestOf(info), ArenaAt(values.data()), 0, nullptr);
  EXPECT_EQ(values, (std::vector<float>{0.5, 1.5, 2.5, 3.5, 4.5, 5.5}));
}

namespace {

/// An arena that takes a few bytes at a time, as a device does, and no write twice.
class Narrow final : public ArenaMemory {
public:
  Narrow(int64_t size, int64_t direct) : bytes(size, '?'), direct(direct) {}
  int64_t directBytes() const override { return direct; }
  void write(int64_t offset, int64_t count, FunctionRef<void(char *)> fill) override {
    most = std::max(most, count);
    std::vector<char> part(count, '!');
    fill(part.data());
    for (int64_t i = 0; i < count; ++i) {
      EXPECT_EQ(bytes.at(offset + i), '?') << "written before";
      bytes[offset + i] = part[i] == '?' ? '@' : part[i];
    }
  }
  void read(int64_t, int64_t, FunctionRef<void(const char *)>) override {}

  std::vector<char> bytes;
  int64_t direct, most = 0;
};

} // namespace

// In pieces or at once, cut and padded or whole: the same bytes.
TEST(Parameters, FromFileInPieces) {
  TemporaryFolder folder;
  std::mt19937 engine(11);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<int64_t> shape;
    for (size_t rank = engine() % 4; shape.size() < rank;)
      shape.push_back(1 + engine() % 7);
    Manifest manifest = manifestOf(param("w", shape));
    ParamInfo &info = manifest.params.front();
    manifest.mesh.axes = {{"shard", 2}, {"tp", 3}};
    std::vector<int64_t> coordinates = {static_cast<int64_t>(engine() % 2), static_cast<int64_t>(engine() % 3)};
    info.sharding.dims.resize(shape.size());
    for (int axis : {0, 1})
      if (!shape.empty() && engine() % 2)
        info.sharding.dims[engine() % shape.size()].push_back(axis);
    int64_t total = info.bytes / 4;
    Box box = manifest.boxOf(info, coordinates);
    info.bytes = 4;
    for (int64_t length : box.held)
      info.bytes *= length;
    std::string contents;
    for (int64_t i = 0; i < total; ++i) {
      // Bytes that are neither of the marks.
      uint32_t word = 0x01010101u * (1 + i % 31);
      contents.append(reinterpret_cast<const char *>(&word), 4);
    }
    info.source = {ParamSource::File, folder.write("m", contents), 0, 4 * total, 4 * total, DType::F32, shape, {}, 0};
    Narrow whole(info.bytes, INT64_MAX), pieces(info.bytes, 1 + engine() % 64);
    initialiseParameters(manifest, whole, 0, nullptr, coordinates);
    initialiseParameters(manifest, pieces, 0, nullptr, coordinates);
    EXPECT_EQ(whole.bytes, pieces.bytes);
    EXPECT_EQ(whole.most, info.bytes);
    int64_t row = shape.empty() ? info.bytes : info.bytes / box.held[0];
    EXPECT_LE(pieces.most, std::max(row, pieces.direct));
    std::vector<char> expected(info.bytes, 0), dense(box.elements() * 4);
    box.dense().extract(contents.data(), dense.data(), 4);
    box.spread(dense.data(), expected.data(), 4);
    EXPECT_EQ(whole.bytes, expected);
  }
}

TEST(Parameters, FileFaults) {
  TemporaryFolder folder;
  ParamInfo info = param("h.0.w", {2});
  info.source = {ParamSource::File, folder.path("m.onnx"), 0, 8, 8, DType::F32, {2}, {}, 0};
  std::string error = initialiseError(manifestOf(info));
  EXPECT_NE(error.find("parameter 'h.0.w' comes from '" + info.source.file + "', which cannot be opened: No such"),
            std::string::npos)
      << error;
  EXPECT_NE(error.find("--weights"), std::string::npos);
  folder.write("m.onnx", "1234567");
  error = initialiseError(manifestOf(info));
  EXPECT_NE(error.find("had 8 bytes when this executable was compiled and has 7 now"), std::string::npos) << error;
  info.source.fileBytes = 7;
  error = initialiseError(manifestOf(info));
  EXPECT_NE(error.find("the file ends before it"), std::string::npos) << error;
}

// Random and constant values, in every float type, with any number of threads.
TEST(Parameters, Initialisers) {
  constexpr int64_t count = 200'000;
  ParamInfo info = param("w", {count});
  info.source.kind = ParamSource::Normal;
  info.source.value = 0.02;
  std::vector<float> one(count), many(count), reference(count);
  int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  initialiseParameters(manifestOf(info), ArenaAt(one.data()), 5, nullptr);
  omp_set_num_threads(4);
  initialiseParameters(manifestOf(info), ArenaAt(many.data()), 5, nullptr);
  omp_set_num_threads(threads);
  fillNormal(reference.data(), 0, count, 5, hashName("w"), 0.02f);
  EXPECT_EQ(one, reference);
  EXPECT_EQ(many, reference);
  info = param("w", {count}, DType::BF16);
  info.source.kind = ParamSource::Normal;
  info.source.value = 0.02;
  std::vector<uint16_t> half(count);
  initialiseParameters(manifestOf(info), ArenaAt(half.data()), 5, nullptr);
  for (int64_t i = 0; i < count; i += 97)
    EXPECT_NEAR(loadDouble(half.data(), DType::BF16, i), reference[i], std::fabs(reference[i]) / 256);
  info = param("c", {3}, DType::F16);
  info.source.value = 0.25;
  initialiseParameters(manifestOf(info), ArenaAt(half.data()), 5, nullptr);
  EXPECT_EQ(loadDouble(half.data(), DType::F16, 2), 0.25);
}

// Values from another file, by name or alias; saved parameters load again.
TEST(Parameters, WeightsAndSave) {
  TemporaryFolder folder;
  Manifest manifest;
  manifest.params = {param("a", {2}), param("b", {2, 1})};
  manifest.params[1].offset = 8;
  manifest.params[1].aliases = {"tied.b"};
  float values[] = {1, 2, 3, 4}, other[4] = {};
  std::string path = folder.path("w.safetensors"), error;
  ASSERT_EQ(saveParameters(manifest, ArenaAt(values), path), "");
  auto file = SafetensorsFile::open(path, error);
  ASSERT_NE(file, nullptr) << error;
  EXPECT_EQ(file->metadata().at("tied/tied.b"), "b");
  EXPECT_TRUE(initialiseParameters(manifest, ArenaAt(other), 0, file.get()).empty());
  EXPECT_EQ(memcmp(values, other, sizeof(values)), 0);

  ASSERT_EQ(
      writeSafetensors(
          path, {{"a", "F32", {2}, values, 8}, {"tied.b", "F32", {2, 1}, values, 8}, {"extra", "F32", {1}, values, 4}}),
      "");
  file = SafetensorsFile::open(path, error);
  auto remarks = initialiseParameters(manifest, ArenaAt(other), 0, file.get());
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_NE(remarks[0].find("1 tensors belong to no parameter"), std::string::npos);
  EXPECT_EQ(other[3], 2);

  ASSERT_EQ(writeSafetensors(path, {{"a", "F32", {2}, values, 8}}), "");
  file = SafetensorsFile::open(path, error);
  EXPECT_NE(initialiseError(manifest, file.get()).find("no tensor for 1 of the trained parameters, such as 'b'"),
            std::string::npos);
  ASSERT_EQ(writeSafetensors(path, {{"a", "F32", {1, 2}, values, 8}}), "");
  file = SafetensorsFile::open(path, error);
  EXPECT_NE(initialiseError(manifest, file.get()).find("has shape [1, 2] where parameter 'a' has [2]"),
            std::string::npos);
  ASSERT_EQ(writeSafetensors(path, {{"a", "I64", {1}, values, 8}}), "");
}

// Of two rows on four ranks the last two hold padding alone, wherever values come from.
TEST(Parameters, OfARankWithPaddingAlone) {
  TemporaryFolder folder;
  std::vector<float> rows = {1, 2, 3, 4, 5, 6};
  std::string path = folder.path("w.safetensors"), error;
  ASSERT_EQ(writeSafetensors(path, {{"w", "F32", {2, 3}, rows.data(), 24}}), "");
  auto weights = SafetensorsFile::open(path, error);
  ASSERT_NE(weights, nullptr) << error;
  ParamSource file = {ParamSource::File,
                      folder.write("m", std::string(reinterpret_cast<char *>(rows.data()), 24)),
                      0,
                      24,
                      24,
                      DType::F32,
                      {2, 3},
                      {},
                      0};
  ParamSource normal, zero, one;
  normal.kind = ParamSource::Normal;
  normal.value = one.value = 1;
  for (const ParamSource &source : {file, normal, zero, one})
    for (const SafetensorsFile *from : std::initializer_list<const SafetensorsFile *>{nullptr, weights.get()}) {
      Manifest manifest = manifestOf(param("w", {2, 3}));
      manifest.params[0].source = source;
      std::vector<float> whole(6);
      initialiseParameters(manifest, ArenaAt(whole.data()), 0, from);
      manifest.mesh.axes = {{"x", 4}};
      manifest.params[0].sharding.dims = {{0}, {}};
      manifest.params[0].bytes = 12;
      for (int64_t rank = 0; rank < 4; ++rank) {
        std::vector<float> held(3, 7), expected(3);
        initialiseParameters(manifest, ArenaAt(held.data()), 0, from, {rank});
        if (rank < 2)
          expected.assign(whole.begin() + 3 * rank, whole.begin() + 3 * rank + 3);
        EXPECT_EQ(held, expected) << "source " << static_cast<int>(source.kind) << " rank " << rank;
      }
    }
}

// Every half and bfloat16 survives the way through float, and rounding is to nearest even.
TEST(Parameters, FloatConversions) {
  for (DType type : {DType::F16, DType::BF16})
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      uint16_t half = static_cast<uint16_t>(bits), back = 0;
      float wide = 0;
      ASSERT_TRUE(convertElements(&half, type, &wide, DType::F32, 1));
      ASSERT_TRUE(convertElements(&wide, DType::F32, &back, type, 1));
      if (std::isnan(wide))
        EXPECT_TRUE(std::isnan(loadDouble(&back, type, 0)));
      else
        EXPECT_EQ(half, back) << bits;
    }
  auto rounded = [](float value, DType type) {
    uint16_t half;
    convertElements(&value, DType::F32, &half, type, 1);
    return loadDouble(&half, type, 0);
  };
  EXPECT_EQ(rounded(1.0f + 0x1p-11f, DType::F16), 1.0);
  EXPECT_EQ(rounded(1.0f + 3 * 0x1p-11f, DType::F16), 1.0 + 0x1p-9);
  EXPECT_EQ(rounded(1.0f + 0x1p-8f, DType::BF16), 1.0);
  EXPECT_EQ(rounded(65519.0f, DType::F16), 65504.0);
  EXPECT_EQ(rounded(65520.0f, DType::F16), std::numeric_limits<double>::infinity());
  EXPECT_EQ(rounded(0x1p-25f, DType::F16), 0.0);
  EXPECT_EQ(rounded(3 * 0x1p-25f, DType::F16), 0x1p-23);
  float value = 1;
  int32_t integer;
  EXPECT_FALSE(convertElements(&value, DType::F32, &integer, DType::I32, 1));
}

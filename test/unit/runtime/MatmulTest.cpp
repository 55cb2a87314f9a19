//===- MatmulTest.cpp - Products over layouts -----------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kernels/Matmul.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <omp.h>
#include <random>
#include <vector>

using namespace weft;
using namespace weft::rt;

namespace {

/// Elements that strides over these sizes reach.
int64_t extent(const std::vector<int64_t> &batch, int64_t rows, int64_t columns, const std::vector<int64_t> &strides) {
  int64_t last = (rows - 1) * strides[batch.size()] + (columns - 1) * strides[batch.size() + 1];
  for (size_t i = 0; i < batch.size(); ++i)
    last += (batch[i] - 1) * strides[i];
  return last + 1;
}

/// `values` as bf16, by cutting the low half off, which they lose as well.
std::vector<uint16_t> cutToBf16(std::vector<float> &values) {
  std::vector<uint16_t> halves;
  for (float &value : values) {
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    halves.push_back(static_cast<uint16_t>(bits >> 16));
    bits &= 0xffff0000u;
    std::memcpy(&value, &bits, sizeof(bits));
  }
  return halves;
}

float fromBf16(uint16_t half) {
  uint32_t bits = uint32_t(half) << 16;
  float value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// Runs `desc` and compares every element with double precision. Returns the implementation's name.
std::string checkProduct(const MatmulDesc &desc, uint32_t seed) {
  std::string error;
  auto engine = MatmulEngine::create();
  auto matmul = Matmul::create(*engine, desc, error);
  EXPECT_NE(matmul, nullptr) << error;
  if (!matmul)
    return "";
  EXPECT_EQ(matmul->scratchBytes(), matmulScratchBytes(desc));
  std::mt19937 engineOfNumbers(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  auto numbers = [&](int64_t count) {
    std::vector<float> values(count);
    for (float &value : values)
      value = uniform(engineOfNumbers);
    return values;
  };
  std::vector<float> a = numbers(extent(desc.batch, desc.m, desc.k, desc.aStrides));
  std::vector<float> b = numbers(extent(desc.batch, desc.k, desc.n, desc.bStrides));
  std::vector<float> c = numbers(extent(desc.batch, desc.m, desc.n, desc.cStrides)), before = c;
  std::vector<float> bias = numbers(desc.n);
  bool narrow = desc.dtype == MatmulType::BF16;
  std::vector<uint16_t> narrowA, narrowB, narrowC, narrowBias;
  if (narrow) {
    narrowA = cutToBf16(a), narrowB = cutToBf16(b), narrowC = cutToBf16(c), narrowBias = cutToBf16(bias);
    before = c;
  }
  auto pick = [&](std::vector<float> &wide, std::vector<uint16_t> &half) {
    return narrow ? static_cast<void *>(half.data()) : wide.data();
  };
  // What the library asks for differs between processors; that it uses no more must hold on every one.
  constexpr size_t alignment = 64, guard = 4096;
  constexpr unsigned char mark = 0x5a;
  size_t used = matmul->scratchBytes();
  std::vector<unsigned char> memory(used + alignment + guard, mark);
  void *scratch = memory.data();
  size_t space = memory.size();
  std::align(alignment, used, scratch, space);
  EXPECT_EQ(matmul->run(pick(a, narrowA), pick(b, narrowB), desc.bias ? pick(bias, narrowBias) : nullptr,
                        pick(c, narrowC), scratch),
            nullptr);
  for (size_t i = 0; i < narrowC.size(); ++i)
    c[i] = fromBf16(narrowC[i]);
  const unsigned char *behind = static_cast<unsigned char *>(scratch) + used;
  EXPECT_TRUE(std::all_of(behind, behind + guard, [&](unsigned char byte) { return byte == mark; }))
      << "wrote behind its scratchpad";
  std::vector<bool> written(c.size());
  int64_t outer = desc.batch.size() > 0 ? desc.batch[0] : 1, inner = desc.batch.size() > 1 ? desc.batch[1] : 1;
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < inner; ++j) {
      auto base = [&](const std::vector<int64_t> &s) {
        return (desc.batch.size() > 0 ? i * s[0] : 0) + (desc.batch.size() > 1 ? j * s[1] : 0);
      };
      auto row = [&](const std::vector<int64_t> &s) { return s[s.size() - 2]; };
      for (int64_t m = 0; m < desc.m; ++m)
        for (int64_t n = 0; n < desc.n; ++n) {
          int64_t place = base(desc.cStrides) + m * row(desc.cStrides) + n * desc.cStrides.back();
          double sum = desc.bias ? bias[n] : 0;
          sum += desc.accumulate ? before[place] : 0;
          for (int64_t k = 0; k < desc.k; ++k)
            sum += double(a[base(desc.aStrides) + m * row(desc.aStrides) + k * desc.aStrides.back()]) *
                   b[base(desc.bStrides) + k * row(desc.bStrides) + n * desc.bStrides.back()];
          double rounding = narrow ? std::abs(sum) / 256 : 0;
          EXPECT_NEAR(c[place], sum, 1e-5 * desc.k + rounding) << i << " " << j << " " << m << " " << n;
          written[place] = true;
        }
    }
  for (size_t i = 0; i < c.size(); ++i)
    if (!written[i]) {
      EXPECT_EQ(c[i], before[i]) << "wrote outside the result at " << i;
    }
  return matmul->implementation();
}

} // namespace

// Both operands and the result in both orders, with and without padding between rows, bias and accumulation.
TEST(Matmul, LayoutsOfTwoDimensions) {
  uint32_t seed = 1;
  for (int bits = 0; bits < 64; ++bits)
    for (int64_t pad : {0, 5}) {
      MatmulDesc desc;
      desc.m = 17, desc.n = 33, desc.k = 40;
      auto strides = [&](int64_t rows, int64_t columns, bool transposed) {
        return transposed ? std::vector<int64_t>{1, rows + pad} : std::vector<int64_t>{columns + pad, 1};
      };
      desc.aStrides = strides(desc.m, desc.k, bits & 1);
      desc.bStrides = strides(desc.k, desc.n, bits & 2);
      desc.cStrides = strides(desc.m, desc.n, bits & 4);
      desc.bias = bits & 8;
      desc.accumulate = bits & 16;
      if (bits & 32)
        desc.batch = {1}, desc.aStrides.insert(desc.aStrides.begin(), 0),
        desc.bStrides.insert(desc.bStrides.begin(), 7), desc.cStrides.insert(desc.cStrides.begin(), 0);
      SCOPED_TRACE(testing::Message() << "bits " << bits << " pad " << pad);
      std::string implementation = checkProduct(desc, seed++);
      // Only a transposed result with a bias is left to the slow loops.
      if (!((bits & 4) && desc.bias)) {
        EXPECT_EQ(implementation.find("ref"), std::string::npos);
      }
    }
}

// Heads inside rows, as attention without a fused kernel uses them; grouped queries by broadcasting.
TEST(Matmul, TwoBatchDimensions) {
  int64_t batch = 2, heads = 3, length = 10, width = 8;
  MatmulDesc scores;
  scores.batch = {batch, heads};
  scores.m = length, scores.n = length, scores.k = width;
  scores.aStrides = {length * heads * width, width, heads * width, 1};
  scores.bStrides = {length * heads * width, width, 1, heads * width};
  scores.cStrides = {heads * length * length, length * length, length, 1};
  EXPECT_EQ(checkProduct(scores, 1).find("ref"), std::string::npos);
  scores.bStrides = {length * width, 0, 1, width};
  EXPECT_EQ(checkProduct(scores, 2).find("ref"), std::string::npos);
  MatmulDesc values = scores;
  values.n = width, values.k = length;
  values.aStrides = scores.cStrides;
  values.bStrides = {length * heads * width, width, heads * width, 1};
  values.cStrides = {length * heads * width, width, heads * width, 1};
  EXPECT_EQ(checkProduct(values, 3).find("ref"), std::string::npos);
  values.accumulate = true;
  EXPECT_EQ(checkProduct(values, 4).find("ref"), std::string::npos);
  values.aStrides = {0, 0, length, 1};
  EXPECT_EQ(checkProduct(values, 5).find("ref"), std::string::npos);
}

// Rows, columns and depths of one, with strides as a tensor of more dimensions leaves them.
TEST(Matmul, SizesOfOne) {
  uint32_t seed = 1;
  for (int64_t m : {1, 6})
    for (int64_t n : {1, 7})
      for (int64_t k : {1, 9})
        for (int variant = 0; variant < 8; ++variant) {
          MatmulDesc desc;
          desc.m = m, desc.n = n, desc.k = k;
          desc.aStrides = variant & 1 ? std::vector<int64_t>{1, m} : std::vector<int64_t>{k, 1};
          desc.bStrides = variant & 2 ? std::vector<int64_t>{1, k} : std::vector<int64_t>{n, 1};
          desc.cStrides = variant & 4 ? std::vector<int64_t>{1, m} : std::vector<int64_t>{n, 1};
          SCOPED_TRACE(testing::Message() << m << "x" << n << "x" << k << " variant " << variant);
          EXPECT_EQ(checkProduct(desc, seed++).find("ref"), std::string::npos);
        }
}

// The right factor's rows 4 KiB apart, where it is packed before; also where it is the left one of a transposed result.
TEST(Matmul, RowsInTheSameSets) {
  uint32_t seed = 1;
  for (int bits = 0; bits < 16; ++bits) {
    MatmulDesc desc;
    desc.m = 70, desc.n = 83, desc.k = 66;
    desc.bias = bits & 1, desc.accumulate = bits & 2;
    desc.aStrides = bits & 4 ? std::vector<int64_t>{1, 1024} : std::vector<int64_t>{desc.k, 1};
    desc.bStrides = {1024, 1};
    desc.cStrides = bits & 8 ? std::vector<int64_t>{1, desc.m} : std::vector<int64_t>{desc.n, 1};
    SCOPED_TRACE(testing::Message() << "bits " << bits);
    checkProduct(desc, seed++);
  }
}

// The gradient of a head: columns of the left factor far apart. In bf16 rows of it are gathered, the last part smaller.
TEST(Matmul, FarColumns) {
  auto describe = [](int bits, MatmulType type) {
    MatmulDesc desc;
    desc.dtype = type;
    desc.m = 8 * 512 + 37, desc.n = 131, desc.k = 130;
    desc.aStrides = {1, 32800}, desc.bStrides = {desc.n, 1}, desc.cStrides = {desc.n + 3, 1};
    desc.bias = bits & 1, desc.accumulate = bits & 2;
    return desc;
  };
  for (int bits = 0; bits < 4; ++bits) {
    SCOPED_TRACE(testing::Message() << "bits " << bits);
    EXPECT_EQ(checkProduct(describe(bits, MatmulType::F32), bits), "sgemm in 2 parts");
  }
  if (!__builtin_cpu_supports("avx512bf16"))
    GTEST_SKIP() << "bf16: oneDNN computes it element by element on this processor";
  for (int bits = 0; bits < 4; ++bits) {
    SCOPED_TRACE(testing::Message() << "bf16, bits " << bits);
    EXPECT_NE(checkProduct(describe(bits, MatmulType::BF16), bits).find(" + rows in 9 parts"), std::string::npos);
  }
}

// A result that is wider than four wide parts is cut in columns alone, a small one in rows alone.
TEST(Matmul, WideAndNarrowResults) {
  MatmulDesc desc;
  desc.m = 81, desc.n = 12301, desc.k = 70;
  desc.aStrides = {desc.k, 1}, desc.bStrides = {1, desc.k}, desc.cStrides = {desc.n, 1};
  desc.bias = true;
  EXPECT_EQ(checkProduct(desc, 1), "sgemm in 4 parts");
  desc.m = 1030, desc.n = 700, desc.k = 97;
  desc.aStrides = {desc.k, 1}, desc.bStrides = {desc.n, 1}, desc.cStrides = {desc.n, 1};
  desc.bias = false, desc.accumulate = true;
  EXPECT_EQ(checkProduct(desc, 2), "sgemm in 6 parts");
}

// Large products are cut in parts, the last ones smaller, of every layout of the operands; the bits are those of one
// thread.
TEST(Matmul, Parts) {
  int before = omp_get_max_threads();
  bool hasBf16 = __builtin_cpu_supports("avx512bf16");
  for (int bits : {0, 3, 5, 6, 9, 10, 12, 15, 16, 21, 26, 31}) {
    if (bits & 16 && !hasBf16)
      continue;
    MatmulDesc desc;
    desc.dtype = bits & 16 ? MatmulType::BF16 : MatmulType::F32;
    desc.m = bits & 8 ? 1029 : 3080, desc.n = bits & 4 ? 1540 : 771, desc.k = 90;
    desc.aStrides = bits & 4 ? std::vector<int64_t>{1, desc.m} : std::vector<int64_t>{desc.k, 1};
    desc.bStrides = bits & 8 ? std::vector<int64_t>{1, desc.k} : std::vector<int64_t>{desc.n + 5, 1};
    desc.cStrides = {desc.n + 3, 1};
    desc.bias = bits & 1, desc.accumulate = bits & 2;
    SCOPED_TRACE(testing::Message() << "bits " << bits);
    omp_set_num_threads(3);
    EXPECT_NE(checkProduct(desc, bits).find("parts"), std::string::npos);
    std::vector<float> results[2];
    for (int threads : {1, 4}) {
      omp_set_num_threads(threads);
      std::string error;
      auto engine = MatmulEngine::create();
      auto matmul = Matmul::create(*engine, desc, error);
      std::vector<float> a(desc.m * desc.k), b((desc.n + 5) * (desc.k + 5)), bias(desc.n, 0.5f);
      for (size_t i = 0; i < a.size(); ++i)
        a[i] = std::sin(static_cast<float>(i));
      for (size_t i = 0; i < b.size(); ++i)
        b[i] = std::cos(static_cast<float>(i));
      std::vector<float> &c = results[threads > 1];
      c.assign(desc.m * (desc.n + 3), 1.0f);
      std::vector<uint16_t> halves[] = {cutToBf16(a), cutToBf16(b), cutToBf16(bias)};
      bool narrow = desc.dtype == MatmulType::BF16;
      auto pick = [&](std::vector<float> &wide, int half) {
        return narrow ? static_cast<void *>(halves[half].data()) : wide.data();
      };
      std::vector<float> scratch(matmul->scratchBytes() / 4 + 16);
      EXPECT_EQ(matmul->run(pick(a, 0), pick(b, 1), pick(bias, 2), c.data(), scratch.data()), nullptr);
    }
    EXPECT_EQ(std::memcmp(results[0].data(), results[1].data(), results[0].size() * sizeof(float)), 0);
  }
  omp_set_num_threads(before);
}

TEST(Matmul, RandomShapes) {
  std::mt19937 engine(11);
  auto pick = [&](int64_t low, int64_t high) { return low + int64_t(engine() % uint32_t(high - low + 1)); };
  for (int trial = 0; trial < 100; ++trial) {
    MatmulDesc desc;
    desc.m = pick(1, 70), desc.n = pick(1, 70), desc.k = pick(1, 70);
    for (int64_t rank = pick(0, 2); rank > 0; --rank)
      desc.batch.push_back(pick(1, 4));
    desc.bias = engine() % 2, desc.accumulate = engine() % 2;
    auto strides = [&](int64_t rows, int64_t columns, bool canBroadcast, bool transposed) {
      std::vector<int64_t> result = transposed ? std::vector<int64_t>{1, rows} : std::vector<int64_t>{columns, 1};
      int64_t size = rows * columns;
      for (size_t i = desc.batch.size(); i-- > 0; size *= desc.batch[i])
        result.insert(result.begin(), canBroadcast && engine() % 3 == 0 ? 0 : size);
      return result;
    };
    desc.aStrides = strides(desc.m, desc.k, true, engine() % 2);
    desc.bStrides = strides(desc.k, desc.n, true, engine() % 2);
    desc.cStrides = strides(desc.m, desc.n, false, false);
    SCOPED_TRACE(testing::Message() << "trial " << trial);
    checkProduct(desc, engine());
  }
}

TEST(Matmul, Faults) {
  std::string error;
  MatmulDesc desc;
  desc.m = desc.n = desc.k = 2;
  desc.aStrides = desc.bStrides = desc.cStrides = {2, 1};
  desc.bStrides = {1};
  EXPECT_EQ(matmulScratchBytes(desc, 0, &error), -1);
  EXPECT_NE(error.find("number of strides"), std::string::npos);
  desc.bStrides = {2, 1};
  // A product of four elements needs at most a block of each operand, filled up to the largest that the library has.
  int64_t bytes = matmulScratchBytes(desc, 1, &error);
  EXPECT_GE(bytes, 0);
  EXPECT_LE(bytes, int64_t(3 * 64 * 64 * sizeof(float)));
  EXPECT_EQ(error, "");
  auto engine = MatmulEngine::create();
  auto matmul = Matmul::create(*engine, desc, error);
  EXPECT_EQ(matmul->scratchBytes(), matmulScratchBytes(desc));
  EXPECT_STREQ(matmul->run(nullptr, nullptr, nullptr, nullptr, nullptr), "an operand is null");
}

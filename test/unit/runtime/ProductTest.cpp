//===- ProductTest.cpp - Products by our own kernels ----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kernels/Product.h"

#include "core/DType.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <omp.h>
#include <random>

using namespace weft;
using namespace weft::rt;

namespace weft::rt {
/// The shapes of the AVX-512 variant without its instructions: tested where no machine has them.
extern const ProductKernels productKernels_wide;
} // namespace weft::rt

namespace {

/// Numbers of one type, with their values.
struct Numbers {
  std::vector<double> values;
  std::vector<char> data;

  Numbers(size_t count, DType type, std::mt19937 &engine) : data(count * elementBytes(type)) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (size_t i = 0; i < count; ++i) {
      float value = uniform(engine);
      convertElements(&value, DType::F32, data.data() + i * elementBytes(type), type, 1);
      values.push_back(loadDouble(data.data(), type, static_cast<int64_t>(i)));
    }
  }
};

/// A product of row-major or transposed operands; `pad` elements behind every row.
MatmulDesc describe(std::vector<int64_t> batch, int64_t m, int64_t n, int64_t k, MatmulType type, bool aTransposed,
                    bool bTransposed, bool cTransposed, int64_t pad) {
  MatmulDesc desc;
  desc.batch = batch;
  desc.m = m, desc.n = n, desc.k = k, desc.dtype = type;
  auto strides = [&](int64_t rows, int64_t columns, bool transposed) {
    int64_t row = transposed ? 1 : columns + pad, column = transposed ? rows + pad : 1;
    int64_t matrix = transposed ? columns * column : rows * row;
    std::vector<int64_t> result = {row, column};
    for (size_t i = batch.size(); i-- > 0; matrix *= batch[i])
      result.insert(result.begin(), matrix);
    return result;
  };
  desc.aStrides = strides(m, k, aTransposed);
  desc.bStrides = strides(k, n, bTransposed);
  desc.cStrides = strides(m, n, cTransposed);
  return desc;
}

int64_t extent(const MatmulDesc &desc, int64_t rows, int64_t columns, const std::vector<int64_t> &strides) {
  int64_t last = std::max<int64_t>(rows - 1, 0) * strides[desc.batch.size()] +
                 std::max<int64_t>(columns - 1, 0) * strides[desc.batch.size() + 1];
  for (size_t i = 0; i < desc.batch.size(); ++i)
    last += (desc.batch[i] - 1) * strides[i];
  return last + 1;
}

/// Computes `desc` with 1, 2 and 3 threads: the same bits, near the sum in double precision.
void check(const MatmulDesc &desc, const ProductKernels *kernels) {
  std::mt19937 engine(17);
  DType type = desc.dtype == MatmulType::BF16 ? DType::BF16 : DType::F32;
  Numbers a(extent(desc, desc.m, desc.k, desc.aStrides), type, engine);
  Numbers b(extent(desc, desc.k, desc.n, desc.bStrides), type, engine);
  Numbers c(extent(desc, desc.m, desc.n, desc.cStrides), type, engine), bias(desc.n, type, engine);
  std::string error;
  std::unique_ptr<Matmul> product = createProduct(desc, error, kernels);
  ASSERT_NE(product, nullptr) << error;
  EXPECT_LE(product->scratchBytes(), productScratchBytes(desc));
  std::vector<float> scratch(product->scratchBytes() / 4 + 16, NAN);
  std::vector<char> first;
  int before = omp_get_max_threads();
  for (int threads = 1; threads <= 3; ++threads) {
    omp_set_num_threads(threads);
    std::vector<char> result = c.data;
    EXPECT_EQ(product->run(a.data.data(), b.data.data(), desc.bias ? bias.data.data() : nullptr, result.data(),
                           scratch.data()),
              nullptr);
    if (threads == 1)
      first = result;
    EXPECT_EQ(first, result) << threads << " threads";
  }
  omp_set_num_threads(before);

  std::vector<double> expected = c.values;
  int64_t outer = desc.batch.empty() ? 1 : desc.batch[0], inner = desc.batch.size() < 2 ? 1 : desc.batch[1];
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < inner; ++j) {
      auto at = [&](const std::vector<int64_t> &s, int64_t row, int64_t column) {
        return (desc.batch.empty() ? 0 : i * s[0]) + (desc.batch.size() < 2 ? 0 : j * s[1]) +
               row * s[desc.batch.size()] + column * s[desc.batch.size() + 1];
      };
      for (int64_t m = 0; m < desc.m; ++m)
        for (int64_t n = 0; n < desc.n; ++n) {
          double sum = (desc.bias ? bias.values[n] : 0) + (desc.accumulate ? c.values[at(desc.cStrides, m, n)] : 0);
          for (int64_t k = 0; k < desc.k; ++k)
            sum += a.values[at(desc.aStrides, m, k)] * b.values[at(desc.bStrides, k, n)];
          expected[at(desc.cStrides, m, n)] = sum;
        }
    }
  for (size_t i = 0; i < expected.size(); ++i) {
    double tolerance = type == DType::BF16 ? 0.005 * std::abs(expected[i]) + 1e-4 : 1e-5 * std::max<int64_t>(desc.k, 1);
    ASSERT_NEAR(loadDouble(first.data(), type, static_cast<int64_t>(i)), expected[i], tolerance) << "element " << i;
  }
}

std::vector<const ProductKernels *> allKernels() {
  std::vector<const ProductKernels *> kernels = availableProductKernels();
  kernels.push_back(&productKernels_wide);
  return kernels;
}

} // namespace

// Every layout of both operands and the result, in both types, with sizes that are no multiples of anything.
TEST(Product, TakesEveryLayout) {
  for (const ProductKernels *kernels : allKernels())
    for (MatmulType type : {MatmulType::F32, MatmulType::BF16})
      for (int layout = 0; layout < 16; ++layout) {
        SCOPED_TRACE(testing::Message() << kernels->name << " layout " << layout);
        check(describe({}, 37, 45, 29, type, layout & 1, layout & 2, layout & 4, layout & 8 ? 3 : 0), kernels);
      }
}

// Several blocks in each dimension: depth that is added up over blocks, rows and columns beyond one block.
TEST(Product, AddsUpBlocks) {
  for (MatmulType type : {MatmulType::F32, MatmulType::BF16}) {
    check(describe({}, 50, 70, 801, type, false, true, false, 0), nullptr);
    check(describe({}, 1601, 19, 390, type, true, false, false, 0), nullptr);
    check(describe({}, 13, 1700, 3, type, false, false, false, 1), nullptr);
  }
}

// Biases of several blocks of columns, and sums with what is there, rounded once.
TEST(Product, AddsBiasOrResult) {
  for (MatmulType type : {MatmulType::F32, MatmulType::BF16}) {
    MatmulDesc desc = describe({}, 20, 1600, 400, type, false, false, false, 0);
    desc.bias = true;
    check(desc, nullptr);
    desc.bias = false;
    desc.accumulate = true;
    check(desc, nullptr);
  }
}

// Batches in one and two dimensions, and an operand that is repeated over one of them.
TEST(Product, TakesBatches) {
  for (MatmulType type : {MatmulType::F32, MatmulType::BF16}) {
    check(describe({3}, 11, 18, 7, type, false, true, false, 0), nullptr);
    MatmulDesc desc = describe({2, 3}, 5, 33, 12, type, false, false, true, 0);
    desc.bStrides[0] = 0;
    check(desc, nullptr);
  }
}

// A vector as either operand, a single element, and no depth at all, which is zero.
TEST(Product, TakesSmallSizes) {
  for (MatmulType type : {MatmulType::F32, MatmulType::BF16}) {
    check(describe({}, 1, 100, 30, type, false, false, false, 0), nullptr);
    check(describe({}, 100, 1, 30, type, false, true, false, 0), nullptr);
    check(describe({}, 1, 1, 1, type, false, false, false, 0), nullptr);
    check(describe({}, 4, 5, 0, type, false, false, false, 0), nullptr);
  }
}

// What is not supported says so.
TEST(Product, RefusesWhatItCannot) {
  std::string error;
  MatmulDesc desc = describe({}, 4, 5, 6, MatmulType::F32, false, false, false, 0);
  desc.cStrides = {10, 2};
  EXPECT_EQ(createProduct(desc, error), nullptr);
  EXPECT_EQ(error, "a result that is contiguous in no dimension");
  desc.cStrides = {5, 1};
  desc.bias = desc.accumulate = true;
  EXPECT_EQ(createProduct(desc, error), nullptr);
  EXPECT_EQ(error, "bias and accumulation together");
}

// NaN and infinity survive rounding to bf16.
TEST(Product, KeepsSpecialNumbers) {
  MatmulDesc desc = describe({}, 1, 3, 1, MatmulType::BF16, false, false, false, 0);
  uint16_t a[] = {0x3F80}, b[] = {0x7FC1, 0x7F80, 0xFF80}, c[3] = {};
  std::string error;
  std::unique_ptr<Matmul> product = createProduct(desc, error);
  std::vector<float> scratch(product->scratchBytes() / 4);
  EXPECT_EQ(product->run(a, b, nullptr, c, scratch.data()), nullptr);
  EXPECT_TRUE(std::isnan(loadDouble(c, DType::BF16, 0)));
  EXPECT_EQ(loadDouble(c, DType::BF16, 1), INFINITY);
  EXPECT_EQ(loadDouble(c, DType::BF16, 2), -INFINITY);
}

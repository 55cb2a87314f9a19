//===- Product.cpp - Matrix products without a library --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "kernels/Product.h"

#include <algorithm>
#include <omp.h>

using namespace weft;
using namespace weft::rt;

/// Sizes of the packed blocks: a panel of the right operand fits the first-level cache, a run of rows of the left one
/// the second, both packed blocks the third.
static constexpr int64_t kDepth = 384, kBlockRows = 1536, kBlockColumns = 1536;
/// Rows and columns that a thread takes at a time, and panels that it packs at a time.
static constexpr int64_t kRun = 96, kRunColumns = 384, kPanels = 8;
/// Multiples of every register tile there is.
static constexpr int64_t kRowsUnit = 12, kColumnsUnit = 32;

static int64_t roundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

std::vector<const ProductKernels *> weft::rt::availableProductKernels() {
  __builtin_cpu_init();
  std::vector<const ProductKernels *> kernels;
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    kernels.push_back(&productKernels_avx512);
  if (avx2)
    kernels.push_back(&productKernels_avx2);
  kernels.push_back(&productKernels_baseline);
  return kernels;
}

namespace {

/// What lies where in the scratchpad, in floats.
struct Scratch {
  int64_t left, right, bias, tile, end;

  explicit Scratch(const MatmulDesc &desc, bool swapped) {
    int64_t m = swapped ? desc.n : desc.m, n = swapped ? desc.m : desc.n;
    int64_t rows = roundUp(std::min(m, kBlockRows), kRowsUnit);
    int64_t columns = roundUp(std::min(n, kBlockColumns), kColumnsUnit);
    int64_t depth = std::max<int64_t>(std::min(desc.k, kDepth), 1);
    bool narrow = desc.dtype == MatmulType::BF16;
    left = 0;
    right = left + roundUp(rows * depth, 16);
    bias = right + roundUp(columns * depth, 16);
    tile = bias + (narrow && desc.bias ? roundUp(desc.n, 16) : 0);
    end = tile + (narrow ? rows * columns : 0);
  }
};

bool isSwapped(const MatmulDesc &desc) {
  size_t row = desc.batch.size(), column = row + 1;
  return desc.cStrides[column] != 1 && desc.n != 1 && desc.cStrides[row] == 1;
}

class Product final : public Matmul {
public:
  Product(const MatmulDesc &desc, const ProductKernels &kernels)
      : desc(desc), kernels(kernels), swapped(isSwapped(desc)), narrow(desc.dtype == MatmulType::BF16),
        elementBytes(narrow ? 2 : 4), layout(desc, swapped) {
    size_t row = desc.batch.size(), column = row + 1;
    m = desc.m, n = desc.n;
    left = {nullptr, desc.aStrides[row], desc.aStrides[column], narrow};
    right = {nullptr, desc.bStrides[row], desc.bStrides[column], narrow};
    resultStride = desc.cStrides[row];
    if (!swapped)
      return;
    // The transpose of the result is the product of the transposes.
    std::swap(m, n);
    left = {nullptr, desc.bStrides[column], desc.bStrides[row], narrow};
    right = {nullptr, desc.aStrides[column], desc.aStrides[row], narrow};
    resultStride = desc.cStrides[column];
  }

  int64_t scratchBytes() const override { return layout.end * static_cast<int64_t>(sizeof(float)); }
  std::string implementation() const override {
    return std::string("weft:") + kernels.name + (narrow ? ", bf16 as f32" : "");
  }

  const char *run(const void *a, const void *b, const void *bias, void *c, void *scratchData) noexcept override {
    if (!a || !b || !c || (desc.bias && !bias) || !scratchData)
      return "an operand is null";
    auto *scratch = static_cast<float *>(scratchData);
    const auto *offsets = static_cast<const float *>(bias);
    if (desc.bias && narrow) {
      for (int64_t i = 0; i < desc.n; ++i) {
        uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t *>(bias)[i]) << 16;
        __builtin_memcpy(scratch + layout.bias + i, &bits, 4);
      }
      offsets = scratch + layout.bias;
    }
    int64_t outer = desc.batch.empty() ? 1 : desc.batch[0], inner = desc.batch.size() < 2 ? 1 : desc.batch[1];
    for (int64_t i = 0; i < outer; ++i)
      for (int64_t j = 0; j < inner; ++j) {
        auto at = [&](const void *data, const std::vector<int64_t> &strides) {
          int64_t offset = (desc.batch.empty() ? 0 : i * strides[0]) + (desc.batch.size() < 2 ? 0 : j * strides[1]);
          return static_cast<const char *>(data) + offset * elementBytes;
        };
        ProductOperand l = left, r = right;
        l.data = at(swapped ? b : a, swapped ? desc.bStrides : desc.aStrides);
        r.data = at(swapped ? a : b, swapped ? desc.aStrides : desc.bStrides);
        multiply(l, r, offsets, const_cast<char *>(at(c, desc.cStrides)), scratch);
      }
    return nullptr;
  }

private:
  ProductOperand part(const ProductOperand &from, int64_t row, int64_t column) const {
    int64_t offset = row * from.rowStride + column * from.columnStride;
    return {static_cast<const char *>(from.data) + offset * elementBytes, from.rowStride, from.columnStride, from.bf16};
  }

  /// One product. Threads take whatever is next; which one takes it does not change what is computed.
  void multiply(const ProductOperand &a, const ProductOperand &b, const float *bias, char *c, float *scratch) noexcept {
    float *packedLeft = scratch + layout.left, *packedRight = scratch + layout.right, *tile = scratch + layout.tile;
    int64_t panelRows = kernels.rows * kPanels, panelColumns = kernels.columns * kPanels;
#pragma omp parallel
    for (int64_t column = 0; column < n; column += kBlockColumns)
      for (int64_t row = 0; row < m; row += kBlockRows)
        // A product without depth is zero, or its bias.
        for (int64_t k = 0; k == 0 || k < desc.k; k += kDepth) {
          int64_t columns = std::min(kBlockColumns, n - column), rows = std::min(kBlockRows, m - row);
          int64_t depth = std::min(kDepth, desc.k - k);
#pragma omp for schedule(dynamic, 1) nowait
          for (int64_t i = 0; i < rows; i += panelRows)
            kernels.packLeft(part(a, row + i, k), std::min(panelRows, rows - i), depth, packedLeft + i * depth);
#pragma omp for schedule(dynamic, 1)
          for (int64_t i = 0; i < columns; i += panelColumns)
            kernels.packRight(part(b, k, column + i), depth, std::min(panelColumns, columns - i),
                              packedRight + i * depth);

          int64_t runs = (rows + kRun - 1) / kRun, columnRuns = (columns + kRunColumns - 1) / kRunColumns;
          bool first = k == 0, last = k + kDepth >= desc.k;
          ProductStart start = !first || (desc.accumulate && !narrow) ? ProductStart::Keep
                               : bias                                 ? ProductStart::Bias
                                                                      : ProductStart::Zero;
#pragma omp for schedule(dynamic, 1)
          for (int64_t item = 0; item < runs * columnRuns; ++item) {
            int64_t i = item % runs * kRun, j = item / runs * kRunColumns;
            int64_t height = std::min(kRun, rows - i), width = std::min(kRunColumns, columns - j);
            int64_t at = (row + i) * resultStride + column + j;
            float *to = narrow ? tile + i * columns + j : reinterpret_cast<float *>(c) + at;
            int64_t stride = narrow ? columns : resultStride;
            kernels.multiply(height, width, depth, packedLeft + i * depth, packedRight + j * depth, to, stride, start,
                             bias ? bias + column + j : nullptr);
            if (narrow && last)
              kernels.roundToBf16(height, width, to, stride, reinterpret_cast<uint16_t *>(c) + at, resultStride,
                                  desc.accumulate);
          }
        }
  }

  MatmulDesc desc;
  const ProductKernels &kernels;
  bool swapped, narrow;
  int64_t elementBytes;
  Scratch layout;
  int64_t m = 0, n = 0, resultStride = 0;
  ProductOperand left = {}, right = {};
};

static_assert(kRun % kRowsUnit == 0 && kRunColumns % kColumnsUnit == 0, "runs are whole panels");

} // namespace

int64_t weft::rt::productScratchBytes(const MatmulDesc &desc) {
  return Scratch(desc, isSwapped(desc)).end * static_cast<int64_t>(sizeof(float));
}

std::unique_ptr<Matmul> weft::rt::createProduct(const MatmulDesc &desc, std::string &error,
                                                const ProductKernels *chosen) {
  size_t row = desc.batch.size(), column = row + 1;
  if (desc.bias && desc.accumulate) {
    error = "bias and accumulation together";
    return nullptr;
  }
  if (desc.cStrides[column] != 1 && desc.n != 1 && (desc.cStrides[row] != 1 || desc.bias)) {
    error = desc.bias ? "a bias along the rows" : "a result that is contiguous in no dimension";
    return nullptr;
  }
  return std::make_unique<Product>(desc, chosen ? *chosen : *availableProductKernels().front());
}

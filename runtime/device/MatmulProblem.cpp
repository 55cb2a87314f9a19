//===- MatmulProblem.cpp - A product in the library's terms ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/MatmulProblem.h"

#include "core/Text.h"

#include <algorithm>

using namespace weft;
using namespace weft::rt;

namespace {

/// A matrix [rows, columns] by its strides.
struct Operand {
  int64_t rows, columns, rowStride, columnStride;
};

} // namespace

/// The operand as columns in memory, if it is that; strides of dimensions of size 1 mean nothing.
static bool asColumns(const Operand &operand, ColumnMajor &result) {
  if (operand.rows > 1 && operand.rowStride != 1)
    return false;
  int64_t leading = operand.columns > 1 ? operand.columnStride : std::max<int64_t>(operand.rows, 1);
  if (leading < operand.rows)
    return false;
  result.rows = operand.rows;
  result.columns = operand.columns;
  result.leading = leading;
  return true;
}

/// The operand, or its transpose, as columns in memory.
static bool orient(const Operand &operand, ColumnMajor &result) {
  result.transposed = false;
  if (asColumns(operand, result))
    return true;
  result.transposed = true;
  return asColumns({operand.columns, operand.rows, operand.columnStride, operand.rowStride}, result);
}

/// Elements from the first to the last.
static int64_t span(const std::vector<int64_t> &sizes, const std::vector<int64_t> &strides) {
  int64_t last = 0;
  for (size_t i = 0; i < sizes.size(); ++i)
    last += (sizes[i] - 1) * strides[i];
  return last + 1;
}

/// Divides the batch into calls, and each call's matrices.
static void divideBatch(const MatmulDesc &desc, MatmulProblem &problem, int64_t &a, int64_t &b, int64_t &c) {
  // Only dimensions that have several matrices count.
  std::vector<size_t> dims;
  for (size_t i = 0; i < desc.batch.size(); ++i)
    if (desc.batch[i] > 1)
      dims.push_back(i);
  if (dims.empty())
    return;
  size_t inner = dims.back();
  problem.batch = desc.batch[inner];
  a = desc.aStrides[inner], b = desc.bStrides[inner], c = desc.cStrides[inner];
  if (dims.size() == 1)
    return;
  size_t outer = dims.front();
  auto follows = [&](const std::vector<int64_t> &strides) {
    return strides[outer] == strides[inner] * desc.batch[inner];
  };
  if (follows(desc.aStrides) && follows(desc.bStrides) && follows(desc.cStrides)) {
    problem.batch *= desc.batch[outer];
    return;
  }
  // The longer dimension is one call.
  if (desc.batch[outer] > desc.batch[inner]) {
    std::swap(outer, inner);
    problem.batch = desc.batch[inner];
    a = desc.aStrides[inner], b = desc.bStrides[inner], c = desc.cStrides[inner];
  }
  problem.calls = desc.batch[outer];
  problem.aStep = desc.aStrides[outer], problem.bStep = desc.bStrides[outer], problem.cStep = desc.cStrides[outer];
}

bool weft::rt::makeMatmulProblem(const MatmulDesc &desc, MatmulProblem &problem, std::string &error) {
  problem = {};
  problem.desc = desc;
  size_t rank = desc.batch.size() + 2;
  if (desc.aStrides.size() != rank || desc.bStrides.size() != rank || desc.cStrides.size() != rank) {
    error = "the number of strides is not that of the dimensions";
    return false;
  }
  auto operand = [&](const std::vector<int64_t> &strides, int64_t rows, int64_t columns) {
    return Operand{rows, columns, strides[rank - 2], strides[rank - 1]};
  };
  Operand a = operand(desc.aStrides, desc.m, desc.k), b = operand(desc.bStrides, desc.k, desc.n),
          c = operand(desc.cStrides, desc.m, desc.n);
  // A result that is both is taken by rows: there a bias fits.
  ColumnMajor result;
  bool byRows = asColumns({c.columns, c.rows, c.columnStride, c.rowStride}, result);
  problem.aIsLeft = !byRows;
  if (!byRows && !asColumns(c, result)) {
    error = "neither rows nor columns of the result are contiguous";
    return false;
  }
  if (!byRows && desc.bias) {
    error = "a bias needs a result with contiguous rows";
    return false;
  }
  problem.result = result;
  problem.rows = result.rows, problem.columns = result.columns, problem.depth = desc.k;
  auto transpose = [](const Operand &x) { return Operand{x.columns, x.rows, x.columnStride, x.rowStride}; };
  if (!orient(byRows ? transpose(b) : a, problem.left) || !orient(byRows ? transpose(a) : b, problem.right)) {
    error = "an operand is contiguous along neither of its dimensions";
    return false;
  }
  int64_t aBatch = 0, bBatch = 0, cBatch = 0;
  divideBatch(desc, problem, aBatch, bBatch, cBatch);
  if (problem.batch > 1 && cBatch == 0) {
    error = "all results of the batch lie at one place";
    return false;
  }
  problem.left.batchStride = byRows ? bBatch : aBatch;
  problem.right.batchStride = byRows ? aBatch : bBatch;
  problem.result.batchStride = cBatch;
  std::vector<int64_t> sizes = desc.batch;
  auto elements = [&](int64_t rows, int64_t columns, const std::vector<int64_t> &strides) {
    std::vector<int64_t> all = desc.batch;
    all.push_back(rows);
    all.push_back(columns);
    return span(all, strides);
  };
  problem.aElements = elements(desc.m, desc.k, desc.aStrides);
  problem.bElements = elements(desc.k, desc.n, desc.bStrides);
  problem.cElements = elements(desc.m, desc.n, desc.cStrides);
  return true;
}

std::string MatmulProblem::key(int64_t workspace, bool deterministic) const {
  static constexpr const char *types[] = {"f32", "bf16", "f16"}, *epilogues[] = {"", "gelu_aux", "dgelu"};
  auto operand = [](const ColumnMajor &x) {
    return format("%s%lld/%lld", x.transposed ? "t" : "n", static_cast<long long>(x.leading),
                  static_cast<long long>(x.batchStride));
  };
  std::string text = types[static_cast<int>(desc.dtype)];
  if (desc.dtype == MatmulType::F32 && desc.tf32)
    text += " tf32";
  text += format(" %lldx%lldx%lld*%lld", static_cast<long long>(rows), static_cast<long long>(columns),
                 static_cast<long long>(depth), static_cast<long long>(batch));
  text += " " + operand(left) + " " + operand(right) + " " + operand(result);
  text += std::string(desc.bias ? " bias" : "") + (desc.accumulate ? " accumulate" : "");
  if (desc.epilogue != MatmulEpilogue::None)
    text += std::string(" ") + epilogues[static_cast<int>(desc.epilogue)];
  return text + format(" align%lld ws%lld%s", static_cast<long long>(alignment), static_cast<long long>(workspace),
                       deterministic ? "" : " fast");
}

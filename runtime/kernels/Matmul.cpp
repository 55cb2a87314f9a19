//===- Matmul.cpp - A prepared matrix product -----------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// oneDNN takes an operand when one of its two inner dimensions is contiguous,
// and a result when its rows are; everything else runs in a reference loop that
// is a hundred times slower. So a product whose result has contiguous columns
// is turned into the product of the transposes.
//
// Where rows of the right factor lie a multiple of 4 KiB apart, all of them fall
// into the same few sets of the first-level cache, and the library's copying of
// blocks of it takes as long as the product. There the factor is brought into
// the library's own layout before. Where the left factor is read by columns that
// lie many pages apart, as the gradient of logits is for the gradient of a head,
// rows of it are gathered first.
//
// The library gives every thread an equal part of a product, and all wait for the
// slowest one: a processor that something else uses too, or that runs slower,
// holds the others up. So a large product is cut into parts that threads take as
// they are free, each computed by the library on one thread.
//
// Large products of f32 go to the library's BLAS routine instead, which copies
// blocks of both factors in a way that none of the layouts above slow down, in
// few, large parts, because each part copies its factors again.
//
//===----------------------------------------------------------------------===//

#include "kernels/Matmul.h"

#include "kernels/Product.h"

#include <algorithm>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <oneapi/dnnl/dnnl_debug.h>
#include <optional>

using namespace weft;
using namespace weft::rt;

MatmulEngine::~MatmulEngine() = default;
Matmul::~Matmul() = default;

namespace {

struct Engine final : MatmulEngine {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};

/// The product as the library gets it: strides of dimensions of size 1 chosen freely, columns turned into rows.
struct Problem {
  dnnl::memory::dims aDims, bDims, cDims, aStrides, bStrides, cStrides;
  bool swapped = false;
  /// The right factor is brought into the layout that the library likes best.
  bool packed = false;
  /// Offsets in the result, in elements, at which the product is computed: more than one where a batch dimension is
  /// broadcast in both operands, which the library does not take.
  std::vector<int64_t> resultOffsets = {0};
};

/// Sets the stride of a dimension of size 1, which addresses nothing, to what makes the operand contiguous.
void chooseFreeStrides(dnnl::memory::dims &dims, dnnl::memory::dims &strides) {
  size_t row = dims.size() - 2, column = dims.size() - 1;
  if (dims[column] == 1 && (strides[row] != 1 || dims[row] == 1))
    strides[column] = 1;
  if (dims[column] == 1 && strides[row] == 1)
    strides[column] = dims[row];
  if (dims[row] == 1)
    strides[row] = strides[column] == 1 ? dims[column] : 1;
}

/// Below so many rows of either factor a product takes no longer than packing does.
constexpr int64_t kMinPackedRows = 64;

Problem makeProblem(const MatmulDesc &desc) {
  Problem problem;
  auto operand = [&](int64_t rows, int64_t columns, const std::vector<int64_t> &from, dnnl::memory::dims &dims,
                     dnnl::memory::dims &strides) {
    dims.assign(desc.batch.begin(), desc.batch.end());
    dims.push_back(rows);
    dims.push_back(columns);
    strides.assign(from.begin(), from.end());
    // The library broadcasts a batch dimension of size 1.
    for (size_t i = 0; i < desc.batch.size(); ++i)
      if (strides[i] == 0 || dims[i] == 1) {
        dims[i] = 1;
        strides[i] = rows * columns;
      }
    chooseFreeStrides(dims, strides);
  };
  operand(desc.m, desc.k, desc.aStrides, problem.aDims, problem.aStrides);
  operand(desc.k, desc.n, desc.bStrides, problem.bDims, problem.bStrides);
  operand(desc.m, desc.n, desc.cStrides, problem.cDims, problem.cStrides);
  for (size_t i = 0; i < desc.batch.size(); ++i)
    if (problem.aDims[i] == 1 && problem.bDims[i] == 1 && problem.cDims[i] > 1) {
      std::vector<int64_t> offsets;
      for (int64_t offset : problem.resultOffsets)
        for (int64_t j = 0; j < problem.cDims[i]; ++j)
          offsets.push_back(offset + j * problem.cStrides[i]);
      problem.resultOffsets = std::move(offsets);
      problem.cDims[i] = 1;
    }
  size_t row = desc.batch.size(), column = row + 1;
  // A result column can only be a single one with rows apart, or the free stride was put on the wrong side.
  if (desc.n == 1)
    problem.cStrides[column] = 1;
  problem.swapped = !desc.bias && problem.cStrides[column] != 1 && problem.cStrides[row] == 1;
  if (problem.swapped) {
    std::swap(problem.aDims, problem.bDims);
    std::swap(problem.aStrides, problem.bStrides);
    for (auto *list :
         {&problem.aDims, &problem.aStrides, &problem.bDims, &problem.bStrides, &problem.cDims, &problem.cStrides})
      std::swap((*list)[row], (*list)[column]);
  }
  int64_t rowBytes = problem.bStrides[row] * (desc.dtype == MatmulType::F32 ? 4 : 2);
  problem.packed = desc.batch.empty() && problem.bStrides[column] == 1 && rowBytes % 4096 == 0 &&
                   problem.bDims[row] >= kMinPackedRows && problem.aDims[row] >= kMinPackedRows;
  return problem;
}

/// Null when `desc` is well formed.
const char *findFault(const MatmulDesc &desc) {
  size_t rank = desc.batch.size() + 2;
  if (desc.batch.size() > 2)
    return "more than two batch dimensions";
  if (desc.dtype == MatmulType::F16 || desc.epilogue != MatmulEpilogue::None)
    return "f16 and epilogues are a device's";
  if (desc.aStrides.size() != rank || desc.bStrides.size() != rank || desc.cStrides.size() != rank)
    return "the number of strides is not the number of dimensions";
  for (size_t i = 0; i < desc.batch.size(); ++i)
    if (desc.cStrides[i] == 0 && desc.batch[i] != 1)
      return "the result cannot be broadcast";
  return nullptr;
}

/// The right factor as it lies in the arena.
dnnl::memory::desc rightFactor(const MatmulDesc &desc, const Problem &problem) {
  auto type = desc.dtype == MatmulType::F32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
  return {problem.bDims, type, problem.bStrides};
}

dnnl::matmul::primitive_desc makePrimitive(const MatmulDesc &desc, const Problem &problem, const dnnl::engine &engine) {
  auto type = desc.dtype == MatmulType::F32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
  dnnl::memory::desc a(problem.aDims, type, problem.aStrides), b = rightFactor(desc, problem),
                                                               c(problem.cDims, type, problem.cStrides);
  if (problem.packed)
    b = dnnl::memory::desc(problem.bDims, type, dnnl::memory::format_tag::any);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (desc.accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  if (!desc.bias)
    return {dnnl::matmul::desc(a, b, c), attributes, engine};
  dnnl::memory::dims dims(problem.cDims.size(), 1), strides(problem.cDims.size(), desc.n);
  dims.back() = desc.n;
  strides.back() = 1;
  return {dnnl::matmul::desc(a, b, dnnl::memory::desc(dims, type, strides), c), attributes, engine};
}

/// A primitive, and how its right factor gets into the layout that it takes.
struct Plan {
  Plan(const MatmulDesc &desc, const Problem &problem, const dnnl::engine &engine)
      : product(makePrimitive(desc, problem, engine)) {
    auto bytes = [](const dnnl::memory::desc &layout) { return static_cast<int64_t>(layout.get_size()); };
    scratchBytes = bytes(product.scratchpad_desc());
    dnnl::memory::desc there = rightFactor(desc, problem);
    if (product.weights_desc() == there)
      return;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    move.emplace(engine, there, engine, product.weights_desc(), attributes);
    packedOffset = (std::max(scratchBytes, bytes(move->scratchpad_desc())) + 63) / 64 * 64;
    scratchBytes = packedOffset + bytes(product.weights_desc());
  }

  dnnl::matmul::primitive_desc product;
  std::optional<dnnl::reorder::primitive_desc> move;
  /// In the scratchpad: what the primitives use, one at a time, then the packed factor.
  int64_t packedOffset = 0, scratchBytes = 0;
};

class OneDnnMatmul final : public Matmul {
public:
  OneDnnMatmul(Engine &engine, const MatmulDesc &desc)
      : elementBytes(desc.dtype == MatmulType::F32 ? 4 : 2), stream(engine.stream), problem(makeProblem(desc)),
        plan(desc, problem, engine.engine), primitive(dnnl::matmul(plan.product)) {
    auto make = [&](const dnnl::memory::desc &layout) {
      return operands.emplace_back(layout, engine.engine, nullptr).get();
    };
    auto bind = [&](int role, const dnnl::memory::desc &layout) {
      arguments.push_back({role, make(layout)});
      return arguments.back().memory;
    };
    operands.reserve(7);
    left = bind(DNNL_ARG_SRC, plan.product.src_desc());
    right = bind(DNNL_ARG_WEIGHTS, plan.product.weights_desc());
    c = bind(DNNL_ARG_DST, plan.product.dst_desc());
    if (desc.bias)
      bias = bind(DNNL_ARG_BIAS, plan.product.bias_desc());
    if (plan.product.scratchpad_desc().get_size() > 0)
      scratchpad = bind(DNNL_ARG_SCRATCHPAD, plan.product.scratchpad_desc());
    if (!plan.move)
      return;
    packing = dnnl::reorder(*plan.move);
    moveArguments = {{DNNL_ARG_FROM, make(rightFactor(desc, problem))},
                     {DNNL_ARG_TO, right},
                     {DNNL_ARG_SCRATCHPAD, make(plan.move->scratchpad_desc())}};
  }

  int64_t scratchBytes() const override { return plan.scratchBytes; }
  std::string implementation() const override {
    return plan.product.impl_info_str() + std::string(plan.move ? " + packing" : "");
  }

  const char *run(const void *aData, const void *bData, const void *biasData, void *cData,
                  void *scratchData) noexcept override {
    if (!aData || !bData || !cData || (bias && !biasData) || (scratchBytes() > 0 && !scratchData))
      return "an operand is null";
    set(left, problem.swapped ? bData : aData);
    const void *rightData = problem.swapped ? aData : bData;
    set(right, rightData);
    if (bias)
      set(bias, biasData);
    if (scratchpad)
      set(scratchpad, scratchData);
    if (plan.move) {
      set(moveArguments[0].memory, rightData);
      set(right, static_cast<char *>(scratchData) + plan.packedOffset);
      set(moveArguments[2].memory, scratchData);
      if (dnnl_status_t status = execute(packing, moveArguments); status != dnnl_success)
        return dnnl_status2str(status);
    }
    for (int64_t offset : problem.resultOffsets) {
      set(c, static_cast<const char *>(cData) + offset * elementBytes);
      if (dnnl_status_t status = execute(primitive, arguments); status != dnnl_success)
        return dnnl_status2str(status);
    }
    return nullptr;
  }

private:
  static void set(dnnl_memory_t memory, const void *data) {
    // The library's handles are not const, also where it only reads.
    dnnl_memory_set_data_handle(memory, const_cast<void *>(data));
  }
  dnnl_status_t execute(const dnnl::primitive &what, const std::vector<dnnl_exec_arg_t> &with) noexcept {
    return dnnl_primitive_execute(what.get(), stream.get(), static_cast<int>(with.size()), with.data());
  }

  int64_t elementBytes;
  dnnl::stream stream;
  Problem problem;
  Plan plan;
  dnnl::primitive primitive, packing;
  std::vector<dnnl::memory> operands;
  std::vector<dnnl_exec_arg_t> arguments, moveArguments;
  dnnl_memory_t left = nullptr, right = nullptr, c = nullptr, bias = nullptr, scratchpad = nullptr;
};

int64_t elementBytes(const MatmulDesc &desc) { return desc.dtype == MatmulType::F32 ? 4 : 2; }

/// The distance between columns of the left factor from which on a part's are worth copying.
constexpr int64_t kFarColumnBytes = 64 << 10;

/// A product of some rows whose left factor has its columns far apart: they are brought side by side first.
class GatheringMatmul final : public Matmul {
public:
  GatheringMatmul(Engine &engine, const MatmulDesc &desc)
      : stream(engine.stream), product(engine, dense(desc)), bytes(desc.m * desc.k * elementBytes(desc)) {
    auto type = desc.dtype == MatmulType::F32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
    dnnl::memory::dims dims = {desc.m, desc.k};
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    dnnl::reorder::primitive_desc plan(engine.engine, {dims, type, dnnl::memory::dims{1, desc.aStrides[1]}},
                                       engine.engine, {dims, type, dnnl::memory::dims{desc.k, 1}}, attributes);
    move = dnnl::reorder(plan);
    for (const dnnl::memory::desc &layout : {plan.src_desc(), plan.dst_desc(), plan.scratchpad_desc()})
      memories.emplace_back(layout, engine.engine, nullptr);
    // In the scratchpad: what the primitives use, one at a time, then the rows.
    offset = std::max(product.scratchBytes(), static_cast<int64_t>(plan.scratchpad_desc().get_size()));
    offset = (offset + 63) / 64 * 64;
  }

  static bool wants(const MatmulDesc &desc) {
    return desc.aStrides[0] == 1 && desc.aStrides[1] * elementBytes(desc) >= kFarColumnBytes &&
           desc.k >= kMinPackedRows && desc.n >= kMinPackedRows;
  }

  int64_t scratchBytes() const override { return offset + bytes; }
  std::string implementation() const override { return product.implementation() + " + rows"; }

  const char *run(const void *a, const void *b, const void *bias, void *c, void *scratch) noexcept override {
    void *rows = static_cast<char *>(scratch) + offset;
    const void *data[] = {a, rows, scratch};
    dnnl_exec_arg_t arguments[3];
    for (int i = 0; i < 3; ++i) {
      // The library's handles are not const, also where it only reads.
      dnnl_memory_set_data_handle(memories[i].get(), const_cast<void *>(data[i]));
      arguments[i] = {i == 0 ? DNNL_ARG_FROM : i == 1 ? DNNL_ARG_TO : DNNL_ARG_SCRATCHPAD, memories[i].get()};
    }
    if (dnnl_status_t status = dnnl_primitive_execute(move.get(), stream.get(), 3, arguments); status != dnnl_success)
      return dnnl_status2str(status);
    return product.run(rows, b, bias, c, scratch);
  }

private:
  static MatmulDesc dense(MatmulDesc desc) {
    desc.aStrides = {desc.k, 1};
    return desc;
  }

  dnnl::stream stream;
  OneDnnMatmul product;
  int64_t bytes, offset = 0;
  dnnl::primitive move;
  std::vector<dnnl::memory> memories;
};

/// How a large product is cut: into parts of so many rows and columns, which threads take as they are free. Which parts
/// there are does not depend on the number of threads, and neither do the bits of the result.
struct Parts {
  int64_t rows, columns;

  explicit Parts(const MatmulDesc &desc) : rows(desc.m), columns(desc.n) {
    // A left factor that is read by columns is copied for each part, and so is the right one: its parts are wide.
    bool byColumns = desc.aStrides[1] != 1;
    rows = std::min(rows, GatheringMatmul::wants(desc) ? kGatheredRows : byColumns ? kNarrowRows : kRows);
    columns = std::min(columns, byColumns ? kWideColumns : kColumns);
  }

  /// Below so many multiply-adds a product is over before threads have shared it.
  static bool wants(const MatmulDesc &desc) {
    Parts parts(desc);
    return desc.batch.empty() && desc.cStrides[1] == 1 && desc.m * desc.n >= 4 * parts.rows * parts.columns &&
           desc.m * desc.n * desc.k >= kLeastWork;
  }

  int64_t across(const MatmulDesc &desc) const { return (desc.n + columns - 1) / columns; }
  int64_t count(const MatmulDesc &desc) const { return (desc.m + rows - 1) / rows * across(desc); }

  static constexpr int64_t kRows = 256, kColumns = 384, kNarrowRows = 128, kWideColumns = 1536, kGatheredRows = 512;
  static constexpr int64_t kLeastWork = 1 << 26;
};

/// Whatever the library reads of the number of threads, it shall read 1.
class OneThread {
public:
  OneThread() : before(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before); }
  OneThread(const OneThread &) = delete;
  OneThread &operator=(const OneThread &) = delete;

private:
  int before;
};

class PartedMatmul final : public Matmul {
public:
  PartedMatmul(Engine &engine, const MatmulDesc &desc, int count) : desc(desc), parts(desc) {
    OneThread one;
    for (int i = 0; i < count; ++i)
      threads.emplace_back(engine, desc, parts);
    for (const auto &product : threads.front().products)
      stride = std::max(stride, product ? (product->scratchBytes() + 63) / 64 * 64 : 0);
  }

  int64_t scratchBytes() const override { return stride * static_cast<int64_t>(threads.size()); }
  std::string implementation() const override {
    return threads.front().products[0]->implementation() + " in " + std::to_string(parts.count(desc)) + " parts";
  }

  const char *run(const void *a, const void *b, const void *bias, void *c, void *scratch) noexcept override {
    if (!a || !b || !c || (desc.bias && !bias) || (stride > 0 && !scratch))
      return "an operand is null";
    const char *fault = nullptr;
    int64_t width = elementBytes(desc), across = parts.across(desc), count = parts.count(desc);
#pragma omp parallel for schedule(dynamic, 1) num_threads(static_cast <int>(threads.size()))
    for (int64_t part = 0; part < count; ++part) {
      int thread = omp_get_thread_num();
      int64_t row = part / across * parts.rows, column = part % across * parts.columns;
      bool lastRows = desc.m - row < parts.rows, lastColumns = desc.n - column < parts.columns;
      auto at = [&](const void *base, int64_t element) { return static_cast<const char *>(base) + element * width; };
      const char *said = threads[thread].products[2 * lastRows + lastColumns]->run(
          at(a, row * desc.aStrides[0]), at(b, column * desc.bStrides[1]), desc.bias ? at(bias, column) : nullptr,
          const_cast<char *>(at(c, row * desc.cStrides[0] + column)), static_cast<char *>(scratch) + thread * stride);
      if (said)
#pragma omp atomic write
        fault = said;
    }
    return fault;
  }

private:
  /// A thread's own primitives: of whole parts, of those with the last columns, with the last rows, and with both.
  struct Thread {
    Thread(Engine &engine, const MatmulDesc &desc, const Parts &parts) {
      for (int which = 0; which < 4; ++which) {
        MatmulDesc part = desc;
        part.m = which & 2 ? desc.m % parts.rows : parts.rows;
        part.n = which & 1 ? desc.n % parts.columns : parts.columns;
        if (part.m == 0 || part.n == 0)
          continue;
        if (GatheringMatmul::wants(part))
          products[which] = std::make_unique<GatheringMatmul>(engine, part);
        else
          products[which] = std::make_unique<OneDnnMatmul>(engine, part);
      }
    }
    std::unique_ptr<Matmul> products[4];
  };

  MatmulDesc desc;
  Parts parts;
  std::vector<Thread> threads;
  int64_t stride = 0;
};

/// A large product of f32, in parts that threads take as they are free. The routine adds to what is in the result, so
/// bias is written there first.
class BlasMatmul final : public Matmul {
public:
  BlasMatmul(const MatmulDesc &desc, int threads)
      : desc(desc), threads(threads), leftByColumns(desc.aStrides[1] != 1), rightByColumns(desc.bStrides[1] != 1) {
    rows = desc.m, columns = desc.n;
    if (desc.m > desc.n && leftByColumns) {
      // Rows are what is cut, and in no more parts than needed: the shorter the runs of a column, the slower the
      // routine copies them.
      int64_t most = std::max(kFewParts, desc.m / kWide);
      rows = evenPart(desc.m, std::clamp<int64_t>(desc.m / kLeastRows, 1, most));
      return;
    }
    int64_t across = (desc.n + kColumns - 1) / kColumns;
    bool isWide = desc.n >= kFewParts * kWide;
    columns = isWide ? evenPart(desc.n, desc.n / kWide) : std::min(desc.n, kColumns);
    if (!isWide)
      rows = evenPart(desc.m, (desc.m + kRows - 1) / kRows * (across == 1 ? 2 : 1));
  }

  /// Of one operand a dimension must be contiguous, of the result the rows; and the product be worth cutting.
  static bool wants(const MatmulDesc &desc) {
    auto dense = [](const std::vector<int64_t> &strides, int64_t rows, int64_t columns) {
      return (strides[1] == 1 && strides[0] >= columns) || (strides[0] == 1 && strides[1] >= rows);
    };
    return desc.dtype == MatmulType::F32 && desc.batch.empty() && desc.m * desc.n * desc.k >= kLeastWork &&
           std::min({desc.m, desc.n, desc.k}) >= kMinPackedRows && dense(desc.aStrides, desc.m, desc.k) &&
           dense(desc.bStrides, desc.k, desc.n) && desc.cStrides[1] == 1 && desc.cStrides[0] >= desc.n;
  }

  int64_t scratchBytes() const override { return 0; }
  std::string implementation() const override {
    int64_t parts = (desc.m + rows - 1) / rows * ((desc.n + columns - 1) / columns);
    return "sgemm in " + std::to_string(parts) + " parts";
  }

  const char *run(const void *a, const void *b, const void *bias, void *c, void *) noexcept override {
    if (!a || !b || !c || (desc.bias && !bias))
      return "an operand is null";
    int64_t across = (desc.n + columns - 1) / columns, count = (desc.m + rows - 1) / rows * across;
    dnnl_status_t status = dnnl_success;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (int64_t part = 0; part < count; ++part) {
      dnnl_status_t done =
          runPart(part / across * rows, part % across * columns, static_cast<const float *>(a),
                  static_cast<const float *>(b), static_cast<const float *>(bias), static_cast<float *>(c));
      if (done != dnnl_success)
#pragma omp atomic write
        status = done;
    }
    return status == dnnl_success ? nullptr : dnnl_status2str(status);
  }

private:
  dnnl_status_t runPart(int64_t row, int64_t column, const float *a, const float *b, const float *bias,
                        float *c) const noexcept {
    int64_t m = std::min(rows, desc.m - row), n = std::min(columns, desc.n - column);
    float *result = c + row * desc.cStrides[0] + column;
    if (bias)
      for (int64_t i = 0; i < m; ++i)
        for (int64_t j = 0; j < n; ++j) {
          float &sum = result[i * desc.cStrides[0] + j];
          sum = bias[column + j] + (desc.accumulate ? sum : 0);
        }
    OneThread one;
    return dnnl_sgemm(leftByColumns ? 'T' : 'N', rightByColumns ? 'T' : 'N', m, n, desc.k, 1,
                      a + row * desc.aStrides[0], leftByColumns ? desc.aStrides[1] : desc.aStrides[0],
                      b + column * desc.bStrides[1], rightByColumns ? desc.bStrides[1] : desc.bStrides[0],
                      bias || desc.accumulate ? 1 : 0, result, desc.cStrides[0]);
  }

  static int64_t evenPart(int64_t length, int64_t count) { return ((length + count - 1) / count + 15) / 16 * 16; }

  /// The routine takes 384 columns at a time, and parts of other widths end with a narrow rest.
  static constexpr int64_t kRows = 512, kColumns = 768, kLeastRows = 1536, kWide = 3072, kFewParts = 4;
  static constexpr int64_t kLeastWork = 1 << 26;

  MatmulDesc desc;
  int threads;
  bool leftByColumns, rightByColumns;
  int64_t rows = 0, columns = 0;
};

/// The product of a description without faults, for so many threads.
std::unique_ptr<Matmul> makeProduct(Engine &engine, const MatmulDesc &desc, int threads) {
  if (BlasMatmul::wants(desc))
    return std::make_unique<BlasMatmul>(desc, threads);
  if (Parts::wants(desc))
    return std::make_unique<PartedMatmul>(engine, desc, threads);
  return std::make_unique<OneDnnMatmul>(engine, desc);
}

} // namespace

std::unique_ptr<MatmulEngine> MatmulEngine::create() { return std::make_unique<Engine>(); }

std::unique_ptr<Matmul> Matmul::create(MatmulEngine &engine, const MatmulDesc &desc, std::string &error) {
  if (const char *fault = findFault(desc)) {
    error = fault;
    return nullptr;
  }
  if (desc.library == MatmulLibrary::Weft)
    return createProduct(desc, error);
  try {
    return makeProduct(static_cast<Engine &>(engine), desc, omp_get_max_threads());
  } catch (const dnnl::error &fault) {
    error = std::string("oneDNN: ") + fault.what();
    return nullptr;
  }
}

MatmulLibrary weft::chooseMatmulLibrary(MatmulType type, const std::vector<std::string> &features) {
  bool hasBf16 = std::any_of(features.begin(), features.end(), [](const std::string &feature) {
    return feature == "avx512bf16" || feature == "amx-bf16";
  });
  return type == MatmulType::F32 || hasBf16 ? MatmulLibrary::OneDnn : MatmulLibrary::Weft;
}

int64_t weft::matmulScratchBytes(const MatmulDesc &desc, int threads, std::string *error) {
  if (desc.library == MatmulLibrary::Weft && !findFault(desc))
    return productScratchBytes(desc);
  int before = omp_get_max_threads();
  if (threads > 0)
    omp_set_num_threads(threads);
  int64_t bytes = -1;
  const char *fault = findFault(desc);
  std::string message = fault ? fault : "";
  try {
    if (Engine engine; !fault)
      bytes = makeProduct(engine, desc, omp_get_max_threads())->scratchBytes();
  } catch (const dnnl::error &caught) {
    message = std::string("oneDNN: ") + caught.what();
  }
  omp_set_num_threads(before);
  if (error)
    *error = message;
  return bytes;
}

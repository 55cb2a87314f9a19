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
// it is transposed a panel of rows at a time.
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

/// Rows of a panel, and the distance between columns from which on panels are worth their copies.
constexpr int64_t kPanelRows = 2048, kPanelStrideBytes = 64 << 10;

bool wantsPanels(const MatmulDesc &desc) {
  int64_t bytes = desc.dtype == MatmulType::F32 ? 4 : 2;
  return desc.batch.empty() && desc.m >= 2 * kPanelRows && desc.k >= kMinPackedRows && desc.n >= kMinPackedRows &&
         desc.aStrides[0] == 1 && desc.aStrides[1] * bytes >= kPanelStrideBytes && desc.cStrides[1] == 1;
}

/// Some rows of a product, of a left factor that lies dense.
MatmulDesc panelOf(MatmulDesc desc, int64_t rows) {
  desc.m = rows;
  desc.aStrides = {desc.k, 1};
  return desc;
}

/// The copy of a panel of the left factor.
dnnl::reorder::primitive_desc panelMove(const MatmulDesc &desc, int64_t rows, const dnnl::engine &engine) {
  auto type = desc.dtype == MatmulType::F32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
  dnnl::memory::dims dims = {rows, desc.k};
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return {engine,
          {dims, type, dnnl::memory::dims{1, desc.aStrides[1]}},
          engine,
          {dims, type, dnnl::memory::dims{desc.k, 1}},
          attributes};
}

/// Where things are in the scratchpad of a product by panels: what the primitives use, one at a time, then a panel.
struct PanelScratch {
  PanelScratch(const MatmulDesc &desc, const dnnl::engine &engine) {
    for (int64_t rows : {kPanelRows, desc.m % kPanelRows}) {
      if (!rows)
        continue;
      MatmulDesc panel = panelOf(desc, rows);
      offset = std::max({offset, Plan(panel, makeProblem(panel), engine).scratchBytes,
                         static_cast<int64_t>(panelMove(desc, rows, engine).scratchpad_desc().get_size())});
    }
    offset = (offset + 63) / 64 * 64;
    bytes = offset + kPanelRows * desc.k * (desc.dtype == MatmulType::F32 ? 4 : 2);
  }
  int64_t offset = 0, bytes = 0;
};

class PanelledMatmul final : public Matmul {
public:
  PanelledMatmul(Engine &engine, const MatmulDesc &desc)
      : desc(desc), stream(engine.stream), scratch(desc, engine.engine) {
    for (int64_t first = 0; first < desc.m; first += kPanelRows) {
      int64_t rows = std::min(kPanelRows, desc.m - first);
      // At most two sizes: all others are like the first.
      if (parts.empty() || parts.back()->rows != rows)
        parts.push_back(std::make_unique<Part>(engine, desc, rows));
    }
  }

  int64_t scratchBytes() const override { return scratch.bytes; }
  std::string implementation() const override { return parts.front()->product.implementation() + " by panels"; }

  const char *run(const void *a, const void *b, const void *bias, void *c, void *scratchData) noexcept override {
    if (!a || !b || !c || !scratchData)
      return "an operand is null";
    int64_t bytes = desc.dtype == MatmulType::F32 ? 4 : 2;
    void *panel = static_cast<char *>(scratchData) + scratch.offset;
    for (int64_t first = 0; first < desc.m; first += kPanelRows) {
      Part &part = desc.m - first >= kPanelRows ? *parts.front() : *parts.back();
      const void *data[] = {static_cast<const char *>(a) + first * bytes, panel, scratchData};
      dnnl_exec_arg_t arguments[3];
      for (int i = 0; i < 3; ++i) {
        // The library's handles are not const, also where it only reads.
        dnnl_memory_set_data_handle(part.memories[i].get(), const_cast<void *>(data[i]));
        arguments[i] = {i == 0 ? DNNL_ARG_FROM : i == 1 ? DNNL_ARG_TO : DNNL_ARG_SCRATCHPAD, part.memories[i].get()};
      }
      if (dnnl_status_t status = dnnl_primitive_execute(part.move.get(), stream.get(), 3, arguments);
          status != dnnl_success)
        return dnnl_status2str(status);
      char *rows = static_cast<char *>(c) + first * desc.cStrides[0] * bytes;
      if (const char *fault = part.product.run(panel, b, bias, rows, scratchData))
        return fault;
    }
    return nullptr;
  }

private:
  /// The product of so many rows, and the copy before it.
  struct Part {
    Part(Engine &engine, const MatmulDesc &desc, int64_t rows) : rows(rows), product(engine, panelOf(desc, rows)) {
      dnnl::reorder::primitive_desc plan = panelMove(desc, rows, engine.engine);
      move = dnnl::reorder(plan);
      for (const dnnl::memory::desc &layout : {plan.src_desc(), plan.dst_desc(), plan.scratchpad_desc()})
        memories.emplace_back(layout, engine.engine, nullptr);
    }
    int64_t rows;
    OneDnnMatmul product;
    dnnl::primitive move;
    std::vector<dnnl::memory> memories;
  };

  MatmulDesc desc;
  dnnl::stream stream;
  PanelScratch scratch;
  std::vector<std::unique_ptr<Part>> parts;
};

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
    auto &library = static_cast<Engine &>(engine);
    if (wantsPanels(desc))
      return std::make_unique<PanelledMatmul>(library, desc);
    return std::make_unique<OneDnnMatmul>(library, desc);
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
    if (!fault) {
      dnnl::engine engine(dnnl::engine::kind::cpu, 0);
      bytes = wantsPanels(desc) ? PanelScratch(desc, engine).bytes : Plan(desc, makeProblem(desc), engine).scratchBytes;
    }
  } catch (const dnnl::error &caught) {
    message = std::string("oneDNN: ") + caught.what();
  }
  omp_set_num_threads(before);
  if (error)
    *error = message;
  return bytes;
}

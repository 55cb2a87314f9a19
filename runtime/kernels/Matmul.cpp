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
//===----------------------------------------------------------------------===//

#include "kernels/Matmul.h"

#include "kernels/Product.h"

#include <algorithm>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <oneapi/dnnl/dnnl_debug.h>

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

dnnl::matmul::primitive_desc makePrimitive(const MatmulDesc &desc, const Problem &problem, const dnnl::engine &engine) {
  auto type = desc.dtype == MatmulType::F32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
  dnnl::memory::desc a(problem.aDims, type, problem.aStrides), b(problem.bDims, type, problem.bStrides),
      c(problem.cDims, type, problem.cStrides);
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

class OneDnnMatmul final : public Matmul {
public:
  OneDnnMatmul(Engine &engine, const MatmulDesc &desc)
      : elementBytes(desc.dtype == MatmulType::F32 ? 4 : 2), stream(engine.stream), problem(makeProblem(desc)),
        plan(makePrimitive(desc, problem, engine.engine)), primitive(plan) {
    auto bind = [&](int role, const dnnl::memory::desc &layout) {
      operands.emplace_back(layout, engine.engine, nullptr);
      arguments.push_back({role, operands.back().get()});
      return arguments.back().memory;
    };
    operands.reserve(5);
    a = bind(problem.swapped ? DNNL_ARG_WEIGHTS : DNNL_ARG_SRC,
             problem.swapped ? plan.weights_desc() : plan.src_desc());
    b = bind(problem.swapped ? DNNL_ARG_SRC : DNNL_ARG_WEIGHTS,
             problem.swapped ? plan.src_desc() : plan.weights_desc());
    c = bind(DNNL_ARG_DST, plan.dst_desc());
    if (desc.bias)
      bias = bind(DNNL_ARG_BIAS, plan.bias_desc());
    if (scratchBytes() > 0)
      scratchpad = bind(DNNL_ARG_SCRATCHPAD, plan.scratchpad_desc());
  }

  int64_t scratchBytes() const override { return static_cast<int64_t>(plan.scratchpad_desc().get_size()); }
  std::string implementation() const override { return plan.impl_info_str(); }

  const char *run(const void *aData, const void *bData, const void *biasData, void *cData,
                  void *scratchData) noexcept override {
    if (!aData || !bData || !cData || (bias && !biasData) || (scratchpad && !scratchData))
      return "an operand is null";
    set(a, aData);
    set(b, bData);
    if (bias)
      set(bias, biasData);
    if (scratchpad)
      set(scratchpad, scratchData);
    for (int64_t offset : problem.resultOffsets) {
      set(c, static_cast<const char *>(cData) + offset * elementBytes);
      dnnl_status_t status =
          dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(arguments.size()), arguments.data());
      if (status != dnnl_success)
        return dnnl_status2str(status);
    }
    return nullptr;
  }

private:
  static void set(dnnl_memory_t memory, const void *data) {
    // The library's handles are not const, also where it only reads.
    dnnl_memory_set_data_handle(memory, const_cast<void *>(data));
  }

  int64_t elementBytes;
  dnnl::stream stream;
  Problem problem;
  dnnl::matmul::primitive_desc plan;
  dnnl::matmul primitive;
  std::vector<dnnl::memory> operands;
  std::vector<dnnl_exec_arg_t> arguments;
  dnnl_memory_t a = nullptr, b = nullptr, c = nullptr, bias = nullptr, scratchpad = nullptr;
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
    return std::make_unique<OneDnnMatmul>(static_cast<Engine &>(engine), desc);
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
      bytes = static_cast<int64_t>(makePrimitive(desc, makeProblem(desc), engine).scratchpad_desc().get_size());
    }
  } catch (const dnnl::error &caught) {
    message = std::string("oneDNN: ") + caught.what();
  }
  omp_set_num_threads(before);
  if (error)
    *error = message;
  return bytes;
}

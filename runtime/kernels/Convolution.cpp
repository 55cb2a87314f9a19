//===- Convolution.cpp - A prepared convolution ---------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The library's fast convolutions want layouts of their own (channels in blocks
// of a vector's width). It is asked for the one it likes best; what lies
// otherwise is reordered into the scratchpad before, and the result out of it
// after. docs/convolution.md says why layouts are not propagated.
//
//===----------------------------------------------------------------------===//

#include "kernels/Convolution.h"

#include <algorithm>
#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>
#include <oneapi/dnnl/dnnl_debug.h>

using namespace weft;
using namespace weft::rt;

Convolution::~Convolution() = default;

namespace {

using memory = dnnl::memory;

constexpr int64_t kAlignment = 64;

int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

/// Null when `desc` is well formed.
const char *findFault(const ConvolutionDesc &desc) {
  size_t rank = desc.input.size();
  if (rank < 3 || rank > 5)
    return "not 1 to 3 spatial dimensions";
  if (desc.filter.size() != rank || desc.output.size() != rank)
    return "the tensors differ in rank";
  for (const auto *list : {&desc.strides, &desc.low, &desc.high, &desc.dilations})
    if (list->size() != rank - 2)
      return "a list has another length than there are spatial dimensions";
  if (desc.filter[1] <= 0 || desc.input[1] % desc.filter[1] != 0)
    return "the filter's channels do not divide the input's";
  int64_t groups = desc.input[1] / desc.filter[1];
  if (desc.filter[0] != desc.output[1] || desc.output[1] % groups != 0)
    return "the groups do not divide the output's channels";
  return nullptr;
}

/// A dense row-major tensor.
memory::desc rowMajor(const memory::dims &dims) {
  memory::dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = strides[i] * dims[i];
  return {dims, memory::data_type::f32, strides};
}

memory::desc anyLayout(const memory::dims &dims) { return {dims, memory::data_type::f32, memory::format_tag::any}; }

/// What the library is asked to build, and the tensors as they lie in the arena.
struct Plan {
  memory::desc input, filter, output;                   ///< as they are
  memory::desc inputWanted, filterWanted, outputWanted; ///< as the implementation takes them
  memory::desc scratchpad;
  std::string implementation;
  dnnl::primitive primitive;
};

template <typename PrimitiveDesc> void takeFacts(Plan &plan, const PrimitiveDesc &desc) {
  plan.scratchpad = desc.scratchpad_desc();
  plan.implementation = desc.impl_info_str();
}

Plan makePlan(const ConvolutionDesc &desc, const dnnl::engine &engine) {
  auto dims = [](const std::vector<int64_t> &shape) { return memory::dims(shape.begin(), shape.end()); };
  int64_t groups = desc.input[1] / desc.filter[1];
  memory::dims input = dims(desc.input), filter = dims(desc.filter), output = dims(desc.output);
  // A filter of several groups has a dimension for them.
  if (groups > 1) {
    filter[0] /= groups;
    filter.insert(filter.begin(), groups);
  }
  memory::dims strides = dims(desc.strides), low = dims(desc.low), high = dims(desc.high), dilations;
  for (int64_t dilation : desc.dilations)
    dilations.push_back(dilation - 1);

  Plan plan;
  plan.input = rowMajor(input);
  plan.filter = rowMajor(filter);
  plan.output = rowMajor(output);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto algorithm = dnnl::algorithm::convolution_direct;
  dnnl::convolution_forward::primitive_desc forward({dnnl::prop_kind::forward_training, algorithm, anyLayout(input),
                                                     anyLayout(filter), anyLayout(output), strides, dilations, low,
                                                     high},
                                                    attributes, engine);
  switch (desc.kind) {
  case ConvolutionDesc::Forward:
    takeFacts(plan, forward);
    plan.inputWanted = forward.src_desc();
    plan.filterWanted = forward.weights_desc();
    plan.outputWanted = forward.dst_desc();
    plan.primitive = dnnl::convolution_forward(forward);
    break;
  case ConvolutionDesc::InputGrad: {
    dnnl::convolution_backward_data::primitive_desc backward(
        {algorithm, anyLayout(input), anyLayout(filter), anyLayout(output), strides, dilations, low, high}, attributes,
        engine, forward);
    takeFacts(plan, backward);
    plan.inputWanted = backward.diff_src_desc();
    plan.filterWanted = backward.weights_desc();
    plan.outputWanted = backward.diff_dst_desc();
    plan.primitive = dnnl::convolution_backward_data(backward);
    break;
  }
  case ConvolutionDesc::WeightGrad: {
    dnnl::convolution_backward_weights::primitive_desc backward(
        {algorithm, anyLayout(input), anyLayout(filter), anyLayout(output), strides, dilations, low, high}, attributes,
        engine, forward);
    takeFacts(plan, backward);
    plan.inputWanted = backward.src_desc();
    plan.filterWanted = backward.diff_weights_desc();
    plan.outputWanted = backward.diff_dst_desc();
    plan.primitive = dnnl::convolution_backward_weights(backward);
    break;
  }
  }
  return plan;
}

class OneDnnConvolution final : public Convolution {
public:
  explicit OneDnnConvolution(const ConvolutionDesc &desc)
      : engine(dnnl::engine::kind::cpu, 0), stream(engine), plan(makePlan(desc, engine)) {
    switch (desc.kind) {
    case ConvolutionDesc::Forward:
      add(operands[0], DNNL_ARG_SRC, plan.input, plan.inputWanted);
      add(operands[1], DNNL_ARG_WEIGHTS, plan.filter, plan.filterWanted);
      add(result, DNNL_ARG_DST, plan.output, plan.outputWanted);
      break;
    case ConvolutionDesc::InputGrad:
      add(operands[0], DNNL_ARG_DIFF_DST, plan.output, plan.outputWanted);
      add(operands[1], DNNL_ARG_WEIGHTS, plan.filter, plan.filterWanted);
      add(result, DNNL_ARG_DIFF_SRC, plan.input, plan.inputWanted);
      break;
    case ConvolutionDesc::WeightGrad:
      add(operands[0], DNNL_ARG_SRC, plan.input, plan.inputWanted);
      add(operands[1], DNNL_ARG_DIFF_DST, plan.output, plan.outputWanted);
      add(result, DNNL_ARG_DIFF_WEIGHTS, plan.filter, plan.filterWanted);
      break;
    }
    layOut();
  }

  int64_t scratchBytes() const override { return bytes; }
  std::string implementation() const override {
    int reorders = operands[0].reorder + operands[1].reorder + result.reorder;
    return plan.implementation + (reorders ? " + " + std::to_string(reorders) + " reorders" : "");
  }

  const char *run(const void *a, const void *b, void *c, void *scratch) noexcept override {
    if (!a || !b || !c || (bytes > 0 && !scratch))
      return "an operand is null";
    char *base = static_cast<char *>(scratch);
    // The library's handles are not const, also where it only reads.
    bind(operands[0], const_cast<void *>(a), base);
    bind(operands[1], const_cast<void *>(b), base);
    bind(result, c, base);
    dnnl_status_t status = dnnl_success;
    for (Tensor *operand : {&operands[0], &operands[1]})
      if (operand->reorder && status == dnnl_success)
        status = execute(*operand, operand->there, operand->wanted, base);
    if (status == dnnl_success) {
      dnnl_exec_arg_t arguments[] = {{operands[0].role, operands[0].wanted.get()},
                                     {operands[1].role, operands[1].wanted.get()},
                                     {result.role, result.wanted.get()},
                                     {DNNL_ARG_SCRATCHPAD, scratchpad.get()}};
      dnnl_memory_set_data_handle(scratchpad.get(), base + scratchpadOffset);
      status = dnnl_primitive_execute(plan.primitive.get(), stream.get(), 4, arguments);
    }
    if (result.reorder && status == dnnl_success)
      status = execute(result, result.wanted, result.there, base);
    return status == dnnl_success ? nullptr : dnnl_status2str(status);
  }

private:
  /// A tensor as it lies and as the library takes it: two memories where these differ.
  struct Tensor {
    int role = 0;
    bool reorder = false;
    memory there, wanted;
    dnnl::primitive move;
    memory moveScratchpad;
    int64_t bytes = 0, offset = 0;
  };

  void add(Tensor &tensor, int role, const memory::desc &there, const memory::desc &wanted) {
    tensor.role = role;
    tensor.there = memory(there, engine, nullptr);
    tensor.wanted = memory(wanted, engine, nullptr);
    tensor.reorder = there != wanted;
    tensor.bytes = tensor.reorder ? static_cast<int64_t>(wanted.get_size()) : 0;
    if (!tensor.reorder)
      return;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    bool isResult = &tensor == &result;
    dnnl::reorder::primitive_desc move(engine, isResult ? wanted : there, engine, isResult ? there : wanted,
                                       attributes);
    tensor.move = dnnl::reorder(move);
    tensor.moveScratchpad = memory(move.scratchpad_desc(), engine, nullptr);
  }

  /// Copies one after the other, then what the primitives use one at a time.
  void layOut() {
    int64_t most = static_cast<int64_t>(plan.scratchpad.get_size());
    for (Tensor *tensor : {&operands[0], &operands[1], &result}) {
      tensor->offset = bytes;
      bytes += aligned(tensor->bytes);
      if (tensor->reorder)
        most = std::max(most, static_cast<int64_t>(tensor->moveScratchpad.get_desc().get_size()));
    }
    scratchpadOffset = bytes;
    bytes += aligned(most);
    scratchpad = memory(plan.scratchpad, engine, nullptr);
  }

  static void bind(Tensor &tensor, void *data, char *base) {
    dnnl_memory_set_data_handle(tensor.there.get(), data);
    dnnl_memory_set_data_handle(tensor.wanted.get(), tensor.reorder ? base + tensor.offset : data);
  }

  dnnl_status_t execute(Tensor &tensor, const memory &from, const memory &to, char *base) noexcept {
    dnnl_memory_set_data_handle(tensor.moveScratchpad.get(), base + scratchpadOffset);
    dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_FROM, from.get()}, {DNNL_ARG_TO, to.get()}, {DNNL_ARG_SCRATCHPAD, tensor.moveScratchpad.get()}};
    return dnnl_primitive_execute(tensor.move.get(), stream.get(), 3, arguments);
  }

  dnnl::engine engine;
  dnnl::stream stream;
  Plan plan;
  Tensor operands[2], result;
  memory scratchpad;
  int64_t bytes = 0, scratchpadOffset = 0;
};

} // namespace

std::unique_ptr<Convolution> Convolution::create(const ConvolutionDesc &desc, std::string &error) {
  if (const char *fault = findFault(desc)) {
    error = fault;
    return nullptr;
  }
  try {
    return std::make_unique<OneDnnConvolution>(desc);
  } catch (const dnnl::error &fault) {
    error = std::string("oneDNN: ") + fault.what();
    return nullptr;
  }
}

int64_t weft::convolutionScratchBytes(const ConvolutionDesc &desc, int threads, std::string *error) {
  int before = omp_get_max_threads();
  if (threads > 0)
    omp_set_num_threads(threads);
  std::string message;
  std::unique_ptr<Convolution> convolution = Convolution::create(desc, message);
  omp_set_num_threads(before);
  if (error)
    *error = message;
  return convolution ? convolution->scratchBytes() : -1;
}

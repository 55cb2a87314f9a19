//===- CudnnAttention.cpp - Attention by cuDNN ----------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The only file that includes cuDNN's frontend, which takes half a minute and a
// gigabyte to compile. What the graphs mean is in docs/cuda.md.
//
//===----------------------------------------------------------------------===//

#include "core/Manifest.h"
#include "core/Text.h"
#include "device/Attention.h"
#include "device/Cudnn.h"
#include "device/Kernels.h"

#include <algorithm>
#include <cudnn_frontend.h>
#include <unordered_map>

using namespace weft::rt;
namespace fe = cudnn_frontend;

DeviceAttention::~DeviceAttention() = default;

namespace {

/// Names of the tensors of both graphs.
enum Tensor : int64_t { kQ = 1, kK, kV, kMask, kOut, kLse, kDOut, kDQ, kDK, kDV };

using Pack = std::unordered_map<fe::graph::Tensor_attributes::uid_t, void *>;

class CudnnAttention final : public DeviceAttention {
public:
  CudnnAttention(CudnnHandle &handle, const AttentionDesc &desc, const std::string &name);

  void plan(Pass pass) override;
  int64_t scratchBytes(Pass pass) const override {
    int64_t bytes = maskBytes + workspace[pass];
    return bytes > 0 ? bytes + kWorkspaceSlack : 0;
  }
  const char *forward(const AttentionForwardBuffers &buffers, void *scratch) noexcept override;
  const char *backward(const AttentionBackwardBuffers &buffers, void *scratch) noexcept override;

private:
  using Attributes = fe::graph::Tensor_attributes;

  fe::DataType_t elementType() const {
    return desc.dtype == AttentionDesc::BF16 ? fe::DataType_t::BFLOAT16 : fe::DataType_t::HALF;
  }
  std::shared_ptr<fe::graph::Graph> newGraph() const;
  Attributes tensor(Tensor id, const char *name, int64_t heads, int64_t length, int64_t width,
                    const int64_t (&strides)[4]) const;
  Attributes statistics() const;
  std::shared_ptr<Attributes> mask(fe::graph::Graph &graph) const;
  template <typename Options> void setMask(fe::graph::Graph &graph, Options &options) const;
  void describeForward(fe::graph::Graph &graph) const;
  void describeBackward(fe::graph::Graph &graph) const;
  const char *run(Pass pass, Pack &pack, const void *mask, void *scratch) noexcept;

  CudnnHandle &handle;
  AttentionDesc desc;
  std::string name;
  std::shared_ptr<fe::graph::Graph> graphs[2];
  /// What a boolean mask is turned into, and its bytes before the workspace.
  int64_t maskSizes[4] = {1, 1, 1, 1}, maskBytes = 0;
  int64_t workspace[2] = {0, 0};
  /// The library's words for the last failure.
  std::string fault;
};

} // namespace

CudnnAttention::CudnnAttention(CudnnHandle &handle, const AttentionDesc &desc, const std::string &name)
    : handle(handle), desc(desc), name(name) {
  if (desc.dtype == AttentionDesc::F32)
    throw InternalError(name + ": cuDNN's attention takes bf16 and f16");
  if (desc.mask == AttentionDesc::Boolean) {
    const int64_t whole[4] = {desc.batch, desc.heads, desc.queries, desc.keys};
    maskBytes = 4;
    for (int i = 0; i < 4; ++i) {
      // Queries and keys are written out, what is the same for all entries or heads is not.
      maskSizes[i] = i < 2 && desc.maskStrides[i] == 0 ? 1 : whole[i];
      maskBytes *= maskSizes[i];
    }
    maskBytes = (maskBytes + 255) / 256 * 256;
  }
}

/// Makes a result that the graph has made a tensor of the caller's.
static void setResult(fe::graph::Tensor_attributes &result, const fe::graph::Tensor_attributes &as) {
  result.set_output(true)
      .set_uid(as.get_uid())
      .set_name(as.get_name())
      .set_data_type(as.get_data_type())
      .set_dim(as.get_dim())
      .set_stride(as.get_stride());
}

void CudnnAttention::describeForward(fe::graph::Graph &graph) const {
  auto q = graph.tensor(tensor(kQ, "q", desc.heads, desc.queries, desc.head, desc.q));
  auto k = graph.tensor(tensor(kK, "k", desc.kvHeads, desc.keys, desc.head, desc.k));
  auto v = graph.tensor(tensor(kV, "v", desc.kvHeads, desc.keys, desc.valueHead, desc.v));
  auto options = fe::graph::SDPA_attributes().set_name("attention").set_generate_stats(true);
  setMask(graph, options);
  auto [out, lse] = graph.sdpa(q, k, v, options);
  setResult(*out, tensor(kOut, "out", desc.heads, desc.queries, desc.valueHead, desc.out));
  setResult(*lse, statistics());
}

void CudnnAttention::describeBackward(fe::graph::Graph &graph) const {
  auto q = graph.tensor(tensor(kQ, "q", desc.heads, desc.queries, desc.head, desc.q));
  auto k = graph.tensor(tensor(kK, "k", desc.kvHeads, desc.keys, desc.head, desc.k));
  auto v = graph.tensor(tensor(kV, "v", desc.kvHeads, desc.keys, desc.valueHead, desc.v));
  auto out = graph.tensor(tensor(kOut, "out", desc.heads, desc.queries, desc.valueHead, desc.out));
  auto dout = graph.tensor(tensor(kDOut, "dout", desc.heads, desc.queries, desc.valueHead, desc.dout));
  auto lse = graph.tensor(statistics());
  auto options =
      fe::graph::SDPA_backward_attributes().set_name("attention_grad").set_deterministic_algorithm(desc.deterministic);
  setMask(graph, options);
  auto [dq, dk, dv] = graph.sdpa_backward(q, k, v, out, dout, lse, options);
  setResult(*dq, tensor(kDQ, "dq", desc.heads, desc.queries, desc.head, desc.dq));
  setResult(*dk, tensor(kDK, "dk", desc.kvHeads, desc.keys, desc.head, desc.dk));
  setResult(*dv, tensor(kDV, "dv", desc.kvHeads, desc.keys, desc.valueHead, desc.dv));
}

void CudnnAttention::plan(Pass pass) {
  if (graphs[pass])
    return;
  auto graph = newGraph();
  pass == Forward ? describeForward(*graph) : describeBackward(*graph);
  fe::error_t status = graph->build(handle.get(), {fe::HeurMode_t::A});
  if (status.is_bad())
    throw InternalError(format("%s: cuDNN %zu has no %s pass for %s: %s", name.c_str(), cudnnGetVersion(),
                               pass == Forward ? "forward" : "backward", describeAttention(desc).c_str(),
                               status.get_message().c_str()));
  status = graph->get_workspace_size(workspace[pass]);
  if (status.is_bad())
    throw InternalError(name + ": cuDNN: " + status.get_message());
  if (scratchBytes(pass) > desc.scratch)
    throw InputError(format("%s needs %lld bytes of scratch memory with cuDNN %zu where the executable was planned for "
                            "%lld; use the version of cuDNN that it was planned for, or report this as a fault",
                            name.c_str(), static_cast<long long>(scratchBytes(pass)), cudnnGetVersion(),
                            static_cast<long long>(desc.scratch)));
  graphs[pass] = std::move(graph);
}

std::shared_ptr<fe::graph::Graph> CudnnAttention::newGraph() const {
  auto graph = std::make_shared<fe::graph::Graph>();
  graph->set_io_data_type(elementType())
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  return graph;
}

/// The manifest's strides are those of batch, position, head, element; the library's order is batch, head, position,
/// element.
CudnnAttention::Attributes CudnnAttention::tensor(Tensor id, const char *name, int64_t heads, int64_t length,
                                                  int64_t width, const int64_t (&strides)[4]) const {
  return Attributes()
      .set_name(name)
      .set_uid(id)
      .set_data_type(elementType())
      .set_dim({desc.batch, heads, length, width})
      .set_stride({strides[0], strides[2], strides[1], strides[3]});
}

/// The natural logarithm of each row's sum, dense.
CudnnAttention::Attributes CudnnAttention::statistics() const {
  return Attributes()
      .set_name("lse")
      .set_uid(kLse)
      .set_data_type(fe::DataType_t::FLOAT)
      .set_dim({desc.batch, desc.heads, desc.queries, 1})
      .set_stride({desc.heads * desc.queries, desc.queries, 1, 1});
}

std::shared_ptr<fe::graph::Tensor_attributes> CudnnAttention::mask(fe::graph::Graph &graph) const {
  std::vector<int64_t> sizes(4), strides(4);
  const int64_t whole[4] = {desc.batch, desc.heads, desc.queries, desc.keys};
  int64_t dense = 1;
  for (int i = 3; i >= 0; --i) {
    bool written = desc.mask == AttentionDesc::Boolean;
    sizes[i] = written ? maskSizes[i] : i < 2 && desc.maskStrides[i] == 0 ? 1 : whole[i];
    strides[i] = written ? dense : desc.maskStrides[i];
    // A dimension of size 1 still has a stride, which the library checks.
    if (sizes[i] == 1 && !written)
      strides[i] = std::max<int64_t>(strides[i], 1);
    dense *= sizes[i];
  }
  return graph.tensor(
      Attributes()
          .set_name("mask")
          .set_uid(kMask)
          .set_data_type(desc.mask == AttentionDesc::AdditiveNarrow ? elementType() : fe::DataType_t::FLOAT)
          .set_dim(sizes)
          .set_stride(strides));
}

template <typename Options> void CudnnAttention::setMask(fe::graph::Graph &graph, Options &options) const {
  options.set_attn_scale(desc.scale);
  if (desc.causal && desc.queries == desc.keys)
    options.set_causal_mask(true);
  else if (desc.causal)
    options.set_causal_mask_bottom_right(true);
  if (desc.mask != AttentionDesc::NoMask)
    options.set_bias(mask(graph));
}

const char *CudnnAttention::run(Pass pass, Pack &pack, const void *mask, void *scratch) noexcept try {
  plan(pass);
  for (const auto &[id, address] : pack)
    if (!address)
      return "an operand is null";
  if (desc.mask != AttentionDesc::NoMask && !mask)
    return "the mask is null";
  if (scratchBytes(pass) > 0 && !scratch)
    return "the scratch memory is null";
  scratch = alignWorkspace(scratch);
  if (desc.mask == AttentionDesc::Boolean) {
    cudaError_t status =
        launchMaskBias(mask, maskSizes, desc.maskStrides, static_cast<float *>(scratch), handle.stream());
    if (status != cudaSuccess)
      return cudaGetErrorString(status);
    pack[kMask] = scratch;
  } else if (desc.mask != AttentionDesc::NoMask) {
    pack[kMask] = const_cast<void *>(mask);
  }
  fe::error_t status = graphs[pass]->execute(handle.get(), pack, static_cast<char *>(scratch) + maskBytes);
  if (status.is_good())
    return nullptr;
  fault = "cuDNN: " + status.get_message();
  return fault.c_str();
} catch (const std::exception &error) {
  fault = error.what();
  return fault.c_str();
}

const char *CudnnAttention::forward(const AttentionForwardBuffers &buffers, void *scratch) noexcept {
  Pack pack = {{kQ, const_cast<void *>(buffers.q)},
               {kK, const_cast<void *>(buffers.k)},
               {kV, const_cast<void *>(buffers.v)},
               {kOut, buffers.out},
               {kLse, buffers.lse}};
  return run(Forward, pack, buffers.mask, scratch);
}

const char *CudnnAttention::backward(const AttentionBackwardBuffers &buffers, void *scratch) noexcept {
  Pack pack = {{kQ, const_cast<void *>(buffers.q)},
               {kK, const_cast<void *>(buffers.k)},
               {kV, const_cast<void *>(buffers.v)},
               {kOut, const_cast<void *>(buffers.out)},
               {kLse, const_cast<void *>(buffers.lse)},
               {kDOut, const_cast<void *>(buffers.dout)},
               {kDQ, buffers.dq},
               {kDK, buffers.dk},
               {kDV, buffers.dv}};
  return run(Backward, pack, buffers.mask, scratch);
}

std::unique_ptr<DeviceAttention> DeviceAttention::create(CudnnHandle &handle, const AttentionDesc &desc,
                                                         const std::string &name) {
  return std::make_unique<CudnnAttention>(handle, desc, name);
}

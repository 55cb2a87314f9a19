//===- CudnnConvolution.cpp - Convolutions by cuDNN -----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The library pads both sides alike. Where a convolution does not, its input is
// copied into a padded one at the start of the scratch memory, and the gradient
// of the input is cut out of the padded one's.
//
//===----------------------------------------------------------------------===//

#include "core/Text.h"
#include "device/Convolution.h"
#include "device/Cudnn.h"
#include "device/Kernels.h"

#include <algorithm>
#include <vector>

using namespace weft;
using namespace weft::rt;

DeviceConvolution::~DeviceConvolution() = default;

void weft::rt::checkCudnn(cudnnStatus_t status, const char *call) {
  if (status == CUDNN_STATUS_SUCCESS)
    return;
  char words[512] = {0};
  cudnnGetLastErrorString(words, sizeof(words));
  throw InternalError(std::string(call) + ": " + cudnnGetErrorString(status) + (words[0] ? ": " : "") + words);
}

CudnnHandle::CudnnHandle(cudaStream_t stream) : where(stream) {
  checkCudnn(cudnnCreate(handle.out()), "cudnnCreate");
  checkCudnn(cudnnSetStream(handle.get(), stream), "cudnnSetStream");
}

namespace {

using TensorDescriptor = Owned<cudnnTensorDescriptor_t, cudnnDestroyTensorDescriptor>;
using FilterDescriptor = Owned<cudnnFilterDescriptor_t, cudnnDestroyFilterDescriptor>;
using ConvolutionDescriptor = Owned<cudnnConvolutionDescriptor_t, cudnnDestroyConvolutionDescriptor>;

/// cuDNN's algorithm of any of the three kinds.
struct Algorithm {
  int number = 0;
  size_t workspace = 0;
};

class CudnnConvolution final : public DeviceConvolution {
public:
  CudnnConvolution(CudnnHandle &handle, const ConvolutionDesc &desc, int64_t scratch, const std::string &name);

  int64_t scratchBytes() const override { return bytesWith(algorithm.workspace); }
  const char *run(const void *a, const void *b, void *c, void *scratch) noexcept override;

private:
  /// Of scratch memory, with room to align what is in it.
  int64_t bytesWith(size_t workspace) const {
    int64_t bytes = paddedBytes + static_cast<int64_t>(workspace);
    return bytes > 0 ? bytes + kWorkspaceSlack : 0;
  }
  void describe();
  template <typename Performance, typename Ask> void choose(int64_t most, const std::string &name, Ask ask);

  CudnnHandle &handle;
  ConvolutionDesc desc;
  int width;
  TensorDescriptor input, output;
  FilterDescriptor filter;
  ConvolutionDescriptor convolution;
  PadShape padding = {};
  int64_t paddedBytes = 0;
  Algorithm algorithm;
};

} // namespace

/// At least two spatial dimensions: a single one gets another of size `fill` in front.
static std::vector<int> spatial(const std::vector<int64_t> &sizes, int fill) {
  std::vector<int> result(sizes.begin(), sizes.end());
  if (result.size() == 1)
    result.insert(result.begin(), fill);
  return result;
}

static TensorDescriptor denseTensor(cudnnDataType_t type, const std::vector<int> &sizes) {
  std::vector<int> strides(sizes.size(), 1);
  for (size_t i = sizes.size() - 1; i > 0; --i)
    strides[i - 1] = strides[i] * sizes[i];
  TensorDescriptor tensor;
  checkCudnn(cudnnCreateTensorDescriptor(tensor.out()), "cudnnCreateTensorDescriptor");
  checkCudnn(
      cudnnSetTensorNdDescriptor(tensor.get(), type, static_cast<int>(sizes.size()), sizes.data(), strides.data()),
      "cudnnSetTensorNdDescriptor");
  return tensor;
}

CudnnConvolution::CudnnConvolution(CudnnHandle &handle, const ConvolutionDesc &desc, int64_t scratch,
                                   const std::string &name)
    : handle(handle), desc(desc), width(desc.dtype == MatmulType::F32 ? 4 : 2) {
  size_t rank = desc.strides.size();
  if (rank < 1 || rank > 3 || desc.input.size() != rank + 2 || desc.filter.size() != rank + 2 ||
      desc.output.size() != rank + 2 || desc.low.size() != rank || desc.high.size() != rank ||
      desc.dilations.size() != rank)
    throw InternalError(name + ": the numbers of dimensions do not agree");
  describe();
  cudnnHandle_t library = handle.get();
  switch (desc.kind) {
  case ConvolutionDesc::Forward:
    choose<cudnnConvolutionFwdAlgoPerf_t>(scratch, name, [&](int most, int *found, auto *list) {
      return cudnnGetConvolutionForwardAlgorithm_v7(library, input.get(), filter.get(), convolution.get(), output.get(),
                                                    most, found, list);
    });
    break;
  case ConvolutionDesc::InputGrad:
    choose<cudnnConvolutionBwdDataAlgoPerf_t>(scratch, name, [&](int most, int *found, auto *list) {
      return cudnnGetConvolutionBackwardDataAlgorithm_v7(library, filter.get(), output.get(), convolution.get(),
                                                         input.get(), most, found, list);
    });
    break;
  case ConvolutionDesc::WeightGrad:
    choose<cudnnConvolutionBwdFilterAlgoPerf_t>(scratch, name, [&](int most, int *found, auto *list) {
      return cudnnGetConvolutionBackwardFilterAlgorithm_v7(library, input.get(), output.get(), convolution.get(),
                                                           filter.get(), most, found, list);
    });
    break;
  }
}

void CudnnConvolution::describe() {
  cudnnDataType_t type = desc.dtype == MatmulType::F32    ? CUDNN_DATA_FLOAT
                         : desc.dtype == MatmulType::BF16 ? CUDNN_DATA_BFLOAT16
                                                          : CUDNN_DATA_HALF;
  size_t rank = desc.strides.size();
  std::vector<int64_t> low = desc.low, inputSizes(desc.input.begin() + 2, desc.input.end());
  if (desc.low != desc.high) {
    padding.rows = desc.input[0] * desc.input[1];
    paddedBytes = padding.rows * width;
    for (size_t i = 0; i < 3; ++i) {
      bool has = i >= 3 - rank;
      size_t d = has ? i - (3 - rank) : 0;
      padding.inner[i] = has ? desc.input[d + 2] : 1;
      padding.low[i] = has ? desc.low[d] : 0;
      padding.outer[i] = has ? desc.low[d] + desc.input[d + 2] + desc.high[d] : 1;
      paddedBytes *= padding.outer[i];
      if (has) {
        inputSizes[d] = padding.outer[i];
        low[d] = 0;
      }
    }
    paddedBytes = (paddedBytes + 255) / 256 * 256;
  }
  auto whole = [&](int64_t first, int64_t second, const std::vector<int64_t> &sizes) {
    std::vector<int> result = spatial(sizes, 1);
    result.insert(result.begin(), {static_cast<int>(first), static_cast<int>(second)});
    return result;
  };
  auto tail = [](const std::vector<int64_t> &shape) { return std::vector<int64_t>(shape.begin() + 2, shape.end()); };
  input = denseTensor(type, whole(desc.input[0], desc.input[1], inputSizes));
  output = denseTensor(type, whole(desc.output[0], desc.output[1], tail(desc.output)));
  std::vector<int> filterSizes = whole(desc.filter[0], desc.filter[1], tail(desc.filter));
  checkCudnn(cudnnCreateFilterDescriptor(filter.out()), "cudnnCreateFilterDescriptor");
  checkCudnn(cudnnSetFilterNdDescriptor(filter.get(), type, CUDNN_TENSOR_NCHW, static_cast<int>(filterSizes.size()),
                                        filterSizes.data()),
             "cudnnSetFilterNdDescriptor");
  std::vector<int> pads = spatial(low, 0), strides = spatial(desc.strides, 1), dilations = spatial(desc.dilations, 1);
  checkCudnn(cudnnCreateConvolutionDescriptor(convolution.out()), "cudnnCreateConvolutionDescriptor");
  checkCudnn(cudnnSetConvolutionNdDescriptor(convolution.get(), static_cast<int>(pads.size()), pads.data(),
                                             strides.data(), dilations.data(), CUDNN_CROSS_CORRELATION,
                                             CUDNN_DATA_FLOAT),
             "cudnnSetConvolutionNdDescriptor");
  // f32 stays f32: no TF32.
  checkCudnn(cudnnSetConvolutionMathType(convolution.get(),
                                         desc.dtype == MatmulType::F32 ? CUDNN_FMA_MATH : CUDNN_TENSOR_OP_MATH),
             "cudnnSetConvolutionMathType");
  checkCudnn(cudnnSetConvolutionGroupCount(convolution.get(), static_cast<int>(desc.input[1] / desc.filter[1])),
             "cudnnSetConvolutionGroupCount");
}

template <typename Performance, typename Ask>
void CudnnConvolution::choose(int64_t most, const std::string &name, Ask ask) {
  Performance list[16];
  int found = 0;
  cudnnStatus_t status = ask(16, &found, list);
  if (status != CUDNN_STATUS_SUCCESS)
    throw InternalError(name + ": cuDNN has no algorithm: " + cudnnGetErrorString(status));
  size_t least = SIZE_MAX;
  for (int i = 0; i < found; ++i) {
    if (list[i].status != CUDNN_STATUS_SUCCESS || list[i].determinism != CUDNN_DETERMINISTIC)
      continue;
    least = std::min(least, list[i].memory);
    if (bytesWith(list[i].memory) > most)
      continue;
    algorithm = {static_cast<int>(list[i].algo), list[i].memory};
    return;
  }
  if (least == SIZE_MAX)
    throw InternalError(name + ": cuDNN has no algorithm that gives the same bits each time");
  throw InputError(format("%s needs %lld bytes of scratch memory with cuDNN %zu where the executable was planned for "
                          "%lld; compile it where this version of cuDNN is installed",
                          name.c_str(), static_cast<long long>(bytesWith(least)), cudnnGetVersion(),
                          static_cast<long long>(most)));
}

const char *CudnnConvolution::run(const void *a, const void *b, void *c, void *scratch) noexcept {
  if (!a || !b || !c)
    return "an operand is null";
  if (scratchBytes() > 0 && !scratch)
    return "the scratch memory is null";
  void *padded = alignWorkspace(scratch), *workspace = static_cast<char *>(padded) + paddedBytes;
  const float one = 1, zero = 0;
  cudnnHandle_t library = handle.get();
  cudaError_t copied = cudaSuccess;
  if (paddedBytes > 0 && desc.kind != ConvolutionDesc::InputGrad) {
    // The input is the first operand of both.
    copied = launchPad(padding, a, padded, width, handle.stream());
    a = padded;
  }
  if (copied != cudaSuccess)
    return cudaGetErrorString(copied);
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
  switch (desc.kind) {
  case ConvolutionDesc::Forward:
    status = cudnnConvolutionForward(library, &one, input.get(), a, filter.get(), b, convolution.get(),
                                     static_cast<cudnnConvolutionFwdAlgo_t>(algorithm.number), workspace,
                                     algorithm.workspace, &zero, output.get(), c);
    break;
  case ConvolutionDesc::InputGrad:
    status = cudnnConvolutionBackwardData(library, &one, filter.get(), b, output.get(), a, convolution.get(),
                                          static_cast<cudnnConvolutionBwdDataAlgo_t>(algorithm.number), workspace,
                                          algorithm.workspace, &zero, input.get(), paddedBytes > 0 ? padded : c);
    break;
  case ConvolutionDesc::WeightGrad:
    status = cudnnConvolutionBackwardFilter(library, &one, input.get(), a, output.get(), b, convolution.get(),
                                            static_cast<cudnnConvolutionBwdFilterAlgo_t>(algorithm.number), workspace,
                                            algorithm.workspace, &zero, filter.get(), c);
    break;
  }
  if (status != CUDNN_STATUS_SUCCESS)
    return cudnnGetErrorString(status);
  if (paddedBytes > 0 && desc.kind == ConvolutionDesc::InputGrad)
    copied = launchCrop(padding, padded, c, width, handle.stream());
  return copied == cudaSuccess ? nullptr : cudaGetErrorString(copied);
}

std::unique_ptr<DeviceConvolution> DeviceConvolution::create(CudnnHandle &handle, const ConvolutionDesc &desc,
                                                             int64_t scratch, const std::string &name) {
  return std::make_unique<CudnnConvolution>(handle, desc, scratch, name);
}

//===- ConvolutionTest.cpp - Convolutions on a GPU ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"

using namespace weft;
using namespace weft::rt;
using namespace weft::rt::test;

namespace {

class Convolution : public Gpu {};

int64_t elements(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

ConvolutionDesc describe(MatmulType type, int64_t batch, int64_t channels, int64_t outputs, int64_t groups,
                         std::vector<int64_t> input, std::vector<int64_t> kernel, std::vector<int64_t> strides,
                         std::vector<int64_t> low, std::vector<int64_t> high, std::vector<int64_t> dilations) {
  ConvolutionDesc desc;
  desc.dtype = type;
  desc.input = {batch, channels}, desc.filter = {outputs, channels / groups}, desc.output = {batch, outputs};
  for (size_t i = 0; i < input.size(); ++i) {
    desc.input.push_back(input[i]);
    desc.filter.push_back(kernel[i]);
    desc.output.push_back((low[i] + input[i] + high[i] - (kernel[i] - 1) * dilations[i] - 1) / strides[i] + 1);
  }
  desc.strides = std::move(strides), desc.low = std::move(low), desc.high = std::move(high);
  desc.dilations = std::move(dilations);
  return desc;
}

/// Calls back with the places in input, filter and output of every multiplication.
template <typename Function> void forEachProduct(const ConvolutionDesc &desc, Function function) {
  size_t rank = desc.strides.size();
  int64_t groups = desc.input[1] / desc.filter[1];
  std::vector<int64_t> spatialOut(desc.output.begin() + 2, desc.output.end()),
      spatialKernel(desc.filter.begin() + 2, desc.filter.end());
  for (int64_t n = 0; n < desc.output[0]; ++n)
    for (int64_t o = 0; o < desc.output[1]; ++o)
      for (int64_t c = 0; c < desc.filter[1]; ++c)
        for (int64_t x = 0; x < elements(spatialOut); ++x)
          for (int64_t w = 0; w < elements(spatialKernel); ++w) {
            int64_t in = 0, xRest = x, wRest = w, scale = 1;
            bool inside = true;
            for (size_t d = rank; d-- > 0;) {
              int64_t at =
                  xRest % spatialOut[d] * desc.strides[d] + wRest % spatialKernel[d] * desc.dilations[d] - desc.low[d];
              xRest /= spatialOut[d], wRest /= spatialKernel[d];
              inside = inside && at >= 0 && at < desc.input[d + 2];
              in += at * scale;
              scale *= desc.input[d + 2];
            }
            int64_t channel = o / (desc.output[1] / groups) * desc.filter[1] + c;
            if (inside)
              function((n * desc.input[1] + channel) * scale + in,
                       (o * desc.filter[1] + c) * elements(spatialKernel) + w,
                       (n * desc.output[1] + o) * elements(spatialOut) + x);
          }
}

void check(ConvolutionDesc desc) {
  DType dtype = kTypes[static_cast<int>(desc.dtype)];
  std::mt19937 engine(31);
  Values input = Values::random(dtype, elements(desc.input), engine),
         filter = Values::random(dtype, elements(desc.filter), engine),
         output = Values::random(dtype, elements(desc.output), engine);
  Manifest manifest;
  for (auto kind : {ConvolutionDesc::Forward, ConvolutionDesc::InputGrad, ConvolutionDesc::WeightGrad}) {
    desc.kind = kind;
    manifest.convolutions.push_back(desc);
  }
  Calls calls(manifest);
  std::vector<double> forward(output.count()), inputGrad(input.count()), weightGrad(filter.count());
  forEachProduct(desc, [&](int64_t in, int64_t weight, int64_t out) {
    forward[out] += input[in] * filter[weight];
    inputGrad[in] += output[out] * filter[weight];
    weightGrad[weight] += input[in] * output[out];
  });
  auto run = [&](int32_t id, const Values &a, const Values &b, const std::vector<double> &expected, const char *what) {
    Values c = Values::poison(dtype, static_cast<int64_t>(expected.size()));
    weft_convolution(calls.get(), id, a.data(), b.data(), c.data(), calls.workspace());
    ASSERT_EQ(calls.error(), "") << what;
    // Winograd's transforms round too.
    EXPECT_LT(relativeError(c.read(), expected), dtype == DType::F32 ? 1e-5 : 2 * tolerance(dtype)) << what;
  };
  run(0, input, filter, forward, "forward");
  run(1, output, filter, inputGrad, "gradient of the input");
  run(2, input, output, weightGrad, "gradient of the filter");
}

} // namespace

TEST_F(Convolution, TwoDimensions) {
  for (MatmulType type : {MatmulType::F32, MatmulType::BF16, MatmulType::F16}) {
    SCOPED_TRACE(static_cast<int>(type));
    check(describe(type, 2, 8, 16, 1, {10, 12}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}));
    check(describe(type, 2, 8, 16, 1, {11, 12}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}));
    check(describe(type, 2, 8, 8, 4, {9, 9}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}));
    check(describe(type, 1, 8, 8, 1, {12, 12}, {3, 3}, {1, 1}, {2, 2}, {2, 2}, {2, 2}));
    check(describe(type, 1, 3, 16, 1, {16, 16}, {4, 4}, {4, 4}, {0, 0}, {0, 0}, {1, 1}));
  }
}

// Zeros on one side more than on the other: what "same" means for even filters.
TEST_F(Convolution, UnevenPadding) {
  for (MatmulType type : {MatmulType::F32, MatmulType::BF16}) {
    SCOPED_TRACE(static_cast<int>(type));
    check(describe(type, 2, 8, 8, 1, {9, 8}, {2, 4}, {1, 1}, {0, 1}, {1, 2}, {1, 1}));
    check(describe(type, 2, 8, 8, 1, {10}, {3}, {1}, {2}, {0}, {1}));
  }
}

TEST_F(Convolution, OneAndThreeDimensions) {
  for (MatmulType type : {MatmulType::F32, MatmulType::BF16}) {
    SCOPED_TRACE(static_cast<int>(type));
    check(describe(type, 2, 8, 16, 1, {20}, {3}, {1}, {1}, {1}, {1}));
    check(describe(type, 1, 4, 8, 1, {6, 7, 8}, {3, 3, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}));
    check(describe(type, 1, 4, 8, 1, {6, 7, 8}, {2, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}, {1, 1, 1}));
  }
}

TEST_F(Convolution, Faults) {
  Manifest manifest;
  manifest.convolutions = {describe(MatmulType::F32, 2, 8, 8, 1, {64, 64}, {2, 2}, {1, 1}, {0, 0}, {1, 1}, {1, 1})};
  manifest.convolutionScratch = {100};
  EXPECT_THROW(Calls{manifest}, InputError);
}

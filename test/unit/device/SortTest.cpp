//===- SortTest.cpp - The runtime's own kernels ---------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "core/NormalPart.h"
#include "core/Random.h"
#include "device/Kernels.h"
#include "kernels/TopK.h"

#include <cstring>

using namespace weft;
using namespace weft::rt;
using namespace weft::rt::test;

namespace {
class Sort : public Gpu {};
} // namespace

// Every type, sizes below and above a block, equal elements and numbers that are none: the host's elements and order.
TEST_F(Sort, TopKIsTheHosts) {
  std::mt19937 engine(41);
  struct {
    int64_t outer, size, inner, k;
  } shapes[] = {{5, 8, 1, 2}, {3, 100, 4, 7}, {2, 1000, 1, 33}, {1, 3000, 3, 1}, {4, 6, 2, 6}, {2, 5, 1, 0}};
  for (DType type : {DType::F32, DType::F64, DType::F16, DType::BF16, DType::I64, DType::I32, DType::I16, DType::I8,
                     DType::U8, DType::I1})
    for (const auto &shape : shapes)
      for (bool smallest : {false, true}) {
        TopKDesc desc{shape.outer, shape.size, shape.inner, shape.k, type, smallest};
        int64_t count = shape.outer * shape.size * shape.inner, kept = shape.outer * shape.k * shape.inner;
        std::vector<double> numbers(count);
        for (double &number : numbers) {
          number = type == DType::I1 ? engine() % 2 : engine() % 40;
          if (isFloat(type))
            number = engine() % 20 == 0 ? NAN : engine() % 20 == 0 ? -0.0 : (number - 20) * 0.25;
          else if (type == DType::I64 || type == DType::I32 || type == DType::I16 || type == DType::I8)
            number -= 20;
        }
        Values input(type, numbers);
        std::vector<char> values(kept * elementBytes(type) + 1);
        std::vector<int64_t> indices(kept + 1);
        std::vector<char> raw = input.bytes();
        ASSERT_EQ(topK(desc, raw.data(), values.data(), indices.data(), 1), nullptr);
        Manifest manifest;
        manifest.sorts = {desc};
        Calls calls(manifest);
        Values deviceValues(type, std::vector<double>(kept)), deviceIndices(DType::I64, std::vector<double>(kept));
        weft_top_k(calls.get(), 0, input.data(), deviceValues.data(), deviceIndices.data());
        ASSERT_EQ(calls.error(), "");
        std::string what = std::string(dtypeName(type)) + " of " + std::to_string(shape.size);
        EXPECT_EQ(memcmp(deviceValues.bytes().data(), values.data(), deviceValues.size()), 0) << what;
        EXPECT_EQ(memcmp(deviceIndices.bytes().data(), indices.data(), deviceIndices.size()), 0) << what;
      }
}

TEST_F(Sort, Copies) {
  std::mt19937 engine(42);
  Calls calls(Manifest{});
  Values from = Values::random(DType::F32, 100001, engine), to = Values::poison(DType::F32, 100001);
  weft_copy(calls.get(), to.data(), from.data(), to.size());
  ASSERT_EQ(calls.error(), "");
  EXPECT_EQ(to.bytes(), from.bytes());
}

// A processor's bits: whole tensors, columns, heads, and parts with padding.
TEST_F(Sort, RandomValuesAreTheHosts) {
  Box boxes[] = {{{1 << 21}, {0}, {1 << 21}, {1 << 21}},
                 {{700, 301}, {0, 100}, {700, 100}, {700, 100}},
                 {{5, 3, 8, 17}, {0, 2, 4, 0}, {5, 1, 4, 17}, {5, 2, 4, 17}},
                 {{64, 6, 5}, {40, 0, 3}, {24, 6, 2}, {40, 6, 3}}};
  for (DType type : {DType::F32, DType::BF16, DType::F16})
    for (const Box &box : boxes) {
      NormalPart part{box, type, 0x123456789abcdef0, hashName("h.0.w"), 0.02f};
      std::vector<char> expected(part.bytes());
      part.fill(expected.data());
      Values values = Values::poison(type, part.bytes() / elementBytes(type));
      checkCuda(launchNormal(part, values.data(), nullptr), "launchNormal");
      EXPECT_EQ(memcmp(values.bytes().data(), expected.data(), expected.size()), 0)
          << dtypeName(type) << " of " << box.shape.size() << " dimensions";
    }
  NormalPart wide{boxes[0], DType::F64};
  EXPECT_EQ(launchNormal(wide, nullptr, nullptr), cudaErrorNotSupported);
}

// Adds its index to each number, and multiplies by what the second argument points to.
static void addAndScale(void *const *args, int64_t lo, int64_t hi) {
  auto *values = static_cast<float *>(args[0]);
  for (int64_t i = lo; i < hi; ++i)
    values[i] = (values[i] + static_cast<float>(i)) * *static_cast<const float *>(args[1]);
}

// What runs on the host sees what was copied there before, and is done before what it wrote is copied back; each time
// a graph is run.
TEST_F(Sort, KernelsOfTheHost) {
  int64_t count = 3'000'001;
  Calls calls(Manifest{});
  weft_context *ctx = calls.get();
  ctx->stepwise = false;
  ctx->hostThreads = 3;
  PinnedPages there(4 * count + 64);
  auto *factor = reinterpret_cast<float *>(there.data() + 4 * count);
  *factor = 2;
  Values values(DType::F32, std::vector<double>(count, 1)), back = Values::poison(DType::F32, count);
  void *args[] = {there.data(), factor};
  auto run = [&] {
    weft_copy(ctx, there.data(), values.data(), values.size());
    weft_launch(ctx, addAndScale, args, 2, count, 1024);
    weft_copy(ctx, back.data(), there.data(), values.size());
  };
  auto expectTimes = [&](float times) {
    checkCuda(cudaStreamSynchronize(ctx->stream), "cudaStreamSynchronize");
    ASSERT_EQ(calls.error(), "");
    std::vector<char> bytes = back.bytes();
    for (int64_t i = 0; i < count; ++i)
      ASSERT_EQ(loadDouble(bytes.data(), DType::F32, i), (1 + static_cast<float>(i)) * times) << i;
  };
  run();
  expectTimes(2);
  ctx->capturing = true;
  checkCuda(cudaStreamBeginCapture(ctx->stream, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  run();
  Graph graph;
  GraphExec exec;
  checkCuda(cudaStreamEndCapture(ctx->stream, graph.out()), "cudaStreamEndCapture");
  checkCuda(cudaGraphInstantiate(exec.out(), graph.get(), 0), "cudaGraphInstantiate");
  for (float times : {3.0f, 5.0f}) {
    *factor = times;
    checkCuda(cudaGraphLaunch(exec.get(), ctx->stream), "cudaGraphLaunch");
    expectTimes(times);
  }
}

// What the manifest does not have is said, not computed.
TEST_F(Sort, CollectiveOfNoManifest) {
  Calls collective(Manifest{});
  EXPECT_EQ(weft_collective(collective.get(), 0, nullptr, nullptr, nullptr), 1);
  EXPECT_NE(collective.error().find("no such entry"), std::string::npos);
}

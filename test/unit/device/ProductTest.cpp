//===- ProductTest.cpp - Products on a GPU --------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Support.h"
#include "TestSupport.h"
#include "device/CudaDevice.h"
#include "device/Kernels.h"

using namespace weft;
using namespace weft::rt;
using namespace weft::rt::test;

namespace {

class Product : public Gpu {};

DType typeOf(const MatmulDesc &desc) { return kTypes[static_cast<int>(desc.dtype)]; }

/// All elements of C, those between rows included, as the definition says; `c` is what was there before.
std::vector<double> compute(const MatmulDesc &desc, const Values &a, const Values &b, const Values *bias,
                            const std::vector<double> &before) {
  std::vector<double> c = before;
  size_t rank = desc.batch.size();
  int64_t outer = rank > 1 ? desc.batch[0] : 1, inner = rank > 0 ? desc.batch[rank - 1] : 1;
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < inner; ++j) {
      auto offset = [&](const std::vector<int64_t> &strides) {
        return (rank > 1 ? i * strides[0] : 0) + (rank > 0 ? j * strides[rank - 1] : 0);
      };
      for (int64_t row = 0; row < desc.m; ++row)
        for (int64_t column = 0; column < desc.n; ++column) {
          double sum = 0;
          for (int64_t k = 0; k < desc.k; ++k)
            sum += a[offset(desc.aStrides) + row * desc.aStrides[rank] + k * desc.aStrides[rank + 1]] *
                   b[offset(desc.bStrides) + k * desc.bStrides[rank] + column * desc.bStrides[rank + 1]];
          double &to = c[offset(desc.cStrides) + row * desc.cStrides[rank] + column * desc.cStrides[rank + 1]];
          to = sum + (bias ? (*bias)[column] : 0) + (desc.accumulate ? to : 0);
        }
    }
  return c;
}

/// A product in a random layout: batches of 0 to 2 dimensions, outside or inside the rows or broadcast, operands and
/// result in either order, with room between rows.
MatmulDesc randomProduct(std::mt19937 &engine, MatmulType type, int64_t unit) {
  auto upTo = [&](int64_t most) { return static_cast<int64_t>(engine() % most) + 1; };
  MatmulDesc desc;
  desc.dtype = type;
  for (int64_t i = 0, count = engine() % 3; i < count; ++i)
    desc.batch.push_back(upTo(3));
  desc.m = unit * upTo(9), desc.n = unit * upTo(9), desc.k = unit * upTo(9);
  auto layout = [&](int64_t rows, int64_t columns, bool mayBroadcast, bool byRows) {
    int64_t leading = (byRows ? columns : rows) + unit * static_cast<int64_t>(engine() % 3);
    int64_t next = leading * (byRows ? rows : columns) + unit * static_cast<int64_t>(engine() % 3);
    std::vector<int64_t> strides;
    for (int64_t size : desc.batch) {
      bool broadcast = mayBroadcast && engine() % 4 == 0;
      strides.push_back(broadcast ? 0 : next);
      next *= broadcast ? 1 : size;
    }
    strides.push_back(byRows ? leading : 1);
    strides.push_back(byRows ? 1 : leading);
    return strides;
  };
  desc.aStrides = layout(desc.m, desc.k, true, engine() % 2);
  desc.bStrides = layout(desc.k, desc.n, true, engine() % 2);
  bool byRows = engine() % 4 != 0;
  desc.cStrides = layout(desc.m, desc.n, false, byRows);
  desc.bias = byRows && engine() % 3 == 0;
  desc.accumulate = engine() % 3 == 0;
  return desc;
}

double gelu(double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }
double geluErf(double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }
double geluSlope(double x) {
  double t = std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * std::sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
}

} // namespace

// Layouts, types, bias and accumulation; odd sizes too, whose addresses are aligned to no more than an element.
TEST_F(Product, AllLayouts) {
  std::mt19937 engine(11);
  for (int64_t unit : {1, 8})
    for (MatmulType type : {MatmulType::F32, MatmulType::BF16, MatmulType::F16}) {
      Manifest manifest;
      for (int i = 0; i < 40; ++i)
        manifest.matmuls.push_back(randomProduct(engine, type, unit));
      Calls calls(manifest);
      for (size_t i = 0; i < manifest.matmuls.size(); ++i) {
        const MatmulDesc &desc = manifest.matmuls[i];
        const MatmulProblem &problem = calls.context->matmuls[i]->problem();
        DType dtype = typeOf(desc);
        Values a = Values::random(dtype, problem.aElements, engine),
               b = Values::random(dtype, problem.bElements, engine);
        Values bias = Values::random(dtype, desc.n, engine), c = Values::random(dtype, problem.cElements, engine);
        std::vector<double> expected = compute(desc, a, b, desc.bias ? &bias : nullptr, c.read());
        weft_matmul(calls.get(), static_cast<int32_t>(i), a.data(), b.data(), bias.data(), c.data(), calls.workspace());
        ASSERT_EQ(calls.error(), "") << problem.key(0, true);
        EXPECT_LT(relativeError(c.read(), expected), tolerance(dtype)) << problem.key(0, true);
      }
    }
}

// An operand that begins in the middle of 16 bytes takes another algorithm.
TEST_F(Product, Unaligned) {
  std::mt19937 engine(12);
  Manifest manifest;
  MatmulDesc desc;
  desc.m = 64, desc.n = 32, desc.k = 128, desc.dtype = MatmulType::BF16;
  desc.aStrides = {128, 1}, desc.bStrides = {32, 1}, desc.cStrides = {32, 1};
  manifest.matmuls = {desc};
  Calls calls(manifest);
  Values a = Values::random(DType::BF16, 64 * 128 + 1, engine), b = Values::random(DType::BF16, 128 * 32, engine);
  Values c = Values::poison(DType::BF16, 64 * 32);
  std::vector<double> moved;
  for (int64_t i = 1; i < a.count(); ++i)
    moved.push_back(a[i]);
  weft_matmul(calls.get(), 0, a.data() + 2, b.data(), nullptr, c.data(), calls.workspace());
  ASSERT_EQ(calls.error(), "");
  EXPECT_LT(relativeError(c.read(), compute(desc, Values(DType::BF16, moved), b, nullptr, c.read())), 4e-3);
}

// f32 is f32: TF32 is a thousand times coarser, and only where the entry says so.
TEST_F(Product, Tf32IsAsked) {
  std::mt19937 engine(13);
  Manifest manifest;
  MatmulDesc desc;
  desc.m = desc.n = desc.k = 512;
  desc.aStrides = desc.bStrides = desc.cStrides = {512, 1};
  manifest.matmuls = {desc, desc};
  manifest.matmuls[1].tf32 = true;
  Calls calls(manifest);
  Values a = Values::random(DType::F32, 512 * 512, engine), b = Values::random(DType::F32, 512 * 512, engine);
  double errors[2];
  for (int i : {0, 1}) {
    Values c = Values::poison(DType::F32, 512 * 512);
    weft_matmul(calls.get(), i, a.data(), b.data(), nullptr, c.data(), calls.workspace());
    errors[i] = relativeError(c.read(), compute(desc, a, b, nullptr, c.read()));
  }
  ASSERT_EQ(calls.error(), "");
  EXPECT_LT(errors[0], 2e-6);
  EXPECT_GT(errors[1], 1e-5);
  EXPECT_LT(errors[1], 1e-3);
}

// GELU with what its gradient needs, and the gradient: the tanh form, not the one with erf.
TEST_F(Product, Epilogues) {
  std::mt19937 engine(14);
  for (MatmulType type : {MatmulType::BF16, MatmulType::F16})
    for (bool hasBias : {false, true}) {
      Manifest manifest;
      MatmulDesc up, down;
      up.m = 96, up.n = 256, up.k = 64, up.dtype = type, up.bias = hasBias, up.epilogue = MatmulEpilogue::GeluAux;
      up.aStrides = {64, 1}, up.bStrides = {1, 64}, up.cStrides = {256, 1};
      down = up, down.bias = false, down.epilogue = MatmulEpilogue::DGelu;
      manifest.matmuls = {up, down};
      Calls calls(manifest);
      DType dtype = typeOf(up);
      Values a = Values::random(dtype, 96 * 64, engine, 0.3), b = Values::random(dtype, 256 * 64, engine, 0.5);
      Values bias = Values::random(dtype, 256, engine);
      Values c = Values::poison(dtype, 96 * 256), aux = Values::poison(dtype, 96 * 256);
      weft_matmul_epilogue(calls.get(), 0, a.data(), b.data(), bias.data(), aux.data(), c.data(), calls.workspace());
      ASSERT_EQ(calls.error(), "");
      MatmulDesc plain = up;
      std::vector<double> sums = compute(plain, a, b, hasBias ? &bias : nullptr, std::vector<double>(96 * 256));
      EXPECT_LT(relativeError(aux.read(), sums), tolerance(dtype));
      std::vector<double> tanhForm, erfForm, got = c.read(), kept = aux.read();
      for (double x : sums) {
        tanhForm.push_back(gelu(x));
        erfForm.push_back(geluErf(x));
      }
      EXPECT_LT(relativeError(got, tanhForm), tolerance(dtype));
      if (dtype == DType::F16) {
        EXPECT_LT(relativeError(got, tanhForm), relativeError(got, erfForm));
      }
      // The gradient takes what was kept.
      Values result = Values::poison(dtype, 96 * 256);
      weft_matmul_epilogue(calls.get(), 1, a.data(), b.data(), nullptr, aux.data(), result.data(), calls.workspace());
      ASSERT_EQ(calls.error(), "");
      std::vector<double> expected = compute(down, a, b, nullptr, std::vector<double>(96 * 256));
      for (size_t i = 0; i < expected.size(); ++i)
        expected[i] *= geluSlope(kept[i]);
      EXPECT_LT(relativeError(result.read(), expected), 2 * tolerance(dtype));
    }
}

// Timing chooses, remembers, and changes nothing in what is computed; the same bits come every time.
TEST_F(Product, Tuning) {
  TemporaryFolder folder;
  std::mt19937 engine(15);
  Manifest manifest;
  MatmulDesc desc;
  desc.dtype = MatmulType::BF16;
  desc.m = 2048, desc.n = 768, desc.k = 3072;
  desc.aStrides = {3072, 1}, desc.bStrides = {1, 3072}, desc.cStrides = {768, 1};
  manifest.matmuls = {desc, desc, desc};
  std::swap(manifest.matmuls[2].m, manifest.matmuls[2].n);
  manifest.matmuls[2].cStrides = {2048, 1};
  manifest.matmuls[2].accumulate = true;
  DeviceMemory pool(int64_t(256) << 20);
  std::vector<double> expected;
  for (bool again : {false, true}) {
    Calls calls(manifest);
    AlgorithmCache cache(folder.path("cache"), "test", 1);
    TuningReport report =
        tuneMatmuls(calls.context->matmuls, cache, calls.stream.get(), pool.data(), int64_t(256) << 20, true);
    EXPECT_EQ(report.products, 3);
    EXPECT_EQ(report.problems, 2);
    EXPECT_EQ(report.timed, again ? 0 : 2);
    EXPECT_EQ(report.remembered, again ? 2 : 0);
    EXPECT_EQ(report.remark, "");
    std::mt19937 same(16);
    Values a = Values::random(DType::BF16, 2048 * 3072, same), b = Values::random(DType::BF16, 768 * 3072, same);
    Values c = Values::poison(DType::BF16, 2048 * 768);
    for (int run = 0; run < 3; ++run) {
      weft_matmul(calls.get(), run % 2, a.data(), b.data(), nullptr, c.data(), calls.workspace());
      ASSERT_EQ(calls.error(), "");
      if (expected.empty())
        expected = c.read();
      EXPECT_EQ(c.read(), expected);
    }
  }
  // A pool that holds none of it.
  Calls calls(manifest);
  AlgorithmCache none("", "test", 1);
  EXPECT_EQ(tuneMatmuls(calls.context->matmuls, none, calls.stream.get(), pool.data(), 1000, true).untimed, 2);
}

// What does not exist, and what is missing, is said with the call.
TEST_F(Product, Faults) {
  Manifest manifest;
  MatmulDesc desc;
  desc.m = desc.n = desc.k = 16;
  desc.aStrides = desc.bStrides = desc.cStrides = {16, 1};
  manifest.matmuls = {desc};
  manifest.tasks = {"step"};
  manifest.schedule = {{"step", "matmul", "h.0.fc", 1, 1, "h.0.fc/MatMul", "forward", 0}};
  {
    Calls calls(manifest);
    weft_matmul(calls.get(), 7, nullptr, nullptr, nullptr, nullptr, nullptr);
    EXPECT_EQ(calls.error(), "weft_matmul(7): no such entry");
  }
  Calls calls(manifest);
  calls.context->beginTask(0);
  weft_matmul(calls.get(), 0, nullptr, nullptr, nullptr, nullptr, nullptr);
  EXPECT_EQ(calls.error(), "weft_matmul(0): an operand is null, in call 1 of the task: matmul h.0.fc (h.0.fc/MatMul)");
  manifest.matmuls[0].aStrides = {32, 2};
  EXPECT_THROW(Calls{manifest}, InternalError);
}

// Not a test of speed: it prints what GPT-2's products take with the library's first algorithm and with the chosen one.
TEST_F(Product, SpeedOfLayers) {
  struct Shape {
    const char *what;
    int64_t m, n, k;
    MatmulEpilogue epilogue;
  } shapes[] = {{"qkv", 65536, 2304, 768, MatmulEpilogue::None},
                {"up", 65536, 3072, 768, MatmulEpilogue::None},
                {"up gelu_aux", 65536, 3072, 768, MatmulEpilogue::GeluAux},
                {"down", 65536, 768, 3072, MatmulEpilogue::None},
                {"down's input, dgelu", 65536, 3072, 768, MatmulEpilogue::DGelu},
                {"up's weight", 768, 3072, 65536, MatmulEpilogue::None}};
  Manifest manifest;
  for (const Shape &shape : shapes) {
    MatmulDesc desc;
    desc.dtype = MatmulType::BF16;
    desc.m = shape.m, desc.n = shape.n, desc.k = shape.k, desc.epilogue = shape.epilogue;
    desc.bias = shape.epilogue == MatmulEpilogue::GeluAux;
    bool weight = shape.k == 65536;
    desc.aStrides = weight ? std::vector<int64_t>{1, shape.m} : std::vector<int64_t>{shape.k, 1};
    desc.bStrides = {shape.n, 1}, desc.cStrides = {shape.n, 1};
    manifest.matmuls.push_back(desc);
  }
  Calls calls(manifest);
  constexpr int64_t kPool = int64_t(2) << 30;
  DeviceMemory pool(kPool);
  AlgorithmCache none("", "test", 1);
  auto untuned = [&](size_t i) {
    // The first candidate is the library's choice.
    return calls.context->matmuls[i]->candidates(1).front();
  };
  std::vector<CachedAlgorithm> first;
  for (size_t i = 0; i < manifest.matmuls.size(); ++i)
    first.push_back(untuned(i));
  TuningReport report = tuneMatmuls(calls.context->matmuls, none, calls.stream.get(), pool.data(), kPool, true);
  printf("%lld problems timed in %.0f ms\n", static_cast<long long>(report.timed), report.milliseconds);
  for (size_t i = 0; i < manifest.matmuls.size(); ++i) {
    LtMatmul &matmul = *calls.context->matmuls[i];
    const MatmulProblem &problem = matmul.problem();
    double chosen = matmul.algorithm().microseconds;
    char *at = pool.data();
    auto take = [&](int64_t elements) { return std::exchange(at, at + (2 * elements + 255) / 256 * 256); };
    MatmulBuffers buffers;
    buffers.a = take(problem.aElements), buffers.b = take(problem.bElements), buffers.bias = take(problem.desc.n);
    buffers.aux = take(problem.cElements), buffers.c = take(problem.cElements), buffers.scratch = calls.workspace();
    ASSERT_TRUE(matmul.use(first[i]));
    Event begin = makeEvent(true), end = makeEvent(true);
    ASSERT_EQ(matmul.run(calls.stream.get(), buffers), nullptr);
    checkCuda(cudaEventRecord(begin.get(), calls.stream.get()), "cudaEventRecord");
    for (int run = 0; run < 5; ++run)
      ASSERT_EQ(matmul.run(calls.stream.get(), buffers), nullptr);
    checkCuda(cudaEventRecord(end.get(), calls.stream.get()), "cudaEventRecord");
    checkCuda(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
    float ms = 0;
    checkCuda(cudaEventElapsedTime(&ms, begin.get(), end.get()), "cudaEventElapsedTime");
    double flops = 2.0 * shapes[i].m * shapes[i].n * shapes[i].k;
    printf("%-22s first %7.1f us %6.1f TFLOP/s, chosen %7.1f us %6.1f TFLOP/s\n", shapes[i].what, 1e3 * ms / 5,
           flops / (1e-3 * ms / 5) * 1e-12, chosen, flops / chosen * 1e-6);
    EXPECT_GT(chosen, 0);
  }
  printf("peak: bf16 %.1f, f32 %.1f TFLOP/s; copy %.0f GB/s\n",
         measureProducts(MatmulType::BF16, calls.stream.get()) * 1e-3,
         measureProducts(MatmulType::F32, calls.stream.get()) * 1e-3, measureDeviceCopy(calls.stream.get()));
}

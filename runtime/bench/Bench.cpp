//===- Bench.cpp - Speed of attention and products ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Prints GFLOP/s; a share of the machine's peak where its vector width and a
// measured clock give one. Causal attention counts the half that is computed.
//
//===----------------------------------------------------------------------===//

#include "core/HostPages.h"
#include "kernels/Attention.h"
#include "kernels/Convolution.h"
#include "kernels/Matmul.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <omp.h>
#include <vector>

using namespace weft;
using namespace weft::rt;

/// Seconds: of this thread's work where it is the only one, so that other programs on the machine count less.
static double now() {
  struct timespec time;
  clock_gettime(omp_get_max_threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The least of several times, in seconds.
template <typename Function> static double measure(Function function) {
  double best = 1e30, total = 0;
  function();
  for (int i = 0; i < 3 || (total < 1.5 && i < 400); ++i) {
    double start = now();
    function();
    double seconds = now() - start;
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

/// Floats in memory like the arena's.
class Numbers {
public:
  explicit Numbers(int64_t count) : arena(count * 4) {
    for (int64_t i = 0; i < count; ++i)
      data()[i] = static_cast<float>((i * 7919) % 1000) * 0.002f - 1.0f;
  }
  float *data() { return reinterpret_cast<float *>(arena.data()); }

private:
  HostPages arena;
};

typedef float Wide __attribute__((vector_size(32)));

/// Independent multiply-adds in registers: the peak of one thread, with vectors of eight.
__attribute__((target("avx2,fma"), noinline)) static float multiplyAdds(int64_t rounds) {
  Wide sums[12], factor, term;
  for (int i = 0; i < 8; ++i) {
    factor[i] = 0.999f;
    term[i] = 1e-3f * static_cast<float>(i);
  }
  for (auto &sum : sums)
    sum = term;
  for (int64_t r = 0; r < rounds; ++r) {
    asm volatile("" : "+x"(factor)); // Keeps the loop from being worked out once.
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i)
      sums[i] = sums[i] * factor + term;
  }
  float total = 0;
  for (auto &sum : sums)
    total += sum[0] + sum[7];
  return total;
}

/// Of one thread, now: other programs on the machine change it from minute to minute. 0 where it is not known.
static double measurePeak() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return 0;
  int64_t rounds = 100'000;
  volatile float sink = 0;
  double seconds = measure([&] { sink = multiplyAdds(rounds); });
  (void)sink;
  return 2.0 * 12 * 8 * static_cast<double>(rounds) / seconds * 1e-9;
}

static void benchAttention(int64_t batch, int64_t heads, int64_t kvHeads, int64_t length, int64_t head, bool causal,
                           int threads) {
  AttentionDesc desc = {};
  desc.batch = batch, desc.heads = heads, desc.kvHeads = kvHeads, desc.queries = desc.keys = length;
  desc.head = desc.valueHead = head, desc.causal = causal, desc.scale = 1.0f / std::sqrt(static_cast<float>(head));
  auto dense = [&](int64_t(&s)[4], int64_t rowHeads) {
    s[0] = length * rowHeads * head, s[1] = rowHeads * head, s[2] = head, s[3] = 1;
  };
  int64_t packed = heads + 2 * kvHeads, size = batch * length * packed * head, outSize = batch * length * heads * head;
  for (auto *s : {&desc.q, &desc.k, &desc.v, &desc.dq, &desc.dk, &desc.dv})
    dense(*s, packed), (*s)[2] = head;
  dense(desc.out, heads);
  dense(desc.dout, heads);
  Numbers qkv(size), gradient(size), out(outSize), dout(outSize), lse(batch * heads * length);
  float *k = qkv.data() + heads * head, *v = k + kvHeads * head;
  float *dk = gradient.data() + heads * head, *dv = dk + kvHeads * head;
  for (const AttentionKernels *kernels : availableAttentionKernels()) {
    PreparedAttention attention(desc, threads, kernels);
    AttentionWorkspace workspace(attention.workspaceFloats(), threads);
    double product = 2.0 * batch * heads * length * length * head * (causal ? 0.5 : 1.0);
    double forward = measure([&] {
      attention.forward(workspace, {qkv.data(), k, v, nullptr, out.data(), lse.data()});
    });
    double backward = measure([&] {
      attention.backward(workspace,
                         {dout.data(), qkv.data(), k, v, nullptr, out.data(), lse.data(), gradient.data(), dk, dv});
    });
    double peak = measurePeak() * threads * 1e9;
    printf("attention %-9s B%lld H%lld/%lld T%lld D%lld %s: forward %.2f ms %.1f GFLOP/s (%.0f %% of peak), backward "
           "%.2f ms %.1f GFLOP/s (%.0f %%), workspace %.0f KiB\n",
           kernels->name, (long long)batch, (long long)heads, (long long)kvHeads, (long long)length, (long long)head,
           causal ? "causal" : "full", forward * 1e3, 2 * product / forward * 1e-9, 200 * product / forward / peak,
           backward * 1e3, 5 * product / backward * 1e-9, 500 * product / backward / peak,
           attention.workspaceFloats() * 4 / 1024.0);
  }
}

static void benchMatmul(const char *name, int64_t m, int64_t n, int64_t k, bool aTransposed, bool bTransposed,
                        bool bias, bool accumulate) {
  MatmulDesc desc;
  desc.m = m, desc.n = n, desc.k = k, desc.bias = bias, desc.accumulate = accumulate;
  desc.aStrides = aTransposed ? std::vector<int64_t>{1, m} : std::vector<int64_t>{k, 1};
  desc.bStrides = bTransposed ? std::vector<int64_t>{1, k} : std::vector<int64_t>{n, 1};
  desc.cStrides = {n, 1};
  std::string error;
  auto engine = MatmulEngine::create();
  auto matmul = Matmul::create(*engine, desc, error);
  if (!matmul) {
    printf("%s: %s\n", name, error.c_str());
    return;
  }
  Numbers a(m * k), b(k * n), c(m * n), offset(n);
  std::vector<char> scratch(matmul->scratchBytes() + 64);
  double seconds = measure([&] { matmul->run(a.data(), b.data(), offset.data(), c.data(), scratch.data()); });
  printf("product %-26s %lldx%lldx%lld %s: %.2f ms %.1f GFLOP/s, scratch %lld bytes\n", name, (long long)m,
         (long long)n, (long long)k, matmul->implementation().c_str(), seconds * 1e3, 2.0 * m * n * k / seconds * 1e-9,
         (long long)matmul->scratchBytes());
}

/// A square convolution and its transposes; reorders between the program's layout and the library's count.
static void benchConvolution(const char *name, int64_t batch, int64_t channels, int64_t outputs, int64_t size,
                             int64_t kernel, int64_t stride, int64_t pad, int64_t groups) {
  ConvolutionDesc desc;
  int64_t out = (size + 2 * pad - kernel) / stride + 1;
  desc.input = {batch, channels, size, size};
  desc.filter = {outputs, channels / groups, kernel, kernel};
  desc.output = {batch, outputs, out, out};
  desc.strides = {stride, stride};
  desc.low = desc.high = {pad, pad};
  desc.dilations = {1, 1};
  Numbers input(batch * channels * size * size), filter(outputs * channels / groups * kernel * kernel),
      output(batch * outputs * out * out);
  struct {
    ConvolutionDesc::Kind kind;
    const char *name;
    float *a, *b, *c;
  } directions[] = {{ConvolutionDesc::Forward, "forward", input.data(), filter.data(), output.data()},
                    {ConvolutionDesc::InputGrad, "input gradient", output.data(), filter.data(), input.data()},
                    {ConvolutionDesc::WeightGrad, "weight gradient", input.data(), output.data(), filter.data()}};
  for (auto &direction : directions) {
    desc.kind = direction.kind;
    std::string error;
    auto convolution = Convolution::create(desc, error);
    if (!convolution) {
      printf("%s: %s\n", name, error.c_str());
      return;
    }
    Numbers scratch(convolution->scratchBytes() / 4 + 16);
    double seconds = measure([&] { convolution->run(direction.a, direction.b, direction.c, scratch.data()); });
    double flops = 2.0 * batch * outputs * out * out * (channels / groups) * kernel * kernel;
    printf("convolution %-16s %-15s %s: %.2f ms %.1f GFLOP/s, scratch %lld MiB\n", name, direction.name,
           convolution->implementation().c_str(), seconds * 1e3, flops / seconds * 1e-9,
           (long long)(convolution->scratchBytes() >> 20));
  }
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : omp_get_max_threads();
  omp_set_num_threads(threads);
  printf("%d threads; peak: multiply-adds in registers, %.1f GFLOP/s a thread\n", threads, measurePeak());
  benchAttention(1, 2, 2, 1024, 64, true, threads);
  benchAttention(4, 12, 12, 1024, 64, true, threads);
  benchAttention(4, 12, 12, 1024, 64, false, threads);
  benchAttention(4, 12, 12, 256, 64, true, threads);
  benchAttention(1, 16, 4, 2048, 128, true, threads);
  benchAttention(16, 8, 8, 32, 8, true, threads);
  benchMatmul("plain", 1024, 3072, 768, false, false, false, false);
  benchMatmul("weights transposed, bias", 1024, 3072, 768, false, true, true, false);
  benchMatmul("input gradient", 1024, 768, 3072, false, true, false, false);
  benchMatmul("weight gradient", 768, 3072, 1024, true, false, false, false);
  benchMatmul("weight gradient, added", 768, 3072, 1024, true, false, false, true);
  benchMatmul("head", 1024, 50257, 768, false, true, false, false);
  benchConvolution("3x3", 8, 64, 64, 56, 3, 1, 1, 1);
  benchConvolution("1x1", 8, 256, 64, 56, 1, 1, 0, 1);
  benchConvolution("3x3, small", 8, 256, 256, 14, 3, 1, 1, 1);
  benchConvolution("7x7, strided", 8, 3, 64, 224, 7, 2, 3, 1);
  benchConvolution("7x7, depthwise", 8, 96, 96, 56, 7, 1, 3, 96);
  benchConvolution("patches", 8, 3, 768, 224, 16, 16, 0, 1);
}

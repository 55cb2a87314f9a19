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

#include "kernels/Attention.h"
#include "kernels/Matmul.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <omp.h>
#include <vector>

using namespace weft;
using namespace weft::rt;

/// The least of several times, in seconds.
template <typename Function> static double measure(Function function) {
  double best = 1e30, total = 0;
  function();
  for (int i = 0; i < 3 || (total < 1.0 && i < 200); ++i) {
    auto start = std::chrono::steady_clock::now();
    function();
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

static std::vector<float> numbers(int64_t count) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = static_cast<float>((i * 7919) % 1000) * 0.002f - 1.0f;
  return values;
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
  std::vector<float> qkv = numbers(size), gradient(size), out(outSize), dout = numbers(outSize),
                     lse(batch * heads * length);
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
    printf("attention %-9s B%lld H%lld/%lld T%lld D%lld %s: forward %.2f ms %.1f GFLOP/s, backward %.2f ms %.1f "
           "GFLOP/s, workspace %.0f KiB\n",
           kernels->name, (long long)batch, (long long)heads, (long long)kvHeads, (long long)length, (long long)head,
           causal ? "causal" : "full", forward * 1e3, 2 * product / forward * 1e-9, backward * 1e3,
           5 * product / backward * 1e-9, attention.workspaceFloats() * 4 / 1024.0);
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
  std::vector<float> a = numbers(m * k), b = numbers(k * n), c(m * n), offset = numbers(n);
  std::vector<char> scratch(matmul->scratchBytes() + 64);
  double seconds = measure([&] { matmul->run(a.data(), b.data(), offset.data(), c.data(), scratch.data()); });
  printf("product %-26s %lldx%lldx%lld %s: %.2f ms %.1f GFLOP/s, scratch %lld bytes\n", name, (long long)m,
         (long long)n, (long long)k, matmul->implementation().c_str(), seconds * 1e3, 2.0 * m * n * k / seconds * 1e-9,
         (long long)matmul->scratchBytes());
}

/// What independent fused multiply-adds reach in registers: the peak that the kernels are measured against.
__attribute__((target_clones("avx512f", "arch=haswell", "default"))) static double peak(int64_t rounds) {
  float sums[16][16] = {};
  float a[16], b = 0.999f;
  for (int i = 0; i < 16; ++i)
    a[i] = 1e-3f * static_cast<float>(i);
  for (int64_t r = 0; r < rounds; ++r)
    for (int s = 0; s < 10; ++s)
      for (int i = 0; i < 16; ++i)
        sums[s][i] = sums[s][i] * b + a[i];
  double total = 0;
  for (auto &row : sums)
    for (float value : row)
      total += value;
  return total;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : omp_get_max_threads();
  omp_set_num_threads(threads);
  int64_t rounds = 20'000'000;
  volatile double sink = 0;
  double seconds = measure([&] { sink = peak(rounds); });
  (void)sink;
  printf("%d threads; multiply-adds in registers, one thread: %.1f GFLOP/s\n", threads,
         2.0 * 160 * static_cast<double>(rounds) / seconds * 1e-9);
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
}

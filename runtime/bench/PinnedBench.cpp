//===- PinnedBench.cpp - Host memory that a GPU copies from and to --------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// weft-pinned-bench GIB: how long pinning so much memory takes, fresh and again, one way and another; what the
// host's processors read and write of it, as an update does, and what the device copies, alone and at the same time.
//
//===----------------------------------------------------------------------===//

#include "device/Cuda.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

using namespace weft::rt;

static double secondsOf(const std::function<void()> &work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

static void onThreads(int threads, const std::function<void(int)> &work) {
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i)
    helpers.emplace_back(work, i);
  work(0);
  for (std::thread &helper : helpers)
    helper.join();
}

static void report(const char *what, double gib, double seconds) {
  printf("%-64s %7.2f s  %6.2f GiB/s\n", what, seconds, gib / seconds);
  fflush(stdout);
}

/// The bytes of an AdamW update of bf16 parameters: three fp32 states read and written, a gradient read, a parameter
/// written.
static double updateBandwidth(char *memory, int64_t bytes, int threads) {
  int64_t count = bytes / 16 / threads * threads;
  auto *__restrict master = reinterpret_cast<float *>(memory);
  auto *__restrict m = master + count;
  auto *__restrict v = m + count;
  auto *__restrict gradient = reinterpret_cast<uint16_t *>(v + count);
  auto *__restrict parameter = gradient + count;
  double seconds = secondsOf([&] {
    onThreads(threads, [&](int thread) {
      for (int64_t i = count / threads * thread, end = count / threads * (thread + 1); i < end; ++i) {
        uint32_t bits = uint32_t(gradient[i]) << 16;
        float g;
        memcpy(&g, &bits, 4);
        m[i] = 0.9f * m[i] + 0.1f * g;
        v[i] = 0.95f * v[i] + 0.05f * g * g;
        master[i] -= 1e-3f * m[i] + 1e-4f * v[i];
        memcpy(&bits, &master[i], 4);
        parameter[i] = static_cast<uint16_t>(bits >> 16);
      }
    });
  });
  return 28.0 * static_cast<double>(count) / seconds * 1e-9;
}

int main(int argc, char **argv) {
  double gib = argc > 1 ? atof(argv[1]) : 8;
  auto bytes = static_cast<int64_t>(gib * (int64_t(1) << 30));
  int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  try {
    checkCuda(cudaFree(nullptr), "cudaFree");
    printf("%d processors, %.0f GiB\n", threads, gib);
    char label[96];
    for (int round = 0; round < 2; ++round)
      for (int count : {threads, 4, 1}) {
        if (round == 0 && count != threads)
          continue;
        HostPages pages(bytes, /*elastic=*/true);
        snprintf(label, sizeof(label), "huge pages brought in by %d threads%s", count,
                 round == 0 ? " (memory that the machine may not have had)" : "");
        report(label, gib, secondsOf([&] { pages.populate(count); }));
        report("  and registered", gib, secondsOf([&] {
                 checkCuda(cudaHostRegister(pages.data(), bytes, cudaHostRegisterPortable), "cudaHostRegister");
               }));
        if (count == threads && round == 1) {
          printf("update on %d threads: %.0f GB/s\n", threads, updateBandwidth(pages.data(), bytes, threads));
          printf("update on %d threads: %.0f GB/s\n", threads, updateBandwidth(pages.data(), bytes, threads));
          DeviceMemory device(int64_t(2) << 30);
          Stream there = makeStream(), back = makeStream();
          auto copies = [&](int repeat) {
            for (int i = 0; i < repeat; ++i) {
              checkCuda(cudaMemcpyAsync(pages.data(), device.data(), 1 << 30, cudaMemcpyDefault, there.get()), "copy");
              checkCuda(cudaMemcpyAsync(device.data() + (1 << 30), pages.data() + (int64_t(2) << 30), 1 << 30,
                                        cudaMemcpyDefault, back.get()),
                        "copy");
            }
          };
          auto wait = [&] { checkCuda(cudaDeviceSynchronize(), "cudaDeviceSynchronize"); };
          report("copies both ways at once, each", 20, secondsOf([&] { copies(20), wait(); }));
          double update = 0;
          double both = secondsOf([&] {
            copies(60);
            update = updateBandwidth(pages.data() + (int64_t(4) << 30), bytes - (int64_t(4) << 30), threads);
            wait();
          });
          report("the same beside an update, each", 60, both);
          printf("update beside them: %.0f GB/s\n", update);
        }
        checkCuda(cudaHostUnregister(pages.data()), "cudaHostUnregister");
      }
    PinnedMemory before;
    report("cudaMallocHost", gib, secondsOf([&] { before = PinnedMemory(bytes); }));
    report("  and zeroed by all threads", gib, secondsOf([&] {
             onThreads(threads,
                       [&](int thread) { memset(before.data() + bytes / threads * thread, 0, bytes / threads); });
           }));
  } catch (const std::exception &fault) {
    fprintf(stderr, "weft-pinned-bench: %s\n", fault.what());
    return 1;
  }
  return 0;
}

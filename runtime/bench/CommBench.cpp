//===- CommBench.cpp - How long collectives take --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// weft-comm-bench RANKS: starts so many processes here, runs every collective in
// growing sizes, and prints the best time of each and the bytes that a rank sends
// in a second.
//
//===----------------------------------------------------------------------===//

#include "comm/Ranks.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sys/wait.h>
#include <unistd.h>

using namespace weft;
using namespace weft::rt;

namespace {

constexpr int64_t kSizes[] = {4 << 10, 64 << 10, 1 << 20, 16 << 20, 64 << 20};
constexpr CollectiveKind kKinds[] = {CollectiveKind::AllReduce, CollectiveKind::AllGather,
                                     CollectiveKind::ReduceScatter, CollectiveKind::AllToAll};
constexpr int kRepeats = 15;

/// Every kind in every size; a size is that of the whole tensor.
Manifest manifestFor(int64_t ranks) {
  Manifest manifest;
  manifest.mesh.axes = {{"ranks", ranks}};
  for (CollectiveKind kind : kKinds)
    for (int64_t bytes : kSizes) {
      CollectiveInfo info;
      info.kind = kind;
      info.axes = {0};
      int64_t elements = bytes / info.elementBytes;
      info.members = {{1, 1, 1, kind == CollectiveKind::AllReduce ? elements : elements / ranks}};
      info.scratch = collectiveScratchBytes(info, ranks);
      manifest.collectives.push_back(info);
    }
  return manifest;
}

void measure(Ranks &ranks, const Manifest &manifest) {
  int64_t largest = kSizes[std::size(kSizes) - 1], scratch = 0;
  for (const CollectiveInfo &info : manifest.collectives)
    scratch = std::max(scratch, info.scratch);
  int64_t bytes = 2 * largest + scratch;
  std::unique_ptr<char[]> arena(new char[bytes]());
  ranks.connect(arena.get(), bytes);
  for (size_t i = 0; i < manifest.collectives.size(); ++i) {
    const CollectiveInfo &info = manifest.collectives[i];
    const void *inputs[] = {arena.get()};
    void *outputs[] = {arena.get() + (info.kind == CollectiveKind::AllReduce ? 0 : largest)};
    double best = 1e9;
    for (int repeat = 0; repeat < kRepeats; ++repeat) {
      auto start = std::chrono::steady_clock::now();
      if (!ranks.run(static_cast<int64_t>(i), inputs, outputs, arena.get() + 2 * largest))
        ranks.check();
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    double whole = static_cast<double>(kSizes[i % std::size(kSizes)]), n = static_cast<double>(ranks.world());
    double sent = whole * (n - 1) / n * (info.kind == CollectiveKind::AllReduce ? 2 : 1);
    if (ranks.rank() == 0)
      printf("%-28s %9.0f KiB  %9.3f ms  %6.2f GB/s\n", info.describe(manifest.mesh).c_str(), whole / 1024, best * 1e3,
             sent / best * 1e-9);
  }
  ranks.goodbye();
  ranks.release();
}

} // namespace

int main(int argc, char **argv) {
  int64_t count = argc == 2 ? atoll(argv[1]) : 0;
  if (count < 2 || count > 64) {
    fprintf(stderr, "usage: weft-comm-bench RANKS   (2 to 64 processes on this machine)\n");
    return 2;
  }
  Manifest manifest = manifestFor(count);
  Socket listening = listenOn(0);
  LaunchInfo launch;
  launch.world = count;
  launch.masterPort = portOf(listening);
  for (launch.rank = count - 1; launch.rank > 0; --launch.rank)
    if (fork() == 0)
      break;
  if (launch.rank == 0)
    launch.listening = listening.release();
  try {
    Ranks ranks(manifest, 0, 0, launch, 60, weft_gloo_transport);
    measure(ranks, manifest);
  } catch (const std::exception &error) {
    fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  while (launch.rank == 0 && wait(nullptr) > 0)
    continue;
  return 0;
}

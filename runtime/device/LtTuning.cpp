//===- LtTuning.cpp - Algorithms chosen by their time ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Text.h"
#include "device/Kernels.h"
#include "device/LtMatmul.h"

#include <algorithm>
#include <chrono>

using namespace weft;
using namespace weft::rt;

/// Algorithms that are timed for each problem, and how often each.
static constexpr int kCandidates = 8, kRepeats = 5;

namespace {

/// Places for the operands of one product, one after another.
struct Places {
  MatmulBuffers buffers;
  int64_t cBytes = 0, bytes = 0;
};

class Tuner {
public:
  Tuner(cudaStream_t stream, char *pool, int64_t poolBytes, bool deterministic)
      : stream(stream), pool(pool), poolBytes(poolBytes), deterministic(deterministic), begin(makeEvent(true)),
        end(makeEvent(true)), sums(2 * sizeof(uint64_t)), pinned(2 * sizeof(uint64_t)) {}

  /// The fastest of the library's algorithms; nothing where the pool is too small.
  std::optional<CachedAlgorithm> choose(LtMatmul &matmul, int64_t workspace);

private:
  Places place(const MatmulProblem &problem, int64_t workspace) const;
  void run(LtMatmul &matmul, const Places &places);
  bool repeats(LtMatmul &matmul, const Places &places);
  double time(LtMatmul &matmul, const Places &places);

  cudaStream_t stream;
  char *pool;
  int64_t poolBytes;
  bool deterministic;
  Event begin, end;
  DeviceMemory sums;
  PinnedMemory pinned;
  int64_t filled = 0;
};

} // namespace

Places Tuner::place(const MatmulProblem &problem, int64_t workspace) const {
  Places places;
  auto take = [&](int64_t bytes) {
    char *at = pool + places.bytes;
    places.bytes += (bytes + 255) / 256 * 256;
    return at;
  };
  int64_t width = problem.elementBytes();
  places.cBytes = problem.cElements * width;
  places.buffers.a = take(problem.aElements * width);
  places.buffers.b = take(problem.bElements * width);
  places.buffers.bias = take(problem.desc.n * width);
  if (problem.desc.epilogue != MatmulEpilogue::None)
    places.buffers.aux = take(places.cBytes);
  places.buffers.c = take(places.cBytes);
  places.buffers.scratch = take(workspace);
  return places;
}

void Tuner::run(LtMatmul &matmul, const Places &places) {
  if (const char *fault = matmul.run(stream, places.buffers))
    throw InternalError(std::string("cublasLtMatmul: ") + fault + " while timing " + matmul.key());
}

/// Whether two runs from the same state give the same bits.
bool Tuner::repeats(LtMatmul &matmul, const Places &places) {
  auto *sum = reinterpret_cast<uint64_t *>(sums.data());
  checkCuda(cudaMemsetAsync(sum, 0, 2 * sizeof(uint64_t), stream), "cudaMemsetAsync");
  for (int i = 0; i < 2; ++i) {
    checkCuda(cudaMemsetAsync(places.buffers.c, 0, places.cBytes, stream), "cudaMemsetAsync");
    run(matmul, places);
    checkCuda(launchChecksum(places.buffers.c, places.cBytes / 2, sum + i, stream), "checksum");
  }
  checkCuda(cudaMemcpyAsync(pinned.data(), sum, 2 * sizeof(uint64_t), cudaMemcpyDeviceToHost, stream),
            "cudaMemcpyAsync");
  checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  const auto *values = reinterpret_cast<const uint64_t *>(pinned.data());
  return values[0] == values[1];
}

/// Microseconds.
double Tuner::time(LtMatmul &matmul, const Places &places) {
  run(matmul, places);
  checkCuda(cudaEventRecord(begin.get(), stream), "cudaEventRecord");
  for (int i = 0; i < kRepeats; ++i)
    run(matmul, places);
  checkCuda(cudaEventRecord(end.get(), stream), "cudaEventRecord");
  checkCuda(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
  float milliseconds = 0;
  checkCuda(cudaEventElapsedTime(&milliseconds, begin.get(), end.get()), "cudaEventElapsedTime");
  return 1e3 * milliseconds / kRepeats;
}

std::optional<CachedAlgorithm> Tuner::choose(LtMatmul &matmul, int64_t workspace) {
  Places places = place(matmul.problem(), workspace);
  if (places.bytes > poolBytes)
    return std::nullopt;
  if (places.bytes > filled) {
    // bf16 between -1 and 1, which as f32 and f16 are ordinary numbers too. Never zeros: they are faster.
    checkCuda(launchRandom(pool + filled, (places.bytes - filled) / 2, static_cast<uint64_t>(filled), stream),
              "random values");
    filled = places.bytes;
  }
  std::optional<CachedAlgorithm> best;
  for (CachedAlgorithm candidate : matmul.candidates(kCandidates)) {
    if (!matmul.use(candidate) || (deterministic && !repeats(matmul, places)))
      continue;
    candidate = matmul.algorithm();
    candidate.microseconds = time(matmul, places);
    if (!best || candidate.microseconds < best->microseconds)
      best = candidate;
  }
  if (!best)
    throw InternalError("none of cuBLASLt's algorithms gives the same bits each time for " + matmul.key());
  return best;
}

TuningReport weft::rt::tuneMatmuls(const std::vector<std::unique_ptr<LtMatmul>> &matmuls, AlgorithmCache &cache,
                                   cudaStream_t stream, char *pool, int64_t poolBytes, bool deterministic) {
  auto start = std::chrono::steady_clock::now();
  TuningReport report;
  report.remark = cache.remark();
  Tuner tuner(stream, pool, poolBytes, deterministic);
  std::map<std::string, std::optional<CachedAlgorithm>> chosen;
  for (const auto &matmul : matmuls) {
    ++report.products;
    auto [place, isNew] = chosen.try_emplace(matmul->key());
    std::optional<CachedAlgorithm> &algorithm = place->second;
    if (isNew) {
      ++report.problems;
      algorithm = cache.find(matmul->key());
      if (algorithm && matmul->use(*algorithm)) {
        ++report.remembered;
        continue;
      }
      algorithm = tuner.choose(*matmul, matmul->workspaceBound());
      report.timed += algorithm.has_value();
      report.untimed += !algorithm.has_value();
      if (algorithm)
        cache.add(matmul->key(), *algorithm);
    }
    if (algorithm && !matmul->use(*algorithm))
      throw InternalError("cuBLASLt does not take an algorithm again that it named for " + matmul->key());
  }
  checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  std::string fault = cache.save();
  if (!fault.empty())
    report.remark = fault;
  report.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return report;
}

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
#include <limits>

using namespace weft;
using namespace weft::rt;

/// Algorithms that are timed for each problem, how often again those are that may be the fastest, and how much slower
/// than the fastest such a one was at first.
static constexpr int kCandidates = 8, kRepeats = 3;
static constexpr double kPromising = 1.1;

namespace {

/// Places for the operands of one product, one after another.
struct Places {
  MatmulBuffers buffers;
  int64_t cBytes = 0, bytes = 0;
};

class Tuner {
public:
  Tuner(cudaStream_t stream, char *pool, int64_t poolBytes, bool deterministic)
      : stream(stream), pool(pool), poolBytes(poolBytes), deterministic(deterministic), sums(2 * sizeof(uint64_t)),
        pinned(2 * sizeof(uint64_t)) {
    for (int i = 0; i < 2 * kRepeats; ++i)
      events.push_back(makeEvent(true));
  }

  /// The fastest of the library's algorithms; nothing where the pool is too small.
  std::optional<CachedAlgorithm> choose(LtMatmul &matmul, int64_t workspace);

private:
  Places place(const MatmulProblem &problem, int64_t workspace) const;
  void run(LtMatmul &matmul, const Places &places);
  /// A run between two events; `elapsed` is its time in microseconds, when the stream is done.
  void timedRun(LtMatmul &matmul, const Places &places, int index);
  double elapsed(int index);
  std::optional<double> tryOut(LtMatmul &matmul, const Places &places);
  double timeAgain(LtMatmul &matmul, const Places &places);

  cudaStream_t stream;
  char *pool;
  int64_t poolBytes;
  bool deterministic;
  std::vector<Event> events; ///< before and after each run
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

void Tuner::timedRun(LtMatmul &matmul, const Places &places, int index) {
  checkCuda(cudaEventRecord(events[2 * index].get(), stream), "cudaEventRecord");
  run(matmul, places);
  checkCuda(cudaEventRecord(events[2 * index + 1].get(), stream), "cudaEventRecord");
}

double Tuner::elapsed(int index) {
  float milliseconds = 0;
  checkCuda(cudaEventElapsedTime(&milliseconds, events[2 * index].get(), events[2 * index + 1].get()),
            "cudaEventElapsedTime");
  return 1e3 * milliseconds;
}

/// The faster of two runs behind a first one, so that something else that holds the device up strikes out nothing;
/// nothing where two runs from the same state do not give the same bits.
std::optional<double> Tuner::tryOut(LtMatmul &matmul, const Places &places) {
  auto *sum = reinterpret_cast<uint64_t *>(sums.data());
  checkCuda(cudaMemsetAsync(sum, 0, 2 * sizeof(uint64_t), stream), "cudaMemsetAsync");
  for (int i = 0; i < 2; ++i) {
    checkCuda(cudaMemsetAsync(places.buffers.c, 0, places.cBytes, stream), "cudaMemsetAsync");
    if (i == 0)
      run(matmul, places);
    else
      timedRun(matmul, places, 0);
    checkCuda(launchChecksum(places.buffers.c, places.cBytes / 2, sum + i, stream), "checksum");
  }
  timedRun(matmul, places, 1);
  checkCuda(cudaMemcpyAsync(pinned.data(), sum, 2 * sizeof(uint64_t), cudaMemcpyDeviceToHost, stream),
            "cudaMemcpyAsync");
  checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  const auto *values = reinterpret_cast<const uint64_t *>(pinned.data());
  if (deterministic && values[0] != values[1])
    return std::nullopt;
  return std::min(elapsed(0), elapsed(1));
}

/// The fastest of some more runs.
double Tuner::timeAgain(LtMatmul &matmul, const Places &places) {
  for (int i = 0; i < kRepeats; ++i)
    timedRun(matmul, places, i);
  checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  double best = elapsed(0);
  for (int i = 1; i < kRepeats; ++i)
    best = std::min(best, elapsed(i));
  return best;
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
  std::vector<CachedAlgorithm> tried;
  for (CachedAlgorithm candidate : matmul.candidates(kCandidates)) {
    if (!matmul.use(candidate))
      continue;
    if (std::optional<double> time = tryOut(matmul, places)) {
      tried.push_back(matmul.algorithm());
      tried.back().microseconds = *time;
    }
  }
  double least = std::numeric_limits<double>::infinity();
  for (const CachedAlgorithm &candidate : tried)
    least = std::min(least, candidate.microseconds);
  std::optional<CachedAlgorithm> best;
  for (CachedAlgorithm candidate : tried) {
    if (candidate.microseconds > kPromising * least || !matmul.use(candidate))
      continue;
    candidate.microseconds = std::min(candidate.microseconds, timeAgain(matmul, places));
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

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

/// Algorithms that are timed for each problem, how often again those are that may be the fastest, and how much slower
/// than the fastest such a one was at first.
static constexpr int kCandidates = 8, kRepeats = 3;
static constexpr double kPromising = 1.1;
/// Under load: how much slower than the fastest an algorithm may be alone, how many are timed at most, in how many
/// turns of how many microseconds, and for how long the device works before that. What is fastest alone, on a cool
/// device, may take more power than others, and then be slower where power is what bounds the clock.
static constexpr double kPromisingAlone = 1.2, kTurn = 3000, kWarmUp = 200e3;
static constexpr size_t kMostUnderLoad = 28;
static constexpr int kTurns = 5;

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
  std::optional<CachedAlgorithm> choose(LtMatmul &matmul, int64_t workspace, bool thorough);

private:
  Places place(const MatmulProblem &problem, int64_t workspace) const;
  void run(LtMatmul &matmul, const Places &places);
  /// A run between two events; `elapsed` is its time in microseconds, when the stream is done.
  void timedRun(LtMatmul &matmul, const Places &places, int index);
  double elapsed(int index);
  std::optional<double> tryOut(LtMatmul &matmul, const Places &places);
  double timeAgain(LtMatmul &matmul, const Places &places);
  /// Those of `algorithms` that the library takes and that give the same bits each time, with their times.
  std::vector<CachedAlgorithm> tryOut(LtMatmul &matmul, const Places &places, std::vector<CachedAlgorithm> algorithms);
  std::optional<CachedAlgorithm> fastestAlone(LtMatmul &matmul, const Places &places,
                                              const std::vector<CachedAlgorithm> &tried);
  std::optional<CachedAlgorithm> fastestUnderLoad(LtMatmul &matmul, const Places &places,
                                                  std::vector<CachedAlgorithm> tried);
  /// Runs one after another; returns the time of one.
  double timeRuns(LtMatmul &matmul, const Places &places, int64_t count);

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

std::vector<CachedAlgorithm> Tuner::tryOut(LtMatmul &matmul, const Places &places,
                                           std::vector<CachedAlgorithm> algorithms) {
  std::vector<CachedAlgorithm> tried;
  for (const CachedAlgorithm &candidate : algorithms) {
    if (!matmul.use(candidate))
      continue;
    if (std::optional<double> time = tryOut(matmul, places)) {
      tried.push_back(matmul.algorithm());
      tried.back().microseconds = *time;
    }
  }
  std::stable_sort(tried.begin(), tried.end(),
                   [](const CachedAlgorithm &a, const CachedAlgorithm &b) { return a.microseconds < b.microseconds; });
  return tried;
}

std::optional<CachedAlgorithm> Tuner::fastestAlone(LtMatmul &matmul, const Places &places,
                                                   const std::vector<CachedAlgorithm> &tried) {
  std::optional<CachedAlgorithm> best;
  for (CachedAlgorithm candidate : tried) {
    if (candidate.microseconds > kPromising * tried.front().microseconds || !matmul.use(candidate))
      continue;
    candidate.microseconds = std::min(candidate.microseconds, timeAgain(matmul, places));
    if (!best || candidate.microseconds < best->microseconds)
      best = candidate;
  }
  return best;
}

double Tuner::timeRuns(LtMatmul &matmul, const Places &places, int64_t count) {
  checkCuda(cudaEventRecord(events[0].get(), stream), "cudaEventRecord");
  for (int64_t i = 0; i < count; ++i)
    run(matmul, places);
  checkCuda(cudaEventRecord(events[1].get(), stream), "cudaEventRecord");
  checkCuda(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  return elapsed(0) / static_cast<double>(count);
}

/// In turns, so that what the device does meanwhile is the same for all; the median of an algorithm's turns counts.
std::optional<CachedAlgorithm> Tuner::fastestUnderLoad(LtMatmul &matmul, const Places &places,
                                                       std::vector<CachedAlgorithm> tried) {
  if (tried.empty())
    return std::nullopt;
  double least = tried.front().microseconds;
  while (tried.size() > kMostUnderLoad || tried.back().microseconds > kPromisingAlone * least)
    tried.pop_back();
  auto count = std::max<int64_t>(1, static_cast<int64_t>(kTurn / std::max(least, 1.0)));
  if (matmul.use(tried.front()))
    timeRuns(matmul, places, static_cast<int64_t>(kWarmUp / kTurn) * count);
  std::vector<std::vector<double>> times(tried.size());
  for (int turn = 0; turn < kTurns; ++turn)
    for (size_t i = 0; i < tried.size(); ++i)
      if (matmul.use(tried[i]))
        times[i].push_back(timeRuns(matmul, places, count));
  std::optional<CachedAlgorithm> best;
  for (size_t i = 0; i < tried.size(); ++i) {
    if (times[i].empty())
      continue;
    std::nth_element(times[i].begin(), times[i].begin() + times[i].size() / 2, times[i].end());
    tried[i].microseconds = times[i][times[i].size() / 2];
    if (!best || tried[i].microseconds < best->microseconds)
      best = tried[i];
  }
  if (best)
    best->thorough = true;
  return best;
}

std::optional<CachedAlgorithm> Tuner::choose(LtMatmul &matmul, int64_t workspace, bool thorough) {
  Places places = place(matmul.problem(), workspace);
  if (places.bytes > poolBytes)
    return std::nullopt;
  if (places.bytes > filled) {
    // bf16 between -1 and 1, which as f32 and f16 are ordinary numbers too. Never zeros: they are faster.
    checkCuda(launchRandom(pool + filled, (places.bytes - filled) / 2, static_cast<uint64_t>(filled), stream),
              "random values");
    filled = places.bytes;
  }
  std::vector<CachedAlgorithm> algorithms = matmul.candidates(kCandidates);
  if (thorough) {
    std::vector<CachedAlgorithm> more = matmul.variations();
    algorithms.insert(algorithms.end(), more.begin(), more.end());
  }
  std::vector<CachedAlgorithm> tried = tryOut(matmul, places, std::move(algorithms));
  std::optional<CachedAlgorithm> best =
      thorough ? fastestUnderLoad(matmul, places, std::move(tried)) : fastestAlone(matmul, places, tried);
  if (!best)
    throw InternalError("none of cuBLASLt's algorithms gives the same bits each time for " + matmul.key());
  return best;
}

TuningReport weft::rt::tuneMatmuls(const std::vector<std::unique_ptr<LtMatmul>> &matmuls, AlgorithmCache &cache,
                                   cudaStream_t stream, char *pool, int64_t poolBytes, bool deterministic,
                                   bool thorough) {
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
      if (algorithm && (algorithm->thorough || !thorough) && matmul->use(*algorithm)) {
        ++report.remembered;
        continue;
      }
      algorithm = tuner.choose(*matmul, matmul->workspaceBound(), thorough);
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

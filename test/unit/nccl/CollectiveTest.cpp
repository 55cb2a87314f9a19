//===- CollectiveTest.cpp - Collectives between GPUs ----------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Ranks in threads, each with a GPU of its own, against the same definition as
// the host's collectives.
//
//===----------------------------------------------------------------------===//

#include "Scenario.h"
#include "device/CopyCollectives.h"
#include "device/Cuda.h"
#include "device/CudaRanks.h"

using namespace weft;
using namespace weft::rt;
using namespace weft::test;

namespace {

/// GPUs of this machine, the most that tests use.
int64_t gpus() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? std::min(count, 8) : 0;
}

/// Enqueues all collectives of a scenario, on `collectives` with a `run` of theirs.
template <typename Collectives>
void enqueueAll(Collectives &collectives, const Scenario &scenario, char *memory, cudaStream_t stream,
                std::string &fault) {
  for (size_t i = 0; i < scenario.cases.size(); ++i) {
    const Case &one = scenario.cases[i];
    std::vector<const void *> inputs;
    std::vector<void *> outputs;
    addressesOf(one, memory, inputs, outputs);
    const char *failed =
        collectives.run(static_cast<int64_t>(i), inputs.data(), outputs.data(), memory + one.scratch.offset, stream);
    if (failed && fault.empty())
      fault = failed;
  }
}

/// The same as a graph.
template <typename Collectives>
GraphExec captureAll(Collectives &collectives, const Scenario &scenario, char *memory, cudaStream_t stream) {
  checkCuda(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  std::string fault;
  enqueueAll(collectives, scenario, memory, stream, fault);
  Graph graph;
  checkCuda(cudaStreamEndCapture(stream, graph.out()), "cudaStreamEndCapture");
  if (!fault.empty())
    throw std::runtime_error(fault);
  GraphExec exec;
  checkCuda(cudaGraphInstantiate(exec.out(), graph.get(), 0), "cudaGraphInstantiate");
  return exec;
}

/// Captures all collectives of a scenario and replays them four times from the same values.
void runOnGpu(const Scenario &scenario, const std::vector<char> &before, std::vector<char> &after, Ranks &ranks) {
  int device = static_cast<int>(ranks.rank());
  checkCuda(cudaSetDevice(device), "cudaSetDevice");
  DeviceMemory memory(scenario.bytes);
  Stream stream = makeStream();
  CudaRanks together(scenario.manifest, ranks, device);
  together.attach(memory.data(), scenario.bytes);
  if (!together.remark().empty())
    throw std::runtime_error(together.remark());
  {
    GraphExec exec = captureAll(together, scenario, memory.data(), stream.get());
    for (int repeat = 0; repeat < 4; ++repeat) {
      checkCuda(cudaMemcpyAsync(memory.data(), before.data(), before.size(), cudaMemcpyHostToDevice, stream.get()),
                "cudaMemcpyAsync");
      checkCuda(cudaGraphLaunch(exec.get(), stream.get()), "cudaGraphLaunch");
    }
    after.resize(before.size());
    checkCuda(cudaMemcpyAsync(after.data(), memory.data(), after.size(), cudaMemcpyDeviceToHost, stream.get()),
              "cudaMemcpyAsync");
    checkCuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
  }
  ranks.goodbye();
}

void runScenario(const Scenario &scenario, uint32_t seed) {
  std::vector<std::vector<char>> before = fillScenario(scenario, seed), after(scenario.manifest.mesh.size());
  std::vector<std::string> errors = runRanks(scenario.manifest, 30, [&](Ranks &ranks) {
    runOnGpu(scenario, before[ranks.rank()], after[ranks.rank()], ranks);
  });
  for (const std::string &error : errors)
    ASSERT_EQ(error, "");
  expectRight(scenario, before, after);
}

// Ranks that share a GPU wait for each other there: each stream needs a queue of its own, and nothing may wait for all
// streams, as the first launch of a kernel does that is loaded then. Before CUDA is begun.
const int queues = setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", /*overwrite=*/0);
const int loading = setenv("CUDA_MODULE_LOADING", "EAGER", /*overwrite=*/0);

/// The same by copy engines and nothing else, on as many GPUs as there are: ranks may share one. Twice from streams,
/// then twice in a graph.
void copyOnGpu(const Scenario &scenario, const std::vector<char> &before, std::vector<char> &after, Ranks &ranks) {
  checkCuda(cudaSetDevice(static_cast<int>(ranks.rank() % gpus())), "cudaSetDevice");
  DeviceMemory memory(scenario.bytes);
  // Copies of other memory keep the other ranks' threads waiting.
  PinnedMemory host(scenario.bytes);
  std::copy(before.begin(), before.end(), host.data());
  Stream stream = makeStream();
  CopyCollectives copies(scenario.manifest, ranks, memory.data(), scenario.bytes);
  if (copies.carried() != static_cast<int64_t>(scenario.cases.size()))
    throw std::runtime_error("not all are carried: " + copies.remark());
  auto refill = [&] {
    checkCuda(cudaMemcpyAsync(memory.data(), host.data(), before.size(), cudaMemcpyHostToDevice, stream.get()),
              "cudaMemcpyAsync");
  };
  std::string fault;
  for (int repeat = 0; repeat < 2; ++repeat) {
    refill();
    enqueueAll(copies, scenario, memory.data(), stream.get(), fault);
  }
  if (!fault.empty())
    throw std::runtime_error(fault);
  checkCuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
  GraphExec exec = captureAll(copies, scenario, memory.data(), stream.get());
  checkCuda(cudaGraphUpload(exec.get(), stream.get()), "cudaGraphUpload");
  checkCuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
  // Nobody waits on the GPU yet while another makes its graph.
  ranks.store().set("graph/" + std::to_string(ranks.rank()), "made");
  for (int64_t rank = 0; rank < ranks.world(); ++rank)
    (void)ranks.store().get("graph/" + std::to_string(rank));
  for (int repeat = 0; repeat < 2; ++repeat) {
    refill();
    checkCuda(cudaGraphLaunch(exec.get(), stream.get()), "cudaGraphLaunch");
  }
  checkCuda(cudaMemcpyAsync(host.data(), memory.data(), before.size(), cudaMemcpyDeviceToHost, stream.get()),
            "cudaMemcpyAsync");
  checkCuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
  after.assign(host.data(), host.data() + before.size());
  ranks.goodbye();
}

void copyScenario(const Scenario &scenario, uint32_t seed) {
  std::vector<std::vector<char>> before = fillScenario(scenario, seed), after(scenario.manifest.mesh.size());
  std::vector<std::string> errors = runRanks(scenario.manifest, 60, [&](Ranks &ranks) {
    copyOnGpu(scenario, before[ranks.rank()], after[ranks.rank()], ranks);
  });
  for (const std::string &error : errors)
    ASSERT_EQ(error, "");
  expectRight(scenario, before, after);
}

} // namespace

// Copy engines with two and four ranks on whatever GPUs there are.
TEST(Copy, SharedGpus) {
  if (gpus() < 1)
    GTEST_SKIP() << "needs a GPU";
  uint32_t seed = 40;
  for (int64_t world : {2, 4})
    for (int repeat = 0; repeat < 3; ++repeat, ++seed)
      ASSERT_NO_FATAL_FAILURE(
          copyScenario(carried(makeScenario(seed, world, 10, repeat == 2, /*onDevice=*/true, Carrier::Copy)), seed))
          << "seed " << seed;
}

// With a second stream: blocks of more than 20 MiB for each of two ranks, reductions of two rounds.
TEST(Copy, SharedGpusSecondStream) {
  if (gpus() < 1)
    GTEST_SKIP() << "needs a GPU";
  Scenario scenario;
  scenario.manifest.mesh.axes = {{"a", 2}};
  for (CollectiveKind kind : {CollectiveKind::AllGather, CollectiveKind::ReduceScatter}) {
    CollectiveInfo info;
    info.kind = kind;
    info.dtype = DType::F64;
    info.elementBytes = 8;
    info.axes = {0};
    info.carrier = Carrier::Copy;
    info.members = {{3, 1, 1, 1500000}, {700, 1, 1, 33}};
    EXPECT_TRUE(copiesFork(info, 2));
    addCase(scenario, info, /*inPlace=*/false, /*onDevice=*/true);
  }
  scenario.bytes += 64;
  copyScenario(scenario, 50);
}

// Random kinds, types, axes in any order, members dense and strided, in place or not. With more than two ranks NCCL
// rounds sums more than once, so that only two are compared bit by bit.
TEST(Nccl, RandomCases) {
  if (gpus() < 2)
    GTEST_SKIP() << "needs two GPUs";
  for (uint32_t seed = 0; seed < 4; ++seed)
    ASSERT_NO_FATAL_FAILURE(runScenario(makeScenario(seed, 2, 12, seed % 2 == 1, /*onDevice=*/true), seed))
        << "seed " << seed;
}

// Strided members that take several rounds of scratch memory, and one bucket with members of all sorts.
TEST(Nccl, StridedCases) {
  if (gpus() < 2)
    GTEST_SKIP() << "needs two GPUs";
  Scenario scenario;
  scenario.manifest.mesh.axes = {{"a", 2}};
  for (CollectiveKind kind : {CollectiveKind::AllGather, CollectiveKind::ReduceScatter, CollectiveKind::AllToAll}) {
    CollectiveInfo info;
    info.kind = kind;
    info.dtype = DType::BF16;
    info.elementBytes = 2;
    info.axes = {0};
    info.members = {{9000, 1, 1, 1000}, {1, 1, 1, 4096}, {3, 1, kind == CollectiveKind::AllToAll ? 7 : 1, 33}};
    if (kind == CollectiveKind::AllToAll)
      info.members.push_back({1, 1, 500, 12});
    addCase(scenario, info, /*inPlace=*/false, /*onDevice=*/true);
  }
  runScenario(scenario, 7);
}

// The same by copy engines, which reduce as the host does whatever the number of ranks.
TEST(Copy, RandomCases) {
  if (gpus() < 2)
    GTEST_SKIP() << "needs two GPUs";
  for (uint32_t seed = 20; seed < 26; ++seed)
    ASSERT_NO_FATAL_FAILURE(
        runScenario(makeScenario(seed, 2, 12, seed % 2 == 1, /*onDevice=*/true, Carrier::Copy), seed))
        << "seed " << seed;
}

// Reductions of several rounds, members of all sorts, rows wide and narrow, aligned to 16 bytes and not.
TEST(Copy, LargeCases) {
  if (gpus() < 2)
    GTEST_SKIP() << "needs two GPUs";
  Scenario scenario;
  scenario.manifest.mesh.axes = {{"a", 2}};
  auto add = [&](CollectiveKind kind, DType dtype, std::vector<CollectiveMember> members) {
    CollectiveInfo info;
    info.kind = kind;
    info.dtype = dtype;
    info.elementBytes = elementBytes(dtype);
    info.axes = {0};
    info.carrier = Carrier::Copy;
    info.members = std::move(members);
    addCase(scenario, info, /*inPlace=*/false, /*onDevice=*/true);
  };
  add(CollectiveKind::ReduceScatter, DType::F64, {{3, 1, 1, 3 << 20}, {900, 1, 1, 33}});
  EXPECT_GE(planCopyRounds(scenario.cases[0].info, 2).rounds.size(), 3u);
  for (CollectiveKind kind : {CollectiveKind::ReduceScatter, CollectiveKind::AllGather, CollectiveKind::AllToAll})
    for (DType dtype : {DType::BF16, DType::F32})
      add(kind, dtype,
          {{2, 1, 1, 600000},
           {900, 1, 1, 1000},
           {1, 1, 1, 4097},
           {5, 1, kind == CollectiveKind::AllToAll ? 3 : 1, 33}});
  runScenario(scenario, 9);
}

// A rank that never comes: the others' waits end when the job is given up.
TEST(Copy, Abort) {
  if (gpus() < 2)
    GTEST_SKIP() << "needs two GPUs";
  Scenario scenario;
  scenario.manifest.mesh.axes = {{"a", 2}};
  CollectiveInfo info;
  info.kind = CollectiveKind::ReduceScatter;
  info.dtype = DType::BF16;
  info.elementBytes = 2;
  info.axes = {0};
  info.carrier = Carrier::Copy;
  info.members = {{1, 1, 1, 1 << 20}};
  addCase(scenario, info, /*inPlace=*/false, /*onDevice=*/true);
  std::vector<std::string> errors = runRanks(scenario.manifest, 2, [&](Ranks &ranks) {
    int device = static_cast<int>(ranks.rank());
    checkCuda(cudaSetDevice(device), "cudaSetDevice");
    DeviceMemory memory(scenario.bytes);
    Stream stream = makeStream();
    CudaRanks together(scenario.manifest, ranks, device);
    together.attach(memory.data(), scenario.bytes);
    if (ranks.rank() == 1) {
      (void)ranks.fail(1, "has had enough");
      together.abort();
      return;
    }
    std::vector<const void *> inputs;
    std::vector<void *> outputs;
    addressesOf(scenario.cases[0], memory.data(), inputs, outputs);
    for (int repeat = 0; repeat < 3; ++repeat)
      ASSERT_EQ(together.run(0, inputs.data(), outputs.data(), memory.data() + scenario.cases[0].scratch.offset,
                             stream.get()),
                nullptr);
    checkCuda(cudaStreamSynchronize(stream.get()), "cudaStreamSynchronize");
    together.check();
  });
  EXPECT_NE(errors[0].find("rank 1: has had enough"), std::string::npos) << errors[0];
}

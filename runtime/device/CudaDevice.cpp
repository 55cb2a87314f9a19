//===- CudaDevice.cpp - One NVIDIA GPU ------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/CudaDevice.h"

#include "comm/Ranks.h"
#include "core/Error.h"
#include "core/NormalPart.h"
#include "core/Profile.h"
#include "core/ProfileReport.h"
#include "core/Text.h"
#include "device/Kernels.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <future>
#include <thread>

using namespace weft;
using namespace weft::rt;
using std::chrono::steady_clock;

CudaDevice::CudaDevice(const Manifest &manifest, const weft_task_fn *tasks, Ranks &ranks, const DeviceOptions &options,
                       const DeviceBlobs &blobs)
    : manifest(manifest), tasks(tasks), ranks(ranks), options(options) {
  auto start = steady_clock::now(), last = start;
  auto done = [&](const char *part) {
    auto now = steady_clock::now();
    parts.emplace_back(part, std::chrono::duration<double>(now - last).count());
    last = now;
  };
  openDevice();
  done("context");
  // Beside all that is prepared on the device. What fails here is found when it is asked for.
  std::future<double> pinned = std::async(std::launch::async, [this] { return allocateHost(); });
  openStreams();
  std::vector<cudaStream_t> streams = {compute.get()};
  for (const Stream &stream : communication)
    streams.push_back(stream.get());
  context = std::make_unique<weft_context>(manifest, std::move(streams), blobs.code, blobs.codeBytes);
  context->stepwise = !options.graphs;
  context->hostThreads = options.threads > 0 ? options.threads : options.defaultThreads;
  done("kernels");
  if (ranks.world() > 1) {
    together = std::make_unique<CudaRanks>(manifest, ranks, number);
    context->ranks = together.get();
    done("other ranks");
  }
  allocate();
  done("memory");
  if (together) {
    together->attach(arena, manifest.arenaBytes);
    done("other ranks' memory");
  }
  prepareCalls();
  done("libraries");
  double pinning = pinned.get();
  context->hostMemory = hostMemory.data();
  // What timing has left there is gone.
  checkCuda(cudaMemsetAsync(arena, 0, manifest.arenaBytes, compute.get()), "cudaMemsetAsync");
  copyQueue = std::make_unique<CudaCopies>(compute.get(), RankMemory{arena, hostMemory.data(), manifest.arenaBytes});
  transfer = std::make_unique<ArenaTransfer>(*copyQueue);
  inputQueue = std::make_unique<CudaInputs>(manifest, compute.get(), copies.get(), arena, arena + manifest.arenaBytes);
  staging = std::make_unique<InputStaging>(*inputQueue);
  metrics = std::make_unique<CudaMetrics>(manifest, compute.get(), arena, kSteps);
  graphs.resize(manifest.tasks.size());
  profiled.resize(manifest.tasks.size());
  copyConstants(blobs.constants);
  done("the rest");
  std::string list;
  for (const auto &[part, seconds] : parts)
    list += format("%s%s %.1f s", list.empty() ? "" : ", ", part.c_str(), seconds);
  prepared += format("device ready in %.1f s (%s)", std::chrono::duration<double>(last - start).count(), list.c_str());
  if (std::string remark = together ? together->remark() : ""; !remark.empty())
    prepared = "note: NCCL carries the collectives that were planned for copy engines: " + remark + "\n" + prepared;
  if (manifest.hostBytes > 0)
    prepared +=
        format(", %s of host memory pinned beside that in %.1f s", formatBytes(manifest.hostBytes).c_str(), pinning);
}

CudaDevice::~CudaDevice() {
  // Before the job's end others may never come to what this rank waits for.
  if (together && !ranks.ended())
    together->abort();
  // Nothing is destroyed that still runs. What fails here was reported, or nobody wants to know any more.
  (void)cudaStreamSynchronize(copies.get());
  (void)cudaStreamSynchronize(compute.get());
}

/// Processes on one machine take its devices in their order, as CUDA_VISIBLE_DEVICES leaves them. A launcher that binds
/// processes shows each its own.
int CudaDevice::chooseDevice(int count) const {
  if (ranks.world() == 1 || (count == 1 && options.bound))
    return 0;
  if (options.localRank < count && options.localWorld <= count)
    return static_cast<int>(options.localRank);
  int64_t needed = std::max(options.localRank + 1, options.localWorld);
  throw InputError(format("%lld ranks run on this machine, each needs a GPU of its own, and %d %s visible; start fewer "
                          "here and more elsewhere, compile for another mesh, or look at CUDA_VISIBLE_DEVICES",
                          static_cast<long long>(needed), count, count == 1 ? "is" : "are"));
}

void CudaDevice::openStreams() {
  compute = makeStream();
  copies = makeStream();
  // What others wait for goes first wherever there is room on the device.
  int least = 0, greatest = 0;
  checkCuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  for (int64_t i = 1; i < manifest.streams; ++i) {
    communication.emplace_back();
    checkCuda(cudaStreamCreateWithPriority(communication.back().out(), cudaStreamNonBlocking, greatest),
              "cudaStreamCreateWithPriority");
  }
}

void CudaDevice::openDevice() {
  int count = 0;
  cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver)
    throw InputError("this executable needs an NVIDIA GPU with a driver for CUDA 13; this machine has no driver, or an "
                     "older one (compile with --target=host for a machine without a GPU)");
  if (status != cudaSuccess || count == 0)
    throw InputError(std::string("this executable needs an NVIDIA GPU, and there is none: ") +
                     cudaGetErrorString(status == cudaSuccess ? cudaErrorNoDevice : status) +
                     "; compile with --target=host for this machine");
  number = chooseDevice(count);
  checkCuda(cudaSetDevice(number), "cudaSetDevice");
  checkCuda(cudaFree(nullptr), "cudaFree");
  cudaDeviceProp properties;
  checkCuda(cudaGetDeviceProperties(&properties, number), "cudaGetDeviceProperties");
  name = properties.name;
  checkCuda(cudaMemGetInfo(&freeAtStart, &totalBytes), "cudaMemGetInfo");
}

/// The arena, and behind it memory for one batch that is on its way.
void CudaDevice::allocate() {
  int64_t bytes = manifest.arenaBytes + manifest.packedInputBytes();
  size_t free = 0, total = 0;
  checkCuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  cudaError_t status = cudaErrorMemoryAllocation;
  if (static_cast<size_t>(bytes) <= free)
    try {
      memory = DeviceMemory(std::max<int64_t>(bytes, 1));
      arena = memory.data();
      status = cudaSuccess;
    } catch (const InternalError &) {
      (void)cudaGetLastError();
    }
  if (status != cudaSuccess)
    throw InputError("training needs " + formatBytes(bytes) + " of device memory and " + name + " has " +
                     formatBytes(static_cast<int64_t>(free)) + " free of " + formatBytes(static_cast<int64_t>(total)) +
                     "; compile with more micro-batches or a smaller batch, or stop what else runs on it");
}

/// Ranks that compute the same value compute it by the same algorithm, so that it has the same bits: rank 0 chooses.
void CudaDevice::tune() {
  if (!options.tuning || context->matmuls.empty())
    return;
  bool asks = ranks.world() > 1 && ranks.rank() != 0;
  AlgorithmCache cache(asks ? "" : AlgorithmCache::defaultFolder(), name, cublasLtGetVersion());
  if (asks)
    cache.take(ranks.store().get("cublaslt"));
  tuned = tuneMatmuls(context->matmuls, cache, compute.get(), arena, manifest.arenaBytes, /*deterministic=*/true);
  if (ranks.world() > 1 && ranks.rank() == 0)
    ranks.store().set("cublaslt", cache.contents());
}

/// What waits in host memory: zeros, in pages that stay where they are, so that the device copies by itself. Returns
/// the seconds that took. On a thread of its own.
double CudaDevice::allocateHost() {
  if (manifest.hostBytes == 0)
    return 0;
  auto start = steady_clock::now();
  checkCuda(cudaSetDevice(number), "cudaSetDevice");
  try {
    hostMemory = PinnedPages(manifest.hostBytes);
  } catch (const InternalError &error) {
    (void)cudaGetLastError();
    throw InputError("training needs " + formatBytes(manifest.hostBytes) +
                     " of pinned host memory, and this machine does not give that much (" + error.what() +
                     "); compile with less of --offload, or over more ranks");
  }
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

/// Plans of cuDNN on one thread, the time of products on another.
void CudaDevice::prepareCalls() {
  std::exception_ptr fault;
  std::thread planning([&] {
    try {
      checkCuda(cudaSetDevice(number), "cudaSetDevice");
      context->prepareCudnn();
    } catch (...) {
      fault = std::current_exception();
    }
  });
  try {
    tune();
  } catch (...) {
    planning.join();
    throw;
  }
  planning.join();
  if (fault)
    std::rethrow_exception(fault);
  if (tuned.products > 0)
    prepared = format(
        "%lld products, %lld different: %lld timed in %.2f s, %lld known from before%s; ",
        static_cast<long long>(tuned.products), static_cast<long long>(tuned.problems),
        static_cast<long long>(tuned.timed), tuned.milliseconds * 1e-3, static_cast<long long>(tuned.remembered),
        tuned.untimed
            ? format(", %lld larger than the arena and taken untimed", static_cast<long long>(tuned.untimed)).c_str()
            : "");
  if (!tuned.remark.empty())
    prepared = "note: " + tuned.remark + "\n" + prepared;
}

void CudaDevice::copyConstants(const char *constants) {
  for (const ConstantInfo &constant : manifest.deviceCode.constants) {
    if (!constants)
      throw InternalError("manifest: constants: this executable has none");
    transfer->write(constant.offset, constant.bytes,
                    [&](char *to) { std::copy_n(constants + constant.data, constant.bytes, to); });
  }
}

/// Made where they are needed: a processor's numbers would have to be copied.
void CudaDevice::writeNormal(int64_t offset, const NormalPart &part) {
  // What waits in host memory the device writes there.
  void *to = arena + offset;
  if (offset >= manifest.arenaBytes)
    checkCuda(cudaHostGetDevicePointer(&to, hostMemory.data() + (offset - manifest.arenaBytes), 0),
              "cudaHostGetDevicePointer");
  cudaError_t status = launchNormal(part, to, compute.get());
  if (status == cudaErrorNotSupported)
    return Device::writeNormal(offset, part);
  checkCuda(status, "random initial values");
}

void CudaDevice::synchronize() {
  checkCuda(cudaStreamSynchronize(compute.get()), "cudaStreamSynchronize");
  if (together)
    together->check();
}

StepMetrics CudaDevice::takeMetrics() {
  StepMetrics taken = metrics->take();
  if (together)
    together->check();
  return taken;
}

void CudaDevice::callTask(int task) {
  context->beginTask(task);
  tasks[task](context.get(), arena);
}

GraphExec CudaDevice::capture(int task) {
  checkCuda(cudaStreamBeginCapture(compute.get(), cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  context->capturing = true;
  callTask(task);
  context->capturing = false;
  Graph graph;
  cudaError_t status = cudaStreamEndCapture(compute.get(), graph.out());
  GraphExec exec;
  // The call that failed says more than the end of the capture does.
  if (context->error())
    return exec;
  checkCuda(status, "cudaStreamEndCapture");
  checkCuda(cudaGraphInstantiate(exec.out(), graph.get(), 0), "cudaGraphInstantiate");
  checkCuda(cudaGraphUpload(exec.get(), compute.get()), "cudaGraphUpload");
  return exec;
}

void CudaDevice::runTask(int task) {
  if (profile)
    return profileTask(task);
  if (!options.graphs)
    return callTask(task);
  if (!graphs[task])
    graphs[task] = capture(task);
  if (graphs[task])
    checkCuda(cudaGraphLaunch(graphs[task].get(), compute.get()), "cudaGraphLaunch");
}

/// The task with an event before and after each call, in its graph or without one.
void CudaDevice::profileTask(int task) {
  ProfiledTask &own = profiled[task];
  context->times = &own.times;
  if (!options.graphs) {
    own.times.clear();
  } else if (!own.graph) {
    own.graph = capture(task);
    if (context->error()) {
      context->times = nullptr;
      return;
    }
    // Sent to the device before the time is taken.
    synchronize();
  }
  profile->beginTask(task);
  int64_t start = profile->now();
  if (options.graphs)
    checkCuda(cudaGraphLaunch(own.graph.get(), compute.get()), "cudaGraphLaunch");
  else
    callTask(task);
  context->times = nullptr;
  synchronize();
  if (context->error())
    return;
  checkCuda(own.times.fault, "cudaEventRecordWithFlags");
  for (size_t call = 0; call < own.times.calls(); ++call)
    profile->called(start + own.times.start(call), own.times.end(call) - own.times.start(call));
  profile->endTask();
}

ProfileMachine CudaDevice::measure() {
  synchronize();
  // The type in which most of the work is done.
  double flops[3] = {0, 0, 0};
  for (const ScheduleEntry &entry : manifest.schedule)
    if (entry.op.find("matmul") != std::string::npos && entry.call >= 0 &&
        static_cast<size_t>(entry.call) < manifest.matmuls.size())
      flops[static_cast<int>(manifest.matmuls[entry.call].dtype)] += entry.flops;
  auto type = static_cast<MatmulType>(std::max_element(flops, flops + 3) - flops);
  static constexpr const char *names[] = {"f32", "bf16", "f16"};
  ProfileMachine machine;
  machine.where = name;
  machine.peakOf = std::string(names[static_cast<int>(type)]) + " products";
  machine.way =
      options.graphs ? "events around each call in the tasks' graphs" : "events around each call, without graphs";
  machine.peak = measureProducts(type, compute.get());
  machine.copy = measureDeviceCopy(compute.get());
  return machine;
}

MemoryUse CudaDevice::memoryUse() {
  size_t free = 0, total = 0;
  checkCuda(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  std::string more = together ? ", " + together->describe() : "";
  MemoryUse use;
  use.arena = manifest.arenaBytes;
  use.total = static_cast<int64_t>(total - free);
  use.details = format(
      "inputs on their way %s; libraries, kernels and graphs%s %s; context, and what others have %s",
      formatBytes(manifest.packedInputBytes()).c_str(), more.c_str(),
      formatBytes(static_cast<int64_t>(freeAtStart - free) - manifest.arenaBytes - manifest.packedInputBytes()).c_str(),
      formatBytes(static_cast<int64_t>(totalBytes - freeAtStart)).c_str());
  return use;
}

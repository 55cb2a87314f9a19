//===- CudaContext.cpp - The C API on a stream ----------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/CudaContext.h"

#include "core/Device.h"
#include "core/Error.h"
#include "core/Text.h"
#include "device/Kernels.h"
#include "kernels/Launch.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

using namespace weft;
using namespace weft::rt;

// Generated code asks for the C API first. A linker that takes it from this archive shall take the device from here
// too, and not find the host's later.
__attribute__((used)) static const DeviceLibrary *(*const deviceOfThisApi)() = weft_device_library;

void CallTimes::mark(cudaStream_t stream, bool inGraph) {
  if (used == events.size())
    events.push_back(makeEvent(/*timed=*/true));
  cudaError_t status = cudaEventRecordWithFlags(events[used++].get(), stream,
                                                inGraph ? cudaEventRecordExternal : cudaEventRecordDefault);
  if (fault == cudaSuccess)
    fault = status;
}

int64_t CallTimes::since(size_t event) const {
  float milliseconds = 0;
  checkCuda(cudaEventElapsedTime(&milliseconds, events[0].get(), events[event].get()), "cudaEventElapsedTime");
  return std::llround(static_cast<double>(milliseconds) * 1e6);
}

weft_context::weft_context(const Manifest &manifest, std::vector<cudaStream_t> given, const char *deviceCode,
                           int64_t deviceCodeBytes)
    : manifest(manifest), stream(given.front()), streams(std::move(given)) {
  for (int64_t i = 0; i < manifest.events; ++i)
    events.push_back(makeEvent());
  for (const std::string &name : manifest.tasks) {
    scheduled.emplace_back();
    for (size_t i = 0; i < manifest.schedule.size(); ++i)
      if (manifest.schedule[i].task == name)
        scheduled.back().push_back(i);
  }
  loadKernels(deviceCode, deviceCodeBytes);
  if (!manifest.matmuls.empty())
    checkLt(cublasLtCreate(lt.out()), "cublasLtCreate");
  for (size_t i = 0; i < manifest.matmuls.size(); ++i)
    try {
      // Products are repeatable also where --fast lets others not be.
      matmuls.push_back(
          std::make_unique<LtMatmul>(lt.get(), manifest.matmuls[i], manifest.matmulScratch[i], /*deterministic=*/true));
    } catch (const InternalError &error) {
      throw InternalError("matmuls[" + std::to_string(i) + "]: " + error.what());
    }
}

weft_context::~weft_context() = default;

void weft_context::loadKernels(const char *deviceCode, int64_t deviceCodeBytes) {
  const DeviceProgram &program = manifest.deviceCode;
  if (program.kernels.empty())
    return;
  int device = 0, major = 0, minor = 0;
  checkCuda(cudaGetDevice(&device), "cudaGetDevice");
  checkCuda(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cudaDeviceGetAttribute");
  checkCuda(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "cudaDeviceGetAttribute");
  std::string fault;
  const DeviceCodeInfo *code = chooseDeviceCode(program.code, major, minor, fault);
  if (!code)
    throw InputError(fault);
  if (!deviceCode || code->offset > deviceCodeBytes || code->bytes > deviceCodeBytes - code->offset)
    throw InternalError("manifest: device.code: an entry does not lie in the code of this executable");
  // PTX is text that ends with a zero.
  std::string bytes(deviceCode + code->offset, static_cast<size_t>(code->bytes));
  checkCuda(cudaLibraryLoadData(library.out(), bytes.data(), nullptr, nullptr, 0, nullptr, nullptr, 0),
            "cudaLibraryLoadData");
  size_t most = 0;
  for (const KernelInfo &info : program.kernels) {
    LoadedKernel kernel;
    kernel.parameters = info.parameters();
    most = std::max(most, kernel.parameters);
    for (const KernelStage &stage : info.stages) {
      cudaKernel_t function = nullptr;
      cudaError_t status = cudaLibraryGetKernel(&function, library.get(), stage.function.c_str());
      if (status != cudaSuccess)
        throw InternalError("the device code has no kernel '" + stage.function + "': " + cudaGetErrorString(status));
      // Beyond this much shared memory a kernel has to ask.
      if (stage.sharedBytes > 48 * 1024)
        checkCuda(cudaFuncSetAttribute(reinterpret_cast<const void *>(function),
                                       cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       static_cast<int>(stage.sharedBytes)),
                  ("cudaFuncSetAttribute of '" + stage.function + "'").c_str());
      kernel.stages.push_back(function);
    }
    kernels.push_back(std::move(kernel));
  }
  argumentPlaces.resize(most);
}

void weft_context::prepareCudnn() {
  if (manifest.attentions.empty() && manifest.convolutions.empty())
    return;
  cudnn = CudnnHandle::create(stream);
  // Layers are alike: an attention is planned once.
  for (size_t i = 0; i < manifest.attentions.size(); ++i) {
    auto same = [&](const AttentionDesc &other) { return memcmp(&other, &manifest.attentions[i], sizeof(other)) == 0; };
    size_t first =
        std::find_if(manifest.attentions.begin(), manifest.attentions.begin() + i, same) - manifest.attentions.begin();
    attentions.push_back(
        first < i ? attentions[first]
                  : DeviceAttention::create(*cudnn, manifest.attentions[i], "attentions[" + std::to_string(i) + "]"));
  }
  // An entry says nothing of the pass; who calls it does.
  for (const ScheduleEntry &entry : manifest.schedule)
    if (entry.op.find("attention") != std::string::npos && entry.call >= 0 &&
        static_cast<size_t>(entry.call) < attentions.size())
      attentions[entry.call]->plan(entry.op.find("grad") == std::string::npos ? DeviceAttention::Forward
                                                                              : DeviceAttention::Backward);
  for (size_t i = 0; i < manifest.convolutions.size(); ++i)
    convolutions.push_back(DeviceConvolution::create(*cudnn, manifest.convolutions[i], manifest.convolutionScratch[i],
                                                     "convolutions[" + std::to_string(i) + "]"));
}

void weft_context::beginTask(int which) {
  task = which;
  calls = 0;
  stream = streams.front();
}

void weft_context::fail(const char *call, int64_t id, const char *what) noexcept {
  if (failed)
    return;
  failed = true;
  int size = snprintf(message, sizeof(message), "%s(%lld): %s", call, static_cast<long long>(id), what);
  // The call under way is the last that was counted.
  bool known = task >= 0 && static_cast<size_t>(task) < scheduled.size() && calls > 0 &&
               calls <= scheduled[task].size() && size > 0 && static_cast<size_t>(size) < sizeof(message);
  if (!known)
    return;
  const ScheduleEntry &entry = manifest.schedule[scheduled[task][calls - 1]];
  snprintf(message + size, sizeof(message) - size, ", in call %zu of the task: %s %s (%s)", calls, entry.op.c_str(),
           entry.what.c_str(), entry.loc.c_str());
}

//===----------------------------------------------------------------------===//
// The C API
//===----------------------------------------------------------------------===//

/// One call of the API, from its first line to its last.
class Called {
public:
  Called(weft_context *ctx, const char *name, int64_t id) : ctx(ctx), name(name), id(id) {
    ++ctx->calls;
    mark();
  }
  ~Called() {
    mark();
    if (!ctx->stepwise || ctx->capturing)
      return;
    report(cudaStreamSynchronize(ctx->stream));
  }
  Called(const Called &) = delete;
  Called &operator=(const Called &) = delete;

  /// Keeps a failure, if `status` is one.
  void report(cudaError_t status) {
    if (status != cudaSuccess)
      ctx->fail(name, id, cudaGetErrorString(status));
  }
  /// The entry of a list, or null after the failure was kept.
  template <typename List> auto *entry(const List &list) {
    bool there = id >= 0 && static_cast<size_t>(id) < list.size();
    if (!there)
      ctx->fail(name, id, "no such entry");
    return there ? &list[static_cast<size_t>(id)] : nullptr;
  }
  void check(const char *fault) {
    if (fault)
      ctx->fail(name, id, fault);
  }

private:
  void mark() {
    if (ctx->times)
      ctx->times->mark(ctx->stream, ctx->capturing);
  }

  weft_context *ctx;
  const char *name;
  int64_t id;
};

void weft_launch_kernel(weft_context *ctx, int32_t kernel, void *const *args) {
  Called called(ctx, "weft_launch_kernel", kernel);
  auto *loaded = called.entry(ctx->kernels);
  if (!loaded)
    return;
  // Of an array of addresses, the first one's place is the array's.
  for (size_t i = 0; i < loaded->parameters; ++i)
    ctx->argumentPlaces[i] = const_cast<void **>(args + i);
  const KernelInfo &info = ctx->manifest.deviceCode.kernels[kernel];
  for (size_t i = 0; i < loaded->stages.size(); ++i) {
    const KernelStage &stage = info.stages[i];
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(stage.grid[0], stage.grid[1], stage.grid[2]);
    config.blockDim = dim3(stage.block[0], stage.block[1], stage.block[2]);
    config.dynamicSmemBytes = stage.sharedBytes;
    config.stream = ctx->stream;
    called.report(
        cudaLaunchKernelExC(&config, reinterpret_cast<const void *>(loaded->stages[i]), ctx->argumentPlaces.data()));
  }
}

/// Called by the driver, on a thread of its own, when all that the stream was given before is done.
static void CUDART_CB runHostCall(void *data) {
  auto *call = static_cast<HostCall *>(data);
  launchKernel(call->kernel, call->args.data(), call->extent, call->grain, call->threads);
  if (call->once)
    delete call;
}

void weft_launch(weft_context *ctx, weft_kernel_fn kernel, void *const *args, int32_t count, int64_t extent,
                 int64_t grain) {
  Called called(ctx, "weft_launch", count);
  auto call = std::make_unique<HostCall>();
  *call = {kernel, {args, args + count}, extent, grain, ctx->hostThreads, !ctx->capturing};
  cudaError_t status = cudaLaunchHostFunc(ctx->stream, runHostCall, call.get());
  called.report(status);
  if (call->once && status == cudaSuccess)
    (void)call.release();
  else
    ctx->hostCalls.push_back(std::move(call));
}

void weft_matmul(weft_context *ctx, int32_t id, const void *a, const void *b, const void *bias, void *c,
                 void *scratch) {
  Called called(ctx, "weft_matmul", id);
  auto *matmul = called.entry(ctx->matmuls);
  if (matmul)
    called.check((*matmul)->run(ctx->stream, {a, b, bias, nullptr, c, scratch}));
}

void weft_matmul_epilogue(weft_context *ctx, int32_t id, const void *a, const void *b, const void *bias, void *aux,
                          void *c, void *scratch) {
  Called called(ctx, "weft_matmul_epilogue", id);
  auto *matmul = called.entry(ctx->matmuls);
  if (matmul)
    called.check((*matmul)->run(ctx->stream, {a, b, bias, aux, c, scratch}));
}

void weft_attention_forward(weft_context *ctx, int32_t id, const void *q, const void *k, const void *v,
                            const void *mask, void *out, void *lse, void *scratch) {
  Called called(ctx, "weft_attention_forward", id);
  auto *attention = called.entry(ctx->attentions);
  if (attention)
    called.check((*attention)->forward({q, k, v, mask, out, lse}, scratch));
}

void weft_attention_backward(weft_context *ctx, int32_t id, const void *dout, const void *q, const void *k,
                             const void *v, const void *mask, const void *out, const void *lse, void *dq, void *dk,
                             void *dv, void *scratch) {
  Called called(ctx, "weft_attention_backward", id);
  auto *attention = called.entry(ctx->attentions);
  if (attention)
    called.check((*attention)->backward({dout, q, k, v, mask, out, lse, dq, dk, dv}, scratch));
}

void weft_convolution(weft_context *ctx, int32_t id, const void *a, const void *b, void *c, void *scratch) {
  Called called(ctx, "weft_convolution", id);
  auto *convolution = called.entry(ctx->convolutions);
  if (convolution)
    called.check((*convolution)->run(a, b, c, scratch));
}

void weft_top_k(weft_context *ctx, int32_t id, const void *input, void *values, void *indices) {
  Called called(ctx, "weft_top_k", id);
  if (const TopKDesc *desc = called.entry(ctx->manifest.sorts))
    called.report(launchTopK(*desc, input, values, indices, ctx->stream));
}

char *weft_host_memory(weft_context *ctx) { return ctx->hostMemory; }

void weft_copy(weft_context *ctx, void *to, const void *from, int64_t bytes) {
  Called called(ctx, "weft_copy", bytes);
  called.report(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, ctx->stream));
}

int weft_collective(weft_context *ctx, int64_t index, const void *const *inputs, void *const *outputs, void *scratch) {
  Called called(ctx, "weft_collective", index);
  if (!ctx->ranks || index < 0 || index >= ctx->ranks->collectives())
    called.check("no such entry");
  else
    called.check(ctx->ranks->run(index, inputs, outputs, scratch, ctx->stream));
  return ctx->error() != nullptr;
}

void weft_collective_call(weft_context *ctx, int32_t id, const void *const *inputs, void *const *outputs,
                          void *scratch) {
  // A failure is kept in the context; what the task computes after it is not used.
  weft_collective(ctx, id, inputs, outputs, scratch);
}

//===----------------------------------------------------------------------===//
// Streams: none of these is a call of the schedule
//===----------------------------------------------------------------------===//

/// Entry `id` of a list, or null after the failure was kept.
template <typename List> static auto *entryOf(weft_context *ctx, const char *call, int32_t id, List &list) {
  bool there = id >= 0 && static_cast<size_t>(id) < list.size();
  if (!there)
    ctx->fail(call, id, "none of the manifest's");
  return there ? &list[static_cast<size_t>(id)] : nullptr;
}

void weft_stream(weft_context *ctx, int32_t stream) {
  if (const cudaStream_t *other = entryOf(ctx, "weft_stream", stream, ctx->streams))
    ctx->stream = *other;
}

void weft_record(weft_context *ctx, int32_t event) {
  if (const Event *entry = entryOf(ctx, "weft_record", event, ctx->events))
    if (cudaError_t status = cudaEventRecord(entry->get(), ctx->stream); status != cudaSuccess)
      ctx->fail("weft_record", event, cudaGetErrorString(status));
}

void weft_wait(weft_context *ctx, int32_t event) {
  if (const Event *entry = entryOf(ctx, "weft_wait", event, ctx->events))
    if (cudaError_t status = cudaStreamWaitEvent(ctx->stream, entry->get(), 0); status != cudaSuccess)
      ctx->fail("weft_wait", event, cudaGetErrorString(status));
}

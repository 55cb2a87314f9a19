//===- Context.cpp - The C API that generated code calls ------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "host/Context.h"

#include "comm/Ranks.h"
#include "core/Error.h"
#include "core/Profile.h"
#include "core/Text.h"
#include "kernels/Attention.h"
#include "kernels/Convolution.h"
#include "kernels/Launch.h"
#include "kernels/Matmul.h"

#include <algorithm>
#include <cstring>
#include <omp.h>

using namespace weft;
using namespace weft::rt;

weft_context::weft_context(const Manifest &manifest, int threads, bool mayReduce)
    : threads(threads), engine(MatmulEngine::create()) {
  std::string excess = prepare(manifest, threads);
  while (!excess.empty() && mayReduce && this->threads > 1) {
    this->threads = (this->threads + 1) / 2;
    excess = prepare(manifest, this->threads);
  }
  if (!excess.empty())
    throw InputError(excess + "; give fewer --threads, or compile on this machine");
  sorts = manifest.sorts;
  for (const AttentionDesc &desc : manifest.attentions)
    attentions.push_back(std::make_unique<PreparedAttention>(desc, this->threads));
  attentionWorkspace = std::make_unique<AttentionWorkspace>(attentions, this->threads);
}

weft_context::~weft_context() = default;

std::string weft_context::prepare(const Manifest &manifest, int count) {
  // The library reads the number of threads from OpenMP when a primitive is built.
  omp_set_num_threads(count);
  std::string excess = prepareMatmuls(manifest, count);
  return excess.empty() ? prepareConvolutions(manifest, count) : excess;
}

static std::string describeExcess(const char *what, size_t i, int64_t bytes, int threads, int64_t planned) {
  return format("%s %zu needs %lld bytes of scratchpad with %d threads where the executable was planned for %lld", what,
                i, static_cast<long long>(bytes), threads, static_cast<long long>(planned));
}

std::string weft_context::prepareConvolutions(const Manifest &manifest, int count) {
  convolutions.clear();
  for (size_t i = 0; i < manifest.convolutions.size(); ++i) {
    std::string fault;
    std::unique_ptr<Convolution> convolution = Convolution::create(manifest.convolutions[i], fault);
    if (!convolution)
      throw InternalError("manifest: convolutions[" + std::to_string(i) + "]: " + fault);
    if (convolution->scratchBytes() > manifest.convolutionScratch[i])
      return describeExcess("convolution", i, convolution->scratchBytes(), count, manifest.convolutionScratch[i]);
    convolutions.push_back(std::move(convolution));
  }
  return "";
}

std::string weft_context::prepareMatmuls(const Manifest &manifest, int count) {
  matmuls.clear();
  for (size_t i = 0; i < manifest.matmuls.size(); ++i) {
    std::string fault;
    MatmulDesc desc = manifest.matmuls[i];
    desc.library = chooseMatmulLibrary(desc.dtype, manifest.cpuFeatures);
    std::unique_ptr<Matmul> matmul = Matmul::create(*engine, desc, fault);
    if (!matmul)
      throw InternalError("manifest: matmuls[" + std::to_string(i) + "]: " + fault);
    if (matmul->scratchBytes() > manifest.matmulScratch[i])
      return describeExcess("product", i, matmul->scratchBytes(), count, manifest.matmulScratch[i]);
    matmuls.push_back(std::move(matmul));
  }
  return "";
}

void weft_context::fail(const char *call, int32_t id, const char *what) noexcept {
  if (failed.load())
    return;
  snprintf(message, sizeof(message), "%s(%d): %s", call, static_cast<int>(id), what);
  failed.store(true);
}

void weft_context::check(const std::string &task) const {
  if (const char *what = error())
    throw InternalError("in task '" + task + "': " + what);
}

//===----------------------------------------------------------------------===//
// The C API
//===----------------------------------------------------------------------===//

namespace {
/// Tells the profile, if there is one, of a call of the API.
class Called {
public:
  explicit Called(weft_context *ctx) : profile(ctx->profile), start(profile ? profile->now() : 0) {}
  ~Called() {
    if (profile)
      profile->called(start);
  }

private:
  Profile *profile;
  int64_t start;
};
} // namespace

/// Whether calls are kept for later, in a queue for each stream.
static bool keepsStreams(const weft_context *ctx) { return ctx->queue && ctx->queue->keeps(); }

void weft_launch(weft_context *ctx, weft_kernel_fn kernel, void *const *args, int32_t count, int64_t extent,
                 int64_t grain) {
  if (keepsStreams(ctx)) {
    std::vector<void *> addresses(args, args + count);
    return ctx->queue->give([=] { weft_launch(ctx, kernel, addresses.data(), count, extent, grain); });
  }
  Called called(ctx);
  launchKernel(kernel, args, extent, grain, ctx->threads);
}

void weft_matmul(weft_context *ctx, int32_t id, const void *a, const void *b, const void *bias, void *c,
                 void *scratch) {
  if (keepsStreams(ctx))
    return ctx->queue->give([=] { weft_matmul(ctx, id, a, b, bias, c, scratch); });
  Called called(ctx);
  if (id < 0 || static_cast<size_t>(id) >= ctx->matmuls.size())
    return ctx->fail("weft_matmul", id, "no such entry");
  if (const char *fault = ctx->matmuls[id]->run(a, b, bias, c, scratch))
    ctx->fail("weft_matmul", id, fault);
}

void weft_attention_forward(weft_context *ctx, int32_t id, const void *q, const void *k, const void *v,
                            const void *mask, void *out, void *lse, void *) {
  if (keepsStreams(ctx))
    return ctx->queue->give([=] { weft_attention_forward(ctx, id, q, k, v, mask, out, lse, nullptr); });
  Called called(ctx);
  if (id < 0 || static_cast<size_t>(id) >= ctx->attentions.size())
    return ctx->fail("weft_attention_forward", id, "no such entry");
  if (const char *fault = ctx->attentions[id]->forward(*ctx->attentionWorkspace, {q, k, v, mask, out, lse}))
    ctx->fail("weft_attention_forward", id, fault);
}

void weft_attention_backward(weft_context *ctx, int32_t id, const void *dout, const void *q, const void *k,
                             const void *v, const void *mask, const void *out, const void *lse, void *dq, void *dk,
                             void *dv, void *) {
  if (keepsStreams(ctx))
    return ctx->queue->give(
        [=] { weft_attention_backward(ctx, id, dout, q, k, v, mask, out, lse, dq, dk, dv, nullptr); });
  Called called(ctx);
  if (id < 0 || static_cast<size_t>(id) >= ctx->attentions.size())
    return ctx->fail("weft_attention_backward", id, "no such entry");
  if (const char *fault =
          ctx->attentions[id]->backward(*ctx->attentionWorkspace, {dout, q, k, v, mask, out, lse, dq, dk, dv}))
    ctx->fail("weft_attention_backward", id, fault);
}

void weft_convolution(weft_context *ctx, int32_t id, const void *a, const void *b, void *c, void *scratch) {
  if (keepsStreams(ctx))
    return ctx->queue->give([=] { weft_convolution(ctx, id, a, b, c, scratch); });
  Called called(ctx);
  if (id < 0 || static_cast<size_t>(id) >= ctx->convolutions.size())
    return ctx->fail("weft_convolution", id, "no such entry");
  if (const char *fault = ctx->convolutions[id]->run(a, b, c, scratch))
    ctx->fail("weft_convolution", id, fault);
}

void weft_top_k(weft_context *ctx, int32_t id, const void *input, void *values, void *indices) {
  if (keepsStreams(ctx))
    return ctx->queue->give([=] { weft_top_k(ctx, id, input, values, indices); });
  Called called(ctx);
  if (id < 0 || static_cast<size_t>(id) >= ctx->sorts.size())
    return ctx->fail("weft_top_k", id, "no such entry");
  if (const char *fault = topK(ctx->sorts[id], input, values, static_cast<int64_t *>(indices), ctx->threads))
    ctx->fail("weft_top_k", id, fault);
}

char *weft_host_memory(weft_context *ctx) { return ctx->hostMemory; }

void weft_copy(weft_context *ctx, void *to, const void *from, int64_t bytes) {
  if (keepsStreams(ctx))
    return ctx->queue->give([=] { weft_copy(ctx, to, from, bytes); });
  Called called(ctx);
  // One core nearly saturates memory; a second one helps only where the copy is long.
  constexpr int64_t kPart = int64_t(1) << 20;
  int64_t parts = std::min<int64_t>(bytes / kPart, ctx->threads);
  if (parts <= 1) {
    memcpy(to, from, bytes);
    return;
  }
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(parts))
  for (int64_t part = 0; part < parts; ++part) {
    int64_t lo = bytes * part / parts, hi = bytes * (part + 1) / parts;
    memcpy(static_cast<char *>(to) + lo, static_cast<const char *>(from) + lo, hi - lo);
  }
}

void weft_collective_call(weft_context *ctx, int32_t id, const void *const *inputs, void *const *outputs,
                          void *scratch) {
  if (keepsStreams(ctx)) {
    size_t count = ctx->ranks ? ctx->ranks->tensorsOf(id) : 0;
    std::vector<const void *> in(inputs, inputs + count);
    std::vector<void *> out(outputs, outputs + count);
    return ctx->queue->give([=] { weft_collective(ctx, id, in.data(), out.data(), scratch); });
  }
  // A failure is kept in the context; what the task computes after it is not used.
  weft_collective(ctx, id, inputs, outputs, scratch);
}

int weft_collective(weft_context *ctx, int64_t index, const void *const *inputs, void *const *outputs, void *scratch) {
  if (!ctx->ranks || index < 0 || index >= ctx->ranks->collectives()) {
    ctx->fail("weft_collective", static_cast<int32_t>(index), "no such entry");
    return 1;
  }
  int64_t start = ctx->profile ? ctx->profile->now() : 0;
  bool done = ctx->ranks->run(index, inputs, outputs, scratch);
  if (ctx->profile)
    ctx->profile->called(start);
  if (done)
    return 0;
  std::optional<JobFault> fault = ctx->ranks->fault();
  ctx->fail("weft_collective", static_cast<int32_t>(index), fault ? fault->text.c_str() : "the transport failed");
  return 1;
}

// Without a queue calls run at once, in the order of the program, which is one that streams and events allow.

void weft_stream(weft_context *ctx, int32_t stream) {
  if (keepsStreams(ctx))
    ctx->queue->setStream(stream);
}

void weft_record(weft_context *ctx, int32_t event) {
  if (keepsStreams(ctx))
    ctx->queue->record(event);
}

void weft_wait(weft_context *ctx, int32_t event) {
  if (keepsStreams(ctx))
    ctx->queue->wait(event);
}

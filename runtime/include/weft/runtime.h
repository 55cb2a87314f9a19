//===- runtime.h - What generated code calls ----------------------*- C -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The C API between generated code and the runtime. docs/executable.md is its
// specification. No call here throws, exits or allocates; the first failure is
// kept in the context with the call and its place, and the step loop reports it
// after the task returns.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_RUNTIME_H
#define WEFT_RUNTIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// One rank's state: threads, prepared library calls, the first error.
typedef struct weft_context weft_context;

/// A task: runs to completion on `arena`, the start of the rank's allocation.
typedef void (*weft_task_fn)(weft_context *ctx, char *arena);

/// A kernel: computes the part [lo, hi) of its parallel extent. `args` are the
/// addresses of its buffers, in the order of the kernel's signature.
typedef void (*weft_kernel_fn)(void *const *args, int64_t lo, int64_t hi);

/// Runs `kernel` on the `count` addresses `args` over [0, extent), split over the threads in runs of at least
/// `grain`. Results do not depend on the number of threads.
void weft_launch(weft_context *ctx, weft_kernel_fn kernel, void *const *args, int32_t count, int64_t extent,
                 int64_t grain);

/// Enqueues entry `kernel` of the manifest's `kernels` on a device that runs the tasks of cuda. `args` are the device
/// addresses of its buffers in the order of its signature, then, where the entry has `scratch_bytes`, that of its
/// scratch memory.
void weft_launch_kernel(weft_context *ctx, int32_t kernel, void *const *args);

/// C = A * B (+ bias) (+ C) with entry `id` of the manifest's `matmuls`.
/// `bias` and `scratch` may be null where the entry has none.
void weft_matmul(weft_context *ctx, int32_t id, const void *a, const void *b, const void *bias, void *c, void *scratch);

/// The same for an entry with an `epilogue`, on cuda: `aux` is written by gelu_aux and read by dgelu.
void weft_matmul_epilogue(weft_context *ctx, int32_t id, const void *a, const void *b, const void *bias, void *aux,
                          void *c, void *scratch);

/// Entry `id` of `attentions`: out and lse from q, k, v and an optional mask. `scratch` is used on cuda alone, and is
/// as large as the entry says.
void weft_attention_forward(weft_context *ctx, int32_t id, const void *q, const void *k, const void *v,
                            const void *mask, void *out, void *lse, void *scratch);

/// The gradients of q, k and v (overwritten). No score matrix is ever held.
void weft_attention_backward(weft_context *ctx, int32_t id, const void *dout, const void *q, const void *k,
                             const void *v, const void *mask, const void *out, const void *lse, void *dq, void *dk,
                             void *dv, void *scratch);

/// Entry `id` of `convolutions`: c from a and b, which are in the order of weft.convolution's or its transposes'
/// operands. `scratch` may be null where the entry has none.
void weft_convolution(weft_context *ctx, int32_t id, const void *a, const void *b, void *c, void *scratch);

/// Entry `id` of `sorts`: the first k elements of each line of `input` in order, and their indices (i64).
void weft_top_k(weft_context *ctx, int32_t id, const void *input, void *values, void *indices);

/// The start of host memory, which is as large as the manifest's `host_bytes`.
char *weft_host_memory(weft_context *ctx);

/// Copies `bytes` bytes, in the arena or between the arena and host memory; the ranges do not overlap.
void weft_copy(weft_context *ctx, void *to, const void *from, int64_t bytes);

/// Runs entry `index` of the manifest's `collectives` with the other ranks of its group: `inputs` and `outputs` are the
/// addresses of its members' tensors, `scratch` as many bytes as the entry says (null where it says 0); all of them lie
/// in the arena. Returns 0, or 1 when the job cannot go on: the context then has the reason, and the task should
/// return.
int weft_collective(weft_context *ctx, int64_t index, const void *const *inputs, void *const *outputs, void *scratch);

/// The same. The task goes on after a failure; it is found when the task is done, and collectives that follow return at
/// once.
void weft_collective_call(weft_context *ctx, int32_t id, const void *const *inputs, void *const *outputs,
                          void *scratch);

/// What is called after this belongs to stream `stream`, by its number in the manifest's `streams`. A task begins on
/// stream 0. Calls of one stream run one after another, in their order; those of different streams in any order that
/// events allow.
void weft_stream(weft_context *ctx, int32_t stream);

/// Event `event` happens when all that the present stream was given before is done. A task records an event once;
/// events are numbered from 0 in each task, and there are as many as the manifest's `events` at most.
void weft_record(weft_context *ctx, int32_t event);

/// What the present stream is given after this runs when `event`, which was recorded before, has happened.
void weft_wait(weft_context *ctx, int32_t event);

/// Symbols that generated code defines.
extern const char weft_manifest[];
extern const int64_t weft_manifest_size;
extern const weft_task_fn weft_tasks[];
/// On cuda also: device code and constants, which the manifest divides.
extern const char weft_device_code[];
extern const int64_t weft_device_code_size;
extern const char weft_constants[];

#ifdef __cplusplus
}
#endif

#endif // WEFT_RUNTIME_H

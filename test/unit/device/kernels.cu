//===- kernels.cu - Kernels of a program for a GPU ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include <cstdint>

/// The states from the step counter on, as test/unit/runtime/sample/Sample.h places them.
struct States {
  int64_t step;
  double lossSum, lossCount, evalLossSum, evalLossCount, gradNorm, learningRate;
};

static constexpr int kIds = 16;

/// The sum of the ids into scratch memory; a stage with threads that have nothing to do.
extern "C" __global__ void sum_0(const int64_t *ids, States *, const float *, double *scratch) {
  if (threadIdx.x < kIds)
    scratch[threadIdx.x] = static_cast<double>(ids[threadIdx.x]) * (threadIdx.x + 1);
}

/// Adds it to the loss, in order, with the first weight.
extern "C" __global__ void sum_1(const int64_t *, States *states, const float *w, double *scratch) {
  double sum = 0;
  for (int i = 0; i < kIds; ++i)
    sum += scratch[i];
  states->lossSum += sum + w[0];
  states->lossCount += kIds;
}

extern "C" __global__ void clear_0(States *states) { states->lossSum = states->lossCount = 0; }

/// The update: a weight that counts steps, after a while in which the host could get ahead.
extern "C" __global__ void update_0(States *states, float *w, const double *hyper, const float *one) {
  for (int i = 0; i < 20000; ++i)
    __nanosleep(10);
  ++states->step;
  w[0] += *one;
  states->gradNorm = static_cast<double>(states->step) * 0.5;
  states->learningRate = hyper[0];
}

extern "C" __global__ void eval_0(const int64_t *ids, States *states, const float *w) {
  states->evalLossSum = static_cast<double>(ids[0]) + w[0];
  states->evalLossCount = 1;
}

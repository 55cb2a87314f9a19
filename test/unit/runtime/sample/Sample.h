//===- Sample.h - A hand-written executable ---------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What the compiler would write for a tiny model: next-token logits are a row of
// W plus b, the loss is cross-entropy, the update plain gradient descent. Its
// arena, offsets in bytes, is `Place`.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_RUNTIME_SAMPLE_H
#define WEFT_TEST_UNIT_RUNTIME_SAMPLE_H

#include "weft/runtime.h"

#include <cmath>
#include <cstring>

namespace sample {

enum Place : int64_t {
  kTokens = 0,
  kLabels = 256,
  kW = 512,
  kB = 1536,
  kHyper = 1600,
  kStep = 1728,
  kLossSum = 1736,
  kLossCount = 1744,
  kEvalLossSum = 1752,
  kEvalLossCount = 1760,
  kGradNorm = 1768,
  kLr = 1776,
  kLogits = 1792,
  kGradW = 3840,
  kGradB = 4864,
  kPersistent = 4928,
  kArena = 8192
};

constexpr int kVocabulary = 16, kLength = 8;

/// The manifest for four samples of eight tokens in two micro-batches.
constexpr const char kManifest[] =
#include "Manifest.inc"
    ;

template <typename T> T *at(char *arena, Place place) { return reinterpret_cast<T *>(arena + place); }

/// Logits, the summed loss and, if wanted, the gradient of the sum for `rows` samples.
inline double pass(char *arena, int rows, bool gradient) {
  const int64_t *ids = at<int64_t>(arena, kTokens), *labels = at<int64_t>(arena, kLabels);
  float *w = at<float>(arena, kW), *b = at<float>(arena, kB), *logits = at<float>(arena, kLogits);
  double loss = 0;
  for (int i = 0; i < rows * kLength; ++i) {
    double total = 0;
    float *row = logits + i * kVocabulary;
    for (int v = 0; v < kVocabulary; ++v)
      total += std::exp(double(row[v] = w[ids[i] * kVocabulary + v] + b[v]));
    loss += std::log(total) - row[labels[i]];
    for (int v = 0; gradient && v < kVocabulary; ++v) {
      float g = static_cast<float>(std::exp(double(row[v])) / total - (v == labels[i]));
      at<float>(arena, kGradW)[ids[i] * kVocabulary + v] += g;
      at<float>(arena, kGradB)[v] += g;
    }
  }
  return loss;
}

template <int Rows> void next(weft_context *, char *arena) {
  *at<double>(arena, kLossSum) += pass(arena, Rows, true);
  *at<double>(arena, kLossCount) += Rows * kLength;
}

template <int Rows> void first(weft_context *context, char *arena) {
  memset(arena + kGradW, 0, kPersistent - kGradW);
  *at<double>(arena, kLossSum) = *at<double>(arena, kLossCount) = 0;
  next<Rows>(context, arena);
}

inline void update(weft_context *, char *arena) {
  const double *hyper = at<double>(arena, kHyper);
  double step = static_cast<double>((*at<int64_t>(arena, kStep))++), lr = hyper[0], squares = 0;
  if (step < hyper[2]) {
    lr *= (step + 1) / hyper[2];
  } else {
    double p = std::min(1.0, (step - hyper[2]) / std::max(1.0, hyper[3] - hyper[2]));
    if (hyper[4] == 1)
      lr += (hyper[1] - hyper[0]) * p;
    if (hyper[4] == 2)
      lr = hyper[1] + (hyper[0] - hyper[1]) * (1 + std::cos(M_PI * p)) / 2;
  }
  constexpr int count = kVocabulary * kVocabulary + kVocabulary;
  float *values = at<float>(arena, kW), *gradients = at<float>(arena, kGradW);
  double samples = *at<double>(arena, kLossCount);
  for (int i = 0; i < count; ++i)
    squares += (gradients[i] / samples) * (gradients[i] / samples);
  double norm = std::sqrt(squares), scale = hyper[9] > 0 && norm > hyper[9] ? hyper[9] / norm : 1;
  for (int i = 0; i < count; ++i)
    values[i] -= static_cast<float>(lr * scale * gradients[i] / samples);
  *at<double>(arena, kGradNorm) = norm;
  *at<double>(arena, kLr) = lr;
}

template <int Rows> void step(weft_context *context, char *arena) {
  first<Rows>(context, arena);
  update(context, arena);
}

template <int Rows> void eval(weft_context *, char *arena) {
  *at<double>(arena, kEvalLossSum) = pass(arena, Rows, false);
  *at<double>(arena, kEvalLossCount) = Rows * kLength;
}

} // namespace sample

#endif // WEFT_TEST_UNIT_RUNTIME_SAMPLE_H

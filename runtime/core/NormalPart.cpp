//===- NormalPart.cpp - Random initial values of a part -------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/NormalPart.h"

#include "core/Random.h"

#include <algorithm>
#include <cstring>

using namespace weft::rt;

int64_t NormalPart::bytes() const {
  int64_t count = elementBytes(dtype);
  for (int64_t length : box.held)
    count *= length;
  return count;
}

/// Elements [first, first + count) of the tensor.
static void generate(const NormalPart &part, int64_t first, int64_t count, char *to) {
  constexpr int64_t kPart = 1 << 16;
#pragma omp parallel for schedule(static)
  for (int64_t piece = 0; piece < (count + kPart - 1) / kPart; ++piece) {
    int64_t begin = piece * kPart, size = std::min(kPart, count - begin);
    char *at = to + begin * elementBytes(part.dtype);
    if (part.dtype == DType::F32) {
      fillNormal(reinterpret_cast<float *>(at), first + begin, size, part.seed, part.name, part.deviation);
    } else {
      std::vector<float> values(size);
      fillNormal(values.data(), first + begin, size, part.seed, part.name, part.deviation);
      convertElements(values.data(), DType::F32, at, part.dtype, size);
    }
  }
}

void NormalPart::fill(char *to) const {
  // Numbers come in blocks of this many: between short runs those in between cost nothing.
  constexpr int64_t kBlock = 256, kMost = 1 << 16;
  constexpr size_t kSpans = 1024;
  struct Span {
    int64_t begin, end;
    std::vector<Box::Run> runs;
  };
  int64_t width = elementBytes(dtype);
  if (box.padded())
    memset(to, 0, bytes());
  std::vector<Span> spans;
  // Where a rank has a few columns of every row, a span is too short to be shared: threads take spans.
  auto flush = [&] {
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t i = 0; i < spans.size(); ++i) {
      const Span &span = spans[i];
      std::vector<char> values((span.end - span.begin) * width);
      generate(*this, span.begin, span.end - span.begin, values.data());
      for (const Box::Run &run : span.runs)
        memcpy(to + run.local * width, values.data() + (run.global - span.begin) * width, run.count * width);
    }
    spans.clear();
  };
  box.forEachSpan(kBlock, kMost, [&](int64_t begin, int64_t end, const std::vector<Box::Run> &runs) {
    if (runs.size() == 1 && end - begin > kMost)
      return generate(*this, begin, end - begin, to + runs.front().local * width);
    spans.push_back({begin, end, runs});
    if (spans.size() == kSpans)
      flush();
  });
  flush();
}

NormalPart NormalPart::collapsed() const {
  NormalPart result = *this;
  Box &out = result.box;
  out = {{1}, {0}, {1}, {1}};
  for (size_t i = 0; i < box.shape.size(); ++i) {
    bool whole = box.size[i] == box.shape[i] && box.held[i] == box.shape[i];
    // Before the first dimension there is one index.
    bool only = out.shape.back() == 1;
    if (whole || only) {
      out.begin.back() = only ? box.begin[i] : out.begin.back() * box.shape[i];
      out.size.back() *= box.size[i];
      out.held.back() *= box.held[i];
      out.shape.back() *= box.shape[i];
    } else {
      out.shape.push_back(box.shape[i]);
      out.begin.push_back(box.begin[i]);
      out.size.push_back(box.size[i]);
      out.held.push_back(box.held[i]);
    }
  }
  return result;
}

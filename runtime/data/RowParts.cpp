//===- RowParts.cpp - What a rank holds of each sample --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "data/RowParts.h"

#include <algorithm>

using namespace weft::rt;

RowParts::RowParts(const Manifest &manifest, const InputInfo &input, const std::vector<int64_t> &coordinates)
    : sampleWidth(input.globalElements() / manifest.samplesPerMicrobatch()), pieces(manifest.samplesPerMicrobatch()) {
  manifest.boxOf(input, coordinates).forEachRun([&](int64_t global, int64_t local, int64_t count) {
    while (count > 0) {
      int64_t row = global / sampleWidth, within = global % sampleWidth, part = std::min(count, sampleWidth - within);
      pieces[row].push_back({within, local, part});
      global += part;
      local += part;
      count -= part;
    }
  });
}

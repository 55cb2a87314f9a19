//===- RowParts.h - What a rank holds of each sample ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DATA_ROWPARTS_H
#define WEFT_DATA_ROWPARTS_H

#include "core/Manifest.h"

#include <cstdint>
#include <vector>

namespace weft::rt {

/// The part of one input that a rank holds, by the samples of a global micro-batch. A sample is the same number of
/// consecutive elements of the global input, whatever its shape.
class RowParts {
public:
  /// Elements [within, within + count) of the sample lie from element `local` of the rank's part on.
  struct Piece {
    int64_t within, local, count;
  };

  /// `coordinates` may be empty for one rank. The samples divide the elements of the input.
  RowParts(const Manifest &manifest, const InputInfo &input, const std::vector<int64_t> &coordinates);

  /// Elements of one sample of the global input.
  int64_t width() const { return sampleWidth; }
  /// The pieces of sample `row`; none where the rank does not hold any of it.
  const std::vector<Piece> &of(int64_t row) const { return pieces[row]; }

private:
  int64_t sampleWidth;
  std::vector<std::vector<Piece>> pieces;
};

} // namespace weft::rt

#endif // WEFT_DATA_ROWPARTS_H

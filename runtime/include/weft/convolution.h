//===- convolution.h - Convolutions as the library plans them -----*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Shared by the compiler, which asks for scratchpad sizes, and the runtime,
// which builds the same primitives: both see the same library calls.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CONVOLUTION_H
#define WEFT_CONVOLUTION_H

#include "weft/matmul.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// A convolution, or one of its transposes; an entry of the manifest's `convolutions`.
struct ConvolutionDesc {
  /// Which tensor is computed from the two others.
  enum Kind { Forward, InputGrad, WeightGrad } kind = Forward;
  /// Of all three tensors.
  MatmulType dtype = MatmulType::F32;
  /// [N, C, in...], [O, C/groups, kernel...] and [N, O, out...], all dense and row-major; 1 to 3 spatial dimensions.
  std::vector<int64_t> input, filter, output;
  /// One per spatial dimension: the step of the window, zeros before and after the input, the distance of the filter's
  /// elements.
  std::vector<int64_t> strides, low, high, dilations;
};

/// Bytes that the library calls for `desc` need at `scratch` with `threads` threads (0: as many as OpenMP has), on a
/// machine with this one's instruction sets: copies in the library's own layouts and its scratchpad. -1 when they
/// cannot be built; then `error`, if given, says why.
int64_t convolutionScratchBytes(const ConvolutionDesc &desc, int threads = 0, std::string *error = nullptr);

} // namespace weft

#endif // WEFT_CONVOLUTION_H

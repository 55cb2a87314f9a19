//===- Window.h - Windows that slide over spatial dimensions -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What convolutions and pools have in common: the attributes kernel_shape,
// strides, dilations, pads, auto_pad and ceil_mode.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_ONNX_WINDOW_H
#define WEFT_COMPILER_IMPORT_ONNX_WINDOW_H

#include "compiler/import/onnx/NodeImport.h"

namespace weft {

/// One entry per spatial dimension.
struct Window {
  NodeImport::Shape kernel, strides, dilations;
  NodeImport::Shape low, high; ///< padding before and after
  NodeImport::Shape out;       ///< how many windows there are

  size_t rank() const { return kernel.size(); }
  /// The elements that one window spans.
  int64_t span(size_t d) const { return (kernel[d] - 1) * dilations[d] + 1; }
};

/// An attribute that lists one integer from `least` to `most` per spatial dimension; absent: `byDefault` each.
mlir::FailureOr<NodeImport::Shape> spatialInts(NodeImport &n, llvm::StringRef name, size_t rank, int64_t byDefault,
                                               int64_t least, int64_t most = kMaxElements);

/// Strides and dilations are at most this: multiplied by any size of a tensor they are far from the largest integer.
constexpr int64_t kMostWindowStep = int64_t(1) << 20;

/// The attributes of a node whose windows of sizes `kernel` slide over spatial dimensions of sizes `in`. With
/// `mayCeil` the attribute ceil_mode counts: the number of windows is rounded up, and the last may reach past the
/// padding.
mlir::FailureOr<Window> readWindow(NodeImport &n, NodeImport::Dims kernel, NodeImport::Dims in, bool mayCeil = false);

} // namespace weft

#endif // WEFT_COMPILER_IMPORT_ONNX_WINDOW_H

//===- Window.cpp - Windows that slide over spatial dimensions -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Window.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

FailureOr<Shape> weft::spatialInts(NodeImport &n, StringRef name, size_t rank, int64_t byDefault, int64_t least,
                                   int64_t most) {
  std::optional<Shape> given = n.getInts(name);
  if (!given)
    return Shape(rank, byDefault);
  if (given->size() != rank) {
    n.error() << "'" << name << "' has " << given->size() << " entries, expected " << rank;
    return failure();
  }
  for (int64_t value : *given)
    if (value < least || value > most) {
      n.error() << "'" << name << "' has " << value << ", expected at least " << least << " and at most " << most;
      return failure();
    }
  return *given;
}

FailureOr<Window> weft::readWindow(NodeImport &n, NodeImport::Dims kernel, NodeImport::Dims in, bool mayCeil) {
  size_t rank = in.size();
  Window w;
  w.kernel.assign(kernel.begin(), kernel.end());
  FailureOr<Shape> strides = spatialInts(n, "strides", rank, 1, 1, kMostWindowStep);
  FailureOr<Shape> dilations = spatialInts(n, "dilations", rank, 1, 1, kMostWindowStep);
  FailureOr<Shape> pads = spatialInts(n, "pads", 2 * rank, 0, 0);
  std::string automatic = n.getString("auto_pad", "NOTSET");
  bool ceil = mayCeil && n.getInt("ceil_mode", 0) != 0;
  if (failed(strides) || failed(dilations) || failed(pads))
    return failure();
  w.strides = *strides;
  w.dilations = *dilations;
  w.low.assign(pads->begin(), pads->begin() + rank);
  w.high.assign(pads->begin() + rank, pads->end());
  bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!same && automatic != "NOTSET" && automatic != "VALID") {
    n.error() << "unknown auto_pad '" << automatic << "'";
    return failure();
  }
  for (size_t d = 0; d < rank; ++d) {
    if (automatic == "VALID")
      w.low[d] = w.high[d] = 0;
    if (same) {
      int64_t windows = llvm::divideCeil(in[d], w.strides[d]);
      int64_t total = std::max<int64_t>(0, (windows - 1) * w.strides[d] + w.span(d) - in[d]);
      w.low[d] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.high[d] = total - w.low[d];
    }
    int64_t room = in[d] + w.low[d] + w.high[d] - w.span(d);
    if (room < 0) {
      n.error() << "a window of " << w.span(d) << " does not fit into a dimension of " << in[d] << " with padding "
                << w.low[d] << " and " << w.high[d];
      return failure();
    }
    int64_t out = (ceil ? llvm::divideCeil(room, w.strides[d]) : room / w.strides[d]) + 1;
    // A window that begins in the padding behind the input would see nothing.
    if (ceil && (out - 1) * w.strides[d] >= in[d] + w.low[d])
      --out;
    w.out.push_back(out);
  }
  return w;
}

//===- Convolution.cpp - ONNX convolution and its transpose -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Convolution.h"
#include "compiler/import/onnx/Window.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// An error unless operands 0 and 1 are an input and a filter of 1 to 3 spatial dimensions; then their kernel's sizes.
static FailureOr<Shape> checkOperands(NodeImport &n) {
  if (failed(n.needFloat()) || failed(n.needSameElementType(0, 1)))
    return failure();
  if (n.rank(0) < 3 || n.rank(0) > 5 || n.rank(1) != n.rank(0)) {
    n.error() << n.node.opType << " takes an input and a filter of the same rank, 3 to 5, not " << n.type(0) << " and "
              << n.type(1);
    return failure();
  }
  for (size_t i : {0, 1})
    if (n.type(i).getNumElements() == 0) {
      n.error() << "operand '" << n.displayName(i) << "' is empty";
      return failure();
    }
  Shape kernel(n.shape(1).drop_front(2));
  if (std::optional<Shape> given = n.getInts("kernel_shape"); given && *given != kernel) {
    n.error() << "'kernel_shape' is not that of the filter '" << n.displayName(1) << "', " << n.type(1);
    return failure();
  }
  return kernel;
}

/// The number of groups; an error unless it divides `channels`.
static FailureOr<int64_t> readGroups(NodeImport &n, int64_t channels) {
  int64_t groups = n.getInt("group", 1);
  if (groups >= 1 && channels % groups == 0)
    return groups;
  n.error() << groups << " groups do not divide " << channels << " channels";
  return failure();
}

/// y plus operand 2, a number for each channel.
static LogicalResult doneWithBias(NodeImport &n, Value y) {
  if (!n.has(2))
    return n.done(y);
  RankedTensorType type = tensorType(y);
  if (failed(n.needSameElementType(0, 2)))
    return failure();
  if (n.rank(2) != 1 || n.shape(2)[0] != type.getDimSize(1))
    return n.error() << "the bias '" << n.displayName(2) << "' has type " << n.type(2) << ", expected "
                     << type.getDimSize(1) << " elements";
  return n.done(n.e.add(y, n.e.broadcast(n.input(2), {1}, type.getShape())));
}

static LogicalResult convolution(NodeImport &n) {
  FailureOr<Shape> kernel = checkOperands(n);
  if (failed(kernel))
    return failure();
  FailureOr<int64_t> groups = readGroups(n, n.shape(1)[0]);
  FailureOr<Window> w = readWindow(n, *kernel, n.shape(0).drop_front(2));
  if (failed(groups) || failed(w))
    return failure();
  if (n.shape(1)[1] * *groups != n.shape(0)[1])
    return n.error() << "the filter '" << n.displayName(1) << "' takes " << n.shape(1)[1] << " channels in each of "
                     << *groups << " groups, the input has " << n.shape(0)[1];
  Shape shape{n.shape(0)[0], n.shape(1)[0]};
  llvm::append_range(shape, w->out);
  if (failed(n.checkShape(shape)))
    return failure();
  auto type = RankedTensorType::get(shape, n.elementType(0));
  return doneWithBias(n, ConvolutionOp::create(n.e.b, n.e.loc, type, n.input(0), n.input(1), w->strides, w->low,
                                               w->high, w->dilations));
}

/// The operand is what a convolution would give, the result what it would take.
static LogicalResult convolutionTranspose(NodeImport &n) {
  FailureOr<Shape> kernel = checkOperands(n);
  if (failed(kernel))
    return failure();
  ArrayRef<int64_t> in = n.shape(0).drop_front(2);
  size_t rank = in.size();
  FailureOr<int64_t> groups = readGroups(n, n.shape(0)[1]);
  FailureOr<Shape> strides = spatialInts(n, "strides", rank, 1, 1, kMostWindowStep);
  FailureOr<Shape> dilations = spatialInts(n, "dilations", rank, 1, 1, kMostWindowStep);
  FailureOr<Shape> pads = spatialInts(n, "pads", 2 * rank, 0, 0);
  FailureOr<Shape> extra = spatialInts(n, "output_padding", rank, 0, 0);
  FailureOr<Shape> wanted = spatialInts(n, "output_shape", rank, 0, 1);
  std::string automatic = n.getString("auto_pad", "NOTSET");
  if (failed(groups) || failed(strides) || failed(dilations) || failed(pads) || failed(extra) || failed(wanted))
    return failure();
  if (n.shape(1)[0] != n.shape(0)[1])
    return n.error() << "the filter '" << n.displayName(1) << "' takes " << n.shape(1)[0] << " channels, the input has "
                     << n.shape(0)[1];
  bool upper = automatic == "SAME_UPPER", same = upper || automatic == "SAME_LOWER";
  if (!same && automatic != "NOTSET" && automatic != "VALID")
    return n.error() << "unknown auto_pad '" << automatic << "'";

  Shape shape{n.shape(0)[0], n.shape(1)[1] * *groups}, low, high, behind(rank + 2, 0);
  for (size_t d = 0; d < rank; ++d) {
    int64_t span = ((*kernel)[d] - 1) * (*dilations)[d] + 1;
    // Everything that some window reaches.
    int64_t whole = (*strides)[d] * (in[d] - 1) + span;
    int64_t begin = (*pads)[d], out;
    if (n.hasAttr("output_shape") || same) {
      out = n.hasAttr("output_shape") ? (*wanted)[d] : in[d] * (*strides)[d];
      int64_t total = std::max<int64_t>(0, whole + (*extra)[d] - out);
      begin = upper ? total / 2 : total - total / 2;
    } else {
      if (automatic == "VALID")
        begin = (*pads)[rank + d] = 0;
      out = whole + (*extra)[d] - begin - (*pads)[rank + d];
    }
    if (out < 1 || begin >= whole)
      return n.error() << "nothing is left of spatial dimension " << d << " after padding " << begin << " and "
                       << (*pads)[rank + d];
    low.push_back(begin);
    // Sizes beyond the last window are zeros; a convolution would not have them.
    int64_t reached = std::min(out, whole - begin);
    high.push_back(whole - begin - reached);
    shape.push_back(reached);
    behind[d + 2] = out - reached;
  }
  if (failed(n.checkShape(shape)))
    return failure();
  auto type = RankedTensorType::get(shape, n.elementType(0));
  Value y =
      ConvolutionInputGradOp::create(n.e.b, n.e.loc, type, n.input(0), n.input(1), *strides, low, high, *dilations);
  Shape none(rank + 2, 0);
  if (behind != none) {
    for (auto [size, more] : llvm::zip(shape, behind))
      size += more;
    if (failed(n.checkShape(shape)))
      return failure();
    y = PadOp::create(n.e.b, n.e.loc, type.clone(shape), y, none, behind, none);
  }
  return doneWithBias(n, y);
}

void weft::registerConvolution(OpTable &table) {
  table.add("Conv", convolution, 2, 3);
  table.add("ConvTranspose", convolutionTranspose, 2, 3);
}

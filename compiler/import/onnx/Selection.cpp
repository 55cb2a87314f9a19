//===- Selection.cpp - ONNX operators that pick and rearrange elements ----===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"
#include "dialects/weft/Fold.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// The position along `axis` of the extreme element, in i64: of the first one, or the last.
static Value extremePosition(Build &e, Value x, int64_t axis, ReduceKind kind, bool last) {
  ArrayRef<int64_t> shape = tensorType(x).getShape();
  Value extreme = e.broadcastAlong(e.reduce(kind, x, {axis}), {axis}, shape);
  auto index = RankedTensorType::get(shape, e.b.getI64Type());
  Value nowhere = e.splat(index, last ? -1 : static_cast<double>(shape[axis])), here = e.iota(index, axis);
  Value position = e.select(e.equal(x, extreme), here, nowhere);
  return e.reduce(last ? ReduceKind::max : ReduceKind::min, position, {axis});
}

template <ReduceKind kind> static LogicalResult argExtreme(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", 0), n.rank(0));
  bool keep = n.getInt("keepdims", 1) != 0, last = n.getInt("select_last_index", 0) != 0;
  if (failed(axis))
    return failure();
  if (n.shape(0)[*axis] == 0)
    return n.error() << n.node.opType << " over no elements";
  Value x = n.ordered(0), position = extremePosition(n.e, x, *axis, kind, last);
  Shape kept(n.shape(0));
  kept[*axis] = 1;
  return n.done(keep ? n.e.reshape(position, kept) : position);
}

static LogicalResult hardmax(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", -1), n.rank(0));
  if (failed(axis) || failed(n.needFloat()))
    return failure();
  if (n.shape(0)[*axis] == 0)
    return n.done(n.input(0));
  Build &e = n.e;
  Value position = extremePosition(e, n.input(0), *axis, ReduceKind::max, /*last=*/false);
  auto index = RankedTensorType::get(n.shape(0), e.b.getI64Type());
  Value repeated = e.broadcastAlong(position, {*axis}, n.shape(0)), hit = e.equal(e.iota(index, *axis), repeated);
  Value zero = e.splatLike(n.input(0), 0);
  return n.done(e.select(hit, e.splatLike(n.input(0), 1), zero));
}

static LogicalResult eyeLike(NodeImport &n) {
  int64_t k = n.getInt("k", 0);
  Type element = n.elementType(0);
  bool isUnsigned = n.isUnsigned(0);
  if (n.hasAttr("dtype")) {
    auto type = static_cast<onnx::ElementType>(n.getInt("dtype", 0));
    element = n.context.convertType(type);
    isUnsigned = onnx::isUnsigned(type);
    if (!element)
      return n.error() << "Weft has no element type " << onnx::elementTypeName(type);
  }
  if (n.rank(0) != 2)
    return n.error() << "EyeLike of a tensor of rank " << n.rank(0);
  Build &e = n.e;
  auto index = RankedTensorType::get(n.shape(0), e.b.getI64Type());
  Value shift = e.splat(index, static_cast<double>(k)), diagonal = e.add(e.iota(index, 0), shift);
  Value hit = e.equal(e.iota(index, 1), diagonal);
  auto type = RankedTensorType::get(n.shape(0), element);
  n.setUnsigned(0, isUnsigned);
  Value zero = e.splat(type, 0);
  return n.done(e.select(hit, e.splat(type, 1), zero));
}

static LogicalResult depthToSpace(NodeImport &n) {
  int64_t block = n.getInt("blocksize", 0);
  std::string mode = n.getString("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return n.error() << "mode must be 'DCR' or 'CRD', not '" << mode << "'";
  if (n.rank(0) != 4 || block < 1 || n.shape(0)[1] % block || n.shape(0)[1] / block % block)
    return n.error() << "channels of " << n.type(0) << " do not divide into blocks of " << block << " by " << block;
  ArrayRef<int64_t> s = n.shape(0);
  int64_t channels = s[1] / block / block;
  bool depthFirst = mode == "DCR";
  Shape cut =
      depthFirst ? Shape{s[0], block, block, channels, s[2], s[3]} : Shape{s[0], channels, block, block, s[2], s[3]};
  if (failed(n.checkShape(cut)))
    return failure();
  Value x = n.e.reshape(n.input(0), cut);
  x = depthFirst ? n.e.transpose(x, {0, 3, 4, 1, 5, 2}) : n.e.transpose(x, {0, 1, 4, 2, 5, 3});
  return n.done(n.e.reshape(x, {s[0], channels, s[2] * block, s[3] * block}));
}

static LogicalResult spaceToDepth(NodeImport &n) {
  int64_t block = n.getInt("blocksize", 0);
  if (n.rank(0) != 4 || block < 1 || n.shape(0)[2] % block || n.shape(0)[3] % block)
    return n.error() << n.type(0) << " does not divide into blocks of " << block << " by " << block;
  ArrayRef<int64_t> s = n.shape(0);
  std::string mode = n.getString("mode", "DCR");
  if (mode != "DCR" && mode != "CRD")
    return n.error() << "mode must be 'DCR' or 'CRD', not '" << mode << "'";
  Shape cut{s[0], s[1], s[2] / block, block, s[3] / block, block};
  if (failed(n.checkShape(cut)))
    return failure();
  Value x = n.e.reshape(n.input(0), cut);
  x = n.e.transpose(x, mode == "DCR" ? Shape{0, 3, 5, 1, 2, 4} : Shape{0, 1, 3, 5, 2, 4});
  return n.done(n.e.reshape(x, {s[0], s[1] * block * block, s[2] / block, s[3] / block}));
}

/// Element t of a sequence of length L is element L - 1 - t, and those behind the sequence stay.
static LogicalResult reverseSequence(NodeImport &n) {
  int64_t batchAxis = n.getInt("batch_axis", 1), timeAxis = n.getInt("time_axis", 0);
  if (n.rank(0) < 2 || std::min(batchAxis, timeAxis) != 0 || std::max(batchAxis, timeAxis) != 1)
    return n.error() << "batch_axis " << batchAxis << " and time_axis " << timeAxis << " must be 0 and 1 of "
                     << n.type(0);
  if (n.rank(1) != 1 || n.shape(1)[0] != n.shape(0)[batchAxis] || !n.elementType(1).isInteger(64))
    return n.error() << "lengths of type " << n.type(1) << " do not fit a batch of " << n.shape(0)[batchAxis];
  Build &e = n.e;
  // [batch, time] numbers of elements in the flat [batch * time] dimensions.
  int64_t batch = n.shape(0)[batchAxis], time = n.shape(0)[timeAxis];
  Shape to(n.shape(0)), matrix{batch, time}, flat(n.shape(0).drop_front(2));
  flat.insert(flat.begin(), batch * time);
  Value x = n.input(0);
  Shape swapped = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  std::swap(swapped[0], swapped[1]);
  if (batchAxis == 1)
    x = e.transpose(x, swapped);
  auto index = RankedTensorType::get(matrix, e.b.getI64Type());
  Value t = e.iota(index, 1), length = e.broadcast(n.input(1), {0}, matrix);
  Value mirrored = e.sub(e.sub(length, e.splat(index, 1)), t);
  Value from = e.select(e.less(t, length), mirrored, t);
  Value width = e.splat(index, static_cast<double>(time)), number = e.add(e.mul(e.iota(index, 0), width), from);
  Value taken = e.gather(e.reshape(x, flat), number, 0);
  return n.done(batchAxis == 1 ? e.transpose(taken, swapped) : taken);
}

static LogicalResult centerCropPad(NodeImport &n) {
  FailureOr<Shape> sizes = n.constantInts(1, "shape");
  if (failed(sizes))
    return failure();
  Shape axes = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  if (auto given = n.getInts("axes"))
    axes = *given;
  if (failed(n.axes(axes, n.rank(0))))
    return failure();
  if (axes.size() != sizes->size())
    return n.error() << sizes->size() << " sizes for " << axes.size() << " axes";
  Shape to(n.shape(0)), kept(to), offsets(n.rank(0), 0), low(offsets), high(offsets);
  for (auto [axis, size] : llvm::zip(axes, *sizes))
    to[axis < 0 ? axis + n.rank(0) : axis] = size;
  // Before anything is counted with sizes that may be any number.
  if (failed(n.checkShape(to)))
    return failure();
  for (auto [d, size] : llvm::enumerate(to)) {
    int64_t from = n.shape(0)[d], more = std::max<int64_t>(size - from, 0);
    kept[d] = std::min(size, from);
    offsets[d] = (from - kept[d]) / 2;
    low[d] = more / 2;
    high[d] = more - low[d];
  }
  Value x = n.e.slice(n.input(0), offsets, kept, Shape(n.rank(0), 1));
  if (tensorType(x).getShape() == ArrayRef<int64_t>(to))
    return n.done(x);
  return n.done(PadOp::create(n.e.b, n.e.loc, tensorType(x).clone(to), x, low, high, Shape(n.rank(0), 0)));
}

static LogicalResult compress(NodeImport &n) {
  DenseElementsAttr condition = constantValue(n.input(1));
  if (!condition || !n.elementType(1).isInteger(1) || n.rank(1) != 1)
    return n.error() << "the condition ('" << n.node.inputs[1]
                     << "') depends on data: Weft needs it to be known when it compiles";
  Value x = n.input(0);
  int64_t axis = 0;
  if (n.hasAttr("axis")) {
    FailureOr<int64_t> given = n.axis(n.getInt("axis", 0), n.rank(0));
    if (failed(given))
      return failure();
    axis = *given;
  } else {
    x = n.e.reshape(x, {n.type(0).getNumElements()});
  }
  // What is taken is listed.
  if (condition.getNumElements() > defaultFoldLimit)
    return n.error() << "a condition of " << condition.getNumElements() << " elements is beyond what Weft can hold";
  Shape taken;
  for (auto [i, keep] : llvm::enumerate(condition.getValues<bool>()))
    if (keep)
      taken.push_back(i);
  if (!taken.empty() && taken.back() >= tensorType(x).getDimSize(axis))
    return n.error() << "the condition has more elements than axis " << axis << " of " << n.type(0);
  return n.done(n.e.gather(x, n.i64Vector(taken), axis));
}

void weft::registerSelection(OpTable &table) {
  table.add("ArgMax", argExtreme<ReduceKind::max>, 1, 1);
  table.add("ArgMin", argExtreme<ReduceKind::min>, 1, 1);
  table.add("Hardmax", hardmax, 1, 1);
  table.add("EyeLike", eyeLike, 1, 1);
  table.add("DepthToSpace", depthToSpace, 1, 1);
  table.add("SpaceToDepth", spaceToDepth, 1, 1);
  table.add("ReverseSequence", reverseSequence, 2, 2);
  table.add("CenterCropPad", centerCropPad, 2, 2, 1, 18);
  table.add("Compress", compress, 2, 2);
  table.takeUnsigned(0, {"DepthToSpace", "SpaceToDepth", "ReverseSequence", "CenterCropPad", "Compress", "EyeLike"});
  table.takeUnsigned(-1, {"ArgMax", "ArgMin"});
}

//===- Shape.cpp - ONNX operators that make and change shapes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Parts.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

static LogicalResult reshape(NodeImport &n) {
  bool allowZero = n.getInt("allowzero", 0) != 0;
  FailureOr<Shape> wanted = n.constantInts(1, "new shape");
  if (failed(wanted))
    return failure();
  ArrayRef<int64_t> from = n.shape(0);
  Shape to = *wanted;
  int64_t rest = -1;
  for (auto [i, size] : llvm::enumerate(to)) {
    if (size == 0 && !allowZero) {
      if (i >= from.size())
        return n.error() << "the new shape copies dimension " << i << " of a tensor of rank " << from.size();
      size = from[i];
    } else if (size == -1) {
      if (rest >= 0)
        return n.error() << "the new shape has more than one -1";
      rest = i;
      size = 1;
    }
  }
  if (failed(n.checkShape(to)))
    return failure();
  int64_t elements = product(from), known = product(to);
  if (rest >= 0) {
    if (known == 0 || elements % known) {
      InFlightDiagnostic diagnostic = n.error();
      diagnostic << n.type(0) << " cannot be reshaped to [";
      llvm::interleaveComma(*wanted, diagnostic);
      return diagnostic << "]: the sizes do not divide";
    }
    to[rest] = elements / known;
  } else if (known != elements) {
    InFlightDiagnostic diagnostic = n.error();
    diagnostic << n.type(0) << " cannot be reshaped to [";
    llvm::interleaveComma(*wanted, diagnostic);
    return diagnostic << "]: " << elements << " elements against " << known;
  }
  return n.done(n.e.reshape(n.input(0), to));
}

static LogicalResult flatten(NodeImport &n) {
  int64_t at = n.getInt("axis", 1), rank = n.rank(0);
  if (at < -rank || at > rank)
    return n.error() << "axis " << at << " is out of range for a tensor of rank " << rank;
  at = at < 0 ? at + rank : at;
  ArrayRef<int64_t> shape = n.shape(0);
  return n.done(n.e.reshape(n.input(0), {product(shape.take_front(at)), product(shape.drop_front(at))}));
}

static LogicalResult squeeze(NodeImport &n) {
  ArrayRef<int64_t> shape = n.shape(0);
  Shape kept;
  if (!n.has(1)) {
    llvm::copy_if(shape, std::back_inserter(kept), [](int64_t size) { return size != 1; });
    return n.done(n.e.reshape(n.input(0), kept));
  }
  FailureOr<Shape> list = n.constantInts(1, "axes");
  if (failed(list))
    return failure();
  FailureOr<Shape> axes = n.axes(*list, n.rank(0));
  if (failed(axes))
    return failure();
  for (auto [i, size] : llvm::enumerate(shape)) {
    if (!llvm::is_contained(*axes, static_cast<int64_t>(i)))
      kept.push_back(size);
    else if (size != 1)
      return n.error() << "dimension " << i << " cannot be squeezed: its size is " << size;
  }
  return n.done(n.e.reshape(n.input(0), kept));
}

static LogicalResult unsqueeze(NodeImport &n) {
  FailureOr<Shape> list = n.constantInts(1, "axes");
  if (failed(list))
    return failure();
  FailureOr<Shape> axes = n.axes(*list, n.rank(0) + static_cast<int64_t>(list->size()));
  if (failed(axes))
    return failure();
  Shape shape(n.shape(0));
  for (int64_t axis : *axes)
    shape.insert(shape.begin() + axis, 1);
  return n.done(n.e.reshape(n.input(0), shape));
}

static LogicalResult expand(NodeImport &n) {
  FailureOr<Shape> wanted = n.constantInts(1, "shape");
  if (failed(wanted) || failed(n.checkShape(*wanted)))
    return failure();
  // Broadcasting goes both ways: the operand may have sizes where the shape says 1.
  ArrayRef<int64_t> from = n.shape(0);
  Shape to = *wanted;
  if (from.size() > to.size())
    to.insert(to.begin(), from.size() - to.size(), 1);
  size_t lead = to.size() - from.size();
  for (auto [i, size] : llvm::enumerate(from))
    if (to[lead + i] == 1)
      to[lead + i] = size;
  return n.done(n.stretch(n.input(0), to));
}

static LogicalResult tile(NodeImport &n) {
  FailureOr<Shape> repeats = n.constantInts(1, "repeats");
  if (failed(repeats))
    return failure();
  ArrayRef<int64_t> from = n.shape(0);
  if (repeats->size() != from.size())
    return n.error() << repeats->size() << " repeats for a tensor of rank " << from.size();
  if (failed(n.checkShape(*repeats)))
    return failure();
  // [a, b] becomes [r0, a, r1, b], and then [r0 * a, r1 * b].
  Shape wide, dims, to;
  for (auto [size, repeat] : llvm::zip(from, *repeats)) {
    wide.append({repeat, size});
    dims.push_back(static_cast<int64_t>(wide.size()) - 1);
    to.push_back(llvm::SaturatingMultiply<uint64_t>(size, repeat) > uint64_t(kMaxElements) ? kMaxElements + 1
                                                                                           : size * repeat);
  }
  if (failed(n.checkShape(to)))
    return failure();
  return n.done(n.e.reshape(n.e.broadcast(n.input(0), dims, wide), to));
}

static LogicalResult transpose(NodeImport &n) {
  int64_t rank = n.rank(0);
  Shape perm(llvm::reverse(llvm::to_vector(llvm::seq<int64_t>(0, rank))));
  if (auto given = n.getInts("perm"))
    perm = *given;
  Shape sorted(perm);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank))) {
    InFlightDiagnostic diagnostic = n.error();
    diagnostic << "[";
    llvm::interleaveComma(perm, diagnostic);
    return diagnostic << "] is not a permutation of the " << rank << " dimensions";
  }
  return n.done(n.e.transpose(n.input(0), perm));
}

FailureOr<Value> weft::concatenate(NodeImport &n, ArrayRef<Value> parts, int64_t axis) {
  RankedTensorType first = tensorType(parts.front());
  SmallVector<Value> filled;
  int64_t total = 0;
  for (auto [i, part] : llvm::enumerate(parts)) {
    RankedTensorType type = tensorType(part);
    bool fits = type.getRank() == first.getRank() && type.getElementType() == first.getElementType();
    for (int64_t d = 0; fits && d < first.getRank(); ++d)
      fits = d == axis || type.getDimSize(d) == first.getDimSize(d);
    if (!fits)
      return n.error() << "tensors 0 of type " << first << " and " << i << " of type " << type
                       << " differ in more than axis " << axis,
             failure();
    total += type.getDimSize(axis);
    if (type.getDimSize(axis))
      filled.push_back(part);
  }
  NodeImport::Shape to(first.getShape());
  to[axis] = total;
  if (failed(n.checkShape(to)))
    return failure();
  return filled.empty() ? parts.front() : n.e.concat(filled, axis);
}

static LogicalResult concat(NodeImport &n) {
  if (!n.hasAttr("axis"))
    return n.error() << "attribute 'axis' is missing";
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", 0), n.rank(0));
  if (failed(axis))
    return failure();
  SmallVector<Value> parts;
  for (size_t i = 0; i < n.numInputs(); ++i) {
    if (!n.has(i))
      return n.error() << "operand " << i << " is left out";
    parts.push_back(n.input(i));
  }
  return n.done(concatenate(n, parts, *axis));
}

FailureOr<SmallVector<Value>> weft::cutIntoParts(NodeImport &n, int64_t axis, ArrayRef<int64_t> sizes) {
  int64_t sum = 0, size = n.shape(0)[axis];
  for (int64_t part : sizes) {
    // Each is checked before it is added: no sum overflows.
    if (part < 0 || part > size - sum)
      sum = size + 1;
    if (sum <= size)
      sum += part;
  }
  if (sum != size)
    return n.error() << "the sizes of the parts do not make up size " << size << " in " << sizes.size() << " results",
           failure();
  NodeImport::Shape offsets(n.rank(0), 0), to(n.shape(0));
  SmallVector<Value> parts;
  for (int64_t part : sizes) {
    to[axis] = part;
    parts.push_back(n.e.slice(n.input(0), offsets, to));
    offsets[axis] += part;
  }
  return parts;
}

static LogicalResult split(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", 0), n.rank(0));
  int64_t asked = n.opset >= 18 ? n.getInt("num_outputs", 0) : 0;
  if (failed(axis))
    return failure();
  int64_t size = n.shape(0)[*axis], count = n.node.outputs.size();
  Shape sizes;
  if (n.has(1)) {
    FailureOr<Shape> given = n.constantInts(1, "sizes of the parts");
    if (failed(given))
      return failure();
    sizes = *given;
  } else {
    if (asked && asked != count)
      return n.error() << "num_outputs is " << asked << " but the node has " << count << " results";
    if (count == 0)
      return n.error() << "the node has no results";
    // Equal parts; since opset 18 the last one may be smaller.
    int64_t part = llvm::divideCeil(size, count);
    if (n.opset < 18 && size % count)
      return n.error() << "size " << size << " does not divide into " << count << " equal parts";
    for (int64_t i = 0; i < count; ++i)
      sizes.push_back(std::max<int64_t>(0, std::min(part, size - i * part)));
  }
  if (static_cast<int64_t>(sizes.size()) != count)
    return n.error() << "there are sizes of " << sizes.size() << " parts, but the node has " << count << " results";
  FailureOr<SmallVector<Value>> parts = cutIntoParts(n, *axis, sizes);
  if (failed(parts))
    return failure();
  for (auto [i, part] : llvm::enumerate(*parts))
    n.set(i, part);
  return success();
}

static LogicalResult slice(NodeImport &n) {
  FailureOr<Shape> starts = n.constantInts(1, "starts"), ends = n.constantInts(2, "ends");
  if (failed(starts) || failed(ends))
    return failure();
  Shape axes(llvm::to_vector(llvm::seq<int64_t>(0, starts->size()))), steps(starts->size(), 1);
  if (n.has(3)) {
    FailureOr<Shape> given = n.constantInts(3, "axes");
    if (failed(given))
      return failure();
    axes = *given;
  }
  if (n.has(4)) {
    FailureOr<Shape> given = n.constantInts(4, "steps");
    if (failed(given))
      return failure();
    steps = *given;
  }
  if (ends->size() != starts->size() || axes.size() != starts->size() || steps.size() != starts->size())
    return n.error() << "starts, ends, axes and steps differ in length";
  if (failed(n.axes(axes, n.rank(0))))
    return failure();

  Value result = n.input(0);
  Shape offsets(n.rank(0), 0), strides(n.rank(0), 1), sizes(n.shape(0));
  for (auto [start, end, axis, step] : llvm::zip(*starts, *ends, axes, steps)) {
    int64_t d = axis < 0 ? axis + n.rank(0) : axis, size = n.shape(0)[d];
    if (step == 0)
      return n.error() << "a step of 0 along axis " << d;
    int64_t from = start < 0 ? std::max(start, -size - 1) + size : std::min(start, size);
    int64_t to = end < 0 ? std::max(end, -size - 1) + size : std::min(end, size);
    if (step > 0) {
      from = std::max<int64_t>(from, 0);
      to = std::max<int64_t>(to, 0);
      offsets[d] = from;
      // A stride beyond the dimension takes its first element only.
      strides[d] = std::min(step, std::max<int64_t>(size, 1));
      sizes[d] = std::max<int64_t>(0, llvm::divideCeil(std::max<int64_t>(to - from, 0), strides[d]));
      if (sizes[d] == 0)
        offsets[d] = 0;
      continue;
    }
    // weft.slice goes forward only: a step back is a gather with falling indices.
    int64_t back = step < -size ? std::max<int64_t>(size, 1) : -step;
    int64_t first = std::min(from, size - 1);
    sizes[d] = first > to ? llvm::divideCeil(first - to, back) : 0;
    // As arithmetic, which is folded where there are few.
    auto type = RankedTensorType::get({sizes[d]}, n.e.b.getI64Type());
    Value stride = n.e.splat(type, static_cast<double>(-back)), indices = n.e.mul(n.e.iota(type, 0), stride);
    result = n.e.gather(result, n.e.add(indices, n.e.splat(type, static_cast<double>(first))), d);
  }
  return n.done(n.e.slice(result, offsets, sizes, strides));
}

static LogicalResult shape(NodeImport &n) {
  int64_t rank = n.rank(0);
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  int64_t start = 0, end = rank;
  if (n.opset >= 15) {
    start = clamp(n.getInt("start", 0));
    end = clamp(n.getInt("end", rank));
  }
  return n.done(n.i64Vector(n.shape(0).slice(start, std::max<int64_t>(0, end - start))));
}

static LogicalResult size(NodeImport &n) { return n.done(n.i64Constant({product(n.shape(0))}, {})); }

static LogicalResult constantOfShape(NodeImport &n) {
  FailureOr<Shape> wanted = n.constantInts(0, "shape");
  if (failed(wanted) || failed(n.checkShape(*wanted)))
    return failure();
  // The importer has made attribute `value` the second operand.
  if (!n.has(1))
    return n.done(n.e.splat(RankedTensorType::get(*wanted, n.e.b.getF32Type()), 0));
  if (n.type(1).getNumElements() != 1)
    return n.error() << "attribute 'value' must have one element";
  return n.done(n.stretch(n.e.reshape(n.input(1), {}), *wanted));
}

static LogicalResult range(NodeImport &n) {
  if (failed(n.needSameElementType(0, 1)) || failed(n.needSameElementType(0, 2)))
    return failure();
  FailureOr<double> start = n.constantNumber(0, "start"), limit = n.constantNumber(1, "limit"),
                    delta = n.constantNumber(2, "delta");
  if (failed(start) || failed(limit) || failed(delta))
    return failure();
  if (*delta == 0)
    return n.error() << "a range with a delta of 0";
  double count = std::max(0.0, std::ceil((*limit - *start) / *delta));
  if (!std::isfinite(*start) || !std::isfinite(*delta) || !(count <= double(kMaxElements)))
    return n.error() << "a range of " << count << " elements is beyond what Weft can hold";
  auto type = RankedTensorType::get({static_cast<int64_t>(count)}, n.elementType(0));
  Value index = n.e.iota(type, 0);
  if (*delta != 1)
    index = n.e.mul(index, n.e.splat(type, *delta));
  if (*start != 0)
    index = n.e.add(index, n.e.splat(type, *start));
  return n.done(index);
}

/// The element of [0, size) that stands at position i, which may lie outside.
static int64_t paddingIndex(StringRef mode, int64_t i, int64_t size) {
  auto modulo = [](int64_t a, int64_t b) { return (a % b + b) % b; };
  if (mode == "edge")
    return std::clamp<int64_t>(i, 0, size - 1);
  if (mode == "wrap")
    return modulo(i, size);
  // Reflected at the outermost elements, which are not repeated.
  int64_t period = std::max<int64_t>(1, 2 * (size - 1)), at = modulo(i, period);
  return std::min(at, period - at);
}

static LogicalResult pad(NodeImport &n) {
  std::string mode = n.getString("mode", "constant");
  FailureOr<Shape> pads = n.constantInts(1, "pads");
  if (failed(pads))
    return failure();
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    return n.error() << "mode must be 'constant', 'reflect', 'edge' or 'wrap', not '" << mode << "'";
  Shape axes(llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0))));
  if (n.has(3)) {
    FailureOr<Shape> given = n.constantInts(3, "axes");
    if (failed(given))
      return failure();
    axes = *given;
    if (failed(n.axes(axes, n.rank(0))))
      return failure();
  }
  if (pads->size() != 2 * axes.size())
    return n.error() << pads->size() << " pads for " << axes.size() << " axes";

  Value x = n.input(0);
  Shape low(n.rank(0), 0), high(low), offsets(low), strides(n.rank(0), 1), kept(n.shape(0)), to;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t d = axis < 0 ? axis + n.rank(0) : axis;
    int64_t before = (*pads)[i], after = (*pads)[axes.size() + i];
    if (std::max(std::abs(before / 2), std::abs(after / 2)) > kMaxElements)
      return n.error() << "a pad of " << (std::abs(before / 2) > kMaxElements ? before : after)
                       << " is beyond what Weft can hold";
    // Negative pads cut off.
    offsets[d] = std::max<int64_t>(0, -before);
    kept[d] += std::min<int64_t>(0, before) + std::min<int64_t>(0, after);
    low[d] = std::max<int64_t>(0, before);
    high[d] = std::max<int64_t>(0, after);
    if (kept[d] < 0)
      return n.error() << "negative pads cut off more than axis " << d << " has";
  }
  for (auto [size, a, b] : llvm::zip(kept, low, high))
    to.push_back(size + a + b);
  if (failed(n.checkShape(to)))
    return failure();
  Build &e = n.e;
  auto padded = [&](Value v) -> Value {
    if (llvm::all_of(low, [](int64_t p) { return p == 0; }) && llvm::all_of(high, [](int64_t p) { return p == 0; }))
      return v;
    return PadOp::create(e.b, e.loc, tensorType(v).clone(to), v, low, high, Shape(n.rank(0), 0));
  };
  x = e.slice(x, offsets, kept, strides);
  if (mode != "constant") {
    for (int64_t d = 0; d < n.rank(0); ++d) {
      if (low[d] == 0 && high[d] == 0)
        continue;
      if (kept[d] == 0)
        return n.error() << "axis " << d << " has no elements to pad with";
      Shape indices;
      for (int64_t i = -low[d]; i < kept[d] + high[d]; ++i)
        indices.push_back(paddingIndex(mode, i, kept[d]));
      x = e.gather(x, n.i64Vector(indices), d);
    }
    return n.done(x);
  }
  Value result = padded(x);
  if (n.has(2)) {
    FailureOr<double> fill = n.constantNumber(2, "constant value");
    if (failed(fill))
      return failure();
    if (*fill != 0 && result != x) {
      Value inside = padded(e.splat(tensorType(x).clone(e.b.getI1Type()), 1));
      result = e.select(inside, result, e.splatLike(result, *fill));
    }
  }
  return n.done(result);
}

void weft::registerShape(OpTable &table) {
  table.add("Reshape", reshape, 2, 2);
  table.add("Flatten", flatten, 1, 1);
  table.add("Squeeze", squeeze, 1, 2);
  table.add("Unsqueeze", unsqueeze, 2, 2);
  table.add("Expand", expand, 2, 2);
  table.add("Tile", tile, 2, 2);
  table.add("Transpose", transpose, 1, 1);
  table.add("Concat", concat, 1, kAnyNumber);
  table.add("Split", split, 1, 2, kAnyNumber);
  table.add("Slice", slice, 3, 5);
  table.add("Shape", shape, 1, 1);
  table.add("Size", size, 1, 1);
  table.add("ConstantOfShape", constantOfShape, 1, 2);
  table.add("Range", range, 3, 3);
  table.add("Pad", pad, 2, 4);
  table.takeUnsigned(0, {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile", "Transpose", "Concat", "Split",
                         "Slice", "Pad"});
  table.takeUnsigned(1, {"ConstantOfShape"});
  table.takeUnsigned(-1, {"Shape", "Size"});
}

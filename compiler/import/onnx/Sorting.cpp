//===- Sorting.cpp - ONNX operators that choose and place elements -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/IndexRange.h"
#include "dialects/weft/Fold.h"
#include "dialects/weft/Sort.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

static LogicalResult topK(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", -1), n.rank(0));
  bool largest = n.getInt("largest", 1) != 0;
  // Sorted results are right where any order is.
  n.getInt("sorted", 1);
  FailureOr<Shape> k = n.constantInts(1, "k");
  if (failed(axis) || failed(k))
    return failure();
  int64_t size = n.shape(0)[*axis];
  if (k->size() != 1 || k->front() < 0 || k->front() > size)
    return n.error() << "k must be one number from 0 to " << size << ", the size of axis " << *axis;
  Shape shape(n.shape(0));
  shape[*axis] = k->front();
  auto op = TopKOp::create(n.e.b, n.e.loc, n.type(0).clone(shape), RankedTensorType::get(shape, n.e.b.getI64Type()),
                           n.input(0), *axis, !largest);
  n.set(0, op.getValues());
  n.set(1, op.getIndices());
  return success();
}

//===----------------------------------------------------------------------===//
// Scatter
//===----------------------------------------------------------------------===//

/// What the attribute `reduction` says: nullopt inside for replacement.
static FailureOr<std::optional<ReduceKind>> reduction(NodeImport &n) {
  std::string name = n.getString("reduction", "none");
  if (name == "none")
    return std::optional<ReduceKind>();
  std::optional<ReduceKind> kind = llvm::StringSwitch<std::optional<ReduceKind>>(name)
                                       .Case("add", ReduceKind::sum)
                                       .Case("mul", ReduceKind::prod)
                                       .Case("max", ReduceKind::max)
                                       .Case("min", ReduceKind::min)
                                       .Default(std::nullopt);
  if (!kind || ((*kind == ReduceKind::max || *kind == ReduceKind::min) && n.opset < 18))
    return n.error() << "reduction '" << name << "' does not exist in opset " << n.opset, failure();
  return kind;
}

/// Writes `updates` to `places` of operand 0, whose first dimensions are made one of `slices` slices.
static LogicalResult scatterFlat(NodeImport &n, Value places, Value updates, int64_t slices, NodeImport::Dims slice,
                                 std::optional<ReduceKind> combine) {
  Build &e = n.e;
  Shape flat{slices};
  llvm::append_range(flat, slice);
  Shape of(tensorType(places).getShape());
  llvm::append_range(of, slice);
  Value input = e.reshape(n.input(0), flat);
  bool isBool = n.elementType(0).isInteger(1);
  if (isBool && combine) {
    // or and and: of numbers the maximum and the minimum.
    input = e.cast(input, e.b.getI32Type());
    updates = e.cast(updates, e.b.getI32Type());
    combine = *combine == ReduceKind::sum ? ReduceKind::max : *combine == ReduceKind::prod ? ReduceKind::min : *combine;
  }
  ReduceKindAttr kind = combine ? ReduceKindAttr::get(e.b.getContext(), *combine) : ReduceKindAttr();
  Value result = ScatterOp::create(e.b, e.loc, input.getType(), input, places, e.reshape(updates, of), 0, kind);
  if (isBool && combine)
    result = e.cast(result, e.b.getI1Type());
  return n.done(e.reshape(result, n.shape(0)));
}

/// Up to so many updates of a row are compared with each of its elements.
static constexpr int64_t kFewUpdates = 16;

/// Whether each row of the data along an axis has updates of its own, and few.
static bool isOfRows(NodeImport::Dims data, NodeImport::Dims indices, int64_t axis) {
  for (auto [d, size] : llvm::enumerate(indices))
    if (static_cast<int64_t>(d) == axis ? size > kFewUpdates : size != data[d])
      return false;
  return true;
}

/// Each element is the last update whose index is its place, or the sum of them and of what was there: rows stay apart
/// and can be cut.
static LogicalResult scatterInRows(NodeImport &n, Value indices, int64_t axis, bool adds) {
  Build &e = n.e;
  ArrayRef<int64_t> data = n.shape(0);
  Shape rows(data), rest;
  rows.erase(rows.begin() + axis);
  for (int64_t d = 0; d < n.rank(0); ++d)
    if (d != axis)
      rest.push_back(d);
  auto update = [&](Value of, int64_t i) {
    Shape offsets(data.size(), 0), sizes(tensorType(of).getShape());
    offsets[axis] = i;
    sizes[axis] = 1;
    return e.broadcast(e.reshape(e.slice(of, offsets, sizes), rows), rest, data);
  };
  Value result = n.input(0);
  Value place = e.iota(RankedTensorType::get(data, e.b.getI64Type()), axis);
  for (int64_t i = 0; i < tensorType(indices).getDimSize(axis); ++i) {
    Value hit = e.equal(place, update(indices, i)), value = update(n.input(2), i);
    result = e.select(hit, adds ? e.add(result, value) : value, result);
  }
  return n.done(result);
}

static LogicalResult scatterElements(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", 0), n.rank(0));
  FailureOr<std::optional<ReduceKind>> combine = reduction(n);
  if (failed(axis) || failed(combine) || failed(needIndices(n)) || failed(n.needSameElementType(0, 2)))
    return failure();
  ArrayRef<int64_t> data = n.shape(0), indices = n.shape(1);
  bool fits = data.size() == indices.size() && indices == n.shape(2);
  for (int64_t d = 0; fits && d < n.rank(0); ++d)
    fits = d == *axis || indices[d] <= data[d];
  if (!fits)
    return n.error() << "indices of type " << n.type(1) << " and updates of type " << n.type(2)
                     << " do not fit data of type " << n.type(0);
  FailureOr<Value> along = normalIndices(n, n.input(1), data[*axis], "elements of " + n.displayName(0));
  if (failed(along))
    return failure();
  Build &e = n.e;
  bool adds = *combine == ReduceKind::sum && !n.elementType(0).isInteger(1);
  if (isOfRows(data, indices, *axis) && (!*combine || adds))
    return scatterInRows(n, e.cast(*along, e.b.getI64Type()), *axis, adds);
  Value places = placesAlong(e, *along, data, *axis);
  int64_t count = n.type(1).getNumElements();
  Value updates = e.reshape(n.input(2), {count});
  return scatterFlat(n, e.reshape(places, {count}), updates, n.type(0).getNumElements(), {}, *combine);
}

/// Where given indices, of as many dimensions as they are numbers each, write a box: element [i, j, ...] to
/// [first + i, second + j, ...]. Empty if they do not.
static Shape beginOfBox(DenseElementsAttr indices, NodeImport::Dims data) {
  ArrayRef<int64_t> shape = indices.getType().getShape();
  int64_t depth = shape.back();
  if (static_cast<int64_t>(shape.size()) != depth + 1 || indices.getNumElements() == 0)
    return {};
  Shape begin, at(depth, 0);
  int64_t component = 0;
  for (const APInt &number : indices.getValues<APInt>()) {
    int64_t index = number.getSExtValue() + (number.isNegative() ? data[component] : 0);
    if (static_cast<int64_t>(begin.size()) < depth)
      begin.push_back(index);
    if (index != begin[component] + at[component])
      return {};
    if (++component < depth)
      continue;
    component = 0;
    for (int64_t d = depth - 1; d >= 0 && ++at[d] == shape[d]; --d)
      at[d] = 0;
  }
  return begin;
}

/// Updates that take the place of all that is between two indices of one dimension, as a slice that is assigned to:
/// what is before them, they, and what is behind. Nothing if that is not what the indices say.
static Value assignSlice(NodeImport &n) {
  DenseElementsAttr indices = constantValue(n.input(1));
  ArrayRef<int64_t> data = n.shape(0), updates = n.shape(2);
  Shape begin = indices ? beginOfBox(indices, data) : Shape();
  int64_t partial = -1;
  for (int64_t d = 0; d < static_cast<int64_t>(begin.size()); ++d) {
    if (begin[d] == 0 && updates[d] == data[d])
      continue;
    if (partial >= 0 || begin[d] < 0 || begin[d] + updates[d] > data[d])
      return {};
    partial = d;
  }
  if (begin.empty() || partial < 0)
    return begin.empty() ? Value() : n.input(2);
  Build &e = n.e;
  Shape offsets(data.size(), 0), sizes(data);
  SmallVector<Value> parts;
  int64_t end = begin[partial] + updates[partial];
  if ((sizes[partial] = begin[partial]) > 0)
    parts.push_back(e.slice(n.input(0), offsets, sizes));
  parts.push_back(n.input(2));
  offsets[partial] = end;
  if ((sizes[partial] = data[partial] - end) > 0)
    parts.push_back(e.slice(n.input(0), offsets, sizes));
  return e.concat(parts, partial);
}

static LogicalResult scatterND(NodeImport &n) {
  FailureOr<std::optional<ReduceKind>> combine = reduction(n);
  if (failed(combine) || failed(needIndices(n)) || failed(n.needSameElementType(0, 2)))
    return failure();
  Build &e = n.e;
  ArrayRef<int64_t> data = n.shape(0), indices = n.shape(1);
  int64_t depth = indices.empty() ? 0 : indices.back();
  Shape where(indices.empty() ? indices : indices.drop_back()), slice;
  if (depth >= 1 && depth <= n.rank(0))
    slice.assign(data.begin() + depth, data.end());
  Shape updates(where);
  llvm::append_range(updates, slice);
  if (depth < 1 || depth > n.rank(0) || ArrayRef<int64_t>(updates) != n.shape(2))
    return n.error() << "indices of type " << n.type(1) << " and updates of type " << n.type(2)
                     << " do not fit data of type " << n.type(0);
  if (Value assigned = *combine ? Value() : assignSlice(n))
    return n.done(assigned);
  Value place;
  int64_t stride = 1;
  for (int64_t d = depth - 1; d >= 0; stride *= data[d], --d) {
    Shape offsets(n.rank(1), 0), sizes(indices);
    offsets.back() = d;
    sizes.back() = 1;
    Value part = e.reshape(e.slice(n.input(1), offsets, sizes), where);
    FailureOr<Value> normal =
        normalIndices(n, part, data[d], "elements of axis " + Twine(d) + " of " + n.displayName(0));
    if (failed(normal))
      return failure();
    part = stride == 1 ? *normal : e.mul(*normal, e.splatLike(*normal, static_cast<double>(stride)));
    place = place ? e.add(place, part) : part;
  }
  return scatterFlat(n, place, n.input(2), stride, slice, *combine);
}

//===----------------------------------------------------------------------===//
// Choices that are known while a graph is imported
//===----------------------------------------------------------------------===//

static LogicalResult nonZero(NodeImport &n) {
  DenseElementsAttr values = constantValue(n.input(0));
  if (!values)
    return n.error() << "how many elements are not zero depends on data: a program has fixed sizes";
  // The places are listed.
  if (values.getNumElements() > defaultFoldLimit)
    return n.error() << "the places in " << n.type(0) << " are beyond what Weft can hold";
  auto isZero = [&](auto number) { return number.isZero(); };
  int64_t rank = n.rank(0), count = values.getNumElements();
  SmallVector<bool> set;
  if (n.isFloat(0))
    for (const APFloat &value : values.getValues<APFloat>())
      set.push_back(!isZero(value));
  else
    for (const APInt &value : values.getValues<APInt>())
      set.push_back(!isZero(value));
  // Row d of the result has the elements' places in dimension d.
  Shape found;
  for (int64_t i = 0; i < count; ++i)
    if (set[i])
      found.push_back(i);
  Shape result(rank * found.size());
  for (auto [j, place] : llvm::enumerate(found)) {
    int64_t rest = place;
    for (int64_t d = rank - 1; d >= 0; --d) {
      result[d * found.size() + j] = rest % n.shape(0)[d];
      rest /= n.shape(0)[d];
    }
  }
  return n.done(n.i64Constant(result, {rank, static_cast<int64_t>(found.size())}));
}

static LogicalResult oneHot(NodeImport &n) {
  FailureOr<double> depth = n.constantNumber(1, "depth");
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", -1), n.rank(0) + 1);
  if (failed(depth) || failed(axis))
    return failure();
  if (!(*depth >= 0 && *depth <= static_cast<double>(kMaxElements)))
    return n.error() << "a depth of " << *depth << " cannot be";
  if (n.elementType(0).isInteger(1))
    return n.error() << "indices of type " << n.type(0);
  if (n.rank(2) != 1 || n.shape(2)[0] != 2)
    return n.error() << "values must be the two for off and on, not " << n.type(2);
  Build &e = n.e;
  auto size = static_cast<int64_t>(*depth);
  Shape shape(n.shape(0));
  shape.insert(shape.begin() + *axis, size);
  if (failed(n.checkShape(shape)))
    return failure();
  // Narrow indices could not count from the end of what they do not reach.
  Value indices = e.cast(n.input(0), e.b.getI64Type()), zero = e.splatLike(indices, 0);
  Value fromEnd = e.add(indices, e.splatLike(indices, size));
  indices = e.select(e.less(indices, zero), fromEnd, indices);
  Shape dims;
  for (int64_t d = 0, rank = shape.size(); d < rank; ++d)
    if (d != *axis)
      dims.push_back(d);
  Value wanted = e.broadcast(indices, dims, shape);
  Value hit = e.equal(e.iota(tensorType(wanted), *axis), wanted);
  auto value = [&](int64_t i) { return e.broadcast(e.reshape(e.slice(n.input(2), {i}, {1}), {}), {}, shape); };
  return n.done(e.select(hit, value(1), value(0)));
}

void weft::registerSorting(OpTable &table) {
  table.add("TopK", topK, 2, 2, 2);
  table.add("ScatterElements", scatterElements, 3, 3);
  table.add("ScatterND", scatterND, 3, 3);
  table.add("NonZero", nonZero, 1, 1);
  table.add("OneHot", oneHot, 3, 3);
}

//===- Indexing.cpp - ONNX operators that pick elements by index -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Counts.h"
#include "compiler/import/onnx/IndexRange.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

static LogicalResult gather(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", 0), n.rank(0));
  if (failed(axis) || failed(needIndices(n)))
    return failure();
  Shape to(n.shape(0).take_front(*axis));
  llvm::append_range(to, n.shape(1));
  llvm::append_range(to, n.shape(0).drop_front(*axis + 1));
  if (failed(n.checkShape(to)))
    return failure();
  const char *unit = *axis == 0 && n.rank(0) == 2 ? "rows of " : "elements of ";
  FailureOr<Value> indices =
      normalIndices(n, n.input(1), n.shape(0)[*axis], Twine(unit) + n.displayName(0), DataIndices::Checked);
  if (failed(indices))
    return failure();
  return n.done(n.e.gather(n.input(0), *indices, *axis));
}

/// Adds `indices * stride` to `sum`, which may still be null.
static void accumulate(Build &e, Value &sum, Value indices, int64_t stride) {
  if (stride != 1)
    indices = e.mul(indices, e.splatLike(indices, stride));
  sum = sum ? e.add(sum, indices) : indices;
}

static LogicalResult gatherND(NodeImport &n) {
  int64_t batchDims = n.getInt("batch_dims", 0);
  if (failed(needIndices(n)))
    return failure();
  ArrayRef<int64_t> data = n.shape(0), indices = n.shape(1);
  int64_t depth = indices.empty() ? 0 : indices.back();
  if (batchDims < 0 || batchDims >= std::min(n.rank(0), n.rank(1)) || depth < 1 || batchDims + depth > n.rank(0) ||
      data.take_front(batchDims) != indices.take_front(batchDims))
    return n.error() << "indices of type " << n.type(1) << " with batch_dims " << batchDims
                     << " do not fit data of type " << n.type(0);
  // Indexed dimensions become one, and index tuples become numbers.
  Build &e = n.e;
  Shape where(indices.drop_back()), tail(data.drop_front(batchDims + depth)), to(where);
  llvm::append_range(to, tail);
  if (failed(n.checkShape(to)))
    return failure();
  int64_t stride = 1;
  Value number;
  auto numberType = RankedTensorType::get(where, n.elementType(1));
  for (int64_t d = batchDims + depth - 1; d >= 0; --d) {
    Value component;
    if (d < batchDims) {
      component = e.iota(numberType, d);
    } else {
      Shape offsets(n.rank(1), 0), sizes(indices);
      offsets.back() = d - batchDims;
      sizes.back() = 1;
      Value raw = e.reshape(e.slice(n.input(1), offsets, sizes), where);
      FailureOr<Value> normal =
          normalIndices(n, raw, data[d], "elements of axis " + Twine(d) + " of " + n.displayName(0));
      if (failed(normal))
        return failure();
      component = *normal;
    }
    accumulate(e, number, component, stride);
    stride *= data[d];
  }
  Shape flat{stride};
  llvm::append_range(flat, tail);
  return n.done(e.gather(e.reshape(n.input(0), flat), number, 0));
}

/// As many elements as are picked of a row one by one, and how long it may be: a router's choice among its experts. One
/// pick of each row is what a loss makes of a label, which is raised as it is.
static constexpr int64_t kFewPicks = 16, kLongestRow = 1024;

/// Whether each row along the last axis has picks of its own, and few.
static bool isOfRows(NodeImport::Dims data, NodeImport::Dims indices, int64_t axis) {
  return axis > 0 && axis + 1 == static_cast<int64_t>(data.size()) && indices.drop_back() == data.drop_back() &&
         indices.back() > 1 && indices.back() <= kFewPicks && data.back() <= kLongestRow;
}

/// Each pick is the sum over its row of what stands at its index: rows stay apart and can be cut.
static LogicalResult gatherInRows(NodeImport &n, Value indices) {
  Build &e = n.e;
  Shape shape(n.shape(1));
  int64_t rank = n.rank(0);
  shape.push_back(n.shape(0).back());
  Shape picks = llvm::to_vector(llvm::seq<int64_t>(0, rank)), elements(picks);
  elements.back() = rank;
  Value place = e.iota(RankedTensorType::get(shape, e.b.getI64Type()), rank);
  Value hit = e.equal(place, e.broadcast(indices, picks, shape));
  Value all = e.broadcast(n.input(0), elements, shape);
  return n.done(e.reduce(ReduceKind::sum, e.select(hit, all, e.splatLike(all, 0)), {rank}));
}

/// How many leading dimensions, all of which the data has, given indices are the same along.
static int64_t dimsOfSame(Value indices, NodeImport::Dims data) {
  DenseElementsAttr given = constantValue(indices);
  ArrayRef<int64_t> shape = tensorType(indices).getShape();
  if (!given || given.getNumElements() == 0)
    return 0;
  if (given.isSplat())
    return std::mismatch(shape.begin(), shape.end(), data.begin()).first - shape.begin();
  SmallVector<APInt> numbers(given.getValues<APInt>());
  int64_t same = 0, count = given.getNumElements();
  while (same < static_cast<int64_t>(shape.size()) && shape[same] == data[same]) {
    int64_t row = count / shape[same];
    for (int64_t i = row; i < count; ++i)
      if (numbers[i] != numbers[i - row])
        return same;
    count = row;
    ++same;
  }
  return same;
}

static LogicalResult gatherElements(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", 0), n.rank(0));
  if (failed(axis) || failed(needIndices(n)))
    return failure();
  ArrayRef<int64_t> data = n.shape(0), indices = n.shape(1);
  bool fits = data.size() == indices.size();
  for (int64_t d = 0; fits && d < n.rank(0); ++d)
    fits = d == *axis || indices[d] <= data[d];
  if (!fits)
    return n.error() << "indices of type " << n.type(1) << " do not fit data of type " << n.type(0);
  Build &e = n.e;
  FailureOr<Value> along = normalIndices(n, n.input(1), data[*axis], "elements of " + n.displayName(0));
  if (failed(along))
    return failure();
  if (isOfRows(data, indices, *axis) && !n.elementType(0).isInteger(1))
    return gatherInRows(n, e.cast(*along, e.b.getI64Type()));
  // As one gather of numbers from the data, flat but for what given indices say nothing of.
  int64_t same = std::min(dimsOfSame(n.input(1), data), *axis);
  Shape shape(indices.drop_front(same)), flat(data.take_front(same));
  if (same > 0) {
    Shape offsets(n.rank(1), 0), sizes(n.rank(1), 1);
    llvm::copy(shape, sizes.begin() + same);
    along = e.reshape(e.slice(*along, offsets, sizes), shape);
  }
  auto type = RankedTensorType::get(shape, n.elementType(1));
  Value number;
  int64_t stride = 1;
  for (int64_t d = n.rank(0) - 1; d >= same; --d) {
    if (d == *axis || indices[d] > 1)
      accumulate(e, number, d == *axis ? *along : e.iota(type, d - same), stride);
    stride *= data[d];
  }
  flat.push_back(stride);
  return n.done(e.gather(e.reshape(n.input(0), flat), number, same));
}

static LogicalResult trilu(NodeImport &n) {
  bool upper = n.getInt("upper", 1) != 0;
  int64_t k = 0;
  if (n.has(1)) {
    FailureOr<int64_t> given = constantCount(n, 1, "diagonal");
    if (failed(given))
      return failure();
    k = *given;
  }
  if (n.rank(0) < 2)
    return n.error() << "Trilu of a tensor of rank " << n.rank(0);
  Build &e = n.e;
  auto matrix = RankedTensorType::get(n.shape(0).take_back(2), e.b.getI64Type());
  // Kept: column - row >= k above the diagonal, <= k below it.
  Value row = e.iota(matrix, 0), column = e.iota(matrix, 1), shifted = e.add(row, e.splat(matrix, k));
  auto predicate = upper ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle;
  Value kept = arith::CmpIOp::create(e.b, e.loc, predicate, column, shifted);
  FailureOr<Value> all = n.stretch(kept, n.shape(0));
  if (failed(all))
    return failure();
  return n.done(e.select(*all, n.input(0), e.splatLike(n.input(0), 0)));
}

void weft::registerIndexing(OpTable &table) {
  table.add("Gather", gather, 2, 2);
  table.add("GatherND", gatherND, 2, 2);
  table.add("GatherElements", gatherElements, 2, 2);
  table.add("Trilu", trilu, 1, 2, 1, 14);
  table.takeUnsigned(0, {"Gather", "GatherND", "GatherElements", "Trilu"});
}

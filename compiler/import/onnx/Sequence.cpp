//===- Sequence.cpp - Lists of tensors --------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Exporters write lists for `split`, `chunk` and `unbind` where they do not
// know the number of parts. When a program is compiled it is known, so a list
// is nothing but its tensors, and no op is made for it.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Parts.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// Tensors in a list. A file of a few bytes can ask for one tensor for every element of an enormous one.
static constexpr int64_t kMaxTensors = 4096;

/// A list's place that operand i names, or `otherwise` if it is left out: counted from the end if negative, and less
/// than `count`.
static FailureOr<size_t> placeIn(NodeImport &n, size_t i, int64_t count, int64_t otherwise) {
  int64_t place = otherwise;
  if (n.has(i)) {
    FailureOr<Shape> given = n.constantInts(i, "place in the list");
    if (failed(given))
      return failure();
    if (given->size() != 1)
      return n.error() << "the place in the list is one number, not " << given->size(), failure();
    place = given->front();
  }
  if (place < -count || place >= count)
    return n.error() << "place " << place << " is outside a list of " << count << " tensors", failure();
  return place < 0 ? place + count : place;
}

static LogicalResult sequenceConstruct(NodeImport &n) {
  SmallVector<Value> tensors;
  for (size_t i = 0; i < n.numInputs(); ++i) {
    if (!n.has(i))
      return n.error() << "operand " << i << " is left out";
    if (failed(n.needSameElementType(0, i)))
      return failure();
    tensors.push_back(n.input(i));
  }
  return n.doneSequence(tensors);
}

static LogicalResult sequenceEmpty(NodeImport &n) {
  auto type = static_cast<onnx::ElementType>(n.getInt("dtype", int64_t(onnx::ElementType::Float)));
  if (!n.context.convertType(type))
    return n.error() << "Weft has no element type " << onnx::elementTypeName(type);
  return n.doneSequence({});
}

static LogicalResult splitToSequence(NodeImport &n) {
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", 0), n.rank(0));
  bool keep = n.getInt("keepdims", 1) != 0;
  if (failed(axis))
    return failure();
  int64_t size = n.shape(0)[*axis], part = 1;
  Shape sizes;
  if (n.has(1)) {
    FailureOr<Shape> given = n.constantInts(1, "sizes of the parts");
    if (failed(given))
      return failure();
    if (n.rank(1) > 0)
      sizes = *given;
    else if (part = given->front(); part < 1)
      return n.error() << "it cannot cut parts of size " << part;
  }
  if (!n.has(1) || n.rank(1) == 0) {
    if (llvm::divideCeil(size, part) <= static_cast<uint64_t>(kMaxTensors))
      for (int64_t from = 0; from < size; from += part)
        sizes.push_back(std::min(part, size - from));
    else
      sizes.resize(kMaxTensors + 1);
  }
  if (static_cast<int64_t>(sizes.size()) > kMaxTensors)
    return n.error() << "a list has at most " << kMaxTensors << " tensors, and size " << size << " in parts of " << part
                     << " gives more";
  FailureOr<SmallVector<Value>> parts = cutIntoParts(n, *axis, sizes);
  if (failed(parts))
    return failure();
  // The text of the standard ignores `keepdims` where sizes are given. For a single 1, which PyTorch writes for
  // `unbind`, exporters and runtimes do not.
  if (!keep && part == 1 && !(n.has(1) && n.rank(1) > 0))
    for (Value &v : *parts) {
      Shape shape(tensorType(v).getShape());
      shape.erase(shape.begin() + *axis);
      v = n.e.reshape(v, shape);
    }
  return n.doneSequence(*parts);
}

static LogicalResult sequenceAt(NodeImport &n) {
  FailureOr<ArrayRef<Value>> list = n.sequence();
  if (failed(list))
    return failure();
  FailureOr<size_t> place = placeIn(n, 1, list->size(), 0);
  return failed(place) ? failure() : n.done((*list)[*place]);
}

static LogicalResult sequenceLength(NodeImport &n) {
  FailureOr<ArrayRef<Value>> list = n.sequence();
  return failed(list) ? failure() : n.done(n.i64Constant({static_cast<int64_t>(list->size())}, {}));
}

static LogicalResult sequenceInsert(NodeImport &n) {
  FailureOr<ArrayRef<Value>> list = n.sequence();
  if (failed(list))
    return failure();
  int64_t count = list->size();
  if (count && tensorType(list->front()).getElementType() != n.elementType(1))
    return n.error() << "a list of " << tensorType(list->front()).getElementType() << " does not take a tensor of type "
                     << n.type(1);
  if (count >= kMaxTensors)
    return n.error() << "a list has at most " << kMaxTensors << " tensors";
  // Behind the last one is a place, too; a negative one is counted from the last.
  FailureOr<size_t> place = count;
  if (n.has(2)) {
    FailureOr<Shape> given = n.constantInts(2, "place in the list");
    if (failed(given))
      return failure();
    if (!(given->size() == 1 && given->front() == count))
      place = placeIn(n, 2, count, 0);
  }
  if (failed(place))
    return failure();
  SmallVector<Value> tensors(*list);
  tensors.insert(tensors.begin() + *place, n.input(1));
  n.setUnsigned(0, n.isUnsigned(1));
  return n.doneSequence(tensors);
}

static LogicalResult sequenceErase(NodeImport &n) {
  FailureOr<ArrayRef<Value>> list = n.sequence();
  if (failed(list))
    return failure();
  FailureOr<size_t> place = placeIn(n, 1, list->size(), -1);
  if (failed(place))
    return failure();
  SmallVector<Value> tensors(*list);
  tensors.erase(tensors.begin() + *place);
  return n.doneSequence(tensors);
}

static LogicalResult concatFromSequence(NodeImport &n) {
  FailureOr<ArrayRef<Value>> list = n.sequence();
  if (failed(list))
    return failure();
  if (list->empty())
    return n.error() << "an empty list does not make a tensor";
  if (!n.hasAttr("axis"))
    return n.error() << "attribute 'axis' is missing";
  bool stack = n.getInt("new_axis", 0) != 0;
  FailureOr<int64_t> axis = n.axis(n.getInt("axis", 0), tensorType(list->front()).getRank() + stack);
  if (failed(axis))
    return failure();
  SmallVector<Value> parts(*list);
  if (stack)
    for (Value &v : parts) {
      Shape shape(tensorType(v).getShape());
      if (static_cast<int64_t>(shape.size()) < *axis)
        return n.error() << "tensors of " << tensorType(parts.front()) << " and " << tensorType(v)
                         << " have no common axis " << *axis;
      shape.insert(shape.begin() + *axis, 1);
      v = n.e.reshape(v, shape);
    }
  return n.done(concatenate(n, parts, *axis));
}

void weft::registerSequence(OpTable &table) {
  table.add("SequenceConstruct", sequenceConstruct, 1, kAnyNumber);
  table.add("SequenceEmpty", sequenceEmpty, 0, 0);
  table.add("SplitToSequence", splitToSequence, 1, 2);
  table.add("SequenceAt", sequenceAt, 2, 2);
  table.add("SequenceLength", sequenceLength, 1, 1);
  table.add("SequenceInsert", sequenceInsert, 2, 3);
  table.add("SequenceErase", sequenceErase, 1, 2);
  table.add("ConcatFromSequence", concatFromSequence, 1, 1);
  table.takeSequence({"SequenceAt", "SequenceLength", "SequenceInsert", "SequenceErase", "ConcatFromSequence"});
  table.takeUnsigned(0, {"SequenceConstruct", "SplitToSequence", "SequenceAt", "SequenceErase", "ConcatFromSequence"});
  table.takeUnsigned(1, {"SequenceInsert"});
  table.takeUnsigned(-1, {"SequenceLength"});
}

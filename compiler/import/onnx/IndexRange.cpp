//===- IndexRange.cpp - Indices of ONNX operators, brought into range -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Generated code trusts its indices. Those of the data are checked by the
// runtime, those of the graph's own arithmetic here: positions that RoBERTa
// counts from its tokens, for instance, cannot exceed the sequence.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/IndexRange.h"
#include "dialects/weft/Sort.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;

/// Bounds beyond this say nothing: products of smaller ones do not overflow.
static constexpr int64_t limit = int64_t(1) << 31;

namespace {

class RangeAnalysis {
public:
  using Range = std::optional<IndexRange>;

  Range of(Value v) {
    // Expressions of indices are short; one that is not is not worth the time.
    if (known.size() > 256)
      return std::nullopt;
    auto [it, isNew] = known.try_emplace(v, std::nullopt);
    if (!isNew)
      return it->second;
    Range range = compute(v);
    if (range && (range->low < -limit || range->high > limit))
      range = std::nullopt;
    known[v] = range;
    return range;
  }

private:
  static Range hull(Range a, Range b) {
    if (!a || !b)
      return std::nullopt;
    return IndexRange{std::min(a->low, b->low), std::max(a->high, b->high)};
  }

  /// Of an operation that is monotonic in each operand: the hull of its values at the corners.
  template <typename F> Range corners(Operation *op, F &&f) {
    Range a = of(op->getOperand(0)), b = of(op->getOperand(1));
    if (!a || !b)
      return std::nullopt;
    int64_t values[] = {f(a->low, b->low), f(a->low, b->high), f(a->high, b->low), f(a->high, b->high)};
    return IndexRange{*std::min_element(values, values + 4), *std::max_element(values, values + 4)};
  }

  /// Of sums of `least` to `most` elements.
  Range sums(Range element, int64_t least, int64_t most) {
    if (!element || most > limit)
      return std::nullopt;
    return IndexRange{std::min(element->low * least, element->low * most),
                      std::max(element->high * least, element->high * most)};
  }

  Range ofConstant(DenseElementsAttr attr) {
    Range range;
    if (attr.getNumElements() == 0 || attr.getNumElements() > (1 << 16))
      return range;
    bool isBool = attr.getElementType().isInteger(1);
    for (const APInt &value : attr.getValues<APInt>()) {
      int64_t number = isBool ? value.getZExtValue() : value.getSExtValue();
      range = range ? hull(range, IndexRange{number, number}) : Range(IndexRange{number, number});
    }
    return range;
  }

  /// Of the elements that a slice takes from a constant, one component of a tuple of indices for example.
  Range ofConstantSlice(SliceOp slice, DenseElementsAttr constant) {
    // Tuples of a large batch are many, but there are few of them.
    std::optional<Literal> whole;
    if (constant.getNumElements() <= (1 << 22))
      whole = Literal::fromAttr(constant);
    SmallVector<Literal> part;
    if (!whole || failed(slice.evaluate({*whole}, part)))
      return ofConstant(constant);
    Range range;
    for (int64_t i = 0, count = part[0].getNumElements(); i < count; ++i) {
      int64_t number = part[0].getInt(i);
      range = range ? hull(range, IndexRange{number, number}) : Range(IndexRange{number, number});
    }
    return range;
  }

  /// What a slice takes from: the one operand of a concatenation, where it takes from no other. Tuples of indices are
  /// concatenated and taken apart again.
  static Value slicedFrom(SliceOp slice) {
    auto concat = slice.getInput().getDefiningOp<ConcatOp>();
    if (!concat)
      return slice.getInput();
    int64_t dim = concat.getDim(), begin = slice.getOffsets()[dim],
            end = begin + (tensorType(slice.getResult()).getDimSize(dim) - 1) * slice.getStrides()[dim];
    for (Value input : concat.getInputs()) {
      int64_t size = tensorType(input).getDimSize(dim);
      if (begin >= 0 && end < size)
        return input;
      begin -= size;
      end -= size;
    }
    return slice.getInput();
  }

  Range compute(Value v) {
    RankedTensorType type = tensorType(v);
    if (!isa<IntegerType>(type.getElementType()))
      return std::nullopt;
    if (type.getElementType().isInteger(1))
      return IndexRange{0, 1};
    Operation *op = v.getDefiningOp();
    if (!op)
      return std::nullopt;
    if (DenseElementsAttr constant = constantValue(v))
      return ofConstant(constant);
    return TypeSwitch<Operation *, Range>(op)
        .Case([&](IotaOp iota) {
          return IndexRange{0, type.getDimSize(iota.getDim()) - 1};
        })
        .Case([&](SliceOp slice) -> Range {
          if (DenseElementsAttr constant = constantValue(slice.getInput()))
            return ofConstantSlice(slice, constant);
          return of(slicedFrom(slice));
        })
        .Case<ReshapeOp, BroadcastOp, TransposeOp, GatherOp, arith::ExtSIOp, arith::TruncIOp>(
            [&](Operation *same) { return of(same->getOperand(0)); })
        .Case([&](arith::ExtUIOp wide) -> Range {
          Range range = of(wide.getIn());
          return range && range->low >= 0 ? range : std::nullopt;
        })
        .Case([&](PadOp pad) {
          return hull(of(pad.getInput()), IndexRange{0, 0});
        })
        .Case([&](ConcatOp concat) {
          Range range = of(concat.getInputs().front());
          for (Value input : concat.getInputs().drop_front())
            range = hull(range, of(input));
          return range;
        })
        .Case([&](TopKOp topK) -> Range {
          if (v != topK.getIndices())
            return of(topK.getInput());
          return IndexRange{0, tensorType(topK.getInput()).getDimSize(topK.getAxis()) - 1};
        })
        .Case([&](CumsumOp cumsum) {
          int64_t size = type.getDimSize(cumsum.getDim());
          return sums(of(cumsum.getInput()), cumsum.getExclusive() ? 0 : 1, size);
        })
        .Case([&](ReduceOp reduce) -> Range {
          Range element = of(reduce.getInput());
          if (reduce.getKind() == ReduceKind::max || reduce.getKind() == ReduceKind::min)
            return element;
          int64_t count = tensorType(reduce.getInput()).getNumElements() / std::max<int64_t>(1, type.getNumElements());
          return reduce.getKind() == ReduceKind::sum ? sums(element, count, count) : std::nullopt;
        })
        .Case([&](arith::SelectOp select) { return hull(of(select.getTrueValue()), of(select.getFalseValue())); })
        .Case([&](arith::AddIOp) { return corners(op, [](int64_t a, int64_t b) { return a + b; }); })
        .Case([&](arith::SubIOp) { return corners(op, [](int64_t a, int64_t b) { return a - b; }); })
        .Case([&](arith::MulIOp) { return corners(op, [](int64_t a, int64_t b) { return a * b; }); })
        .Case([&](arith::MaxSIOp) { return atLeast(op); })
        .Case([&](arith::MinSIOp) { return atMost(op); })
        .Case([&](arith::RemSIOp) -> Range {
          Range divisor = of(op->getOperand(1)), dividend = of(op->getOperand(0));
          if (!divisor || divisor->low < 1)
            return std::nullopt;
          return IndexRange{dividend && dividend->low >= 0 ? 0 : 1 - divisor->high, divisor->high - 1};
        })
        .Default([](Operation *) { return std::nullopt; });
  }

  /// Of a maximum: it is at least the larger of what is known.
  Range atLeast(Operation *op) {
    Range a = of(op->getOperand(0)), b = of(op->getOperand(1));
    if (!a && !b)
      return std::nullopt;
    int64_t low = std::max(a ? a->low : -limit, b ? b->low : -limit);
    return IndexRange{low, a && b ? std::max(a->high, b->high) : limit};
  }
  Range atMost(Operation *op) {
    Range a = of(op->getOperand(0)), b = of(op->getOperand(1));
    if (!a && !b)
      return std::nullopt;
    int64_t high = std::min(a ? a->high : limit, b ? b->high : limit);
    return IndexRange{a && b ? std::min(a->low, b->low) : -limit, high};
  }

  DenseMap<Value, Range> known;
};

} // namespace

std::optional<IndexRange> weft::rangeOf(Value v) { return RangeAnalysis().of(v); }

/// Whether `v` is an argument of the function, seen through ops that only move its elements.
static bool isProgramInput(Value v) {
  while (Operation *op = v.getDefiningOp()) {
    if (!isa<ReshapeOp, BroadcastOp, TransposeOp, SliceOp, arith::ExtSIOp, arith::TruncIOp>(op))
      return false;
    v = op->getOperand(0);
  }
  return true;
}

/// Starts the error for an index that is out of range: positions made from a symbolic size are the usual cause.
static InFlightDiagnostic outOfRange(NodeImport &n, int64_t index, int64_t size, const Twine &what) {
  for (auto &[name, dim] : n.context.dims)
    if (dim > size && index < dim)
      return n.error() << name << "=" << dim << " exceeds the " << size << " " << what;
  return n.error() << "index " << index << " exceeds the " << size << " " << what;
}

FailureOr<Value> weft::normalIndices(NodeImport &n, Value indices, int64_t size, const Twine &what, DataIndices data) {
  Build &e = n.e;
  std::optional<IndexRange> range;
  if (DenseElementsAttr constant = constantValue(indices)) {
    if (constant.getNumElements() == 0)
      return indices;
    range = IndexRange{size, -size};
    auto values = constant.isSplat() ? llvm::to_vector(ArrayRef(constant.getSplatValue<APInt>()))
                                     : llvm::to_vector(constant.getValues<APInt>());
    for (const APInt &value : values) {
      int64_t index = value.getSExtValue();
      if (index < -size || index >= size)
        return outOfRange(n, index, size, what), failure();
      range = IndexRange{std::min(range->low, index), std::max(range->high, index)};
    }
  } else if (data == DataIndices::Checked && isProgramInput(indices)) {
    return indices;
  } else {
    range = rangeOf(indices);
  }
  bool inside = range && range->low >= -size && range->high < size;
  // Positions in a table that is too short for the sequence: held in range, they would train another model.
  if (data == DataIndices::Checked && range && range->high >= size)
    for (auto &[name, dim] : n.context.dims)
      if (dim > size)
        return outOfRange(n, dim - 1, size, what), failure();
  Value zero = e.splatLike(indices, 0);
  if (!range || range->low < 0) {
    Value fromEnd = e.add(indices, e.splatLike(indices, size));
    indices = e.select(e.less(indices, zero), fromEnd, indices);
  }
  if (inside)
    return indices;
  if (size == 0)
    return n.error() << "indices into a dimension without elements, of " << what, failure();
  n.context.remarks->push_back("indices that the graph computes may leave the " + std::to_string(size) + " " +
                               what.str() + ": those that do are taken as the nearest one");
  return e.max(e.min(indices, e.splatLike(indices, size - 1)), zero);
}

LogicalResult weft::needIndices(NodeImport &n, size_t i) {
  Type type = n.elementType(i);
  if (type.isInteger(64) || type.isInteger(32))
    return success();
  return n.error() << "indices must be 32- or 64-bit integers, not " << type;
}

//===- Evaluate.cpp - Reference evaluation of the primitive ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Sums are taken in f64 and rounded once: the closest to the exact value that
// any order of accumulation may be compared with.
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;

/// The sizes (or strides) at the positions `dims`.
static SmallVector<int64_t> pick(ArrayRef<int64_t> values, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> picked;
  for (int64_t d : dims)
    picked.push_back(values[d]);
  return picked;
}

static int64_t product(ArrayRef<int64_t> sizes) {
  int64_t result = 1;
  for (int64_t size : sizes)
    result *= size;
  return result;
}

static RankedTensorType resultType(Operation *op) { return cast<RankedTensorType>(op->getResult(0).getType()); }

//===----------------------------------------------------------------------===//
// Products and reductions
//===----------------------------------------------------------------------===//

/// The operand of a product as a dense [batch, rows, columns] array.
template <typename Number>
static std::vector<Number> packOperand(const Literal &operand, ArrayRef<int64_t> batch, ArrayRef<int64_t> rows,
                                       ArrayRef<int64_t> columns) {
  SmallVector<int64_t> order(batch);
  order.append(rows.begin(), rows.end());
  order.append(columns.begin(), columns.end());
  SmallVector<int64_t> strides = pick(rowMajorStrides(operand.getShape()), order);
  std::vector<Number> packed;
  packed.reserve(operand.getNumElements());
  forEachStrided(pick(operand.getShape(), order), 0, strides, [&](int64_t position) {
    if constexpr (std::is_same_v<Number, double>)
      packed.push_back(operand.getFloat(position));
    else
      packed.push_back(operand.getInt(position));
  });
  return packed;
}

/// Integers are multiplied as unsigned numbers, which wrap.
template <typename Number>
static std::vector<Number> multiply(DotGeneralOp op, const Literal &lhs, const Literal &rhs) {
  SmallVector<int64_t> lhsFree = op.getLhsFree(), rhsFree = op.getRhsFree();
  std::vector<Number> a = packOperand<Number>(lhs, op.getLhsBatch(), lhsFree, op.getLhsContract());
  std::vector<Number> b = packOperand<Number>(rhs, op.getRhsBatch(), op.getRhsContract(), rhsFree);
  int64_t batch = product(pick(lhs.getShape(), op.getLhsBatch())), m = product(pick(lhs.getShape(), lhsFree));
  int64_t k = product(pick(lhs.getShape(), op.getLhsContract())), n = product(pick(rhs.getShape(), rhsFree));
  std::vector<Number> c(batch * m * n, Number(0));
  for (int64_t i = 0; i < batch; ++i)
    for (int64_t row = 0; row < m; ++row) {
      Number *out = c.data() + (i * m + row) * n;
      for (int64_t inner = 0; inner < k; ++inner) {
        Number factor = a[(i * m + row) * k + inner];
        const Number *in = b.data() + (i * k + inner) * n;
        for (int64_t column = 0; column < n; ++column)
          out[column] += factor * in[column];
      }
    }
  return c;
}

LogicalResult DotGeneralOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &lhs = operands[0], &rhs = operands[1];
  RankedTensorType type = resultType(*this);
  if (lhs.isSplat() && rhs.isSplat()) {
    int64_t terms = product(pick(lhs.getShape(), getLhsContract()));
    Literal result(type);
    if (result.isFloat())
      result.fillFloat(terms == 0 ? 0.0 : static_cast<double>(terms) * lhs.getFloat(0) * rhs.getFloat(0));
    else
      result.fillInt(static_cast<uint64_t>(terms) * lhs.getInt(0) * rhs.getInt(0));
    result.round();
    results.push_back(std::move(result));
    return success();
  }
  if (lhs.isFloat()) {
    results.push_back(Literal::ofFloats(type, multiply<double>(*this, lhs, rhs)));
  } else {
    std::vector<uint64_t> values = multiply<uint64_t>(*this, lhs, rhs);
    results.push_back(Literal::ofInts(type, std::vector<int64_t>(values.begin(), values.end())));
  }
  return success();
}

/// Both as in IEEE 754-2019: a NaN wins.
static double maximum(double x, double y) { return std::isnan(x) || std::isnan(y) ? std::nan("") : std::fmax(x, y); }
static double minimum(double x, double y) { return std::isnan(x) || std::isnan(y) ? std::nan("") : std::fmin(x, y); }

static double combine(ReduceKind kind, double x, double y) {
  switch (kind) {
  case ReduceKind::sum:
    return x + y;
  case ReduceKind::prod:
    return x * y;
  case ReduceKind::max:
    return maximum(x, y);
  case ReduceKind::min:
    return minimum(x, y);
  }
  llvm_unreachable("unknown kind of reduction");
}

static int64_t combine(ReduceKind kind, int64_t x, int64_t y) {
  switch (kind) {
  case ReduceKind::sum:
    return static_cast<uint64_t>(x) + static_cast<uint64_t>(y);
  case ReduceKind::prod:
    return static_cast<uint64_t>(x) * static_cast<uint64_t>(y);
  case ReduceKind::max:
    return std::max(x, y);
  case ReduceKind::min:
    return std::min(x, y);
  }
  llvm_unreachable("unknown kind of reduction");
}

/// The value that combines with nothing else.
template <typename Number> static Number neutral(ReduceKind kind) {
  using Limits = std::numeric_limits<Number>;
  switch (kind) {
  case ReduceKind::sum:
    return Number(0);
  case ReduceKind::prod:
    return Number(1);
  case ReduceKind::max:
    return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  case ReduceKind::min:
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }
  llvm_unreachable("unknown kind of reduction");
}

/// `value` combined with itself `count` times.
template <typename Number> static Number repeat(ReduceKind kind, Number value, int64_t count) {
  if (count == 0)
    return neutral<Number>(kind);
  if (kind == ReduceKind::sum)
    return static_cast<Number>(value * static_cast<Number>(count));
  if (kind != ReduceKind::prod)
    return value;
  Number result = Number(1);
  for (Number square = value; count; count >>= 1, square *= square)
    if (count & 1)
      result *= square;
  return result;
}

LogicalResult ReduceOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0];
  RankedTensorType type = resultType(*this);
  ReduceKind kind = getKind();
  Literal result(type);
  if (input.isSplat()) {
    int64_t count = product(pick(input.getShape(), getDims()));
    if (input.isFloat())
      result.fillFloat(repeat<double>(kind, input.getFloat(0), count));
    else if (kind == ReduceKind::sum || kind == ReduceKind::prod)
      result.fillInt(repeat<uint64_t>(kind, input.getInt(0), count));
    else
      result.fillInt(repeat<int64_t>(kind, input.getInt(0), count));
    result.round();
    results.push_back(std::move(result));
    return success();
  }
  // Position in the result of every input element: reduced dimensions do not move.
  SmallVector<int64_t> strides(input.getShape().size(), 0), resultStrides = rowMajorStrides(type.getShape());
  for (int64_t d = 0, next = 0, e = strides.size(); d < e; ++d)
    if (!llvm::is_contained(getDims(), d))
      strides[d] = resultStrides[next++];
  int64_t element = 0, count = type.getNumElements();
  if (input.isFloat()) {
    std::vector<double> values(count, neutral<double>(kind));
    forEachStrided(input.getShape(), 0, strides, [&](int64_t position) {
      values[position] = combine(kind, values[position], input.getFloat(element++));
    });
    results.push_back(Literal::ofFloats(type, std::move(values)));
  } else {
    std::vector<int64_t> values(count, neutral<int64_t>(kind));
    forEachStrided(input.getShape(), 0, strides, [&](int64_t position) {
      values[position] = combine(kind, values[position], input.getInt(element++));
    });
    results.push_back(Literal::ofInts(type, std::move(values)));
  }
  return success();
}

LogicalResult CumsumOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0];
  ArrayRef<int64_t> shape = input.getShape();
  int64_t dim = getDim(), size = shape[dim], inner = product(shape.drop_front(dim + 1));
  int64_t outer = product(shape.take_front(dim));
  auto scan = [&](auto zero, auto &&get, auto &values) {
    values.resize(input.getNumElements());
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        auto sum = zero;
        for (int64_t step = 0; step < size; ++step) {
          int64_t position = (o * size + (getReverse() ? size - 1 - step : step)) * inner + i;
          auto before = sum;
          sum += get(position);
          values[position] = getExclusive() ? before : sum;
        }
      }
  };
  if (input.isFloat()) {
    std::vector<double> values;
    scan(
        0.0, [&](int64_t i) { return input.getFloat(i); }, values);
    results.push_back(Literal::ofFloats(input.getType(), std::move(values)));
  } else {
    std::vector<int64_t> values;
    scan(
        uint64_t(0), [&](int64_t i) { return static_cast<uint64_t>(input.getInt(i)); }, values);
    results.push_back(Literal::ofInts(input.getType(), std::move(values)));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  RankedTensorType type = resultType(*this);
  SmallVector<int64_t> strides(type.getRank(), 0), inputStrides = rowMajorStrides(operands[0].getShape());
  for (auto [i, dim] : llvm::enumerate(getDims()))
    strides[dim] = inputStrides[i];
  results.push_back(operands[0].gatherStrided(type, 0, strides));
  return success();
}

LogicalResult TransposeOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  SmallVector<int64_t> strides = pick(rowMajorStrides(operands[0].getShape()), getPerm());
  results.push_back(operands[0].gatherStrided(resultType(*this), 0, strides));
  return success();
}

LogicalResult ReshapeOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  results.push_back(operands[0].withType(resultType(*this)));
  return success();
}

LogicalResult SliceOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  SmallVector<int64_t> strides = rowMajorStrides(operands[0].getShape());
  int64_t base = 0;
  for (auto [stride, offset, step] : llvm::zip_equal(strides, getOffsets(), getStrides())) {
    base += offset * stride;
    stride *= step;
  }
  results.push_back(operands[0].gatherStrided(resultType(*this), base, strides));
  return success();
}

LogicalResult PadOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  RankedTensorType type = resultType(*this);
  Literal result(type);
  const Literal &input = operands[0];
  bool zeros = input.isSplat() &&
               (input.isFloat() ? input.getFloat(0) == 0 && !std::signbit(input.getFloat(0)) : input.getInt(0) == 0);
  if (!zeros) {
    SmallVector<int64_t> strides = rowMajorStrides(type.getShape());
    int64_t base = 0;
    for (auto [stride, low, interior] : llvm::zip_equal(strides, getLow(), getInterior())) {
      base += low * stride;
      stride *= interior + 1;
    }
    result.scatterStrided(input, base, strides);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult ConcatOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  RankedTensorType type = resultType(*this);
  auto sameAsFirst = [&](const Literal &other) {
    const Literal &first = operands.front();
    return other.isSplat() && (first.isFloat() ? first.getFloat(0) == other.getFloat(0) && first.getFloat(0) != 0
                                               : first.getInt(0) == other.getInt(0));
  };
  // Zeros of floats may differ in sign, hence the test above.
  if (llvm::all_of(operands, sameAsFirst)) {
    results.push_back(operands.front().withType(type));
    return success();
  }
  Literal result(type);
  SmallVector<int64_t> strides = rowMajorStrides(type.getShape());
  int64_t offset = 0;
  for (const Literal &operand : operands) {
    result.scatterStrided(operand, offset * strides[getDim()], strides);
    offset += operand.getShape()[getDim()];
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult IotaOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  RankedTensorType type = resultType(*this);
  SmallVector<int64_t> strides(type.getRank(), 0);
  strides[getDim()] = 1;
  if (isa<FloatType>(type.getElementType())) {
    std::vector<double> values;
    values.reserve(type.getNumElements());
    forEachStrided(type.getShape(), 0, strides, [&](int64_t index) { values.push_back(static_cast<double>(index)); });
    results.push_back(Literal::ofFloats(type, std::move(values)));
  } else {
    std::vector<int64_t> values;
    values.reserve(type.getNumElements());
    forEachStrided(type.getShape(), 0, strides, [&](int64_t index) { values.push_back(index); });
    results.push_back(Literal::ofInts(type, std::move(values)));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Indexed access
//===----------------------------------------------------------------------===//

/// Whether all indices lie in [0, size).
static bool inBounds(const Literal &indices, int64_t size) {
  int64_t count = indices.isSplat() ? std::min<int64_t>(1, indices.getNumElements()) : indices.getNumElements();
  for (int64_t i = 0; i < count; ++i)
    if (indices.getInt(i) < 0 || indices.getInt(i) >= size)
      return false;
  return true;
}

LogicalResult GatherOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &input = operands[0], &indices = operands[1];
  RankedTensorType type = resultType(*this);
  int64_t axis = getAxis(), size = input.getShape()[axis];
  if (!inBounds(indices, size))
    return failure();
  if (input.isSplat()) {
    results.push_back(input.withType(type));
    return success();
  }
  int64_t outer = product(input.getShape().take_front(axis)), inner = product(input.getShape().drop_front(axis + 1));
  int64_t count = indices.getNumElements();
  auto gather = [&](auto &&get, auto &values) {
    values.reserve(type.getNumElements());
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < count; ++i)
        for (int64_t j = 0; j < inner; ++j)
          values.push_back(get((o * size + indices.getInt(i)) * inner + j));
  };
  if (input.isFloat()) {
    std::vector<double> values;
    gather([&](int64_t i) { return input.getFloat(i); }, values);
    results.push_back(Literal::ofFloats(type, std::move(values)));
  } else {
    std::vector<int64_t> values;
    gather([&](int64_t i) { return input.getInt(i); }, values);
    results.push_back(Literal::ofInts(type, std::move(values)));
  }
  return success();
}

LogicalResult ScatterAddOp::evaluate(ArrayRef<Literal> operands, SmallVectorImpl<Literal> &results) {
  const Literal &updates = operands[0], &indices = operands[1];
  RankedTensorType type = resultType(*this);
  int64_t axis = getAxis(), size = type.getDimSize(axis);
  if (!inBounds(indices, size))
    return failure();
  int64_t outer = product(type.getShape().take_front(axis)), inner = product(type.getShape().drop_front(axis + 1));
  int64_t count = indices.getNumElements();
  auto scatter = [&](auto &&get, auto &values) {
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < count; ++i)
        for (int64_t j = 0; j < inner; ++j)
          values[(o * size + indices.getInt(i)) * inner + j] += get((o * count + i) * inner + j);
  };
  if (updates.isFloat()) {
    std::vector<double> values(type.getNumElements(), 0.0);
    scatter([&](int64_t i) { return updates.getFloat(i); }, values);
    results.push_back(Literal::ofFloats(type, std::move(values)));
  } else {
    std::vector<uint64_t> values(type.getNumElements(), 0);
    scatter([&](int64_t i) { return static_cast<uint64_t>(updates.getInt(i)); }, values);
    results.push_back(Literal::ofInts(type, std::vector<int64_t>(values.begin(), values.end())));
  }
  return success();
}

//===- Pooling.cpp - ONNX operators that combine the elements of windows -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A window over several dimensions is a window over one after another, and each
// of these combines as many strided slices as it has elements: docs/convolution.md
// says why there are no pooling ops.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Window.h"
#include <cmath>
#include <limits>

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

/// `x` with `value` around dimension `dim`.
static Value padWith(Build &e, Value x, int64_t dim, int64_t low, int64_t high, double value) {
  SmallVector<Value> parts;
  auto around = [&](int64_t size) {
    Shape shape(tensorType(x).getShape());
    shape[dim] = size;
    if (size > 0)
      parts.push_back(e.splat(tensorType(x).clone(shape), value));
  };
  around(low);
  parts.push_back(x);
  around(high);
  return e.concat(parts, dim);
}

/// Element `q` of every window along dimension `d` of the window, dimension `dim` of `padded`.
static Value elementOfWindows(Build &e, Value padded, const Window &w, size_t d, int64_t dim, int64_t q) {
  Shape offsets(tensorType(padded).getRank(), 0), strides(offsets.size(), 1), sizes(tensorType(padded).getShape());
  offsets[dim] = q * w.dilations[d];
  strides[dim] = w.strides[d];
  sizes[dim] = w.out[d];
  return e.slice(padded, offsets, sizes, strides);
}

/// The padding behind dimension `d` that the last window needs.
static int64_t reachBehind(const Window &w, size_t d, int64_t in) {
  return std::max<int64_t>(0, (w.out[d] - 1) * w.strides[d] + w.span(d) - in - w.low[d]);
}

/// Sums over the windows of `x`, whose dimensions from `first` on they slide over.
static Value sumOfWindows(Build &e, Value x, const Window &w, int64_t first) {
  for (size_t d = w.rank(); d-- > 0;) {
    int64_t dim = first + d, in = tensorType(x).getDimSize(dim);
    bool whole = w.out[d] == 1 && w.kernel[d] == in && w.low[d] == 0 && w.dilations[d] == 1;
    if (whole) {
      Shape shape(tensorType(x).getShape());
      shape[dim] = 1;
      x = e.reshape(e.sum(x, {dim}), shape);
      continue;
    }
    Value padded = padWith(e, x, dim, w.low[d], reachBehind(w, d, in), 0), sum;
    for (int64_t q = 0; q < w.kernel[d]; ++q) {
      Value part = elementOfWindows(e, padded, w, d, dim, q);
      sum = sum ? e.add(sum, part) : part;
    }
    x = sum;
  }
  return x;
}

/// Whether `x` comes before `y` in a maximum: it is as large, or it is no number.
static Value comesFirst(Build &e, Value x, Value y) {
  if (!isa<FloatType>(tensorType(x).getElementType()))
    return arith::CmpIOp::create(e.b, e.loc, arith::CmpIPredicate::sge, x, y);
  Value least = arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::OGE, x, y);
  return arith::OrIOp::create(e.b, e.loc, least, arith::CmpFOp::create(e.b, e.loc, arith::CmpFPredicate::UNO, x, x));
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// An error unless operand 0 has batch, channels and spatial dimensions of which none is empty.
static LogicalResult needSpatial(NodeImport &n) {
  if (n.rank(0) < 3)
    return n.error() << n.node.opType << " takes a batch of channels of spatial dimensions, not " << n.type(0);
  if (n.type(0).getNumElements() == 0)
    return n.error() << "operand '" << n.displayName(0) << "' is empty";
  return success();
}

static FailureOr<Window> readPool(NodeImport &n) {
  if (failed(needSpatial(n)))
    return failure();
  ArrayRef<int64_t> in = n.shape(0).drop_front(2);
  if (!n.hasAttr("kernel_shape")) {
    n.error() << "'kernel_shape' is missing";
    return failure();
  }
  FailureOr<Shape> kernel = spatialInts(n, "kernel_shape", in.size(), 1, 1);
  if (failed(kernel))
    return failure();
  return readWindow(n, *kernel, in, /*mayCeil=*/true);
}

/// Row-major positions in the whole tensor; `columnMajor`: with the first spatial dimension running fastest.
static Value positions(NodeImport &n, bool columnMajor) {
  Build &e = n.e;
  auto type = n.type(0).clone(e.b.getI64Type());
  int64_t rank = type.getRank();
  Shape order;
  for (int64_t d = 2; d < rank; ++d)
    order.push_back(columnMajor ? d : rank + 1 - d);
  order.append({1, 0});
  Value sum;
  int64_t stride = 1;
  for (int64_t d : order) {
    Value step = e.splat(type, static_cast<double>(stride)), part = e.mul(e.iota(type, d), step);
    sum = sum ? e.add(sum, part) : part;
    stride *= type.getDimSize(d);
  }
  return sum;
}

static LogicalResult maxPool(NodeImport &n) {
  FailureOr<Window> w = readPool(n);
  bool columnMajor = n.getInt("storage_order", 0) != 0;
  if (failed(w))
    return failure();
  if (n.elementType(0).isInteger(1))
    return n.error() << "MaxPool is not defined on booleans";
  Build &e = n.e;
  Value x = n.input(0), at = n.wants(1) ? positions(n, columnMajor) : Value();
  double least = n.isFloat(0) ? -std::numeric_limits<double>::infinity()
                              : -std::ldexp(1.0, n.elementType(0).getIntOrFloatBitWidth() - 1);
  // The last dimension first: of equal elements the one that comes first in row-major order is the maximum, and has
  // the gradient.
  for (size_t d = w->rank(); d-- > 0;) {
    int64_t dim = d + 2, in = tensorType(x).getDimSize(dim), behind = reachBehind(*w, d, in);
    Value padded = padWith(e, x, dim, w->low[d], behind, least);
    Value paddedAt = at ? padWith(e, at, dim, w->low[d], behind, 0) : Value();
    Value best, bestAt;
    for (int64_t q = 0; q < w->kernel[d]; ++q) {
      Value part = elementOfWindows(e, padded, *w, d, dim, q);
      Value partAt = at ? elementOfWindows(e, paddedAt, *w, d, dim, q) : Value();
      if (!best) {
        best = part;
        bestAt = partAt;
        continue;
      }
      Value stays = comesFirst(e, best, part);
      best = e.select(stays, best, part);
      if (at)
        bestAt = e.select(stays, bestAt, partAt);
    }
    x = best;
    at = bestAt;
  }
  if (n.wants(1))
    n.set(1, at);
  n.set(0, x);
  return success();
}

/// How many elements that count are in each window along dimension d.
static Shape countsOf(const Window &w, size_t d, int64_t in, bool countPadding) {
  int64_t begin = countPadding ? -w.low[d] : 0, end = countPadding ? in + w.high[d] : in;
  Shape counts;
  for (int64_t p = 0; p < w.out[d]; ++p) {
    int64_t count = 0;
    for (int64_t q = 0; q < w.kernel[d]; ++q) {
      int64_t at = p * w.strides[d] + q * w.dilations[d] - w.low[d];
      count += at >= begin && at < end;
    }
    // A window of padding only has a sum of zero, whatever it is divided by.
    counts.push_back(std::max<int64_t>(count, 1));
  }
  return counts;
}

static LogicalResult averagePool(NodeImport &n) {
  FailureOr<Window> w = readPool(n);
  bool countPadding = n.getInt("count_include_pad", 0) != 0;
  if (failed(w) || failed(n.needFloat()))
    return failure();
  Build &e = n.e;
  Value sum = sumOfWindows(e, n.input(0), *w, 2);
  RankedTensorType type = tensorType(sum);
  double common = 1;
  for (size_t d = 0; d < w->rank(); ++d) {
    Shape counts = countsOf(*w, d, n.shape(0)[d + 2], countPadding);
    if (llvm::all_equal(counts)) {
      common *= static_cast<double>(counts.front());
      continue;
    }
    std::vector<double> values(counts.begin(), counts.end());
    auto vector = RankedTensorType::get({static_cast<int64_t>(counts.size())}, type.getElementType());
    Value divisor = arith::ConstantOp::create(e.b, e.loc, Literal::ofFloats(vector, std::move(values)).toAttr());
    sum = e.div(sum, e.broadcast(divisor, {static_cast<int64_t>(d) + 2}, type.getShape()));
  }
  return n.done(common == 1 ? sum : e.div(sum, e.splatLike(sum, common)));
}

/// The p-th root of sums of p-th powers of absolute values.
template <typename Sum> static LogicalResult lpNorm(NodeImport &n, Sum sum) {
  int64_t p = n.getInt("p", 2);
  if (failed(n.needFloat()))
    return failure();
  if (p < 1)
    return n.error() << "'p' must be at least 1, not " << p;
  Build &e = n.e;
  Value x = n.input(0);
  if (p == 2)
    return n.done(e.sqrt(sum(e.mul(x, x))));
  Value size = e.max(x, e.neg(x));
  if (p == 1)
    return n.done(sum(size));
  Value total = sum(math::PowFOp::create(e.b, e.loc, size, e.splatLike(size, static_cast<double>(p))));
  return n.done(math::PowFOp::create(e.b, e.loc, total, e.splatLike(total, 1 / static_cast<double>(p))));
}

static LogicalResult lpPool(NodeImport &n) {
  FailureOr<Window> w = readPool(n);
  if (failed(w))
    return failure();
  return lpNorm(n, [&](Value x) { return sumOfWindows(n.e, x, *w, 2); });
}

/// x combined over all spatial dimensions, which stay with size 1.
static Value overSpatial(Build &e, ReduceKind kind, Value x) {
  Shape dims, shape(tensorType(x).getShape());
  for (int64_t d = 2, rank = shape.size(); d < rank; ++d) {
    dims.push_back(d);
    shape[d] = 1;
  }
  return e.reshape(e.reduce(kind, x, dims), shape);
}

static LogicalResult globalAveragePool(NodeImport &n) {
  if (failed(needSpatial(n)) || failed(n.needFloat()))
    return failure();
  Value sum = overSpatial(n.e, ReduceKind::sum, n.input(0));
  int64_t count = n.type(0).getNumElements() / tensorType(sum).getNumElements();
  return n.done(n.e.div(sum, n.e.splatLike(sum, static_cast<double>(count))));
}

static LogicalResult globalMaxPool(NodeImport &n) {
  if (failed(needSpatial(n)))
    return failure();
  return n.done(overSpatial(n.e, ReduceKind::max, n.input(0)));
}

static LogicalResult globalLpPool(NodeImport &n) {
  if (failed(needSpatial(n)))
    return failure();
  return lpNorm(n, [&](Value x) { return overSpatial(n.e, ReduceKind::sum, x); });
}

/// x / (bias + alpha/size * the sum of squares of neighbouring channels)^beta.
static LogicalResult localResponse(NodeImport &n) {
  double alpha = n.getFloat("alpha", 1e-4f), beta = n.getFloat("beta", 0.75), bias = n.getFloat("bias", 1);
  int64_t size = n.getInt("size", 0);
  if (failed(needSpatial(n)) || failed(n.needFloat()))
    return failure();
  if (size < 1 || size > kMaxElements)
    return n.error() << "'size' must be at least 1, not " << size;
  Build &e = n.e;
  Value x = n.input(0);
  Window w{{size}, {1}, {1}, {(size - 1) / 2}, {size - 1 - (size - 1) / 2}, {n.shape(0)[1]}};
  Value squares = sumOfWindows(e, e.mul(x, x), w, 1);
  Value offset = e.splatLike(x, bias);
  Value base = e.add(e.mul(squares, e.splatLike(x, alpha / static_cast<double>(size))), offset);
  return n.done(e.div(x, math::PowFOp::create(e.b, e.loc, base, e.splatLike(x, beta))));
}

void weft::registerPooling(OpTable &table) {
  table.add("MaxPool", maxPool, 1, 1, 2);
  table.add("AveragePool", averagePool, 1, 1);
  table.add("LpPool", lpPool, 1, 1);
  table.add("GlobalAveragePool", globalAveragePool, 1, 1);
  table.add("GlobalMaxPool", globalMaxPool, 1, 1);
  table.add("GlobalLpPool", globalLpPool, 1, 1);
  table.add("LRN", localResponse, 1, 1);
}

//===- Reduction.cpp - ONNX operators that combine elements along axes -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Counts.h"
#include <limits>

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

namespace {
/// What a reduction does besides combining.
enum class Form { Plain, Mean, L1, L2, SumSquare, LogSum, LogSumExp };
} // namespace

/// The axes, which moved from an attribute to an operand in the opset `operandSince`; all if none are given.
static FailureOr<Shape> reducedAxes(NodeImport &n, bool asOperand, bool &nothing) {
  nothing = asOperand && n.getInt("noop_with_empty_axes", 0) != 0;
  std::optional<Shape> list;
  if (!asOperand) {
    list = n.getInts("axes");
  } else if (n.has(1)) {
    FailureOr<Shape> given = n.constantInts(1, "axes");
    if (failed(given))
      return failure();
    if (!given->empty())
      list = *given;
  }
  if (list) {
    nothing = false;
    return n.axes(*list, n.rank(0));
  }
  return llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
}

/// `asOperandSince`: the opset in which the axes became an operand.
template <ReduceKind kind, Form form, int64_t asOperandSince = 18> static LogicalResult reduce(NodeImport &n) {
  bool keep = n.getInt("keepdims", 1) != 0, nothing = false;
  bool asOperand = n.opset >= asOperandSince;
  if (!asOperand && n.has(1))
    return n.error() << "axes are an attribute in opset " << n.opset;
  FailureOr<Shape> axes = reducedAxes(n, asOperand, nothing);
  if (failed(axes))
    return failure();
  if (form != Form::Plain && form != Form::SumSquare && form != Form::L1 && failed(n.needFloat()))
    return failure();
  bool compares = kind == ReduceKind::max || kind == ReduceKind::min, boolean = n.elementType(0).isInteger(1);
  if (boolean && !compares)
    return n.error() << n.node.opType << " is not defined on booleans";
  Build &e = n.e;
  Value x = n.input(0), result;
  if (nothing)
    axes->clear();
  int64_t count = 1;
  Shape kept(n.shape(0));
  for (int64_t axis : *axes) {
    count *= kept[axis];
    kept[axis] = 1;
  }
  if (count == 0 && (form == Form::Mean || (compares && !n.isFloat(0))))
    return n.error() << n.node.opType << " over no elements has no value";
  if (count == 0) {
    // The neutral element, and its logarithm.
    double neutral = kind == ReduceKind::prod  ? 1
                     : kind == ReduceKind::sum ? 0
                                               : std::numeric_limits<double>::infinity();
    if (kind == ReduceKind::max || form == Form::LogSum || form == Form::LogSumExp)
      neutral = -std::numeric_limits<double>::infinity();
    Shape dropped;
    for (auto [i, size] : llvm::enumerate(n.shape(0)))
      if (!llvm::is_contained(*axes, static_cast<int64_t>(i)))
        dropped.push_back(size);
    return n.done(e.splat(RankedTensorType::get(keep ? kept : dropped, n.elementType(0)), neutral));
  }
  if (boolean)
    x = e.cast(x, e.b.getI8Type());
  else if (compares)
    x = n.ordered(0);

  if (form == Form::L1)
    x = e.max(x, e.neg(x));
  if (form == Form::L2 || form == Form::SumSquare)
    x = e.mul(x, x);
  if (form == Form::LogSumExp) {
    // Shifted by the maximum, so that exp does not overflow.
    Value top = e.reduce(ReduceKind::max, x, *axes);
    x = e.exp(e.sub(x, e.broadcastAlong(top, *axes, n.shape(0))));
    result = e.add(e.log(e.sum(x, *axes)), top);
  } else {
    result = e.reduce(kind, x, *axes);
  }
  if (form == Form::Mean)
    result = e.div(result, e.splatLike(result, count));
  if (form == Form::L2)
    result = e.sqrt(result);
  if (form == Form::LogSum)
    result = e.log(result);
  if (boolean)
    result = e.cast(result, e.b.getI1Type());
  else if (compares)
    result = n.ordered(result, n.isUnsigned(0));
  return n.done(keep ? e.reshape(result, kept) : result);
}

static LogicalResult cumsum(NodeImport &n) {
  bool exclusive = n.getInt("exclusive", 0) != 0, reverse = n.getInt("reverse", 0) != 0;
  FailureOr<int64_t> given = constantCount(n, 1, "axis");
  if (failed(given))
    return failure();
  FailureOr<int64_t> axis = n.axis(*given, n.rank(0));
  if (failed(axis))
    return failure();
  return n.done(CumsumOp::create(n.e.b, n.e.loc, n.type(0), n.input(0), *axis, reverse, exclusive));
}

void weft::registerReduction(OpTable &table) {
  table.add("ReduceSum", reduce<ReduceKind::sum, Form::Plain, 13>, 1, 2);
  table.add("ReduceMean", reduce<ReduceKind::sum, Form::Mean>, 1, 2);
  table.add("ReduceMax", reduce<ReduceKind::max, Form::Plain>, 1, 2);
  table.add("ReduceMin", reduce<ReduceKind::min, Form::Plain>, 1, 2);
  table.add("ReduceProd", reduce<ReduceKind::prod, Form::Plain>, 1, 2);
  table.add("ReduceL1", reduce<ReduceKind::sum, Form::L1>, 1, 2);
  table.add("ReduceL2", reduce<ReduceKind::sum, Form::L2>, 1, 2);
  table.add("ReduceSumSquare", reduce<ReduceKind::sum, Form::SumSquare>, 1, 2);
  table.add("ReduceLogSum", reduce<ReduceKind::sum, Form::LogSum>, 1, 2);
  table.add("ReduceLogSumExp", reduce<ReduceKind::sum, Form::LogSumExp>, 1, 2);
  table.add("CumSum", cumsum, 2, 2);
  table.takeUnsigned(0, {"ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "CumSum"});
}

//===- RowStatistics.cpp - Statistics of the last dimension -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/RowStatistics.h"

using namespace mlir;
using namespace weft;

Type weft::statisticsType(Type elementType) {
  if (elementType.isF64())
    return elementType;
  return Float32Type::get(elementType.getContext());
}

Value weft::toStatistics(Build &e, Value x) { return e.cast(x, statisticsType(tensorType(x).getElementType())); }

Value weft::rowSum(Build &e, Value x) { return e.sum(x, {tensorType(x).getRank() - 1}); }

Value weft::rowMean(Build &e, Value x) {
  Value sum = rowSum(e, x);
  return e.mul(sum, e.splatLike(sum, 1.0 / tensorType(x).getShape().back()));
}

Value weft::broadcastRows(Build &e, Value rows, Value like) {
  RankedTensorType type = tensorType(like);
  return e.broadcastAlong(rows, {type.getRank() - 1}, type.getShape());
}

LayerNormRows weft::layerNormRows(Build &e, Value x, double eps) {
  Value centered = e.sub(x, broadcastRows(e, rowMean(e, x), x));
  Value variance = rowMean(e, e.mul(centered, centered));
  return {centered, e.rsqrt(e.add(variance, e.splatLike(variance, eps)))};
}

Value weft::rmsNormRstd(Build &e, Value x, double eps) {
  Value meanSquare = rowMean(e, e.mul(x, x));
  return e.rsqrt(e.add(meanSquare, e.splatLike(meanSquare, eps)));
}

Value weft::logSumExp(Build &e, Value x) {
  Value max = e.reduce(ReduceKind::max, x, {tensorType(x).getRank() - 1});
  Value sum = rowSum(e, e.exp(e.sub(x, broadcastRows(e, max, x))));
  return e.add(e.log(sum), max);
}

//===- RowStatistics.h - Statistics of the last dimension -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one way in which means, variances and log-sum-exps of rows are written.
// The decomposition of a composite op and its vector-Jacobian product both use
// it, so common subexpression elimination shares the statistics between the
// forward and the backward pass.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_ROWSTATISTICS_H
#define WEFT_DIALECTS_WEFT_ROWSTATISTICS_H

#include "dialects/weft/Build.h"

namespace weft {

/// The type in which statistics of `elementType` are computed: f64 for f64, else f32.
mlir::Type statisticsType(mlir::Type elementType);

/// `x` in its statistics type.
mlir::Value toStatistics(Build &e, mlir::Value x);

/// Sum over the last dimension, which is dropped.
mlir::Value rowSum(Build &e, mlir::Value x);

/// Sum over the last dimension times 1/n.
mlir::Value rowMean(Build &e, mlir::Value x);

/// `rows`, which lacks the last dimension of `like`, repeated along it.
mlir::Value broadcastRows(Build &e, mlir::Value rows, mlir::Value like);

/// What layer norm knows of its rows: x - mean, of x's shape, and
/// 1 / sqrt(variance + eps), without the last dimension.
struct LayerNormRows {
  mlir::Value centered, rstd;
};
LayerNormRows layerNormRows(Build &e, mlir::Value x, double eps);

/// 1 / sqrt(mean(x*x) + eps), without the last dimension.
mlir::Value rmsNormRstd(Build &e, mlir::Value x, double eps);

/// log(sum(exp(x - max))) + max, without the last dimension.
mlir::Value logSumExp(Build &e, mlir::Value x);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_ROWSTATISTICS_H

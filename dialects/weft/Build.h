//===- Build.h - Short ways to build tensor ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every function infers its result type and returns its operand where the op
// would do nothing.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_BUILD_H
#define WEFT_DIALECTS_WEFT_BUILD_H

#include "dialects/weft/Weft.h"
#include "mlir/IR/Builders.h"

namespace weft {

inline mlir::RankedTensorType tensorType(mlir::Value v) { return mlir::cast<mlir::RankedTensorType>(v.getType()); }

/// An insertion point and a location, for building expressions.
struct Build {
  mlir::OpBuilder &b;
  mlir::Location loc;

  using V = mlir::Value;
  using Dims = llvm::ArrayRef<int64_t>;

  /// A constant of `type` whose every element is `value`, rounded to the type.
  V splat(mlir::RankedTensorType type, double value);
  /// A splat with the type of `like`.
  V splatLike(V like, double value) { return splat(tensorType(like), value); }

  // Elementwise, for floats and integers; operands have equal types.
  V add(V x, V y);
  V sub(V x, V y);
  V mul(V x, V y);
  V div(V x, V y);
  V max(V x, V y);
  V min(V x, V y);
  V neg(V x);
  V select(V condition, V x, V y);
  /// `equal`, `less`: i1 tensors (ordered for floats, signed for integers).
  V equal(V x, V y);
  V less(V x, V y);
  V exp(V x);
  V log(V x);
  V sqrt(V x);
  V rsqrt(V x);
  V tanh(V x);
  V erf(V x);
  /// 1 / (1 + exp(-x)).
  V sigmoid(V x);
  /// Converts the elements: any of float, signed integer and i1 (unsigned) to any; floats to integers truncate.
  V cast(V x, mlir::Type elementType);

  V reduce(ReduceKind kind, V x, Dims dims);
  /// Sum over `dims`.
  V sum(V x, Dims dims) { return reduce(ReduceKind::sum, x, dims); }
  V broadcast(V x, Dims dims, Dims shape);
  /// Repeats a tensor that lacks dimensions `dims` of `shape` along them: the
  /// inverse of a reduction over `dims`.
  V broadcastAlong(V x, Dims dims, Dims shape);
  /// A scalar or a vector of the last dimension's size, repeated over `shape`.
  V broadcastLast(V x, Dims shape);
  V transpose(V x, Dims perm);
  V reshape(V x, Dims shape);
  V slice(V x, Dims offsets, Dims sizes, Dims strides = {});
  V concat(llvm::ArrayRef<V> xs, int64_t dim);
  V iota(mlir::RankedTensorType type, int64_t dim);
  V gather(V x, V indices, int64_t axis);
  V dot(V lhs, V rhs, Dims lhsBatch, Dims rhsBatch, Dims lhsContract, Dims rhsContract);
  V read(llvm::StringRef symbol, mlir::Type type);
  void write(llvm::StringRef symbol, V value);
};

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_BUILD_H

//===- FindCuts.h - Which dimensions a mesh is to cut -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SHARD_FINDCUTS_H
#define WEFT_PASSES_SHARD_FINDCUTS_H

#include "dialects/dist/Dist.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace weft {

/// A dimension of a value that an axis is to cut.
struct FoundCut {
  mlir::Operation *op = nullptr; ///< the forward op that says so
  int64_t operand = 0;           ///< of the op; for a read, its result
  int64_t dim = 0;
  std::string axis, why;
  int64_t priority = 0;

  /// The value that is cut.
  mlir::Value value() const;
};

/// What between blocks the ranks of `tp` hold.
enum class Between { Same, Positions, Samples };

/// The constraints that tensor parallelism puts on a task, found in its graph; docs/partitioning.md lists them. With
/// `remark`, a remark for each one that is padded. Nothing if the mesh has no `tp`. Fails with an error at an attention
/// whose heads do not divide.
mlir::FailureOr<llvm::SmallVector<FoundCut>> findCuts(mlir::func::FuncOp function, const dist::Mesh &mesh,
                                                      Between between, bool remark);

/// How many heads are made of what a norm makes, which is of all queries, or all keys, of a position; 0 if none are, or
/// the op is no norm.
int64_t headsMadeOf(mlir::Operation *norm);

/// PATTERN=AXIS:DIM or PATTERN=AXIS:none, of `--shard-param`.
struct ParameterCut {
  std::string text, pattern, axis;
  int64_t dim = -1; ///< -1: none, not cut on the axis
};

/// Reads one, for parameters of a module and its mesh. Reports what is wrong with it at the module.
mlir::FailureOr<ParameterCut> parseParameterCut(mlir::ModuleOp module, const dist::Mesh &mesh, llvm::StringRef text);

/// Whether the pattern, a glob, matches the name of a parameter or one of its aliases.
bool matches(const ParameterCut &cut, ParamOp param);

} // namespace weft

#endif // WEFT_PASSES_SHARD_FINDCUTS_H

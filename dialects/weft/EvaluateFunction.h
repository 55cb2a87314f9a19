//===- EvaluateFunction.h - Running a function on literals -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_EVALUATEFUNCTION_H
#define WEFT_DIALECTS_WEFT_EVALUATEFUNCTION_H

#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft {

/// The value that `weft.read` finds; nothing if the symbol is unknown.
using LookupFn = llvm::function_ref<std::optional<Literal>(llvm::StringRef symbol)>;
/// Receives what `weft.write` writes, in program order.
using SinkFn = llvm::function_ref<void(llvm::StringRef symbol, const Literal &value)>;

/// Runs a function of one block op by op through EvaluateOpInterface: the
/// reference that passes and gradients are compared with. `arguments` has one
/// literal of the right type per argument; `results` gets the returned values.
/// A read after a write of the same function sees what was written. Fails with an error
/// at the op that cannot be evaluated. Without `lookup` (`sink`), a read of an
/// unwritten symbol is an error (a write is only seen by later reads).
mlir::LogicalResult evaluateFunction(mlir::func::FuncOp function, llvm::ArrayRef<Literal> arguments,
                                     llvm::SmallVectorImpl<Literal> &results, LookupFn lookup = nullptr,
                                     SinkFn sink = nullptr);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_EVALUATEFUNCTION_H

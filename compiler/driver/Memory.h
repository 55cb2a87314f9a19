//===- Memory.h - A budget, and what stands in its way ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_MEMORY_H
#define WEFT_COMPILER_DRIVER_MEMORY_H

#include "compiler/driver/Options.h"
#include "mlir/IR/BuiltinOps.h"
#include "passes/schedule/ArenaReport.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <optional>

namespace weft {

/// The bytes that a rank would need under other options; none if they cannot be compiled.
using TryOptions = llvm::function_ref<std::optional<int64_t>(const CompileOptions &)>;

/// Says that the scheduled module, of which a rank needs so many bytes, does not fit: the peak, where in the step it
/// is, who holds most there, by layer, and the smallest set of options that fits, found by trying them.
void reportOverBudget(mlir::ModuleOp scheduled, const ArenaReport &arena, int64_t needed, const CompileOptions &options,
                      TryOptions tryOptions);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_MEMORY_H

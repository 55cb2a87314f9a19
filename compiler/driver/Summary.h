//===- Summary.h - What the compiler says on the way ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_SUMMARY_H
#define WEFT_COMPILER_DRIVER_SUMMARY_H

#include "compiler/driver/Options.h"
#include "compiler/import/onnx/OnnxImport.h"
#include "compiler/plan/Format.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

namespace weft {

struct Plan;
struct TaskMemoryPlan;
struct UpdateCounts;

/// Says what was imported: sizes, parameters, what was taken for what.
void printImport(const CompileOptions &options, const ImportReport &report, mlir::ModuleOp module);

/// Says what the executable will use, from its manifest.
void printMemory(const llvm::json::Object &manifest, llvm::raw_ostream &os);

/// Says what waits in host memory, if anything does.
void printHostMemory(const llvm::json::Object &manifest, llvm::raw_ostream &os);

/// Says where parameters are updated whose states wait in host memory.
void printUpdates(const UpdateCounts &updates, llvm::raw_ostream &os);

/// What becomes of gradients, and what that costs: how they are held, and bytes of one rank.
llvm::json::Object describeGradients(const CompileOptions &options, const Plan &plan,
                                     const llvm::json::Object &manifest);

/// Says it, from the manifest.
void printGradients(const llvm::json::Object &manifest, llvm::raw_ostream &os);

/// What becomes of the saved values of each block: runs of blocks that are alike, each with bytes. Empty where nothing
/// was decided.
llvm::json::Array describeSaved(llvm::ArrayRef<TaskMemoryPlan> plans);

/// Says what the backward pass computes again.
void printRecomputed(const std::string &strategy, llvm::ArrayRef<TaskMemoryPlan> plans, llvm::raw_ostream &os);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_SUMMARY_H

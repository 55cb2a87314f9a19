//===- TaskLowering.h - Tasks as functions that call the runtime -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_TASKLOWERING_H
#define WEFT_COMPILER_CODEGEN_TASKLOWERING_H

#include "dialects/exec/Exec.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"

namespace weft {

/// Replaces exec.task, exec.constant and exec.input ops, and weft's symbols, by
/// LLVM functions and globals: the symbols of docs/executable.md. How a kernel
/// is launched is the target's.
class TaskLowering {
public:
  explicit TaskLowering(mlir::ModuleOp module);
  virtual ~TaskLowering();
  void run(llvm::StringRef manifest);

protected:
  /// Emits a call that runs a kernel on the buffers whose addresses are in `arguments`.
  virtual void lowerLaunch(exec::LaunchOp launch) = 0;

  mlir::Value constant(mlir::Type type, int64_t value);
  /// Calls a runtime function that returns a `result`, or nothing; it is declared on first use.
  mlir::Value call(llvm::StringRef name, mlir::ValueRange operands, mlir::Type result = {});
  /// A symbol of the executable: bytes that never change.
  void defineData(llvm::StringRef name, llvm::StringRef bytes, unsigned alignment);

  mlir::ModuleOp module;
  mlir::OpBuilder builder;
  mlir::Location loc;
  mlir::Type ptr, i32, i64;
  mlir::Value context, arena, hostMemory, arguments; ///< of the task that is being lowered

private:
  std::string lowerTask(exec::TaskOp task);
  void lowerOp(mlir::Operation *op);
  void defineSymbols(llvm::ArrayRef<std::string> tasks, llvm::StringRef manifest);
  mlir::Value address(mlir::Value buffer);
  /// The `index`th of the task's slots for addresses.
  mlir::Value slot(int64_t index);
  /// Says on which stream what follows runs, where that is another one than before. A task begins on the first.
  void changeStream(mlir::Operation *op);

  llvm::SmallVector<llvm::StringRef> streams;
  llvm::StringRef stream;

  llvm::DenseMap<mlir::Value, mlir::Value> addresses;
};

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_TASKLOWERING_H

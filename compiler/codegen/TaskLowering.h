//===- TaskLowering.h - Tasks as functions that call the runtime -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_CODEGEN_TASKLOWERING_H
#define WEFT_COMPILER_CODEGEN_TASKLOWERING_H

#include "compiler/codegen/host/KernelEmitter.h"
#include "dialects/exec/Exec.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// Replaces exec.task, exec.constant and exec.input ops, and weft's symbols, by
/// LLVM functions and globals: the symbols of docs/executable.md. How a kernel
/// is launched is the target's.
class TaskLowering {
public:
  /// `hostKernels` says how each kernel is run that runs on the host: by now an LLVM function `name(buffers..., lo,
  /// hi)`.
  TaskLowering(mlir::ModuleOp module, const llvm::StringMap<ParallelExtent> &hostKernels);
  virtual ~TaskLowering();
  void run(llvm::StringRef manifest);

protected:
  /// The buffers whose addresses a launch passes, in order.
  virtual llvm::SmallVector<mlir::Value> launchBuffers(exec::LaunchOp launch) {
    return llvm::SmallVector<mlir::Value>(launch.getBuffers());
  }
  /// Emits a call that runs a kernel on the buffers whose addresses are in `arguments`.
  virtual void lowerLaunch(exec::LaunchOp launch) = 0;

  /// Emits such a call of a kernel that runs on the host.
  void launchOnHost(exec::LaunchOp launch);
  bool isHostKernel(llvm::StringRef name) const { return hostKernels.count(name); }

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
  /// A function that loads the addresses of a kernel's buffers and calls it.
  void addEntry(mlir::LLVM::LLVMFuncOp kernel);
  std::string lowerTask(exec::TaskOp task);
  void lowerOp(mlir::Operation *op);
  void defineSymbols(llvm::ArrayRef<std::string> tasks, llvm::StringRef manifest);
  mlir::Value address(mlir::Value buffer);
  /// The `index`th of the task's slots for addresses.
  mlir::Value slot(int64_t index);
  /// Says on which stream what follows runs, where that is another one than before. A task begins on the first.
  void changeStream(mlir::Operation *op);

  const llvm::StringMap<ParallelExtent> &hostKernels;
  llvm::SmallVector<llvm::StringRef> streams;
  llvm::StringRef stream;

  llvm::DenseMap<mlir::Value, mlir::Value> addresses;
};

} // namespace weft

#endif // WEFT_COMPILER_CODEGEN_TASKLOWERING_H

//===- Streams.h - Order across streams -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_STREAMS_H
#define WEFT_DIALECTS_EXEC_STREAMS_H

#include "dialects/exec/Exec.h"
#include "mlir/IR/BuiltinOps.h"

#define GET_OP_CLASSES
#include "dialects/exec/StreamOps.h.inc"

namespace weft::exec {

/// On a task of several streams: their names, the computing one first.
inline constexpr llvm::StringLiteral streamsAttr = "exec.streams";
/// On an op of such a task: the stream it runs on, where that is not the computing one.
inline constexpr llvm::StringLiteral streamAttr = "exec.stream";
/// On a call of such a task: its number, of 0, 1, ... in the task, and for each operand that it reads the number of the
/// call that wrote it, -1 for what was there before the task. weft-verify-schedule compares them with the buffers.
inline constexpr llvm::StringLiteral numberAttr = "exec.number", readsAttr = "exec.reads";
/// The name of the computing stream.
inline constexpr llvm::StringLiteral computeStream = "compute";

/// The streams of a task, the computing one first.
inline llvm::SmallVector<llvm::StringRef> streamsOf(TaskOp task) {
  llvm::SmallVector<llvm::StringRef> names;
  if (auto list = task->getAttrOfType<mlir::ArrayAttr>(streamsAttr))
    for (mlir::Attribute name : list)
      names.push_back(mlir::cast<mlir::StringAttr>(name).getValue());
  else
    names.push_back(computeStream);
  return names;
}

/// The streams of all tasks of a module, the computing one first: their numbers at run time.
inline llvm::SmallVector<llvm::StringRef> streamsOf(mlir::ModuleOp module) {
  llvm::SmallVector<llvm::StringRef> names = {computeStream};
  for (TaskOp task : module.getOps<TaskOp>())
    for (llvm::StringRef name : streamsOf(task))
      if (!llvm::is_contained(names, name))
        names.push_back(name);
  return names;
}

/// The stream of an op of a task.
inline llvm::StringRef streamOf(mlir::Operation *op) {
  auto name = op->getAttrOfType<mlir::StringAttr>(streamAttr);
  return name ? name.getValue() : llvm::StringRef(computeStream);
}

/// Whether an op is no work but order, or a place: it is no call that takes time.
inline bool isBookkeeping(mlir::Operation *op) { return mlir::isa<BufferOp, RecordOp, WaitOp>(op); }

} // namespace weft::exec

#endif // WEFT_DIALECTS_EXEC_STREAMS_H

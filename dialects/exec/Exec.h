//===- Exec.h - The exec dialect -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_EXEC_EXEC_H
#define WEFT_DIALECTS_EXEC_EXEC_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/exec/Dialect.h.inc"
#include "dialects/exec/Enums.h.inc"
#define GET_OP_CLASSES
#include "dialects/exec/Ops.h.inc"

namespace weft::exec {

/// Attribute names of a scheduled module, see ExecDialect.
inline constexpr llvm::StringLiteral arenaBytesAttr = "exec.arena_bytes";
inline constexpr llvm::StringLiteral persistentBytesAttr = "exec.persistent_bytes";
/// Bytes of host memory, and of its part that lives from step to step. Absent: none.
inline constexpr llvm::StringLiteral hostBytesAttr = "exec.host_bytes";
inline constexpr llvm::StringLiteral hostPersistentBytesAttr = "exec.host_persistent_bytes";
/// On a weft.state that lies in host memory: its offset counts from there.
inline constexpr llvm::StringLiteral hostAttr = "exec.host";
/// Byte offset in the arena, on weft.param and weft.state, and on exec.constant where the target has them there.
inline constexpr llvm::StringLiteral offsetAttr = "exec.offset";
/// On a kernel function: the indices of the arguments that its results are written to.
inline constexpr llvm::StringLiteral outputsAttr = "exec.outputs";
/// On a kernel function: bytes of scratch memory, which launches have as their last buffer. Absent: none.
inline constexpr llvm::StringLiteral scratchBytesAttr = "exec.scratch_bytes";
/// On a kernel function: its loop structure.
inline constexpr llvm::StringLiteral kindAttr = "exec.kind";
inline constexpr llvm::StringLiteral rowsAttr = "exec.rows";
inline constexpr llvm::StringLiteral colsAttr = "exec.cols";
/// On a fused op or a kernel function: it computes the same thing so many times, each time of its own inputs and to its
/// own results, which stand side by side. Absent: once.
inline constexpr llvm::StringLiteral membersAttr = "exec.members";
/// On a kernel function of several members: how many of its arguments are inputs. The others are results' alone.
inline constexpr llvm::StringLiteral inputsAttr = "exec.inputs";

int64_t membersOf(mlir::Operation *op);

} // namespace weft::exec

#endif // WEFT_DIALECTS_EXEC_EXEC_H

//===- Base.td - The exec dialect and its base classes -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What every file of the dialect's ops includes.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_BASE_TD
#define WEFT_EXEC_BASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ExecDialect : Dialect {
  let name = "exec";
  let cppNamespace = "::weft::exec";
  let summary = "What one rank does: tasks, kernels, library calls, buffers";
  let description = [{
    A scheduled module has these attributes: `exec.arena_bytes`, `exec.persistent_bytes`.
    `weft.param` and `weft.state` symbols carry `exec.offset`, their byte offset in the arena. A task of several streams
    lists them, `exec.streams`, the computing one first; an op on another one names it, `exec.stream`.
  }];
}

def KernelKind : I32EnumAttr<"KernelKind", "The loop structure of a kernel", [
    I32EnumAttrCase<"flat", 0>, I32EnumAttrCase<"row", 1>, I32EnumAttrCase<"column", 2>,
    I32EnumAttrCase<"scatter", 3>]> {
  let cppNamespace = "::weft::exec";
}

def StaticTensor : StaticShapeTensorOf<[AnyFloat, AnySignlessInteger]>;

/// What an op of a schedule does with a buffer. The schedule's verifier goes by it (docs/schedule.md).
def ReadBuffer : Arg<AnyMemRef, "", [MemRead]>;
def WrittenBuffer : Arg<AnyMemRef, "", [MemWrite]>;
def OptionalReadBuffer : Arg<Optional<AnyMemRef>, "", [MemRead]>;
def OptionalWrittenBuffer : Arg<Optional<AnyMemRef>, "", [MemWrite]>;
def ReadBuffers : Arg<Variadic<AnyMemRef>, "", [MemRead]>;
def WrittenBuffers : Arg<Variadic<AnyMemRef>, "", [MemWrite]>;

class ExecOp<string mnemonic, list<Trait> traits = []> : Op<ExecDialect, mnemonic, traits>;

#endif // WEFT_EXEC_BASE_TD

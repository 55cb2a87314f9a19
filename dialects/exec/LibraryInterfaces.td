//===- LibraryInterfaces.td - What a library computes -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An op that a library computes is written down twice: on tensors, where kernels
// are formed around it, and on buffers, as a call. Passes, manifest and code
// generation know both by these interfaces only (docs/schedule.md).
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_LIBRARYINTERFACES_TD
#define WEFT_EXEC_LIBRARYINTERFACES_TD

include "mlir/IR/OpBase.td"

def LibraryOpInterface : OpInterface<"LibraryOpInterface"> {
  let cppNamespace = "::weft::exec";
  let description = [{ An op on tensors that becomes one library call. }];
  let methods = [
    InterfaceMethod<"What people call it in a message: `matrix product`.", "::llvm::StringRef", "getLibraryName">,
    InterfaceMethod<[{
      Whether the call reads `operand`, which has a buffer, through whatever
      strides lead there; else the operand has to be materialized.
    }], "bool", "readsInPlace", (ins "::mlir::OpOperand &":$operand)>,
    InterfaceMethod<"Creates the call, on the buffers of the op's operands and results.",
                    "void", "emitCall", (ins "::mlir::OpBuilder &":$builder, "::weft::exec::CallBuffers &":$buffers)>
  ];
}

def LibraryCallInterface : OpInterface<"LibraryCallInterface"> {
  let cppNamespace = "::weft::exec";
  let description = [{
    A library call on buffers: an entry in one of the manifest's lists, and a call of the runtime with the entry's
    number and the buffers' addresses.
  }];
  let methods = [
    InterfaceMethod<"The manifest's list that has the call's entry: `matmuls`.", "::llvm::StringRef", "getListName">,
    InterfaceMethod<"The entry, as docs/executable.md specifies it.", "::llvm::json::Object", "describe">,
    InterfaceMethod<"The function of the runtime that is called.", "::llvm::StringRef", "getRuntimeFunction">,
    InterfaceMethod<"Its buffers, in the order of the function's parameters; null for one that is absent.",
                    "::llvm::SmallVector<::mlir::Value>", "getCallBuffers">,
    InterfaceMethod<[{
      Buffers that are passed as arrays of addresses, in front of the others.
    }], "::llvm::SmallVector<::llvm::SmallVector<::mlir::Value>>", "getBufferArrays", (ins), "", "return {};">,
    InterfaceMethod<"Operations; a multiply-add is two.", "double", "getFlops">,
    InterfaceMethod<"The buffer that the library uses as it likes; null if there is none.",
                    "::mlir::Value", "getWorkspaceBuffer">
  ];
}

#endif // WEFT_EXEC_LIBRARYINTERFACES_TD

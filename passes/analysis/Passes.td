//===- Passes.td - Passes that only report -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def PrintInterfaces : Pass<"weft-print-interfaces"> {
  let summary = "One remark per op: its sharding rule and its cost at its own shapes";
  let description = [{
    The remark is at the op: `sharding RULE; cost N flops, N bytes read, N bytes written`, a part for each interface
    the op has, in the notation of docs/interfaces.md. Nothing is changed.
  }];
}

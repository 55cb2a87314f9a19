//===- Passes.td - From kernels to a schedule -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def Schedule : Pass<"weft-schedule", "::mlir::ModuleOp"> {
  let summary = "Orders the work, outlines kernels and places every buffer in one arena";
  let description = [{
    Before: functions of fused kernels and library calls (weft-form-kernels). After: `exec.task`s on buffers,
    deduplicated kernel functions, `exec.input`s and `exec.constant`s, and every parameter and state at its offset.
    docs/schedule.md says what holds.
  }];
  let statistics = [
    Statistic<"numLaunches", "launches", "Kernel launches">,
    Statistic<"numKernels", "kernels", "Distinct kernels">,
    Statistic<"numInPlace", "in-place", "Results written over an operand">
  ];
  let dependentDialects = ["::weft::exec::ExecDialect", "::mlir::memref::MemRefDialect"];
}

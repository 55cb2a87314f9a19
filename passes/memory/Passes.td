//===- Passes.td - What is kept, computed again or moved away -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def PlanMemory : Pass<"weft-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Decides which values survive the forward pass, and computes the others again in the backward pass";
  let description = [{
    Before: tasks of fused kernels and library calls (weft-form-kernels). After: the same results, bit for bit; ops in the
    backward pass read clones of forward ops, tagged `recompute`, instead of what was not kept. docs/memory.md says how
    values are chosen.
  }];
  let options = [
    Option<"remat", "remat", "std::string", "\"none\"", "none, each, contiguous, group_N, selective, auto">,
    Option<"limit", "limit", "int64_t", "0", "With auto: bytes of temporaries that may be alive at once; 0: any">
  ];
  let statistics = [
    Statistic<"numClones", "clones", "Kernels and calls that run again">,
    Statistic<"numDropped", "dropped", "Values that do not survive the forward pass">
  ];
  let dependentDialects = ["::weft::exec::ExecDialect"];
}

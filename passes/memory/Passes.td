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
    Option<"limit", "limit", "int64_t", "0", "With auto: bytes of temporaries that may be alive at once; 0: any">,
    Option<"horizon", "horizon", "int64_t", "0",
           "With auto and a limit: values may wait in host memory, and copies may be so many blocks behind or ahead; 0: none may">
  ];
  let statistics = [
    Statistic<"numClones", "clones", "Kernels and calls that run again">,
    Statistic<"numDropped", "dropped", "Values that do not survive the forward pass">
  ];
  let dependentDialects = ["::weft::exec::ExecDialect"];
}

def Offload : Pass<"weft-offload", "::mlir::ModuleOp"> {
  let summary = "Moves what is not needed for a while to host memory and back";
  let description = [{
    Between weft-plan-memory and weft-schedule. Inserts `exec.transfer`s, and marks states that lie in host memory. The
    results are the same, bit for bit. docs/memory.md says what moves and when.
  }];
  let options = [
    Option<"activations", "activations", "bool", "false", "What the backward pass reads of the forward pass">,
    Option<"decided", "decided", "bool", "false", "Of that, what weft-plan-memory decided to offload, and nothing else">,
    Option<"optimizer", "optimizer", "bool", "false", "Moments and master weights">,
    Option<"updates", "updates", "std::string", "\"auto\"",
           "Where updates of parameters whose states are in host memory run: host, device, or auto, where they are faster">,
    Option<"horizon", "horizon", "int64_t", "2", "Blocks, or updates, that transfers may be behind or ahead">
  ];
  let statistics = [
    Statistic<"numActivations", "activations", "Saved values that wait in host memory">,
    Statistic<"numStates", "states", "States that lie in host memory">,
    Statistic<"numHostUpdates", "host-updates", "Updates that run on the host">
  ];
  let dependentDialects = ["::weft::exec::ExecDialect"];
}
